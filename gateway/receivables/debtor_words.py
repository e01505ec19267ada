"""What a debtor says beside the claim itself: feedback on how he is dunned, and the wish to be called."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gateway.core.crypto import Keyring, seal, unseal
from gateway.core.db import merchant_of
from gateway.core.errors import Invalid
from gateway.core.ids import new_id
from gateway.receivables import calls
from gateway.receivables.agreement_models import DebtorFeedback
from gateway.receivables.keys import Keys
from gateway.shops import buyers
from gateway.shops.buyers import BuyerErased

GRADES = range(1, 6)
MAX_WORDS, MAX_PHONE, MAX_WHEN = 2000, 40, 200
MAX_PAGE = 200


@dataclass(frozen=True, slots=True)
class Feedback:
    """What the debtor thinks of how he was dunned: 1 (bad) to 5 (good), and words."""

    buyer_id: UUID
    grade: int
    words: str = field(default="", repr=False)
    letter_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Summary:
    """Feedback in sum: how often which grade, and the newest words."""

    counts: dict[int, int]
    words: tuple[tuple[datetime, int, str], ...] = field(repr=False)

    @property
    def count(self) -> int:
        return sum(self.counts.values())

    @property
    def tenths(self) -> int:
        """The mean grade in tenths, rounded half up; 0 where there is none."""
        total = sum(grade * count for grade, count in self.counts.items())
        return (20 * total + self.count) // (2 * self.count) if self.count else 0


def give_feedback(session: Session, keyring: Keyring, given: Feedback, now: datetime) -> UUID:
    """Raises Invalid, BuyerErased."""
    if given.grade not in GRADES:
        raise Invalid.at("/grade", "is 1 to 5")
    if len(given.words) > MAX_WORDS:
        raise Invalid.at("/words", f"has at most {MAX_WORDS} letters")
    id_ = new_id()
    words = given.words.strip()
    sealed = seal(_key(session, keyring, given.buyer_id), words.encode(), _context(id_)) if words else None
    row = {"merchant_id": merchant_of(session), "id": id_, "buyer_id": given.buyer_id, "letter_id": given.letter_id}
    session.add(DebtorFeedback(**row, grade=given.grade, words_sealed=sealed, at=now))
    session.flush()
    return id_


def summary(session: Session, keyring: Keyring, since: datetime, limit: int = 50) -> Summary:
    """Since a moment; words of erased buyers are gone."""
    mine = DebtorFeedback.merchant_id == merchant_of(session), DebtorFeedback.at >= since
    found = session.execute(
        select(DebtorFeedback.grade, func.count().label("seen")).where(*mine).group_by(DebtorFeedback.grade)
    )
    written = select(DebtorFeedback).where(*mine, DebtorFeedback.words_sealed.is_not(None))
    rows = session.scalars(written.order_by(DebtorFeedback.at.desc()).limit(min(limit, MAX_PAGE))).all()
    counts = dict.fromkeys(GRADES, 0) | {row.grade: int(row.seen) for row in found}
    return Summary(counts, _told(session, keyring, rows))


@dataclass(frozen=True, slots=True)
class CallWish:
    """He asks to be called. `cause` is his form's own (`asked:…`), so that it counts once."""

    shop_id: UUID
    buyer_id: UUID
    live: bool
    cause: str
    phone: str = field(repr=False)
    when: str = field(default="", repr=False)


def ask_for_call(session: Session, keyring: Keyring, wish: CallWish, due_on: date) -> None:
    """A task for whoever calls, among those of the dunning policy. Raises Invalid, BuyerErased."""
    phone, when = wish.phone.strip(), wish.when.strip()
    if not any(letter.isdigit() for letter in phone) or len(phone) > MAX_PHONE:
        raise Invalid.at("/phone", "is a telephone number")
    if len(when) > MAX_WHEN:
        raise Invalid.at("/when", f"has at most {MAX_WHEN} letters")
    said = f"{phone} {when}".strip()
    wanted = calls.Wanted(wish.shop_id, wish.buyer_id, wish.cause, due_on, None, wish.live, said)
    calls.open_for(session, [wanted], Keys(keyring))


def _told(session: Session, keyring: Keyring, rows: Sequence[DebtorFeedback]) -> tuple[tuple[datetime, int, str], ...]:
    keys = {buyer_id: buyers.find_key(session, keyring, buyer_id) for buyer_id in {row.buyer_id for row in rows}}
    return tuple(
        (row.at, row.grade, unseal(key, row.words_sealed, _context(row.id)).decode())
        for row in rows
        if (key := keys[row.buyer_id]) is not None and row.words_sealed is not None
    )


def _key(session: Session, keyring: Keyring, buyer_id: UUID) -> bytes:
    key = buyers.find_key(session, keyring, buyer_id, hold=True)
    if key is None:
        raise BuyerErased
    return key


def _context(id_: UUID) -> str:
    return f"debtor_feedback.words:{id_}"
