"""Instalment plans: which rates are due when, what a plan may not be, and what a day makes of a running one (pure).

A plan is free of charge and made after default, so that it stays outside consumer credit (Directive (EU) 2023/2225, art.
2 (2) (h); § 491a BGB would want information, a creditworthiness check and a right of withdrawal otherwise). Rates differ by
one minor unit at most, the first ones being the larger (largest remainder). Payments count to the oldest rate.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from gateway.core.errors import Invalid, Refused
from gateway.law import consumer_credit
from gateway.law.instalments import split
from gateway.law.periods import months_after
from gateway.law.tables import Tables
from gateway.receivables import working_days
from gateway.receivables.agreement_limits import AgreementLimits

MIN_RATES = 2
OPEN_STATES = frozenset({"OPEN", "DUNNING", "PRECOLLECTION"})
"""A claim in these can be put into a plan."""
WorkingDay = Callable[[date], date]
"""The day itself, or the next working day where the debtor lives."""


class MixedCurrencies(Invalid):
    """Claims in different currencies cannot be paid in one plan."""

    code = "mixed-currencies"


class NothingOwed(Refused):
    """Nothing is owed that could be paid in instalments."""


class PlanIsCredit(Refused):
    """A plan that costs something, or comes before default, is consumer credit; this gateway does not arrange it."""


class ClaimNotFree(Refused):
    """A claim that is disputed, in another plan, handed over or closed cannot be put into a plan."""


class Rhythm(StrEnum):
    """How often a rate is due."""

    MONTHLY = "monthly"
    WEEKLY = "weekly"


@dataclass(frozen=True, slots=True)
class PlanDebt:
    """What is owed on one claim on the day of the agreement."""

    claim_id: UUID
    currency: str
    owed_minor: int
    consumer: bool
    in_default: bool
    delivered_on: date
    """Or when it was contracted: from this day the law counts a deferred payment."""
    state: str = "DUNNING"


@dataclass(frozen=True, slots=True)
class PlanRequest:
    """What the debtor asks for. A fee or interest is there to be refused: nobody can agree one."""

    debts: tuple[PlanDebt, ...]
    rates: int
    first_due: date
    today: date
    country: str = "DE"
    region: str = ""
    rhythm: Rhythm = Rhythm.MONTHLY
    fee_minor: int = 0
    interest_percent: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Rate:
    """One part of a plan."""

    number: int
    due_date: date
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan that may be agreed."""

    currency: str
    total_minor: int
    rates: tuple[Rate, ...]
    debts: tuple[PlanDebt, ...]


def plan(request: PlanRequest, limits: AgreementLimits, tables: Tables) -> Plan:
    """The plan for a request. Raises Invalid, MixedCurrencies, NothingOwed, PlanIsCredit, ClaimNotFree."""
    total_minor = _total(request.debts)
    _refuse_beyond_limits(request, limits, total_minor)
    working_day = working_days.of(tables, request.country, request.region)
    days = due_dates(request.first_due, request.rates, request.rhythm, working_day)
    _refuse_credit(request, days[-1], tables)
    amounts = split(total_minor, request.rates)
    rates = tuple(Rate(number, *pair) for number, pair in enumerate(zip(days, amounts, strict=True), 1))
    return Plan(request.debts[0].currency, total_minor, rates, request.debts)


