"""The effective annual rate of instalments (PAngV § 16 and its annex; pure).

The rate at which the instalments, discounted by the month, are worth the price; exact decimals, rounded half up to two digits.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, localcontext

from gateway.core.errors import Contradictory, Invalid

MOST_MONTHS, MOST_INSTALMENTS = 600, 600
_LEAST_GROWTH, _MOST_GROWTH = Decimal("1e-9"), Decimal("1e9")
_STEPS = 200
_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Instalment:
    """An amount paid so many months after the price was deferred."""

    month: int
    amount_minor: int


def effective_rate(price_minor: int, instalments: Sequence[Instalment]) -> Decimal:
    """Percent a year with two digits; below zero where less is paid than the price. Raises Invalid and Contradictory."""
    _check(price_minor, instalments)
    with localcontext(prec=50):
        low, high = _LEAST_GROWTH, _MOST_GROWTH
        if _worth(instalments, Decimal(1)) == price_minor:
            return Decimal(0).quantize(_CENT)
        for _ in range(_STEPS):
            middle = (low + high) / 2
            low, high = (middle, high) if _worth(instalments, middle) > price_minor else (low, middle)
        return ((low - 1) * 100).quantize(_CENT, ROUND_HALF_UP)


def _check(price_minor: int, instalments: Sequence[Instalment]) -> None:
    if price_minor <= 0 or not 1 <= len(instalments) <= MOST_INSTALMENTS:
        raise Invalid(f"a price above nothing and 1 to {MOST_INSTALMENTS} instalments are needed")
    if any(one.amount_minor <= 0 or not 0 <= one.month <= MOST_MONTHS for one in instalments):
        raise Invalid(f"an instalment is more than nothing and at most {MOST_MONTHS} months away")
    total_minor = sum(one.amount_minor for one in instalments)
    at_once_minor = sum(one.amount_minor for one in instalments if one.month == 0)
    if (at_once_minor >= price_minor and total_minor > price_minor) or at_once_minor == total_minor < price_minor:
        raise Contradictory("what is paid at once and later fits no rate")


def _worth(instalments: Sequence[Instalment], growth: Decimal) -> Decimal:
    """What the instalments are worth at the start, with so much growth a year; summed by month, each power taken once."""
    by_month: dict[int, int] = {}
    for one in instalments:
        by_month[one.month] = by_month.get(one.month, 0) + one.amount_minor
    monthly = (growth.ln() / 12).exp()
    return sum((amount / monthly**month for month, amount in by_month.items()), Decimal(0))
