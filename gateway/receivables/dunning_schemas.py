"""The door of dunning: JSON in and out, every field with type, limit and meaning."""

from typing import Any

from marshmallow import Schema, fields, validate

from gateway.core.fields import Strict, YesNo
from gateway.core.money import MAX_MINOR
from gateway.receivables import calls, preview
from gateway.receivables.dunning_policy import CHANNELS, KINDS
from gateway.receivables.dunning_versions import DRAFT, LIVE
from gateway.receivables.objections import CATEGORIES
from gateway.shops.schemas import Moment

MAX_PAGE = 100


class PageSchema(Strict):
    """Which page."""

    cursor = fields.String(
        load_default="",
        validate=[validate.Length(max=40), validate.Regexp(r"^[0-9]{0,9}\Z", error="is no next_cursor of this list")],
        metadata={"description": "where the page before ended: its next_cursor"},
    )
    limit = fields.Integer(load_default=20, validate=validate.Range(min=1, max=MAX_PAGE))


class DunningDraftSchema(Strict):
    """A document to be checked, and kept unless it is only to be checked."""

    document = fields.Dict(required=True, metadata={"description": "see docs/dunning.md"})
    note = fields.String(
        load_default="", validate=validate.Length(max=300), metadata={"description": "why this change"}
    )
    check_only = YesNo(load_default=False, metadata={"description": "check, keep nothing"})


class DunningWarningSchema(Schema):
    """Something worth knowing about one place of the document."""

    path = fields.String(required=True, metadata={"description": "JSON pointer into the document"})
    message = fields.String(required=True)


class DunningPolicySchema(Schema):
    """A version of the dunning policy."""

    id = fields.String(required=True, metadata={"example": "pol_01m80jtwssevksa7y719cbahm4"})
    version = fields.Integer(required=True)
    stage = fields.String(required=True, validate=validate.OneOf([DRAFT, LIVE]))
    note = fields.String(required=True)
    author = fields.String(required=True)
    created_at = Moment("when it was kept", required=True)
    document = fields.Dict(required=True)


class DunningCheckedSchema(Schema):
    """What checking a document found, and the version if it was kept."""

    policy = fields.Nested(DunningPolicySchema, required=True, allow_none=True)
    warnings = fields.List(fields.Nested(DunningWarningSchema), required=True)


class DunningPolicyListSchema(Schema):
    """The versions, the newest first."""

    live = fields.Integer(required=True, metadata={"description": "version that is live; 0 is the shipped default"})
    document = fields.Dict(required=True, metadata={"description": "what is live, with the shipped default"})
    policies = fields.List(fields.Nested(DunningPolicySchema), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


class DunningLiveSchema(Schema):
    """Which version is live."""

    live = fields.Integer(required=True)


class NothingSchema(Strict):
    """No fields."""


class PreviewAskSchema(Strict):
    """Which part of the coming days."""

    days = fields.Integer(load_default=preview.USUAL_DAYS, validate=validate.Range(min=1, max=preview.MOST_DAYS))
    kind = fields.String(load_default="", validate=validate.OneOf(["", *KINDS]))
    channel = fields.String(load_default="", validate=validate.OneOf(["", *CHANNELS]))
    limit = fields.Integer(load_default=200, validate=validate.Range(min=1, max=1000))


class PlannedSchema(Schema):
    """A letter that would leave if nobody pays and nothing happens."""

    day = fields.Date(required=True)
    kind = fields.String(required=True, validate=validate.OneOf(KINDS))
    step = fields.String(required=True)
    channel = fields.String(required=True, validate=validate.OneOf(CHANNELS))
    deadline = fields.Date(required=True)
    debtor = fields.String(required=True)
    claims = fields.List(fields.String(), required=True)
    currency = fields.String(required=True)
    owed_minor = fields.Integer(required=True, metadata={"description": "as booked now, before this letter"})
    fee_minor = fields.Integer(required=True)
    interest = fields.Boolean(required=True)
    lump_sum = fields.Boolean(required=True)
    in_default_from = fields.Date(required=True, allow_none=True)


class PreviewSchema(Schema):
    """What leaves in the coming days."""

    first = fields.Date(required=True)
    last = fields.Date(required=True)
    letters = fields.List(fields.Nested(PlannedSchema), required=True)
    counts = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True)
    claims_seen = fields.Integer(required=True)
    complete = fields.Boolean(
        required=True, metadata={"description": "false: there are more claims than are looked at"}
    )


