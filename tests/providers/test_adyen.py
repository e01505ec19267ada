"""Adyen: every item is proven by itself, money follows from what is signed, the rest only explains."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta

import pytest

from gateway.core.inbox import Proof
from gateway.core.signing import BadSignature
from gateway.payments import adyen
from gateway.payments.calls import basic
from gateway.payments.fold import DisputeState, PaymentState, fold
from gateway.payments.providers import (
    ChargeWanted,
    Evidence,
    File,
    LinkWanted,
    RefundWanted,
    SettingMissing,
    WrongAccount,
    WrongMode,
)
from gateway.payments.reading import Unreadable
from tests.provider_messages import NOW, a_message, an_account, check_golden, fixture_json, fixture_names

KEY = "0123456789abcdef" * 4
VENDOR_KEY = "74F490DD33F7327BAECC88B2947C011FC02D014A473AAA33A8EC93E4DC069174"
SETTINGS = {"hmac_key": KEY, "merchant_account": "YOUR_MERCHANT_ACCOUNT"}


def account(*, live=True, answers=(), **settings):
    return an_account(SETTINGS | settings, live=live, answers=answers)


def an_item(code="AUTHORISATION", psp="PSP1", **overrides):
    return {
        "amount": {"currency": "EUR", "value": 1000},
        "eventCode": code,
        "eventDate": "2026-11-20T01:00:00+01:00",
        "merchantAccountCode": "YOUR_MERCHANT_ACCOUNT",
        "merchantReference": "1001",
        "originalReference": "" if code == "AUTHORISATION" else "PSP1",
        "paymentMethod": "visa",
        "pspReference": psp,
        "success": "true",
    } | overrides


def sign(item, key=KEY):
    mac = hmac.new(bytes.fromhex(key), adyen.signed_content(item).encode(), hashlib.sha256).digest()
    extra = item.get("additionalData", {}) | {"hmacSignature": base64.b64encode(mac).decode()}
    return item | {"additionalData": extra}


def batch(*items, live="true"):
    return a_message({"live": live, "notificationItems": [{"NotificationRequestItem": item} for item in items]})


def facts_of(*items, **settings):
    return adyen.read(account(**settings), batch(*items))


@pytest.mark.parametrize("name", fixture_names("adyen/util"))
def test_adyens_own_signed_examples_verify(name):
    """With slashes, backslashes and colons in the merchant's reference; one changed signed field and they do not."""
    item = fixture_json(f"adyen/util/{name}")
    vendor = account(hmac_key=f"{KEY} {VENDOR_KEY}")
    assert adyen.verify(vendor, batch(item)).proof is Proof.PARTLY
    for change in ({"success": "false"}, {"pspReference": "X"}, {"amount": {"currency": "EUR", "value": 1001}}):
        with pytest.raises(BadSignature):
            adyen.verify(vendor, batch(item | change))
    check_golden("adyen", name, adyen.item_facts(account(merchant_account="AntoniStroinski"), item, NOW))


def test_a_forged_second_item_spoils_the_batch():
    """Adyen's own library looks at the first one only."""
    good = sign(an_item())
    assert adyen.verify(account(), batch(good, sign(an_item("CAPTURE", "PSP2")))).proof is Proof.PARTLY
    for forged in (
        an_item("CAPTURE", "PSP2"),
        sign(an_item("CAPTURE", "PSP2"), "ff" * 32),
        sign(an_item("CAPTURE", "PSP2")) | {"amount": {"currency": "EUR", "value": 999_900}},
        good | {"pspReference": "PSP3"},
        {},
    ):
        with pytest.raises(BadSignature):
            adyen.verify(account(), batch(good, forged))


@pytest.mark.parametrize(
    "item",
    [
        sign(an_item()) | {"additionalData": {}},
        sign(an_item()) | {"additionalData": {"hmacSignature": "é\u2028"}},
        sign(an_item()) | {"additionalData": "x"},
        sign(an_item()) | {"success": True},
        sign(an_item()) | {"amount": {"currency": "EUR", "value": "1000"}},
    ],
)
def test_an_item_without_its_signature_is_refused(item):
    """Missing, odd, or over something else."""
    with pytest.raises(BadSignature):
        adyen.verify(account(), batch(item))


@pytest.mark.parametrize("body", [b"\xff", b"[]", b'{"notificationItems": [1]}', b'{"notificationItems": 7'])
def test_nonsense_is_named(body):
    """Invalid UTF-8 among it."""
    with pytest.raises(Unreadable):
        adyen.verify(account(), a_message(body))


def test_a_batch_without_items_proves_nothing():
    """And more items than anybody sends are refused."""
    with pytest.raises(BadSignature):
        adyen.verify(account(), batch())
    with pytest.raises(Unreadable):
        adyen.verify(account(), batch(*[sign(an_item())] * 251))


