"""When a bureau is left alone: after failures in a row, and as long as it asked us to wait (pure).

The state is read from the calls on record, so every process of every machine sees the same, and a restart forgets nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.risk.bureau import BROKEN

FAILURES = 5
"""So many broken calls in a row, and no more are made."""
OPEN_FOR = timedelta(seconds=30)
"""After that one call is let through; if it fails, the time begins again."""
LOST_AFTER = timedelta(seconds=10)
"""A call without a result is lost after this; no deadline is longer than half of it."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call on record; without `outcome` it is under way, or lost."""

    asked_at: datetime
    outcome: str | None = None
    answered_at: datetime | None = None
    retry_at: datetime | None = None


def refusal(calls: Sequence[Call], now: datetime) -> str:
    """Why no call may be made now: `rate_limited`, `circuit_open`, or "". `calls`: the newest first, at least five."""
    if any(call.retry_at is not None and call.retry_at > now for call in calls):
        return "rate_limited"
    known = [call for call in calls if call.outcome is not None or now - call.asked_at > LOST_AFTER]
    row = known[:FAILURES]
    if len(row) < FAILURES or not all(_broken(call) for call in row):
        return ""
    if now - max(call.answered_at or call.asked_at + LOST_AFTER for call in row) < OPEN_FOR:
        return "circuit_open"
    probing = any(call.outcome is None and now - call.asked_at <= LOST_AFTER for call in calls)
    return "circuit_open" if probing else ""


def _broken(call: Call) -> bool:
    return call.outcome is None or call.outcome in BROKEN
