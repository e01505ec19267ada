"""The document of kind `dunning`: the form merchants edit, checked to the last field, compiled for `next_step` (pure)."""

import difflib
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from marshmallow import ValidationError, fields, validate, validates_schema

from gateway.core.errors import Invalid
from gateway.core.faults import pointers
from gateway.core.fields import Strict, YesNo
from gateway.core.money import MAX_MINOR
from gateway.receivables.dunning_policy import (
    BUYERS,
    CHANNELS,
    DEBTORS,
    KINDS,
    OFFERS,
    TONES,
    DunningPolicy,
    PolicyStep,
    Segment,
    Sending,
    Track,
)

MOST_TRACKS, MOST_STEPS = 50, 12
_AMOUNT = validate.Range(min=0, max=MAX_MINOR)
_KEY = validate.Regexp(r"^[a-z0-9][a-z0-9-]{0,39}\Z")
_DAYS = validate.Range(min=0, max=365)


def _days(default: int, least: int = 0, most: int = 365) -> fields.Integer:
    return fields.Integer(strict=True, load_default=default, validate=validate.Range(min=least, max=most))


def _one_of(values: tuple[str, ...], default: str) -> fields.String:
    return fields.String(load_default=default, validate=validate.OneOf(values))


class SegmentSchema(Strict):
    """Whose claims a track is for."""

    countries = fields.List(
        fields.String(validate=validate.Regexp(r"^[A-Z]{2}\Z")), load_default=list, validate=validate.Length(max=60)
    )
    debtor = _one_of(DEBTORS, "any")
    buyers = _one_of(BUYERS, "any")
    currency = fields.String(load_default="", validate=validate.Regexp(r"^(|[A-Z]{3})\Z"))
    min_minor = fields.Integer(strict=True, allow_none=True, load_default=None, validate=_AMOUNT)
    max_minor = fields.Integer(strict=True, allow_none=True, load_default=None, validate=_AMOUNT)

    @validates_schema
    def ordered(self, data: dict[str, Any], **_: Any) -> None:
        low, high = data.get("min_minor"), data.get("max_minor")
        if low is not None and high is not None and low > high:
            raise ValidationError("no claim can be within: the smallest amount is above the largest", "min_minor")


class StepSchema(Strict):
    """One step."""

    key = fields.String(required=True, validate=_KEY)
    kind = fields.String(required=True, validate=validate.OneOf(KINDS))
    delay_days = fields.Integer(required=True, strict=True, validate=_DAYS)
    channel = _one_of(CHANNELS, "email")
    fallback = fields.String(load_default=None, allow_none=True, validate=validate.OneOf(CHANNELS))
    fee_minor = fields.Integer(strict=True, load_default=0, validate=_AMOUNT)
    fee_proof = fields.String(load_default="", validate=validate.Length(max=200))
    interest = YesNo(load_default=False)
    lump_sum = YesNo(load_default=False)
    tone = _one_of(TONES, "neutral")
    offers = fields.List(fields.String(validate=validate.OneOf(OFFERS)), load_default=list)
    deadline_days = _days(10, most=60)
    minimum_minor = fields.Integer(strict=True, load_default=0, validate=_AMOUNT)
    bureau_notice = YesNo(load_default=False)
    handover_notice = YesNo(load_default=False)


class SendingSchema(Strict):
    """When letters leave, by the debtor's clock."""

    from_hour = _days(8, most=23)
    until_hour = _days(18, least=1, most=24)
    weekdays = fields.List(
        fields.Integer(strict=True, validate=validate.Range(min=0, max=4)),
        load_default=lambda: [0, 1, 2, 3, 4],
        validate=validate.Length(min=1, max=5),
    )

    @validates_schema
    def some_hour(self, data: dict[str, Any], **_: Any) -> None:
        if data.get("from_hour", 0) >= data.get("until_hour", 24):
            raise ValidationError("is not after the first hour, so no letter could leave", "until_hour")


class TrackSchema(Strict):
    """The steps for one segment."""

    id = fields.String(required=True, validate=_KEY)
    segment = fields.Nested(SegmentSchema, load_default=lambda: SegmentSchema().load({}))
    steps = fields.List(fields.Nested(StepSchema), required=True, validate=validate.Length(max=MOST_STEPS))
    sending = fields.Nested(SendingSchema, load_default=lambda: SendingSchema().load({}))
    minimum_minor = fields.Integer(strict=True, load_default=500, validate=_AMOUNT)
    undo_hours = _days(4, most=24)
    bank_lag_days = _days(2, most=14)
    resume_days = _days(3, least=1, most=60)
    delivered_required = YesNo(load_default=True)
    probable_payment_brake = YesNo(load_default=True)
    stale_bank_days = fields.Integer(
        strict=True, allow_none=True, load_default=None, validate=validate.Range(min=1, max=30)
    )

    @validates_schema
    def own_keys(self, data: dict[str, Any], **_: Any) -> None:
        keys = [step["key"] for step in data.get("steps", ())]
        if len(set(keys)) < len(keys):
            raise ValidationError("two steps have the same key", "steps")


class DunningSchema(Strict):
    """The document of kind `dunning`."""

    tracks = fields.List(fields.Nested(TrackSchema), required=True, validate=validate.Length(min=1, max=MOST_TRACKS))

    @validates_schema
    def own_ids(self, data: dict[str, Any], **_: Any) -> None:
        ids = [track["id"] for track in data.get("tracks", ())]
        if len(set(ids)) < len(ids):
            raise ValidationError("two tracks have the same id", "tracks")


_SCHEMA = DunningSchema()
_FIELDS = sorted(
    {
        name
        for schema in (DunningSchema, TrackSchema, SendingSchema, StepSchema, SegmentSchema)
        for name in schema().fields
    }
)


def load(body: Any) -> dict[str, Any]:
    """The document with its defaults filled in. Raises Invalid with the path of every fault and a suggestion."""
    try:
        loaded: dict[str, Any] = _SCHEMA.load(body)
    except ValidationError as error:
        raise Invalid(errors=[_with_suggestion(fault) for fault in pointers(error.messages)]) from error
    return loaded


def compile_dunning(body: Mapping[str, Any], version: int, id_: UUID | None = None) -> DunningPolicy:
    """The policy of a document. Raises Invalid with the path of every fault."""
    return DunningPolicy(version, tuple(_track(track) for track in load(body)["tracks"]), id_)


def _track(data: dict[str, Any]) -> Track:
    segment = data["segment"] | {"countries": frozenset(data["segment"]["countries"])}
    sending = data["sending"] | {"weekdays": frozenset(data["sending"]["weekdays"])}
    made = {"segment": Segment(**segment), "sending": Sending(**sending), "steps": tuple(map(_step, data["steps"]))}
    return Track(**(data | made))


def _step(data: dict[str, Any]) -> PolicyStep:
    return PolicyStep(**(data | {"offers": frozenset(data["offers"])}))


def _with_suggestion(fault: dict[str, str]) -> dict[str, str]:
    """An unknown field is told with the one that was perhaps meant."""
    if fault["message"] != "Unknown field.":
        return fault
    name = fault["path"].rpartition("/")[2]
    close = next(iter(difflib.get_close_matches(name[:60], _FIELDS, n=1)), "")
    return fault | {"message": f"no such field{f'; did you mean {close}?' if close else ''}"}
