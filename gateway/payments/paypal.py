"""PayPal: partly proven events (see `paypal_proof`), so captures, refunds and disputes are fetched before they count."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

from gateway.core import clock
from gateway.core.inbox import Proof
from gateway.payments import reading
from gateway.payments.calls import Call, basic
from gateway.payments.facts import (
    Captured,
    Disputed,
    DisputeLost,
    DisputeOpened,
    DisputeUpdated,
    DisputeWon,
    EvidenceDue,
    Fact,
    Failed,
    Refunded,
    RefundFailed,
    Returned,
    by_time,
)
from gateway.payments.paypal_proof import check
from gateway.payments.proof import once
from gateway.payments.providers import (
    Account,
    Asked,
    Claim,
    Evidence,
    Link,
    LinkWanted,
    Message,
    Provider,
    RefundWanted,
    Setting,
)

LIVE, SANDBOX = "https://api-m.paypal.com", "https://api-m.sandbox.paypal.com"
WON = frozenset({"RESOLVED_SELLER_FAVOUR", "CANCELED_BY_BUYER", "DENIED", "RESOLVED_WITH_PAYOUT"})
"""The seller keeps his money; with a payout PayPal pays the buyer. DENIED: the buyer's claim was."""
LOST = frozenset({"RESOLVED_BUYER_FAVOUR", "ACCEPTED"})


def verify(account: Account, message: Message) -> Claim:
    """Stored once for each delivery: another body under its signature is not looked at any more.

    Each repetition of an event is a delivery of its own, so nobody can keep the genuine one out; what is fetched counts once.
    """
    transmission = check(account, message)
    reading.identifier(reading.document(message.body), "id")
    return Claim(Proof.PARTLY, once(transmission))


def read(account: Account, message: Message) -> list[Fact]:
    """What the event is about, fetched; of an event about something else nothing."""
    event = reading.document(message.body)
    kind = reading.text(event, "event_type")
    if kind == "CHECKOUT.ORDER.APPROVED":
        return _collect(account, reading.identifier(event, "resource", "id"))
    reader = next((reader for prefix, reader in READERS.items() if kind.startswith(prefix)), None)
    if reader is None:
        return []
    return reader(account, reading.part(event, "resource"))


def _capture(account: Account, told: Mapping[str, Any]) -> list[Fact]:
    """PAYMENT.CAPTURE.REFUNDED tells a refund, or in older versions the capture."""
    capture = _linked(told, "captures") or reading.identifier(told, "id")
    if capture != reading.text(told, "id"):
        return _refund(account, told)
    return capture_facts(_get(account, f"/v2/payments/captures/{_safe(capture)}"))


def _refund(account: Account, told: Mapping[str, Any]) -> list[Fact]:
    refund = _get(account, f"/v2/payments/refunds/{_safe(reading.identifier(told, 'id'))}")
    capture = _linked(refund, "captures")
    if not capture:
        raise reading.Unreadable(reason="no-capture")
    return [
        *capture_facts(_get(account, f"/v2/payments/captures/{_safe(capture)}")),
        *refund_facts(refund, capture),
    ]


def _sale(account: Account, told: Mapping[str, Any]) -> list[Fact]:
    """The first version of payments, still used by old shops."""
    return sale_facts(_get(account, f"/v1/payments/sale/{_safe(reading.identifier(told, 'id'))}"))


def _dispute(account: Account, told: Mapping[str, Any]) -> list[Fact]:
    return dispute_facts(_get(account, f"/v1/customer/disputes/{_safe(reading.identifier(told, 'dispute_id'))}"))


READERS: Mapping[str, Callable[[Account, Mapping[str, Any]], list[Fact]]] = MappingProxyType(
    {
        "PAYMENT.CAPTURE.": _capture,
        "PAYMENT.REFUND.": _refund,
        "PAYMENT.SALE.COMPLETED": _sale,
        "PAYMENT.SALE.DENIED": _sale,
        "PAYMENT.SALE.REVERSED": _sale,
        "CUSTOMER.DISPUTE.": _dispute,
    }
)
"""By the beginning of the event's type."""


