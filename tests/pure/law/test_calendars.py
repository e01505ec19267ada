"""Working days by Land, canton and country, with the traps."""

from datetime import date

import pytest

from gateway.core.errors import GatewayError
from gateway.law.calendars import COUNTRIES, LAENDER, is_working_day, place, working_day
from gateway.law.tables import Row, shipped

LAW = shipped()


@pytest.mark.parametrize(
    ("country", "region", "day", "works"),
    [
        ("DE", "BY", "2025-08-15", False),
        ("DE", "BY-0", "2025-08-15", True),
        ("DE", "SL", "2025-08-15", False),
        ("DE", "NW", "2025-08-15", True),
        ("DE", "Augsburg", "2025-08-08", False),
        ("DE", "BY", "2025-08-08", True),
        ("DE", "BE", "2020-05-08", False),
        ("DE", "BE", "2025-05-08", False),
        ("DE", "BE", "2026-05-08", True),
        ("DE", "BB", "2025-05-08", True),
        ("DE", "SN", "2026-11-18", False),
        ("DE", "BW", "2026-11-18", True),
        ("DE", "TH", "2027-09-20", False),
        ("DE", "MV", "2027-03-08", False),
        ("DE", "HH", "2025-10-31", False),
        ("DE", "HE", "2025-10-31", True),
        ("DE", "NW", "2024-11-01", False),
        ("DE", "HH", "2024-11-01", True),
        ("DE", None, "2025-12-24", True),
        ("DE", None, "2025-12-31", True),
        ("DE", "HH", "2025-05-29", False),
        ("AT", None, "2026-04-03", False),
        ("AT", "9", "2026-12-08", False),
        ("CH", "TI", "2026-06-29", False),
        ("CH", "ZH", "2026-06-29", True),
        ("CH", "BE", "2026-01-02", False),
        ("FR", None, "2026-07-14", False),
        ("NL", None, "2026-04-27", False),
    ],
)
def test_who_works_when(country, region, day, works):
    assert is_working_day(country, region, date.fromisoformat(day), LAW) is works


def test_berlin_keeps_the_17th_of_june_2028():
    """It is a Saturday, so only the reason shows it: the row is there."""
    assert LAW.find("holiday", "DE-BE", date(2028, 6, 17)).value == "holiday"


def test_a_run_of_days_off_ends_on_the_next_working_day():
    day, reason = working_day("DE", "HH", date(2025, 4, 18), LAW)
    assert day == date(2025, 4, 22)
    assert reason.split("; ")[0] == "2025-04-18 is Good Friday"


def test_every_land_and_every_country_has_new_year():
    assert len(LAENDER) == 18
    for land in LAENDER:
        assert not is_working_day("DE", land, date(2026, 1, 1), LAW)
    for country in COUNTRIES:
        assert not is_working_day(country, None, date(2026, 1, 1), LAW)


def test_a_single_day_can_be_imported_for_a_land_or_a_country():
    def told(key, value):
        return Row("holiday", key, date(2031, 10, 8), date(2031, 10, 8), value, "invented for this test", "memory")

    longer = LAW.with_rows([told("DE", "holiday"), told("DE-HH", "working")])
    assert not is_working_day("DE", "NW", date(2031, 10, 8), longer)
    assert is_working_day("DE", "HH", date(2031, 10, 8), longer)


@pytest.mark.parametrize(
    ("country", "region", "day", "code"),
    [
        ("XX", None, "2026-01-01", "unknown-country"),
        ("de", None, "2026-01-01", "unknown-country"),
        ("DE", "XX", "2026-01-01", "unknown-region"),
        ("DE", "DE-BY", "2026-01-01", "unknown-region"),
        ("CH", "BY", "2026-01-01", "unknown-region"),
        ("DE", "BY", "1990-12-31", "date-out-of-table"),
        ("DE", "BY", "2100-01-01", "date-out-of-table"),
    ],
)
def test_unknown_places_and_times_are_refused(country, region, day, code):
    with pytest.raises(GatewayError) as caught:
        working_day(country, region, date.fromisoformat(day), LAW)
    assert caught.value.code == code


def test_assumption_day_is_a_question_of_bavaria_only():
    assert place("BY", assumption_day=False) == "BY-0"
    with pytest.raises(GatewayError) as caught:
        place("SL", assumption_day=False)
    assert caught.value.code == "contradictory-input"
