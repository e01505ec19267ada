"""Counting days, months and years as §§ 187, 188 BGB do, and rounding half up (pure)."""

import calendar
from datetime import date, timedelta
from fractions import Fraction

from gateway.core.errors import Invalid


def days_after(event: date, days: int) -> date:
    """The last day of a period of days: the day of the event does not count (§ 187 (1) BGB). Raises Invalid."""
    try:
        return event + timedelta(days=days)
    except OverflowError as error:
        raise Invalid(f"{days} days after {event} is beyond the calendar") from error


def months_after(event: date, months: int) -> date:
    """The last day of a period of months; where the month is too short, its last day (§ 188 (2), (3) BGB). Raises Invalid."""
    years, month = divmod(event.month - 1 + months, 12)
    year = event.year + years
    if not date.min.year <= year <= date.max.year:
        raise Invalid(f"{months} months after {event} is beyond the calendar")
    return date(year, month + 1, min(event.day, calendar.monthrange(year, month + 1)[1]))


def years_after(event: date, years: int) -> date:
    """The last day of a period of years. Raises Invalid."""
    return months_after(event, 12 * years)


def year_end(year: int) -> date:
    return date(year, 12, 31)


def half_up(exact: Fraction) -> int:
    """The next whole number, a half away from zero."""
    whole = (abs(exact.numerator) * 2 + exact.denominator) // (exact.denominator * 2)
    return whole if exact >= 0 else -whole


def percent(rate: object) -> str:
    """A rate as people write it: no zeros behind the last digit that says something, at least two digits."""
    whole, _, digits = str(rate).partition(".")
    return f"{whole}.{digits.rstrip('0').ljust(2, '0')}"


def euros(minor: int) -> str:
    """An amount with two digits, for lines that people check."""
    return f"{'-' if minor < 0 else ''}{abs(minor) // 100}.{abs(minor) % 100:02}"
