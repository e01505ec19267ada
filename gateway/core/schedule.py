"""When scheduled work is due: every so many seconds, or each day at a wall-clock time in a zone. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Every:
    """At least `seconds` after the last time."""

    seconds: int

    def __post_init__(self) -> None:
        if self.seconds < 1:
            raise ValueError("a schedule needs at least one second between two ticks")


@dataclass(frozen=True, slots=True)
class Daily:
    """Once per calendar day at `at` on the clock of an IANA zone.

    On the day the clock jumps over `at`, the tick comes as much later as the clock jumped; on the day `at` comes
    twice, the first one counts. Restrict it to `weekdays` (Monday is 0) where not every day is meant.
    """

    at: time
    zone: str
    weekdays: frozenset[int] = frozenset(range(7))

    def __post_init__(self) -> None:
        if not self.weekdays or not self.weekdays <= frozenset(range(7)):
            raise ValueError("weekdays are numbers from 0 (Monday) to 6, at least one")


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the schedule: a task without a merchant, enqueued once per tick over all workers."""

    task: str
    when: Every | Daily
    name: str = ""
    queue: str = "default"
    args: Mapping[str, str | int] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Under which the last tick is remembered; name two entries of one task apart."""
        return self.name or self.task


def next_due(entry: Entry, last: datetime, now: datetime) -> datetime | None:
    """The moment of the tick that is due now, or None when the next one lies ahead.

    However long nothing ran, one tick is due, not one for each that was missed; the next counts from `now`.
    """
    due = next_after(entry.when, last)
    return due if due <= now else None


def next_after(when: Every | Daily, last: datetime) -> datetime:
    """The first tick after `last`, in UTC."""
    if isinstance(when, Every):
        return last.astimezone(UTC) + timedelta(seconds=when.seconds)
    day = last.astimezone(ZoneInfo(when.zone)).date()
    while True:  # ends within eight days: some weekday is allowed
        moment = _moment(when, day)
        if moment > last and day.weekday() in when.weekdays:
            return moment
        day += timedelta(days=1)


def _moment(when: Daily, day: date) -> datetime:
    return datetime.combine(day, when.at, ZoneInfo(when.zone)).astimezone(UTC)
