"""The door of the selection: JSON in and out, every field with type, limit and meaning."""

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, validate

from gateway.core.fields import Strict
from gateway.core.money import MAX_MINOR
from gateway.risk.bureau import PROOFS, Proof
from gateway.shops.identity import normal_ip


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the buyer chose, of which order, and whether he agreed to a check or was told of it."""

    method: str
    total_minor: int
    currency: str
    proof: Proof | None = None
    birth_date: date | None = field(default=None, repr=False)


class ProofSchema(Strict):
    """That the buyer agreed to a credit check, or was told of it before he chose (GDPR Art. 7 (1), 13, 14)."""

    kind = fields.String(
        required=True,
        validate=validate.OneOf(PROOFS),
        metadata={"description": "notice: he was told; consent: he agreed"},
    )
    text_version = fields.String(
        required=True,
        validate=validate.Regexp(r"^[A-Za-z0-9._-]{1,60}\Z"),
        metadata={"description": "which text he saw, as your shop names it", "example": "2026-11-de"},
    )
    at = fields.AwareDateTime(
        required=True, format="iso", metadata={"description": "when", "example": "2026-11-24T10:15:00+01:00"}
    )
    ip = fields.String(
        validate=validate.Length(max=45), metadata={"description": "from where", "example": "198.51.100.7"}
    )

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> Proof:
        if data.get("ip"):
            if not (normal := normal_ip(data["ip"])):
                raise ValidationError("is not an IP address", "ip")
            data["ip"] = normal
        if not 2000 <= data["at"].year <= 2100:
            raise ValidationError("is no moment at which he could have been told", "at")
        return Proof(**data)


class SelectionSchema(Strict):
    """The buyer's choice. Total and currency are those of the decision; another order wants another decision."""

    method = fields.String(
        required=True,
        validate=validate.Length(min=1, max=200),
        metadata={"description": "the shop's id of the method, as it stood in the question", "example": "cheque"},
    )
    total_minor = fields.Integer(
        required=True,
        strict=True,
        validate=validate.Range(min=0, max=MAX_MINOR),
        metadata={"description": "what the buyer is to pay now, in minor units"},
    )
    currency = fields.String(
        required=True, validate=validate.Regexp(r"^[A-Z]{3}\Z"), metadata={"description": "ISO 4217", "example": "EUR"}
    )
    proof = fields.Nested(
        ProofSchema, metadata={"description": "without it no bureau is asked, and the policy says what that means"}
    )
    birth_date = fields.Date(
        format="iso",
        metadata={"description": "only for the bureau, which tells namesakes apart by it; it is never stored"},
    )

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> Chosen:
        if (birth := data.get("birth_date")) is not None and not 1900 <= birth.year <= 2100:
            raise ValidationError("is no date of birth", "birth_date")
        return Chosen(**data)


class LeftSchema(Schema):
    """A method that is left to choose from."""

    method = fields.String(required=True)
    kind = fields.String(required=True)
    rank = fields.Integer(required=True)
    deposit_percent = fields.Integer(required=True)
    deposit_minor = fields.Integer(required=True)


class WhySchema(Schema):
    """Why it was answered so, for the merchant."""

    code = fields.String(required=True)
    text = fields.String(required=True)


class AskedSchema(Schema):
    """What was heard of a bureau. The score itself stays with the decision and is told to the buyer on request."""

    name = fields.String(required=True, metadata={"description": "empty when none is connected"})
    outcome = fields.String(required=True, metadata={"description": "scored, or why there is no score"})
    reused = fields.Boolean(required=True, metadata={"description": "the answer was on record; nothing was paid"})


class SelectedSchema(Schema):
    """The answer to a choice."""

    id = fields.String(required=True, metadata={"example": "sel_01m80jtwssevksa7y719cbahm4"})
    decision = fields.String(required=True)
    created_at = fields.String(required=True, metadata={"format": "date-time"})
    method = fields.String(required=True)
    kind = fields.String(required=True)
    answer = fields.String(
        required=True,
        validate=validate.OneOf(["confirmed", "deposit", "choose_another"]),
        metadata={
            "description": "confirmed: place the order; deposit: take this share first; choose_another: of `offers`"
        },
    )
    deposit_percent = fields.Integer(required=True)
    deposit_minor = fields.Integer(required=True)
    currency = fields.String(required=True)
    total_minor = fields.Integer(required=True)
    review = fields.Boolean(
        required=True, metadata={"description": "a person should look at the order before it ships"}
    )
    offers = fields.List(
        fields.Nested(LeftSchema), required=True, metadata={"description": "what is left, with choose_another"}
    )
    reasons = fields.List(fields.Nested(WhySchema), required=True)
    notice = fields.String(required=True, metadata={"description": "plain sentence for the buyer; may be empty"})
    bureau = fields.Nested(AskedSchema, required=True, allow_none=True)