def _linked(of: Mapping[str, Any], what: str) -> str:
    """The id in the link `up`; its address is not followed."""
    ups = (reading.url(link, "href") for link in reading.parts(of, "links") if reading.text(link, "rel") == "up")
    return next((url.rpartition("/")[2] for url in ups if f"/{what}/" in url), "")


def _common(of: Mapping[str, Any], payment: str, item: str, word: str, at: datetime) -> dict[str, Any]:
    return {
        "key": f"{item}:{word}",
        "payment": payment,
        "item": item,
        "sequence": by_time(at),
        "occurred_at": at,
        "reference": _ours(reading.text(of, "custom_id")),
        "order": reading.text(of, "invoice_id"),
        "method": "paypal",
    }


def _money(of: Mapping[str, Any], name: str = "amount") -> dict[str, Any]:
    unit = reading.currency(of, name, "currency_code")
    return {"amount_minor": reading.minor(of, unit, name, "value"), "currency": unit}


def _updated(of: Mapping[str, Any]) -> datetime:
    return reading.moment(of, "update_time") if reading.text(of, "update_time") else reading.moment(of, "create_time")


def capture_facts(capture: Mapping[str, Any]) -> list[Fact]:
    """A fetched capture. PARTIALLY_REFUNDED and REFUNDED captures were captured, their refunds come by themselves."""
    id_, status, money = reading.identifier(capture, "id"), reading.text(capture, "status"), _money(capture)
    made = reading.moment(capture, "create_time")
    if status in ("COMPLETED", "PARTIALLY_REFUNDED", "REFUNDED"):
        return [Captured(**_common(capture, id_, id_, "captured", made), **money)]
    if status == "REVERSED":
        taken = Captured(**_common(capture, id_, id_, "captured", made), **money)
        back = _common(capture, id_, f"{id_}:reversal", "reversed", _updated(capture))
        return [taken, Returned(**back, **money, reason=reading.text(capture, "status_details", "reason"))]
    if status in ("DECLINED", "FAILED", "DENIED"):
        reason = reading.text(capture, "status_details", "reason")
        return [Failed(**_common(capture, id_, id_, "failed", _updated(capture)), **money, reason=reason)]
    return []


def sale_facts(sale: Mapping[str, Any]) -> list[Fact]:
    """A fetched sale of the first version."""
    id_, state = reading.identifier(sale, "id"), reading.text(sale, "state")
    unit = reading.currency(sale, "amount", "currency")
    money: dict[str, Any] = {"amount_minor": reading.minor(sale, unit, "amount", "total"), "currency": unit}
    made = reading.moment(sale, "create_time")
    words = {"reference": _ours(reading.text(sale, "custom")), "order": reading.text(sale, "invoice_number")}
    common = _common(sale, id_, id_, state, made) | words
    if state in ("completed", "partially_refunded", "refunded"):
        return [Captured(**common | {"key": f"{id_}:captured"}, **money)]
    if state == "reversed":
        back = _common(sale, id_, f"{id_}:reversal", "reversed", _updated(sale)) | words
        return [Captured(**common | {"key": f"{id_}:captured"}, **money), Returned(**back, **money)]
    return [Failed(**common, **money)] if state == "denied" else []


def refund_facts(refund: Mapping[str, Any], capture: str) -> list[Fact]:
    """A fetched refund."""
    id_, status, money = reading.identifier(refund, "id"), reading.text(refund, "status"), _money(refund)
    if status == "COMPLETED":
        return [Refunded(**_common(refund, capture, id_, "refunded", reading.moment(refund, "create_time")), **money)]
    if status in ("CANCELLED", "FAILED"):
        return [RefundFailed(**_common(refund, capture, id_, "failed", _updated(refund)), **money)]
    return []


