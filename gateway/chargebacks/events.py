"""What chargebacks publish to whoever stands above (pure)."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class ChargebackEvent:
    """Which chargeback, whose order and buyer where they are known, and how much is at stake. The tenant is the transaction's."""

    chargeback_id: UUID
    shop_id: UUID
    live: bool
    order_id: UUID | None
    buyer_id: UUID | None
    amount_minor: int
    currency: str
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class ChargebackOpened(ChargebackEvent):
    """A chargeback is heard of for the first time, whatever became of it since."""


@dataclass(frozen=True, slots=True)
class ChargebackAnswered(ChargebackEvent):
    """The merchant's evidence was handed in."""


@dataclass(frozen=True, slots=True)
class ChargebackWon(ChargebackEvent):
    """The merchant keeps the money, for now."""


@dataclass(frozen=True, slots=True)
class ChargebackLost(ChargebackEvent):
    """The money is gone."""


@dataclass(frozen=True, slots=True)
class ChargebackAccepted(ChargebackEvent):
    """The merchant gave it up."""
