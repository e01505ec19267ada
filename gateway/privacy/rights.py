"""Requests of buyers under the GDPR: asked, proven, answered by a named person within the deadline, each act chained.

What the buyer writes and what he is answered is sealed with his key and dies with it; kind, dates, outcome and who
decided stay. A decision that its policy wants reviewed becomes a request when somebody takes it up.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ColumnElement, Index, func, select, text
from sqlalchemy.orm import Mapped, Session

from gateway.checkout import documents
from gateway.checkout.privacy_settings import PrivacySettings, due_at
from gateway.core import turns
from gateway.core.crypto import Keyring, seal, unseal
from gateway.core.db import Base, Tenant, merchant_of
from gateway.core.errors import Invalid, NotFound, Refused
from gateway.core.ids import new_id, to_public
from gateway.core.states import Lifecycle
from gateway.merchants import audit, policies
from gateway.merchants.audit import Act
from gateway.shops import buyers, shops
from gateway.shops.buyers import BuyerErased

MOST_OPEN = 10
MAX_WORDS, MAX_ANSWER = 4000, 4000
MAX_PAGE = 200
SUBJECT = "rights_request"


class Kind(StrEnum):
    """What a buyer asks for: a person (Art. 22 (3)), correction (16), objection (21), a copy (15), erasure (17)."""

    REVIEW = "review"
    CORRECTION = "correction"
    OBJECTION = "objection"
    ACCESS = "access"
    ERASURE = "erasure"


class State(StrEnum):
    """Of a request."""

    OPEN = "open"
    ANSWERED = "answered"
    WITHDRAWN = "withdrawn"


LIFECYCLE = Lifecycle(
    "rights request",
    State.OPEN,
    {(State.OPEN, "answer"): State.ANSWERED, (State.OPEN, "withdraw"): State.WITHDRAWN},
)
OUTCOMES: Mapping[str, frozenset[str]] = {
    Kind.REVIEW: frozenset({"upheld", "granted"}),
    Kind.CORRECTION: frozenset({"corrected", "refused"}),
    Kind.OBJECTION: frozenset({"noted", "ended", "refused"}),
    Kind.ACCESS: frozenset({"sent", "refused"}),
    Kind.ERASURE: frozenset({"erased", "refused"}),
}


class RequestUnknown(NotFound):
    """There is no such request."""


class RequestsFull(Refused):
    """This buyer has as many open requests as one may have; they are answered first."""


class AlreadyAsked(Refused):
    """The same was asked before and is not answered yet."""


class RightsRequest(Tenant, Base):
    """One request. Who asked, how he proved who he is, until when it is due, what came of it and by whom."""

    __tablename__ = "rights_request"
    __table_args__ = (
        Index("ix_rights_request_due", "merchant_id", "due_at", "id", postgresql_where=text("state = 'open'")),
        Index(None, "merchant_id", "buyer_id", "id"),
        Index(None, "merchant_id", "decision_id"),
        CheckConstraint("state IN ('open', 'answered', 'withdrawn')", name="state"),
        CheckConstraint("kind IN ('review', 'correction', 'objection', 'access', 'erasure')", name="kind"),
        CheckConstraint("(state = 'open') = (answered_at IS NULL)", name="answered"),
    )

    shop_id: Mapped[UUID]
    buyer_id: Mapped[UUID | None]
    """None for a review that the policy asked for where nobody could be named."""
    decision_id: Mapped[UUID | None]
    kind: Mapped[str]
    live: Mapped[bool]
    state: Mapped[str]
    asked_by: Mapped[str]
    """`buyer`, `policy`, `key:<id>`, `user:<id>` or `operator`: whoever brought it in."""
    proof: Mapped[str]
    """How identity was proven: `postcode` or `email` (with the link), or `merchant` (the shop vouches)."""
    language: Mapped[str]
    asked_at: Mapped[datetime]
    due_at: Mapped[datetime]
    words_sealed: Mapped[bytes | None]
    outcome: Mapped[str | None]
    answer_sealed: Mapped[bytes | None]
    answered_at: Mapped[datetime | None]
    answered_by: Mapped[str | None]


@dataclass(frozen=True, slots=True)
class NewRequest:
    """What is asked. `words`: `text` in the buyer's own words, `changes` for a correction."""

    kind: Kind
    shop_id: UUID
    buyer_id: UUID | None
    live: bool
    asked_by: str
    proof: str
    decision_id: UUID | None = None
    language: str = "de"
    words: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def actor(self) -> str:
        return f"buyer:{self.buyer_id}" if self.asked_by == "buyer" else self.asked_by


