"""What the calculators answer, for the API's description (pure)."""

from marshmallow import Schema, fields


def amount() -> fields.Integer:
    """An amount in minor units."""
    return fields.Integer(required=True)


def day() -> fields.Date:
    return fields.Date(required=True)


def maybe_day() -> fields.Date:
    return fields.Date(required=True, allow_none=True)


class Answered(Schema):
    """What every calculator answers."""

    working = fields.List(fields.String(), required=True, metadata={"description": "lines a person can check"})


class InterestPeriodSchema(Schema):
    """Days of one rate and one year; first and last count."""

    first = fields.Date(required=True, data_key="from")
    through = day()
    days = fields.Integer(required=True)
    rate_percent = fields.String(required=True, metadata={"example": "11.27"})
    year_days = fields.Integer(required=True)


class InterestAnswerSchema(Answered):
    """The interest, and the periods it is the sum of."""

    interest_minor = amount()
    days = fields.Integer(required=True)
    periods = fields.List(fields.Nested(InterestPeriodSchema), required=True)


class DefaultDateAnswerSchema(Answered):
    """When default begins; null where there is none, or no last day."""

    in_default = fields.Boolean(required=True)
    last_day_to_pay = maybe_day()
    default_from = maybe_day()
    interest_from = maybe_day()
    fee_allowed_for_this_letter = fields.Boolean(required=True)


class WorkingDayAnswerSchema(Answered):
    """The working day and why."""

    date = day()
    reason = fields.String(required=True)


class DebtPartsSchema(Schema):
    """A debt by part."""

    costs_minor = amount()
    interest_minor = amount()
    principal_minor = amount()


class AllocationAnswerSchema(Answered):
    """What was paid, what is left."""

    applied = fields.Nested(DebtPartsSchema, required=True)
    rest = fields.Nested(DebtPartsSchema, required=True)
    overpaid_minor = amount()


class OverDebtsAnswerSchema(Answered):
    """What each debt gets, nothing included."""

    applied = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True)
    rule = fields.String(required=True, metadata={"example": "bgb-366-1"})
    overpaid_minor = amount()


class AccountEntrySchema(Schema):
    """A payment: what had accrued, what it paid, what is left."""

    date = day()
    days = fields.Integer(required=True)
    accrued_minor = amount()
    applied = fields.Nested(DebtPartsSchema, required=True)
    rest = fields.Nested(DebtPartsSchema, required=True)


class AccountAnswerSchema(Answered):
    """The payments, and what is owed on the last day."""

    entries = fields.List(fields.Nested(AccountEntrySchema), required=True)
    rest = fields.Nested(DebtPartsSchema, required=True)
    total_minor = amount()
    overpaid_minor = amount()


class CostItemSchema(Schema):
    """One number of the fee schedule."""

    code = fields.String(required=True, metadata={"example": "VV 2300"})
    factor = fields.String(required=True, allow_none=True)
    fee_minor = amount()
    amount_minor = amount()


class CollectionCostsAnswerSchema(Answered):
    """The costs, their tax, and what the lump sum pays of them."""

    items = fields.List(fields.Nested(CostItemSchema), required=True)
    net_minor = amount()
    vat_minor = amount()
    gross_minor = amount()
    lump_sum_credited_minor = amount()


class CourtFeeAnswerSchema(Answered):
    """The fee."""

    fee_minor = amount()


class LimitationAnswerSchema(Answered):
    """The last day, the earlier one that can be argued for, and when to warn."""

    ends = day()
    cautious_end = day()
    warn_from = day()


class BureauReportAnswerSchema(Answered):
    """Whether the report is allowed; `earliest` is null while something is missing that no waiting brings."""

    allowed = fields.Boolean(required=True)
    earliest = maybe_day()
    rule_set = fields.String(required=True)
    missing = fields.List(fields.String(), required=True)


class WithdrawalAnswerSchema(Answered):
    """One for each question asked."""

    last_day = fields.Date()
    refund_until = fields.Date()


class RetentionAnswerSchema(Answered):
    """The last day."""

    keep_until = day()


class ConsumerCreditAnswerSchema(Answered):
    """Whether it is exempt, and a code that says why or why not."""

    exempt = fields.Boolean(required=True)
    reason = fields.String(required=True)


class InstalmentsAnswerSchema(Answered):
    """Amounts and, where a first day was given, days."""

    instalments_minor = fields.List(fields.Integer(), required=True)
    due = fields.List(fields.Date(), required=True)


class EffectiveRateAnswerSchema(Answered):
    """Percent a year."""

    rate_percent = fields.String(required=True, metadata={"example": "19.46"})


class ReferenceAnswerSchema(Answered):
    """The reference made, or whether the one to check holds."""

    reference = fields.String()
    valid = fields.Boolean()


class GirocodeAnswerSchema(Answered):
    """The text of the code and its picture."""

    payload = fields.String(required=True)
    svg = fields.String(required=True)
