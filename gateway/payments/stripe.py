"""Stripe: signed events. The charge is the payment; an intent without a charge stands for itself.

Signature: https://docs.stripe.com/webhooks/signature; the age is bounded on both sides, which Stripe's own library does not do.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from gateway.core.inbox import Proof
from gateway.core.signing import BadSignature
from gateway.payments import reading
from gateway.payments.calls import Call
from gateway.payments.facts import (
    Authorised,
    Cancelled,
    Captured,
    Disputed,
    DisputeLost,
    DisputeOpened,
    DisputeUpdated,
    DisputeWon,
    EvidenceDue,
    Fact,
    Failed,
    FraudWarned,
    Refunded,
    RefundFailed,
    Returned,
    ReturnReversed,
    by_time,
)
from gateway.payments.proof import hex_of, matches, once
from gateway.payments.providers import (
    Account,
    Asked,
    ChargeWanted,
    Claim,
    Evidence,
    Link,
    LinkWanted,
    Message,
    Provider,
    RefundWanted,
    Setting,
    WrongMode,
)

API, FILES = "https://api.stripe.com", "https://files.stripe.com"
TOLERANCE = timedelta(minutes=5)
DIGITS: Mapping[str, int] = MappingProxyType({"ISK": 2, "UGX": 2, "MGA": 0})
"""Where Stripe's minor units are not those of ISO 4217. [memory: docs.stripe.com/currencies#special-cases]"""
DEBIT_REASONS = frozenset(
    {
        "bank_cannot_process",
        "check_returned",
        "customer_initiated",
        "debit_not_authorized",
        "incorrect_account_details",
        "insufficient_funds",
    }
)
"""Reasons that only direct debits have: such a dispute is final and cannot be answered."""
RANKS: Mapping[str, int] = MappingProxyType(
    {
        "warning_needs_response": 1,
        "warning_under_review": 2,
        "warning_closed": 3,
        "prevented": 3,
        "needs_response": 4,
        "under_review": 5,
        "won": 6,
        "lost": 6,
        "appeal_needs_response": 7,
        "appeal_under_review": 8,
    }
)
WON = frozenset({"won", "prevented", "warning_closed"})


def verify(account: Account, message: Message) -> Claim:
    """`t=…,v1=…` over `t.body`; several `v1` and several secrets while a secret is rotated."""
    said = [each.partition("=") for each in message.headers.get("stripe-signature", "").split(",")[:20]]
    stamps = [value for name, _, value in said if name.strip() == "t"]
    if not stamps:
        raise BadSignature(reason="missing-header")
    _check_age(stamps[0], message.received_at)
    content = stamps[0].encode() + b"." + message.body
    expected = [hex_of(secret.encode(), content) for secret in account.each("webhook_secret")]
    if not matches(expected, [value.strip() for name, _, value in said if name.strip() == "v1"]):
        raise BadSignature(reason="no-match")
    event = reading.document(message.body)
    return Claim(Proof.SIGNED, once(reading.identifier(event, "id")))


def _check_age(stamp: str, now: datetime) -> None:
    if not (stamp.isascii() and stamp.isdecimal() and len(stamp) <= 12):
        raise BadSignature(reason="bad-timestamp")
    apart = int(stamp) - now.timestamp()
    if abs(apart) > TOLERANCE.total_seconds():
        raise BadSignature(reason="too-new" if apart > 0 else "too-old")


@dataclass(frozen=True, slots=True)
class Event:
    """One event and the object it is about."""

    id: str
    type: str
    at: datetime
    of: Mapping[str, Any]

    def common(self, payment: str, item: str, mark: str, rank: int = 0) -> dict[str, Any]:
        """What every fact of this event has."""
        metadata = reading.part(self.of, "metadata")
        return {
            "key": f"{self.id}:{mark}",
            "payment": payment,
            "item": item,
            "sequence": by_time(self.at, rank),
            "occurred_at": self.at,
            "reference": reading.text(metadata, "kulanz_reference"),
            "order": reading.text(metadata, "order_id"),
            "method": reading.text(self.of, "payment_method_details", "type"),
        }

    def money(self, name: str = "amount") -> dict[str, Any]:
        """An amount of the object in our minor units."""
        unit = reading.currency(self.of, "currency")
        amount = reading.rescaled(reading.integer(self.of, name), unit, DIGITS.get(unit))
        return {"amount_minor": amount, "currency": unit}


def read(account: Account, message: Message) -> list[Fact]:
    """The facts of one event; of an event that says nothing about money none."""
    told = reading.document(message.body)
    kind = reading.text(told, "type")
    reader = READERS.get(kind)
    if reader is None:
        return []
    if told.get("livemode") is not account.live:
        raise WrongMode
    at = reading.unix(told, "created")
    return reader(Event(reading.identifier(told, "id"), kind, at, reading.part(told, "data", "object")))


def _charge(event: Event) -> list[Fact]:
    charge = reading.identifier(event.of, "id")
    status = reading.text(event.of, "status")
    common = event.common(charge, charge, "charge")
    if status == "failed":
        return [Failed(**common, **event.money(), reason=reading.text(event.of, "failure_code"))]
    if status != "succeeded":
        return []
    if event.of.get("captured") is True:
        return [Captured(**common, **event.money("amount_captured"))]
    return [Authorised(**common, **event.money())]


