"""Chargebacks as daily work: notices 7, 3 and 1 day before a deadline, and when one has passed."""

from datetime import datetime, time
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.chargebacks import aftermath, commands, heed, rows
from gateway.chargebacks.lifecycle import ANSWERABLE
from gateway.chargebacks.models import Chargeback
from gateway.core import clock
from gateway.core.channels import post_notice
from gateway.core.crypto import Keyring
from gateway.core.db import merchant_of
from gateway.core.ids import to_public
from gateway.core.schedule import Daily, Entry
from gateway.core.services import Services
from gateway.core.work import Job, NewJob, Task, enqueue_many
from gateway.merchants.merchants import ids_in

SCHEDULE = (Entry("chargebacks.watch_all", Daily(time(5, 30), "Europe/Berlin")),)
STEPS = (7, 3, 1)
BITE = 200


def start_all(services: Services, _job: Job) -> None:
    """Every merchant's deadlines."""
    with services.db.transaction(None) as session:
        wanted = [NewJob(each, {}, unique=f"chargebacks.watch:{each}") for each in ids_in(session)]
        enqueue_many(session, "chargebacks.watch", wanted)


def watch_one(services: Services, job: Job) -> None:
    """One merchant's, each in a transaction of its own: the claims of two orders are never locked one after the other.

    Run again on the same day it tells nothing twice.
    """
    now, found = clock.now(), list[UUID]()
    while True:
        with services.db.transaction(job.merchant_id) as session:
            found = due(session, found[-1] if found else None)
        for id_ in found:
            with services.db.transaction(job.merchant_id) as session:
                look(session, services.keyring, id_, now)
        if len(found) < BITE:
            return


def due(session: Session, after: UUID | None = None) -> list[UUID]:
    """Chargebacks that wait for an answer and have a deadline."""
    mine = Chargeback.merchant_id == merchant_of(session), Chargeback.state.in_(list(ANSWERABLE))
    chosen = select(Chargeback.id).where(*mine, Chargeback.due_at.is_not(None))
    if after is not None:
        chosen = chosen.where(Chargeback.id > after)
    return list(session.scalars(chosen.order_by(Chargeback.id).limit(BITE)))


def look(session: Session, keyring: Keyring, id_: UUID, now: datetime) -> None:
    """Tell that a deadline comes near, or that it has passed."""
    row = rows.locked(session, id_)
    if row.state not in ANSWERABLE or row.due_at is None:
        return
    if now >= row.due_at:
        if row.noticed_days == 0:
            return
        row.noticed_days = 0
        if row.due_source != "provider":  # an estimate of ours closes nothing
            session.flush()
            _notice(session, row, "chargeback-expired", 0, now)
            return
        rows.move(session, row, "expire", now)
        rows.remember(session, keyring, row, rows.Told("expired", "worker", {}), now)
        aftermath.settle(session, keyring, row, now)
        _notice(session, row, "chargeback-expired", 0, now)
        return
    left = (row.due_at - now).days
    step = next((each for each in reversed(STEPS) if left <= each), None)
    if step is not None and (row.noticed_days is None or step < row.noticed_days):
        row.noticed_days = step
        session.flush()
        _notice(session, row, "chargeback-due", left, now)


def _notice(session: Session, row: Chargeback, code: str, left: int, now: datetime) -> None:
    public = to_public(rows.PREFIX, row.id)
    facts = {"chargeback_id": public, "days_left": left, "due_at": row.due_at.isoformat() if row.due_at else ""}
    post_notice(session, code, public, facts, now)


TASKS = (
    Task("chargebacks.watch_all", start_all),
    Task("chargebacks.watch", watch_one, timeout_s=600),
    heed.FOLLOWING,
    commands.ASKED,
)
