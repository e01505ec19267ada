"""Facts that returns publish to whoever stands above (pure): ids and amounts, in the transaction in which they happened."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class ReturnFact:
    """Which return of which order. The tenant is the transaction's."""

    return_id: UUID
    order_id: UUID
    shop_id: UUID
    buyer_id: UUID
    live: bool
    kind: str
    amount_minor: int
    currency: str
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class ReturnAnnounced(ReturnFact):
    """Goods are to come back."""


@dataclass(frozen=True, slots=True)
class ReturnReceived(ReturnFact):
    """Goods are there."""


@dataclass(frozen=True, slots=True)
class ReturnSettled(ReturnFact):
    """What was owed for it has been paid back."""


@dataclass(frozen=True, slots=True)
class ReturnRefused(ReturnFact):
    """The merchant does not take it."""


@dataclass(frozen=True, slots=True)
class ReturnCancelled(ReturnFact):
    """The buyer keeps the goods after all."""


@dataclass(frozen=True, slots=True)
class ReturnExpired(ReturnFact):
    """The goods never came."""
