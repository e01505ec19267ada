"""Erasing a buyer: his key and indexes are destroyed, the books stay; refused with the date while somebody has to keep him."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import Row, delete, func, select, update
from sqlalchemy.orm import Session

from gateway.core import events
from gateway.core.clock import local_date
from gateway.core.db import merchant_of
from gateway.core.errors import Refused
from gateway.law import limitation, withdrawal
from gateway.shops.buyers import BuyerUnknown
from gateway.shops.events import BuyerForgotten
from gateway.shops.lifecycle import OrderState
from gateway.shops.models import Buyer, BuyerIndex, Order, Shop

WITHDRAWAL = timedelta(days=withdrawal.DAYS)
"""§ 355 (2) BGB, from the day of delivery (§ 356 (2))."""
DELIVERY = timedelta(days=30)
"""Taken where a shop never tells of a delivery: § 475 (1) BGB gives the seller this long."""
LIMITATION_YEARS = limitation.YEARS
"""§§ 195, 199 (1) BGB: to the end of the third year after the claim arose."""


class ErasureRefused(Refused):
    """The buyer cannot be erased yet."""


@dataclass(frozen=True, slots=True)
class Objection:
    """Why a buyer must be kept; `until` is None while nobody can tell."""

    reason: str
    until: date | None


Objects = Callable[[Session, UUID, datetime], Objection | None]
"""A package's word on an erasure: the buyer's id and now → an objection or None."""


def erase(session: Session, buyer_id: UUID, now: datetime, objects: Iterable[Objects]) -> None:
    """Destroy the buyer's key and indexes: what it sealed can never be read again; amounts and dates stay.

    `objects` are the packages that may refuse; `wiring` lists them, `orders_object` is ours.
    Raises BuyerUnknown, or ErasureRefused with the date and every reason. Erasing twice changes nothing.
    """
    buyer = session.get(Buyer, (merchant_of(session), buyer_id), with_for_update=True, populate_existing=True)
    if buyer is None:
        raise BuyerUnknown
    _heed(objections(session, buyer_id, now, objects))
    mine = BuyerIndex.merchant_id == buyer.merchant_id, BuyerIndex.buyer_id == buyer_id
    session.execute(delete(BuyerIndex).where(*mine))
    theirs = Order.merchant_id == buyer.merchant_id, Order.buyer_id == buyer_id
    session.execute(update(Order).where(*theirs).values(delivery_digest=None))
    events.publish(session, BuyerForgotten(buyer_id))
    buyer.wrapped_key = None
    buyer.erased_at = buyer.erased_at or now
    session.flush()


def objections(session: Session, buyer_id: UUID, now: datetime, objects: Iterable[Objects]) -> list[Objection]:
    """What stands in the way of erasing him now."""
    return [said for ask in objects if (said := ask(session, buyer_id, now)) is not None]


def orders_object(session: Session, buyer_id: UUID, now: datetime) -> Objection | None:
    """An order that is not paid, until it is barred by time; or a right to withdraw that still runs.

    Days are those of the order's shop: a period ends with its last day there (§ 188 BGB), and so does the year.
    """
    newest = _newest_by_zone(session, buyer_id)
    barred = [
        (date(local_date(one.unpaid, one.timezone).year + LIMITATION_YEARS, 12, 31), one.timezone)
        for one in newest
        if one.unpaid
    ]
    if until := _latest(barred, now):
        return Objection("an order is not paid", until)
    withdrawn = [(local_date(one.arrived, one.timezone) + WITHDRAWAL, one.timezone) for one in newest]
    if until := _latest(withdrawn, now):
        return Objection("the time to withdraw from an order is running", until)
    return None


def _newest_by_zone(session: Session, buyer_id: UUID) -> Sequence[Row[str, datetime | None, datetime]]:
    """For each time zone of his shops: when he last ordered what is not paid, and when goods last arrived."""
    arrival = func.coalesce(Order.delivered_at, Order.placed_at + DELIVERY)
    unpaid = func.max(Order.placed_at).filter(Order.open_minor > 0)
    wanted = select(Shop.timezone, unpaid.label("unpaid"), func.max(arrival).label("arrived"))
    mine = Order.merchant_id == merchant_of(session), Order.buyer_id == buyer_id
    at_shop = (Shop.merchant_id == Order.merchant_id) & (Shop.id == Order.shop_id)
    standing = wanted.join_from(Order, Shop, at_shop).where(*mine, Order.state != OrderState.CANCELLED.value)
    return session.execute(standing.group_by(Shop.timezone)).all()


def _latest(ends: Iterable[tuple[date, str]], now: datetime) -> date | None:
    """The latest of the last days that is not over in its zone."""
    return max((day for day, zone in ends if local_date(now, zone) <= day), default=None)


def _heed(said: list[Objection]) -> None:
    if said:
        until, reasons = last_day(said), [objection.reason for objection in said]
        detail = f"kept until {until or 'nobody can tell when'}: {'; '.join(reasons)}"
        raise ErasureRefused(detail, until=until, reasons=reasons)


def last_day(said: Iterable[Objection]) -> date | None:
    """Until when he is kept; None while nobody can tell, or when nothing is said."""
    days = [objection.until for objection in said]
    return None if None in days else max((day for day in days if day is not None), default=None)
