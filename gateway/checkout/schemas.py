"""The door of the decision: JSON in and out, every field with type, limit and meaning."""

import re
from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, validate, validates_schema

from gateway.checkout.methods import KINDS, Method
from gateway.checkout.request import BuyerTold, CheckoutRequest, Context
from gateway.core.fields import Strict, YesNo
from gateway.core.money import MAX_MINOR, currencies
from gateway.risk.basket import Item
from gateway.shops.identity import Address, normal_ip

MAX_ITEMS, MAX_METHODS = 500, 40
_EMAIL = re.compile(r"[^@\s\x00-\x1f<>\"]{1,64}@[^@\s\x00-\x1f<>\"]{1,253}\.[^@\s.<>\"]{1,63}\.?")


def _text(longest: int, about: str, **more: Any) -> fields.String:
    return fields.String(validate=validate.Length(max=longest), metadata={"description": about, **more})


def _amount(about: str, **more: Any) -> fields.Integer:
    return fields.Integer(
        strict=True, validate=validate.Range(min=0, max=MAX_MINOR), metadata={"description": about}, **more
    )


class ItemSchema(Strict):
    """One line of the basket."""

    quantity = fields.Integer(required=True, strict=True, validate=validate.Range(min=1, max=1_000_000))
    unit_minor = _amount("price of one piece including tax", required=True)
    kind = fields.String(
        load_default="physical", validate=validate.OneOf(["physical", "digital", "gift_card", "service"])
    )
    sku = _text(200, "article number")
    name = _text(500, "article name")

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> Item:
        return Item(**data)


class AddressSchema(Strict):
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


class BuyerSchema(Strict):
    """The buyer as the shop knows him."""

    email = _text(320, "e-mail address", example="ada@example.com")
    phone = _text(40, "phone number", example="+49 40 123456")
    first_name = _text(200, "first name; never used by a score")
    last_name = _text(200, "last name; never used by a score")
    company = _text(300, "company; given means business customer")
    vat_id = _text(40, "VAT id; given means business customer")
    customer_reference = _text(200, "the shop's id of the customer")
    guest = YesNo(metadata={"description": "orders without an account"})
    language = fields.String(
        validate=validate.Regexp(r"^[a-z]{2}\Z"), metadata={"description": "ISO 639-1", "example": "de"}
    )

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> BuyerTold:
        if (email := data.get("email")) and not _EMAIL.fullmatch(email.strip()):
            raise ValidationError("is not an e-mail address", "email")
        return BuyerTold(**data)


class ContextSchema(Strict):
    """Where the request comes from."""

    ip = _text(45, "address of the buyer's connection", example="198.51.100.7")
    user_agent = _text(1000, "browser, for the record")
    device_id = _text(200, "device identifier; only with device_consent")
    device_consent = YesNo(load_default=False, metadata={"description": "the buyer agreed to the identifier"})
    payment_handle = _text(200, "token, hash or IBAN of the payment instrument")

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> Context:
        if data.get("ip"):
            data["ip"] = _ip(data["ip"])
        if data.get("device_id") and not data["device_consent"]:
            raise ValidationError("device identifiers are taken only with device_consent", "device_id")
        return Context(**data)


def _ip(text: str) -> str:
    if not (normal := normal_ip(text)):
        raise ValidationError("is not an IP address", "ip")
    return normal


class MethodSchema(Strict):
    """A payment method that the shop could show."""

    id = fields.String(
        required=True,
        validate=validate.Length(min=1, max=200),
        metadata={"description": "the shop's own id", "example": "cheque"},
    )
    kind = fields.String(required=True, validate=validate.OneOf(sorted(KINDS)), metadata={"example": "invoice"})
    supports_deposit = YesNo(load_default=True, metadata={"description": "a deposit can be asked for"})
    fee_minor = _amount("what the shop charges the buyer for paying this way; an invoice must be free of charge")

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> Method:
        return Method(**data)


class CheckoutSchema(Strict):
    """The question of a checkout."""

    reference = _text(
        200, "the shop's reference of cart or order; the same cart asked again does not count as a new attempt"
    )
    currency = fields.String(required=True, metadata={"description": "ISO 4217", "example": "EUR"})
    total_minor = _amount("what the buyer is to pay, in minor units", required=True)
    items = fields.List(fields.Nested(ItemSchema), validate=validate.Length(max=MAX_ITEMS))
    shipping_minor = _amount("shipping including tax")
    fees_minor = _amount("other charges including tax")
    tax_minor = _amount("tax that the prices of the items do not contain")
    discount_minor = _amount("discounts, as a positive amount")
    buyer = fields.Nested(BuyerSchema)
    billing = fields.Nested(AddressSchema, metadata={"description": "billing address"})
    delivery = fields.Nested(AddressSchema, metadata={"description": "delivery address; as billing when absent"})
    context = fields.Nested(ContextSchema)
    methods = fields.List(fields.Nested(MethodSchema), required=True, validate=validate.Length(min=1, max=MAX_METHODS))

    @validates_schema
    def coherent(self, data: dict[str, Any], **_: Any) -> None:
        """Refuse what contradicts itself: a total that is not the sum of its parts, a method twice."""
        if data["currency"] not in currencies():
            raise ValidationError("is not an ISO 4217 currency", "currency")
        ids = [method.id for method in data["methods"]]
        if len(set(ids)) < len(ids):
            raise ValidationError("the same id stands twice", "methods")
        if all(method.kind == "instalments" for method in data["methods"]):
            raise ValidationError("own instalments alone cannot be offered without a licensed partner", "methods")
        _check_total(data)

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> CheckoutRequest:
        return CheckoutRequest(**data)


