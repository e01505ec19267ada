"""Which day it is for a debtor: due dates and payments are days of his calendar (pure)."""

from datetime import date, datetime
from types import MappingProxyType

from gateway.core.clock import local_date
from gateway.core.errors import Invalid
from gateway.core.fields import Day

_ZONES = MappingProxyType(
    {
        "AT": "Europe/Vienna",
        "BE": "Europe/Brussels",
        "BG": "Europe/Sofia",
        "CH": "Europe/Zurich",
        "CY": "Asia/Nicosia",
        "CZ": "Europe/Prague",
        "DE": "Europe/Berlin",
        "DK": "Europe/Copenhagen",
        "EE": "Europe/Tallinn",
        "ES": "Europe/Madrid",
        "FI": "Europe/Helsinki",
        "FR": "Europe/Paris",
        "GB": "Europe/London",
        "GR": "Europe/Athens",
        "HR": "Europe/Zagreb",
        "HU": "Europe/Budapest",
        "IE": "Europe/Dublin",
        "IT": "Europe/Rome",
        "LI": "Europe/Vaduz",
        "LT": "Europe/Vilnius",
        "LU": "Europe/Luxembourg",
        "LV": "Europe/Riga",
        "MT": "Europe/Malta",
        "NL": "Europe/Amsterdam",
        "PL": "Europe/Warsaw",
        "PT": "Europe/Lisbon",
        "RO": "Europe/Bucharest",
        "SE": "Europe/Stockholm",
        "SI": "Europe/Ljubljana",
        "SK": "Europe/Bratislava",
    }
)
"""Country → zone of most of its people."""


def zone(country: str) -> str:
    """IANA zone of a debtor's country; Central Europe where it has several or is not listed."""
    return _ZONES.get(country, "Europe/Berlin")


def today(country: str, now: datetime) -> date:
    return local_date(now, zone(country))


def day_of(country: str, at: datetime) -> date:
    """The day of a moment, there."""
    return local_date(at, zone(country))


def check(path: str, day: date | None) -> None:
    """Days are of a time in which this system is used: what reckons with them never falls off the calendar. Raises Invalid."""
    if day is not None and not Day.FIRST <= day <= Day.LAST:
        raise Invalid.at(path, f"lies outside the years {Day.FIRST.year} to {Day.LAST.year}")
