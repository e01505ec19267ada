"""What providers' reasons and networks' codes mean, from tables with their source and certainty (pure)."""

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from importlib.resources import files
from types import MappingProxyType

CATEGORIES = (
    "fraud",
    "not_received",
    "not_as_described",
    "duplicate",
    "credit_not_processed",
    "cancelled_recurring",
    "processing",
    "other",
)
_VISA = re.compile(r"1[0-3]\.\d{1,2}(\.\d)?")
_MASTERCARD = re.compile(r"48\d\d")
_WALLETS = frozenset({"paypal", "klarna"})


@dataclass(frozen=True, slots=True)
class Deadline:
    """Until when it can be answered, who says so, and how sure that is."""

    due_at: datetime
    source: str
    certainty: str


def rows(name: str) -> list[dict[str, str]]:
    """A table of this package."""
    text = files("gateway.chargebacks").joinpath("tables", name).read_text()
    return list(csv.DictReader(text.splitlines()))


@cache
def _reasons() -> Mapping[tuple[str, str], str]:
    return MappingProxyType({(row["provider"], row["word"].lower()): row["category"] for row in rows("reasons.csv")})


def category_of(provider: str, reason: str, network_code: str) -> str:
    """The network's code says more than the provider's word."""
    known, code, word = _reasons(), network_code.strip().lower(), reason.strip().lower()
    for key in (("", code), (provider, word), ("", word)):
        if key in known:
            return known[key]
    return "other"


def network_of(network_code: str, method: str) -> str:
    """The card network, from the form of its code or from the method's name; empty where neither says."""
    for name in ("visa", "mastercard", "amex"):
        if name in method.lower():
            return name
    code = network_code.strip()
    if _VISA.fullmatch(code):
        return "visa"
    return "mastercard" if _MASTERCARD.fullmatch(code) else ""


def kind_of(provider: str, method: str, network: str) -> str:
    """`card`, `wallet`, `direct_debit` or `other`."""
    word = method.lower()
    if "sepa" in word or "debit" in word.replace("debit card", ""):
        return "direct_debit"
    if network or "card" in word or word in ("mc", "scheme"):
        return "card"
    if provider in _WALLETS or any(name in word for name in ("paypal", "klarna", "wallet", "amazon")):
        return "wallet"
    return "card" if provider in ("stripe", "adyen") and not word else "other"


def default_deadline(provider: str, category: str, opened_at: datetime) -> Deadline:
    """From the dated table: the row of provider and category, else the provider's, else the shortest known."""
    day = opened_at.date()
    valid = [row for row in rows("deadlines.csv") if date.fromisoformat(row["valid_from"]) <= day]
    fitting = [
        row
        for key in ((provider, category), (provider, ""), ("", ""))
        for row in valid
        if (row["provider"], row["category"]) == key
    ]
    row = fitting[0]
    return Deadline(opened_at + timedelta(days=int(row["days"])), "default", row["certainty"])


def answer_by(due_day: date) -> date:
    """One working day before the deadline (weekends count as none): a day is kept for what goes wrong."""
    day = due_day - timedelta(days=1)
    while day.weekday() > 4:
        day -= timedelta(days=1)
    return day