@dataclass(frozen=True, slots=True)
class Opened:
    """A request with its words; they are empty once the buyer is erased."""

    row: RightsRequest
    words: dict[str, Any] = field(repr=False)
    answer: str = field(repr=False)
    readable: bool = True

    @property
    def id(self) -> str:
        return to_public("rig", self.row.id)


@dataclass(frozen=True, slots=True)
class Answer:
    """How a request ends: `outcome` by the table of its kind, `text` for the buyer, `actor` who decided."""

    outcome: str
    text: str
    actor: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    """For the log: ids, codes and counts."""


def ask(session: Session, keyring: Keyring, new: NewRequest, now: datetime) -> RightsRequest:
    """Take a request in. Raises Invalid, AlreadyAsked, RequestsFull, BuyerUnknown, BuyerErased."""
    if len(str(new.words.get("text", ""))) > MAX_WORDS:
        raise Invalid.at("/text", f"has at most {MAX_WORDS} letters")
    _refuse_repeats(session, new)  # its lock comes first: who held the buyer and waited for it would stop his erasure
    key = _key(session, keyring, new.buyer_id)
    shop, settings = shops.get(session, new.shop_id), settings_of(session, new.shop_id)
    days = settings.review_days if new.kind is Kind.REVIEW else 30
    request_id = new_id()
    row = RightsRequest(
        merchant_id=merchant_of(session),
        id=request_id,
        shop_id=new.shop_id,
        buyer_id=new.buyer_id,
        decision_id=new.decision_id,
        kind=new.kind.value,
        live=new.live,
        state=LIFECYCLE.start.value,
        asked_by=new.asked_by,
        proof=new.proof,
        language=new.language,
        asked_at=now,
        due_at=due_at(now, shop.timezone, days),
        words_sealed=seal(key, json.dumps(dict(new.words), ensure_ascii=False).encode(), _context(request_id, "words"))
        if key and new.words
        else None,
    )
    session.add(row)
    session.flush()
    _log(session, keyring, row, Act(new.actor, f"rights.{new.kind}.asked", SUBJECT, row.id), now)
    return row


def answer(session: Session, keyring: Keyring, request_id: UUID, given: Answer, now: datetime) -> RightsRequest:
    """End a request. Raises RequestUnknown, Refused when it has ended, Invalid for an outcome of another kind."""
    row = locked(session, request_id)
    if given.outcome not in OUTCOMES[row.kind]:
        raise Invalid.at("/outcome", f"is one of {', '.join(sorted(OUTCOMES[row.kind]))}")
    if not 0 < len(given.text.strip()) <= MAX_ANSWER:
        raise Invalid.at("/text", f"has 1 to {MAX_ANSWER} letters")
    row.state = LIFECYCLE.after(State(row.state), "answer").value
    row.outcome, row.answered_at, row.answered_by = given.outcome, now, given.actor
    key = buyers.find_key(session, keyring, row.buyer_id) if row.buyer_id else None
    if key is not None:
        row.answer_sealed = seal(key, given.text.strip().encode(), _context(row.id, "answer"))
    session.flush()
    facts = {**given.facts, "outcome": given.outcome}
    _log(session, keyring, row, Act(given.actor, f"rights.{row.kind}.answered", SUBJECT, row.id, facts), now)
    return row


def withdraw_all(session: Session, keyring: Keyring, buyer_id: UUID, actor: str, now: datetime) -> int:
    """End what is open of a buyer who is erased: nobody is left to answer. How many."""
    mine = RightsRequest.merchant_id == merchant_of(session), RightsRequest.buyer_id == buyer_id
    rows = session.scalars(select(RightsRequest).where(*mine, RightsRequest.state == State.OPEN).limit(MOST_OPEN)).all()
    for row in rows:
        row.state = LIFECYCLE.after(State(row.state), "withdraw").value
        row.answered_at, row.answered_by = now, actor
        session.flush()
        _log(session, keyring, row, Act(actor, f"rights.{row.kind}.withdrawn", SUBJECT, row.id), now)
    return len(rows)


def locked(session: Session, request_id: UUID) -> RightsRequest:
    """The request as it is now, locked. Raises RequestUnknown."""
    row = session.get(RightsRequest, (merchant_of(session), request_id), with_for_update=True, populate_existing=True)
    if row is None:
        raise RequestUnknown
    return row


def get(session: Session, keyring: Keyring, request_id: UUID) -> Opened:
    """A request with its words. Raises RequestUnknown."""
    row = session.get(RightsRequest, (merchant_of(session), request_id))
    if row is None:
        raise RequestUnknown
    return opened(session, keyring, row)


