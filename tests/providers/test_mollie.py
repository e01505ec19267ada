"""Mollie: a hint makes us fetch, a next-gen event is signed; the fetched payment is the truth."""

import hashlib
import hmac
import json

import pytest

from gateway.core.inbox import Proof
from gateway.core.signing import BadSignature
from gateway.payments import mollie
from gateway.payments.calls import ProviderRefused
from gateway.payments.fold import PaymentState, fold
from gateway.payments.providers import ChargeWanted, LinkWanted, RefundWanted, WrongMode
from gateway.payments.reading import Unreadable
from tests.provider_messages import a_message, an_account, check_golden, fixture_json

SECRET = "only for tests 1".replace(" ", "_")
SETTINGS = {"api_key": "test_only_for_tests", "signing_secret": f"the_old_secret_0\n{SECRET}"}
PATH = "/v2/payments/tr_7UhSN1zuXS"
EMBED = f"{PATH}?embed=refunds,chargebacks"


def an_mollie_account(answers=(), **settings):
    return an_account(SETTINGS | settings, live=False, answers=answers)


def signed(body, secret=SECRET):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    mac = hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()
    return a_message(raw, {"X-Mollie-Signature": f"sha256={mac}"})


def a_payment(**overrides):
    return {
        "id": "tr_7UhSN1zuXS",
        "mode": "test",
        "createdAt": "2026-11-01T09:00:00+00:00",
        "amount": {"value": "10.00", "currency": "EUR"},
        "method": "directdebit",
        "status": "paid",
        "paidAt": "2026-11-02T09:00:00+00:00",
        "metadata": {"order_id": "1001", "kulanz_reference": "clm_1"},
    } | overrides


def a_chargeback(**overrides):
    return {
        "id": "chb_1",
        "amount": {"value": "10.00", "currency": "EUR"},
        "createdAt": "2026-11-09T09:00:00.0Z",
        "reversedAt": None,
        "reason": {"code": "AM04", "description": "Insufficient funds"},
    } | overrides


def fetched(payment):
    return mollie.facts_of(payment, live=False)


def test_a_classic_call_is_a_hint_and_claims_no_event():
    """Anybody may send it: it only makes us look."""
    claim = mollie.verify(an_mollie_account(), a_message(b"id=tr_7UhSN1zuXS"))
    assert (claim.proof, claim.event_id) == (Proof.HINT, "tr_7UhSN1zuXS")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"id=",
        b"id=tr_1234&id=tr_5678",
        b"id=../../orders",
        b"id=tr_1234/refunds",
        b"id=tr_12%0034",
        b"\xff=\xfe",
        b'{"id": "tr_7UhSN1zuXS", "status": "paid"}',
        "id=tr_١٢٣٤".encode(),
    ],
)
def test_a_body_without_signature_that_is_no_hint_is_refused(body):
    """A next-gen event without its header too: no header is not "nothing to check"."""
    with pytest.raises(BadSignature):
        mollie.verify(an_mollie_account(), a_message(body))


def test_a_next_gen_event_is_signed_over_its_raw_body():
    """With either secret while one is rotated; one flipped bit and it is refused."""
    event = {"id": "event_1", "type": "payment.paid", "entityId": "tr_7UhSN1zuXS"}
    for secret in (SECRET, "the_old_secret_0"):
        assert mollie.verify(an_mollie_account(), signed(event, secret)).proof is Proof.SIGNED
    good = signed(event)
    for bad in (
        signed(event, "somebody_elses"),
        a_message(bytes([good.body[0] ^ 1]) + good.body[1:], good.headers),
        a_message(good.body, {"X-Mollie-Signature": "sha256=é\udcff"}),
        a_message(good.body, {"X-Mollie-Signature": good.headers["x-mollie-signature"].removeprefix("sha256=")}),
    ):
        with pytest.raises(BadSignature):
            mollie.verify(an_mollie_account(), bad)
    with pytest.raises(Unreadable):
        mollie.verify(an_mollie_account(), signed(b"\xff\xfe"))
    with pytest.raises(BadSignature):
        mollie.verify(an_mollie_account(signing_secret=""), signed(event, ""))


@pytest.mark.parametrize(
    "event",
    [
        {"id": "event_1", "type": "payment.paid", "entityId": "tr_7UhSN1zuXS"},
        {"id": "event_1", "entityId": "chb_1", "_embedded": {"entity": {"id": "chb_1", "paymentId": "tr_7UhSN1zuXS"}}},
        a_payment(),
    ],
)
def test_behind_a_signed_event_the_payment_is_fetched(event):
    """Whichever form of payload was subscribed to; amounts of the message itself count nothing."""
    account = an_mollie_account({("GET", EMBED): (200, a_payment(amount={"value": "7.00", "currency": "EUR"}))})
    facts = mollie.read(account, signed(event))
    assert [(fact.kind, fact.amount_minor, fact.reference, fact.order) for fact in facts] == [
        ("captured", 700, "clm_1", "1001")
    ]
    assert account.net.asked[0].headers["authorization"] == "Bearer test_only_for_tests"


def test_an_event_about_something_else_is_left_alone():
    """Nothing is asked."""
    account = an_mollie_account()
    assert mollie.read(account, signed({"id": "event_1", "type": "payout.paid", "entityId": "po_1"})) == []
    assert account.net.asked == []


