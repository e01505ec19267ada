"""What the calculators take: one strict schema each, the contract of `kulanz calc` and `/v1/calculations` (pure)."""

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from gateway.core.fields import Day, Strict, Whole, YesNo
from gateway.core.money import MAX_MINOR, currencies
from gateway.law import allocation, interest
from gateway.law.tables import DateOutOfTable, RateNotKnown

MOST_LISTED = 1000
_WORD = validate.Length(min=1, max=20)
_TEXT = validate.Length(max=200)


def amount(*, least: int = 0, **options: Any) -> Whole:
    """An amount in minor units."""
    return Whole(validate=validate.Range(min=least, max=MAX_MINOR), **_needed(options))


def day(*, outside: type[DateOutOfTable] = DateOutOfTable, **options: Any) -> Day:
    """A date; one of a time that no table can know is told by the code of a date outside a table."""
    return Day(outside=outside, **_needed(options))


def word(**options: Any) -> fields.String:
    """A country, region or kind; which ones there are is said by whoever knows them."""
    return fields.String(validate=_WORD, **_needed(options))


def one_of(*known: str, **options: Any) -> fields.String:
    return fields.String(validate=validate.OneOf(known), **_needed(options))


def yes_no(**options: Any) -> YesNo:
    return YesNo(**_needed(options))


def _needed(options: dict[str, Any]) -> dict[str, Any]:
    """Required unless a default says what its absence means; null is the same as absent."""
    if "load_default" not in options:
        return options | {"required": True}
    return options | {"allow_none": options["load_default"] is None}


class Calculation(Strict):
    """What every calculator takes beside its own."""

    language = one_of("en", "de", load_default="en", metadata={"description": "of the lines to check"})


class InterestSchema(Calculation):
    """Principal, debtor and days; first and last day count."""

    country = word(metadata={"example": "DE"})
    debtor = one_of(*interest.DEBTORS)
    principal_minor = amount()
    currency = fields.String(required=True, validate=validate.OneOf(sorted(currencies())), metadata={"example": "EUR"})
    first = day(outside=RateNotKnown, data_key="from", metadata={"description": "first day that bears interest"})
    through = day(outside=RateNotKnown, metadata={"description": "last day counted"})
    contract_date = day(outside=RateNotKnown, load_default=None)
    day_count = one_of(*interest.DAY_COUNTS, load_default="act/act")
    basis = one_of(*interest.BASES, load_default="statutory")


class PaymentSchema(Strict):
    """A payment received."""

    date = day()
    amount_minor = amount()


class AccountSchema(InterestSchema):
    """As for interest, with costs, payments and the rule by which they pay."""

    costs_minor = amount(load_default=0)
    payments = fields.List(fields.Nested(PaymentSchema), load_default=list, validate=validate.Length(max=MOST_LISTED))
    rule = one_of(*allocation.RULES, load_default="bgb-367")


class DefaultDateSchema(Calculation):
    """Where the debtor lives, and one ground with what belongs to it."""

    country = word(metadata={"example": "DE"})
    region = word(load_default=None, metadata={"example": "HH"})
    assumption_day = yes_no(load_default=True)
    ground = one_of("invoice-30-days", "agreed-date", "after-event", "reminder")
    due_and_received = day(load_default=None)
    consumer = yes_no(load_default=None)
    consumer_notice = yes_no(load_default=None)
    date = day(load_default=None)
    event_date = day(load_default=None)
    days = Whole(load_default=None, allow_none=True, validate=validate.Range(min=0, max=3660))
    months = Whole(load_default=None, allow_none=True, validate=validate.Range(min=0, max=120))
    received = day(load_default=None)


class WorkingDaySchema(Calculation):
    """A day and where."""

    country = word(metadata={"example": "DE"})
    region = word(load_default=None, metadata={"example": "BY"})
    assumption_day = yes_no(load_default=True)
    date = day()


class AllocationSchema(Calculation):
    """A payment and the parts of a debt."""

    rule = one_of(*allocation.RULES)
    payment_minor = amount()
    costs_minor = amount()
    interest_minor = amount()
    principal_minor = amount()


class OpenDebtSchema(Strict):
    """One of several debts."""

    reference = fields.String(required=True, validate=validate.Length(min=1, max=140))
    due = day()
    open_minor = amount()