def test_no_field_slides_over_a_colon():
    """Nothing is escaped: what signs `a:b` and `c` signs `a` and `b:c`."""
    item = sign(an_item(merchantReference="x:y"))
    assert adyen.verify(account(), batch(item))
    slid = item | {"merchantAccountCode": "YOUR_MERCHANT_ACCOUNT:x", "merchantReference": "y"}
    assert adyen.signed_content(slid) == adyen.signed_content(item)
    with pytest.raises(BadSignature):
        adyen.verify(account(), batch(slid))


def test_basic_auth_is_asked_for_where_it_was_set_up():
    """Besides the signatures, not instead of them."""
    guarded = account(basic_auth="ada:secret")
    message = batch(sign(an_item()))
    for header in (None, "Basic é", basic("ada", "other")):
        with pytest.raises(BadSignature):
            adyen.verify(guarded, a_message(message.body, {"Authorization": header} if header else {}))
    assert adyen.verify(guarded, a_message(message.body, {"Authorization": basic("ada", "secret")}))


def test_unsigned_fields_keep_no_genuine_message_out():
    """Another body under the same signature is another message; what it says of money counts once."""
    item = sign(an_item())
    one, two = (adyen.verify(account(), batch(item | {"reason": reason})) for reason in ("a", "b"))
    assert one.event_id != two.event_id
    assert fold([*facts_of(item), *facts_of(item | {"reason": "b"})]).captured_minor == 1000


def test_another_merchant_account_or_mode_is_not_read():
    """One key may serve several accounts of a company."""
    with pytest.raises(WrongAccount):
        facts_of(an_item(merchantAccountCode="OTHER"))
    with pytest.raises(WrongMode):
        adyen.read(account(), batch(an_item(), live="false"))


def test_immediate_capture_makes_an_authorisation_the_payment():
    """With manual capture the captures are; one that fails later never was one."""
    assert fold(facts_of(an_item())).state is PaymentState.PAID
    manual = facts_of(an_item(), an_item("CAPTURE", "CAP1", amount={"currency": "EUR", "value": 600}), capture="manual")
    assert (fold(manual).state, fold(manual).captured_minor) == (PaymentState.PAID, 600)
    assert fold(facts_of(an_item(), capture="manual")).state is PaymentState.AUTHORISED
    gone = facts_of(an_item("CAPTURE_FAILED", "CAP1"), capture="manual")
    assert (fold([*gone, *manual]).state, fold([*gone, *manual]).captured_minor) == (PaymentState.FAILED, 0)
    assert fold(facts_of(an_item("CAPTURE_FAILED", "CAP1"), an_item())).captured_minor == 0
    assert fold(facts_of(an_item(success="false", reason="Refused"))).failure.reason == "Refused"


def test_a_refund_that_failed_is_the_merchants_again():
    """Whatever came first."""
    told = facts_of(an_item("REFUND_FAILED", "REF1"), an_item("REFUND", "REF1"), an_item("REFUND", "REF2"))
    assert fold([*facts_of(an_item()), *told]).refunded_minor == 1000
    assert facts_of(an_item("REFUND", "REF1", success="false")) == []


DISPUTE = (
    "NOTIFICATION_OF_CHARGEBACK",
    "CHARGEBACK",
    "INFORMATION_SUPPLIED",
    "CHARGEBACK_REVERSED",
    "SECOND_CHARGEBACK",
)


@pytest.mark.parametrize("count", range(1, 6))
def test_a_dispute_stands_where_its_highest_event_put_it(count):
    """Won is not for good: a second chargeback loses it. Dates do not matter, they are not signed."""
    states = [DisputeState.OPEN] * 3 + [DisputeState.WON, DisputeState.LOST]
    dates = [f"20{99 - number}-01-01T00:00:00Z" for number in range(5)]
    items = [an_item(code, "DSP1", eventDate=date) for code, date in zip(DISPUTE, dates, strict=True)][:count]
    assert fold(facts_of(*reversed(items))).disputes["DSP1"].state is states[count - 1]


def test_an_unproven_deadline_never_makes_us_late():
    """A later one, which nobody signed, does not move it; an earlier one does."""
    due = lambda at: an_item("CHARGEBACK", "DSP1", additionalData={"defensePeriodEndsAt": at})  # noqa: E731
    first, later, earlier = (due(f"2026-12-{day}T03:00:00+02:00") for day in ("10", "31", "08"))
    told = [*facts_of(first), *facts_of(later)]
    assert fold(told).disputes["DSP1"].due_at == datetime(2026, 12, 10, 1, tzinfo=UTC)
    assert fold([*told, *facts_of(earlier)]).disputes["DSP1"].due_at == datetime(2026, 12, 8, 1, tzinfo=UTC)


