"""What counts for a plan. Too much on one of its claims pays the others: his transfers carry the reference of one."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from gateway.core.db import merchant_of
from gateway.law import store
from gateway.receivables import claims
from gateway.receivables.changes import Refund
from gateway.receivables.claims import Payment
from gateway.receivables.keys import Keys
from gateway.receivables.models import Claim, ClaimPayment, LedgerEntry, LedgerLine
from gateway.receivables.statement import statement

SOURCE = "credit"
"""Of payments that are another claim's credit: the account `bank` sees both sides and stays as it was."""


def covered(session: Session, plans: Mapping[UUID, tuple[datetime, list[UUID]]]) -> dict[UUID, int]:
    """What was paid or credited on the claims of each plan since it was agreed, less what went back to the debtor."""
    merchant_id = merchant_of(session)
    claim_ids = {claim_id for _, ids in plans.values() for claim_id in ids}
    paid = select(ClaimPayment.claim_id, ClaimPayment.received_at, ClaimPayment.amount_minor).where(
        ClaimPayment.merchant_id == merchant_id,
        ClaimPayment.claim_id.in_(claim_ids),
        ClaimPayment.reversed_at.is_(None),
    )
    of_entry = (LedgerLine.merchant_id == LedgerEntry.merchant_id) & (LedgerLine.entry_id == LedgerEntry.id)
    reversed_one = aliased(LedgerEntry)
    what_it_reverses = (reversed_one.merchant_id == LedgerEntry.merchant_id) & (reversed_one.id == LedgerEntry.reverses)
    credited = (
        select(LedgerEntry.claim_id, LedgerEntry.booked_at, func.sum(-LedgerLine.amount_minor))
        .join(LedgerLine, of_entry)
        .outerjoin(reversed_one, what_it_reverses)
        .where(
            LedgerEntry.merchant_id == merchant_id,
            LedgerEntry.claim_id.in_(claim_ids),
            func.coalesce(reversed_one.kind, LedgerEntry.kind).in_(("credit", "refund")),
            LedgerLine.account.in_(("principal", "costs", "interest", "debtor_credit")),
        )
        .group_by(LedgerEntry.id, LedgerEntry.claim_id, LedgerEntry.booked_at)
    )
    told = [*session.execute(paid).all(), *session.execute(credited).all()]
    return {
        plan_id: sum(int(minor) for claim_id, at, minor in told if claim_id in ids and at >= agreed_at)
        for plan_id, (agreed_at, ids) in plans.items()
    }


def share_out(session: Session, keys: Keys, claim_ids: Sequence[UUID], cause: str, now: datetime) -> None:
    """Move credit to where something is owed, the oldest claim first, as of the day it came. A second time there is none."""
    rows = [claims.get(session, claim_id) for claim_id in sorted(claim_ids)]
    for giver in (row for row in rows if row.credit_minor):
        came_on = _last_paid(session, giver)
        for taker in (row for row in rows if row.id != giver.id):
            if came_on is not None:
                _move(session, keys, (giver, taker), came_on, cause, now)


def _move(session: Session, keys: Keys, pair: tuple[Claim, Claim], came_on: date, cause: str, now: datetime) -> None:
    giver, taker = pair
    owed_minor = statement(session, taker.id, came_on - timedelta(days=1), store.load(session)).total_minor
    moved = min(giver.credit_minor, owed_minor)
    if moved > 0:
        claims.apply(session, keys, giver.id, Refund(moved, came_on, f"{cause}:{taker.id}"), now)
        told = (SOURCE, f"{cause}:{giver.id}", came_on, moved, taker.currency)
        claims.receive_payment(session, keys, Payment(taker.id, *told), now)


def _last_paid(session: Session, claim: Claim) -> date | None:
    mine = ClaimPayment.merchant_id == merchant_of(session), ClaimPayment.claim_id == claim.id
    return session.scalar(select(func.max(ClaimPayment.paid_on)).where(*mine, ClaimPayment.reversed_at.is_(None)))
