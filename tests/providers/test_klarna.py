"""Klarna: signed events of disputes, their deadline and their outcome."""

import hashlib
import hmac
import json
from datetime import UTC, datetime
from itertools import permutations

import pytest

from gateway.core.inbox import Proof
from gateway.payments import klarna
from gateway.payments.fold import DisputeState, fold
from gateway.payments.providers import Evidence, File, WrongMode
from gateway.payments.reading import Unreadable
from tests.provider_messages import a_message, an_account, check_golden, fixture_json, fixture_names

KEYS = "krn:key:1:only_for_tests_1\nkrn:key:2:only_for_tests_2"
ACCOUNT = an_account({"signing_keys": KEYS})


def signed(body, *, key="krn:key:1", secret="only_for_tests_1"):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    mac = hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()
    return a_message(raw, {"Klarna-Signature": mac, "Klarna-Signing-Key-Id": key})


def an_event(name, at, **payload):
    metadata = {
        "event_type": f"payment.dispute.{name}",
        "event_id": f"event-{name}-{at}",
        "event_version": "v1",
        "occurred_at": f"2026-11-{at:02}T09:00:00Z",
        "live": True,
    }
    ids = {"payment_dispute_id": "krn:dispute:1", "payment_transaction_id": "krn:payment:1"}
    return {"metadata": metadata, "payload": ids | payload}


def opened(at=1, **overrides):
    return an_event(
        "state-change.initiated",
        at,
        state="INITIATED",
        dispute_reason="PRODUCTS_OR_SERVICES_NOT_RECEIVED",
        dispute_details={"dispute_amount": 39_900, "currency": "EUR"},
        representment={"expires_at": "2026-11-22T09:00:00Z"},
        **overrides,
    )


def read(*documents):
    return [fact for each in documents for fact in klarna.read(ACCOUNT, a_message(each))]


def test_an_event_is_signed_with_the_key_that_it_names():
    """A secret under another key's name proves nothing."""
    for number in (1, 2):
        claim = klarna.verify(ACCOUNT, signed(opened(), key=f"krn:key:{number}", secret=f"only_for_tests_{number}"))
        assert (claim.proof, claim.event_id) == (Proof.SIGNED, "event-state-change.initiated-1")
    good = signed(opened())
    for bad in (
        signed(opened(), key="krn:key:2"),
        signed(opened(), key="krn:key:3"),
        signed(opened(), key=""),
        signed(opened(), key="é"),
        a_message(good.body),
        a_message(good.body, {"Klarna-Signature": "é\udcff", "Klarna-Signing-Key-Id": "krn:key:1"}),
        a_message(good.body[:-1] + b" }", good.headers),
    ):
        with pytest.raises(klarna.BadKlarnaSignature) as refused:
            klarna.verify(ACCOUNT, bad)
        assert refused.value.status == 400


@pytest.mark.parametrize("body", [b"\xff", b"[]", b"{}", b'{"metadata": {"event_id": 1}}'])
def test_signed_nonsense_is_named(body):
    """Invalid UTF-8 among it."""
    with pytest.raises(Unreadable):
        klarna.verify(ACCOUNT, signed(body))


@pytest.mark.parametrize("name", fixture_names("klarna"))
def test_klarnas_examples_become_our_facts(name):
    """Values of Klarna's own description."""
    check_golden("klarna", name, read(fixture_json(f"klarna/{name}")))


def test_a_dispute_ends_where_its_highest_state_put_it_in_any_order():
    """The amount is told by the first event only, and stays known."""
    events = [
        opened(),
        an_event("state-change.representment", 2, state="REPRESENTMENT"),
        an_event("state-change.arbitration", 3, state="ARBITRATION"),
        an_event("state-change.closed", 4, state="CLOSED", dispute_outcome="LOST"),
    ]
    for order in permutations(events):
        dispute = fold(read(*order)).disputes["krn:dispute:1"]
        assert (dispute.state, dispute.stage, dispute.amount_minor) == (DisputeState.LOST, "closed", 39_900)
        assert dispute.reason == "PRODUCTS_OR_SERVICES_NOT_RECEIVED"


def test_a_deadline_can_be_extended():
    """Klarna signs it, so the newest word counts, in any order."""
    extended = an_event(
        "updated.representment-deadline-extended",
        5,
        state="INITIATED",
        updated_fields={"evidence_response_deadline_at": "2026-11-29T09:00:00Z"},
    )
    for order in permutations([opened(), extended]):
        assert fold(read(*order)).disputes["krn:dispute:1"].due_at == datetime(2026, 11, 29, 9, tzinfo=UTC)


def test_a_purchase_at_high_risk_is_a_warning_too():
    """The goods can still be stopped."""
    risky = opened()
    risky["payload"]["dispute_reason"] = "PURCHASE_HIGH_RISK"
    assert list(fold(read(risky)).warnings) == ["krn:dispute:1"]


def test_what_is_unknown_is_named_and_other_events_are_left_alone():
    """A state or outcome that nobody knows is for somebody to look at."""
    for strange in (
        an_event("state-change.x", 1, state="MERCHANT_EVIDENCE_PENDING"),
        an_event("state-change.closed", 1, state="CLOSED", dispute_outcome="DRAWN"),
    ):
        with pytest.raises(Unreadable):
            read(strange)
    other = opened()
    other["metadata"]["event_type"] = "payment.request.state-change.completed"
    assert read(other, an_event("updated.something", 1)) == []
    other["metadata"] |= {"live": False, "event_type": "payment.dispute.state-change.initiated"}
    with pytest.raises(WrongMode):
        read(other)


def test_the_answer_to_a_dispute_is_one_text_with_attachments():
    """Nothing is sent before it is meant."""
    path = "/v4/payment/disputes/krn:dispute:1"
    answers = {
        ("POST", f"{path}/attachments"): (201, {"payment_dispute_attachment_id": "krn:attachment:1"}),
        ("POST", f"{path}/represent"): (200, b""),
        ("POST", f"{path}/accept-loss"): (200, b""),
    }
    mine = an_account({"api_key": "only_for_tests"}, answers=answers)
    file = File("", "proof.pdf", "application/pdf", b"%PDF")
    texts = {"additional_information": "Delivered. " * 300}
    assert klarna.submit_evidence(mine, Evidence("k1", "krn:dispute:1", texts, (file,))).status == "not-sent"
    assert mine.net.asked == []
    klarna.submit_evidence(mine, Evidence("k1", "krn:dispute:1", texts, (file,), submit=True))
    sent = mine.net.asked[-1].json
    assert (len(sent["additional_information"]), len(sent["attachments"])) == (2000, 1)
    assert klarna.accept_dispute(mine, "krn:dispute:1", "k2").status == "accepted"
