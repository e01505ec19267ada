"""What debtors told on their page and nobody has dealt with: proofs of payment, hardship, insolvency, promises broken.

Each is a hold on one or more claims. A proof is answered; the others are looked at, which changes nothing of the hold.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ColumnElement, exists, func, or_, select
from sqlalchemy.orm import Session

from gateway.core import documents
from gateway.core.crypto import Keyring
from gateway.core.db import merchant_of
from gateway.core.documents import Document, Owner
from gateway.core.errors import NotFound
from gateway.receivables import claims, debtor_acts, debtor_letters, debtors
from gateway.receivables.agreement_models import DebtorAct
from gateway.receivables.changes import LiftHold
from gateway.receivables.claims import Payment
from gateway.receivables.keys import Keys
from gateway.receivables.letter_model import Kind
from gateway.receivables.models import Claim, ClaimHold
from gateway.shops import buyers

PROOF, PROMISE = "probable_payment", "promise"
LOOKED_AT = ("hardship", "insolvency", "death", "guardianship")
MOST = 200
"""Holds that a page looks at, the oldest first."""
_DOCUMENTS = "document:"


class NoticeUnknown(NotFound):
    """There is no such notice of a debtor, or it was dealt with already."""


@dataclass(frozen=True, slots=True)
class Told:
    """One thing told, over its claims. `kind` is the hold's reason."""

    kind: str
    holds: tuple[ClaimHold, ...]
    claims: tuple[Claim, ...]
    files: tuple[tuple[UUID, str], ...] = ()
    """(document, name) of a proof; empty once the buyer is erased."""

    @property
    def id(self) -> UUID:
        return self.holds[0].id

    @property
    def at(self) -> datetime:
        return self.holds[0].set_at

    @property
    def until_on(self) -> date | None:
        return self.holds[0].until_on


@dataclass(frozen=True, slots=True)
class Found:
    """The money of a proof as the account shows it."""

    amount_minor: int
    paid_on: date


def list_told(session: Session, keyring: Keyring) -> list[Told]:
    """What waits for somebody, the oldest first."""
    joined = (Claim.merchant_id == ClaimHold.merchant_id) & (Claim.id == ClaimHold.claim_id)
    wanted = select(ClaimHold, Claim).join(Claim, joined).where(*_waiting(session))
    groups: dict[tuple[str, str], list[tuple[ClaimHold, Claim]]] = {}
    for hold, claim in session.execute(wanted.order_by(ClaimHold.id).limit(MOST)):
        groups.setdefault((hold.reason, hold.cause or str(hold.id)), []).append((hold, claim))
    return [_told(session, keyring, pairs) for pairs in groups.values()]


def count(session: Session, limit: int = 100) -> int:
    """How many holds wait, counted up to the limit."""
    joined = (Claim.merchant_id == ClaimHold.merchant_id) & (Claim.id == ClaimHold.claim_id)
    some = select(ClaimHold.cause).join(Claim, joined).where(*_waiting(session)).distinct().limit(limit).subquery()
    return session.scalar(select(func.count()).select_from(some)) or 0


def look(session: Session, hold_id: UUID, actor: str, now: datetime) -> None:
    """Somebody has seen it; the hold stays as it is. A proof is answered instead. Raises NoticeUnknown."""
    for hold, claim in _group(session, hold_id):
        if hold.reason == PROOF:
            raise NoticeUnknown
        debtor_acts.look(session, claim.buyer_id, hold.id, actor, now)


def found(session: Session, keyring: Keyring, hold_id: UUID, money: Found, actor: str, now: datetime) -> None:
    """The money of a proof is there: it is booked, over all claims of the proof, and their holds end.

    Raises NoticeUnknown, Invalid.
    """
    pairs, keys = _proof(session, hold_id), Keys(keyring)
    _lift(session, keys, pairs, "kept", actor, now)
    claim = pairs[0][1]
    told = (claim.id, "desk", f"proof:{pairs[0][0].id}", money.paid_on, money.amount_minor, claim.currency)
    debtors.receive_for_claim(session, keys, Payment(*told, actor=actor), now)


def missing(session: Session, keyring: Keyring, hold_id: UUID, actor: str, now: datetime) -> None:
    """The money is not there: the holds end, and the debtor gets that in writing. Raises NoticeUnknown."""
    pairs = _proof(session, hold_id)
    _lift(session, Keys(keyring), pairs, "lifted", actor, now)
    debtor_letters.tell_each(session, Kind.PAYMENT_NOT_FOUND, [claim for _, claim in pairs], None, now)


