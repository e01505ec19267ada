"""Working days where a debtor lives: Saturdays, Sundays and public holidays move a last day on (§ 193 BGB and its like; pure).

Germany by Land, Austria with Good Friday (§ 903 ABGB), Switzerland by canton, the other states of the EU and EEA by their
national holidays. 24 and 31 December are working days. Rows of the table `holiday` go before the package `holidays`.
"""

from collections.abc import Iterable
from datetime import date, timedelta
from functools import cache

import holidays

from gateway.core.errors import Contradictory, GatewayError
from gateway.law.lines import Line, joined, line
from gateway.law.tables import DAY, DateOutOfTable, Tables

EU = frozenset("AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK".split())  # noqa: SIM905 - read as a list
COUNTRIES = EU | {"CH", "IS", "LI", "NO", "GB"}
FIRST_YEAR, LAST_YEAR = 1991, 2099
"""The package knows Germany from its unity on; beyond, nobody can tell."""
WITHOUT_ASSUMPTION = "BY-0"
"""Bavaria where 15 August is a working day (mostly Protestant municipalities); `BY` alone has the holiday."""
LAENDER = frozenset("BB BE BW BY HB HE HH MV NI NW RP SH SL SN ST TH".split()) | {WITHOUT_ASSUMPTION, "Augsburg"}  # noqa: SIM905
_SATURDAY, _SUNDAY = 5, 6
_MOST_IN_A_ROW = 14


class UnknownCountry(GatewayError):
    """The law of this country is not known here."""

    status = 422


class UnknownRegion(GatewayError):
    """The country has no such region."""

    status = 422


def place(region: str | None, *, assumption_day: bool = True) -> str | None:
    """The region as this module names it. Raises Contradictory where Assumption Day is no question of the municipality."""
    if assumption_day:
        return region
    if region != "BY":
        raise Contradictory("assumption_day is asked for municipalities of Bavaria (BY) only")
    return WITHOUT_ASSUMPTION


def is_working_day(country: str, region: str | None, day: date, tables: Tables) -> bool:
    """Whether something falls due on that day there. Raises UnknownCountry, UnknownRegion and DateOutOfTable."""
    return why_not(country, region, day, tables) is None


def working_day(country: str, region: str | None, day: date, tables: Tables) -> tuple[date, Line]:
    """The day itself or the next working day, and why. Raises as `is_working_day`."""
    reasons: list[Line] = []
    for _ in range(_MOST_IN_A_ROW):
        if (reason := why_not(country, region, day, tables)) is None:
            return day, joined("; ", [*reasons, line("{day} is a working day", "{day} ist ein Werktag", day=day)])
        reasons.append(line("{day} is {reason}", "{day} ist {reason}", day=day, reason=reason))
        day += DAY
    raise DateOutOfTable(f"no working day within {_MOST_IN_A_ROW} days before {day}", table="holiday")


def why_not(country: str, region: str | None, day: date, tables: Tables) -> Line | None:
    """What makes it no working day, or None."""
    known = _holidays(country, region or "", day.year)
    told = next((row for key in _keys(country, region) if (row := tables.find("holiday", key, day))), None)
    if day.weekday() in (_SATURDAY, _SUNDAY):
        return line("a Saturday", "ein Samstag") if day.weekday() == _SATURDAY else line("a Sunday", "ein Sonntag")
    if told is not None:
        return None if told.value == "working" else line("a holiday ({why})", "ein Feiertag ({why})", why=told.source)
    return known.get(day)


def _keys(country: str, region: str | None) -> Iterable[str]:
    """Under which keys single days are told: the region's own before the country's."""
    land = "BY" if region == WITHOUT_ASSUMPTION else region
    return (f"{country}-{land}", country) if land else (country,)


@cache
def _holidays(country: str, region: str, year: int) -> dict[date, Line]:
    """The holidays of a year with their names. Raises UnknownCountry, UnknownRegion and DateOutOfTable."""
    check_place(country, region)
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise DateOutOfTable(f"holidays are known from {FIRST_YEAR} to {LAST_YEAR}", table="holiday")
    english, german = (_named(country, region, year, language) for language in ("en_US", "de"))
    return {day: line("{en}", "{de}", en=name, de=german[day]) for day, name in english.items()} | _beside(
        country, year
    )


def _named(country: str, region: str, year: int, language: str) -> dict[date, str]:
    """The holidays in this language, where the package has them in it."""
    spoken = _class(country).supported_languages or ()
    known = language if language in spoken else "en_US" if "en_US" in spoken else None
    subdivision = "BY" if region == WITHOUT_ASSUMPTION else region or None
    found = holidays.country_holidays(
        country, subdiv=subdivision, years=year, categories=_categories(country, region), language=known
    )
    return dict(found.items())


def check_place(country: str, region: str | None) -> None:
    """For an answer that needs no calendar: a misspelt place is told all the same. Raises UnknownCountry, UnknownRegion."""
    if country not in COUNTRIES:
        raise UnknownCountry(f"{country} is none of {', '.join(sorted(COUNTRIES))}", country=country)
    known = LAENDER if country == "DE" else frozenset(_class(country).subdivisions)
    if region and region not in known:
        raise UnknownRegion(f"{country} has no region {region}: {', '.join(sorted(known))}", region=region)


def is_place(country: str, region: str | None = None) -> bool:
    """Whether this country and region have a calendar here."""
    try:
        check_place(country, region)
    except (UnknownCountry, UnknownRegion):
        return False
    return True


def _class(country: str) -> type[holidays.HolidayBase]:
    found: type[holidays.HolidayBase] = getattr(holidays, country)
    return found


def _categories(country: str, region: str) -> tuple[str, ...]:
    """15 August is a holiday in the Catholic municipalities of Bavaria; Swiss cantons keep some days by custom."""
    if (country, region) == ("DE", "BY"):
        return ("public", "catholic")
    return ("public", "optional") if country == "CH" else ("public",)


def _beside(country: str, year: int) -> dict[date, Line]:
    """Good Friday is no holiday in Austria but counts as one for terms (§ 903 ABGB)."""
    name = line("Good Friday (§ 903 ABGB)", "Karfreitag (§ 903 ABGB)")
    return {_easter(year) - timedelta(days=2): name} if country == "AT" else {}


def _easter(year: int) -> date:
    """Easter Sunday by the Gregorian computus (Meeus)."""
    century, rest = divmod(year, 100)
    moon = (19 * (year % 19) + century - century // 4 - (century - (century + 8) // 25 + 1) // 3 + 15) % 30
    week = (32 + 2 * (century % 4) + 2 * (rest // 4) - moon - rest % 4) % 7
    late = (year % 19 + 11 * moon + 22 * week) // 451
    month, day = divmod(moon + week - 7 * late + 114, 31)
    return date(year, month, day + 1)
