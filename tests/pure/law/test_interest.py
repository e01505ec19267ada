"""Default interest: known results, borders of rates and years, and a second calculation day by day that must agree."""

import random
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import cache

import pytest

from gateway.core.errors import GatewayError
from gateway.law.interest import Terms, accrue, rate_known_through
from gateway.law.tables import shipped

LAW = shipped()
BUSINESS = Terms("DE", "business", "EUR")
CONSUMER = Terms("DE", "consumer", "EUR")


def interest(terms: Terms, principal_minor: int, first: str, through: str):
    begin, end = date.fromisoformat(first), date.fromisoformat(through)
    return accrue(terms, [(begin, principal_minor)], begin, end, LAW)


def test_no_day_is_lost_where_the_rate_changes():
    """10,000 EUR due 15 January 2023, paid 2 October 2025: 3166.76 act/act and 3170.18 act/365.

    A public calculator that begins each half-year one day late says 3154.20.
    """
    assert interest(BUSINESS, 1_000_000, "2023-01-16", "2025-10-02").interest_minor == 316_676
    by_365 = Terms("DE", "business", "EUR", day_count="act/365")
    assert interest(by_365, 1_000_000, "2023-01-16", "2025-10-02").interest_minor == 317_018


def test_a_month_at_the_rate_of_the_first_half_of_2025():
    """2.27 + 9 points: 1000 EUR × 11.27 % × 31 / 365."""
    found = interest(BUSINESS, 100_000, "2025-03-01", "2025-03-31")
    assert (found.interest_minor, found.days) == (957, 31)
    assert [(one.rate_percent, one.year_days) for one in found.periods] == [(Decimal("11.27"), 365)]


def test_leap_years_divide_by_366():
    found = interest(CONSUMER, 100_000, "2023-12-31", "2024-01-01")
    assert [(one.days, one.year_days, one.rate_percent) for one in found.periods] == [
        (1, 365, Decimal("8.12")),
        (1, 366, Decimal("8.62")),
    ]


def test_half_a_cent_is_rounded_up_once():
    """Swiss 5 % of 36.50 on one day is exactly half a Rappen; two such days are one Rappen, not two."""
    swiss = Terms("CH", "consumer", "CHF")
    assert interest(swiss, 3650, "2025-03-01", "2025-03-01").interest_minor == 1
    assert interest(swiss, 3650, "2025-03-01", "2025-03-02").interest_minor == 1


@pytest.mark.parametrize(
    ("contract", "rate"), [(date(2014, 7, 28), "11.62"), (date(2014, 7, 29), "12.62"), (None, "12.62")]
)
def test_contracts_up_to_28_july_2014_keep_eight_points(contract, rate):
    """Art. 229 § 34 EGBGB."""
    terms = Terms("DE", "business", "EUR", contract_date=contract)
    assert interest(terms, 100_000, "2024-01-01", "2024-01-31").periods[0].rate_percent == Decimal(rate)


@pytest.mark.parametrize(
    ("terms", "rate"),
    [
        (Terms("AT", "consumer", "EUR"), "4"),
        (Terms("AT", "business", "EUR"), "10.73"),
        (Terms("CH", "business", "CHF"), "5"),
        (Terms("IE", "business", "EUR", basis="eu-late-payment"), "10.40"),
        (CONSUMER, "6.52"),
        (BUSINESS, "10.52"),
    ],
)
def test_the_rates_of_november_2026(terms, rate):
    """legal.md 1.1, 2.1, 2.2, 2.3."""
    assert interest(terms, 100_000, "2026-11-01", "2026-11-30").periods[0].rate_percent == Decimal(rate)


def test_a_negative_base_rate_lowers_the_rate():
    assert interest(CONSUMER, 100_000, "2020-05-01", "2020-05-31").periods[0].rate_percent == Decimal("4.12")


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        (Terms("XX", "consumer", "EUR"), "unknown-country"),
        (Terms("FR", "business", "EUR"), "unknown-country"),
        (Terms("DE", "company", "EUR"), "invalid-input"),
        (Terms("DE", "consumer", "EUR", day_count="act/364"), "invalid-input"),
        (Terms("DE", "consumer", "EUR", basis="eu-late-payment"), "contradictory-input"),
        (Terms("CH", "business", "CHF", basis="eu-late-payment"), "contradictory-input"),
        (Terms("DE", "business", "EUR", contract_date=date(2001, 12, 31)), "rate-not-known"),
    ],
)
def test_what_has_no_rate_is_refused(terms, code):
    with pytest.raises(GatewayError) as caught:
        interest(terms, 100_000, "2026-01-01", "2026-01-31")
    assert caught.value.code == code