def test_a_date_of_tomorrow_is_taken_for_now():
    """Nobody signs when it happened."""
    assert facts_of(an_item(eventDate=(NOW + timedelta(days=9)).isoformat()))[0].occurred_at == NOW


def test_a_returned_direct_debit_is_no_dispute():
    """The code stands at the head of the reason; what is only announced takes nothing."""
    debit = {"paymentMethod": "sepadirectdebit", "reason": "AM04:InsufficientFunds"}
    told = facts_of(
        an_item(**debit), an_item("NOTIFICATION_OF_CHARGEBACK", "D1", **debit), an_item("CHARGEBACK", "D1", **debit)
    )
    folded = fold(told)
    assert (folded.state, folded.disputes, folded.returns["D1"].code) == (PaymentState.RETURNED, {}, "AM04")
    back = facts_of(an_item("CHARGEBACK_REVERSED", "D1", **debit))
    assert fold([*told, *back]).state is PaymentState.PAID


def test_currencies_whose_units_differ_are_brought_to_iso():
    """Adyen writes Chilean pesos with two digits and rupiah with none."""
    minor = [
        facts_of(an_item(amount={"currency": unit, "value": 1000}))[0].amount_minor for unit in ("CLP", "IDR", "EUR")
    ]
    assert minor == [10, 100_000, 1000]


@pytest.mark.parametrize("name", fixture_names("adyen/webhook-examples"))
def test_adyens_examples_become_our_facts(name):
    """One for each event code; those about other things say nothing about money."""
    document = fixture_json(f"adyen/webhook-examples/{name}")
    live = document.get("live") == "true"
    facts = adyen.read(account(live=live), a_message(document))
    check_golden("adyen", name, facts)


def test_every_event_code_has_its_rank():
    """As Adyen's disputes run; no two of different meaning share one."""
    ranks = {}
    for code, meaning in adyen.MEANINGS.items():
        assert ranks.setdefault(meaning.rank, meaning.fact) is meaning.fact, code
        assert (meaning.rank >= adyen.DISPUTES) is bool(meaning.stage)


def test_what_we_ask_of_adyen_carries_our_key_and_reference():
    """Link, refund, a stored card, and the defence of a dispute with the documents that Adyen asks for."""
    succeeded = (200, fixture_json("adyen/disputes/post-acceptDispute-accept-dispute-200.json"))
    reasons = fixture_json("adyen/disputes/post-retrieveApplicableDefenseReasons-retrieve-defense-reasons-200.json")
    service = "/ca/services/DisputeService/v30"
    answers = {
        ("POST", "/v71/paymentLinks"): (201, {"id": "PL1", "url": "https://test.adyen.link/PL1"}),
        ("POST", "/v71/payments/PSP1/refunds"): (201, {"pspReference": "REF1", "status": "received"}),
        ("POST", "/v71/payments"): (200, {"pspReference": "PSP2", "resultCode": "Authorised"}),
        ("POST", f"{service}/retrieveApplicableDefenseReasons"): (200, reasons),
        ("POST", f"{service}/supplyDefenseDocument"): succeeded,
        ("POST", f"{service}/defendDispute"): succeeded,
        ("POST", f"{service}/acceptDispute"): (200, {"disputeServiceResult": {"success": False, "errorMessage": "No"}}),
    }
    mine = account(live=False, answers=answers, api_key="only_for_tests")
    assert adyen.pay_link(mine, LinkWanted("k1", "clm_1", 500, "EUR", "Claim", "https://kulanz.test/p"))
    adyen.refund(mine, RefundWanted("k2", "PSP1", "PSP1", 500, "CLP"))
    assert mine.net.asked[-1].json["amount"] == {"value": 50_000, "currency": "CLP"}
    assert adyen.charge(mine, ChargeWanted("k3", "clm_1", "ada", "M5", 500, "EUR", "Claim")).status == "Authorised"
    assert len(adyen.defence_reasons(mine, "DSP1")) == 4
    file = File("GoodsWereAsDescribed", "a.pdf", "application/pdf", b"%PDF")
    proof = Evidence("k4", "DSP1", {"defenseReasonCode": "GoodsWereAsDescribed"}, (file,), submit=True)
    assert adyen.submit_evidence(mine, proof).status == "defended"
    assert json.loads(json.dumps(mine.net.asked[-1].json))["merchantAccountCode"] == "YOUR_MERCHANT_ACCOUNT"
    with pytest.raises(adyen.DisputeServiceRefused):
        adyen.accept_dispute(mine, "DSP1", "k5")
    with pytest.raises(SettingMissing):
        adyen.pay_link(account(api_key="x"), LinkWanted("k1", "clm_1", 500, "EUR", "Claim", "https://kulanz.test/p"))