def most_rates(total_minor: int, limits: AgreementLimits) -> int:
    """The largest number of rates that may be chosen; below 2 there is no plan."""
    return min(limits.max_rates, total_minor // limits.min_rate_minor)


def due_dates(first_due: date, count: int, rhythm: Rhythm, working_day: WorkingDay) -> list[date]:
    """One day for each rate: the same day of the month (or its last), or of the week; then the next working day."""
    return [working_day(_nth(first_due, number, rhythm)) for number in range(count)]


def _nth(first: date, number: int, rhythm: Rhythm) -> date:
    return first + timedelta(weeks=number) if rhythm is Rhythm.WEEKLY else months_after(first, number)


def _refuse_credit(request: PlanRequest, last_due: date, tables: Tables) -> None:
    """After default and free of charge a plan is no credit; before, only while the law lets a seller wait anyway."""
    if request.fee_minor or request.interest_percent:
        raise PlanIsCredit(reason="costs")
    for debt in request.debts:
        if debt.consumer and not debt.in_default:
            days = max(0, (last_due - debt.delivered_on).days)
            offer = consumer_credit.Offer(False, True, days, False, False, request.today)  # noqa: FBT003 - the strict case
            if not consumer_credit.consumer_credit(offer, tables).exempt:
                raise PlanIsCredit(reason="before-default")


def _total(debts: Sequence[PlanDebt]) -> int:
    if len({debt.currency for debt in debts}) > 1:
        raise MixedCurrencies(errors=[{"path": "/claims", "message": "are in more than one currency"}])
    if busy := [debt.state for debt in debts if debt.state not in OPEN_STATES]:
        raise ClaimNotFree(states=busy)
    total_minor = sum(debt.owed_minor for debt in debts)
    if total_minor <= 0:
        raise NothingOwed
    return total_minor


def _refuse_beyond_limits(request: PlanRequest, limits: AgreementLimits, total_minor: int) -> None:
    if not MIN_RATES <= request.rates <= limits.max_rates:
        raise Invalid.at("/rates", f"is {MIN_RATES} to {limits.max_rates}")
    if total_minor // request.rates < limits.min_rate_minor:
        raise Invalid.at("/rates", "makes rates below the smallest one allowed")
    last = request.today + timedelta(days=limits.max_first_days)
    if not request.today < request.first_due <= last:
        raise Invalid.at("/first_due", f"is after today and not after {last}")


class PlanAct(StrEnum):
    """What a day makes of a running plan."""

    WAIT = "wait"
    WARN = "warn"
    """A rate is missing beyond the grace: the notice that the plan falls."""
    RECOVER = "recover"
    """What was missing came."""
    LAPSE = "lapse"
    FULFIL = "fulfil"


@dataclass(frozen=True, slots=True)
class PlanFacts:
    """A plan as it stands. `covered_minor` was paid or credited on its claims since it was agreed."""

    rates: tuple[Rate, ...]
    covered_minor: int
    grace_days: int
    notice_days: int
    falls_after: date | None = None
    """Last day to save a plan that was warned; None while it was not."""


@dataclass(frozen=True, slots=True)
class PlanStep:
    """What to do today, when to look again, and which rate is next."""

    act: PlanAct
    next_on: date | None
    open_rate: Rate | None = None
    missing_minor: int = 0
    """Due by today and not paid."""


def step(facts: PlanFacts, today: date, working_day: WorkingDay) -> PlanStep:
    """What this day makes of a plan; the same day gives the same answer however often it is asked."""
    open_rate = oldest_open(facts.rates, facts.covered_minor)
    if open_rate is None:
        return PlanStep(PlanAct.FULFIL, None)
    missing = max(0, sum(rate.amount_minor for rate in facts.rates if rate.due_date < today) - facts.covered_minor)
    late_after = open_rate.due_date + timedelta(days=facts.grace_days)
    look = late_after + timedelta(days=1)
    if facts.falls_after is None:
        if today <= late_after:
            return PlanStep(PlanAct.WAIT, look, open_rate, missing)
        falls_after = working_day(today + timedelta(days=facts.notice_days))
        return PlanStep(PlanAct.WARN, falls_after + timedelta(days=1), open_rate, missing)
    if today <= late_after:
        return PlanStep(PlanAct.RECOVER, look, open_rate, missing)
    if today > facts.falls_after:
        return PlanStep(PlanAct.LAPSE, None, open_rate, missing)
    return PlanStep(PlanAct.WAIT, facts.falls_after + timedelta(days=1), open_rate, missing)


def oldest_open(rates: Sequence[Rate], covered_minor: int) -> Rate | None:
    """The oldest rate that is not paid in full; None when all are."""
    due_minor = 0
    for rate in rates:
        due_minor += rate.amount_minor
        if due_minor > covered_minor:
            return rate
    return None


def paid_of(rates: Sequence[Rate], covered_minor: int) -> list[int]:
    """What of each rate is paid: payments count to the oldest."""
    left, paid = covered_minor, []
    for rate in rates:
        paid.append(min(left, rate.amount_minor))
        left -= paid[-1]
    return paid
