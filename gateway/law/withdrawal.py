"""The last day to withdraw from a distance contract, and until when the seller pays back (§§ 355–357 BGB; pure)."""

from dataclasses import dataclass
from datetime import date

from gateway.law.calendars import working_day
from gateway.law.lines import line
from gateway.law.periods import days_after, months_after
from gateway.law.tables import Tables, shipped

DAYS = shipped().run("withdrawal", "DE/days")[-1].whole
"""Days to withdraw by the newest rule, for who has no date to ask about."""


@dataclass(frozen=True, slots=True)
class Until:
    """A last day and how it was found."""

    day: date
    working: tuple[str, ...]


def last_day(goods_received: date, *, instructed: bool, region: str | None, tables: Tables) -> Until:
    """14 days after the goods; without instruction 12 months more (§ 356 (4)). Moves on from a day off (§ 193).

    Raises UnknownRegion and DateOutOfTable.
    """
    days = tables.at("withdrawal", "DE/days", goods_received).whole
    months = 0 if instructed else tables.at("withdrawal", "DE/uninstructed-months", goods_received).whole
    end = days_after(months_after(goods_received, months), days)
    day, reason = working_day("DE", region, end, tables)
    english, german = (
        "{n} months (no instruction, § 356 (4) BGB) and ",
        "{n} Monate (ohne Belehrung, § 356 Abs. 4 BGB) und ",
    )
    told = line(
        "received {day} + {longer}{days} days (§ 355 (2) BGB) = {end}",
        "erhalten {day} + {longer}{days} Tage (§ 355 Abs. 2 BGB) = {end}",
        day=goods_received,
        longer="" if instructed else line(english, german, n=months),
        days=days,
        end=end,
    )
    return Until(day, (told, reason))


def refund_until(declared_on: date, tables: Tables) -> Until:
    """The seller pays back within 14 days of the declaration (§ 357 (1)); he may wait for the goods (§ 357 (4))."""
    days = tables.at("withdrawal", "DE/refund-days", declared_on).whole
    end = days_after(declared_on, days)
    told = line(
        "declared {day} + {days} days (§§ 355 (3), 357 (1) BGB) = {end}",
        "erklärt {day} + {days} Tage (§§ 355 Abs. 3, 357 Abs. 1 BGB) = {end}",
        day=declared_on,
        days=days,
        end=end,
    )
    return Until(end, (told,))
