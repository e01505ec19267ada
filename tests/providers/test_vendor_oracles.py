"""The vendors' own libraries as oracles: what they sign verifies here, and what we refuse beyond them is refused on purpose."""

import copy
import hashlib
import hmac
import json
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.signing import BadSignature
from gateway.payments import adyen, gocardless, stripe
from tests.provider_messages import NOW, a_message, an_account

KEY = "0123456789abcdef" * 4
SECRET = "whsec_only_for_tests_0001"
ACCOUNT = an_account({"hmac_key": KEY, "webhook_secret": SECRET})
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)


def test_what_stripes_library_signs_verifies_and_a_future_time_only_there():
    """Its own check has no upper bound of time."""
    vendor = pytest.importorskip("stripe")
    body = json.dumps({"id": "evt_1", "object": "event"})
    for at, ours in ((NOW, True), (NOW + timedelta(days=1), False)):
        stamp = int(at.timestamp())
        header = vendor.WebhookSignature.generate_signature_header(body, SECRET, timestamp=stamp)
        message = a_message(body.encode(), {"Stripe-Signature": header})
        if ours:
            assert stripe.verify(ACCOUNT, message).event_id == "evt_1"
        else:
            assert vendor.WebhookSignature.verify_header(body, header, SECRET, tolerance=300)
            with pytest.raises(BadSignature):
                stripe.verify(ACCOUNT, message)


@settings(max_examples=200)
@given(reference=TEXTS, psp=TEXTS, value=st.integers(0, 10**9))
def test_what_adyens_library_signs_verifies(reference, psp, value):
    """Whatever stands in the references; where a colon makes an item ambiguous we refuse it."""
    vendor = pytest.importorskip("Adyen.util")
    item = {
        "pspReference": psp,
        "originalReference": "",
        "merchantAccountCode": "Musterladen",
        "merchantReference": reference,
        "amount": {"currency": "EUR", "value": value},
        "eventCode": "AUTHORISATION",
        "success": "true",
        "additionalData": {},
    }
    signature = vendor.generate_notification_sig(copy.deepcopy(item), KEY)
    item["additionalData"]["hmacSignature"] = signature if isinstance(signature, str) else signature.decode()
    message = a_message({"live": "true", "notificationItems": [{"NotificationRequestItem": item}]})
    if ":" in psp:
        with pytest.raises(BadSignature):
            adyen.verify(ACCOUNT, message)
    else:
        assert adyen.verify(ACCOUNT, message)


def test_adyens_library_looks_at_the_first_item_only_and_we_at_each():
    """The reason why every item is proven by itself."""
    vendor = pytest.importorskip("Adyen.util")
    item = {
        "pspReference": "PSP1",
        "merchantAccountCode": "Musterladen",
        "merchantReference": "1001",
        "amount": {"currency": "EUR", "value": 1000},
        "eventCode": "AUTHORISATION",
        "success": "true",
        "additionalData": {},
    }
    signature = vendor.generate_notification_sig(copy.deepcopy(item), KEY)
    item["additionalData"]["hmacSignature"] = signature if isinstance(signature, str) else signature.decode()
    forged = item | {"pspReference": "PSP2"}
    both = {"notificationItems": [{"NotificationRequestItem": item}, {"NotificationRequestItem": forged}]}
    assert vendor.is_valid_hmac_notification(copy.deepcopy(both), KEY) is True
    with pytest.raises(BadSignature):
        adyen.verify(ACCOUNT, a_message(both))


def test_what_gocardless_library_takes_verifies_and_an_odd_header_is_no_error_here():
    """Its own check fails with an error of types."""
    vendor = pytest.importorskip("gocardless_pro.webhooks")
    body = json.dumps({"events": [{"id": "EV1", "resource_type": "payments", "action": "confirmed"}]})
    signature = hmac.new(SECRET.encode(), body.encode(), hashlib.sha256).hexdigest()
    assert [event.id for event in vendor.parse(body, SECRET, signature)] == ["EV1"]
    assert gocardless.verify(ACCOUNT, a_message(body.encode(), {"Webhook-Signature": signature})).event_id == "EV1"
    with pytest.raises(TypeError):
        vendor.parse(body, SECRET, "é")
    with pytest.raises(gocardless.BadWebhookSignature):
        gocardless.verify(ACCOUNT, a_message(body.encode(), {"Webhook-Signature": "é"}))