def opened(session: Session, keyring: Keyring, row: RightsRequest) -> Opened:
    """With the words, as far as their key lives."""
    key = buyers.find_key(session, keyring, row.buyer_id) if row.buyer_id else None
    if key is None:
        return Opened(row, {}, "", readable=row.buyer_id is None)
    words = unseal(key, row.words_sealed, _context(row.id, "words")) if row.words_sealed else b"{}"
    said = unseal(key, row.answer_sealed, _context(row.id, "answer")) if row.answer_sealed else b""
    return Opened(row, json.loads(words), said.decode())


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which requests; what is None does not filter. Open ones come by deadline, others the newest first."""

    state: State | None = State.OPEN
    live: bool | None = None
    shop_id: UUID | None = None
    due_before: datetime | None = None
    buyer_id: UUID | None = None
    decision_id: UUID | None = None
    before: UUID | None = None


def list_requests(session: Session, wanted: Wanted, limit: int = 50) -> list[RightsRequest]:
    """At most `limit` (200) rows, without words."""
    table = RightsRequest
    filters: tuple[tuple[Any, Callable[[], ColumnElement[bool]]], ...] = (
        (wanted.state, lambda: table.state == wanted.state),
        (wanted.live, lambda: table.live.is_(wanted.live)),
        (wanted.shop_id, lambda: table.shop_id == wanted.shop_id),
        (wanted.due_before, lambda: table.due_at < wanted.due_before),
        (wanted.buyer_id, lambda: table.buyer_id == wanted.buyer_id),
        (wanted.decision_id, lambda: table.decision_id == wanted.decision_id),
        (wanted.before, lambda: table.id < wanted.before),
    )
    wheres = [condition() for value, condition in filters if value is not None]
    order = (table.due_at, table.id) if wanted.state is State.OPEN else (table.id.desc(),)
    chosen = select(table).where(table.merchant_id == merchant_of(session), *wheres)
    return list(session.scalars(chosen.order_by(*order).limit(min(limit, MAX_PAGE))))


def count_open(session: Session, most: int = 100) -> int:
    """How many wait; counted up to `most`."""
    mine = RightsRequest.merchant_id == merchant_of(session), RightsRequest.state == State.OPEN
    some = select(RightsRequest.id).where(*mine).limit(most).subquery()
    return session.scalar(select(func.count()).select_from(some)) or 0


def settings_of(session: Session, shop_id: UUID) -> PrivacySettings:
    """The shop's document of kind `privacy`, or the default."""
    live = policies.find_live(session, shop_id, "privacy")
    body, version = (documents.DEFAULTS["privacy"], 0) if live is None else (live.body, live.version)
    compiled: PrivacySettings = documents.COMPILERS["privacy"](body, version)
    return compiled


def _refuse_repeats(session: Session, new: NewRequest) -> None:
    about = new.buyer_id or new.decision_id
    if about is None:
        raise Invalid.at("/buyer", "names nobody")
    turns.take(session, "rights", about)  # two clicks at once are one request
    same = Wanted(buyer_id=new.buyer_id) if new.buyer_id else Wanted(decision_id=new.decision_id)
    waiting = list_requests(session, same, MOST_OPEN)
    # Objecting and asking for a copy are about the person, the rest is about one decision.
    personal = new.kind in (Kind.OBJECTION, Kind.ACCESS, Kind.ERASURE)
    if any(row.kind == new.kind and (personal or row.decision_id == new.decision_id) for row in waiting):
        raise AlreadyAsked
    if len(waiting) >= MOST_OPEN:
        raise RequestsFull


def _key(session: Session, keyring: Keyring, buyer_id: UUID | None) -> bytes | None:
    """The buyer's key, held until the transaction ends. Raises BuyerErased."""
    if buyer_id is None:
        return None
    key = buyers.find_key(session, keyring, buyer_id, hold=True)
    if key is None:
        raise BuyerErased("this buyer was erased")
    return key


def _log(session: Session, keyring: Keyring, row: RightsRequest, act: Act, now: datetime) -> None:
    facts = {**act.facts, "proof": row.proof, "due_at": row.due_at.isoformat()}
    if row.decision_id:
        facts["decision"] = to_public("dec", row.decision_id)
    audit.record(session, keyring, Act(act.actor, act.action, act.subject_kind, act.subject_id, facts), now)


def _context(request_id: UUID, part: str) -> str:
    return f"rights_request.{part}:{request_id}"
