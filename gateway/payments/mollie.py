"""Mollie: an unsigned hint (classic) or a signed event (next-gen); either way the payment is fetched, and it is the truth.

Mollie has no disputes: a chargeback is final and comes as a return, with the EPC code where it was a direct debit.
"""

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs

from gateway.core.inbox import Proof
from gateway.core.signing import BadSignature
from gateway.payments import reading
from gateway.payments.calls import Call
from gateway.payments.facts import (
    Authorised,
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

API = "https://api.mollie.com"
_PAYMENT = re.compile(r"tr_[A-Za-z0-9]{4,60}", re.ASCII)
_BESIDE = frozenset({"payment", "refund", "chargeback", "capture"})
"""What next-gen events may be about; the payment is looked for behind it."""


def verify(account: Account, message: Message) -> Claim:
    """Next-gen: `sha256=` and HMAC of the raw body. Classic: `id=tr_…`, which proves nothing and claims nothing."""
    header = message.headers.get("x-mollie-signature", "")
    if header:
        return _signed(account, message, header)
    return Claim(Proof.HINT, _hinted(message.body))


def _signed(account: Account, message: Message, header: str) -> Claim:
    expected = [f"sha256={hex_of(secret.encode(), message.body)}" for secret in account.each("signing_secret")]
    if not matches(expected, [each.strip() for each in header.split(",")]):
        raise BadSignature(reason="no-match")
    event = reading.document(message.body)
    mark = reading.text(event, "id") + reading.text(event, "status")
    return Claim(Proof.SIGNED, once(mark, message.body))


def _hinted(body: bytes) -> str:
    """The payment that a classic call names. Anything else is neither a hint nor signed."""
    try:
        named = parse_qs(body.decode("ascii"), strict_parsing=True, max_num_fields=5).get("id", [])
    except ValueError:
        named = []
    if len(named) != 1 or not _PAYMENT.fullmatch(named[0]):
        raise BadSignature(reason="neither-signed-nor-a-hint")
    return named[0]


def read(account: Account, message: Message) -> list[Fact]:
    """The facts of the payment as Mollie has it now."""
    payment = _hinted(message.body) if message.proof is Proof.HINT else _behind(reading.document(message.body))
    if not payment:
        return []
    path = f"/v2/payments/{payment}"
    told = _get(account, f"{path}?embed=refunds,chargebacks")
    inner = dict(reading.part(told, "_embedded"))
    for name, amount in (("refunds", "amountRefunded"), ("chargebacks", "amountChargedBack")):
        if name not in inner and reading.text(told, amount, "value").strip("0.-"):
            inner[name] = reading.parts(_get(account, f"{path}/{name}"), "_embedded", name)
    return facts_of({**told, "_embedded": inner}, live=account.live)


def _behind(event: Mapping[str, Any]) -> str:
    """The payment that a next-gen event is about, told in full or by reference; empty when it is about something else."""
    entity = reading.part(event, "_embedded", "entity") or event
    named = (reading.text(event, "entityId"), reading.text(entity, "id"), reading.text(entity, "paymentId"))
    return next((each for each in named if _PAYMENT.fullmatch(each)), "")


def facts_of(payment: Mapping[str, Any], *, live: bool) -> list[Fact]:
    """A fetched payment with its refunds and chargebacks."""
    if reading.text(payment, "mode") != ("live" if live else "test"):
        raise WrongMode
    refunds = (_refund(payment, each) for each in reading.parts(payment, "_embedded", "refunds"))
    returns = (_chargeback(payment, each) for each in reading.parts(payment, "_embedded", "chargebacks"))
    return [*_status(payment), *(fact for facts in (*refunds, *returns) for fact in facts)]


def _common(payment: Mapping[str, Any], item: str, word: str, at: datetime, rank: int = 0) -> dict[str, Any]:
    metadata = _metadata(payment)
    return {
        "key": f"{reading.identifier(payment, 'id')}:{item}:{word}",
        "payment": reading.identifier(payment, "id"),
        "item": item,
        "sequence": by_time(at, rank),
        "occurred_at": at,
        "reference": reading.text(metadata, "kulanz_reference"),
        "order": reading.text(metadata, "order_id"),
        "method": reading.text(payment, "method"),
    }


def _metadata(payment: Mapping[str, Any]) -> dict[str, Any]:
    """As an object, or as the text of one."""
    found = payment.get("metadata")
    if isinstance(found, str):
        try:
            found = json.loads(found)
        except (ValueError, RecursionError):
            found = None
    return found if isinstance(found, dict) else {}


def _money(of: Mapping[str, Any], name: str = "amount") -> dict[str, Any]:
    unit = reading.currency(of, name, "currency")
    return {"amount_minor": reading.minor(of, unit, name, "value"), "currency": unit}


def _at(of: Mapping[str, Any], *names: str) -> datetime:
    """The first of these moments that is there."""
    return next((reading.moment(of, name) for name in names if reading.text(of, name)), reading.moment(of, "createdAt"))


def _status(payment: Mapping[str, Any]) -> list[Fact]:
    item, status = reading.identifier(payment, "id"), reading.text(payment, "status")
    match status:
        case "paid":
            taken = "amountCaptured" if reading.text(payment, "captureMode") == "manual" else "amount"
            taken = taken if reading.part(payment, taken) else "amount"
            money = _money(payment, taken)
            mark = f"paid:{money['amount_minor']}"  # later captures make it more
            return [Captured(**_common(payment, item, mark, _at(payment, "paidAt"), 3), **money)]
        case "authorized":
            return [Authorised(**_common(payment, item, status, _at(payment, "authorizedAt"), 1), **_money(payment))]
        case "failed":
            said = _common(payment, item, status, _at(payment, "failedAt"), 2)
            code = _code(reading.text(payment, "details", "bankReasonCode"))
            reason = reading.text(payment, "details", "failureReason")
            return [Failed(**said, **_money(payment), code=code, reason=reason)]
        case "canceled" | "expired":
            at = _at(payment, "canceledAt", "expiredAt", "expiresAt")
            return [Cancelled(**_common(payment, item, status, at, 2), **_money(payment))]
        case _:
            return []


def _refund(payment: Mapping[str, Any], refund: Mapping[str, Any]) -> list[Fact]:
    """Queued and pending ones have not moved money yet; they may still be cancelled."""
    item, status = reading.identifier(refund, "id"), reading.text(refund, "status")
    at = reading.moment(refund, "createdAt")
    if status in ("processing", "refunded"):
        return [Refunded(**_common(payment, item, "refunded", at, 1), **_money(refund))]
    if status in ("failed", "canceled"):
        return [RefundFailed(**_common(payment, item, "failed", at, 2), **_money(refund))]
    return []


def _chargeback(payment: Mapping[str, Any], chargeback: Mapping[str, Any]) -> list[Fact]:
    item, money = reading.identifier(chargeback, "id"), _money(chargeback)
    said = _common(payment, item, "returned", reading.moment(chargeback, "createdAt"))
    told = reading.text(chargeback, "reason", "code") or reading.text(payment, "details", "bankReasonCode")
    reason = reading.text(chargeback, "reason", "description")
    facts: list[Fact] = [Returned(**said, **money, code=_code(told), reason=reason)]
    if reading.text(chargeback, "reversedAt"):
        back = _common(payment, item, "reversed", reading.moment(chargeback, "reversedAt"), 1)
        facts.append(ReturnReversed(**back, **money))
    return facts


def _code(told: str) -> str:
    return told.upper() if is_code(told.upper()) else ""


def _get(account: Account, path: str) -> dict[str, Any]:
    return account.net.ask(Call("GET", account.base(API, API) + path, _headers(account)))


def _post(account: Account, path: str, document: Mapping[str, Any], key: str) -> dict[str, Any]:
    headers = _headers(account) | {"idempotency-key": key}
    return account.net.ask(Call("POST", account.base(API, API) + path, headers, json=document))


def _headers(account: Account) -> dict[str, str]:
    """A test shop never moves money, and a live shop never plays."""
    key = account.get("api_key")
    if key.startswith("live_") is not account.live:
        raise WrongMode
    return {"authorization": f"Bearer {key}"}


def _amount(amount_minor: int, unit: str) -> dict[str, str]:
    return {"currency": unit, "value": reading.decimal(amount_minor, unit)}


def pay_link(account: Account, wanted: LinkWanted) -> Link:
    """A payment with Mollie's own page to choose a method."""
    document = {
        "amount": _amount(wanted.amount_minor, wanted.currency),
        "description": wanted.description,
        "redirectUrl": wanted.return_url,
        "metadata": {"kulanz_reference": wanted.reference},
    }
    if hook := account.settings.get("webhook_url"):
        document["webhookUrl"] = hook
    told = _post(account, "/v2/payments", document, wanted.key)
    return Link(reading.url(told, "_links", "checkout", "href"), reading.identifier(told, "id"))


def refund(account: Account, wanted: RefundWanted) -> Asked:
    """Give back part of a payment, or all of it."""
    document = {"amount": _amount(wanted.amount_minor, wanted.currency)}
    return _asked(_post(account, f"/v2/payments/{wanted.payment}/refunds", document, wanted.key))


def charge(account: Account, wanted: ChargeWanted) -> Asked:
    """On a mandate of the customer."""
    document = {
        "amount": _amount(wanted.amount_minor, wanted.currency),
        "description": wanted.description,
        "sequenceType": "recurring",
        "customerId": wanted.customer,
        "mandateId": wanted.token,
        "metadata": {"kulanz_reference": wanted.reference},
    }
    if hook := account.settings.get("webhook_url"):
        document["webhookUrl"] = hook
    return _asked(_post(account, "/v2/payments", document, wanted.key))


def _asked(told: Mapping[str, Any]) -> Asked:
    return Asked(reading.identifier(told, "id"), reading.text(told, "status"))


def check(account: Account) -> None:
    """The methods that are switched on."""
    _get(account, "/v2/methods")


provider = Provider(
    name="mollie",
    settings=(
        Setting("api_key", "API key (live_… or test_…)", r"(live|test)_\w{8,250}"),
        Setting(
            "signing_secret", "Secret of a next-gen webhook, where one is used", r"\S{8,250}", required=False, many=True
        ),
        Setting("webhook_url", "Address of this connection", r"https?://\S{8,500}", secret=False, required=False),
    ),
    verify=verify,
    read=read,
    check=check,
    pay_link=pay_link,
    refund=refund,
    charge=charge,
)
