"""Facts that shops publish to whoever stands above: one class per thing that can happen to an order or a buyer."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class OrderFact:
    """Which order, and when it happened. The tenant is the transaction's."""

    order_id: UUID
    shop_id: UUID
    buyer_id: UUID
    live: bool
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class OrderPlaced(OrderFact):
    """A shop told an order for the first time. A listener may refuse a decision it does not know."""

    decision_id: UUID | None
    total_minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class OrderChanged(OrderFact):
    """A shop told the order again with other facts; `changed` names them (`total_minor`, `items`, …)."""

    decision_id: UUID | None
    total_minor: int
    currency: str
    changed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OrderMoved(OrderFact):
    """An event of an order, stored under `event_id`; `amount_minor` where it has one."""

    event_id: UUID
    amount_minor: int | None


@dataclass(frozen=True, slots=True)
class OrderPaid(OrderMoved):
    """Money came in at the shop."""


@dataclass(frozen=True, slots=True)
class OrderShipped(OrderMoved):
    """A parcel left."""


@dataclass(frozen=True, slots=True)
class OrderDelivered(OrderMoved):
    """A parcel arrived."""


@dataclass(frozen=True, slots=True)
class OrderCancelled(OrderMoved):
    """The order is off."""


@dataclass(frozen=True, slots=True)
class OrderReturned(OrderMoved):
    """Goods came back; the amount is their value."""


@dataclass(frozen=True, slots=True)
class OrderRefunded(OrderMoved):
    """Money went back to the buyer."""


@dataclass(frozen=True, slots=True)
class OrderWithdrawn(OrderMoved):
    """The buyer declared his withdrawal (Widerruf); the amount is the value it covers, None for the whole order."""


@dataclass(frozen=True, slots=True)
class BuyerForgotten:
    """A buyer is erased in this transaction: whoever keeps something of him deletes it now."""

    buyer_id: UUID
