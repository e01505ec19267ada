"""Unzer: a hint makes us fetch, from Unzer's own address and nowhere else."""

import json

import pytest

from gateway.core.inbox import Proof
from gateway.core.signing import BadSignature
from gateway.payments import unzer
from gateway.payments.fold import PaymentState, fold
from gateway.payments.providers import ChargeWanted, LinkWanted, RefundWanted, WrongMode
from gateway.payments.reading import Unreadable
from tests.provider_messages import a_message, an_account, check_golden, fixture_json

SETTINGS = {"private_key": "s-priv-only_for_tests", "public_key": "s-pub-only_for_tests"}


def account(answers=(), **settings):
    return an_account(SETTINGS | settings, live=False, answers=answers)


def a_hint(**overrides):
    told = {
        "event": "charge.succeeded",
        "publicKey": "s-pub-only_for_tests",
        "retrieveUrl": "https://evil.example/v1/payments/s-pay-123",
        "paymentId": "s-pay-123",
    }
    return a_message(told | overrides, {"Content-Type": "text/plain"}, proof=Proof.HINT)


def a_payment(*transactions, **overrides):
    listed = [
        {
            "date": f"2026-11-0{number} 09:00:00",
            "type": kind,
            "status": status,
            "url": f"https://api.unzer.com/v1/payments/s-pay-123/{path}",
            "amount": amount,
        }
        for number, (kind, status, path, amount) in enumerate(transactions, 1)
    ]
    return {
        "id": "s-pay-123",
        "currency": "EUR",
        "orderId": "1001",
        "resources": {"typeId": "s-sdd-abc"},
        "transactions": listed,
    } | overrides


CHARGE = ("charge", "success", "charges/s-chg-1", "10.0000")


def test_a_message_is_a_hint_and_claims_nothing():
    """Anybody may send it."""
    claim = unzer.verify(account(), a_hint())
    assert (claim.proof, claim.event_id) == (Proof.HINT, "s-pay-123")


@pytest.mark.parametrize(
    "changed",
    [
        {"paymentId": "p-pay-123"},
        {"paymentId": "s-pay-123/../../keypair"},
        {"paymentId": "s-pay-\u0661\u0662"},
        {"paymentId": ""},
        {"paymentId": 7},
        {"publicKey": "s-pub-somebody_elses"},
        {"publicKey": None},
    ],
)
def test_what_names_no_payment_of_ours_is_no_hint(changed):
    """Another mode, another account, or a way out of the address."""
    with pytest.raises(BadSignature):
        unzer.verify(account(), a_hint(**changed))


@pytest.mark.parametrize("body", [b"\xff", b"[]", b"paymentId=s-pay-123", b""])
def test_nonsense_is_named(body):
    """Invalid UTF-8 among it."""
    with pytest.raises(Unreadable):
        unzer.verify(account(), a_message(body))


def test_the_payment_is_fetched_from_unzer_whatever_address_the_message_names():
    """And the event's name counts nothing."""
    mine = account({("GET", "/v1/payments/s-pay-123"): (200, a_payment(("charge", "error", "charges/s-chg-1", "10")))})
    facts = unzer.read(mine, a_hint(event="charge.succeeded"))
    assert [fact.kind for fact in facts] == ["failed"]
    assert [call.url for call in mine.net.asked] == ["https://sbx-api.unzer.com/v1/payments/s-pay-123"]
    with pytest.raises(WrongMode):
        unzer.read(an_account(SETTINGS), a_hint())


def test_a_chargeback_takes_back_what_its_charge_brought():
    """Partly, then wholly; refunds beside it."""
    one = ("chargeback", "success", "charges/s-chg-1/chargebacks/s-cbk-1", "4.0000")
    other = ("chargeback", "success", "charges/s-chg-1/chargebacks/s-cbk-2", "6.0000")
    refund = ("cancel-charge", "success", "charges/s-chg-1/cancels/s-cnl-1", "1.5000")
    partly = fold(unzer.facts_of(a_payment(CHARGE, refund, one)))
    assert (partly.state, partly.returned_minor, partly.refunded_minor) == (PaymentState.PAID, 400, 150)
    assert fold(unzer.facts_of(a_payment(CHARGE, one, other))).state is PaymentState.RETURNED


def test_what_is_pending_has_not_happened():
    """Nor has an authorisation that was given up been paid."""
    pending = a_payment(("charge", "pending", "charges/s-chg-1", "10.0000"))
    assert unzer.facts_of(pending) == []
    given_up = a_payment(
        ("authorize", "success", "authorize/s-aut-1", "10.0000"),
        ("cancel-authorize", "success", "authorize/cancels/s-cnl-1", "10.0000"),
    )
    assert fold(unzer.facts_of(given_up)).state is PaymentState.CANCELLED


@pytest.mark.parametrize("amount", ["1.0050", "NaN", "1e30", "", "x", "Infinity"])
def test_an_amount_that_is_no_amount_is_named(amount):
    """Nothing is rounded."""
    with pytest.raises(Unreadable):
        unzer.facts_of(a_payment(("charge", "success", "charges/s-chg-1", amount)))


@pytest.mark.parametrize("name", ["paymentWithDirectChargeback", "paymentWithMultipleChargebacks"])
def test_unzers_examples_become_our_facts(name):
    """Chargebacks are numbered anew for each charge, and still are two."""
    facts = unzer.facts_of(fixture_json(f"unzer/{name}.json"))
    check_golden("unzer", name, facts)
    assert (fold(facts).state, fold(facts).returned_minor) == (PaymentState.RETURNED, 100)


def test_a_single_chargeback_is_no_payment():
    """It is reached through its payment only."""
    with pytest.raises(Unreadable):
        unzer.facts_of(fixture_json("unzer/chargeback.json") | {"transactions": [{}]})


def test_what_we_ask_of_unzer_is_asked_once():
    """Unzer takes no key of ours, so nothing is repeated by itself."""
    answers = {
        ("POST", "/v1/paypage/charge"): (200, {"id": "s-ppg-1", "redirectUrl": "https://payment.unzer.com/1"}),
        ("POST", "/v1/payments/s-pay-123/charges/s-chg-1/cancels"): (201, {"id": "s-cnl-1", "isSuccess": True}),
        ("POST", "/v1/payments/charges"): (201, {"id": "s-chg-2", "isPending": True}),
    }
    mine = account(answers)
    assert not unzer.provider.idempotent
    assert unzer.pay_link(mine, LinkWanted("k1", "clm_1", 500, "EUR", "Claim", "https://kulanz.test/p")).url
    capture = "s-pay-123/charges/s-chg-1"
    assert unzer.refund(mine, RefundWanted("k2", "s-pay-123", capture, 500, "EUR")).status == "success"
    charged = unzer.charge(mine, ChargeWanted("k3", "clm_1", "s-cst-1", "s-sdd-1", 500, "EUR", "Claim"))
    assert (charged.external_id, charged.status) == ("s-chg-2", "pending")
    assert json.dumps(mine.net.asked[-1].json["amount"]) == '"5.00"'
    with pytest.raises(Unreadable):
        unzer.refund(mine, RefundWanted("k2", "s-pay-1/../x", capture, 500, "EUR"))
