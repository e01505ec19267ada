"""Adyen: standard webhooks in batches, each item proven by itself, and of each item eight fields only.

Money follows from the eight signed fields alone; what else stands in an item (reason, deadline, dates) is told as unproven.
Disputes run by the rank of their events, since Adyen's dates are not signed.
https://docs.adyen.com/development-resources/webhooks/secure-webhooks/verify-hmac-signatures
"""

import base64
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from gateway.core.errors import Refused
from gateway.core.inbox import Proof
from gateway.core.signing import BadSignature
from gateway.payments import reading
from gateway.payments.calls import Call, basic
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
    by_rank,
)
from gateway.payments.proof import base64_of, matches, once, unhex
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
    WrongAccount,
    WrongMode,
)
from gateway.payments.return_codes import CODE


class DisputeServiceRefused(Refused):
    """Adyen's service for disputes did not carry out the request."""


DIGITS: Mapping[str, int] = MappingProxyType({"CLP": 2, "CVE": 0, "IDR": 0, "ISK": 2})
"""Where Adyen's minor units are not those of ISO 4217: https://docs.adyen.com/development-resources/currency-codes/"""
DEBITS = ("sepadirectdebit", "directdebit", "ach")
"""Beginnings of methods whose chargeback is a return: there is no defence."""
CHECKOUT = "v71"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What an event code makes of an item, and its rank among all events of one payment."""

    fact: type[Fact]
    rank: int
    stage: str = ""
    failed: type[Fact] | None = None
    """What it is when `success` is false; None: nothing happened."""


MEANINGS: Mapping[str, Meaning] = MappingProxyType(
    {
        "AUTHORISATION": Meaning(Authorised, 10, failed=Failed),
        "CANCELLATION": Meaning(Cancelled, 14),
        "TECHNICAL_CANCEL": Meaning(Cancelled, 14),
        "EXPIRE": Meaning(Cancelled, 14),
        "CAPTURE": Meaning(Captured, 20),
        "CAPTURE_FAILED": Meaning(Failed, 24),
        "REFUND": Meaning(Refunded, 30),
        "REFUND_WITH_DATA": Meaning(Refunded, 30),
        "REFUND_FAILED": Meaning(RefundFailed, 34),
        "REFUNDED_REVERSED": Meaning(RefundFailed, 34),
        "NOTIFICATION_OF_FRAUD": Meaning(FraudWarned, 40),
        "REQUEST_FOR_INFORMATION": Meaning(DisputeOpened, 50, "inquiry"),
        "NOTIFICATION_OF_CHARGEBACK": Meaning(DisputeOpened, 52, "chargeback"),
        "CHARGEBACK": Meaning(DisputeUpdated, 54, "chargeback"),
        "ISSUER_COMMENTS": Meaning(DisputeUpdated, 55, "chargeback"),
        "INFORMATION_SUPPLIED": Meaning(DisputeUpdated, 56, "chargeback"),
        "DISPUTE_DEFENSE_PERIOD_ENDED": Meaning(DisputeLost, 58, "chargeback"),
        "CHARGEBACK_REVERSED": Meaning(DisputeWon, 60, "chargeback"),
        "ISSUER_RESPONSE_TIMEFRAME_EXPIRED": Meaning(DisputeWon, 62, "chargeback"),
        "SECOND_CHARGEBACK": Meaning(DisputeLost, 64, "chargeback"),
        "PREARBITRATION_OPEN": Meaning(DisputeUpdated, 70, "pre_arbitration"),
        "PREARBITRATION_DECLINED": Meaning(DisputeUpdated, 72, "pre_arbitration"),
        "PREARBITRATION_ACCEPTED": Meaning(DisputeLost, 74, "pre_arbitration"),
        "PREARBITRATION_LOST": Meaning(DisputeLost, 74, "pre_arbitration"),
        "PREARBITRATION_WON": Meaning(DisputeWon, 75, "pre_arbitration"),
        "PREARBITRATION_ISSUER_WITHDRAWN": Meaning(DisputeWon, 75, "pre_arbitration"),
        "SCHEME_ARBITRATION": Meaning(DisputeUpdated, 80, "arbitration"),
        "SCHEME_ARBITRATION_WON": Meaning(DisputeWon, 85, "arbitration"),
        "SCHEME_ARBITRATION_LOST": Meaning(DisputeLost, 84, "arbitration"),
    }
)
"""Everything else says nothing about money received. `success` of a dispute event says nothing about winning."""


def verify(account: Account, message: Message) -> Claim:
    """Every item must be signed; one that is not spoils the batch, since a stranger may have added it."""
    if expected := account.settings.get("basic_auth", ""):
        offered = message.headers.get("authorization", "")
        user, _, password = expected.partition(":")
        if not hmac.compare_digest(basic(user, password).encode(), offered.encode("utf-8", "surrogatepass")):
            raise BadSignature(reason="no-match")
    items = _items(reading.document(message.body))
    if not items:
        raise BadSignature(reason="nothing-signed")
    keys = [key for text in account.each("hmac_key") if (key := unhex(text))]
    for item in items:
        _check(item, keys)
    return Claim(Proof.PARTLY, once("|".join(sorted(_key(item) for item in items)), message.body))


def _check(item: Mapping[str, Any], keys: list[bytes]) -> None:
    offered = reading.text(item, "additionalData", "hmacSignature")
    if any(":" in _text(item, name) for name in ("pspReference", "originalReference", "merchantAccountCode")):
        raise BadSignature(reason="ambiguous")  # what signs one item would sign another one too
    if any(":" in text for text in (_text(item, "eventCode"), _text(item, "success"), _unit(item))):
        raise BadSignature(reason="ambiguous")
    content = signed_content(item).encode()
    if not offered or not matches([base64_of(key, content) for key in keys], [offered]):
        raise BadSignature(reason="no-match")


def signed_content(item: Mapping[str, Any]) -> str:
    """Eight fields with colons between, nothing escaped; `success` counts as the text that it is."""
    names = ("pspReference", "originalReference", "merchantAccountCode", "merchantReference")
    value = reading.part(item, "amount").get("value")
    parts = [
        *(_text(item, name) for name in names),
        str(value) if type(value) is int else "",
        _unit(item),
        *(_text(item, name) for name in ("eventCode", "success")),
    ]
    return ":".join(parts)


def _unit(item: Mapping[str, Any]) -> str:
    return _text(reading.part(item, "amount"), "currency")


def _text(of: Mapping[str, Any], name: str) -> str:
    """As it was written, neither stripped nor cut off: it is signed."""
    found = of.get(name)
    return found if isinstance(found, str) else ""


def _items(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    listed = reading.parts(document, "notificationItems")
    return [reading.part(each, "NotificationRequestItem") for each in listed]


def _key(item: Mapping[str, Any]) -> str:
    names = ("merchantAccountCode", "pspReference", "eventCode", "success")
    return ":".join(_text(item, name) for name in names)


def read(account: Account, message: Message) -> list[Fact]:
    """The facts of all items."""
    document = reading.document(message.body)
    if reading.text(document, "live") not in ("", "true" if account.live else "false"):
        raise WrongMode
    return [fact for item in _items(document) for fact in item_facts(account, item, message.received_at)]


def item_facts(account: Account, item: Mapping[str, Any], received_at: datetime) -> list[Fact]:
    """What one item says."""
    if _text(item, "merchantAccountCode") != account.get("merchant_account"):
        raise WrongAccount
    meaning = MEANINGS.get(_text(item, "eventCode"))
    if meaning is None:
        return []
    kind = meaning.fact if _text(item, "success") == "true" else meaning.failed
    if kind is None:
        return []
    if _immediate(account) and _text(item, "eventCode") == "AUTHORISATION" and kind is Authorised:
        kind = Captured
    told = _common(account, item, meaning.rank, received_at)
    if meaning.rank >= DISPUTES:
        return _dispute(item, meaning, told)
    return [kind(**told, **_words(kind, item))]


DISPUTES = 50
"""The rank from which events are those of disputes."""


def _immediate(account: Account) -> bool:
    """With immediate capture Adyen tells an authorisation only, and it is the payment."""
    return account.settings.get("capture", "immediate") == "immediate"


def _common(account: Account, item: Mapping[str, Any], rank: int, received_at: datetime) -> dict[str, Any]:
    psp = reading.identifier(item, "pspReference")
    original = reading.text(item, "originalReference")
    unit = reading.currency(item, "amount", "currency")
    reference = reading.text(item, "merchantReference")
    of_capture = _text(item, "eventCode") in ("CAPTURE", "CAPTURE_FAILED") and _immediate(account)
    return {
        "key": _key(item),
        "payment": original or (psp if rank < MEANINGS["CAPTURE"].rank else ""),
        "item": original if of_capture and original else psp,
        "sequence": by_rank(rank),
        "occurred_at": min(reading.moment(item, "eventDate"), received_at),
        "amount_minor": reading.rescaled(reading.integer(item, "amount", "value"), unit, DIGITS.get(unit)),
        "currency": unit,
        "reference": reference if reference.startswith(OURS) else "",
        "order": "" if reference.startswith(OURS) else reference,
        "method": reading.text(item, "paymentMethod"),
    }


OURS = ("clm_", "dec_", "ord_", "pay_")
"""Beginnings of our references. They hold no colon, which Adyen's signature could not tell from its own."""


