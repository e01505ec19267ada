"""The door of claims: JSON in and out, every field with type, limit and meaning. Built once, at import."""

from datetime import date
from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, validate

from gateway.core.fields import Day, Strict, Whole, YesNo
from gateway.core.money import MAX_MINOR, currencies
from gateway.law.allocation import RULES
from gateway.receivables.lifecycle import ClaimState, HoldReason
from gateway.receivables.models import CLAIM_KINDS, ENTRY_KINDS

MAX_PAGE = 100
LANGUAGES = ("de", "en", "fr", "it")
SET_BY_SHOPS = [reason.value for reason in HoldReason if reason is not HoldReason.PROBABLE_PAYMENT]
_ID = "[0-9a-hjkmnp-tv-z]{26}"


def _text(longest: int, about: str, *, shortest: int = 0, **more: Any) -> fields.String:
    length = validate.Length(min=shortest, max=longest)
    return fields.String(validate=length, metadata={"description": about, **more}, required=shortest > 0)


def _id(prefix: str, about: str, **more: Any) -> fields.String:
    return fields.String(validate=validate.Regexp(rf"^{prefix}_{_ID}\Z"), metadata={"description": about}, **more)


def _amount(about: str, **more: Any) -> Whole:
    return Whole(validate=validate.Range(min=1, max=MAX_MINOR), metadata={"description": about}, **more)


def _day(about: str, **more: Any) -> Day:
    return Day(metadata={"description": about}, **more)


class ClaimsPageSchema(Strict):
    """Which claims, and how many."""

    cursor = _text(40, "where the page before ended: its next_cursor")
    limit = fields.Integer(load_default=50, validate=validate.Range(min=1, max=MAX_PAGE))
    state = fields.String(validate=validate.OneOf(list(ClaimState)))
    buyer_id = _id("buy", "only those of this buyer")
    overdue = fields.Boolean(
        truthy={"true"}, falsy={"false"}, metadata={"description": "only those whose due date has passed, or has not"}
    )


class AsOfSchema(Strict):
    """The day of the statement."""

    as_of = _day("the day it is made for, past or future; today when absent")


class ClaimTimelineQuerySchema(Strict):
    """Where to go on."""

    after = fields.Integer(load_default=0, validate=validate.Range(min=0, max=2**31 - 1))
    limit = fields.Integer(load_default=MAX_PAGE, validate=validate.Range(min=1, max=MAX_PAGE))


class ClaimContactSchema(Strict):
    """Where the debtor can be reached now."""

    name = _text(300, "name of person or company")
    email = _text(320, "e-mail address")
    line1 = _text(300, "street and house number")
    line2 = _text(300, "addition")
    postcode = _text(20, "postcode")
    city = _text(200, "city")
    country = fields.String(validate=validate.Regexp(r"^[A-Z]{2}\Z"), metadata={"description": "ISO 3166-1"})


