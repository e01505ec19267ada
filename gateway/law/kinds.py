"""Which tables of the law there are and what their keys and values look like (pure)."""

import re
from dataclasses import dataclass
from decimal import Decimal

MONEY_DIGITS = 2
_NUMBER = r"-?[0-9]{1,6}(\.[0-9]{1,4})?"
_AMOUNT = r"[0-9]{1,9}\.[0-9]{2}"
_WHOLE = r"[0-9]{1,4}"
_STEP = rf"(?:[0-9]{{1,9}}|\*)/[0-9]{{1,9}}/{_AMOUNT}"
_BRACKET = rf"(?:[0-9]{{1,9}}|\*):{_AMOUNT}"
_LAND = r"[A-Z]{2}"


@dataclass(frozen=True, slots=True)
class Kind:
    """The form of a table: its keys, its values, and whether its rows must follow each other without a gap."""

    about: str
    key: str
    value: str
    runs_on: bool = True
    must_end: bool = False
    """Whether a row needs its last day: a value of a half-year must not be carried on."""

    def knows(self, key: str) -> bool:
        return bool(re.fullmatch(self.key, key, re.ASCII))

    def holds(self, value: str) -> bool:
        return bool(re.fullmatch(self.value, value, re.ASCII))


KINDS: dict[str, Kind] = {
    "base-rate": Kind("base or reference rate of a half-year, percent", _LAND, _NUMBER, must_end=True),
    "rate-points": Kind("points above the base rate, by the date of the contract", rf"{_LAND}/[a-z-]+", _NUMBER),
    "fixed-rate": Kind("default rate that the law fixes, percent", rf"{_LAND}/[a-z-]+", _NUMBER),
    "lump-sum": Kind("lump sum for late payment", rf"{_LAND}/[a-z-]+", _AMOUNT),
    "lawyer-fee-steps": Kind("fee by value: up to/each/fee", _LAND, rf"{_STEP}(?: {_STEP})*"),
    "lawyer-fee-rule": Kind("factors, minimum and other numbers of lawyers' fees", rf"{_LAND}/[a-z-]+", _NUMBER),
    "court-fee-steps": Kind("fee by value: up to/each/fee", _LAND, rf"{_STEP}(?: {_STEP})*"),
    "court-fee-rule": Kind("factors and minimum of court fees", rf"{_LAND}/[a-z-]+", _NUMBER),
    "enforcement-cost": Kind("cost by value: up to:cost", _LAND, rf"{_BRACKET}(?: {_BRACKET})*"),
    "vat-rate": Kind("value added tax, percent", _LAND, _NUMBER),
    "dunning-fee": Kind("most that a letter may cost", rf"{_LAND}/[a-z-]+", _AMOUNT),
    "holiday": Kind(
        "single days beside the calendar",
        rf"{_LAND}(?:-[A-Za-z0-9]+)?",
        "holiday|working",
        runs_on=False,
        must_end=True,
    ),
    "retention": Kind("years from the end of the calendar year, by date of the document", rf"{_LAND}/[a-z]+", _WHOLE),
    "limitation": Kind("years until a claim is barred", rf"{_LAND}/[a-z]+", _WHOLE),
    "bureau-rules": Kind("rule set for reports to a credit bureau", rf"{_LAND}(?:/[a-z-]+)?", r"[a-z0-9-]{1,40}"),
    "consumer-credit": Kind("rule set and days of own deferred payment", rf"{_LAND}/[a-z-]+", r"[a-z0-9-]{1,40}"),
    "withdrawal": Kind("days and months of withdrawal and refund", rf"{_LAND}/[a-z-]+", _WHOLE),
}


def minor(amount: str) -> int:
    """An amount of a table in the smallest unit."""
    return int(Decimal(amount).scaleb(MONEY_DIGITS))


def stepped(value: str, amount_minor: int) -> int:
    """The fee of an amount: each started step adds its fee, bracket by bracket."""
    fee_minor = lower_minor = 0
    for part in value.split():
        limit, width, fee = part.split("/")
        upper_minor = amount_minor if limit == "*" else min(amount_minor, minor(limit))
        fee_minor += -(-max(upper_minor - lower_minor, 0) // minor(width)) * minor(fee)
        lower_minor = upper_minor
    return fee_minor


def bracketed(value: str, amount_minor: int) -> int:
    """The cost of the first bracket that is large enough."""
    parts = [part.split(":") for part in value.split()]
    return next(minor(cost) for limit, cost in parts if limit == "*" or amount_minor <= minor(limit))