def _words(kind: type[Fact], item: Mapping[str, Any]) -> dict[str, Any]:
    """Unsigned words; they explain and decide nothing."""
    if kind in (Failed, RefundFailed):
        return {"reason": reading.text(item, "reason")}
    if kind is FraudWarned:
        return {"reason": reading.text(item, "additionalData", "nofReasonCode")}
    return {}


def _dispute(item: Mapping[str, Any], meaning: Meaning, told: dict[str, Any]) -> list[Fact]:
    extra = reading.part(item, "additionalData")
    code = reading.text(extra, "chargebackReasonCode") or reading.text(extra, "rfiReasonCode")
    if told["method"].lower().startswith(DEBITS):
        return _returned(item, meaning, told, code)
    if not issubclass(meaning.fact, Disputed):
        return []
    said = meaning.fact(**told, reason=reading.text(item, "reason"), network_code=code, stage=meaning.stage)
    if not reading.text(extra, "defensePeriodEndsAt") or reading.text(extra, "defendable") == "false":
        return [said]
    due_at = reading.moment(extra, "defensePeriodEndsAt")
    due = told | {"key": f"{told['key']}:due:{due_at.isoformat()}", "proven": False, "amount_minor": None}
    return [said, EvidenceDue(**due, due_at=due_at)]


