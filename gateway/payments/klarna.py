"""Klarna: signed events of disputes, as version 4 of its interface has them. Settled amounts come by the bank.

`pre-arbitration` was the start of a dispute in version 3 and is a stage of appeal in version 4, so the version stays with
every fact. The signature is hexadecimal. [third: by the code of Klarna's WooCommerce plugin; Klarna's page does not say]
"""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

from gateway.core.inbox import Proof
from gateway.core.signing import BadSignature
from gateway.payments import reading
from gateway.payments.calls import Call
from gateway.payments.facts import (
    Disputed,
    DisputeLost,
    DisputeOpened,
    DisputeUpdated,
    DisputeWon,
    EvidenceDue,
    Fact,
    FraudWarned,
    by_rank,
    by_time,
)
from gateway.payments.proof import hex_of, matches, once
from gateway.payments.providers import Account, Asked, Claim, Evidence, Message, Provider, Setting, WrongMode

LIVE, TEST = "https://api-global.klarna.com", "https://api-global.test.klarna.com"
"""[memory]"""
PREFIX = "payment.dispute."
RANKS: Mapping[str, int] = MappingProxyType(
    {"INITIATED": 10, "REPRESENTMENT": 20, "PRE_ARBITRATION": 30, "ARBITRATION": 40, "CLOSED": 50}
)
HIGH_RISK = "PURCHASE_HIGH_RISK"
"""Klarna asks to cancel the order or to stop its delivery."""


class BadKlarnaSignature(BadSignature):
    """The signature does not prove that Klarna sent this message."""

    status = 400  # as Klarna wants it


def verify(account: Account, message: Message) -> Claim:
    """HMAC of the raw body with the key that the message names; keys are `id:secret`, at most 50 of them."""
    offered = message.headers.get("klarna-signature", "")
    named = message.headers.get("klarna-signing-key-id", "")
    pairs = [pair.rpartition(":") for pair in account.each("signing_keys")]
    expected = [hex_of(secret.encode(), message.body) for id_, _, secret in pairs if id_ == named]
    if not offered or not matches(expected, [offered.strip()]):
        raise BadKlarnaSignature(reason="no-match" if offered and named else "missing-header")
    metadata = reading.part(reading.document(message.body), "metadata")
    return Claim(Proof.SIGNED, once(reading.identifier(metadata, "event_id")))


def read(account: Account, message: Message) -> list[Fact]:
    """The facts of one event; of events about other things none."""
    told = reading.document(message.body)
    metadata, of = reading.part(told, "metadata"), reading.part(told, "payload")
    kind = reading.text(metadata, "event_type")
    if not kind.startswith(PREFIX):
        return []
    if metadata.get("live") is not account.live:
        raise WrongMode
    event = _common(metadata, of)
    if kind == f"{PREFIX}updated.representment-deadline-extended":
        due_at = reading.moment(of, "updated_fields", "evidence_response_deadline_at")
        return [_due(event, reading.moment(metadata, "occurred_at"), due_at)]
    if not kind.startswith(f"{PREFIX}state-change."):
        return []
    return _moved(event, metadata, of)


def _moved(event: dict[str, Any], metadata: Mapping[str, Any], of: Mapping[str, Any]) -> list[Fact]:
    state, reason = reading.text(of, "state"), reading.text(of, "dispute_reason")
    if state not in RANKS:
        raise reading.Unreadable(reason="unknown-state")
    at = reading.moment(metadata, "occurred_at")
    detailed = reading.text(of, "dispute_outcome_detailed")
    told = event | _money(of) | {"sequence": by_rank(RANKS[state], at)}
    said = _kind(state, reading.text(of, "dispute_outcome"))(
        **told, reason=reason or detailed, stage=state.lower(), version=reading.text(metadata, "event_version")
    )
    facts: list[Fact] = [said]
    if reading.text(of, "representment", "expires_at"):
        facts.append(_due(event, at, reading.moment(of, "representment", "expires_at")))
    if reason == HIGH_RISK:
        facts.append(FraudWarned(**told | {"key": f"{event['key']}:warning"}, reason=reason))
    return facts