def test_what_mollie_does_not_embed_is_asked_for():
    """The amounts say that there is something."""
    told = a_payment(amountChargedBack={"value": "10.00", "currency": "EUR"})
    answers = {
        ("GET", EMBED): (200, told),
        ("GET", f"{PATH}/chargebacks"): (200, {"_embedded": {"chargebacks": [a_chargeback()]}}),
    }
    facts = mollie.read(an_mollie_account(answers), a_message(b"id=tr_7UhSN1zuXS", proof=Proof.HINT))
    folded = fold(facts)
    assert (folded.state, folded.returned_minor) == (PaymentState.RETURNED, 1000)
    assert folded.returns["chb_1"].code == "AM04"


def test_a_hint_to_a_payment_that_is_not_ours_moves_nothing():
    """Mollie does not know it under our key."""
    with pytest.raises(ProviderRefused):
        mollie.read(an_mollie_account(), a_message(b"id=tr_somebody", proof=Proof.HINT))


def test_a_reversed_chargeback_leaves_the_payment_paid():
    """In any order of the looks that saw it."""
    early = fetched(a_payment(_embedded={"chargebacks": [a_chargeback()]}))
    late = fetched(a_payment(_embedded={"chargebacks": [a_chargeback(reversedAt="2026-11-12T09:00:00.0Z")]}))
    for facts in ([*early, *late], [*late, *early]):
        assert (fold(facts).state, fold(facts).returned_minor) == (PaymentState.PAID, 0)


@pytest.mark.parametrize(
    ("status", "state", "minor"),
    [("pending", PaymentState.PAID, 0), ("refunded", PaymentState.PAID, 400), ("canceled", PaymentState.PAID, 0)],
)
def test_a_refund_counts_once_it_is_on_its_way(status, state, minor):
    """Until then it may be cancelled."""
    refund = {
        "id": "re_1",
        "status": status,
        "createdAt": "2026-11-03T09:00:00Z",
        "amount": {"value": "4.00", "currency": "EUR"},
    }
    folded = fold(fetched(a_payment(_embedded={"refunds": [refund]})))
    assert (folded.state, folded.refunded_minor) == (state, minor)


def test_metadata_may_be_a_text():
    """Mollie gives back what it got."""
    assert fetched(a_payment(metadata='{"order_id": "77"}'))[0].order == "77"
    assert fetched(a_payment(metadata="just words"))[0].order == ""


def test_a_live_shop_reads_no_test_payment():
    """And asks with no test key."""
    with pytest.raises(WrongMode):
        mollie.facts_of(a_payment(), live=True)
    with pytest.raises(WrongMode):
        mollie.read(an_account(SETTINGS), a_message(b"id=tr_7UhSN1zuXS", proof=Proof.HINT))


def test_mollies_own_examples_become_our_facts():
    """Payments by themselves, and with the refund and the chargebacks that Mollie shows beside them."""
    whole = fixture_json("mollie/payment_single.json")
    refund, listed = fixture_json("mollie/refund_single.json"), fixture_json("mollie/payment_chargebacks_list.json")
    reversed_one = fixture_json("mollie/payment_chargeback_single.json")
    for name in ("payment_single", "payment_updated", "payment_canceled"):
        check_golden("mollie", name, fetched(fixture_json(f"mollie/{name}.json")))
    for name, inner in {
        "refund": {"refunds": [refund]},
        "chargebacks": {"chargebacks": listed["_embedded"]["chargebacks"]},
        "reversed": {"chargebacks": [reversed_one]},
    }.items():
        check_golden("mollie", f"payment with {name}", fetched(whole | {"_embedded": inner}))
    assert fixture_json("mollie/chargebacks_list.json")["_embedded"] == listed["_embedded"]


@pytest.mark.parametrize("name", ["customer_mandate_single", "methods_list"])
def test_what_is_no_payment_is_named(name):
    """A mandate where a payment should be."""
    with pytest.raises((Unreadable, WrongMode)):
        fetched(fixture_json(f"mollie/{name}.json") | {"mode": "test", "status": "paid"})


def test_what_we_ask_of_mollie_carries_our_key_and_reference():
    """Link, refund and a charge on a mandate."""
    answers = {
        ("POST", "/v2/payments"): (
            201,
            {"id": "tr_1", "status": "open", "_links": {"checkout": {"href": "https://www.mollie.com/pay/1"}}},
        ),
        ("POST", "/v2/payments/tr_1/refunds"): (201, {"id": "re_1", "status": "pending"}),
    }
    account = an_mollie_account(answers)
    link = mollie.pay_link(account, LinkWanted("k1", "clm_1", 1250, "EUR", "Order", "https://kulanz.test/p"))
    mollie.refund(account, RefundWanted("k2", "tr_1", "tr_1", 5, "EUR"))
    mollie.charge(account, ChargeWanted("k3", "clm_1", "cst_1", "mdt_1", 500, "JPY", "Claim"))
    first, second, third = (call.json for call in account.net.asked)
    assert link.external_id == "tr_1"
    assert first["amount"] == {"currency": "EUR", "value": "12.50"}
    assert second["amount"]["value"] == "0.05"
    assert (third["amount"]["value"], third["mandateId"]) == ("500", "mdt_1")
    assert [call.headers["idempotency-key"] for call in account.net.asked] == ["k1", "k2", "k3"]
