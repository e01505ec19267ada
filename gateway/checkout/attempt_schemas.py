"""The door of payment attempts: every field with type, limit and meaning (pure)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from marshmallow import RAISE, Schema, ValidationError, fields, post_load, validate, validates_schema

from gateway.checkout.methods import KINDS
from gateway.core import clock
from gateway.core.fields import YesNo
from gateway.core.ids import from_public
from gateway.core.money import MAX_MINOR, currencies
from gateway.shops.identity import normal_ip
from gateway.shops.schemas import Moment

CARD_KINDS = frozenset({"card", "card_3ds", "wallet"})
"""What the shield counts: behind these stands a card."""
DECLINE_CLASSES = (
    "generic",
    "do_not_honor",
    "insufficient_funds",
    "stolen",
    "lost",
    "expired",
    "incorrect_data",
    "limit_exceeded",
    "authentication",
    "suspected_fraud",
    "technical",
    "cancelled_by_buyer",
)
NOT_A_DECLINE = frozenset({"technical", "cancelled_by_buyer"})
"""Nobody refused the card: a provider that is down is no attack, and neither is a buyer who closes the window."""
AHEAD = timedelta(minutes=5)
"""How far a shop's clock may be ahead of ours."""


@dataclass(frozen=True, slots=True)
class AttemptTold:
    """One attempt as it was reported."""

    external_id: str
    method_kind: str
    amount_minor: int
    currency: str
    outcome: str
    occurred_at: datetime
    decline_class: str = "generic"
    decision_id: UUID | None = None
    reference: str = ""
    card: str = ""
    ip: str = ""
    device_id: str = ""


def _text(longest: int, about: str, shortest: int = 0) -> fields.String:
    return fields.String(validate=validate.Length(min=shortest, max=longest), metadata={"description": about})


class AttemptSchema(Schema):
    """One attempt to pay."""

    class Meta:
        unknown = RAISE

    external_id = fields.String(
        required=True,
        validate=validate.Length(min=1, max=200),
        metadata={"description": "the provider's id of this attempt: told twice, it counts once", "example": "pi_1"},
    )
    decision = _text(40, "the decision (`dec_…`) the payment belongs to; what is not sent here is taken from it")
    reference = _text(200, "the shop's reference of cart or order, as in the decision; one of the two is needed")
    method_kind = fields.String(required=True, validate=validate.OneOf(sorted(KINDS)), metadata={"example": "card"})
    amount_minor = fields.Integer(
        required=True,
        strict=True,
        validate=validate.Range(min=0, max=MAX_MINOR),
        metadata={"description": "what was to be paid, in minor units"},
    )
    currency = fields.String(required=True, metadata={"description": "ISO 4217", "example": "EUR"})
    outcome = fields.String(
        required=True,
        validate=validate.OneOf(["authorised", "declined", "challenged", "failed"]),
        metadata={
            "description": "authorised, declined by the bank or the provider, challenged (3-D Secure was asked for and "
            "the end is told later; not counted), failed for another reason"
        },
    )
    decline_class = fields.String(
        validate=validate.OneOf(DECLINE_CLASSES),
        metadata={"description": "why; technical and cancelled_by_buyer do not count as declined"},
    )
    card_fingerprint = _text(200, "the provider's fingerprint or token of the card, never its number", shortest=1)
    card_bin = fields.String(
        validate=validate.Regexp(r"^[0-9]{6}(?:[0-9]{2})?\Z"),
        metadata={"description": "first six or eight digits, where there is no fingerprint"},
    )
    card_last4 = fields.String(validate=validate.Regexp(r"^[0-9]{4}\Z"), metadata={"description": "goes with card_bin"})
    ip = _text(45, "address of the buyer's connection")
    device_id = _text(200, "device identifier; only with device_consent")
    device_consent = YesNo(load_default=False, metadata={"description": "the buyer agreed to the identifier"})
    occurred_at = Moment("when it happened", required=True)

    @validates_schema
    def coherent(self, data: dict[str, Any], **_: Any) -> None:
        """Refuse what contradicts itself, and above all a card number."""
        faults = {place: [message] for place, wrong, message in _CONTRADICTIONS if wrong(data)}
        if faults:
            raise ValidationError(faults)

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> AttemptTold:
        data.pop("device_consent")
        digits = data.pop("card_bin", ""), data.pop("card_last4", "")
        data["card"] = data.pop("card_fingerprint", "") or "…".join(filter(None, digits))
        data["decision_id"] = from_public("dec", data.pop("decision", ""))
        data["ip"] = normal_ip(data.get("ip", ""))
        return AttemptTold(**data)


def _is_card_number(text: str) -> bool:
    """13 to 19 digits, blanks and dashes aside, that satisfy Luhn's check (ISO/IEC 7812-1)."""
    digits = text.replace(" ", "").replace("-", "")
    if not (13 <= len(digits) <= 19 and digits.isascii() and digits.isdigit()):
        return False
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (sum(doubled) + sum(int(digit) for digit in digits[-1::-2])) % 10 == 0


_CONTRADICTIONS: tuple[tuple[str, Callable[[dict[str, Any]], object], str], ...] = (
    ("currency", lambda told: told["currency"] not in currencies(), "is not an ISO 4217 currency"),
    (
        "reference",
        lambda told: not (told.get("decision") or told.get("reference")),
        "say which cart or order, or give its decision",
    ),
    (
        "decision",
        lambda told: told.get("decision") and from_public("dec", told["decision"]) is None,
        "is no id of the form dec_…",
    ),
    (
        "decline_class",
        lambda told: "decline_class" in told and told["outcome"] not in ("declined", "failed"),
        "goes with declined and failed",
    ),
    ("card_last4", lambda told: ("card_bin" in told) != ("card_last4" in told), "card_bin and card_last4 go together"),
    ("card_bin", lambda told: "card_fingerprint" in told and "card_bin" in told, "give the fingerprint or the digits"),
    (
        "card_fingerprint",
        lambda told: _is_card_number(told.get("card_fingerprint", "")),
        "is a card number; send the provider's fingerprint",
    ),
    ("ip", lambda told: told.get("ip") and not normal_ip(told["ip"]), "is not an IP address"),
    (
        "device_id",
        lambda told: told.get("device_id") and not told["device_consent"],
        "device identifiers are taken only with device_consent",
    ),
    ("occurred_at", lambda told: told["occurred_at"] > clock.now() + AHEAD, "lies in the future"),
)
"""Field, what is wrong with it, and how to say so."""


class AcknowledgedSchema(Schema):
    """What became of the report. An attempt is never the reason for an error of a checkout."""

    external_id = fields.String(required=True)
    counted = fields.Boolean(required=True, metadata={"description": "whether this report changed a count"})
    why = fields.String(
        required=True,
        validate=validate.OneOf(
            ["", "told-before", "too-late", "not-a-card", "not-an-outcome", "no-decline", "counters-away"]
        ),
        metadata={"description": "why it was not counted; empty when it was"},
    )
