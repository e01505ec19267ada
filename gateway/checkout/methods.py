"""What each kind of payment method means for the merchant's risk: a table, not code."""

from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind. `safety` 0 is money before goods without recourse, 3 is goods first."""

    safety: int
    default: bool
    """Whether the merchant loses when the buyer does not pay afterwards."""
    chargeback: float
    """Share of fraudulent orders that end as a loss for the merchant by chargeback or returned debit."""
    deposit: bool
    """Whether part of the amount can be asked for before."""
    label_de: str
    label_en: str


KINDS = MappingProxyType(
    {
        "prepayment": Kind(0, False, 0.0, False, "Vorkasse", "prepayment"),
        "instant_transfer": Kind(0, False, 0.0, False, "Sofortüberweisung", "instant transfer"),
        "gift_card": Kind(0, False, 0.0, False, "Gutschein", "gift card"),
        "bnpl_guaranteed": Kind(0, False, 0.05, False, "Ratenkauf mit Garantie", "pay later, guaranteed"),
        "card_3ds": Kind(1, False, 0.10, False, "Karte mit 3-D Secure", "card with 3-D Secure"),
        "wallet": Kind(1, False, 0.20, False, "Wallet", "wallet"),
        "paypal": Kind(1, False, 0.30, False, "PayPal", "PayPal"),
        "card": Kind(2, False, 0.90, False, "Karte", "card"),
        "other": Kind(2, False, 0.50, False, "andere Zahlungsart", "other method"),
        "sepa_debit": Kind(3, True, 0.90, True, "Lastschrift", "direct debit"),
        "cash_on_delivery": Kind(3, True, 0.60, True, "Nachnahme", "cash on delivery"),
        "invoice": Kind(3, True, 0.95, True, "Rechnung", "invoice"),
        "instalments": Kind(3, True, 0.95, True, "Ratenzahlung", "instalments"),
    },
)
"""Shares of chargeback are stated priors; the merchant's economics may replace them."""

SAFE = 1
"""Kinds up to this safety are never taken away by risk alone."""
DEPOSIT_LADDER = (0, 10, 30, 50, 100)


@dataclass(frozen=True, slots=True)
class Method:
    """A payment method the shop could show: its own id, our kind."""

    id: str
    kind: str
    supports_deposit: bool = True
    fee_minor: int = 0
    """What the shop charges the buyer for paying this way; an invoice that costs him anything is consumer credit."""
