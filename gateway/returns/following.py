"""Returns follow what shops tell of orders, and end when announced goods never came."""

from datetime import datetime, time
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.core import clock
from gateway.core.crypto import Keyring
from gateway.core.db import merchant_of
from gateway.core.schedule import Daily, Entry
from gateway.core.services import Services
from gateway.core.work import Job, NewJob, Task, enqueue, enqueue_many
from gateway.merchants.merchants import ids_in
from gateway.receivables import days
from gateway.receivables.events import ClaimOpened
from gateway.receivables.models import Claim
from gateway.returns import effects
from gateway.returns.lifecycle import Acted, ReturnAct
from gateway.returns.models import OrderReturn
from gateway.shops.events import OrderCancelled, OrderFact, OrderPaid, OrderRefunded, OrderReturned, OrderWithdrawn

TASK = "returns.follow_order"
HEEDED = (OrderReturned, OrderWithdrawn, OrderRefunded)
BESIDE = (OrderPaid, OrderCancelled)
SCHEDULE = (Entry("returns.expire_all", Daily(time(0, 45), "Europe/Berlin")),)
BITE = 500


def heed(session: Session, event: OrderFact) -> None:
    """Goods or money went back: the returns of the order are looked at soon."""
    _enqueue(session, event.order_id)


def heed_beside(session: Session, event: OrderFact) -> None:
    """It was paid or cancelled, which matters to returns that are there; most orders have none."""
    if effects.of_order(session, event.order_id):
        _enqueue(session, event.order_id)


def heed_claim(session: Session, event: ClaimOpened) -> None:
    """A claim was opened while goods may already be on their way back."""
    claim = session.get(Claim, (merchant_of(session), event.claim_id))
    if claim is not None and claim.order_id is not None and effects.of_order(session, claim.order_id):
        _enqueue(session, claim.order_id)


def _enqueue(session: Session, order_id: UUID) -> None:
    enqueue(session, TASK, merchant_id=merchant_of(session), args={"order_id": str(order_id)})


def _follow(services: Services, job: Job) -> None:
    with services.db.transaction(job.merchant_id) as session:
        effects.refold(session, services.keyring, UUID(job.args["order_id"]), clock.now())


def _start_all(services: Services, _job: Job) -> None:
    with services.db.transaction(None) as session:
        wanted = [NewJob(each, {}, unique=f"returns.expire:{each}") for each in ids_in(session)]
        enqueue_many(session, "returns.expire", wanted)


def _expire(services: Services, job: Job) -> None:
    """Each in a transaction of its own: one that fails keeps no other one waiting, and no two orders are locked at once."""
    now, found = clock.now(), list[UUID]()
    while True:
        with services.db.transaction(job.merchant_id) as session:
            found = overdue(session, now, found[-1] if found else None)
        for return_id in found:
            with services.db.transaction(job.merchant_id) as session:
                expire(session, services.keyring, return_id, now)
        if len(found) < BITE:
            return


def overdue(session: Session, now: datetime, after: UUID | None = None) -> list[UUID]:
    """Those whose goods never came, the oldest first, at most `BITE`."""
    late = OrderReturn.state == "ANNOUNCED", OrderReturn.expected_by < days.today("DE", now)
    mine = OrderReturn.merchant_id == merchant_of(session), OrderReturn.source != effects.OF_ORDER
    chosen = select(OrderReturn.id).where(*mine, *late)
    if after is not None:
        chosen = chosen.where(OrderReturn.id > after)
    return list(session.scalars(chosen.order_by(OrderReturn.id).limit(BITE)))


def expire(session: Session, keyring: Keyring, return_id: UUID, now: datetime) -> None:
    """End one whose goods never came; a second time changes nothing."""
    row = session.get(OrderReturn, (merchant_of(session), return_id), populate_existing=True)
    if row is not None and row.state == "ANNOUNCED":
        effects.keep(session, row, Acted(ReturnAct.EXPIRE.value, "expired", now), ("worker", ""), now)
        effects.refold(session, keyring, row.order_id, now)


TASKS = (Task(TASK, _follow), Task("returns.expire_all", _start_all), Task("returns.expire", _expire, timeout_s=600))
