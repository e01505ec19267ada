"""Which day something falls due where a debtor lives, from his country and region (pure)."""

from collections.abc import Callable
from datetime import date, timedelta

from gateway.law import calendars
from gateway.law.calendars import UnknownCountry, UnknownRegion
from gateway.law.tables import Tables

_SATURDAY = 5


def of(tables: Tables, country: str, region: str) -> Callable[[date], date]:
    """The day itself or the next working day; where no calendar is known, the next day that is no weekend."""

    def shift(day: date) -> date:
        for place in (region or None, None):
            try:
                return calendars.working_day(country, place, day, tables)[0]
            except UnknownRegion:
                continue
            except UnknownCountry:
                break
        return _after_weekend(day)

    return shift


def _after_weekend(day: date) -> date:
    while day.weekday() >= _SATURDAY:
        day += timedelta(days=1)
    return day