def test_interest_beyond_the_last_known_rate_is_refused():
    with pytest.raises(GatewayError) as caught:
        interest(CONSUMER, 100_000, "2026-12-31", "2027-01-01")
    assert caught.value.code == "rate-not-known"
    assert rate_known_through(CONSUMER, LAW) == date(2026, 12, 31)
    assert rate_known_through(Terms("CH", "consumer", "CHF"), LAW) == date.max


def test_thirty_day_months_add_up():
    """A month is 30 days, a year 360, however it is cut; the German commercial method."""
    terms = Terms("CH", "consumer", "CHF", day_count="30/360")
    for month, last in ((1, 31), (2, 28), (4, 30)):
        assert interest(terms, 100_000, f"2025-{month:02}-01", f"2025-{month:02}-{last}").days == 30
    first = interest(terms, 100_000, "2025-02-10", "2025-03-30").days
    assert first + interest(terms, 100_000, "2025-03-31", "2026-02-09").days == 360


def test_a_changing_balance_bears_interest_from_its_day():
    steps = [(date(2025, 1, 1), 100_000), (date(2025, 1, 11), 40_000)]
    found = accrue(CONSUMER, steps, date(2025, 1, 1), date(2025, 1, 20), LAW)
    assert [(one.days, one.principal_minor) for one in found.periods] == [(10, 100_000), (10, 40_000)]
    assert found.exact == Fraction(727, 100) / 100 * Fraction(10 * 140_000, 365)


RATES = {(row.key, row.valid_from): Fraction(row.value) for row in LAW.rows if row.table == "base-rate"}
"""By country and first day of a half-year, as they stand in the file."""


def by_days(terms: Terms, steps, first: date, through: date) -> Fraction:
    """The same, without any of the code under test: one day after the other; days of one share are added up first."""
    owed: dict[Fraction, int] = {}
    young = (terms.contract_date or first) >= date(2014, 7, 29)
    day = first
    while day <= through:
        principal = [amount for begins, amount in steps if begins <= day]
        if principal and principal[-1]:
            half = date(day.year, 1 if day.month < 7 else 7, 1)
            share = a_day(terms.country, terms.debtor, terms.day_count, half, young=young)
            owed[share] = owed.get(share, 0) + principal[-1]
        day += timedelta(days=1)
    return sum((share * amount for share, amount in owed.items()), Fraction(0))


@cache
def a_day(country: str, debtor: str, day_count: str, half: date, *, young: bool) -> Fraction:
    """A day's share of what is owed, in this half-year."""
    year = 366 if (half.year % 4 == 0 and half.year % 100 != 0) or half.year % 400 == 0 else 365
    if country == "CH":
        rate = Fraction(5)
    elif (country, debtor) == ("AT", "consumer"):
        rate = Fraction(4)
    else:
        points = {"AT": Fraction(46, 5), "DE": Fraction(9 if young else 8)}[country]
        rate = RATES[country, half] + (5 if debtor == "consumer" else points)
    return rate / 100 / (365 if day_count == "act/365" else year)


def test_both_calculations_agree_on_ten_thousand_random_cases():
    """Seeded, so that a failure can be looked at."""
    dice = random.Random(20_261_125)
    for number in range(10_000):
        country = dice.choice(("DE", "DE", "AT", "CH"))
        earliest = date(2014, 1, 1)
        first = earliest + timedelta(days=dice.randrange(4500))
        through = first + timedelta(days=min(int(dice.expovariate(1 / 25)), (date(2026, 12, 31) - first).days))
        contract = dice.choice((None, first - timedelta(days=dice.randrange(60))))
        if country == "AT" and contract and contract < date(2013, 3, 16):
            contract = None
        terms = Terms(
            country,
            dice.choice(("consumer", "business")),
            "EUR",
            contract_date=contract,
            day_count=dice.choice(("act/act", "act/365")),
        )
        begins = sorted(first + timedelta(days=dice.randrange(-5, 40)) for _ in range(dice.randrange(1, 4)))
        steps = [(day, dice.choice((0, dice.randrange(10_000_000)))) for day in dict.fromkeys(begins)]
        found = accrue(terms, steps, first, through, LAW)
        expected = by_days(terms, steps, first, through)
        assert found.exact == expected, (number, terms, steps, first, through)
        assert abs(found.interest_minor - expected) <= Fraction(1, 2)