class NextSchema(Schema):
    """What is next for a claim, and why nothing is sent today."""

    claim = fields.String(required=True)
    policy_version = fields.Integer(required=True)
    due_now = fields.String(required=True, allow_none=True, metadata={"description": "key of the step that is due"})
    why_not = fields.String(required=True, allow_none=True, metadata={"description": "code, see docs/dunning.md"})
    until = fields.Date(required=True, allow_none=True)
    coming = fields.Nested(PlannedSchema, required=True, allow_none=True)


class PauseSchema(Strict):
    """Until when; without a day until it is resumed."""

    until_on = fields.Date(load_default=None, allow_none=True)


class ResumedSchema(Schema):
    """What happened, and what is next."""

    changed = fields.Boolean(required=True)
    next = fields.Nested(NextSchema, required=True)


class CallAskSchema(Strict):
    """A debtor's wish to be called."""

    claim = fields.String(required=True, validate=validate.Length(max=40))
    reference = fields.String(
        required=True,
        validate=validate.Regexp(r"^[A-Za-z0-9._-]{1,60}\Z"),
        metadata={"description": "the shop's own name of this wish: told twice it is one call"},
    )
    wish = fields.String(
        load_default="",
        validate=validate.Length(max=500),
        metadata={"description": "number and time as the debtor named them"},
    )
    due_on = fields.Date(load_default=None, allow_none=True)


class CallPageSchema(Strict):
    """Which calls."""

    state = fields.String(load_default="OPEN", validate=validate.OneOf(["OPEN", "DONE", "DROPPED"]))
    limit = fields.Integer(load_default=50, validate=validate.Range(min=1, max=MAX_PAGE))


class CallSchema(Schema):
    """A call to be made, or how it ended."""

    id = fields.String(required=True)
    debtor = fields.String(required=True)
    cause = fields.String(required=True)
    due_on = fields.Date(required=True)
    state = fields.String(required=True, validate=validate.OneOf(["OPEN", "DONE", "DROPPED"]))
    tries = fields.Integer(required=True, metadata={"description": "which try this is, from 1"})
    wish = fields.String(required=True)
    outcome = fields.String(required=True, allow_none=True, validate=validate.OneOf(calls.OUTCOMES))
    note = fields.String(required=True)
    done_by = fields.String(required=True, allow_none=True)
    done_at = Moment("when it ended", required=True, allow_none=True)


class CallListSchema(Schema):
    """Calls, those due first come first."""

    calls = fields.List(fields.Nested(CallSchema), required=True)


class OutcomeSchema(Strict):
    """How a call ended."""

    outcome = fields.String(required=True, validate=validate.OneOf(calls.OUTCOMES))
    note = fields.String(load_default="", validate=validate.Length(max=1000))
    pay_on = fields.Date(load_default=None, allow_none=True, metadata={"description": "with promised"})
    amount_minor = fields.Integer(
        strict=True, allow_none=True, load_default=None, validate=validate.Range(min=1, max=MAX_MINOR)
    )
    category = fields.String(
        load_default="other",
        validate=validate.OneOf(CATEGORIES),
        metadata={"description": "with objected: what the debtor disputes; his words are the note"},
    )


class RunSchema(Schema):
    """A night."""

    day = fields.Date(required=True)
    state = fields.String(required=True, validate=validate.OneOf(["RUNNING", "DONE"]))
    started_at = Moment("when it began", required=True)
    finished_at = Moment("when it ended", required=True, allow_none=True)
    seen = fields.Integer(required=True, metadata={"description": "claims looked at"})
    drafted = fields.Integer(required=True, metadata={"description": "letters drafted"})


class RunListSchema(Schema):
    """Nights, the newest first."""

    runs = fields.List(fields.Nested(RunSchema), required=True)


def call_view(view: calls.CallView, public: Any) -> dict[str, Any]:
    """A call as the API tells it; `public` makes ids."""
    names = ("cause", "due_on", "state", "tries", "wish", "outcome", "note", "done_by", "done_at")
    told = {name: getattr(view, name) for name in names}
    return {"id": public("cal", view.id), "debtor": public("buy", view.buyer_id), **told}
