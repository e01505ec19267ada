"""What shops tell about orders, as frozen dataclasses (pure). The schemas of `schemas` make them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from gateway.shops.identity import Address, Identity

OWN_PREFIX = "kulanz:"
"""External ids of events that begin like this are ours."""
MAX_REFERENCE = 200


def is_reference(text: str) -> bool:
    """Whether a shop may call an order so: it stands in URLs (no slash), letters and files."""
    return 0 < len(text) <= MAX_REFERENCE and text.isprintable() and "/" not in text


class PaymentKind(StrEnum):
    """Our kinds of payment methods (DESIGN §1)."""

    PREPAYMENT = "prepayment"
    CARD = "card"
    CARD_3DS = "card_3ds"
    PAYPAL = "paypal"
    INSTANT_TRANSFER = "instant_transfer"
    SEPA_DEBIT = "sepa_debit"
    INVOICE = "invoice"
    INSTALMENTS = "instalments"
    CASH_ON_DELIVERY = "cash_on_delivery"
    BNPL_GUARANTEED = "bnpl_guaranteed"
    WALLET = "wallet"
    GIFT_CARD = "gift_card"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class BuyerTold:
    """The buyer as the shop knows him. Names serve letters and the desk; no score ever reads them."""

    email: str = ""
    phone: str = ""
    first_name: str = ""
    last_name: str = ""
    company: str = ""
    vat_id: str = ""
    customer_reference: str = ""
    guest: bool | None = None
    language: str = ""


@dataclass(frozen=True, slots=True)
class ItemTold:
    """One line of an order. `unit_minor` is what one piece costs including tax."""

    quantity: int
    unit_minor: int
    kind: str = "physical"
    sku: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class MethodTold:
    """How the order is paid: the shop's own id, our kind."""

    id: str
    kind: PaymentKind


@dataclass(frozen=True, slots=True)
class OrderTold:
    """An order as it stands in the shop. Amounts in minor units of `currency`, times aware UTC."""

    method: MethodTold
    currency: str
    total_minor: int
    placed_at: datetime
    due_date: date | None = None
    """Last day to pay, in the shop's calendar."""
    decision_id: str = ""
    buyer: BuyerTold = field(default_factory=BuyerTold)
    billing: Address | None = None
    delivery: Address | None = None
    items: Sequence[ItemTold] = ()

    @property
    def identity(self) -> Identity:
        return Identity(self.buyer.email, self.buyer.phone, self.billing, self.delivery)

    @property
    def details(self) -> dict[str, Any]:
        """What is sealed: buyer, addresses and items, without what was not told."""
        told = {
            "buyer": _brief(self.buyer),
            "billing": _brief(self.billing),
            "delivery": _brief(self.delivery),
            "items": [_brief(item) for item in self.items],
        }
        return {name: value for name, value in told.items() if value}


@dataclass(frozen=True, slots=True)
class EventTold:
    """Something that happened to an order. `facts`: tracking, reason, reference of the payment."""

    event: str
    external_id: str
    occurred_at: datetime
    amount_minor: int | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


def _brief(told: Any) -> dict[str, Any]:
    return {} if told is None else {name: value for name, value in asdict(told).items() if value not in ("", None)}
