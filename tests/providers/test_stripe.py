"""Stripe: signatures as Stripe makes them, events as our facts."""

import hashlib
import hmac
import json
from datetime import timedelta

import pytest

from gateway.core.inbox import Proof
from gateway.core.signing import BadSignature
from gateway.payments import stripe
from gateway.payments.fold import DisputeState, PaymentState, fold
from gateway.payments.providers import Evidence, File, LinkWanted, RefundWanted, WrongMode
from gateway.payments.reading import Unreadable
from tests.provider_messages import NOW, a_message, an_account, check_golden, fixture_json, fixture_names

SECRET = "whsec_only_for_tests_0001"
ACCOUNT = an_account({"webhook_secret": SECRET}, live=False)


def signed(body, *, secret=SECRET, at=NOW, scheme="v1"):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    stamp = str(int(at.timestamp()))
    mac = hmac.new(secret.encode(), stamp.encode() + b"." + raw, hashlib.sha256).hexdigest()
    return a_message(raw, {"Stripe-Signature": f"t={stamp},{scheme}={mac}"})


def an_event(kind, of, *, id_="evt_1", created=1_790_000_000, livemode=False):
    data = {"object": of}
    return {"id": id_, "object": "event", "type": kind, "created": created, "livemode": livemode, "data": data}


def a_dispute(**overrides):
    return {
        "id": "dp_1",
        "object": "dispute",
        "charge": "ch_1",
        "amount": 12_490,
        "currency": "eur",
        "reason": "product_not_received",
        "status": "needs_response",
        "payment_method_details": {"type": "card", "card": {"network_reason_code": "13.1", "case_type": "chargeback"}},
        "evidence_details": {"due_by": 1_791_000_000},
    } | overrides


def read(body):
    return stripe.read(ACCOUNT, a_message(body))


def test_a_signed_event_claims_its_id():
    """Also while the secret is rotated, on either side."""
    claim = stripe.verify(ACCOUNT, signed(an_event("charge.succeeded", {})))
    assert (claim.proof, claim.event_id) == (Proof.SIGNED, "evt_1")
    both = an_account({"webhook_secret": f"whsec_the_old_one_000\n{SECRET}"})
    assert stripe.verify(both, signed(an_event("charge.succeeded", {}))).event_id == "evt_1"
    two = signed(an_event("x", {}))
    header = two.headers["stripe-signature"]
    with_old = a_message(two.body, {"Stripe-Signature": header.replace("v1=", f"v1={'0' * 64},v1=")})
    assert stripe.verify(ACCOUNT, with_old).event_id == "evt_1"


@pytest.mark.parametrize(
    "message",
    [
        signed(an_event("x", {}), secret="whsec_somebody_elses"),
        signed(an_event("x", {}), at=NOW + timedelta(days=1)),
        signed(an_event("x", {}), at=NOW - timedelta(minutes=6)),
        signed(an_event("x", {}), scheme="v0"),
        a_message(b"{}"),
        a_message(b"{}", {"Stripe-Signature": "t=,v1="}),
        a_message(b"{}", {"Stripe-Signature": "t=\u0661\u0662,v1=é"}),
        a_message(b"{}", {"Stripe-Signature": f"t={int(NOW.timestamp())},v1=é\udcff"}),
        a_message(signed(an_event("x", {})).body + b" ", signed(an_event("x", {})).headers),
    ],
)
def test_what_is_not_signed_now_by_stripe_is_refused(message):
    """A future time too, which Stripe's own library lets pass; a header may hold anything."""
    with pytest.raises(BadSignature):
        stripe.verify(ACCOUNT, message)


@pytest.mark.parametrize("body", [b"\xff\xfe", b"[]", b"{}", b'{"id": 7}', b'{"id": "%s"}' % (b"e" * 201), b'{"id"'])
def test_signed_nonsense_is_named_and_never_an_error_of_ours(body):
    """Invalid UTF-8 among it."""
    with pytest.raises(Unreadable):
        stripe.verify(ACCOUNT, signed(body))