def _check_total(data: dict[str, Any]) -> None:
    """Within one minor unit per line: shops round tax by line."""
    if not data.get("items"):
        return
    goods = sum(item.quantity * item.unit_minor for item in data["items"])
    more = sum(data.get(part, 0) for part in ("shipping_minor", "fees_minor", "tax_minor"))
    expected = max(0, goods + more - data.get("discount_minor", 0))
    if abs(expected - data["total_minor"]) > len(data["items"]) + 2:
        raise ValidationError(f"is not the sum of its parts, which is {expected}", "total_minor")


class ReasonSchema(Schema):
    """Why a method is shown or not, for the merchant."""

    code = fields.String(required=True)
    text = fields.String(required=True)


class OfferSchema(Schema):
    """One method in the answer, in the order to show."""

    method = fields.String(required=True)
    kind = fields.String(required=True)
    show = fields.Boolean(required=True)
    rank = fields.Integer(
        required=True, allow_none=True, metadata={"description": "1 is shown first; null is not shown"}
    )
    deposit_percent = fields.Integer(required=True, metadata={"description": "share to be paid before; 0 is none"})
    deposit_minor = fields.Integer(required=True, metadata={"description": "the same in minor units"})
    reasons = fields.List(fields.Nested(ReasonSchema), required=True)
    require_3ds = fields.Boolean(
        required=True, metadata={"description": "a rule wants 3-D Secure: ask for it with this card"}
    )
    challenge = fields.Boolean(
        required=True, metadata={"description": "a rule wants the buyer to prove first that he is a person"}
    )
    completion = fields.Float(required=True, metadata={"description": "expected share of buyers who finish"})
    expected_loss_minor = fields.Integer(required=True)
    contribution_minor = fields.Integer(required=True, metadata={"description": "expected contribution of showing it"})


class ScoreReasonSchema(Schema):
    """What moved a probability, strongest first."""

    output = fields.String(required=True)
    fact = fields.String(required=True)
    effect = fields.Float(required=True, metadata={"description": "log-odds; positive raises the risk"})
    text = fields.String(required=True)


class ScoreSchema(Schema):
    """Probabilities by the score card; see docs/scorecard.md for how they were come by."""

    default = fields.Float(required=True)
    fraud = fields.Float(required=True)
    return_ = fields.Float(required=True, data_key="return")
    card = fields.String(required=True)
    reasons = fields.List(fields.Nested(ScoreReasonSchema), required=True)


class VersionsSchema(Schema):
    """What decided: 0 means the shipped default."""

    card = fields.String(required=True)
    policy = fields.Integer(required=True)
    economics = fields.Integer(required=True)


class DecisionSchema(Schema):
    """The answer."""

    id = fields.String(required=True, metadata={"example": "dec_01m80jtwssevksa7y719cbahm4"})
    created_at = fields.String(required=True, metadata={"format": "date-time"})
    expires_at = fields.String(required=True, metadata={"format": "date-time", "description": "ask again after this"})
    live = fields.Boolean(required=True)
    reference = fields.String(required=True)
    currency = fields.String(required=True)
    total_minor = fields.Integer(required=True)
    outcome = fields.String(
        required=True,
        validate=validate.OneOf(["allow", "review", "decline"]),
        metadata={
            "description": "class of the buyer: allow (every unsafe method as it is), review (some of them, or with a "
            "deposit), decline (none of them). The menu is never empty: decline does not mean to refuse the order"
        },
    )
    review = fields.Boolean(
        required=True, metadata={"description": "a person should look at the order before it ships"}
    )
    offers = fields.List(fields.Nested(OfferSchema), required=True)
    notice = fields.String(
        required=True, metadata={"description": "plain sentence for the buyer when a method is missing; may be empty"}
    )
    score = fields.Nested(ScoreSchema, required=True)
    missing = fields.Dict(
        keys=fields.String(),
        values=fields.String(),
        required=True,
        metadata={"description": "groups of facts that were not known, and why"},
    )
    token = fields.String(required=True, metadata={"description": "signed; lets a plugin verify the answer offline"})
    versions = fields.Nested(VersionsSchema, required=True)
