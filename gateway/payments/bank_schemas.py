"""The door of bank files: what is uploaded and what is answered."""

from flask_smorest.fields import Upload
from marshmallow import Schema, fields, validate

from gateway.core.fields import Strict
from gateway.payments.bank_models import FORMATS

MAX_PAGE = 100
_MINOR = {"description": "in minor units of the currency"}


class BankFileSchema(Strict):
    """The file as the bank gave it."""

    file = Upload(
        required=True,
        metadata={
            "description": "camt.052, camt.053, camt.054, pain.002, MT940 or CSV of at most 10 MB, told by its content"
        },
    )


class BankPageSchema(Strict):
    """How many, and from where on."""

    cursor = fields.String(
        validate=validate.Length(max=40), metadata={"description": "where the page before ended: its next_cursor"}
    )
    limit = fields.Integer(load_default=50, validate=validate.Range(min=1, max=MAX_PAGE))


class GapSchema(Schema):
    """Something is missing between two statements of one account."""

    kind = fields.String(required=True, validate=validate.OneOf(("balance", "sequence")))
    after_sequence = fields.Integer(required=True, allow_none=True)
    after_on = fields.Date(required=True, allow_none=True)
    before_sequence = fields.Integer(required=True, allow_none=True)
    before_on = fields.Date(required=True, allow_none=True)
    missing_minor = fields.Integer(required=True, metadata=_MINOR)
    currency = fields.String(required=True)


class BankTakenSchema(Schema):
    """What a file brought."""

    id = fields.String(required=True, metadata={"example": "bfl_01m80jtwssevksa7y719cbahm4"})
    format = fields.String(required=True, validate=validate.OneOf(FORMATS))
    entries = fields.Integer(required=True, metadata={"description": "payments, or answers to payments, in the file"})
    new_entries = fields.Integer(required=True, metadata={"description": "of these not told by another file before"})
    repeated = fields.Boolean(required=True, metadata={"description": "the very same file was here before"})
    gaps = fields.List(fields.Nested(GapSchema), required=True)


class BankStatementSchema(Schema):
    """One statement of one account."""

    id = fields.String(required=True)
    live = fields.Boolean(required=True)
    account = fields.String(required=True)
    format = fields.String(required=True)
    reference = fields.String(required=True)
    sequence = fields.Integer(required=True, allow_none=True)
    currency = fields.String(required=True)
    opening_minor = fields.Integer(required=True, allow_none=True, metadata=_MINOR)
    closing_minor = fields.Integer(required=True, allow_none=True, metadata=_MINOR)
    from_on = fields.Date(required=True, allow_none=True)
    to_on = fields.Date(required=True, allow_none=True)
    entries = fields.Integer(required=True)


class BankStatementListSchema(Schema):
    """Statements, the newest first, and what is missing between all of them."""

    statements = fields.List(fields.Nested(BankStatementSchema), required=True)
    gaps = fields.List(fields.Nested(GapSchema), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


class BankEntrySchema(Schema):
    """One payment on the account."""

    id = fields.String(required=True)
    statement_id = fields.String(required=True)
    direction = fields.String(required=True, validate=validate.OneOf(("in", "out")))
    amount_minor = fields.Integer(required=True, metadata={"description": "the payment itself, without charges"})
    booked_minor = fields.Integer(required=True, metadata={"description": "what moved on the account for it"})
    charges_minor = fields.Integer(required=True, metadata=_MINOR)
    currency = fields.String(required=True)
    booked_on = fields.Date(required=True)
    value_on = fields.Date(required=True, allow_none=True)
    status = fields.String(required=True, metadata={"description": "BOOK; PDNG and INFO are not money yet"})
    reversal = fields.Boolean(required=True)
    name = fields.String(required=True)
    iban = fields.String(required=True)
    ultimate_name = fields.String(required=True)
    purpose = fields.String(required=True)
    creditor_reference = fields.String(required=True)
    end_to_end_id = fields.String(required=True)
    mandate_id = fields.String(required=True)
    returned = fields.Boolean(required=True)
    return_code = fields.String(required=True, metadata={"description": "ISO reason, empty where the bank tells none"})
    return_text = fields.String(required=True)


class BankEntryListSchema(Schema):
    """Payments on the accounts, the newest first."""

    entries = fields.List(fields.Nested(BankEntrySchema), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


class BankMappingSchema(Strict):
    """How a bank names the columns of its CSV export; see docs/bank.md."""

    document = fields.Dict(keys=fields.String(), required=True)


class BankMappingShownSchema(Schema):
    """A mapping and its name."""

    name = fields.String(required=True)
    document = fields.Dict(keys=fields.String(), required=True)


class BankMappingListSchema(Schema):
    """The merchant's own mappings."""

    mappings = fields.List(fields.Nested(BankMappingShownSchema), required=True)
