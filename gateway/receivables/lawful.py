"""What the law says to a claim's ledger: from when it is in default, what its interest is (pure)."""

from collections.abc import Callable
from datetime import date
from typing import Any

from gateway.receivables.booking import Rules, Steps

Rulebook = Callable[[Any], Rules]
"""A claim's row → what decides beside its items."""


def rulebook() -> Rulebook:
    """No table of rates is there: nothing is accrued."""

    def rules_of(claim: Any) -> Rules:
        return Rules(claim.default_from, claim.interest_from, known_through=date.min)

    return rules_of


def clipped(steps: Steps, first: date) -> list[tuple[date, int]]:
    """The principal from the first day of interest on, one step a day, the last of a day counting."""
    at: dict[date, int] = {}
    for day, principal_minor in sorted(steps, key=lambda step: step[0]):
        at[max(day, first)] = principal_minor
    return list(at.items())
