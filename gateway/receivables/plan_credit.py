"""What a debtor paid too much on one claim of a plan pays the others: his transfers carry the reference of one."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gateway.core.db import merchant_of
from gateway.law import store
from gateway.receivables import claims
from gateway.receivables.changes import Refund
from gateway.receivables.claims import Payment
from gateway.receivables.keys import Keys
from gateway.receivables.models import Claim, ClaimPayment
from gateway.receivables.statement import statement

SOURCE = "credit"
"""Of payments that are another claim's credit: the account `bank` sees both sides and stays as it was."""


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