def test_no_empty_secret_verifies():
    """A connection without a secret proves nothing."""
    with pytest.raises(BadSignature):
        stripe.verify(an_account({}), signed(an_event("x", {}), secret=""))


def test_an_event_of_the_other_mode_is_not_read():
    """Test money never settles a live claim."""
    with pytest.raises(WrongMode):
        read(an_event("charge.succeeded", {"id": "ch_1"}, livemode=True))


OBJECTS = {
    "charge.succeeded": "charge",
    "charge.captured": "charge",
    "charge.refunded": "charge",
    "charge.expired": "charge",
    "refund.created": "refund",
    "charge.refund.updated": "refund",
    "payment_intent.succeeded": "payment_intent",
    "payment_intent.payment_failed": "payment_intent",
    "payment_intent.canceled": "payment_intent",
    "payment_intent.amount_capturable_updated": "payment_intent",
    "payment_intent.processing": "payment_intent",
    "charge.dispute.created": "dispute",
    "charge.dispute.updated": "dispute",
    "charge.dispute.closed": "dispute",
    "radar.early_fraud_warning.created": "radar.early_fraud_warning",
    "setup_intent.succeeded": "setup_intent",
    "review.opened": "review",
}


@pytest.mark.parametrize("kind", OBJECTS)
def test_stripes_own_objects_become_our_facts(kind):
    """Each of Stripe's published examples in the event that brings it."""
    of = fixture_json("stripe/fixtures3.json")["resources"][OBJECTS[kind]]
    check_golden("stripe", kind, read(an_event(kind, of)))


def test_any_of_stripes_objects_in_any_event_is_read_or_named():
    """Never an error of ours, whatever object an event brings."""
    objects = fixture_json("stripe/fixtures3.json")["resources"].values()
    for kind in stripe.READERS:
        for of in objects:
            try:
                read(an_event(kind, of))
            except Unreadable:
                continue


@pytest.mark.parametrize("name", fixture_names("stripe/triggers"))
def test_every_event_that_stripes_own_tool_provokes_is_known_or_left_alone_on_purpose(name):
    """Steps on the way to a payment say nothing about money."""
    fixture_json(f"stripe/triggers/{name}")
    kind = name.removesuffix(".json")
    steps = ("payment_intent.created", "payment_intent.processing", "payment_intent.requires_action")
    left_alone = (*steps, "payment_intent.partially_funded")
    assert (kind in stripe.READERS) is not (kind in left_alone or kind.startswith("setup_intent."))


def test_charge_and_intent_tell_of_one_payment():
    """Whichever of the two a merchant subscribed to; both count once."""
    charge = {"id": "ch_1", "status": "succeeded", "captured": True, "amount_captured": 500, "currency": "eur"}
    intent = {"id": "pi_1", "latest_charge": "ch_1", "amount_received": 500, "currency": "eur"}
    both = [
        *read(an_event("charge.succeeded", charge)),
        *read(an_event("payment_intent.succeeded", intent, id_="evt_2")),
    ]
    assert {fact.payment for fact in both} == {"ch_1"}
    assert fold(both).captured_minor == 500


def test_refunds_told_singly_and_as_a_sum_count_once():
    """And one that failed later is the merchant's again."""
    refund = {"id": "re_1", "charge": "ch_1", "amount": 300, "currency": "eur", "status": "succeeded"}
    charge = {"id": "ch_1", "amount_refunded": 500, "currency": "eur"}
    single = read(an_event("refund.created", refund))
    total = read(an_event("charge.refunded", charge, id_="evt_2", created=1_790_000_010))
    gone = read(an_event("refund.failed", refund | {"status": "failed"}, id_="evt_3", created=1_790_000_020))
    assert fold([*single, *total]).refunded_minor == 500
    assert fold([*gone, *total, *single]).refunded_minor == 200


