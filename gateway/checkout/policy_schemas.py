"""The door of policies: JSON in and out, every field with type, limit and meaning."""

from datetime import timedelta
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from gateway.checkout import backtests, documents
from gateway.checkout.conditions import OPERATORS
from gateway.checkout.versions import STAGES
from gateway.core.fields import Strict, YesNo
from gateway.shops.schemas import Moment

KINDS = tuple(documents.COMPILERS)
MAX_PAGE = 100
MOST_DAYS = 730


def _kind(**more: Any) -> fields.String:
    about = {"description": "checkout: limits, rules, table; economics: margins, fees, completion"}
    return fields.String(validate=validate.OneOf(KINDS), metadata=about, **more)


class PolicyPageSchema(Strict):
    """Which versions, and how many."""

    kind = _kind(load_default="checkout")
    cursor = fields.String(
        validate=validate.Length(max=40), metadata={"description": "where the page before ended: its next_cursor"}
    )
    limit = fields.Integer(load_default=20, validate=validate.Range(min=1, max=MAX_PAGE))


class DraftSchema(Strict):
    """A document to be checked, and kept unless it is only to be checked."""

    kind = _kind(required=True)
    document = fields.Dict(required=True, metadata={"description": "see docs/policies.md"})
    note = fields.String(
        load_default="", validate=validate.Length(max=300), metadata={"description": "why this change"}
    )
    check_only = YesNo(load_default=False, metadata={"description": "check and try, keep nothing"})


class StageSchema(Strict):
    """Where a version is to stand."""

    stage = fields.String(
        required=True,
        validate=validate.OneOf(STAGES),
        metadata={
            "description": "draft: decides nothing; shadow: judges each order, recorded, without acting; share: decides "
            "for a share of the buyers; live: decides"
        },
    )
    percent = fields.Integer(
        strict=True,
        validate=validate.Range(min=1, max=99),
        metadata={"description": "of the buyers, with the stage share"},
    )


class KindSchema(Strict):
    """A kind of policy."""

    kind = _kind(required=True)


class BacktestAskSchema(Strict):
    """Over which decisions: the newest `limit` of the period."""

    from_ = Moment("first moment; 90 days before `until` when absent", data_key="from")
    until = Moment("moment before which they were made; now when absent")
    limit = fields.Integer(
        strict=True,
        load_default=10_000,
        validate=validate.Range(min=1, max=backtests.MOST),
        metadata={"example": 10_000},
    )

    @validates_schema
    def in_order(self, data: dict[str, Any], **_: Any) -> None:
        first, last = data.get("from_"), data.get("until")
        if first is not None and last is not None and not first < last <= first + timedelta(days=MOST_DAYS):
            raise ValidationError(f"lies after `from`, by at most {MOST_DAYS} days", "until")


class FaultToldSchema(Schema):
    """Something worth knowing about one place of the document."""

    path = fields.String(required=True, metadata={"description": "JSON pointer into the document"})
    message = fields.String(required=True)


class DryRunSchema(Schema):
    """The document on the newest decisions of the shop."""

    judged = fields.Integer(required=True, metadata={"description": f"at most {backtests.DRY_RUN}"})
    changed = fields.Integer(required=True, metadata={"description": "would have had another menu"})
    errors = fields.Integer(required=True, metadata={"description": "could not be judged again"})


class PolicySummarySchema(Schema):
    """A version of a policy."""

    id = fields.String(required=True, metadata={"example": "pol_01m80jtwssevksa7y719cbahm4"})
    kind = _kind(required=True)
    version = fields.Integer(required=True)
    stage = fields.String(required=True, validate=validate.OneOf(STAGES))
    percent = fields.Integer(
        required=True, allow_none=True, metadata={"description": "of the buyers, while in a share"}
    )
    note = fields.String(required=True)
    author = fields.String(required=True)
    created_at = Moment("when it was kept", required=True)


class PolicySchema(PolicySummarySchema):
    """A version with its document."""

    document = fields.Dict(required=True)


class CheckedSchema(Schema):
    """What checking a document found, and the version if it was kept."""

    policy = fields.Nested(PolicySchema, required=True, allow_none=True)
    warnings = fields.List(fields.Nested(FaultToldSchema), required=True)
    dry_run = fields.Nested(DryRunSchema, required=True)


class ShareSchema(Schema):
    """A version that decides for a share of the buyers."""

    version = fields.Integer(required=True)
    percent = fields.Integer(required=True)


class ActingSchema(Schema):
    """What decides now for one kind; version 0 is the shipped default."""

    kind = _kind(required=True)
    live = fields.Integer(required=True)
    share = fields.Nested(ShareSchema, required=True, allow_none=True)
    shadow = fields.Integer(required=True, allow_none=True)


class WhatActsSchema(Schema):
    """What decides now, per kind."""

    acting = fields.List(fields.Nested(ActingSchema), required=True)


class PolicyListSchema(WhatActsSchema):
    """What decides, and a page of versions, the newest first."""

    policies = fields.List(fields.Nested(PolicySummarySchema), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


class BacktestSchema(Schema):
    """A backtest: how far it is and what was found so far."""

    id = fields.String(required=True, metadata={"example": "bkt_01m80jtwssevksa7y719cbahm4"})
    kind = _kind(required=True)
    version = fields.Integer(required=True)
    state = fields.String(required=True, validate=validate.OneOf(["waiting", "running", "done", "failed"]))
    from_ = Moment("first moment", required=True, data_key="from", attribute="from")
    until = Moment("moment before which they were made", required=True)
    limit = fields.Integer(required=True)
    done = fields.Integer(required=True, metadata={"description": "decisions looked at so far"})
    error = fields.String(required=True, allow_none=True)
    created_at = Moment("when it was asked for", required=True)
    finished_at = Moment("when it ended", required=True, allow_none=True)
    result = fields.Dict(
        required=True,
        metadata={"description": "judged, changed, contribution, kinds, segments, rules, sample; see docs/policies.md"},
    )


class BacktestListSchema(Schema):
    """Backtests of a version, the newest first."""

    backtests = fields.List(fields.Nested(BacktestSchema), required=True)


class FactSchema(Schema):
    """A fact that rules may compare."""

    name = fields.String(required=True)
    type = fields.String(required=True, validate=validate.OneOf(["bool", "int", "text"]))
    unit = fields.String(required=True)
    label_de = fields.String(required=True)
    label_en = fields.String(required=True)
    example = fields.Raw(required=True)
    operators = fields.List(fields.String(validate=validate.OneOf(OPERATORS)), required=True)
    low = fields.Integer(required=True, allow_none=True, metadata={"description": "smallest value there can be"})
    high = fields.Integer(required=True, allow_none=True, metadata={"description": "largest value there can be"})
    choices = fields.List(fields.String(), required=True, allow_none=True)


class CatalogueSchema(Schema):
    """Facts, kinds of methods, actions: what an editor of rules needs."""

    facts = fields.List(fields.Nested(FactSchema), required=True)
    kinds = fields.List(fields.String(), required=True)
    actions = fields.List(fields.String(), required=True)


def version_below(cursor: str) -> int | None:
    """The version a cursor stands for; a cursor that is none of ours begins at the top."""
    return int(cursor) if cursor.isascii() and cursor.isdecimal() and len(cursor) < 9 else None