def _kind(state: str, outcome: str) -> type[Disputed]:
    if state == "INITIATED":
        return DisputeOpened
    if state != "CLOSED":
        return DisputeUpdated
    if outcome not in ("WON", "LOST"):
        raise reading.Unreadable(reason="unknown-outcome")
    return DisputeWon if outcome == "WON" else DisputeLost


def _common(metadata: Mapping[str, Any], of: Mapping[str, Any]) -> dict[str, Any]:
    at = reading.moment(metadata, "occurred_at")
    reference = reading.text(of, "payment_transaction_reference")
    return {
        "key": reading.identifier(metadata, "event_id"),
        "payment": reading.identifier(of, "payment_transaction_id"),
        "item": reading.identifier(of, "payment_dispute_id"),
        "sequence": by_time(at),
        "occurred_at": at,
        "order": reading.text(of, "merchant_reference1") or reference,
        "method": "klarna",
    }


def _money(of: Mapping[str, Any]) -> dict[str, Any]:
    """Only the first event of a dispute tells its amount."""
    details = reading.part(of, "dispute_details")
    if "dispute_amount" not in details:
        return {}
    return {
        "amount_minor": reading.integer(details, "dispute_amount"),
        "currency": reading.currency(details, "currency"),
    }


def _due(event: dict[str, Any], at: datetime, due_at: datetime) -> Fact:
    return EvidenceDue(**event | {"key": f"{event['key']}:due", "sequence": by_time(at)}, due_at=due_at)


def _ask(account: Account, call: Call) -> dict[str, Any]:
    headers = {"authorization": f"Basic {account.get('api_key')}", **call.headers}
    url = account.base(LIVE, TEST) + call.url
    return account.net.ask(Call(call.method, url, headers, call.json, call.form, call.files, call.timeout_s))


def _path(dispute: str) -> str:
    return f"/v4/payment/disputes/{quote(dispute, safe=':')}"


def submit_evidence(account: Account, wanted: Evidence) -> Asked:
    """One text, `additional_information`, of at most 2,000 characters, and attachments. Klarna keeps no drafts of the answer."""
    if not wanted.submit:
        return Asked(wanted.dispute, "not-sent")
    attachments = []
    for number, each in enumerate(wanted.files):
        file = ("file", each.name, each.media_type, each.content)
        call = Call("POST", f"{_path(wanted.dispute)}/attachments", _key(f"{wanted.key}-{number}"), files=(file,))
        told = _ask(account, call)
        attachments.append({"payment_dispute_attachment_id": reading.identifier(told, "payment_dispute_attachment_id")})
    text = wanted.texts.get("additional_information", "")[:2000]
    document = {"additional_information": text, "attachments": attachments}
    _ask(account, Call("POST", f"{_path(wanted.dispute)}/represent", _key(wanted.key), json=document))
    return Asked(wanted.dispute, "sent")


def accept_dispute(account: Account, dispute: str, key: str) -> Asked:
    """Give up; this cannot be undone."""
    _ask(account, Call("POST", f"{_path(dispute)}/accept-loss", _key(key), json={}))
    return Asked(dispute, "accepted")


def _key(key: str) -> dict[str, str]:
    return {"klarna-idempotency-key": key}


provider = Provider(
    name="klarna",
    settings=(
        Setting("signing_keys", "Signing keys as id:secret", r"[\w:.-]{1,200}:\S{8,250}", many=True),
        Setting("api_key", "API key for disputes, as it stands behind Basic", r"[!-~]{8,500}", required=False),
    ),
    verify=verify,
    read=read,
    submit_evidence=submit_evidence,
    accept_dispute=accept_dispute,
)
