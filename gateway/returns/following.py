"""Returns follow what shops tell of orders, and end when announced goods never came."""

from datetime import datetime, time
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.core import clock
from gateway.core.db import merchant_of
from gateway.core.ids import new_id
from gateway.core.schedule import Daily, Entry
from gateway.core.services import Services
from gateway.core.work import Job, NewJob, Task, enqueue, enqueue_many
from gateway.merchants.merchants import ids_in
from gateway.receivables import days
from gateway.receivables.events import ClaimOpened
from gateway.receivables.models import Claim
from gateway.returns import effects
from gateway.returns.lifecycle import ReturnAct
from gateway.returns.models import OrderReturn, ReturnHistory
from gateway.shops.events import OrderCancelled, OrderFact, OrderPaid, OrderRefunded, OrderReturned, OrderWithdrawn

TASK = "returns.follow_order"
HEEDED = (OrderReturned, OrderWithdrawn, OrderRefunded, OrderPaid, OrderCancelled)
SCHEDULE = (Entry("returns.expire_all", Daily(time(0, 45), "Europe/Berlin")),)
BITE = 500


def heed(session: Session, event: OrderFact) -> None:
    """Something happened to an order: its returns are looked at soon."""
    enqueue(session, TASK, merchant_id=merchant_of(session), args={"order_id": str(event.order_id)})


def heed_claim(session: Session, event: ClaimOpened) -> None:
    """A claim was opened while goods may already be on their way back."""
    claim = session.get(Claim, (merchant_of(session), event.claim_id))
    if claim is not None and claim.order_id is not None and effects.of_order(session, claim.order_id):
        enqueue(session, TASK, merchant_id=merchant_of(session), args={"order_id": str(claim.order_id)})


def _follow(services: Services, job: Job) -> None:
    with services.db.transaction(job.merchant_id) as session:
        effects.refold(session, services.keyring, UUID(job.args["order_id"]), clock.now())


def _start_all(services: Services, _job: Job) -> None:
    with services.db.transaction(None) as session:
        wanted = [NewJob(each, {}, unique=f"returns.expire:{each}") for each in ids_in(session)]
        enqueue_many(session, "returns.expire", wanted)


def _expire(services: Services, job: Job) -> None:
    now = clock.now()
    with services.db.transaction(job.merchant_id) as session:
        overdue(session, services, now)


def overdue(session: Session, services: Services, now: datetime) -> int:
    """End those whose goods never came, at most `BITE`; the rest waits for the next day. How many."""
    late = OrderReturn.state == "ANNOUNCED", OrderReturn.expected_by < days.today("DE", now)
    mine = OrderReturn.merchant_id == merchant_of(session), OrderReturn.source != effects.OF_ORDER
    rows = list(session.scalars(select(OrderReturn).where(*mine, *late).order_by(OrderReturn.id).limit(BITE)))
    for row in rows:
        session.add(
            ReturnHistory(
                merchant_id=row.merchant_id,
                id=new_id(),
                return_id=row.id,
                act=ReturnAct.EXPIRE.value,
                external_id="expired",
                occurred_at=now,
                amount_minor=None,
                reason="",
                actor="worker",
                received_at=now,
            )
        )
        session.flush()
        effects.refold(session, services.keyring, row.order_id, now)
    return len(rows)


TASKS = (Task(TASK, _follow), Task("returns.expire_all", _start_all), Task("returns.expire", _expire))
