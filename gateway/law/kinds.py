"""Which tables of the law there are and what their keys and values look like (pure)."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

MONEY_DIGITS = 2
_PERCENT = r"[0-9]{1,2}(\.[0-9]{1,4})?"
_FACTOR = r"[0-9](\.[0-9]{1,2})?"
_AMOUNT = r"[0-9]{1,9}\.[0-9]{2}"
_WHOLE = r"[0-9]{1,3}"
_STEP = rf"(?:[0-9]{{1,9}}|\*)/[0-9]{{1,9}}/{_AMOUNT}"
_BRACKET = rf"(?:[0-9]{{1,9}}|\*):{_AMOUNT}"
HALF_YEAR, ONE_DAY = "a half-year from 1 January or 1 July", "one day"


def _rising(value: str) -> bool:
    """Whether the limits of steps or brackets rise, the last of them is open, and no step is of no width."""
    limits = [re.split("[/:]", part)[0] for part in value.split()]
    widths = [part.split("/")[1] for part in value.split() if "/" in part]
    rising = [int(limit) for limit in limits[:-1] if limit != "*"]
    return (
        limits[-1] == "*"
        and len(rising) == len(limits) - 1
        and rising == sorted(set(rising))
        and all(int(width) for width in widths)
    )


@dataclass(frozen=True, slots=True)
class Kind:
    """The form of a table: the value of each key that is read, and whether its rows must follow each other without a gap.

    Only keys that somebody reads are known, so that a misspelt one is told and not passed over.
    """

    about: str
    values: Mapping[str, str]
    """Pattern of the key → pattern of its value."""
    runs_on: bool = True
    span: str = ""
    """How long each row holds, where that is fixed: a value of a half-year must not be carried on."""
    sound: Callable[[str], bool] = bool
    """What a pattern cannot say about a value."""

    def knows(self, key: str) -> bool:
        return self._form(key) is not None

    def holds(self, key: str, value: str) -> bool:
        form = self._form(key)
        return form is not None and bool(re.fullmatch(form, value, re.ASCII)) and self.sound(value)

    def lasts(self, first: date, last: date) -> bool:
        """Whether a row of the table may hold from the first to the last day."""
        if self.span == ONE_DAY:
            return first == last
        if self.span == HALF_YEAR:
            ends = {(1, 1): (6, 30), (7, 1): (12, 31)}.get((first.month, first.day))
            return ends == (last.month, last.day) and first.year == last.year
        return True

    def _form(self, key: str) -> str | None:
        return next((form for known, form in self.values.items() if re.fullmatch(known, key, re.ASCII)), None)


KINDS: dict[str, Kind] = {
    "base-rate": Kind("base or reference rate of a half-year, percent", {"AT|DE|EU": f"-?{_PERCENT}"}, span=HALF_YEAR),
    "rate-points": Kind(
        "points above the base rate, by the date of the contract",
        {"AT/business|DE/(business|consumer)|EU/late-payment": _PERCENT},
    ),
    "fixed-rate": Kind("default rate that the law fixes, percent", {"AT/consumer|CH/any": _PERCENT}),
    "lump-sum": Kind("lump sum for late payment", {"[A-Z]{2}/business|EU/late-payment": _AMOUNT}),
    "lawyer-fee-steps": Kind("fee by value: up to/each/fee", {"DE": rf"{_STEP}(?: {_STEP})*"}, sound=_rising),
    "lawyer-fee-rule": Kind(
        "factors, minimum and other numbers of lawyers' fees",
        {
            "DE/(agreement-factor|disputed-most|least|undisputed-most)": _FACTOR,
            "DE/(agreement-share|expenses-percent)": _PERCENT,
            "DE/(expenses-limit|minimum|small-fee|small-limit)": _AMOUNT,
        },
    ),
    "court-fee-steps": Kind("fee by value: up to/each/fee", {"DE": rf"{_STEP}(?: {_STEP})*"}, sound=_rising),
    "court-fee-rule": Kind(
        "factors and minimum of court fees",
        {"DE/(action|payment-order)": _FACTOR, "DE/payment-order-least": _AMOUNT},
    ),
    "enforcement-cost": Kind("cost by value: up to:cost", {"CH": rf"{_BRACKET}(?: {_BRACKET})*"}, sound=_rising),
    "vat-rate": Kind("value added tax, percent", {"DE": _PERCENT}),
    "dunning-fee": Kind("most that a letter may cost", {"(AT|DE)/(email|letter|most)": _AMOUNT}),
    "holiday": Kind(
        "single days beside the calendar", {"[A-Z]{2}(-[A-Za-z0-9]+)?": "holiday|working"}, runs_on=False, span=ONE_DAY
    ),
    "retention": Kind(
        "years from the end of the calendar year, by date of the document", {"DE/(book|letter|voucher)": _WHOLE}
    ),
    "limitation": Kind(
        "years until a claim is barred",
        {"(AT|DE)/(standard|title)|CH/(general|loss-certificate|standard|title)": _WHOLE},
    ),
    "bureau-rules": Kind("rule set for reports to a credit bureau", {"DE": r"[a-z0-9-]{1,40}", "DE/days": _WHOLE}),
    "consumer-credit": Kind(
        "rule set and days of own deferred payment",
        {"DE/rule-set": "bgb-506-old|ccd2", "DE/days(-large-online)?": _WHOLE},
    ),
    "withdrawal": Kind(
        "days and months of withdrawal and refund", {"DE/(days|refund-days|uninstructed-months)": _WHOLE}
    ),
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
