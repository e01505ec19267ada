"""What a debtor may agree on his page without asking anybody: the document of kind `agreements`, compiled (pure).

Everything is free of charge. A plan or deferral that cost something, or was agreed before default, would be consumer credit
with all its duties (Directive (EU) 2023/2225, art. 2 (2) (h)): there is no field for a fee or an interest rate.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from marshmallow import ValidationError, fields, validate

from gateway.core.errors import Invalid
from gateway.core.faults import pointers
from gateway.core.fields import Strict
from gateway.core.money import MAX_MINOR

KIND = "agreements"


@dataclass(frozen=True, slots=True)
class AgreementLimits:
    """A version; number 0 is what a shop starts with."""

    version: int = 0
    max_rates: int = 12
    min_rate_minor: int = 1000
    """No rate is smaller; in minor units of the claim's currency."""
    max_first_days: int = 31
    """The first rate is due within so many days."""
    grace_days: int = 5
    """A rate may come so late before anybody writes."""
    notice_days: int = 14
    """Between the notice that a plan falls and its fall."""
    max_promise_days: int = 30
    max_promises: int = 2
    """Per claim; who breaks the second one is not asked for a third."""
    max_deferral_days: int = 30
    max_deferrals: int = 1
    max_plans: int = 2
    """Per claim that may fall; after them no further one is agreed without asking."""
    hardship_days: int = 90
    max_hardships: int = 2
    objection_days: int = 14
    """Within which the merchant answers an objection."""
    pause_days: int = 14
    """After an objection was rejected, before dunning goes on."""


def _days(default: int, most: int, least: int = 1) -> fields.Integer:
    return fields.Integer(strict=True, load_default=default, validate=validate.Range(min=least, max=most))


class AgreementSchema(Strict):
    """The document."""

    max_rates = _days(12, 60, 2)
    min_rate_minor = fields.Integer(strict=True, load_default=1000, validate=validate.Range(min=1, max=MAX_MINOR))
    max_first_days = _days(31, 92)
    grace_days = _days(5, 30, 0)
    notice_days = _days(14, 60, 7)
    max_promise_days = _days(30, 92)
    max_promises = _days(2, 12, 0)
    max_deferral_days = _days(30, 92)
    max_deferrals = _days(1, 12, 0)
    max_plans = _days(2, 12, 0)
    hardship_days = _days(90, 365, 14)
    max_hardships = _days(2, 12, 0)
    objection_days = _days(14, 60)
    pause_days = _days(14, 60, 7)


_SCHEMA = AgreementSchema()


def compile_agreements(body: Mapping[str, Any], version: int) -> AgreementLimits:
    """The limits of a document. Raises Invalid with the path of every fault."""
    try:
        loaded: dict[str, Any] = _SCHEMA.load(body)
    except ValidationError as error:
        raise Invalid(errors=pointers(error.messages)) from error
    return AgreementLimits(version=version, **loaded)
