"""Chargebacks read, locked, moved and remembered: what commands and the follower share."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gateway.chargebacks import events
from gateway.chargebacks.lifecycle import ANSWERABLE, LIFECYCLE, OPEN, State
from gateway.chargebacks.models import Chargeback
from gateway.core import history
from gateway.core.crypto import Keyring, seal, unseal
from gateway.core.db import merchant_of
from gateway.core.errors import Invalid, NotFound
from gateway.core.events import publish
from gateway.core.history import Entry, Line
from gateway.core.ids import from_public
from gateway.merchants import secrets
from gateway.receivables import claims
from gateway.receivables.models import Claim
from gateway.shops import buyers

KIND = "chargeback"
PREFIX = "cbk"
MAX_PAGE = 100
_OUTCOMES = {State.WON: "won", State.LOST: "lost", State.ACCEPTED: "accepted", State.EXPIRED: "expired"}
_TOLD = {
    State.SUBMITTED: events.ChargebackAnswered,
    State.WON: events.ChargebackWon,
    State.LOST: events.ChargebackLost,
    State.ACCEPTED: events.ChargebackAccepted,
}


class ChargebackUnknown(NotFound):
    """There is no such chargeback."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which: `show` is `open`, `ended` or a state; of one shop where given; test or live where given."""

    show: str = "open"
    shop_id: UUID | None = None
    live: bool | None = None
    before: UUID | None = None
    limit: int = 50


def get(session: Session, id_: UUID) -> Chargeback:
    """Raises ChargebackUnknown."""
    row = session.get(Chargeback, (merchant_of(session), id_), populate_existing=True)
    if row is None:
        raise ChargebackUnknown
    return row


def in_shop(session: Session, public: str, shop_id: UUID) -> Chargeback:
    """By its public id, of this shop only. Raises ChargebackUnknown."""
    id_ = from_public(PREFIX, public)
    row = get(session, id_) if id_ else None
    if row is None or row.shop_id != shop_id:
        raise ChargebackUnknown
    return row


def locked(session: Session, id_: UUID) -> Chargeback:
    """For a change: the claims of its order first, then the chargeback. Raises ChargebackUnknown."""
    hold_claims(session, get(session, id_).order_id)
    row = session.get(Chargeback, (merchant_of(session), id_), populate_existing=True, with_for_update=True)
    if row is None:
        raise ChargebackUnknown
    return row


def hold_claims(session: Session, order_id: UUID | None) -> list[UUID]:
    """Claims of this order, locked in the order of their ids."""
    if order_id is None:
        return []
    mine = Claim.merchant_id == merchant_of(session), Claim.order_id == order_id
    ids = list(session.scalars(select(Claim.id).where(*mine).order_by(Claim.id)))
    claims.hold(session, ids)
    return ids


def list_chargebacks(session: Session, wanted: Wanted) -> list[Chargeback]:
    """Open ones by their deadline, others the newest first."""
    chosen = select(Chargeback).where(Chargeback.merchant_id == merchant_of(session))
    if wanted.shop_id:
        chosen = chosen.where(Chargeback.shop_id == wanted.shop_id)
    if wanted.live is not None:
        chosen = chosen.where(Chargeback.live.is_(wanted.live))
    if wanted.before:
        chosen = chosen.where(Chargeback.id < wanted.before)
    if wanted.show == "open":
        chosen = chosen.where(Chargeback.state.in_(list(OPEN))).order_by(
            Chargeback.due_at.asc().nulls_last(), Chargeback.id
        )
    else:
        states = _ENDED if wanted.show == "ended" else (wanted.show,)
        chosen = chosen.where(Chargeback.state.in_(states)).order_by(Chargeback.id.desc())
    return list(session.scalars(chosen.limit(wanted.limit)))


_ENDED: tuple[str, ...] = (State.WON, State.LOST, State.ACCEPTED)


def count_waiting(session: Session) -> int:
    """How many wait for an answer."""
    mine = Chargeback.merchant_id == merchant_of(session), Chargeback.state.in_(list(ANSWERABLE))
    return session.scalar(select(func.count()).select_from(Chargeback).where(*mine)) or 0


def move(session: Session, row: Chargeback, event: str, now: datetime) -> None:
    """By the table only. Raises Refused."""
    enter(session, row, LIFECYCLE.after(State(row.state), event), now)


def enter(session: Session, row: Chargeback, state: State, now: datetime) -> None:
    """Write a state that the table gave, and publish what it means."""
    row.state, row.updated_at = state, now
    row.outcome = _OUTCOMES.get(state)
    row.closed_at = now if state in (State.WON, State.LOST, State.ACCEPTED) else None
    session.flush()
    if state in _TOLD:
        announce(session, row, _TOLD[state], now)


def announce(session: Session, row: Chargeback, kind: type[events.ChargebackEvent], now: datetime) -> None:
    publish(
        session,
        kind(row.id, row.shop_id, row.live, row.order_id, row.buyer_id, row.amount_minor, row.currency, now),
    )


@dataclass(frozen=True, slots=True)
class Told:
    """An entry of the history; the body holds no personal data."""

    event: str
    actor: str
    body: Mapping[str, Any]


def remember(session: Session, keyring: Keyring, row: Chargeback, told: Told, now: datetime) -> None:
    key = secrets.get_key(session, keyring, "data")
    history.append(session, Entry(KIND, row.id, told.event, told.actor, now, told.body), key)


def timeline(session: Session, keyring: Keyring, id_: UUID) -> list[Line]:
    return history.lines(session, id_, secrets.get_key(session, keyring, "data"))


def key_of(session: Session, keyring: Keyring, buyer_id: UUID | None) -> bytes | None:
    """What seals the merchant's words: the buyer's key, gone with him; the merchant's where nobody is known."""
    if buyer_id is None:
        return secrets.get_key(session, keyring, "data")
    return buyers.find_key(session, keyring, buyer_id, hold=True)


MAX_STATEMENT = 20_000


def put_statement(session: Session, keyring: Keyring, row: Chargeback, words: str) -> None:
    """Raises Invalid where it is too long or the buyer is erased."""
    if len(words) > MAX_STATEMENT:
        raise Invalid.at("/statement", f"has at most {MAX_STATEMENT} characters")
    key = key_of(session, keyring, row.buyer_id)
    if key is None:
        raise Invalid.at("/statement", "the buyer was erased")
    row.statement_sealed = seal(key, words.encode(), _context(row)) if words else None


def statement_of(session: Session, keyring: Keyring, row: Chargeback) -> str:
    key = key_of(session, keyring, row.buyer_id)
    if key is None or row.statement_sealed is None:
        return ""
    return unseal(key, row.statement_sealed, _context(row)).decode()


def _context(row: Chargeback) -> str:
    owner = row.buyer_id or "merchant"
    return f"chargeback.statement:{row.id}:{owner}"
