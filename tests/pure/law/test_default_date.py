"""When default begins, ground by ground, with the cases the courts decided."""

from datetime import date

import pytest

from gateway.core.errors import GatewayError
from gateway.law.default_date import AfterEvent, AgreedDate, InvoiceThirtyDays, Reminder, default_date
from gateway.law.tables import shipped

LAW = shipped()


def told(case):
    found = default_date(case, LAW)
    return found.in_default, found.last_day_to_pay, found.default_from, found.interest_from


def test_thirty_days_after_an_invoice_end_on_a_working_day():
    """§ 286 (3), § 193 BGB: 1 April + 30 days is 1 May, a holiday."""
    case = InvoiceThirtyDays("DE", "HH", date(2025, 4, 1), consumer=True, consumer_notice=True)
    assert told(case) == (True, date(2025, 5, 2), date(2025, 5, 3), date(2025, 5, 3))


def test_a_consumer_whom_the_invoice_did_not_tell_is_not_in_default():
    """§ 286 (3) s. 1; BGH III ZR 91/07: a date set by the seller alone does not help."""
    case = InvoiceThirtyDays("DE", "HH", date(2025, 4, 1), consumer=True)
    assert told(case) == (False, None, None, None)


def test_a_business_needs_no_notice():
    assert told(InvoiceThirtyDays("DE", "HH", date(2025, 4, 1), consumer=False))[0]


def test_an_agreed_day_that_is_a_sunday_moves_on():
    """BGH III ZR 159/06 (1 February 2007)."""
    case = AgreedDate("DE", "NW", date(2026, 11, 1))
    assert told(case) == (True, date(2026, 11, 2), date(2026, 11, 3), date(2026, 11, 3))


def test_the_holidays_of_the_debtors_land_count():
    """31 October is a holiday in Hamburg, not in Hesse."""
    assert told(AgreedDate("DE", "HE", date(2025, 10, 31)))[1] == date(2025, 10, 31)
    assert told(AgreedDate("DE", "HH", date(2025, 10, 31)))[1] == date(2025, 11, 3)


@pytest.mark.parametrize(
    ("term", "last"),
    [({"days": 14}, date(2025, 4, 15)), ({"months": 1}, date(2025, 5, 2)), ({"days": 0}, date(2025, 4, 1))],
)
def test_the_day_of_the_event_does_not_count(term, last):
    """§ 187 (1) BGB."""
    assert told(AfterEvent("DE", "HH", date(2025, 4, 1), **term))[1] == last


def test_a_month_from_the_31st_ends_on_the_last_day():
    """§ 188 (3) BGB."""
    assert told(AfterEvent("DE", "HH", date(2025, 1, 31), months=1))[1] == date(2025, 2, 28)


def test_a_reminder_brings_default_on_receipt_and_interest_on_the_day_after():
    """§§ 286 (1), 187 (1) BGB; that letter itself is free."""
    found = default_date(Reminder("DE", "HH", date(2025, 4, 5)), LAW)
    assert (found.default_from, found.interest_from) == (date(2025, 4, 5), date(2025, 4, 6))
    assert not found.fee_allowed_for_this_letter


def test_a_letter_after_default_may_cost_what_the_law_allows():
    assert default_date(AgreedDate("DE", "HH", date(2025, 4, 1)), LAW).fee_allowed_for_this_letter


def test_austria_counts_good_friday():
    """§ 903 ABGB."""
    assert told(AgreedDate("AT", None, date(2026, 4, 3)))[1] == date(2026, 4, 7)


@pytest.mark.parametrize(
    ("country", "consumer", "in_default"),
    [("AT", False, True), ("AT", True, False), ("CH", False, False), ("NL", False, True)],
)
def test_thirty_days_elsewhere(country, consumer, in_default):
    """Directive 2011/7 between businesses; Art. 102 OR knows reminder and agreed day only."""
    assert told(InvoiceThirtyDays(country, None, date(2025, 4, 1), consumer))[0] is in_default


@pytest.mark.parametrize(
    ("case", "code"),
    [
        (AfterEvent("DE", "HH", date(2025, 4, 1)), "contradictory-input"),
        (AfterEvent("DE", "HH", date(2025, 4, 1), days=1, months=1), "contradictory-input"),
        (AfterEvent("DE", "HH", date(2025, 4, 1), days=-1), "invalid-input"),
        (AgreedDate("DE", "XX", date(2025, 4, 1)), "unknown-region"),
        (Reminder("XX", None, date(2025, 4, 1)), "unknown-country"),
    ],
)
def test_impossible_cases_are_refused(case, code):
    with pytest.raises(GatewayError) as caught:
        default_date(case, LAW)
    assert caught.value.code == code
