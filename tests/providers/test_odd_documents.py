"""Documents with one value that nobody expects: read, or named; never an error of ours."""

import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.errors import GatewayError
from gateway.payments import adyen, gocardless, klarna, mollie, paypal, stripe, unzer
from gateway.payments.fold import fold
from tests.foreign import ODD, places
from tests.provider_messages import NOW, a_message, an_account, fixture_json

ACCOUNT = an_account({"merchant_account": "YOUR_MERCHANT_ACCOUNT"})


def stripe_read(document):
    event = {"id": "evt_1", "type": "charge.dispute.created", "created": 1, "livemode": True}
    return stripe.read(ACCOUNT, a_message(event | {"data": {"object": document}}))


def gocardless_read(document):
    event = {"id": "EV1", "created_at": "2026-11-20T09:00:00Z", "action": "failed", "details": {"scheme": "sepa_core"}}
    return [gocardless.payment_fact(event, document)]


def klarna_read(document):
    return klarna.read(ACCOUNT, a_message(document))


READS = {
    "stripe": (lambda: fixture_json("stripe/fixtures3.json")["resources"]["dispute"], stripe_read),
    "adyen": (
        lambda: fixture_json("adyen/webhook-examples/CHARGEBACK__chargeback.json")["notificationItems"][0][
            "NotificationRequestItem"
        ],
        lambda document: adyen.item_facts(ACCOUNT, document, NOW),
    ),
    "paypal capture": (
        lambda: fixture_json("paypal/webhook-examples/PAYMENT.CAPTURE.COMPLETED.json")["resource"],
        paypal.capture_facts,
    ),
    "paypal dispute": (
        lambda: fixture_json("paypal/webhook-examples/CUSTOMER.DISPUTE.RESOLVED.json")["resource"],
        paypal.dispute_facts,
    ),
    "mollie": (
        lambda: (
            fixture_json("mollie/payment_canceled.json")
            | {
                "status": "paid",
                "_embedded": {
                    "chargebacks": [fixture_json("mollie/payment_chargeback_single.json")],
                    "refunds": [fixture_json("mollie/refund_single.json") | {"status": "refunded"}],
                },
            }
        ),
        lambda document: mollie.facts_of(document, live=False),
    ),
    "gocardless": (
        lambda: fixture_json("gocardless/payments.json")["get"]["body"]["payments"],
        gocardless_read,
    ),
    "klarna": (lambda: fixture_json("klarna/payment.dispute.state-change.initiated.json"), klarna_read),
    "unzer": (lambda: fixture_json("unzer/paymentWithMultipleChargebacks.json"), unzer.facts_of),
}


@pytest.mark.parametrize("name", READS)
@settings(max_examples=150)
@given(data=st.data())
def test_one_odd_value_is_no_error_of_ours(name, data):
    """Anywhere in a document that a provider sends or answers; what was read can be folded."""
    document, read = READS[name][0](), READS[name][1]
    changed = copy.deepcopy(document)
    *way, last = data.draw(st.sampled_from([place for place in places(document) if place]))
    inner = changed
    for step in way:
        inner = inner[step]
    inner[last] = data.draw(ODD)
    try:
        facts = read(changed)
    except GatewayError:
        return
    fold(facts)
