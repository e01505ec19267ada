"""What a chargeback does to claims: dunning waits while it is open; a loss becomes a claim, or deliberately not.

A claim that came of a loss is credited when the case is won after all, and the credit is taken back when it is lost again.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.chargebacks import rows, worth
from gateway.chargebacks.lifecycle import OPEN, State
from gateway.chargebacks.models import Chargeback
from gateway.core.crypto import Keyring
from gateway.core.db import merchant_of
from gateway.core.errors import Refused
from gateway.core.ids import to_public
from gateway.receivables import claims, days, follow, ledger
from gateway.receivables.booking import CREDIT, effective, items_of
from gateway.receivables.changes import Credit, LiftHold, ReverseEntry, SetHold
from gateway.receivables.keys import Keys
from gateway.receivables.lifecycle import HoldReason
from gateway.receivables.models import ClaimHold
from gateway.shops.buyers import BuyerErased
from gateway.shops.models import Order

TERM_DAYS = 14
_LOST = (State.LOST, State.ACCEPTED)


class ClaimNotPossible(Refused):
    """Nobody is known who would owe it, or the chargeback is not lost."""


def cause_of(row: Chargeback) -> str:
    return f"chargeback:{row.id}"


def settle(session: Session, keyring: Keyring, row: Chargeback, now: datetime) -> None:
    """After each move, under the locks of claims and chargeback; run again it changes nothing."""
    keys = Keys(keyring)
    _hold(session, keys, row, now)
    if row.state in _LOST and not row.claim_decision:
        _decide_by_rule(session, keyring, row, now)
    elif row.state in _LOST and row.claim_id:
        _restore(session, keys, row, now)
    elif row.claim_id and row.state not in _LOST:
        _cancel(session, keys, row, now)


def decide(session: Session, keyring: Keyring, row: Chargeback, verdict: tuple[str, str, str], now: datetime) -> None:
    """A person decides (`open` or `leave`, reason, actor). Raises ClaimNotPossible."""
    decision, reason, actor = verdict
    if row.state not in _LOST or (decision == "open" and row.order_id is None):
        raise ClaimNotPossible
    row.claim_decision, row.claim_reason, row.claim_actor = decision, reason, actor
    if decision == "open":
        _open(session, Keys(keyring), row, now)
        _restore(session, Keys(keyring), row, now)
    elif row.claim_id:
        _cancel(session, Keys(keyring), row, now)
    _told(session, keyring, row, now)


def _decide_by_rule(session: Session, keyring: Keyring, row: Chargeback, now: datetime) -> None:
    order = session.get(Order, (merchant_of(session), row.order_id)) if row.order_id else None
    delivered = order is not None and order.delivered_at is not None
    decision, reason = worth.claim_after_loss(
        row.category, delivered=delivered, proven=delivered, known_buyer=order is not None and row.amount_minor > 0
    )
    row.claim_decision, row.claim_reason, row.claim_actor = decision, reason, "worker"
    if decision == "open":
        _open(session, Keys(keyring), row, now)
    _told(session, keyring, row, now)


def _told(session: Session, keyring: Keyring, row: Chargeback, now: datetime) -> None:
    session.flush()
    claim_id = to_public("clm", row.claim_id) if row.claim_id else None
    body = {"decision": row.claim_decision, "reason": row.claim_reason, "claim_id": claim_id}
    rows.remember(session, keyring, row, rows.Told("claim_decided", row.claim_actor, body), now)


def _open(session: Session, keys: Keys, row: Chargeback, now: datetime) -> None:
    """One claim per chargeback, however often it is asked for."""
    order = session.get(Order, (merchant_of(session), row.order_id)) if row.order_id else None
    if order is None:
        raise ClaimNotPossible
    try:
        basis = follow.opening_of(session, keys, order)
        due = days.today(basis.country, now) + timedelta(days=TERM_DAYS)
        opening = replace(
            basis,
            kind="chargeback",
            source_id=row.id,
            principal_minor=row.amount_minor,
            currency=row.currency,
            due_date=due,
            actor=row.claim_actor,
        )
        row.claim_id = claims.open(session, keys, opening, now)
    except BuyerErased:
        row.claim_decision, row.claim_reason = "leave", "the buyer was erased"


def _cancel(session: Session, keys: Keys, row: Chargeback, now: datetime) -> None:
    """The money came back, or it is open again: nothing is owed for it."""
    claim = claims.get(session, row.claim_id)
    if _credits(session, claim.id, row) or claim.principal_minor <= 0:
        return
    day = days.today(claim.country, now)
    credit = Credit(claim.principal_minor, day, True, cause_of(row), "chargeback_reversed")  # noqa: FBT003 - from the start
    claims.apply(session, keys, claim.id, credit, now)


def _restore(session: Session, keys: Keys, row: Chargeback, now: datetime) -> None:
    """Lost again: the credit is reversed."""
    if row.claim_id is None:
        return
    for entry_id in _credits(session, row.claim_id, row):
        claims.apply(session, keys, row.claim_id, ReverseEntry(entry_id, cause_of(row)), now)


def _credits(session: Session, claim_id: UUID, row: Chargeback) -> list[UUID]:
    """Entries that stand and credit this chargeback."""
    booked = ledger.load(session, [claim_id])[claim_id]
    ids = {entry.posting.key: entry.id for entry in effective(booked)}
    ours = [item for item in items_of(booked) if item.kind == CREDIT and item.cause == cause_of(row)]
    return [ids[item.key] for item in ours if item.key in ids]


def _hold(session: Session, keys: Keys, row: Chargeback, now: datetime) -> None:
    """While it is open nobody is dunned for the order."""
    for claim_id in rows.hold_claims(session, row.order_id):
        claim = claims.get(session, claim_id)
        running = _running(session, claim_id, row)
        if row.state in OPEN and not running and claim.closed_at is None and claim_id != row.claim_id:
            since = days.today(claim.country, now)
            change = SetHold(HoldReason.PAUSE.value, since, cause=cause_of(row))
            claims.apply(session, keys, claim_id, change, now)
        elif row.state not in OPEN:
            for hold_id in running:
                claims.apply(session, keys, claim_id, LiftHold(hold_id, "ended"), now)


def _running(session: Session, claim_id: UUID, row: Chargeback) -> list[UUID]:
    """Holds of this chargeback that were not lifted."""
    mine = ClaimHold.merchant_id == row.merchant_id, ClaimHold.claim_id == claim_id
    ours = ClaimHold.cause == cause_of(row), ClaimHold.lifted_at.is_(None)
    return list(session.scalars(select(ClaimHold.id).where(*mine, *ours)))
