"""The demo after the sale: unpaid orders with the letters that have left, a night that passes, mail that is read, money that comes.

Time is not moved forward: what happened before today is told afterwards, day by day, by the real nights and the real letters,
so every date, deadline and cent is as it would be. Everything is synthetic and of a test shop: nothing leaves the house.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gateway.core import clock
from gateway.core.db import merchant_of
from gateway.core.ids import new_id
from gateway.core.services import Services
from gateway.core.work import Job, Task
from gateway.demo import debtors
from gateway.demo.debtors import DEBTORS, Debtor
from gateway.demo.seed import DEMO_MERCHANT, STORY, find_shop
from gateway.law import calendars, store
from gateway.law.tables import Tables
from gateway.receivables import claims, days, follow, letter_job, letters, nightly, statement
from gateway.receivables.claims import Payment
from gateway.receivables.keys import Keys
from gateway.receivables.letter_lifecycle import LetterState
from gateway.receivables.letter_models import Letter
from gateway.receivables.models import Claim
from gateway.receivables.nightly import Night
from gateway.shops.models import Order
from gateway.shops.orders import Orders
from gateway.shops.shops import ShopFacts

SOURCE = "demo"
UNDO = timedelta(hours=4)
_MOST_NIGHTS = 200
_STARTS, _LEAVES = time(3, tzinfo=UTC), time(9, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Told:
    """A debtor whose order and claim are written down."""

    buyer_id: UUID
    claim_id: UUID


def tell(services: Services, job: Job) -> None:
    """The task: every debtor of the story, or one more in the position of `debtor`. Told again it changes nothing."""
    now, number = clock.now(), int(job.args.get("number", 0))
    chosen = DEBTORS if not number else {str(job.args["debtor"]): debtors.another(DEBTORS[job.args["debtor"]], number)}
    _follow_others(services, now)
    for name, debtor in chosen.items():
        told = _order(services, debtors.reference(name, number), debtor, now)
        if told is not None:
            _relive(services, told, debtor.letters, now)


def _follow_others(services: Services, now: datetime) -> None:
    """Orders that an older version of the demo has told."""
    with services.db.transaction(DEMO_MERCHANT) as session:
        for order_id in follow.list_owed(session, 100, UUID(int=0)):
            follow.follow(session, Keys(services.keyring), order_id, now)


def _order(services: Services, reference: str, debtor: Debtor, now: datetime) -> Told | None:
    """Tell the order and its delivery as they came; None where this was done before, or there is no demo shop."""
    placed, keys = debtors.placed_at(debtor, now), Keys(services.keyring)
    with services.db.transaction(DEMO_MERCHANT) as session:
        shop = find_shop(session)
        if shop is None or _known(session, shop, reference):
            return None
        orders = Orders(session, services.keyring, shop)
        order_id = orders.put(reference, debtors.order_of(debtor, placed), placed).order_id
        for event in debtors.events_of(reference, placed):
            orders.add_event(reference, event, event.occurred_at)
        session.flush()
        claim_id = follow.follow(session, keys, order_id, placed + timedelta(days=3))
        return Told(claims.get(session, claim_id).buyer_id, claims.get(session, claim_id).id)


def _known(session: Session, shop: ShopFacts, reference: str) -> bool:
    mine = Order.merchant_id == merchant_of(session), Order.shop_id == shop.id, Order.reference == reference
    return session.scalar(select(Order.id).where(*mine)) is not None


def _relive(services: Services, told: Told, most: int, now: datetime) -> None:
    """The nights of one debtor until so many letters have left, each on its day."""
    for _ in range(_MOST_NIGHTS):
        with services.db.transaction(DEMO_MERCHANT) as session:
            day = claims.get(session, told.claim_id).next_on
            if day is None or day >= days.today("DE", now) or _left(session, told) >= most:
                return
            night = Night(Keys(services.keyring), store.load(session), datetime.combine(day, _STARTS), day)
            if nightly.lock_debtors(session, night, UUID(int=told.buyer_id.int - 1), 1) == [told.buyer_id]:
                nightly.work(session, night, [told.buyer_id])
            drafted = _drafted(session, told)
        for letter_id in drafted:
            job = Job(0, "default", letters.TASK, DEMO_MERCHANT, {"letter_id": str(letter_id)}, 1)
            letter_job.let_go(services, job, datetime.combine(day, _LEAVES))


def _left(session: Session, told: Told) -> int:
    mine = Letter.merchant_id == merchant_of(session), Letter.buyer_id == told.buyer_id
    return session.scalar(select(func.count()).select_from(Letter).where(*mine, Letter.state != "DRAFTED")) or 0


def _drafted(session: Session, told: Told) -> list[UUID]:
    mine = Letter.merchant_id == merchant_of(session), Letter.buyer_id == told.buyer_id
    return list(session.scalars(select(Letter.id).where(*mine, Letter.state == "DRAFTED")))


def night(services: Services, now: datetime) -> int:
    """The night before the newest day on which letters leave; how many were drafted. They wait as after every night."""
    keys = Keys(services.keyring)
    with services.db.transaction(DEMO_MERCHANT) as session:
        tables = store.load(session)
    day = _sending_day(days.today("DE", now), tables)
    began = datetime.combine(day, _STARTS)
    done = nightly.run(services.db, DEMO_MERCHANT, Night(keys, tables, began, day))
    with services.db.transaction(DEMO_MERCHANT) as session:
        mine = Letter.merchant_id == DEMO_MERCHANT, Letter.state == "DRAFTED", Letter.drafted_at == began
        for letter in session.scalars(select(Letter).where(*mine).with_for_update()):
            letter.release_at = max(letter.release_at, now + UNDO)
    return done.drafted


def _sending_day(day: date, tables: Tables) -> date:
    while not calendars.is_working_day("DE", None, day, tables):
        day -= timedelta(days=1)
    return day


def let_leave(services: Services, now: datetime) -> int:
    """End the undo window of every draft; how many leave."""
    with services.db.transaction(DEMO_MERCHANT) as session:
        mine = Letter.merchant_id == DEMO_MERCHANT, Letter.state == LetterState.DRAFTED, Letter.channel != "call"
        waiting = list(session.scalars(select(Letter.id).where(*mine).order_by(Letter.id).limit(letters.MAX_PAGE)))
        for letter_id in waiting:
            letters.release(session, letter_id, now)
    return len(waiting)


def pay(services: Services, claim_id: UUID, share: int, now: datetime) -> Claim:
    """A bank transfer over one part in `share` of what is owed arrives today. Raises ClaimUnknown, Invalid."""
    with services.db.transaction(DEMO_MERCHANT) as session:
        claim = claims.get(session, claim_id)
        today = days.today(claim.country, now)
        owed = statement.statement(session, claim_id, today, store.load(session)).total_minor
        if owed > 0:
            told = Payment(
                claim_id, SOURCE, str(new_id()), today, -(-owed // share), claim.currency, "synthetic", SOURCE
            )
            claims.receive_payment(session, Keys(services.keyring), told, now)
        return claims.get(session, claim_id)


TELLING = Task(STORY, tell, max_attempts=3, timeout_s=240)
