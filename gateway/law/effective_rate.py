"""The effective annual rate of instalments (PAngV § 16 and its annex; pure).

The rate at which the instalments, discounted by the month, are worth the price; exact decimals, rounded half up to two digits.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, localcontext

from gateway.core.errors import Contradictory, Invalid

MOST_MONTHS, MOST_INSTALMENTS = 600, 600
_MOST_MONTHLY = Decimal(1000)
"""Beyond a thousandfold each month there is no rate that tells anybody anything."""
_DIGITS, _STEPS = 80, 250
_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Instalment:
    """An amount paid so many months after the price was deferred."""

    month: int
    amount_minor: int


def effective_rate(price_minor: int, instalments: Sequence[Instalment]) -> Decimal:
    """Percent a year with two digits; below zero where less is paid than the price. Raises Invalid and Contradictory."""
    _check(price_minor, instalments)
    by_month = _by_month(instalments)
    with localcontext(prec=_DIGITS):
        if sum(by_month) == price_minor:
            return Decimal(0).quantize(_CENT)
        low, high = Decimal(0), _MOST_MONTHLY
        if _worth(by_month, high) > price_minor:
            raise Contradictory("more is paid than any rate explains")
        for _ in range(_STEPS):
            middle = (low + high) / 2
            low, high = (middle, high) if _worth(by_month, middle) > price_minor else (low, middle)
        return ((high**12 - 1) * 100).quantize(_CENT, ROUND_HALF_UP) + 0  # no zero below zero


def _check(price_minor: int, instalments: Sequence[Instalment]) -> None:
    if price_minor <= 0 or not 1 <= len(instalments) <= MOST_INSTALMENTS:
        raise Invalid(f"a price above nothing and 1 to {MOST_INSTALMENTS} instalments are needed")
    if any(one.amount_minor <= 0 or not 0 <= one.month <= MOST_MONTHS for one in instalments):
        raise Invalid(f"an instalment is more than nothing and at most {MOST_MONTHS} months away")
    total_minor = sum(one.amount_minor for one in instalments)
    at_once_minor = sum(one.amount_minor for one in instalments if one.month == 0)
    if (at_once_minor >= price_minor and total_minor > price_minor) or at_once_minor == total_minor < price_minor:
        raise Contradictory("what is paid at once and later fits no rate")


def _by_month(instalments: Sequence[Instalment]) -> list[int]:
    """What is paid in each month, from the start to the last one."""
    paid = [0] * (max(one.month for one in instalments) + 1)
    for one in instalments:
        paid[one.month] += one.amount_minor
    return paid


def _worth(by_month: Sequence[int], monthly: Decimal) -> Decimal:
    """What the instalments are worth at the start, where an amount grows by this factor each month."""
    worth = Decimal(0)
    for amount_minor in reversed(by_month):
        worth = worth / monthly + amount_minor
    return worth