def _charge_expired(event: Event) -> list[Fact]:
    charge = reading.identifier(event.of, "id")
    return [Cancelled(**event.common(charge, charge, "expired"), **event.money())]


def _charge_refunded(event: Event) -> list[Fact]:
    charge = reading.identifier(event.of, "id")
    common = event.common(charge, f"{charge}:refunds", "refunded")
    return [Refunded(**common, **event.money("amount_refunded"), total=True)]


def _intent_payment(event: Event) -> str:
    """The charge of an intent, or the intent where it never came to one."""
    charges = reading.parts(event.of, "charges", "data")  # as old versions of the interface have it
    latest = reading.text(event.of, "latest_charge") or reading.text(event.of, "latest_charge", "id")
    return (
        latest
        or reading.text(event.of, "last_payment_error", "charge")
        or (reading.identifier(charges[-1], "id") if charges else "")
        or reading.identifier(event.of, "id")
    )


def _intent(event: Event) -> list[Fact]:
    payment = _intent_payment(event)
    common = event.common(payment, payment, "intent")
    match event.type.partition(".")[2]:
        case "succeeded":
            received = (
                "amount_received" if "amount_received" in event.of else "amount"
            )  # a stand-in tells the latter only
            return [Captured(**common, **event.money(received))]
        case "amount_capturable_updated":
            return [Authorised(**common, **event.money("amount_capturable"))]
        case "payment_failed":
            return [Failed(**common, **event.money(), reason=reading.text(event.of, "last_payment_error", "code"))]
        case _:
            return [Cancelled(**common, **event.money())]


def _refund(event: Event) -> list[Fact]:
    refund = reading.identifier(event.of, "id")
    common = event.common(_payment_of(event), refund, "refund")
    match reading.text(event.of, "status"):
        case "succeeded":
            return [Refunded(**common, **event.money())]
        case "failed" | "canceled":
            common["sequence"] = by_time(event.at, 1)
            return [RefundFailed(**common, **event.money(), reason=reading.text(event.of, "failure_reason"))]
        case _:
            return []


def _payment_of(event: Event) -> str:
    """The charge that a refund, dispute or warning belongs to."""
    for name in ("charge", "payment_intent"):
        if found := reading.text(event.of, name) or reading.text(event.of, name, "id"):
            return found
    raise reading.Unreadable(reason="no-charge")


def _dispute(event: Event) -> list[Fact]:
    dispute, payment = reading.identifier(event.of, "id"), _payment_of(event)
    status, reason = reading.text(event.of, "status"), reading.text(event.of, "reason")
    common = event.common(payment, dispute, "dispute", RANKS.get(status, 0)) | event.money()
    if reason in DEBIT_REASONS and reading.text(event.of, "payment_method_details", "type") in ("", "sepa_debit"):
        if status in WON:
            return [ReturnReversed(**common)]
        return [Returned(**common, reason=reason)]
    card = reading.part(event.of, "payment_method_details", "card")
    code = reading.text(event.of, "network_reason_code") or reading.text(card, "network_reason_code")
    stage = _stage(status, reading.text(card, "case_type"))
    said = _dispute_kind(event.type, status)(**common, reason=reason, network_code=code, stage=stage)
    return [said, *_due(event, dispute, payment)]


def _dispute_kind(event_type: str, status: str) -> type[Disputed]:
    """There is no event for won or lost: the status says it."""
    if status in WON:
        return DisputeWon
    if status == "lost":
        return DisputeLost
    return DisputeOpened if event_type.endswith(".created") else DisputeUpdated


def _stage(status: str, case_type: str) -> str:
    if status.startswith("appeal_"):
        return "appeal"
    return "inquiry" if status.startswith("warning_") or case_type == "inquiry" else case_type or "chargeback"


def _due(event: Event, dispute: str, payment: str) -> list[Fact]:
    """A date of 0 or none: it cannot be answered."""
    details = reading.part(event.of, "evidence_details")
    if not details.get("due_by"):
        return []
    common = event.common(payment, dispute, "due", RANKS.get(reading.text(event.of, "status"), 0))
    return [EvidenceDue(**common, due_at=reading.unix(details, "due_by"))]


def _warning(event: Event) -> list[Fact]:
    common = event.common(_payment_of(event), reading.identifier(event.of, "id"), "warning")
    actionable = event.of.get("actionable") is True
    return [FraudWarned(**common, reason=reading.text(event.of, "fraud_type"), actionable=actionable)]