def file_of(session: Session, keyring: Keyring, hold_id: UUID, document_id: UUID) -> tuple[Document, str, bytes]:
    """A file of a proof with its name and content. Raises NotFound."""
    hold = session.get(ClaimHold, (merchant_of(session), hold_id))
    if hold is None or document_id not in _document_ids(hold):
        raise NotFound(thing="document")
    claim = claims.get(session, hold.claim_id)
    key = buyers.find_key(session, keyring, claim.buyer_id)
    if key is None:
        raise NotFound(thing="document")
    document = documents.get(session, document_id)
    return document, documents.name_of(document, key), documents.load(session, Owner(claim.buyer_id, key), document_id)


def claim_of(session: Session, hold_id: UUID) -> UUID:
    """The first claim it is about, whose currency its money is in. Raises NoticeUnknown."""
    return _group(session, hold_id)[0][1].id


def _waiting(session: Session) -> tuple[ColumnElement[bool], ...]:
    """Told by the debtor himself, on a claim that is open, and not dealt with."""
    running = ClaimHold.lifted_at.is_(None) & ClaimHold.reason.in_((PROOF, *LOOKED_AT))
    broken = (ClaimHold.reason == PROMISE) & (ClaimHold.outcome == "broken")
    seen = exists().where(
        DebtorAct.merchant_id == ClaimHold.merchant_id, DebtorAct.id == ClaimHold.id, DebtorAct.kind == debtor_acts.SEEN
    )
    mine = ClaimHold.merchant_id == merchant_of(session)
    return mine, ClaimHold.set_by.startswith("buyer:"), or_(running, broken), Claim.closed_at.is_(None), ~seen


def _told(session: Session, keyring: Keyring, pairs: Sequence[tuple[ClaimHold, Claim]]) -> Told:
    hold, claim = pairs[0]
    key = buyers.find_key(session, keyring, claim.buyer_id)
    ids = _document_ids(hold) if key is not None else ()
    files = tuple((id_, documents.name_of(documents.get(session, id_), key)) for id_ in ids if key is not None)
    return Told(hold.reason, tuple(one for one, _ in pairs), tuple(one for _, one in pairs), files)


def _document_ids(hold: ClaimHold) -> tuple[UUID, ...]:
    if hold.reason != PROOF or not hold.cause.startswith(_DOCUMENTS):
        return ()
    return tuple(UUID(one) for one in hold.cause.removeprefix(_DOCUMENTS).split(","))


def _group(session: Session, hold_id: UUID) -> list[tuple[ClaimHold, Claim]]:
    """The holds told together with this one, their claims locked. Raises NoticeUnknown."""
    merchant_id = merchant_of(session)
    one = session.get(ClaimHold, (merchant_id, hold_id))
    if one is None:
        raise NoticeUnknown
    owner = claims.get(session, one.claim_id).buyer_id
    mine = Claim.merchant_id == merchant_id, Claim.buyer_id == owner
    rows = session.scalars(select(Claim).where(*mine).order_by(Claim.id).with_for_update()).all()
    joined = (Claim.merchant_id == ClaimHold.merchant_id) & (Claim.id == ClaimHold.claim_id)
    same = (
        ClaimHold.reason == one.reason,
        ClaimHold.cause == one.cause,
        ClaimHold.claim_id.in_([row.id for row in rows]),
    )
    wanted = select(ClaimHold, Claim).join(Claim, joined).where(*_waiting(session), *same).order_by(ClaimHold.id)
    fresh = wanted.execution_options(populate_existing=True)
    pairs = [(hold, claim) for hold, claim in session.execute(fresh) if one.cause or hold.id == one.id]
    if hold_id not in {hold.id for hold, _ in pairs}:
        raise NoticeUnknown
    return pairs


def _proof(session: Session, hold_id: UUID) -> list[tuple[ClaimHold, Claim]]:
    pairs = _group(session, hold_id)
    if pairs[0][0].reason != PROOF:
        raise NoticeUnknown
    return pairs


def _lift(
    session: Session, keys: Keys, pairs: Iterable[tuple[ClaimHold, Claim]], outcome: str, actor: str, now: datetime
) -> None:
    ended = [(claim.id, [LiftHold(hold.id, outcome, actor=actor)]) for hold, claim in pairs]
    claims.apply_many(session, keys, ended, now)
