"""Objections: raised by the debtor, answered by the merchant; while one is open nothing escalates and no bureau is named.

What the debtor writes and what he is answered is sealed with his key. Each step is told to him in writing, and whether the
objection was justified is recorded with grounds: dunning policies and the checkout learn from that, not from the fact that
somebody objected.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gateway.core import documents
from gateway.core.clock import local_date
from gateway.core.crypto import Keyring, seal, unseal
from gateway.core.db import merchant_of
from gateway.core.documents import Document, File, Owner
from gateway.core.errors import Invalid, NotFound, Refused
from gateway.core.ids import new_id
from gateway.core.states import Lifecycle
from gateway.receivables import agreements, claims, debtor_letters, letters, plans, uploads
from gateway.receivables.agreement_models import Objection, ObjectionDocument
from gateway.receivables.changes import DecideObjection, Object, SetHold, WithdrawObjection
from gateway.receivables.debtor_letters import Telling
from gateway.receivables.keys import Keys
from gateway.receivables.letter_model import Kind
from gateway.receivables.models import Claim
from gateway.receivables.promises import owed_on
from gateway.shops import buyers, shops
from gateway.shops.buyers import BuyerErased

CATEGORIES = (
    "not_ordered",
    "not_received",
    "returned",
    "defective",
    "wrong_amount",
    "already_paid",
    "not_my_debt",
    "too_young",
    "other",
)
"""`not_my_debt` is identity misuse as well; `too_young` is for guardians too."""
FINDINGS = ("justified", "partly", "pretext", "unclear")
CHANNELS = ("portal", "api", "desk", "letter", "phone", "email")
MAX_WORDS, MAX_PAGE = 4000, 200
LIFECYCLE = Lifecycle(
    "objection",
    "OPEN",
    {("OPEN", "accept"): "ACCEPTED", ("OPEN", "reject"): "REJECTED", ("OPEN", "withdraw"): "WITHDRAWN"},
)


class ObjectionUnknown(NotFound):
    """There is no such objection."""


class AlreadyObjected(Refused):
    """This claim is disputed already; the answer to that objection comes first."""


@dataclass(frozen=True, slots=True)
class NewObjection:
    """What the debtor says. `amount_minor` is the disputed part; None for all of it."""

    claim_id: UUID
    category: str
    raised_by: str
    channel: str = "portal"
    amount_minor: int | None = None
    words: str = field(default="", repr=False)
    files: tuple[File, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Verdict:
    """How the merchant answers. `credit_minor` of an accepted objection; None for all that was disputed."""

    outcome: str
    """`accepted` or `rejected`."""
    answer: str = field(repr=False)
    finding: str
    grounds: str = field(repr=False)
    actor: str
    credit_minor: int | None = None


@dataclass(frozen=True, slots=True)
class ObjectionView:
    """An objection with its claim, words and files; words are empty once the buyer is erased."""

    row: Objection
    claim: Claim
    words: str = field(repr=False)
    answer: str = field(repr=False)
    grounds: str = field(repr=False)
    files: tuple[Document, ...] = ()
    file_names: tuple[str, ...] = field(default=(), repr=False)


def lodge(session: Session, keyring: Keyring, new: NewObjection, now: datetime) -> Objection:
    """Take an objection in: the claim is disputed at once. Raises Invalid, AlreadyObjected, UploadRefused, BuyerErased."""
    letters.stop_demands(session, Keys(keyring), new.claim_id, "objection", now)
    claim = _claim(session, new.claim_id)
    today = _today(session, claim, now)
    _check(new, owed_on(session, claim, today))
    if open_of(session, [claim.id]):
        raise AlreadyObjected
    row = Objection(
        merchant_id=merchant_of(session),
        id=new_id(),
        claim_id=claim.id,
        buyer_id=claim.buyer_id,
        live=claim.live,
        category=new.category,
        amount_minor=new.amount_minor,
        channel=new.channel,
        state=LIFECYCLE.start,
        raised_by=new.raised_by,
        raised_at=now,
        due_on=today + timedelta(days=agreements.limits_of(session, claim.shop_id).objection_days),
    )
    key = _key(session, keyring, claim.buyer_id)
    row.words_sealed = _sealed(key, row.id, "words", new.words)
    session.add(row)
    session.flush()
    _attach(session, keyring, row, new.files, now)
    claims.apply(session, Keys(keyring), claim.id, Object(row.id, actor=new.raised_by), now)
    _tell(session, Kind.OBJECTION_RECEIVED, row, now)
    return row


def decide(session: Session, keyring: Keyring, objection_id: UUID, verdict: Verdict, now: datetime) -> Objection:
    """Answer it. Raises ObjectionUnknown, Invalid, Refused when it has ended."""
    row = _locked(session, objection_id)
    claim = _claim(session, row.claim_id)
    _check_verdict(verdict)
    accepted = verdict.outcome == "accepted"
    row.state = LIFECYCLE.after(row.state, "accept" if accepted else "reject")
    row.finding, row.decided_by, row.decided_at = verdict.finding, verdict.actor, now
    row.credit_minor = _credit(row, verdict) if accepted else None
    key = buyers.find_key(session, keyring, row.buyer_id)
    if key is not None:
        row.answer_sealed = _sealed(key, row.id, "answer", verdict.answer)
        row.grounds_sealed = _sealed(key, row.id, "grounds", verdict.grounds)
    session.flush()
    change = DecideObjection(row.id, verdict.outcome, row.credit_minor, actor=verdict.actor)
    claims.apply(session, Keys(keyring), claim.id, change, now)
    _after(session, keyring, row, claim, verdict.actor, now)
    return row


def withdraw(session: Session, keyring: Keyring, objection_id: UUID, actor: str, now: datetime) -> Objection:
    """The debtor takes it back. Raises ObjectionUnknown, Refused when it has ended."""
    row = _locked(session, objection_id)
    row.state = LIFECYCLE.after(row.state, "withdraw")
    row.decided_by, row.decided_at = actor, now
    session.flush()
    claims.apply(session, Keys(keyring), row.claim_id, WithdrawObjection(row.id, actor=actor), now)
    plans.resume(session, keyring, row.claim_id, actor, now)
    return row


def get(session: Session, keyring: Keyring, objection_id: UUID) -> ObjectionView:
    """Raises ObjectionUnknown."""
    row = session.get(Objection, (merchant_of(session), objection_id))
    if row is None:
        raise ObjectionUnknown
    return views(session, keyring, [row])[0]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which objections: open ones by deadline, ended ones the newest first."""

    state: str = "OPEN"
    shop_id: UUID | None = None
    claim_ids: tuple[UUID, ...] | None = None
    before: UUID | None = None


