"""The document of kind `privacy`: who answers for the shop's decisions, how soon, and where buyers read more (pure)."""

import calendar
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from marshmallow import ValidationError, fields, validate

from gateway.core.clock import local_date
from gateway.core.errors import Invalid
from gateway.core.faults import pointers
from gateway.core.fields import Strict

_LONG = validate.Length(max=500)


class PrivacySchema(Strict):
    """What a merchant says about himself to buyers who ask."""

    review_days = fields.Integer(strict=True, load_default=30, validate=validate.Range(min=1, max=30))
    grant_days = fields.Integer(strict=True, load_default=14, validate=validate.Range(min=1, max=90))
    controller = fields.String(load_default="", validate=_LONG)
    contact = fields.String(
        load_default="", validate=[validate.Length(max=320), validate.Regexp(r"^(|[^@\s<>\"]+@[^@\s<>\"]+)\Z")]
    )
    notice_url = fields.String(load_default="", validate=[_LONG, validate.Regexp(r"^(|https?://[^\s<>\"']+)\Z")])
    recipients = fields.List(fields.String(validate=_LONG), load_default=list, validate=validate.Length(max=50))


@dataclass(frozen=True, slots=True)
class PrivacySettings:
    """A compiled document. `review_days` is how soon a person answers; the law's month is the longest."""

    version: int
    review_days: int = 30
    grant_days: int = 14
    controller: str = ""
    contact: str = ""
    notice_url: str = ""
    recipients: tuple[str, ...] = ()


_SCHEMA = PrivacySchema()


def compile_privacy(body: dict[str, Any], version: int) -> PrivacySettings:
    """Raises Invalid with the path of every fault."""
    try:
        data: Mapping[str, Any] = _SCHEMA.load(body)
    except ValidationError as error:
        raise Invalid(errors=pointers(error.messages)) from error
    return PrivacySettings(version=version, **{**data, "recipients": tuple(data["recipients"])})


def due_at(asked_at: datetime, timezone: str, days: int = 30) -> datetime:
    """The end of the last day for an answer: a month after the request (Art. 12 (3) GDPR), or sooner by `days`."""
    asked = local_date(asked_at, timezone)
    last = min(_month_after(asked), asked + timedelta(days=days))
    return datetime.combine(last + timedelta(days=1), time.min, ZoneInfo(timezone)).astimezone(UTC)


def _month_after(day: date) -> date:
    year, month = (day.year + 1, 1) if day.month == 12 else (day.year, day.month + 1)
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))
