"""Erases the contents of old messages, merchant by merchant, in small bites."""

from collections.abc import Callable, Iterable
from datetime import time
from uuid import UUID

from sqlalchemy.orm import Session

from gateway.core import clock, inbox, outbox
from gateway.core.schedule import Daily, Entry
from gateway.core.services import Services
from gateway.core.work import Job, NewJob, Task, enqueue_many

SWEEP = "messages.sweep"
EXPIRE = "messages.expire"
NIGHTLY = Entry(SWEEP, Daily(time(2, 10), "Europe/Berlin"))
BITE = 1000
MAX_BITES = 200
"""Per merchant and night; the rest waits for the next one."""

Merchants = Callable[[Session], Iterable[UUID]]
"""Every merchant, read without a tenant."""


def expiry_tasks(merchants: Merchants) -> list[Task]:
    """One task that finds the merchants (see `NIGHTLY`), one that erases for each of them."""

    def sweep(services: Services, _job: Job) -> None:
        with services.db.transaction(None) as session:
            jobs = [NewJob(each, {}, unique=f"{EXPIRE}:{each}") for each in merchants(session)]
            enqueue_many(session, EXPIRE, jobs)

    return [Task(SWEEP, sweep), Task(EXPIRE, _expire, timeout_s=1800)]


def _expire(services: Services, job: Job) -> None:
    for expire in (inbox.expire, outbox.expire):
        for _ in range(MAX_BITES):
            with services.db.transaction(job.merchant_id) as session:
                found = expire(session, clock.now(), BITE)
            if not found:
                break
