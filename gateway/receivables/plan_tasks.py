"""Plans and promises as daily work: one task finds the merchants, one looks at each plan and promise of a merchant."""

from datetime import time
from uuid import UUID

import structlog
from sqlalchemy.orm import Session

from gateway.core import clock
from gateway.core.db import merchant_of
from gateway.core.errors import GatewayError
from gateway.core.schedule import Daily, Entry
from gateway.core.services import Services
from gateway.core.work import Job, NewJob, Task, enqueue, enqueue_many
from gateway.merchants.merchants import ids_in
from gateway.receivables import days, plan_revival, plans, promises
from gateway.receivables.events import PaymentAllocated, PaymentReversed

SCHEDULE = (Entry("plans.advance_all", Daily(time(1, 0), "Europe/Berlin")),)
MOST_BITES = 500
"""Findings of plans or promises in one run; the rest waits for the next day."""
log = structlog.get_logger()


def heed(session: Session, event: PaymentAllocated | PaymentReversed) -> None:
    """Listener: a plan that is paid, saved, or was fulfilled by money that is gone, is told so now and not the next night."""
    gone = plan_revival.shaken(session, event.claim_id) if isinstance(event, PaymentReversed) else []
    for plan_id in [*plans.noticed(session, event.claim_id, clock.now()), *gone]:
        enqueue(session, "plans.look", merchant_id=merchant_of(session), args={"plan_id": str(plan_id)})


def look(services: Services, job: Job) -> None:
    """At one plan."""
    if job.merchant_id is not None:
        _one(services, job.merchant_id, UUID(job.args["plan_id"]))


def start_all(services: Services, _job: Job) -> None:
    """Every merchant's plans, before his dunning night."""
    with services.db.transaction(None) as session:
        wanted = [NewJob(each, {}, unique=f"plans.advance:{each}") for each in ids_in(session)]
        enqueue_many(session, "plans.advance", wanted)


def advance_all(services: Services, job: Job) -> None:
    """One merchant's. Each plan is a transaction; one that fails is told and does not stop the others."""
    if job.merchant_id is not None:
        run(services, job.merchant_id)


def run(services: Services, merchant_id: UUID) -> int:
    """How many plans and promises were looked at. Run again on the same day it changes nothing."""
    return _plans(services, merchant_id) + _promises(services, merchant_id)


def _plans(services: Services, merchant_id: UUID) -> int:
    now = clock.now()
    today, seen, after = days.today("DE", now), 0, None
    for _ in range(MOST_BITES):
        with services.db.transaction(merchant_id) as session:
            found = plans.due(session, today, after)
        for plan_id in found:
            _one(services, merchant_id, plan_id)
        seen += len(found)
        if len(found) < plans.BITE:
            break
        after = found[-1]
    return seen


def _one(services: Services, merchant_id: UUID, plan_id: UUID) -> None:
    now = clock.now()
    try:
        with services.db.transaction(merchant_id) as session:
            plans.advance(session, services.keyring, plan_id, days.today("DE", now), now)
    except GatewayError as error:
        log.warning("plan not advanced", plan=str(plan_id), code=error.code)


def _promises(services: Services, merchant_id: UUID) -> int:
    now, seen = clock.now(), 0
    for _ in range(MOST_BITES):
        with services.db.transaction(merchant_id) as session:
            found = promises.settle_promises(session, services.keyring, days.today("DE", now), now)
        seen += found
        if found < promises.BITE:
            break
    return seen


TASKS = (
    Task("plans.advance_all", start_all),
    Task("plans.look", look),
    Task("plans.advance", advance_all, timeout_s=1800),
)
