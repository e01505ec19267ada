"""The door of orders: JSON in and out, every field with type, limit and meaning. Built once, at import."""

import re
from datetime import UTC, date, datetime
from typing import Any

from flask_smorest.fields import Upload
from marshmallow import Schema, ValidationError, fields, post_load, validate

from gateway.core.fields import Strict, YesNo
from gateway.core.money import MAX_MINOR, currencies
from gateway.shops.identity import Address
from gateway.shops.lifecycle import OrderAct, OrderState
from gateway.shops.told import OWN_PREFIX, BuyerTold, EventTold, ItemTold, MethodTold, OrderTold, PaymentKind

MAX_ITEMS = 500
MAX_PAGE = 100
EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
DOCUMENT_KINDS = ("invoice", "delivery_proof")
_EMAIL = re.compile(r"[^@\s\x00-\x1f<>\"]{1,64}@[^@\s\x00-\x1f<>\"]{1,253}\.[^@\s.<>\"]{1,63}\.?")
_NEED_AMOUNT = frozenset({OrderAct.PAID, OrderAct.RETURNED, OrderAct.REFUNDED})
_MAY_HAVE_AMOUNT = _NEED_AMOUNT | {OrderAct.WITHDRAWN}


class Moment(fields.AwareDateTime):
    """A time with its offset from UTC, between 2000 and 2100."""

    def __init__(self, about: str, **more: Any) -> None:
        super().__init__(format="iso", metadata={"description": about, "example": "2026-11-02T09:30:00Z"}, **more)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime:
        moment = super()._deserialize(value, attr, data, **kwargs)
        if not EARLIEST <= moment < LATEST:
            raise ValidationError("lies outside the years 2000 to 2099")
        return moment.astimezone(UTC)

    def _serialize(self, value: datetime | None, *_: Any, **__: Any) -> str | None:
        return None if value is None else value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _text(longest: int, about: str, *, shortest: int = 0, **more: Any) -> fields.String:
    length = validate.Length(min=shortest, max=longest)
    return fields.String(validate=length, metadata={"description": about, **more}, required=shortest > 0)


def _amount(about: str, *, least: int = 0, **more: Any) -> fields.Integer:
    return fields.Integer(
        strict=True, validate=validate.Range(min=least, max=MAX_MINOR), metadata={"description": about}, **more
    )


class PostalAddressSchema(Strict):
    """A postal address."""

    line1 = _text(300, "street and house number", example="Lange Reihe 7")
    line2 = _text(300, "addition, or the number of a parcel locker")
    postcode = _text(20, "postcode", example="20099")
    city = _text(200, "city", example="Hamburg")
    state = _text(60, "state or region")
    country = fields.String(
        required=True,
        validate=validate.Regexp(r"^[A-Z]{2}\Z"),
        metadata={"description": "ISO 3166-1 alpha-2", "example": "DE"},
    )
    name = _text(300, "recipient")
    company = _text(300, "company")

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> Address:
        return Address(**data)


class OrderBuyerSchema(Strict):
    """The buyer as the shop knows him; e-mail or phone is what he is recognised by."""

    email = _text(320, "e-mail address", example="ada@example.com")
    phone = _text(40, "phone number", example="+49 40 123456")
    first_name = _text(200, "first name; never used by a score")
    last_name = _text(200, "last name; never used by a score")
    company = _text(300, "company; given means business customer")
    vat_id = _text(40, "VAT id; given means business customer")
    customer_reference = _text(200, "the shop's id of the customer")
    guest = YesNo(metadata={"description": "ordered without an account"})
    language = fields.String(
        validate=validate.Regexp(r"^[a-z]{2}\Z"), metadata={"description": "ISO 639-1", "example": "de"}
    )

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> BuyerTold:
        if (email := data.get("email")) and not _EMAIL.fullmatch(email.strip()):
            raise ValidationError("is not an e-mail address", "email")
        return BuyerTold(**data)


class OrderItemSchema(Strict):
    """One line of an order."""

    quantity = fields.Integer(required=True, strict=True, validate=validate.Range(min=1, max=1_000_000))
    unit_minor = _amount("price of one piece including tax", required=True)
    kind = fields.String(
        load_default="physical", validate=validate.OneOf(["physical", "digital", "gift_card", "service"])
    )
    sku = _text(200, "article number")
    name = _text(500, "article name")

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> ItemTold:
        return ItemTold(**data)


class OrderMethodSchema(Strict):
    """How the order is paid."""

    id = _text(200, "the shop's own id of the payment method", shortest=1, example="cheque")
    kind = fields.String(required=True, validate=validate.OneOf(list(PaymentKind)), metadata={"example": "invoice"})

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> MethodTold:
        return MethodTold(data["id"], PaymentKind(data["kind"]))


class OrderTellSchema(Strict):
    """An order as it stands in the shop."""

    method = fields.Nested(OrderMethodSchema, required=True)
    currency = fields.String(required=True, metadata={"description": "ISO 4217", "example": "EUR"})
    total_minor = _amount("what the buyer owes for the whole order, in minor units", required=True)
    placed_at = Moment("when the buyer ordered", required=True)
    due_date = fields.Date(metadata={"description": "last day to pay, in the shop's calendar"})
    decision_id = fields.String(
        validate=validate.Regexp(r"^dec_[0-9a-hjkmnp-tv-z]{26}\Z"),
        metadata={"description": "the decision this order came from"},
    )
    buyer = fields.Nested(OrderBuyerSchema)
    billing = fields.Nested(PostalAddressSchema, metadata={"description": "billing address"})
    delivery = fields.Nested(PostalAddressSchema, metadata={"description": "delivery address"})
    items = fields.List(fields.Nested(OrderItemSchema), validate=validate.Length(max=MAX_ITEMS))

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> OrderTold:
        if data["currency"] not in currencies():
            raise ValidationError("is not an ISO 4217 currency", "currency")
        if (due := data.get("due_date")) and not date(2000, 1, 1) <= due < date(2100, 1, 1):
            raise ValidationError("lies outside the years 2000 to 2099", "due_date")
        return OrderTold(**data)


