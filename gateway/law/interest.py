"""Default interest over changing rates, years and balances: exact in between, rounded half up once at the end (pure).

The first day counts and the last day counts. There is no interest on interest (§ 289 BGB): the balance is principal only.
Sources: §§ 247, 288 BGB; §§ 1000, 1333 ABGB, § 456 UGB; Art. 104 OR; Directive 2011/7 Art. 2.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

from gateway.core.errors import Contradictory, Invalid
from gateway.law.calendars import COUNTRIES, EU, UnknownCountry
from gateway.law.periods import euros, half_up, percent
from gateway.law.tables import DAY, Tables

DAY_COUNTS = ("act/act", "act/365", "30/360")
BASES = ("statutory", "eu-late-payment")
DEBTORS = ("consumer", "business")


@dataclass(frozen=True, slots=True)
class Terms:
    """Which law sets the rate and how days are counted. Without a contract date the contract is taken for younger."""

    country: str
    debtor: str
    currency: str
    contract_date: date | None = None
    day_count: str = "act/act"
    basis: str = "statutory"


@dataclass(frozen=True, slots=True)
class Period:
    """Days of one rate, one year and one balance; first and last count."""

    first: date
    through: date
    days: int
    rate_percent: Decimal
    year_days: int
    principal_minor: int

    @property
    def exact(self) -> Fraction:
        """The interest of these days, not rounded."""
        numerator, denominator = self.rate_percent.as_integer_ratio()
        return Fraction(self.principal_minor * self.days * numerator, 100 * self.year_days * denominator)


@dataclass(frozen=True, slots=True)
class Accrual:
    """The interest of a run: the exact sum of its periods, and that sum rounded once."""

    interest_minor: int
    days: int
    periods: tuple[Period, ...]
    exact: Fraction

    @property
    def working(self) -> tuple[str, ...]:
        """A line for each period, to be checked by hand."""
        return tuple(
            f"{one.first} – {one.through}: {euros(one.principal_minor)} × {percent(one.rate_percent)} % × {one.days}"
            f" / {one.year_days} = {_digits(one.exact)}"
            for one in self.periods
        )


@dataclass(frozen=True, slots=True)
class Source:
    """Where a rate comes from: a table and key, and the points on top (zero for a fixed rate)."""

    table: str
    key: str
    points: Decimal


def accrue(terms: Terms, steps: Sequence[tuple[date, int]], first: date, through: date, tables: Tables) -> Accrual:
    """The interest from `first` to `through`, both counted; `steps` are (from day, principal) changes of the balance.

    Before the first step nothing is owed. Raises RateNotKnown, DateOutOfTable, UnknownCountry, Invalid, Contradictory.
    """
    found = source(terms, first, tables)
    periods = tuple(
        period
        for begin, end, principal_minor in _balances(steps, first, through)
        for period in _periods(terms, found, tables, (begin, end, principal_minor))
    )
    exact = sum((period.exact for period in periods), Fraction(0))
    return Accrual(half_up(exact), sum(period.days for period in periods), periods, exact)


def rate_known_through(terms: Terms, tables: Tables) -> date:
    """The last day whose rate is known; `date.max` for a rate that the law fixes."""
    found = source(terms, terms.contract_date or date.max, tables)
    return tables.last_day(found.table, found.key)


def source(terms: Terms, first: date, tables: Tables) -> Source:
    """Table and points of the rate. Raises UnknownCountry, RateNotKnown, DateOutOfTable, Invalid, Contradictory."""
    _check(terms)
    if terms.basis == "eu-late-payment":
        return _late_payment(terms, first, tables)
    if terms.country == "CH":
        return Source("fixed-rate", "CH/any", Decimal(0))
    if (terms.country, terms.debtor) == ("AT", "consumer"):
        return Source("fixed-rate", "AT/consumer", Decimal(0))
    if terms.country not in ("DE", "AT"):
        raise UnknownCountry(f"the default rate of {terms.country} is in no table", country=terms.country)
    contract = terms.contract_date if terms.contract_date and terms.debtor == "business" else first
    points = tables.at("rate-points", f"{terms.country}/{terms.debtor}", contract).number
    return Source("base-rate", terms.country, points)


def _check(terms: Terms) -> None:
    if terms.country not in COUNTRIES:
        raise UnknownCountry(country=terms.country)
    for name, value, known in (
        ("debtor", terms.debtor, DEBTORS),
        ("day_count", terms.day_count, DAY_COUNTS),
        ("basis", terms.basis, BASES),
    ):
        if value not in known:
            raise Invalid.at(f"/{name}", f"is one of {', '.join(known)}")


def _late_payment(terms: Terms, first: date, tables: Tables) -> Source:
    """The directive's minimum between businesses."""
    if terms.debtor != "business":
        raise Contradictory("the directive on late payment knows no consumers")
    if terms.country not in EU:
        raise Contradictory(f"the directive on late payment does not hold in {terms.country}")
    points = tables.at("rate-points", "EU/late-payment", terms.contract_date or first).number
    return Source("base-rate", "EU", points)


def _balances(steps: Sequence[tuple[date, int]], first: date, through: date) -> Iterator[tuple[date, date, int]]:
    """First day, last day and principal of each stretch in which something is owed."""
    ordered = sorted(steps, key=lambda step: step[0])
    for place, (begins, principal_minor) in enumerate(ordered):
        begin = max(begins, first)
        end = min(ordered[place + 1][0] - DAY, through) if place + 1 < len(ordered) else through
        if begin <= end and principal_minor:
            yield begin, end, principal_minor


def _periods(terms: Terms, found: Source, tables: Tables, stretch: tuple[date, date, int]) -> Iterator[Period]:
    begin, end, principal_minor = stretch
    for first, last, row in tables.over(found.table, found.key, begin, end):
        for day, through, year_days in _years(first, last, terms.day_count):
            days = _days(day, through, terms.day_count)
            yield Period(day, through, days, row.number + found.points, year_days, principal_minor)


def _years(first: date, last: date, day_count: str) -> Iterator[tuple[date, date, int]]:
    """Act/act divides each calendar year's days by that year's length; the other methods have one divisor."""
    if day_count != "act/act":
        yield first, last, 365 if day_count == "act/365" else 360
        return
    for year in range(first.year, last.year + 1):
        begin, end = max(first, date(year, 1, 1)), min(last, date(year, 12, 31))
        yield begin, end, (date(year, 12, 31) - date(year, 1, 1)).days + 1


def _days(first: date, through: date, day_count: str) -> int:
    """First and last day counted."""
    if day_count == "30/360":
        return _bank_day(through) - _bank_day(first - DAY)
    return (through - first).days + 1


def _bank_day(day: date) -> int:
    """Days of 30-day months up to this one; the last of a month closes it, so that neighbouring periods add up."""
    closes = (day + DAY).month != day.month
    return 360 * day.year + 30 * (day.month - 1) + (30 if closes else min(day.day, 30))


def _digits(exact: Fraction) -> str:
    """An amount of minor units with four more digits, for the eye."""
    tenthousandths = half_up(exact * 100)
    whole, rest = divmod(tenthousandths, 10_000)
    return f"{whole}.{rest:04}"