READERS: Mapping[str, Callable[[Event], list[Fact]]] = MappingProxyType(
    {
        "charge.succeeded": _charge,
        "charge.captured": _charge,
        "charge.failed": _charge,
        "charge.expired": _charge_expired,
        "charge.refunded": _charge_refunded,
        "charge.refund.updated": _refund,
        "refund.created": _refund,
        "refund.updated": _refund,
        "refund.failed": _refund,
        "payment_intent.succeeded": _intent,
        "payment_intent.amount_capturable_updated": _intent,
        "payment_intent.payment_failed": _intent,
        "payment_intent.canceled": _intent,
        "charge.dispute.created": _dispute,
        "charge.dispute.updated": _dispute,
        "charge.dispute.closed": _dispute,
        "charge.dispute.funds_withdrawn": _dispute,
        "charge.dispute.funds_reinstated": _dispute,
        "radar.early_fraud_warning.created": _warning,
        "radar.early_fraud_warning.updated": _warning,
    }
)


def _post(account: Account, path: str, form: Mapping[str, str], key: str) -> dict[str, Any]:
    """With a key of ours, so that our own repetition is not a second payment."""
    headers = {"authorization": f"Bearer {_key(account)}", "idempotency-key": key}
    return account.net.ask(Call("POST", account.base(API, API) + path, headers, form=form))


def _key(account: Account) -> str:
    """A test shop never moves money, and a live shop never plays."""
    key = account.get("api_key")
    if ("_live_" in key) is not account.live:
        raise WrongMode
    return key


def _amount(amount_minor: int, unit: str) -> str:
    digits = DIGITS.get(unit)
    return str(amount_minor if digits is None else reading.unscaled(amount_minor, unit, digits))


def pay_link(account: Account, wanted: LinkWanted) -> Link:
    """A page of Checkout. It lives for 24 hours."""
    line = "line_items[0]"
    form = {
        "mode": "payment",
        "success_url": wanted.return_url,
        "cancel_url": wanted.return_url,
        "client_reference_id": wanted.reference,
        "metadata[kulanz_reference]": wanted.reference,
        "payment_intent_data[metadata][kulanz_reference]": wanted.reference,
        "payment_intent_data[description]": wanted.description,
        f"{line}[quantity]": "1",
        f"{line}[price_data][currency]": wanted.currency.lower(),
        f"{line}[price_data][unit_amount]": _amount(wanted.amount_minor, wanted.currency),
        f"{line}[price_data][product_data][name]": wanted.description,
    }
    told = _post(account, "/v1/checkout/sessions", form, wanted.key)
    return Link(reading.url(told, "url"), reading.identifier(told, "id"))


def refund(account: Account, wanted: RefundWanted) -> Asked:
    """Give back part of a charge, or all of it."""
    of = "payment_intent" if wanted.payment.startswith("pi_") else "charge"
    form = {of: wanted.payment, "amount": _amount(wanted.amount_minor, wanted.currency)}
    return _asked(_post(account, "/v1/refunds", form, wanted.key))


def charge(account: Account, wanted: ChargeWanted) -> Asked:
    """A stored payment method, its owner not present."""
    form = {
        "amount": _amount(wanted.amount_minor, wanted.currency),
        "currency": wanted.currency.lower(),
        "customer": wanted.customer,
        "payment_method": wanted.token,
        "off_session": "true",
        "confirm": "true",
        "metadata[kulanz_reference]": wanted.reference,
    }
    if wanted.description:
        form["description"] = wanted.description
    return _asked(_post(account, "/v1/payment_intents", form, wanted.key))


def submit_evidence(account: Account, wanted: Evidence) -> Asked:
    """Stripe takes one submission: without `submit` everything is only laid ready."""
    form = {f"evidence[{name}]": value for name, value in wanted.texts.items()}
    for number, file in enumerate(wanted.files):
        headers = {"authorization": f"Bearer {_key(account)}", "idempotency-key": f"{wanted.key}-{number}"}
        files, form_of = (("file", file.name, file.media_type, file.content),), {"purpose": "dispute_evidence"}
        url = account.base(FILES, FILES) + "/v1/files"
        told = account.net.ask(Call("POST", url, headers, form=form_of, files=files, timeout_s=60.0))
        form[f"evidence[{file.purpose}]"] = reading.identifier(told, "id")
    form["submit"] = "true" if wanted.submit else "false"
    return _asked(_post(account, f"/v1/disputes/{wanted.dispute}", form, wanted.key))


def accept_dispute(account: Account, dispute: str, key: str) -> Asked:
    """Close it as lost; this cannot be undone."""
    return _asked(_post(account, f"/v1/disputes/{dispute}/close", {}, key))


def _asked(told: Mapping[str, Any]) -> Asked:
    return Asked(reading.identifier(told, "id"), reading.text(told, "status"))


def check(account: Account) -> None:
    """The balance, which every key may read that may refund."""
    account.net.ask(Call("GET", account.base(API, API) + "/v1/balance", {"authorization": f"Bearer {_key(account)}"}))


provider = Provider(
    name="stripe",
    settings=(
        Setting("webhook_secret", "Signing secret of the webhook endpoint (whsec_…)", r"whsec_\S{8,200}", many=True),
        Setting("api_key", "Restricted or secret key (rk_…, sk_…)", r"[rs]k_(test|live)_\w{8,250}", required=False),
    ),
    verify=verify,
    read=read,
    check=check,
    pay_link=pay_link,
    refund=refund,
    charge=charge,
    submit_evidence=submit_evidence,
    accept_dispute=accept_dispute,
)
