"""The one place that reads the clock. Everything else takes `now` or `today` as an argument."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo


def now() -> datetime:
    """Aware UTC."""
    return datetime.now(UTC)


def local_date(moment: datetime, zone: str) -> date:
    """The calendar day of an aware moment in an IANA zone (`Europe/Berlin`)."""
    return moment.astimezone(ZoneInfo(zone)).date()
