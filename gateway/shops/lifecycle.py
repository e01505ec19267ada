"""What follows from an order's events, in whatever order they came (pure)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import accumulate

from gateway.core.states import Lifecycle


class OrderState(StrEnum):
    """Fulfilment of an order. Whether it is paid is told by its amounts."""

    PLACED = "PLACED"
    SHIPPED = "SHIPPED"
    DELIVERED = "DELIVERED"
    CANCELLED = "CANCELLED"


class OrderAct(StrEnum):
    """What a shop can tell of an order."""

    PAID = "paid"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"
    RETURNED = "returned"
    REFUNDED = "refunded"
    WITHDRAWN = "withdrawn"


CHANGED = "changed"
"""Our own entry for an order that was told again with other facts."""

FULFILMENT = Lifecycle(
    "order",
    OrderState.PLACED,
    {
        (OrderState.PLACED, OrderAct.SHIPPED): OrderState.SHIPPED,
        (OrderState.PLACED, OrderAct.DELIVERED): OrderState.DELIVERED,
        (OrderState.PLACED, OrderAct.CANCELLED): OrderState.CANCELLED,
        (OrderState.SHIPPED, OrderAct.DELIVERED): OrderState.DELIVERED,
        (OrderState.SHIPPED, OrderAct.CANCELLED): OrderState.CANCELLED,
        (OrderState.DELIVERED, OrderAct.CANCELLED): OrderState.CANCELLED,
    },
)
"""A message that comes late (`shipped` after `delivered`) moves nothing; a cancelled order stays cancelled: nobody is
ever reminded of it."""


@dataclass(frozen=True, slots=True)
class Happened:
    """One event as far as the fold needs it."""

    event: str
    external_id: str
    occurred_at: datetime
    amount_minor: int | None = None


@dataclass(frozen=True, slots=True)
class OrderFold:
    """An order after all its events. Amounts in minor units, never negative."""

    state: OrderState
    paid_minor: int
    refunded_minor: int
    returned_minor: int
    open_minor: int
    paid_at: datetime | None
    """When payments first covered what is due."""
    shipped_at: datetime | None
    """The first parcel."""
    delivered_at: datetime | None
    """The last parcel: rights of withdrawal run from there (§ 356 (2) BGB)."""
    cancelled_at: datetime | None
    withdrawn_at: datetime | None


def fold(events: Iterable[Happened], total_minor: int) -> OrderFold:
    """The order as its events make it; the same for every order of their arrival.

    Withdrawal, return and refund are told of the same goods one after the other: only the largest of the three lowers what
    is due.
    """
    history = sorted(events, key=lambda event: (event.occurred_at, event.external_id))
    paid, refunded, returned = (_sum(history, act) for act in (OrderAct.PAID, OrderAct.REFUNDED, OrderAct.RETURNED))
    state = _state(history)
    due = max(0, total_minor - max(refunded, returned, _withdrawn(history, total_minor)))
    return OrderFold(
        state=state,
        paid_minor=paid,
        refunded_minor=refunded,
        returned_minor=returned,
        open_minor=0 if state == OrderState.CANCELLED else max(0, due - max(0, paid - refunded)),
        paid_at=_covered_at(history, due),
        shipped_at=min(_times(history, OrderAct.SHIPPED), default=None),
        delivered_at=max(_times(history, OrderAct.DELIVERED), default=None),
        cancelled_at=min(_times(history, OrderAct.CANCELLED), default=None),
        withdrawn_at=min(_times(history, OrderAct.WITHDRAWN), default=None),
    )


def _withdrawn(history: Iterable[Happened], total_minor: int) -> int:
    """Value that withdrawals cover; one without amount covers the whole order."""
    amounts = [event.amount_minor for event in history if event.event == OrderAct.WITHDRAWN]
    return total_minor if None in amounts else sum(amount for amount in amounts if amount is not None)


def _state(history: Iterable[Happened]) -> OrderState:
    state = FULFILMENT.start
    for event in history:
        if FULFILMENT.allows(state, event.event):
            state = FULFILMENT.after(state, event.event)
    return state


def _sum(history: Iterable[Happened], act: OrderAct) -> int:
    return sum(event.amount_minor or 0 for event in history if event.event == act)


def _times(history: Iterable[Happened], act: OrderAct) -> list[datetime]:
    return [event.occurred_at for event in history if event.event == act]


def _covered_at(history: Iterable[Happened], due: int) -> datetime | None:
    payments = [event for event in history if event.event == OrderAct.PAID]
    sums = accumulate(event.amount_minor or 0 for event in payments)
    return next((event.occurred_at for event, paid in zip(payments, sums, strict=True) if paid >= due), None)
