"""What a shop asks at checkout, as frozen dataclasses (pure). The schemas of `schemas` make them."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from gateway.checkout.methods import Method
from gateway.risk.basket import Item
from gateway.shops.identity import Address


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
class Context:
    """Where the request came from. `device_id` only with the buyer's consent."""

    ip: str = ""
    user_agent: str = ""
    device_id: str = ""
    device_consent: bool = False
    payment_handle: str = ""
    """A token, hash or IBAN of the payment instrument, as the shop has it."""


@dataclass(frozen=True, slots=True)
class CheckoutRequest:
    """One question: this basket, this buyer, these methods. Amounts in minor units of `currency`."""

    currency: str
    total_minor: int
    methods: Sequence[Method]
    reference: str = ""
    items: Sequence[Item] = ()
    shipping_minor: int = 0
    fees_minor: int = 0
    tax_minor: int = 0
    """Tax that is not contained in the prices of the items."""
    discount_minor: int = 0
    buyer: BuyerTold = field(default_factory=BuyerTold)
    billing: Address | None = None
    delivery: Address | None = None
    context: Context = field(default_factory=Context)