def dispute_facts(dispute: Mapping[str, Any]) -> list[Fact]:
    """A fetched dispute, under the first of the payments that it is about."""
    id_, at = reading.identifier(dispute, "dispute_id"), _updated(dispute)
    transactions = reading.parts(dispute, "disputed_transactions")
    if not transactions:
        raise reading.Unreadable(reason="no-transaction")
    payment = reading.identifier(transactions[0], "seller_transaction_id")
    status, outcome = reading.text(dispute, "status"), reading.text(dispute, "dispute_outcome", "outcome_code")
    stage = reading.text(dispute, "dispute_life_cycle_stage").lower()
    common = _common({}, payment, id_, f"{at.isoformat()}:{status}:{stage}:{outcome}", at)
    said = _dispute_kind(status, outcome)(
        **common,
        **_money(dispute, "dispute_amount"),
        reason=reading.text(dispute, "reason"),
        network_code=reading.text(dispute, "external_reason_code"),
        stage=stage,
    )
    if not reading.text(dispute, "seller_response_due_date") or status == "RESOLVED":
        return [said]
    due_at = reading.moment(dispute, "seller_response_due_date")
    return [said, EvidenceDue(**common | {"key": f"{common['key']}:due"}, due_at=due_at)]


def _dispute_kind(status: str, outcome: str) -> type[Disputed]:
    """Won or lost stands in the outcome only."""
    if status == "RESOLVED" and outcome in WON:
        return DisputeWon
    if status == "RESOLVED" and outcome in LOST:
        return DisputeLost
    return DisputeOpened if status == "OPEN" else DisputeUpdated


def _collect(account: Account, order_id: str) -> list[Fact]:
    """The buyer agreed on our pay link: take the money. Orders that are not ours are left to whoever made them."""
    path = f"/v2/checkout/orders/{_safe(order_id)}"
    order = _get(account, path)
    units = reading.parts(order, "purchase_units")
    if len(units) != 1 or not reading.text(units[0], "custom_id").startswith(OURS):
        return []
    if reading.text(order, "status") == "APPROVED":
        order = _post(account, f"{path}/capture", {}, f"capture-{order_id}")
        units = reading.parts(order, "purchase_units")
    ids = [reading.identifier(one, "id") for unit in units for one in reading.parts(unit, "payments", "captures")]
    return [fact for id_ in ids for fact in capture_facts(_get(account, f"/v2/payments/captures/{_safe(id_)}"))]


OURS = ("clm_", "dec_", "ord_", "pay_")
"""Beginnings of our references: what a pay link of ours was made for."""


def _ours(told: str) -> str:
    """Shops write into this field what they like."""
    return told if told.startswith(OURS) else ""


def _safe(id_: str) -> str:
    return quote(id_, safe="")


def _base(account: Account) -> str:
    return account.base(LIVE, SANDBOX)


def _get(account: Account, path: str) -> dict[str, Any]:
    return account.net.ask(Call("GET", _base(account) + path, {"authorization": _token(account)}))


def _post(account: Account, path: str, document: Mapping[str, Any], key: str) -> dict[str, Any]:
    headers = {"authorization": _token(account), "paypal-request-id": key, "prefer": "return=representation"}
    return account.net.ask(Call("POST", _base(account) + path, headers, json=document))


def _token(account: Account) -> str:
    """An access token, kept until shortly before it ends."""
    client, now = account.get("client_id"), clock.now().timestamp()
    name = f"paypal-token:{_base(account)}:{client}:{hash(account.get('client_secret'))}"
    kept = account.net.kept(name, now)
    if kept is None:
        headers = {"authorization": basic(client, account.get("client_secret"))}
        url = f"{_base(account)}/v1/oauth2/token"
        told = account.net.ask(Call("POST", url, headers, form={"grant_type": "client_credentials"}))
        token = told.get("access_token")
        if not isinstance(token, str) or not token.isascii() or not token.isprintable():
            raise reading.Unreadable(reason="no-token")
        kept = token.encode()
        account.net.keep(name, kept, now + max(0, reading.integer(told, "expires_in") - 120))
    return f"Bearer {kept.decode()}"


