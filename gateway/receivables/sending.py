"""When a letter drafted now leaves: after the undo window, within the sending hours of the debtor's country (pure)."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from gateway.receivables import days
from gateway.receivables.dunning_policy import Track


def release_at(track: Track, country: str, now: datetime) -> datetime | None:
    """When a letter drafted now is released, or None when that would be after today's last hour: then not today."""
    zone = ZoneInfo(days.zone(country))
    today = now.astimezone(zone).date()
    opens = datetime.combine(today, time(track.sending.from_hour), zone)
    closes = datetime.combine(today, time(), zone) + timedelta(hours=track.sending.until_hour)
    moment = max(opens, now.astimezone(zone) + timedelta(hours=track.undo_hours))
    return moment.astimezone(now.tzinfo) if moment < closes else None
