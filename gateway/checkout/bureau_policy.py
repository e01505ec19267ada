"""What a merchant wants of a credit bureau: about which methods, at what price, and what each failure means (pure).

The block `bureau` of a checkout policy. A bureau is asked in stage 2 only, when the buyer has chosen (DESIGN §4,
legal.md §1.13: only for a method that is risky, only when it is chosen).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from gateway.checkout.methods import DEPOSIT_LADDER, KINDS
from gateway.core.errors import Invalid
from gateway.core.faults import pointers
from gateway.core.fields import Strict
from gateway.core.money import MAX_MINOR

ANSWERS = ("confirm", "deposit", "refuse")
"""What may follow: the method as it was offered, the method with `deposit_percent` up front, another method."""
FAILURES: Mapping[str, str] = MappingProxyType(
    {
        "timeout": "deposit",
        "error": "deposit",
        "garbage": "deposit",
        "rate_limited": "deposit",
        "no_hit": "deposit",
        "wrong_person": "refuse",
        "no_consent": "refuse",
        "budget": "deposit",
        "circuit_open": "deposit",
    }
)
"""Why there is no score → what it means where the merchant says nothing."""


@dataclass(frozen=True, slots=True)
class BureauPolicy:
    """When to ask, what it may cost, and what the answer means. Scores: the higher the better."""

    kinds: frozenset[str] = frozenset()
    """Kinds for which a bureau is asked when the buyer chooses them; none means never."""
    from_minor: int = 0
    """Orders below are confirmed unasked; minor units of the order's currency."""
    sample_percent: int = 100
    """Share of the orders concerned that is asked about, 0–100; the others are confirmed."""
    deadline_ms: int = 1_500
    cache_days: int = 30
    """How long an answer about a buyer is taken for true; 0 asks each time."""
    budget_minor_per_month: int | None = None
    """Most that is spent in a calendar month; None is no limit."""
    cost_minor: int = 0
    """Price of one question, taken off the contribution of a method for which it would be asked."""
    decline_below: int | None = None
    deposit_below: int | None = None
    deposit_percent: int = 50
    on: Mapping[str, str] = field(default_factory=lambda: FAILURES)
    """Failure → answer, one entry for each of `FAILURES`."""

    def answer_to(self, score: int) -> str:
        """What a score means: `confirm`, `deposit` or `refuse`."""
        if self.decline_below is not None and score < self.decline_below:
            return "refuse"
        if self.deposit_below is not None and score < self.deposit_below:
            return "deposit"
        return "confirm"


def _amount(*, none: bool = False) -> fields.Integer:
    return fields.Integer(strict=True, allow_none=none, validate=validate.Range(min=0, max=MAX_MINOR))


def _number(least: int, most: int, *, none: bool = False) -> fields.Integer:
    return fields.Integer(strict=True, allow_none=none, validate=validate.Range(min=least, max=most))


class BureauPolicySchema(Strict):
    """The block `bureau`. What is left out has the default of `BureauPolicy`."""

    kinds = fields.List(fields.String(validate=validate.OneOf(sorted(KINDS))), validate=validate.Length(max=len(KINDS)))
    from_minor = _amount()
    sample_percent = _number(0, 100)
    deadline_ms = _number(200, 5_000)
    cache_days = _number(0, 90)
    budget_minor_per_month = _amount(none=True)
    cost_minor = _amount()
    decline_below = _number(-1_000_000, 1_000_000, none=True)
    deposit_below = _number(-1_000_000, 1_000_000, none=True)
    deposit_percent = fields.Integer(strict=True, validate=validate.OneOf(DEPOSIT_LADDER[1:]))
    on = fields.Dict(
        keys=fields.String(validate=validate.OneOf(sorted(FAILURES))),
        values=fields.String(validate=validate.OneOf(ANSWERS)),
    )

    @validates_schema
    def coherent(self, data: dict[str, Any], **_: Any) -> None:
        """Refuse a deposit band that no score can fall into, and a budget that nothing is counted against."""
        decline, deposit = data.get("decline_below"), data.get("deposit_below")
        if decline is not None and deposit is not None and deposit <= decline:
            raise ValidationError("no score can be in this band: it must lie above decline_below", "deposit_below")
        if data.get("budget_minor_per_month") is not None and not data.get("cost_minor"):
            raise ValidationError("a budget needs the price of one question", "cost_minor")


_SCHEMA = BureauPolicySchema()


def from_dict(body: Mapping[str, Any]) -> BureauPolicy:
    """The block of a stored document. Raises Invalid with the path of every fault, from the block's own root."""
    try:
        data = _SCHEMA.load(body)
    except ValidationError as error:
        raise Invalid(errors=pointers(error.messages)) from error
    return from_loaded(data)


def from_loaded(data: Mapping[str, Any]) -> BureauPolicy:
    """As `from_dict`, of what the schema has loaded as part of the whole document."""
    more = {"kinds": frozenset(data.get("kinds", ())), "on": MappingProxyType({**FAILURES, **data.get("on", {})})}
    return BureauPolicy(**{**data, **more})
