"""A total in equal parts to the cent, and the days on which they fall due (pure)."""

from datetime import date

from gateway.core.errors import Contradictory, Invalid
from gateway.core.money import MAX_MINOR, split_minor
from gateway.law.calendars import working_day
from gateway.law.periods import months_after
from gateway.law.tables import Tables

MOST = 120


def split(total_minor: int, count: int) -> list[int]:
    """Equal parts that sum to the total; the cents that do not divide go to the first ones. Raises Invalid, Contradictory."""
    if not 1 <= count <= MOST:
        raise Invalid.at("/count", f"is from 1 to {MOST}")
    if not 1 <= total_minor <= MAX_MINOR:
        raise Invalid.at("/total_minor", "is a positive amount")
    if total_minor < count:
        raise Contradictory("there are more instalments than cents")
    return split_minor(total_minor, [1] * count)


def due_dates(first_due: date, count: int, country: str, region: str | None, tables: Tables) -> list[date]:
    """The same day of each month from `first_due` on, moved on where it is no working day. Raises Invalid and as calendars."""
    if not 1 <= count <= MOST:
        raise Invalid.at("/count", f"is from 1 to {MOST}")
    days = (months_after(first_due, number) for number in range(count))
    return [working_day(country, region, day, tables)[0] for day in days]