def test_a_dispute_runs_from_inquiry_to_won_whatever_comes_late():
    """The deadline is that of the newest word."""
    inquiry = read(an_event("charge.dispute.created", a_dispute(status="warning_needs_response"), created=1))
    opened = read(an_event("charge.dispute.updated", a_dispute(), id_="evt_2", created=2))
    won = read(an_event("charge.dispute.closed", a_dispute(status="won"), id_="evt_3", created=3))
    dispute = fold([*won, *opened, *inquiry]).disputes["dp_1"]
    assert (dispute.state, dispute.network_code, dispute.due_at is not None) == (DisputeState.WON, "13.1", True)
    assert fold([*opened, *inquiry]).disputes["dp_1"].stage == "chargeback"


def test_two_events_of_one_second_are_ordered_by_what_they_say():
    """Created and closed at once: closed wins."""
    opened = read(an_event("charge.dispute.created", a_dispute()))
    lost = read(an_event("charge.dispute.closed", a_dispute(status="lost"), id_="evt_0"))
    assert fold([*lost, *opened]).disputes["dp_1"].state is DisputeState.LOST


def test_a_sepa_dispute_is_a_return_without_defence():
    """Stripe gives its own word for the reason, no EPC code: none is made up."""
    charge = {"id": "ch_1", "status": "succeeded", "captured": True, "amount_captured": 12_490, "currency": "eur"}
    back = a_dispute(reason="insufficient_funds", payment_method_details={"type": "sepa_debit"}, status="lost")
    facts = [
        *read(an_event("charge.succeeded", charge)),
        *read(an_event("charge.dispute.created", back, id_="evt_2", created=1_790_000_100)),
    ]
    folded = fold(facts)
    assert (folded.state, folded.returned_minor, folded.disputes) == (PaymentState.RETURNED, 12_490, {})
    assert (folded.returns["dp_1"].code, folded.returns["dp_1"].reason) == ("", "insufficient_funds")


def test_currencies_whose_units_differ_are_brought_to_iso():
    """Stripe writes Icelandic crowns with two digits."""
    charge = {"id": "ch_1", "status": "succeeded", "captured": True, "amount_captured": 50_000, "currency": "isk"}
    assert read(an_event("charge.succeeded", charge))[0].amount_minor == 500


ANSWERS = {
    ("POST", "/v1/checkout/sessions"): (200, {"id": "cs_1", "url": "https://checkout.stripe.com/c/pay/cs_1"}),
    ("POST", "/v1/refunds"): (200, {"id": "re_1", "status": "succeeded"}),
    ("POST", "/v1/files"): (200, {"id": "file_1"}),
    ("POST", "/v1/disputes/dp_1"): (200, {"id": "dp_1", "status": "needs_response"}),
}


def test_what_we_ask_of_stripe_carries_our_key_and_reference():
    """Link, refund and evidence; a test key in a live shop is refused before anything is asked."""
    account = an_account({"api_key": "sk_live_123456789"}, answers=ANSWERS)
    wanted = LinkWanted("k1", "clm_1", 500, "EUR", "Order 7", "https://kulanz.test/p")
    assert stripe.pay_link(account, wanted).external_id == "cs_1"
    assert stripe.refund(account, RefundWanted("k2", "ch_1", "ch_1", 500, "EUR")).status == "succeeded"
    files = (File("receipt", 'a"\r\nx: y.pdf', "application/pdf", b"%PDF"),)
    stripe.submit_evidence(account, Evidence("k3", "dp_1", {"product_description": "Shoes"}, files))
    link, _, upload, evidence = account.net.asked
    assert link.form["payment_intent_data[metadata][kulanz_reference]"] == "clm_1"
    assert link.headers["idempotency-key"] == "k1"
    assert (upload.files[0][0], evidence.form["submit"]) == ("file", "false")
    assert evidence.form["evidence[receipt]"] == "file_1"
    with pytest.raises(WrongMode):
        stripe.pay_link(an_account({"api_key": "sk_test_123456789"}), wanted)