def _returned(item: Mapping[str, Any], meaning: Meaning, told: dict[str, Any], code: str) -> list[Fact]:
    """A direct debit came back. The EPC code stands in the reason code or at the head of the reason, unsigned."""
    if meaning.fact is DisputeWon:
        return [ReturnReversed(**told)]
    if meaning.rank < MEANINGS["CHARGEBACK"].rank:
        return []  # announced, not yet taken
    reason = reading.text(item, "reason")
    found = CODE.match(code.upper()) or CODE.match(reason)
    return [Returned(**told, code=found[0] if found else "", reason=reason)]


def _checkout(account: Account) -> str:
    """Live addresses carry a prefix of the company."""
    live = ""
    if account.live:
        live = f"https://{account.get('live_prefix')}-checkout-live.adyenpayments.com/checkout"
    return account.base(live, "https://checkout-test.adyen.com") + f"/{CHECKOUT}"


def _disputes(account: Account) -> str:
    host = account.base("https://ca-live.adyen.com", "https://ca-test.adyen.com")
    return f"{host}/ca/services/DisputeService/v30"


def _post(account: Account, url: str, document: Mapping[str, Any], key: str) -> dict[str, Any]:
    headers = {"x-api-key": account.get("api_key"), "idempotency-key": key}
    return account.net.ask(
        Call("POST", url, headers, json={"merchantAccount": account.get("merchant_account"), **document})
    )


def _amount(amount_minor: int, unit: str) -> dict[str, Any]:
    digits = DIGITS.get(unit)
    value = amount_minor if digits is None else reading.unscaled(amount_minor, unit, digits)
    return {"value": value, "currency": unit}


def pay_link(account: Account, wanted: LinkWanted) -> Link:
    """Pay by Link."""
    document = {
        "amount": _amount(wanted.amount_minor, wanted.currency),
        "reference": wanted.reference,
        "description": wanted.description,
        "returnUrl": wanted.return_url,
        "countryCode": wanted.country,
    }
    told = _post(account, f"{_checkout(account)}/paymentLinks", document, wanted.key)
    return Link(reading.url(told, "url"), reading.identifier(told, "id"))


