"""Deadlines of the law and of the merchant, and the document in which he says how he answers."""

from datetime import UTC, datetime

import pytest

from gateway.checkout.privacy_settings import compile_privacy, due_at
from gateway.core.errors import Invalid

ZONE = "Europe/Berlin"


@pytest.mark.parametrize(
    ("asked", "days", "ends"),
    [
        ("2026-01-15T10:00", 30, "2026-02-14T23:00"),  # thirty days come before the month
        ("2026-01-31T10:00", 30, "2026-02-28T23:00"),  # a month that has no 31st ends with its last day
        ("2026-02-10T10:00", 30, "2026-03-10T23:00"),  # February's month is shorter than thirty days
        ("2026-11-24T23:30", 30, "2026-12-25T23:00"),  # it was the 25th already in Berlin
        ("2026-12-31T10:00", 30, "2027-01-30T23:00"),
        ("2026-06-01T10:00", 7, "2026-06-08T22:00"),  # the merchant answers within a week; summer time
    ],
)
def test_an_answer_is_due_within_a_month_by_the_calendar_of_the_shop(asked, days, ends):
    """Art. 12 (3) GDPR, § 188 (2), (3) BGB; or sooner where the merchant says so."""
    moment = datetime.fromisoformat(asked).replace(tzinfo=UTC)
    assert due_at(moment, ZONE, days) == datetime.fromisoformat(ends).replace(tzinfo=UTC)


def test_the_default_document_is_empty_and_valid():
    """Thirty days, nobody named."""
    assert compile_privacy({}, 0).review_days == 30


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"review_days": 31}, "/review_days"),
        ({"review_days": "3"}, "/review_days"),
        ({"contact": "not an address"}, "/contact"),
        ({"notice_url": "javascript:alert(1)"}, "/notice_url"),
        ({"recipients": "all"}, "/recipients"),
        ({"unknown": 1}, "/unknown"),
    ],
)
def test_a_wrong_document_is_refused_at_its_place(body, path):
    """Longer than the law, and what would be no link or address on the buyer's page."""
    with pytest.raises(Invalid) as refused:
        compile_privacy(body, 1)
    assert path in {fault["path"] for fault in refused.value.facts["errors"]}