def list_objections(session: Session, wanted: Wanted, limit: int = 50) -> list[Objection]:
    chosen = select(Objection).where(Objection.merchant_id == merchant_of(session))
    if wanted.state:
        chosen = chosen.where(Objection.state == wanted.state)
    if wanted.shop_id is not None:
        in_shop = select(Claim.id).where(Claim.merchant_id == merchant_of(session), Claim.shop_id == wanted.shop_id)
        chosen = chosen.where(Objection.claim_id.in_(in_shop))
    if wanted.claim_ids is not None:
        chosen = chosen.where(Objection.claim_id.in_(wanted.claim_ids))
    if wanted.before is not None:
        chosen = chosen.where(Objection.id < wanted.before)
    order = (Objection.due_on, Objection.id) if wanted.state == "OPEN" else (Objection.id.desc(),)
    return list(session.scalars(chosen.order_by(*order).limit(min(limit, MAX_PAGE))))


def list_ended(session: Session, before: UUID | None, limit: int = 50) -> list[Objection]:
    """Answered and withdrawn ones, the newest first."""
    mine = Objection.merchant_id == merchant_of(session), Objection.state != "OPEN"
    chosen = select(Objection).where(*mine)
    if before is not None:
        chosen = chosen.where(Objection.id < before)
    return list(session.scalars(chosen.order_by(Objection.id.desc()).limit(min(limit, MAX_PAGE))))


