"""What a shop agrees with its buyers on when to pay: the document of kind `payment-terms`, compiled (pure).

It decides on which ground a claim is due, and so when default comes by itself (§ 286 (2), (3) BGB, § 1334 ABGB, Art. 102
(2) OR). What nobody said is not agreed: a shop that says nothing has to remind.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from marshmallow import ValidationError, fields, post_load, validate

from gateway.core.errors import Invalid
from gateway.core.faults import pointers
from gateway.core.fields import Strict, YesNo

KIND = "payment-terms"
TERM_DAYS = 14
"""Where nothing is told: the longest that any online shop may grant outside consumer-credit law."""
MOST_TERM_DAYS = 60
"""The longest between companies (§ 271a BGB); what a consumer may be granted is the checkout policy's business."""


@dataclass(frozen=True, slots=True)
class PaymentTerms:
    """A version; number 0 is what a shop starts with."""

    version: int = 0
    term_days: int = TERM_DAYS
    """After delivery, where the shop names no day."""
    term_agreed: bool = False
    """The buyer agreed on that term before he ordered: default comes with its end."""
    day_agreed: bool = False
    """The `due_date` of an order was agreed at checkout; otherwise only the invoice names it."""
    invoice_notice: bool = False
    """Invoices tell consumers that they are in default after 30 days (§ 286 (3) BGB)."""
    terms: str = ""
    """Where it stands: name and version of the terms and conditions."""

    def ground(self, *, day_told: bool) -> str:
        """Why a claim is due on its day (`claim.due_ground`)."""
        if day_told:
            return "agreed-date" if self.day_agreed else "invoice"
        return "after-delivery" if self.term_agreed else "invoice"


class PaymentTermsSchema(Strict):
    """What a shop agrees with its buyers on when to pay."""

    term_days = fields.Integer(
        strict=True,
        load_default=TERM_DAYS,
        validate=validate.Range(min=1, max=MOST_TERM_DAYS),
        metadata={"description": "days to pay after delivery, where an order names no day"},
    )
    term_agreed = YesNo(
        load_default=False, metadata={"description": "the buyer agreed on this term before he ordered: § 286 (2) no. 2"}
    )
    day_agreed = YesNo(
        load_default=False,
        metadata={
            "description": "an order's `due_date` was agreed at checkout: § 286 (2) no. 1; else the invoice set it"
        },
    )
    invoice_notice = YesNo(
        load_default=False,
        metadata={"description": "invoices tell consumers of default after 30 days: § 286 (3)"},
    )
    terms = fields.String(
        load_default="",
        validate=validate.Length(max=200),
        metadata={"description": "name and version of the terms it stands in; needed where something was agreed"},
    )

    @post_load
    def check(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        data["terms"] = data["terms"].strip()
        if (data["term_agreed"] or data["day_agreed"]) and not data["terms"]:
            raise ValidationError("name the terms and their version: what was agreed has to be shown", "terms")
        return data


_SCHEMA = PaymentTermsSchema()


def compile_terms(body: Mapping[str, Any], version: int) -> PaymentTerms:
    """The terms of a document. Raises Invalid with the path of every fault."""
    try:
        loaded: dict[str, Any] = _SCHEMA.load(body)
    except ValidationError as error:
        raise Invalid(errors=pointers(error.messages)) from error
    return PaymentTerms(version=version, **loaded)
