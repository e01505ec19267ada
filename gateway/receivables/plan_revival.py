"""A plan that was fulfilled by money which came back: it runs again, and what was waived because it was kept is owed again."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.core.db import merchant_of
from gateway.receivables import claims, ledger
from gateway.receivables.agreement_models import InstalmentPlan, PlanClaim
from gateway.receivables.booking import CREDIT, effective
from gateway.receivables.changes import AgreePlan, ReverseEntry
from gateway.receivables.keys import Keys
from gateway.receivables.models import Claim


def shaken(session: Session, claim_id: UUID) -> list[UUID]:
    """Plans of this claim that were kept by money which may be gone now."""
    joined = (InstalmentPlan.merchant_id == PlanClaim.merchant_id) & (InstalmentPlan.id == PlanClaim.plan_id)
    mine = PlanClaim.merchant_id == merchant_of(session), PlanClaim.claim_id == claim_id
    wanted = select(PlanClaim.plan_id).join(InstalmentPlan, joined).where(*mine, InstalmentPlan.state == "FULFILLED")
    return list(session.scalars(wanted))


def revive(session: Session, keys: Keys, plan_id: UUID, members: Iterable[Claim], now: datetime) -> bool:
    """Whether one of its claims is owed again and follows it again.

    A claim that something else has taken hold of by now (an objection, a write-off, another plan) stays there.
    """
    owing = [claim for claim in members if claim.state == "DUNNING"]
    cause = f"plan:{plan_id}"
    for claim in owing:
        booked = ledger.load(session, [claim.id])[claim.id]
        waived = [one.id for one in effective(booked) if (one.posting.kind, one.posting.cause) == (CREDIT, cause)]
        undone = [ReverseEntry(entry_id, cause) for entry_id in waived]
        claims.apply_many(session, keys, [(claim.id, [*undone, AgreePlan(plan_id)])], now)
    session.flush()
    session.expire_all()
    return bool(owing)