def refund(account: Account, wanted: RefundWanted) -> Asked:
    """Give back part of a payment, or all of it."""
    document = {"amount": _amount(wanted.amount_minor, wanted.currency), "reference": wanted.key}
    told = _post(account, f"{_checkout(account)}/payments/{wanted.payment}/refunds", document, wanted.key)
    return Asked(reading.identifier(told, "pspReference"), reading.text(told, "status"))


def charge(account: Account, wanted: ChargeWanted) -> Asked:
    """A stored method of the shopper, who is not present."""
    document = {
        "amount": _amount(wanted.amount_minor, wanted.currency),
        "reference": wanted.reference,
        "paymentMethod": {"type": "scheme", "storedPaymentMethodId": wanted.token},
        "shopperReference": wanted.customer,
        "shopperInteraction": "ContAuth",
        "recurringProcessingModel": "UnscheduledCardOnFile",
    }
    told = _post(account, f"{_checkout(account)}/payments", document, wanted.key)
    return Asked(reading.identifier(told, "pspReference"), reading.text(told, "resultCode"))


def defence_reasons(account: Account, dispute: str) -> list[dict[str, Any]]:
    """By which reasons Adyen lets this dispute be defended, and which documents each wants."""
    told = _service(account, "retrieveApplicableDefenseReasons", {"disputePspReference": dispute}, f"reasons-{dispute}")
    return reading.parts(told, "defenseReasons")


def submit_evidence(account: Account, wanted: Evidence) -> Asked:
    """Documents by Adyen's own types, then, with `submit`, the defence under the text `defenseReasonCode`."""
    named = {"disputePspReference": wanted.dispute}
    documents = [
        {
            "content": base64.b64encode(each.content).decode(),
            "contentType": each.media_type,
            "defenseDocumentTypeCode": each.purpose,
        }
        for each in wanted.files
    ]
    if documents:
        _service(account, "supplyDefenseDocument", named | {"defenseDocuments": documents}, f"{wanted.key}-documents")
    if not wanted.submit:
        return Asked(wanted.dispute, "laid-ready")
    reason = {"defenseReasonCode": wanted.texts.get("defenseReasonCode", "")}
    _service(account, "defendDispute", named | reason, wanted.key)
    return Asked(wanted.dispute, "defended")


def accept_dispute(account: Account, dispute: str, key: str) -> Asked:
    """Give up; this cannot be undone."""
    _service(account, "acceptDispute", {"disputePspReference": dispute}, key)
    return Asked(dispute, "accepted")


def _service(account: Account, verb: str, document: Mapping[str, Any], key: str) -> dict[str, Any]:
    """Raises DisputeServiceRefused when the service says that it did not succeed."""
    headers = {"x-api-key": account.get("api_key"), "idempotency-key": key}
    body = {"merchantAccountCode": account.get("merchant_account"), **document}
    told = account.net.ask(Call("POST", f"{_disputes(account)}/{verb}", headers, json=body, timeout_s=60.0))
    if reading.part(told, "disputeServiceResult").get("success") is not True:
        raise DisputeServiceRefused(reason=reading.text(told, "disputeServiceResult", "errorMessage"))
    return told


provider = Provider(
    name="adyen",
    settings=(
        Setting("hmac_key", "HMAC key of the standard webhook (hexadecimal)", r"(?:[0-9A-Fa-f]{2}){16,64}", many=True),
        Setting("merchant_account", "Code of the merchant account", r"\w[\w-]{0,79}", secret=False),
        Setting("basic_auth", "user:password of the webhook", r"[!-~]{1,80}:[!-~]{1,80}", required=False),
        Setting("capture", "immediate or manual", r"immediate|manual", secret=False, required=False),
        Setting("api_key", "API key with the roles Checkout and Disputes", r"[!-~]{10,500}", required=False),
        Setting("live_prefix", "Prefix of the live addresses", r"[\w-]{3,80}", secret=False, required=False),
    ),
    verify=verify,
    read=read,
    pay_link=pay_link,
    refund=refund,
    charge=charge,
    submit_evidence=submit_evidence,
    accept_dispute=accept_dispute,
)
