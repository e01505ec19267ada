"""Which day it is for a debtor: due dates and payments are days of his calendar (pure)."""

from datetime import date, datetime
from types import MappingProxyType

from gateway.core.clock import local_date

_ZONES = MappingProxyType({"AT": "Europe/Vienna", "CH": "Europe/Zurich", "LI": "Europe/Zurich"})


def zone(country: str) -> str:
    """IANA zone of a debtor's country; Central Europe where it has several or is not listed."""
    return _ZONES.get(country, "Europe/Berlin")


def today(country: str, now: datetime) -> date:
    return local_date(now, zone(country))
