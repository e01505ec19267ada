"""When scheduled work is due: by the calendar of a zone, once, and never in a burst."""

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.schedule import Daily, Entry, Every, next_after, next_due

NIGHTLY = Entry("dunning.run", Daily(time(6, 30), "Europe/Berlin"))
GAP = Entry("gap", Daily(time(2, 30), "Europe/Berlin"))


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_a_daily_entry_is_due_at_its_wall_clock_time():
    """06:30 in Berlin is 05:30 UTC in winter."""
    last = at("2026-01-10 05:30")
    assert next_due(NIGHTLY, last, at("2026-01-11 05:29:59")) is None
    assert next_due(NIGHTLY, last, at("2026-01-11 05:30")) == at("2026-01-11 05:30")


def test_a_daily_entry_keeps_its_wall_clock_time_over_the_change_of_clocks():
    """06:30 in Berlin is 04:30 UTC in summer; the day of the change has 23 or 25 hours."""
    assert next_after(NIGHTLY.when, at("2026-03-28 05:30")) == at("2026-03-29 04:30")
    assert next_after(NIGHTLY.when, at("2026-10-24 04:30")) == at("2026-10-25 05:30")


def test_a_time_that_the_clock_jumps_over_comes_an_hour_later_and_is_not_skipped():
    """On 29 March 2026 there is no 02:30 in Berlin; the tick comes at 03:30 summer time."""
    assert next_after(GAP.when, at("2026-03-28 01:30")) == at("2026-03-29 01:30")
    assert next_after(GAP.when, at("2026-03-29 01:30")) == at("2026-03-30 00:30")


def test_a_time_that_comes_twice_counts_once():
    """On 25 October 2026 the clock in Berlin shows 02:30 twice; the first one counts."""
    first = next_after(GAP.when, at("2026-10-24 00:30"))
    assert first == at("2026-10-25 00:30")
    assert next_after(GAP.when, first) == at("2026-10-26 01:30")


def test_after_an_outage_of_days_one_tick_is_due_and_not_one_per_day():
    """The tick is counted from the moment it ran, so the missed days are gone."""
    now = at("2026-01-20 12:00")
    assert next_due(NIGHTLY, at("2026-01-10 05:30"), now) == at("2026-01-11 05:30")
    assert next_due(NIGHTLY, now, now) is None


def test_weekdays_leave_the_other_days_out():
    """From Friday the next working-day tick is on Monday."""
    friday = at("2026-01-09 05:30")
    when = Daily(time(6, 30), "Europe/Berlin", frozenset(range(5)))
    assert next_after(when, friday) == at("2026-01-12 05:30")


def test_an_interval_counts_from_the_last_tick():
    """Every ten seconds means at least ten seconds."""
    entry, last = Entry("sweep", Every(10)), at("2026-01-10 00:00:00")
    assert next_due(entry, last, at("2026-01-10 00:00:09")) is None
    assert next_due(entry, last, at("2026-01-10 00:00:10")) == at("2026-01-10 00:00:10")


def test_a_schedule_that_makes_no_sense_is_refused():
    """No interval of nothing, no week without days."""
    with pytest.raises(ValueError):
        Every(0)
    with pytest.raises(ValueError):
        Daily(time(1), "Europe/Berlin", frozenset())
    with pytest.raises(ValueError):
        Daily(time(1), "Europe/Berlin", frozenset({7}))


@given(
    last=st.integers(0, 15 * 365 * 86400).map(lambda seconds: at("2020-01-01") + timedelta(seconds=seconds)),
    minute=st.integers(0, 24 * 60 - 1),
    zone=st.sampled_from(["Europe/Berlin", "Europe/London", "America/St_Johns", "Pacific/Apia", "UTC"]),
)
def test_the_next_tick_is_always_ahead_and_at_most_a_day_and_a_clock_change_away(last, minute, zone):
    """Whatever the zone does, days follow each other without a hole or a repetition."""
    following = next_after(Daily(time(minute // 60, minute % 60), zone), last)
    assert timedelta(0) < following - last <= timedelta(hours=26)