class EventFactsSchema(Strict):
    """What else is known of an event."""

    carrier = _text(100, "who carries the parcel", example="DHL")
    tracking_number = _text(100, "number of the parcel")
    tracking_url = _text(1000, "where the parcel can be followed")
    payment_reference = _text(200, "the provider's or bank's reference of a payment or refund")
    reason = _text(500, "why, in the shop's words")


class EventTellSchema(Strict):
    """Something that happened to an order."""

    event = fields.String(required=True, validate=validate.OneOf(list(OrderAct)))
    external_id = _text(200, "the shop's id of this event: told twice, it counts once", shortest=1)
    occurred_at = Moment("when it happened", required=True)
    amount_minor = _amount(
        "paid, refunded: the money; returned: value of the goods; withdrawn: value covered, absent for all", least=1
    )
    facts = fields.Nested(EventFactsSchema)

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> EventTold:
        if data["event"] in _NEED_AMOUNT and "amount_minor" not in data:
            raise ValidationError(f"is required for {data['event']}", "amount_minor")
        if data["event"] not in _MAY_HAVE_AMOUNT and "amount_minor" in data:
            raise ValidationError(f"{data['event']} has no amount", "amount_minor")
        if data["external_id"].startswith(OWN_PREFIX):
            raise ValidationError(f"ids that begin with {OWN_PREFIX} are reserved", "external_id")
        return EventTold(**data)


class DocumentFormSchema(Strict):
    """Which document is uploaded."""

    kind = fields.String(required=True, validate=validate.OneOf(DOCUMENT_KINDS))


class DocumentFileSchema(Strict):
    """The document itself."""

    file = Upload(required=True, metadata={"description": "PDF, PNG, JPEG, XML, JSON, CSV or text of at most 10 MB"})


class OrderPageSchema(Strict):
    """Which orders, and how many."""

    cursor = _text(40, "where the page before ended: its next_cursor")
    limit = fields.Integer(load_default=50, validate=validate.Range(min=1, max=MAX_PAGE))
    state = fields.String(validate=validate.OneOf(list(OrderState)))


class OrderSummarySchema(Schema):
    """An order without what is sealed."""

    id = fields.String(required=True, metadata={"example": "ord_01m80jtwssevksa7y719cbahm4"})
    reference = fields.String(required=True)
    live = fields.Boolean(required=True)
    state = fields.String(required=True, validate=validate.OneOf(list(OrderState)))
    decision_id = fields.String(required=True, allow_none=True)
    buyer_id = fields.String(required=True)
    method = fields.Nested(OrderMethodSchema, required=True)
    currency = fields.String(required=True)
    total_minor = fields.Integer(required=True)
    paid_minor = fields.Integer(required=True)
    refunded_minor = fields.Integer(required=True)
    returned_minor = fields.Integer(required=True, metadata={"description": "value of the goods that came back"})
    open_minor = fields.Integer(required=True, metadata={"description": "what the buyer has still to pay"})
    placed_at = Moment("when the buyer ordered", required=True)
    due_date = fields.Date(required=True, allow_none=True)
    paid_at = Moment("when payments first covered what is due", required=True, allow_none=True)
    shipped_at = Moment("first parcel", required=True, allow_none=True)
    delivered_at = Moment("last parcel", required=True, allow_none=True)
    cancelled_at = Moment("cancelled", required=True, allow_none=True)
    withdrawn_at = Moment("the buyer declared his withdrawal", required=True, allow_none=True)
    updated_at = Moment("last change of this record", required=True)


class OrderEventSchema(Schema):
    """One entry of an order's history."""

    id = fields.String(required=True)
    event = fields.String(required=True)
    external_id = fields.String(required=True)
    occurred_at = Moment("when it happened", required=True)
    received_at = Moment("when we were told", required=True)
    amount_minor = fields.Integer(required=True, allow_none=True)
    facts = fields.Dict(keys=fields.String(), required=True)


class OrderDocumentSchema(Schema):
    """A document of an order."""

    id = fields.String(required=True, metadata={"example": "doc_01m80jtwssevksa7y719cbahm4"})
    kind = fields.String(required=True, validate=validate.OneOf(DOCUMENT_KINDS))
    media_type = fields.String(required=True)
    size = fields.Integer(required=True, metadata={"description": "bytes"})
    created_at = Moment("when it was stored", required=True)


class OrderSchema(OrderSummarySchema):
    """An order with its history. After an erasure buyer, addresses and items are empty."""

    buyer = fields.Dict(keys=fields.String(), required=True)
    billing = fields.Dict(keys=fields.String(), required=True)
    delivery = fields.Dict(keys=fields.String(), required=True)
    items = fields.List(fields.Dict(keys=fields.String()), required=True)
    events = fields.List(fields.Nested(OrderEventSchema), required=True)
    documents = fields.List(fields.Nested(OrderDocumentSchema), required=True)


class OrderListSchema(Schema):
    """A page of orders, the newest first."""

    orders = fields.List(fields.Nested(OrderSummarySchema), required=True)
    next_cursor = fields.String(required=True, allow_none=True)
