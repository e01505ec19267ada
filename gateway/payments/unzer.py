"""Unzer: unsigned hints. The payment they name is fetched from Unzer's own address, and its transactions are the facts.

The event's name is never taken for a state, nor is the address in the message ever called.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from gateway.core.inbox import Proof
from gateway.core.signing import BadSignature
from gateway.payments import reading
from gateway.payments.calls import Call, basic
from gateway.payments.facts import Authorised, Cancelled, Captured, Fact, Failed, Refunded, Returned, by_time
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

LIVE, SANDBOX = "https://api.unzer.com", "https://sbx-api.unzer.com"
_PAYMENT = re.compile(r"[sp]-pay-\d{1,20}", re.ASCII)
_WORDS = re.compile(r"[\w.-]{1,100}", re.ASCII)
AUTHORISATIONS = frozenset({"authorize", "preauthorize", "preauthorization"})
_RANKS = ("authorize", "charge", "cancel-authorize", "cancel-charge", "chargeback")


def verify(account: Account, message: Message) -> Claim:
    """Nothing is signed. What does not even name a payment of this mode, or names another public key, is no hint."""
    told = reading.document(message.body)
    payment, key = reading.text(told, "paymentId"), account.settings.get("public_key", "")
    if not _PAYMENT.fullmatch(payment) or payment.startswith("p-") is not account.live:
        raise BadSignature(reason="no-hint")
    if key and reading.text(told, "publicKey") != key:
        raise BadSignature(reason="other-key")
    return Claim(Proof.HINT, payment)


def read(account: Account, message: Message) -> list[Fact]:
    """The facts of the payment as Unzer has it now."""
    payment = reading.text(reading.document(message.body), "paymentId")
    if not _PAYMENT.fullmatch(payment):
        raise reading.Unreadable(reason="no-paymentId")
    return facts_of(account.net.ask(Call("GET", f"{_base(account)}/payments/{payment}", _headers(account))))


def facts_of(payment: Mapping[str, Any]) -> list[Fact]:
    """A fetched payment: one fact for each transaction that was carried out or failed."""
    transactions = reading.parts(payment, "transactions")
    facts = (_transaction(payment, each) for each in transactions)
    return [fact for fact in facts if fact is not None]


def _transaction(payment: Mapping[str, Any], transaction: Mapping[str, Any]) -> Fact | None:
    kind, status = reading.text(transaction, "type"), reading.text(transaction, "status")
    told = _common(payment, transaction, kind, status)
    if status == "error":
        return Failed(**told) if kind == "charge" or kind in AUTHORISATIONS else None
    if status != "success":
        return None
    if kind in AUTHORISATIONS:
        return Authorised(**told)
    facts: Mapping[str, type[Fact]] = {
        "charge": Captured,
        "cancel-authorize": Cancelled,
        "cancel-charge": Refunded,
        "chargeback": Returned,
    }
    return facts[kind](**told) if kind in facts else None


def _common(payment: Mapping[str, Any], transaction: Mapping[str, Any], kind: str, status: str) -> dict[str, Any]:
    id_, at = reading.identifier(payment, "id"), _at(transaction)
    item, unit = _item(transaction), reading.currency(payment, "currency")
    order = reading.text(payment, "orderId")
    return {
        "key": f"{id_}/{item}:{status}",
        "payment": id_,
        "item": f"{id_}/{item}",
        "sequence": by_time(at, _RANKS.index(kind) if kind in _RANKS else 0),
        "occurred_at": at,
        "amount_minor": reading.minor(transaction, unit, "amount"),
        "currency": unit,
        "reference": order if order.startswith(OURS) else "",
        "order": "" if order.startswith(OURS) else order,
        "method": _method(reading.text(payment, "resources", "typeId")),
    }


OURS = ("clm_", "dec_", "ord_", "pay_")
"""Beginnings of our references."""


def _at(transaction: Mapping[str, Any]) -> datetime:
    """Unzer writes no time zone [open: taken for UTC]."""
    return reading.moment(transaction, "date")


def _item(transaction: Mapping[str, Any]) -> str:
    """What stands behind the payment in the transaction's address: chargebacks are numbered for each charge anew."""
    url = transaction.get("url")
    steps = url.partition("/payments/")[2].split("/")[1:] if isinstance(url, str) else []
    if not 0 < len(steps) <= 6 or not all(_WORDS.fullmatch(step) for step in steps):
        raise reading.Unreadable(reason="bad-transaction")
    return "/".join(steps)


def _method(type_id: str) -> str:
    """`s-crd-…`: the kind of the payment type."""
    words = type_id.split("-")
    return words[1] if len(words) > 2 and len(words[1]) == 3 else ""


def _base(account: Account) -> str:
    return f"{account.base(LIVE, SANDBOX)}/v1"


def _headers(account: Account) -> dict[str, str]:
    """A test shop never moves money, and a live shop never plays."""
    key = account.get("private_key")
    if key.startswith("p-") is not account.live:
        raise WrongMode
    return {"authorization": basic(key)}


def _post(account: Account, path: str, document: Mapping[str, Any]) -> dict[str, Any]:
    return account.net.ask(Call("POST", _base(account) + path, _headers(account), json=document))


def pay_link(account: Account, wanted: LinkWanted) -> Link:
    """A page of Unzer [memory: `/paypage/charge`]."""
    document = {
        "amount": reading.decimal(wanted.amount_minor, wanted.currency),
        "currency": wanted.currency,
        "returnUrl": wanted.return_url,
        "orderId": wanted.reference,
    }
    told = _post(account, "/paypage/charge", document)
    return Link(reading.url(told, "redirectUrl"), reading.identifier(told, "id"))


def refund(account: Account, wanted: RefundWanted) -> Asked:
    """Give back part of one charge [memory: `/charges/{id}/cancels`]."""
    charge_id = wanted.capture.rpartition("/")[2]
    if not _PAYMENT.fullmatch(wanted.payment) or not _WORDS.fullmatch(charge_id):
        raise reading.Unreadable(reason="bad-id")
    document = {
        "amount": reading.decimal(wanted.amount_minor, wanted.currency),
        "paymentReference": wanted.key,
    }
    told = _post(account, f"/payments/{wanted.payment}/charges/{charge_id}/cancels", document)
    return Asked(reading.identifier(told, "id"), _status(told))


def charge(account: Account, wanted: ChargeWanted) -> Asked:
    """A stored payment type [memory: `/payments/charges`]."""
    document = {
        "amount": reading.decimal(wanted.amount_minor, wanted.currency),
        "currency": wanted.currency,
        "orderId": wanted.reference,
        "resources": {"typeId": wanted.token, "customerId": wanted.customer},
    }
    told = _post(account, "/payments/charges", document)
    return Asked(reading.identifier(told, "id"), _status(told))


def _status(told: Mapping[str, Any]) -> str:
    return next((word for word in ("Success", "Pending", "Error") if told.get(f"is{word}") is True), "").lower()


def check(account: Account) -> None:
    """What the key may do."""
    account.net.ask(Call("GET", f"{_base(account)}/keypair", _headers(account)))


provider = Provider(
    name="unzer",
    settings=(
        Setting("private_key", "Private key (p-priv-… or s-priv-…)", r"[ps]-priv-\w{8,100}"),
        Setting("public_key", "Public key (p-pub-… or s-pub-…)", r"[ps]-pub-\w{8,100}", secret=False, required=False),
    ),
    verify=verify,
    read=read,
    check=check,
    pay_link=pay_link,
    refund=refund,
    charge=charge,
    idempotent=False,
)
