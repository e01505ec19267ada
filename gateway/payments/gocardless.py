"""GoCardless: signed batches of events. They carry no amounts, so the payment or refund of each is fetched.

Direct debits only: a payment that was confirmed can still fail, and there is nothing to defend.
https://developer.gocardless.com/api-reference/#appendix-webhooks
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from gateway.core.inbox import Proof
from gateway.core.signing import BadSignature
from gateway.payments import reading
from gateway.payments.calls import Call, ProviderRefused
from gateway.payments.facts import (
    Cancelled,
    Captured,
    Fact,
    Failed,
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
    Link,
    LinkWanted,
    Message,
    Provider,
    RefundWanted,
    Setting,
    WrongMode,
)
from gateway.payments.return_codes import is_code

LIVE, SANDBOX = "https://api.gocardless.com", "https://api-sandbox.gocardless.com"
VERSION = "2015-07-06"


class BadWebhookSignature(BadSignature):
    """The signature does not prove that GoCardless sent this message."""

    status = 498  # as GoCardless wants it


PAYMENTS: Mapping[str, type[Fact]] = MappingProxyType(
    {
        "confirmed": Captured,
        "paid_out": Captured,
        "failed": Failed,
        "late_failure_settled": Failed,
        "cancelled": Cancelled,
        "customer_approval_denied": Cancelled,
        "charged_back": Returned,
        "chargeback_settled": Returned,
        "chargeback_cancelled": ReturnReversed,
    }
)
REFUNDS: Mapping[str, type[Fact]] = MappingProxyType(
    {
        "created": Refunded,
        "paid": Refunded,
        "failed": RefundFailed,
        "bounced": RefundFailed,
        "returned": RefundFailed,
        "funds_returned": RefundFailed,
    }
)
"""Actions that say something about money; what became of mandates and payouts does not."""


def verify(account: Account, message: Message) -> Claim:
    """HMAC of the raw body in hexadecimal."""
    offered = message.headers.get("webhook-signature", "")
    expected = [hex_of(secret.encode(), message.body) for secret in account.each("webhook_secret")]
    if not offered or not matches(expected, [offered.strip()]):
        raise BadWebhookSignature(reason="no-match" if offered else "missing-header")
    events = reading.parts(reading.document(message.body), "events")
    if not events:
        raise reading.Unreadable(reason="no-events")
    return Claim(Proof.SIGNED, once("|".join(sorted(reading.identifier(each, "id") for each in events))))


def read(account: Account, message: Message) -> list[Fact]:
    """The facts of all events; each payment is fetched once however many events name it."""
    seen: dict[str, dict[str, Any]] = {}
    events = reading.parts(reading.document(message.body), "events")
    return [fact for event in events for fact in _event(account, event, seen)]


def _event(account: Account, event: Mapping[str, Any], seen: dict[str, dict[str, Any]]) -> list[Fact]:
    what, action = reading.text(event, "resource_type"), reading.text(event, "action")
    if what == "payments" and action in PAYMENTS:
        payment = _fetch(account, "payments", reading.identifier(event, "links", "payment"), seen)
        return [payment_fact(event, payment)]
    if what == "refunds" and action in REFUNDS:
        refund = _fetch(account, "refunds", reading.identifier(event, "links", "refund"), seen)
        return [refund_fact(event, refund)]
    return []


def payment_fact(event: Mapping[str, Any], payment: Mapping[str, Any]) -> Fact:
    """What an event says of a fetched payment. The code is an EPC code only in the SEPA scheme."""
    id_, kind = reading.identifier(payment, "id"), PAYMENTS[reading.text(event, "action")]
    item = f"{id_}:chargeback" if kind in (Returned, ReturnReversed) else id_
    told = _common(event, payment, id_, item)
    if kind in (Failed, Returned):
        code = reading.text(event, "details", "reason_code")
        sepa = reading.text(event, "details", "scheme").startswith("sepa") and is_code(code)
        words: dict[str, Any] = {"code": code if sepa else "", "reason": reading.text(event, "details", "cause")}
        return kind(**told, **words)
    return kind(**told)


def refund_fact(event: Mapping[str, Any], refund: Mapping[str, Any]) -> Fact:
    """What an event says of a fetched refund."""
    kind = REFUNDS[reading.text(event, "action")]
    told = _common(event, refund, reading.identifier(refund, "links", "payment"), reading.identifier(refund, "id"))
    return kind(**told)


_RANKS = ("created", "confirmed", "paid", "failed", "late_failure_settled", "charged_back", "chargeback_cancelled")


def _common(event: Mapping[str, Any], of: Mapping[str, Any], payment: str, item: str) -> dict[str, Any]:
    at = reading.moment(event, "created_at")
    action, metadata = reading.text(event, "action"), reading.part(of, "metadata")
    return {
        "key": reading.identifier(event, "id"),
        "payment": payment,
        "item": item,
        "sequence": by_time(at, _RANKS.index(action) if action in _RANKS else 0),
        "occurred_at": at,
        "amount_minor": reading.integer(of, "amount"),
        "currency": reading.currency(of, "currency"),
        "reference": reading.text(metadata, "kulanz_reference"),
        "order": reading.text(metadata, "order_id"),
        "method": reading.text(of, "scheme") or reading.text(event, "details", "scheme"),
    }


def _fetch(account: Account, what: str, id_: str, seen: dict[str, dict[str, Any]]) -> dict[str, Any]:
    if not id_.isascii() or not id_.isalnum():
        raise reading.Unreadable(reason="bad-id")
    path = f"/{what}/{id_}"
    if path not in seen:
        told = account.net.ask(Call("GET", account.base(LIVE, SANDBOX) + path, _headers(account)))
        seen[path] = reading.part(told, what)
    return seen[path]


def _headers(account: Account) -> dict[str, str]:
    """A test shop never moves money, and a live shop never plays."""
    token = account.get("access_token")
    if token.startswith("live_") is not account.live:
        raise WrongMode
    return {"authorization": f"Bearer {token}", "gocardless-version": VERSION}


def _post(account: Account, what: str, document: Mapping[str, Any], key: str) -> dict[str, Any]:
    headers = _headers(account) | {"idempotency-key": key}
    url = f"{account.base(LIVE, SANDBOX)}/{what}"
    return reading.part(account.net.ask(Call("POST", url, headers, json={what: dict(document)})), what)


def pay_link(account: Account, wanted: LinkWanted) -> Link:
    """A billing request for one payment, and the page on which the buyer agrees to it."""
    payment = {
        "amount": wanted.amount_minor,
        "currency": wanted.currency,
        "description": wanted.description,
        "metadata": {"kulanz_reference": wanted.reference},
    }
    asked = _post(account, "billing_requests", {"payment_request": payment}, wanted.key)
    flow = {
        "redirect_uri": wanted.return_url,
        "exit_uri": wanted.return_url,
        "links": {"billing_request": reading.identifier(asked, "id")},
    }
    told = _post(account, "billing_request_flows", flow, f"{wanted.key}-flow")
    return Link(reading.url(told, "authorisation_url"), reading.identifier(asked, "id"))


def refund(account: Account, wanted: RefundWanted) -> Asked:
    """Give back part of a payment. GoCardless wants to hear the sum of all refunds, against two at once."""
    seen: dict[str, dict[str, Any]] = {}
    payment = _fetch(account, "payments", wanted.payment, seen)
    document = {
        "amount": wanted.amount_minor,
        "total_amount_confirmation": reading.integer(payment, "amount_refunded") + wanted.amount_minor,
        "links": {"payment": wanted.payment},
    }
    return _asked(_post(account, "refunds", document, wanted.key))


def charge(account: Account, wanted: ChargeWanted) -> Asked:
    """On a mandate. The same key again is answered with the payment that it made."""
    document = {
        "amount": wanted.amount_minor,
        "currency": wanted.currency,
        "description": wanted.description,
        "metadata": {"kulanz_reference": wanted.reference},
        "links": {"mandate": wanted.token},
    }
    try:
        return _asked(_post(account, "payments", document, wanted.key))
    except ProviderRefused as refused:
        made = _made_before(refused)
        if not made:
            raise
        return _asked(_fetch(account, "payments", made, {}))


def _made_before(refused: ProviderRefused) -> str:
    """The payment that an earlier call with the same key made."""
    for error in reading.parts(refused.told, "error", "errors"):
        if reading.text(error, "reason") == "idempotent_creation_conflict":
            return reading.text(error, "links", "conflicting_resource_id")
    return ""


def _asked(told: Mapping[str, Any]) -> Asked:
    return Asked(reading.identifier(told, "id"), reading.text(told, "status"))


def check(account: Account) -> None:
    """The creditors of the account."""
    account.net.ask(Call("GET", f"{account.base(LIVE, SANDBOX)}/creditors", _headers(account)))


provider = Provider(
    name="gocardless",
    settings=(
        Setting("webhook_secret", "Secret of the webhook endpoint", r"\S{8,250}", many=True),
        Setting("access_token", "Access token (live_… or sandbox_…)", r"(live|sandbox)_[\w-]{8,250}"),
    ),
    verify=verify,
    read=read,
    check=check,
    pay_link=pay_link,
    refund=refund,
    charge=charge,
)
