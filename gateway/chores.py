"""Scheduled chores that visit every merchant: anchor histories, forget what has had its time, remind of late answers."""

from collections.abc import Callable
from datetime import time
from uuid import UUID

from sqlalchemy.orm import Session

from gateway.core import clock, idempotency
from gateway.core.anchors import Trail, anchor
from gateway.core.schedule import Daily, Entry, Every
from gateway.core.services import Services
from gateway.core.work import Job, NewJob, Task, enqueue_many
from gateway.law import notices, store
from gateway.merchants.merchants import ids_in
from gateway.privacy import overdue
from gateway.risk import bureau_records

BITE, MAX_BITES = 5000, 500
"""Rows per transaction, transactions per run; the rest waits for the next hour."""
SCHEDULE = (
    Entry("history.anchor_all", Every(3600)),
    Entry("idempotency.forget_all", Every(3600)),
    Entry("bureau.forget_all", Every(3600)),
    Entry("rights.remind_all", Daily(time(7, 0), "Europe/Berlin")),
    Entry("law.watch_all", Daily(time(7, 5), "Europe/Berlin")),
)


def all_merchants(session: Session) -> list[UUID]:
    """Every merchant, closed ones too: what expires and what is anchored outlives the contract."""
    return ids_in(session, with_closed=True)


def tasks(trail: Trail) -> list[Task]:
    """The chores as tasks: one that finds the merchants, one for each of them."""

    def anchor_one(services: Services, job: Job) -> None:
        with services.db.transaction(job.merchant_id) as session:
            anchor(session, trail, clock.now())

    return [
        *_for_each("history.anchor_all", "history.anchor", anchor_one),
        *_for_each("idempotency.forget_all", "idempotency.forget", _forget),
        *_for_each("bureau.forget_all", "bureau.forget", _forget_answers),
        *_for_each("rights.remind_all", "rights.remind", _remind),
        *_for_each("law.watch_all", "law.watch", _watch_law),
    ]


def _remind(services: Services, job: Job) -> None:
    with services.db.transaction(job.merchant_id) as session:
        overdue.remind(session, clock.now())


def _watch_law(services: Services, job: Job) -> None:
    now = clock.now()
    with services.db.transaction(job.merchant_id) as session:
        notices.tell(session, store.load(session), now.date(), now)


def _forget(services: Services, job: Job) -> None:
    for _ in range(MAX_BITES):
        with services.db.transaction(job.merchant_id) as session:
            if idempotency.forget_expired(session, clock.now(), BITE) < BITE:
                return


def _forget_answers(services: Services, job: Job) -> None:
    for _ in range(MAX_BITES):
        with services.db.transaction(job.merchant_id) as session:
            if bureau_records.forget_expired(session, clock.now(), BITE) < BITE:
                return


def _for_each(finder: str, name: str, handle: Callable[[Services, Job], None]) -> tuple[Task, Task]:
    def find(services: Services, _job: Job) -> None:
        with services.db.transaction(None) as session:
            enqueue_many(session, name, [NewJob(each, {}, unique=f"{name}:{each}") for each in all_merchants(session)])

    return Task(finder, find), Task(name, handle, timeout_s=1800)
