"""The nightly run as work: one task finds the merchants, some for each of them share his debtors."""

from datetime import time

import structlog

from gateway.core import clock
from gateway.core.schedule import Daily, Entry
from gateway.core.services import Services
from gateway.core.work import Job, NewJob, Task, enqueue_many
from gateway.law import store
from gateway.merchants.merchants import ids_in
from gateway.receivables import days, nightly
from gateway.receivables.keys import Keys
from gateway.receivables.nightly import Night

PARTS = 2
"""Jobs per merchant: so many workers share a night's debtors."""
SCHEDULE = (Entry("dunning.run_all", Daily(time(2, 0), "Europe/Berlin")),)
log = structlog.get_logger()


def start_all(services: Services, _job: Job) -> None:
    """Every merchant's night."""
    with services.db.transaction(None) as session:
        jobs = [
            NewJob(merchant_id, {"part": part}, unique=f"dunning.run:{merchant_id}:{part}")
            for merchant_id in ids_in(session)
            for part in range(PARTS)
        ]
        enqueue_many(session, "dunning.run", jobs)


def run_one(services: Services, job: Job) -> None:
    """One merchant's share: whatever nobody else has at the moment. Run again it finds nothing due."""
    if job.merchant_id is None:
        return
    night = night_of(services, job)
    done = nightly.run(services.db, job.merchant_id, night)
    log.info("dunning.night", merchant=str(job.merchant_id), seen=done.seen, drafted=done.drafted, failed=done.failed)


def night_of(services: Services, job: Job) -> Night:
    now = clock.now()
    with services.db.transaction(job.merchant_id) as session:
        tables = store.load(session)
    return Night(Keys(services.keyring), tables, now, days.today("DE", now))


TASKS = (
    Task("dunning.run_all", start_all),
    Task("dunning.run", run_one, timeout_s=3600),
)
