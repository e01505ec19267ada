"""When a letter drafted now leaves: after the undo window, within the sending hours of the debtor's country (pure)."""

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from gateway.receivables.dunning_policy import Track

ZONES: Mapping[str, str] = {
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
"""Country → zone of most of its people; a country that is not here is taken for Central Europe."""
USUAL_ZONE = "Europe/Berlin"


def zone_of(country: str) -> ZoneInfo:
    return ZoneInfo(ZONES.get(country, USUAL_ZONE))


def release_at(track: Track, country: str, now: datetime) -> datetime | None:
    """When a letter drafted now is released, or None when that would be after today's last hour: then not today."""
    zone = zone_of(country)
    today = now.astimezone(zone).date()
    opens = datetime.combine(today, time(track.sending.from_hour), zone)
    closes = datetime.combine(today, time(), zone) + timedelta(hours=track.sending.until_hour)
    moment = max(opens, now.astimezone(zone) + timedelta(hours=track.undo_hours))
    return moment.astimezone(now.tzinfo) if moment < closes else None
