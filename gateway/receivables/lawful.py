"""What the law says to a claim's ledger: from when it is in default, what its interest is (pure)."""

from collections.abc import Callable
from datetime import date
from typing import Any

from gateway.core.errors import GatewayError
from gateway.law import interest
from gateway.law.interest import Terms
from gateway.law.tables import Tables
from gateway.receivables.booking import Accrued, Rules, Steps

Rulebook = Callable[[Any], Rules]
"""A claim's row → what decides beside its items."""
_Known = dict[tuple[Terms, tuple[tuple[date, int], ...], date, date], Accrued]


def terms_of(claim: Any) -> Terms:
    """Whose rate a claim bears: the debtor's country, consumer or business, the day of the contract."""
    return Terms(claim.country, claim.debtor, claim.currency, claim.contract_date)


def known_through(terms: Terms, tables: Tables) -> date:
    """The last day whose rate is known; `date.min` where no table has one: interest is reserved then, not booked."""
    try:
        return interest.rate_known_through(terms, tables)
    except GatewayError:
        return date.min


def rulebook(tables: Tables) -> Rulebook:
    """Rules of any claim by these tables."""
    known: dict[Terms, date] = {}
    accrued: _Known = {}

    def rules_of(claim: Any) -> Rules:
        terms = terms_of(claim)
        if terms not in known:
            known[terms] = known_through(terms, tables)
        return Rules(
            claim.default_from, claim.interest_from, known[terms], accruing(terms, tables, accrued), claim.allocation
        )

    return rules_of


def accruing(terms: Terms, tables: Tables, known: _Known) -> Callable[[Steps, date, date], Accrued]:
    """Each stretch is counted once: a replay asks for the same ones again."""

    def accrue(steps: Steps, first: date, through: date) -> Accrued:
        stretch = (terms, tuple(clipped(steps, first)), first, through)
        if stretch not in known:
            found = interest.accrue(terms, stretch[1], first, through, tables)
            known[stretch] = Accrued(found.exact, {"lines": list(found.working), "days": found.days})
        return known[stretch]

    return accrue


def clipped(steps: Steps, first: date) -> list[tuple[date, int]]:
    """The principal from the first day of interest on, one step a day, the last of a day counting."""
    at: dict[date, int] = {}
    for day, principal_minor in sorted(steps, key=lambda step: step[0]):
        at[max(day, first)] = principal_minor
    return list(at.items())
