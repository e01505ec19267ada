"""Limitation, reports to a bureau, withdrawal, retention, consumer credit, instalments and the effective rate."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import GatewayError
from gateway.law.bureau_report import Report, bureau_report
from gateway.law.consumer_credit import INVOICE_DAYS, SME_INVOICE_DAYS, Offer, consumer_credit
from gateway.law.effective_rate import Instalment, effective_rate
from gateway.law.instalments import due_dates, split
from gateway.law.limitation import Claim, Dunning, Negotiation, PartPayment, Title, limitation
from gateway.law.retention import retention
from gateway.law.tables import shipped
from gateway.law.withdrawal import last_day, refund_until

LAW = shipped()
D = date


def ends(arose, *events, country="DE", kind="standard"):
    return limitation(Claim(country, arose, kind, events), LAW).ends


def test_three_years_from_the_end_of_the_year():
    """§§ 195, 199 (1) BGB; a reminder changes nothing."""
    assert ends(D(2022, 2, 2)) == D(2025, 12, 31)
    assert ends(D(2022, 2, 2), Dunning(D(2024, 6, 1))) == D(2025, 12, 31)


def test_the_days_of_a_negotiation_are_not_counted():
    """§§ 203, 209 BGB: 10 January to 10 February are 32 days; 1 February 2026 is a Sunday."""
    found = limitation(Claim("DE", D(2022, 2, 2), events=(Negotiation(D(2024, 1, 10), D(2024, 2, 10)),)), LAW)
    assert (found.cautious_end, found.ends) == (D(2026, 2, 1), D(2026, 2, 2))
    assert found.warn_from == D(2025, 11, 3)


def test_talks_before_the_clock_runs_cost_nothing_and_talks_at_its_end_three_months():
    """§ 203 s. 2 BGB."""
    assert ends(D(2022, 2, 2), Negotiation(D(2022, 3, 1), D(2022, 9, 1))) == D(2025, 12, 31)
    assert ends(D(2022, 2, 2), Negotiation(D(2025, 12, 22), D(2025, 12, 23))) == D(2026, 3, 23)


def test_talks_that_overlap_are_counted_once():
    once = ends(D(2022, 2, 2), Negotiation(D(2024, 1, 1), D(2024, 1, 20)))
    assert (
        ends(D(2022, 2, 2), Negotiation(D(2024, 1, 1), D(2024, 1, 20)), Negotiation(D(2024, 1, 5), D(2024, 1, 10)))
        == once
    )


def test_a_part_payment_starts_three_years_from_its_day():
    """§ 212 (1) no. 1 BGB: not from the end of the year."""
    assert ends(D(2022, 2, 2), PartPayment(D(2024, 5, 5))) == D(2027, 5, 5)


def test_a_part_payment_before_the_clock_runs_shortens_nothing_but_warns_earlier():
    found = limitation(Claim("DE", D(2022, 2, 2), events=(PartPayment(D(2022, 5, 5)),)), LAW)
    assert (found.ends, found.cautious_end) == (D(2025, 12, 31), D(2025, 5, 5))


def test_what_comes_too_late_has_no_effect():
    assert ends(D(2020, 2, 2), PartPayment(D(2024, 1, 2))) == D(2024, 1, 2)  # 31 December 2023 is a Sunday
    assert ends(D(2019, 2, 2), PartPayment(D(2023, 1, 2)), Negotiation(D(2023, 2, 1), D(2023, 3, 1))) == D(2023, 1, 2)


def test_a_title_lasts_thirty_years_and_so_does_what_restarts_it():
    """§ 197 (1) no. 3 BGB."""
    assert ends(D(2022, 2, 2), Title(D(2025, 2, 3))) == D(2055, 2, 3)
    assert ends(D(2022, 2, 2), Title(D(2025, 2, 3)), PartPayment(D(2026, 3, 3))) == D(2056, 3, 3)


def test_an_end_on_a_sunday_moves_on_but_the_warning_does_not():
    """§ 193 BGB; 31 December 2028 is a Sunday, 1 January a holiday."""
    found = limitation(Claim("DE", D(2025, 2, 2)), LAW)
    assert (found.ends, found.cautious_end, found.warn_from) == (D(2029, 1, 2), D(2028, 12, 31), D(2028, 10, 2))


def test_limitation_abroad_runs_from_the_day():
    """§ 1486 ABGB three years; Art. 128 OR five, Art. 127 OR ten; Art. 149a (1) SchKG twenty."""
    assert ends(D(2024, 2, 7), country="AT") == D(2027, 2, 8)  # the 7th is a Sunday
    assert ends(D(2024, 2, 7), country="CH") == D(2029, 2, 7)
    assert ends(D(2024, 2, 7), country="CH", kind="general") == D(2034, 2, 7)
    assert ends(D(2024, 2, 7), country="CH", kind="loss-certificate") == D(2044, 2, 8)  # the 7th is a Sunday


@pytest.mark.parametrize(
    ("claim", "code"),
    [
        (Claim("FR", D(2024, 1, 1)), "unknown-country"),
        (Claim("DE", D(2024, 1, 1), "general"), "invalid-input"),
        (Claim("DE", D(2001, 12, 31)), "date-out-of-table"),
        (Claim("DE", D(2024, 1, 1), events=(PartPayment(D(2023, 1, 1)),)), "contradictory-input"),
        (Claim("DE", D(2024, 1, 1), events=(Negotiation(D(2024, 3, 1), D(2024, 2, 1)),)), "contradictory-input"),
    ],
)
def test_impossible_claims_are_refused(claim, code):
    with pytest.raises(GatewayError) as caught:
        limitation(claim, LAW)
    assert caught.value.code == code


def a_report(**overrides) -> Report:
    usual = {
        "on": D(2026, 11, 19),
        "first_reminder": D(2026, 10, 22),
        "second_reminder": D(2026, 11, 5),
        "notice_given_on": D(2026, 11, 5),
        "disputed": False,
    }
    return Report(**usual | overrides)


@pytest.mark.parametrize(
    ("change", "missing", "earliest"),
    [
        ({}, (), D(2026, 11, 19)),
        ({"on": D(2026, 11, 18)}, ("four-weeks",), D(2026, 11, 19)),
        ({"second_reminder": None}, ("second-reminder",), None),
        ({"second_reminder": D(2026, 12, 1)}, ("second-reminder",), D(2026, 12, 1)),
        ({"first_reminder": None}, ("first-reminder",), None),
        ({"notice_given_on": None}, ("notice",), None),
        ({"notice_given_on": D(2026, 10, 21)}, ("notice",), None),
        ({"disputed": True}, ("disputed",), None),
    ],
)
def test_a_bureau_is_told_only_when_all_four_conditions_hold(change, missing, earliest):
    """§ 31 (2) no. 4 BDSG."""
    found = bureau_report(a_report(**change), LAW)
    assert (found.allowed, found.missing, found.earliest) == (not missing, missing, earliest)


def test_the_rule_set_changed_on_20_november_2026():
    """BGBl. 2026 I Nr. 139."""
    assert bureau_report(a_report(), LAW).rule_set == "bdsg-31"
    assert bureau_report(a_report(on=D(2026, 11, 20)), LAW).rule_set == "bdsg-37a"


def test_fourteen_days_to_withdraw_and_a_year_more_without_instruction():
    """§§ 355 (2), 356 (3), (4), 193 BGB."""
    assert last_day(D(2026, 11, 2), instructed=True, region="HH", tables=LAW).day == D(2026, 11, 16)
    assert last_day(D(2025, 4, 17), instructed=True, region="HH", tables=LAW).day == D(2025, 5, 2)
    assert last_day(D(2025, 1, 2), instructed=False, region="HH", tables=LAW).day == D(2026, 1, 16)
    assert refund_until(D(2026, 11, 2), LAW).day == D(2026, 11, 16)


@pytest.mark.parametrize(("kind", "until"), [("voucher", 2034), ("letter", 2032), ("book", 2036)])
def test_documents_are_kept_from_the_end_of_their_year(kind, until):
    """§ 257 HGB, § 147 AO: 8, 6 and 10 years."""
    assert retention(kind, D(2026, 3, 1), LAW).keep_until == D(until, 12, 31)


@pytest.mark.parametrize(("year", "until"), [(2014, 2024), (2015, 2024), (2016, 2024), (2017, 2025)])
def test_vouchers_of_ten_years_are_kept_until_the_eight_years_came(year, until):
    """BEG IV, 1 January 2025: what by then had been kept for more than eight years could go, not earlier."""
    assert retention("voucher", D(year, 7, 1), LAW).keep_until == D(until, 12, 31)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, "exempt"),
        ({"days_after_delivery": 51}, "too-long"),
        ({"seller_is_sme": False}, "too-long"),
        ({"seller_is_sme": False, "days_after_delivery": 14}, "exempt"),
        ({"seller_is_sme": False, "sold_online": False}, "exempt"),
        ({"interest_or_fee": True}, "interest-or-fee"),
        ({"third_party": True}, "third-party"),
        ({"on": D(2026, 11, 19), "days_after_delivery": 90}, "exempt-free-of-charge"),
    ],
)
def test_own_deferred_payment_is_exempt_within_limits(change, reason):
    """Directive (EU) 2023/2225 Art. 2 (2) (h), since 20 November 2026."""
    usual = {
        "seller_is_sme": True,
        "sold_online": True,
        "days_after_delivery": 50,
        "interest_or_fee": False,
        "third_party": False,
        "on": D(2026, 11, 20),
    }
    found = consumer_credit(Offer(**usual | change), LAW)
    assert found.reason == reason
    assert found.exempt is reason.startswith("exempt")


def test_a_checkout_policy_is_checked_by_the_same_days():
    assert (INVOICE_DAYS, SME_INVOICE_DAYS) == (14, 50)


@given(st.integers(1, 10**9), st.integers(1, 120))
def test_instalments_are_equal_to_the_cent(total, count):
    if total < count:
        with pytest.raises(GatewayError):
            split(total, count)
        return
    parts = split(total, count)
    assert sum(parts) == total
    assert max(parts) - min(parts) <= 1
    assert parts == sorted(parts, reverse=True)


@pytest.mark.parametrize("wrong", [(0, 1), (100, 0), (100, 121), (-5, 1)])
def test_impossible_instalments_are_refused(wrong):
    with pytest.raises(GatewayError) as caught:
        split(*wrong)
    assert caught.value.code == "invalid-input"


def test_instalments_keep_their_day_of_the_month_and_fall_due_on_working_days():
    assert due_dates(D(2026, 1, 31), 4, "DE", "HH", LAW) == [
        D(2026, 2, 2),
        D(2026, 3, 2),
        D(2026, 3, 31),
        D(2026, 4, 30),
    ]


def test_300_euros_in_three_times_103_cost_19_46_percent():
    """PAngV § 16 and annex."""
    assert effective_rate(30_000, [Instalment(month, 10_300) for month in (1, 2, 3)]) == Decimal("19.46")


def test_the_effective_rate_solves_its_equation():
    """One payment of 110 after a year is 10 %; free of charge is 0; less than the price is below 0."""
    assert effective_rate(10_000, [Instalment(12, 11_000)]) == 10
    assert effective_rate(10_000, [Instalment(1, 5000), Instalment(2, 5000)]) == 0
    assert effective_rate(10_000, [Instalment(12, 9000)]) == -10


def test_an_extreme_rate_is_that_rate_and_no_limit_of_the_search():
    """A hundredfold in a month is 100^12 a year; next to nothing paid is -100 %; a hair below the price is no minus zero."""
    assert effective_rate(10, [Instalment(1, 1000)]) == (Decimal(100) ** 12 - 1) * 100
    assert effective_rate(10_000, [Instalment(1, 20_000)]) == 409_500
    assert effective_rate(30_000, [Instalment(1, 10_200)]) == -100
    assert str(effective_rate(100_000_000, [Instalment(12, 99_999_999)])) == "0.00"


@given(st.integers(1, 24), st.integers(1000, 100_000), st.integers(0, 400))
def test_a_single_payment_has_the_rate_of_its_power(month, price, promille):
    paid = price + price * promille // 1000
    rate = effective_rate(price, [Instalment(month, paid)])
    growth = 1 + Fraction(rate) / 100
    step = Fraction(6, 100_000)
    assert (growth - step) ** month <= Fraction(paid, price) ** 12 <= (growth + step) ** month


@pytest.mark.parametrize(
    ("price", "paid", "code"),
    [
        (0, [Instalment(1, 1)], "invalid-input"),
        (100, [], "invalid-input"),
        (100, [Instalment(-1, 100)], "invalid-input"),
        (100, [Instalment(1, 0)], "invalid-input"),
        (100, [Instalment(0, 100), Instalment(1, 1)], "contradictory-input"),
        (100, [Instalment(0, 99)], "contradictory-input"),
        (1, [Instalment(1, 10**15)], "contradictory-input"),
    ],
)
def test_impossible_rates_are_refused(price, paid, code):
    with pytest.raises(GatewayError) as caught:
        effective_rate(price, paid)
    assert caught.value.code == code
