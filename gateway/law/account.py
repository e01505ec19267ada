"""The account of one debt: interest accrues, payments and credits come, and every step can be checked (pure).

A payment of day P finds the interest on the old balance up to and including P−1. Interest is rounded once per run, from
one payment to the next, and never bears interest (§ 289 BGB). A statement up to S counts S.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from gateway.core.errors import Invalid
from gateway.law.allocation import Debt, allocate
from gateway.law.interest import Accrual, Terms, accrue
from gateway.law.lines import Line, line
from gateway.law.periods import euros
from gateway.law.tables import DAY, Tables

OPENING, PAYMENT, CREDIT, CREDIT_FROM_START, COSTS = "opening", "payment", "credit", "credit-from-start", "costs"
KINDS = (OPENING, PAYMENT, CREDIT, CREDIT_FROM_START, COSTS)
_ORDER = {OPENING: 0, COSTS: 1, CREDIT: 2, PAYMENT: 3}


@dataclass(frozen=True, slots=True)
class Movement:
    """What changes the debt on a day: the opening principal, a payment, a credit (a return), costs.

    A credit from the start takes principal away as if it had never been owed: a returned part of the goods.
    """

    kind: str
    day: date
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One payment: what had accrued since the last one, what it paid, what is left, what was paid too much."""

    date: date
    days: int
    accrued_minor: int
    applied: Debt
    rest: Debt
    overpaid_minor: int = 0


@dataclass(frozen=True, slots=True)
class Account:
    """The payments, what is owed at the end, and the lines by which to check it."""

    entries: tuple[Entry, ...]
    rest: Debt
    total_minor: int
    working: tuple[str, ...]
    overpaid_minor: int = 0


@dataclass(frozen=True, slots=True)
class _Standing:
    """The debt at the start of a day; `steps` are the balances of this run."""

    day: date
    debt: Debt
    steps: tuple[tuple[date, int], ...]
    overpaid_minor: int = 0


def account(
    terms: Terms, movements: Sequence[Movement], first: date, through: date, rule: str, tables: Tables
) -> Account:
    """Interest runs from `first`; movements after `through` are not looked at.

    Raises Invalid for an unknown kind or a negative amount, and what `accrue` and `allocate` raise.
    """
    if any(one.kind not in KINDS or one.amount_minor < 0 for one in movements):
        raise Invalid("a movement is of an unknown kind or negative")
    standing = _Standing(first, Debt(0, 0, 0), ())
    entries: list[Entry] = []
    working: list[str] = []
    for one in _ordered(movements, through):
        if one.kind != PAYMENT:
            standing = _changed(standing, one)
            continue
        accrual = _run(terms, standing, one.day - DAY, tables)
        standing, entry = _paid(standing, one, accrual, rule)
        entries.append(entry)
        working += [*accrual.working, _payment_line(entry)]
    accrual = _run(terms, standing, through, tables)
    rest = standing.debt + Debt(0, accrual.interest_minor, 0)
    closing = line(
        "{day}: {rest}, together {total}",
        "{day}: {rest}, zusammen {total}",
        day=through,
        rest=_parts(rest),
        total=euros(rest.total_minor),
    )
    working += [*accrual.working, closing]
    return Account(tuple(entries), rest, rest.total_minor, tuple(working), standing.overpaid_minor)


def _ordered(movements: Sequence[Movement], through: date) -> list[Movement]:
    """By day; on one day the debt grows and shrinks before it is paid. What was never owed comes off the opening."""
    never_owed = sum(one.amount_minor for one in movements if one.kind == CREDIT_FROM_START and one.day <= through)
    told = []
    for one in sorted((one for one in movements if one.kind == OPENING), key=lambda one: one.day):
        taken_minor = min(never_owed, one.amount_minor)
        never_owed -= taken_minor
        told.append(replace(one, amount_minor=one.amount_minor - taken_minor))
    told += [one for one in movements if one.kind in (PAYMENT, CREDIT, COSTS)]
    return sorted((one for one in told if one.day <= through), key=lambda one: (one.day, _ORDER[one.kind]))


def _run(terms: Terms, standing: _Standing, through: date, tables: Tables) -> Accrual:
    """The interest of this run, from where the last one ended."""
    return accrue(terms, standing.steps, standing.day, through, tables)


def _changed(standing: _Standing, one: Movement) -> _Standing:
    """Principal or costs change; the run goes on with another balance from that day."""
    if one.kind == COSTS:
        return replace(standing, debt=standing.debt + Debt(one.amount_minor, 0, 0))
    owed_minor = standing.debt.principal_minor
    change_minor = one.amount_minor if one.kind == OPENING else -min(one.amount_minor, owed_minor)
    overpaid_minor = one.amount_minor + change_minor if one.kind == CREDIT else 0
    debt = standing.debt + Debt(0, 0, change_minor)
    return replace(
        standing,
        debt=debt,
        steps=(*(step for step in standing.steps if step[0] != one.day), (one.day, debt.principal_minor)),
        overpaid_minor=standing.overpaid_minor + overpaid_minor,
    )


def _paid(standing: _Standing, one: Movement, accrual: Accrual, rule: str) -> tuple[_Standing, Entry]:
    owed = standing.debt + Debt(0, accrual.interest_minor, 0)
    done = allocate(rule, one.amount_minor, owed)
    entry = Entry(one.day, accrual.days, accrual.interest_minor, done.applied, done.rest, done.overpaid_minor)
    overpaid_minor = standing.overpaid_minor + done.overpaid_minor
    begins = max(standing.day, one.day)
    return _Standing(begins, done.rest, ((begins, done.rest.principal_minor),), overpaid_minor), entry


def _payment_line(entry: Entry) -> Line:
    return line(
        "{day}: {paid} paid after {days} days and {accrued} interest → {applied}; left: {rest}",
        "{day}: {paid} gezahlt nach {days} Tagen und {accrued} Zinsen → {applied}; Rest: {rest}",
        day=entry.date,
        paid=euros(entry.applied.total_minor + entry.overpaid_minor),
        days=entry.days,
        accrued=euros(entry.accrued_minor),
        applied=_parts(entry.applied),
        rest=_parts(entry.rest),
    )


def _parts(debt: Debt) -> Line:
    return line(
        "costs {costs}, interest {interest}, principal {principal}",
        "Kosten {costs}, Zinsen {interest}, Hauptforderung {principal}",
        costs=euros(debt.costs_minor),
        interest=euros(debt.interest_minor),
        principal=euros(debt.principal_minor),
    )


def opening(principal_minor: int, first: date, costs_minor: int = 0) -> list[Movement]:
    """The usual beginning: the principal is there before interest starts, and with it the costs so far."""
    day = first - timedelta(days=1)
    return [Movement(OPENING, day, principal_minor), Movement(COSTS, day, costs_minor)]