class ClaimOpenSchema(Strict):
    """A debt that did not arise from an order told here."""

    reference = _text(200, "the shop's own name of the debt: told twice, it is one claim", shortest=1)
    buyer_id = _id("buy", "the debtor", required=True)
    currency = fields.String(required=True, metadata={"description": "ISO 4217", "example": "EUR"})
    principal_minor = _amount("what is owed, in minor units", required=True)
    country = fields.String(
        required=True, validate=validate.Regexp(r"^[A-Z]{2}\Z"), metadata={"description": "of the debtor, ISO 3166-1"}
    )
    region = fields.String(
        load_default="",
        validate=validate.Regexp(r"^([A-Z0-9]{1,3})?\Z"),
        metadata={"description": "of the debtor, the part of ISO 3166-2 after the hyphen; for holidays"},
    )
    language = fields.String(load_default="de", validate=validate.OneOf(LANGUAGES))
    debtor = fields.String(
        required=True,
        validate=validate.OneOf(["consumer", "business"]),
        metadata={"description": "what he was when the contract was made"},
    )
    contract_date = _day("day of the contract", required=True)
    due_date = _day("last day to pay", required=True)
    due_ground = fields.String(
        load_default="invoice",
        validate=validate.OneOf(["agreed-date", "after-delivery", "invoice"]),
        metadata={"description": "agreed before the contract, or set by the invoice alone (§ 286 BGB)"},
    )
    consumer_notice = YesNo(
        load_default=False, metadata={"description": "the invoice told the consumer of § 286 (3) BGB"}
    )
    allocation = fields.String(
        load_default="bgb-367",
        validate=validate.OneOf(list(RULES)),
        metadata={
            "description": "what a payment pays first: costs, interest, principal; or § 497 BGB for consumer credit"
        },
    )
    invoice_number = _text(200, "number of the invoice")
    invoice_date = _day("day of the invoice")
    delivered_on = _day("day of the delivery")

    @post_load
    def check(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        if data["currency"] not in currencies():
            raise ValidationError("is not an ISO 4217 currency", "currency")
        if data["due_date"] < data["contract_date"]:
            raise ValidationError("lies before the contract", "due_date")
        return data


class ClaimPaymentTellSchema(Strict):
    """Money that came in."""

    external_id = _text(200, "your id of this payment: told twice, it counts once", shortest=1)
    paid_on = _day("the day it was paid, in the debtor's calendar", required=True)
    amount_minor = _amount("what was paid", required=True)
    currency = fields.String(required=True, validate=validate.Regexp(r"^[A-Z]{3}\Z"))
    purpose = _text(500, "as the payer wrote it")


class ClaimHoldTellSchema(Strict):
    """A dated reason not to escalate."""

    reason = fields.String(required=True, validate=validate.OneOf(SET_BY_SHOPS))
    from_on = _day("first day; today when absent")
    until_on = _day("last day; without one it lasts until it is lifted")
    amount_minor = _amount("promised")


class ClaimHoldLiftSchema(Strict):
    """How the hold ended."""

    outcome = fields.String(load_default="lifted", validate=validate.OneOf(["kept", "broken", "lifted", "ended"]))


class ClaimCreditTellSchema(Strict):
    """Less is owed."""

    external_id = _text(200, "your id of this credit: told twice, it counts once", shortest=1)
    amount_minor = _amount("what is credited", required=True)
    value_date = _day("from when it counts; for one from the start the day on which goods came back", required=True)
    from_start = YesNo(
        load_default=False, metadata={"description": "it was never owed: returned goods, an accepted defect"}
    )
    reason = _text(500, "why, in your words")


class ClaimReasonSchema(Strict):
    """Why."""

    reason = _text(500, "why, in your words", shortest=1)


class ClaimRefundTellSchema(Strict):
    """Money that went back to the debtor, out of what he had paid too much."""

    external_id = _text(200, "your id of this refund: told twice, it counts once", shortest=1)
    paid_on = _day("the day it was paid back", required=True)
    amount_minor = _amount("what was paid back, not more than his credit", required=True)


class ClaimPatchSchema(Strict):
    """What changes; one of them at least."""

    contact = fields.Nested(ClaimContactSchema)
    due_date = _day("new last day to pay")
    reason = _text(500, "why, in your words")

    @post_load
    def check(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        if not data.keys() & {"contact", "due_date"}:
            raise ValidationError("give contact or due_date")
        if (due := data.get("due_date")) and not date(2000, 1, 1) <= due < date(2100, 1, 1):
            raise ValidationError("lies outside the years 2000 to 2099", "due_date")
        return data


class ClaimSummarySchema(Schema):
    """A claim without what is sealed. Amounts are booked ones; interest that ran since is in the statement."""

    id = fields.String(required=True, metadata={"example": "clm_01m80jtwssevksa7y719cbahm4"})
    kind = fields.String(required=True, validate=validate.OneOf(CLAIM_KINDS))
    state = fields.String(required=True, validate=validate.OneOf(list(ClaimState)))
    live = fields.Boolean(required=True)
    reference = fields.String(required=True, metadata={"description": "ISO 11649, to pay with"})
    buyer_id = fields.String(required=True)
    order_id = fields.String(required=True, allow_none=True)
    invoice_number = fields.String(required=True)
    currency = fields.String(required=True)
    country = fields.String(required=True)
    debtor = fields.String(required=True)
    due_date = fields.Date(required=True)
    allocation = fields.String(required=True, validate=validate.OneOf(list(RULES)))
    default_from = fields.Date(required=True, allow_none=True)
    level = fields.Integer(required=True, metadata={"description": "highest dunning level whose letter left"})
    principal_minor = fields.Integer(required=True)
    costs_minor = fields.Integer(required=True)
    interest_minor = fields.Integer(required=True)
    owed_minor = fields.Integer(required=True)
    credit_minor = fields.Integer(required=True, metadata={"description": "what the debtor has paid too much"})
    opened_at = fields.AwareDateTime(required=True)
    updated_at = fields.AwareDateTime(required=True)
    closed_at = fields.AwareDateTime(required=True, allow_none=True)


class ClaimsListSchema(Schema):
    """A page of claims, the newest first."""

    claims = fields.List(fields.Nested(ClaimSummarySchema), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


class ClaimStatementLineSchema(Schema):
    """One entry: what it did to the debt."""

    entry_id = fields.String(
        required=True, allow_none=True, metadata={"description": "null for interest that ran and is not booked"}
    )
    kind = fields.String(required=True, validate=validate.OneOf(ENTRY_KINDS))
    day = fields.Date(required=True)
    cause = fields.String(required=True)
    amount_minor = fields.Integer(required=True, metadata={"description": "positive: more is owed"})
    principal_minor = fields.Integer(required=True)
    costs_minor = fields.Integer(required=True)
    interest_minor = fields.Integer(required=True)
    over_minor = fields.Integer(required=True)
    working = fields.List(fields.String(), required=True)


class ClaimStatementSchema(Schema):
    """What the claim adds up to on a day; interest counts the day itself."""

    as_of = fields.Date(required=True)
    opening_minor = fields.Integer(required=True)
    payments_minor = fields.Integer(required=True)
    credits_minor = fields.Integer(required=True)
    principal_minor = fields.Integer(required=True)
    costs_minor = fields.Integer(required=True)
    interest_minor = fields.Integer(required=True)
    accrued_minor = fields.Integer(required=True)
    total_minor = fields.Integer(required=True)
    written_off_minor = fields.Integer(required=True)
    credit_minor = fields.Integer(required=True)
    interest_from = fields.Date(required=True, allow_none=True)
    interest_through = fields.Date(required=True, allow_none=True)
    reserved_from = fields.Date(
        required=True, allow_none=True, metadata={"description": "from then on no rate is known: reserved"}
    )
    lines = fields.List(fields.Nested(ClaimStatementLineSchema), required=True)


class ClaimHoldSchema(Schema):
    """A hold that was not lifted."""

    id = fields.String(required=True)
    reason = fields.String(required=True)
    from_on = fields.Date(required=True)
    until_on = fields.Date(required=True, allow_none=True)
    amount_minor = fields.Integer(required=True, allow_none=True)


class ClaimPaymentSchema(Schema):
    """A payment as it was told."""

    id = fields.String(required=True)
    source = fields.String(required=True)
    external_id = fields.String(required=True)
    paid_on = fields.Date(required=True)
    amount_minor = fields.Integer(required=True)
    reversed_at = fields.AwareDateTime(required=True, allow_none=True)


class ClaimSchema(ClaimSummarySchema):
    """A claim with its statement, holds and payments."""

    statement = fields.Nested(ClaimStatementSchema, required=True)
    holds = fields.List(fields.Nested(ClaimHoldSchema), required=True)
    payments = fields.List(fields.Nested(ClaimPaymentSchema), required=True)


class ClaimEventSchema(Schema):
    """Something that happened to the claim; `facts` is empty once the buyer is erased."""

    seq = fields.Integer(required=True)
    event = fields.String(required=True)
    actor = fields.String(required=True)
    at = fields.AwareDateTime(required=True)
    facts = fields.Dict(required=True)


class ClaimTimelineSchema(Schema):
    """What happened, in order."""

    events = fields.List(fields.Nested(ClaimEventSchema), required=True)
    next_after = fields.Integer(required=True, allow_none=True)
