"""Which kind of payment method a name on a Shopify order most likely is: a proposal that the merchant may overrule.

Shopify tells gateways by name only: technical names of providers, and for manual methods whatever the merchant wrote.
Providers are recognised before words, since "Klarna Rechnung" and "PayPal Rechnungskauf" are no invoices of the shop.
"""

import re
from types import MappingProxyType

from gateway.shops.identity import fold

KINDS = MappingProxyType(
    {
        "shopify payments": "card_3ds",
        "bogus": "card",
        "visa": "card",
        "authorize net": "card",
        "stripe": "card_3ds",
        "adyen": "card_3ds",
        "mollie": "card_3ds",
        "worldpay": "card_3ds",
        "shopify installments": "bnpl_guaranteed",
        "shop pay installments": "bnpl_guaranteed",
        "shop pay": "wallet",
        "shop cash": "gift_card",
        "manual": "other",
        "cash": "prepayment",
        "money order": "prepayment",
        "bank deposit": "prepayment",
        "gift card": "gift_card",
        "cod": "cash_on_delivery",
    }
)
"""Whole names in their plain form (lower case, words with one blank between) → our kind."""
WORDS: tuple[tuple[str, str], ...] = (
    ("paypal (later|pay later|rechnung|ratenzahlung|rechnungskauf)", "bnpl_guaranteed"),
    (
        "klarna|riverty|afterpay|clearpay|affirm|billie|mondu|ratepay|scalapay|alma|sezzle|twisto|paylater",
        "bnpl_guaranteed",
    ),
    ("rechnung .*paypal|pay later", "bnpl_guaranteed"),
    ("paypal", "paypal"),
    ("apple pay|google pay|amazon( pay|payments| payments)?|twint|vipps|mobilepay|swish|satispay|alipay", "wallet"),
    (
        "sofort|sofortueberweisung|giropay|eps|ideal|bancontact|przelewy ?24|p24|blik|trustly|wero|mybank|bizum",
        "instant_transfer",
    ),
    ("gift ?cards?|geschenkkarten?|geschenkgutscheine?|gutscheine?", "gift_card"),
    ("nachnahme|cash on delivery|cod|pay on delivery|zahlung bei lieferung", "cash_on_delivery"),
    ("lastschrift|sepa|bankeinzug|direct debit|sepa debit", "sepa_debit"),
    (
        "rechnung|kauf auf rechnung|rechnungskauf|auf rechnung|invoice|on account|net ?(7|14|30|45|60|90)( days)?",
        "invoice",
    ),
    (
        "vorkasse|vorauskasse|(vorab |vorab|bank)?ueberweisung|(bank|wire) transfer|bank deposit|money order|prepayment",
        "prepayment",
    ),
    ("advance payment", "prepayment"),
    ("kreditkarten?|credit card|debit card|card|cards", "card"),
)
"""Words anywhere in the plain name → our kind; the first row that fits counts."""
_PATTERNS = tuple((re.compile(rf"\b(?:{words})\b"), kind) for words, kind in WORDS)
_SEPARATORS = re.compile(r"[\W_]+")


def plain(name: str) -> str:
    """`Überweisung (Vorkasse)` → `ueberweisung vorkasse`."""
    return _SEPARATORS.sub(" ", fold(name)).strip()


def kind_of(name: str) -> str:
    """Our kind of a gateway's name; `other` for one that says nothing."""
    known = plain(name)
    return KINDS.get(known) or next((kind for words, kind in _PATTERNS if words.search(known)), "other")