class OverDebtsSchema(Calculation):
    """A payment, its purpose, and the debts it may pay."""

    payment_minor = amount()
    debts = fields.List(fields.Nested(OpenDebtSchema), required=True, validate=validate.Length(min=1, max=MOST_LISTED))
    purpose = fields.String(load_default=None, allow_none=True, validate=_TEXT)


class CollectionCostsSchema(Calculation):
    """A mandate on one claim; the value is the claim without interest and costs."""

    country = word(metadata={"example": "DE"})
    claim_minor = amount(least=1)
    factor = fields.String(
        required=True, validate=validate.Regexp(r"^[0-9](\.[0-9]{1,2})?\Z"), metadata={"example": "0.9"}
    )
    disputed = yes_no(load_default=False)
    mandate_date = day()
    vat_deductible = yes_no()
    payment_agreement = yes_no(load_default=False)
    lump_sum_minor = amount(load_default=None)


class CourtFeeSchema(Calculation):
    """A claim and a step; without a day the fees of today."""

    country = word(metadata={"example": "DE"})
    claim_minor = amount(least=1)
    step = one_of("payment-order", "action")
    on = day(load_default=None)


class EventSchema(Strict):
    """What happened to a claim: a negotiation has first and last day, everything else one date."""

    type = one_of("negotiation", "part-payment", "dunning", "title")
    first = day(data_key="from", load_default=None)
    through = day(load_default=None)
    date = day(load_default=None)

    @validates_schema
    def complete(self, data: dict[str, Any], **_: Any) -> None:
        given = {name for name in ("first", "through", "date") if data.get(name) is not None}
        if given != ({"first", "through"} if data["type"] == "negotiation" else {"date"}):
            raise ValidationError("a negotiation has from and through, any other event has date")


class LimitationSchema(Calculation):
    """When the claim arose and what happened since."""

    country = word(metadata={"example": "DE"})
    arose = day()
    kind = word(load_default=None)
    events = fields.List(fields.Nested(EventSchema), load_default=list, validate=validate.Length(max=200))


class BureauReportSchema(Calculation):
    """What was done before the day of the report."""

    on = day()
    first_reminder = day(load_default=None)
    second_reminder = day(load_default=None)
    notice_given_on = day(load_default=None)
    disputed = yes_no()


class WithdrawalSchema(Calculation):
    """When the goods came, or when the withdrawal was declared."""

    goods_received = day(load_default=None)
    instructed = yes_no(load_default=None)
    region = word(load_default=None)
    assumption_day = yes_no(load_default=True)
    declared_on = day(load_default=None)


class RetentionSchema(Calculation):
    """A document and its day."""

    kind = one_of("voucher", "letter", "book")
    date = day()


class ConsumerCreditSchema(Calculation):
    """Deferred payment as a seller offers it."""

    seller_is_sme = yes_no()
    sold_online = yes_no()
    days_after_delivery = Whole(required=True, validate=validate.Range(min=0, max=3660))
    interest_or_fee = yes_no()
    third_party = yes_no()
    on = day()


class InstalmentsSchema(Calculation):
    """A total in how many parts, from when."""

    total_minor = amount(least=1)
    count = Whole(required=True, validate=validate.Range(min=1, max=120))
    first_due = day(load_default=None)
    country = word(load_default="DE")
    region = word(load_default=None)
    assumption_day = yes_no(load_default=True)


class InstalmentSchema(Strict):
    """An amount so many months after the start."""

    month = Whole(required=True, validate=validate.Range(min=0, max=600))
    amount_minor = amount(least=1)


class EffectiveRateSchema(Calculation):
    """What is paid at once elsewhere, and what is paid here by instalments."""

    price_minor = amount(least=1)
    instalments = fields.List(fields.Nested(InstalmentSchema), required=True, validate=validate.Length(min=1, max=600))


class ReferenceSchema(Calculation):
    """A base to make a reference of, or a reference to check."""

    kind = one_of("rf", "qrr")
    base = fields.String(load_default=None, allow_none=True, validate=validate.Length(max=64))
    check = fields.String(load_default=None, allow_none=True, validate=validate.Length(max=64))


class GirocodeSchema(Calculation):
    """A credit transfer, with a reference or a text."""

    name = fields.String(required=True, validate=_TEXT)
    iban = fields.String(required=True, validate=_TEXT)
    amount_minor = amount(least=1)
    currency = fields.String(required=True, validate=validate.OneOf(sorted(currencies())))
    text = fields.String(load_default=None, allow_none=True, validate=_TEXT)
    reference = fields.String(load_default=None, allow_none=True, validate=_TEXT)
