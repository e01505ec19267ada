"""GoCardless: batches signed as a whole; amounts are fetched, for events carry none."""

import hashlib
import hmac
import json
from itertools import permutations

import pytest

from gateway.core.inbox import Proof
from gateway.payments import gocardless
from gateway.payments.calls import ProviderRefused
from gateway.payments.fold import PaymentState, fold
from gateway.payments.providers import ChargeWanted, LinkWanted, RefundWanted, WrongMode
from gateway.payments.reading import Unreadable
from tests.provider_messages import a_message, an_account, check_golden, fixture, fixture_json

SETTINGS = {"webhook_secret": "ED7D658C-D8EB-4941-948B-3973214F2D49", "access_token": "sandbox_only_for_tests"}
VENDOR = "2693754819d3e32d7e8fcb13c729631f316c6de8dc1cf634d6527f1c07276e7e"
"""The signature that GoCardless' own tests expect for their body and the secret above."""
PAYMENT = {"id": "PM123", "amount": 1000, "currency": "EUR", "scheme": "sepa_core", "metadata": {"order_id": "7"}}


def account(answers=(), **settings):
    known = {("GET", "/payments/PM123"): (200, {"payments": PAYMENT})}
    return an_account(SETTINGS | settings, live=False, answers={**known, **dict(answers)})


def signed(body, secret=SETTINGS["webhook_secret"]):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return a_message(raw, {"Webhook-Signature": hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()})


def an_event(action, number=1, *, what="payments", of="PM123", **details):
    return {
        "id": f"EV{number}",
        "created_at": f"2026-11-0{number}T09:00:00.000Z",
        "resource_type": what,
        "action": action,
        "links": {what.removesuffix("s"): of},
        "details": {"scheme": "sepa_core"} | details,
    }


def read(*events, answers=()):
    return gocardless.read(account(answers), a_message({"events": list(events)}))


def test_gocardless_own_example_verifies():
    """Its file ends with a line break that is not signed; one flipped bit and it fails."""
    body = fixture("gocardless/webhook_body.json").strip()
    claim = gocardless.verify(account(), a_message(body, {"Webhook-Signature": VENDOR}))
    assert (claim.proof, claim.event_id) == (Proof.SIGNED, "EV00BD05S5VM2T|EV00BD05TB8K63")
    for bad in (
        a_message(body + b"\n", {"Webhook-Signature": VENDOR}),
        a_message(body.replace(b"MD000AMA19XGEC", b"MD000AMA19XGED"), {"Webhook-Signature": VENDOR}),
    ):
        with pytest.raises(gocardless.BadWebhookSignature):
            gocardless.verify(account(), bad)
    assert gocardless.read(account(), a_message(body)) == []


@pytest.mark.parametrize("header", [None, "", "é", "\udcff", VENDOR, VENDOR.upper() * 9])
def test_a_missing_or_odd_header_is_refused_as_gocardless_wants_it(header):
    """498, never an error of ours."""
    headers = {} if header is None else {"Webhook-Signature": header}
    with pytest.raises(gocardless.BadWebhookSignature) as refused:
        gocardless.verify(account(), a_message({"events": []}, headers))
    assert refused.value.status == 498


@pytest.mark.parametrize("body", [b"\xff", b"[]", b'{"events": []}', b'{"events": [{"id": 1}]}'])
def test_signed_nonsense_is_named(body):
    """Invalid UTF-8 among it."""
    with pytest.raises(Unreadable):
        gocardless.verify(account(), signed(body))


def test_a_batch_of_250_events_is_read_and_a_larger_one_is_refused():
    """The payment of many events is fetched once."""
    events = [an_event("confirmed") | {"id": f"EV{number}"} for number in range(250)]
    asking = account()
    assert gocardless.verify(asking, signed({"events": events})).event_id.startswith("sha256:")
    assert len(gocardless.read(asking, a_message({"events": events}))) == 250
    assert len(asking.net.asked) == 1
    with pytest.raises(Unreadable):
        gocardless.verify(account(), signed({"events": [*events, an_event("failed")]}))


def test_a_payment_that_was_confirmed_can_still_fail():
    """In whatever order the two come; the code is the bank's."""
    told = read(
        an_event("confirmed"), an_event("failed", 2, cause="insufficient_funds", reason_code="AM04", origin="bank")
    )
    for facts in permutations(told):
        folded = fold(facts)
        assert (folded.state, folded.captured_minor, folded.failure.code) == (PaymentState.FAILED, 0, "AM04")