def open_of(session: Session, claim_ids: Sequence[UUID]) -> list[Objection]:
    """Objections of these claims that wait for an answer."""
    return list_objections(session, Wanted(claim_ids=tuple(claim_ids)), MAX_PAGE)


def count_open(session: Session, limit: int = 100) -> int:
    """For the menu; counted up to `limit`."""
    mine = Objection.merchant_id == merchant_of(session), Objection.state == "OPEN"
    return (
        session.scalar(select(func.count()).select_from(select(Objection.id).where(*mine).limit(limit).subquery())) or 0
    )


def views(session: Session, keyring: Keyring, rows: Sequence[Objection]) -> list[ObjectionView]:
    """With claims, words and files, in a fixed number of queries beside one key per buyer."""
    merchant_id = merchant_of(session)
    wanted = Claim.merchant_id == merchant_id, Claim.id.in_({row.claim_id for row in rows})
    known = {claim.id: claim for claim in session.scalars(select(Claim).where(*wanted))}
    keys = {buyer_id: buyers.find_key(session, keyring, buyer_id) for buyer_id in {row.buyer_id for row in rows}}
    files = _files(session, [row.id for row in rows])
    return [_view(row, known[row.claim_id], keys[row.buyer_id], files.get(row.id, ())) for row in rows]


def file_of(session: Session, keyring: Keyring, objection_id: UUID, document_id: UUID) -> tuple[Document, str, bytes]:
    """One uploaded file with its name and content. Raises NotFound."""
    row = session.get(Objection, (merchant_of(session), objection_id))
    attached = session.get(ObjectionDocument, (merchant_of(session), objection_id, document_id))
    key = buyers.find_key(session, keyring, row.buyer_id) if row is not None else None
    if row is None or attached is None or key is None:
        raise NotFound(thing="document")
    document = documents.get(session, document_id)
    return document, documents.name_of(document, key), documents.load(session, Owner(row.buyer_id, key), document_id)


def _credit(row: Objection, verdict: Verdict) -> int | None:
    """Of an accepted objection: as told, else the disputed part; None for everything."""
    return row.amount_minor if verdict.credit_minor is None else verdict.credit_minor


def _after(session: Session, keyring: Keyring, row: Objection, claim: Claim, actor: str, now: datetime) -> None:
    """Time before dunning goes on, the plan it may have been in, and the letter."""
    today = _today(session, claim, now)
    session.refresh(claim)
    if row.state == "REJECTED" and claim.closed_at is None:
        until = today + timedelta(days=agreements.limits_of(session, claim.shop_id).pause_days)
        hold = SetHold("pause", today, until, None, f"objection:{row.id}", actor=actor)
        claims.apply(session, Keys(keyring), claim.id, hold, now)
    session.refresh(claim)
    if claim.state == "DUNNING":
        plans.resume(session, keyring, claim.id, actor, now)
    _tell(session, Kind.OBJECTION_ANSWER, row, now)


def _tell(session: Session, kind: Kind, row: Objection, now: datetime) -> None:
    deadline = row.due_on if kind is Kind.OBJECTION_RECEIVED else None
    debtor_letters.tell(session, Telling(kind, (row.claim_id,), deadline, {"objection_id": str(row.id)}), now)


def _check(new: NewObjection, owed_minor: int) -> None:
    if new.category not in CATEGORIES:
        raise Invalid.at("/category", f"is one of {', '.join(CATEGORIES)}")
    if new.channel not in CHANNELS:
        raise Invalid.at("/channel", f"is one of {', '.join(CHANNELS)}")
    if len(new.words) > MAX_WORDS:
        raise Invalid.at("/words", f"has at most {MAX_WORDS} letters")
    if new.amount_minor is not None and not 0 < new.amount_minor <= owed_minor:
        raise Invalid.at("/amount_minor", "is more than nothing and not more than what is owed")
    uploads.checked(new.files)