def pay_link(account: Account, wanted: LinkWanted) -> Link:
    """An order that the buyer approves at PayPal; the message about it makes us capture."""
    unit = {
        "custom_id": wanted.reference,
        "description": wanted.description[:127],
        "amount": _value(wanted.amount_minor, wanted.currency),
    }
    context = {"return_url": wanted.return_url, "cancel_url": wanted.return_url, "shipping_preference": "NO_SHIPPING"}
    source = {"paypal": {"experience_context": {**context, "user_action": "PAY_NOW"}}}
    document = {"intent": "CAPTURE", "purchase_units": [unit], "payment_source": source}
    told = _post(account, "/v2/checkout/orders", document, wanted.key)
    links = [link for link in reading.parts(told, "links") if reading.text(link, "rel") in ("payer-action", "approve")]
    if not links:
        raise reading.Unreadable(reason="no-link")
    return Link(reading.url(links[0], "href"), reading.identifier(told, "id"))


def _value(amount_minor: int, unit: str) -> dict[str, str]:
    return {"currency_code": unit, "value": reading.decimal(amount_minor, unit)}


def refund(account: Account, wanted: RefundWanted) -> Asked:
    """Give back part of a capture, or all of it."""
    document = {"amount": _value(wanted.amount_minor, wanted.currency)}
    return _asked(_post(account, f"/v2/payments/captures/{_safe(wanted.capture)}/refund", document, wanted.key))


def submit_evidence(account: Account, wanted: Evidence) -> Asked:
    """`provide-evidence`, only while PayPal offers it. A text's name is the type of evidence (PROOF_OF_FULFILLMENT, …).

    The value is notes, or a JSON object of PayPal's `evidence_info`. PayPal keeps no drafts: without `submit` nothing is sent.
    """
    path = f"/v1/customer/disputes/{_safe(wanted.dispute)}"
    offers = {reading.text(link, "rel") for link in reading.parts(_get(account, path), "links")}
    if not wanted.submit or "provide_evidence" not in {name.replace("-", "_") for name in offers}:
        return Asked(wanted.dispute, "not-offered" if wanted.submit else "not-sent")
    evidences = [{"evidence_type": name, **_evidence(value)} for name, value in wanted.texts.items()]
    files = tuple((f"file{n}", each.name, each.media_type, each.content) for n, each in enumerate(wanted.files))
    document = json.dumps({"evidences": evidences}).encode()
    headers = {"authorization": _token(account), "paypal-request-id": wanted.key}
    parts = (("input", "", "application/json", document), *files)
    account.net.ask(Call("POST", f"{_base(account)}{path}/provide-evidence", headers, files=parts, timeout_s=60.0))
    return Asked(wanted.dispute, "sent")


def _evidence(value: str) -> dict[str, Any]:
    try:
        read = json.loads(value)
    except ValueError:
        read = None
    return {"evidence_info": read} if isinstance(read, dict) else {"notes": value}


def accept_dispute(account: Account, dispute: str, key: str) -> Asked:
    """Give the buyer his money; this cannot be undone."""
    path = f"/v1/customer/disputes/{_safe(dispute)}/accept-claim"
    _post(account, path, {"note": "The claim is accepted."}, key)
    return Asked(dispute, "accepted")


def _asked(told: Mapping[str, Any]) -> Asked:
    return Asked(reading.identifier(told, "id"), reading.text(told, "status"))


def try_key(account: Account) -> None:
    """A token, asked for anew unless one was kept."""
    _token(account)


provider = Provider(
    name="paypal",
    settings=(
        Setting("webhook_id", "Id of the webhook, as PayPal's developer pages show it", r"\w{8,60}", secret=False),
        Setting("client_id", "Client id of the app", r"[\w-]{10,200}", secret=False),
        Setting("client_secret", "Secret of the app", r"[\w-]{10,200}"),
    ),
    verify=verify,
    read=read,
    check=try_key,
    pay_link=pay_link,
    refund=refund,
    submit_evidence=submit_evidence,
    accept_dispute=accept_dispute,
)