def test_a_charged_back_payment_that_is_not_any_more_is_paid():
    """Three events in any order."""
    told = read(
        an_event("paid_out"),
        an_event("charged_back", 2, cause="refund_requested", reason_code="MD06"),
        an_event("chargeback_cancelled", 3),
    )
    assert (fold(told[:2]).state, fold(told[:2]).returns["PM123:chargeback"].code) == (PaymentState.RETURNED, "MD06")
    assert {fold(facts).state for facts in permutations(told)} == {PaymentState.PAID}


def test_codes_of_other_schemes_are_no_epc_codes():
    """Bacs has codes of its own."""
    fact = read(an_event("failed", scheme="bacs", reason_code="ARUDD-1", cause="refer_to_payer"))[0]
    assert (fact.code, fact.reason) == ("", "refer_to_payer")


def test_a_refund_belongs_to_its_payment():
    """And comes back when the bank returns it."""
    refund = fixture_json("gocardless/refunds.json")["list"]["body"]["refunds"][0]
    answers = {("GET", "/refunds/RF123"): (200, {"refunds": refund})}
    told = read(
        an_event("created", what="refunds", of="RF123"),
        an_event("bounced", 2, what="refunds", of="RF123"),
        answers=answers,
    )
    check_golden("gocardless", "refund", told)
    assert (fold(told[:1]).refunded_minor, fold(told).refunded_minor) == (150, 0)


@pytest.mark.parametrize("action", sorted(gocardless.PAYMENTS))
def test_gocardless_own_payment_becomes_our_facts(action):
    """With the details of GoCardless' own example of an event."""
    payment = fixture_json("gocardless/payments.json")["get"]["body"]["payments"]
    event = fixture_json("gocardless/events.json")["list"]["body"]["events"][0]
    told = event | {"resource_type": "payments", "action": action}
    answers = {("GET", "/payments/PM123"): (200, {"payments": payment})}
    check_golden("gocardless", action, gocardless.read(account(answers), a_message({"events": [told]})))


@pytest.mark.parametrize("name", ["events", "mandates", "payouts"])
def test_events_of_other_things_say_nothing_about_money(name):
    """Every example, under every name of a resource that is not a payment or refund."""
    event = fixture_json("gocardless/events.json")["list"]["body"]["events"][0]
    fixture_json(f"gocardless/{name}.json")
    assert read(event | {"resource_type": name}) == []


def test_an_id_that_would_lead_elsewhere_is_not_followed():
    """Signed or not."""
    with pytest.raises(Unreadable):
        read(an_event("confirmed", of="../creditors"))


def test_a_live_shop_asks_with_no_sandbox_token():
    """And the other way round."""
    with pytest.raises(WrongMode):
        gocardless.read(an_account(SETTINGS), a_message({"events": [an_event("confirmed")]}))


def test_what_we_ask_of_gocardless_carries_our_key_and_reference():
    """The same key again is answered with the payment that it made; a fault of ours stays one."""
    conflict = fixture_json("gocardless/idempotent_creation_conflict_error.json")
    fault = fixture_json("gocardless/validation_failed_error.json")
    flow = {"billing_request_flows": {"authorisation_url": "https://pay-sandbox.gocardless.com/flow/1"}}
    answers = {
        ("POST", "/billing_requests"): (201, {"billing_requests": {"id": "BRQ1"}}),
        ("POST", "/billing_request_flows"): (201, flow),
        ("GET", "/payments/PM123"): (200, {"payments": PAYMENT | {"amount_refunded": 150}}),
        ("GET", "/payments/PM00001078ZJJN"): (200, {"payments": {"id": "PM00001078ZJJN", "status": "submitted"}}),
        ("POST", "/refunds"): (201, {"refunds": {"id": "RF1", "status": "created"}}),
        ("POST", "/payments"): (409, conflict),
    }
    mine = account(answers)
    assert gocardless.pay_link(mine, LinkWanted("k1", "clm_1", 500, "EUR", "Claim", "https://kulanz.test/p"))
    gocardless.refund(mine, RefundWanted("k2", "PM123", "PM123", 200, "EUR"))
    assert mine.net.asked[-1].json["refunds"]["total_amount_confirmation"] == 350
    wanted = ChargeWanted("k3", "clm_1", "CU1", "MD1", 500, "EUR", "Claim")
    assert gocardless.charge(mine, wanted).external_id == "PM00001078ZJJN"
    with pytest.raises(ProviderRefused) as refused:
        gocardless.charge(account({("POST", "/payments"): (422, fault)}), wanted)
    assert refused.value.facts == {"status_of_provider": 422, "reason": "validation_failed"}