def _check_verdict(verdict: Verdict) -> None:
    if verdict.outcome not in ("accepted", "rejected"):
        raise Invalid.at("/outcome", "is accepted or rejected")
    if verdict.finding not in FINDINGS:
        raise Invalid.at("/finding", f"is one of {', '.join(FINDINGS)}")
    for path, text in (("/answer", verdict.answer), ("/grounds", verdict.grounds)):
        if not 0 < len(text.strip()) <= MAX_WORDS:
            raise Invalid.at(path, f"has 1 to {MAX_WORDS} letters")
    if verdict.credit_minor is None:
        return
    if verdict.outcome == "rejected" or verdict.credit_minor <= 0:
        raise Invalid.at("/credit_minor", "is for accepted objections, and more than nothing")


def _attach(session: Session, keyring: Keyring, row: Objection, files: Sequence[File], now: datetime) -> None:
    kept = uploads.keep(session, keyring, row.buyer_id, files, "objection", now)
    session.add_all(
        ObjectionDocument(merchant_id=row.merchant_id, objection_id=row.id, document_id=id_, added_at=now)
        for id_ in dict.fromkeys(kept)
    )
    session.flush()


def _files(session: Session, ids: Sequence[UUID]) -> dict[UUID, tuple[Document, ...]]:
    joined = (Document.merchant_id == ObjectionDocument.merchant_id) & (Document.id == ObjectionDocument.document_id)
    mine = ObjectionDocument.merchant_id == merchant_of(session), ObjectionDocument.objection_id.in_(ids)
    chosen = select(ObjectionDocument.objection_id, Document).join(Document, joined).where(*mine).order_by(Document.id)
    found: dict[UUID, tuple[Document, ...]] = {}
    for objection_id, document in session.execute(chosen):
        found[objection_id] = (*found.get(objection_id, ()), document)
    return found


def _view(row: Objection, claim: Claim, key: bytes | None, files: tuple[Document, ...]) -> ObjectionView:
    words, answer, grounds = (
        _opened(key, row.id, name, getattr(row, f"{name}_sealed")) for name in ("words", "answer", "grounds")
    )
    names = tuple(documents.name_of(file, key) for file in files) if key else ()
    return ObjectionView(row, claim, words, answer, grounds, files if key else (), names)


def _claim(session: Session, claim_id: UUID) -> Claim:
    mine = Claim.merchant_id == merchant_of(session), Claim.id == claim_id
    row = session.scalar(select(Claim).where(*mine).with_for_update())
    if row is None:
        raise Invalid.at("/claim_id", "names no claim")
    return row


def _locked(session: Session, objection_id: UUID) -> Objection:
    mine = Objection.merchant_id == merchant_of(session), Objection.id == objection_id
    row = session.scalar(select(Objection).where(*mine).with_for_update())
    if row is None:
        raise ObjectionUnknown
    return row


def _today(session: Session, claim: Claim, now: datetime) -> date:
    return local_date(now, shops.get(session, claim.shop_id).timezone)


def _key(session: Session, keyring: Keyring, buyer_id: UUID) -> bytes:
    key = buyers.find_key(session, keyring, buyer_id, hold=True)
    if key is None:
        raise BuyerErased
    return key


def _sealed(key: bytes, id_: UUID, name: str, text: str) -> bytes | None:
    return seal(key, text.strip().encode(), _context(id_, name)) if text.strip() else None


def _opened(key: bytes | None, id_: UUID, name: str, sealed: bytes | None) -> str:
    return "" if key is None or sealed is None else unseal(key, sealed, _context(id_, name)).decode()


def _context(id_: UUID, name: str) -> str:
    return f"objection.{name}:{id_}"
