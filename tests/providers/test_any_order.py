"""Messages of every provider, shuffled, repeated and late, end in the same payment; and what is published adds up to it."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core import clock, events
from gateway.core.ids import new_id
from gateway.payments import adyen, gocardless, klarna, mollie, paypal, stripe, unzer
from gateway.payments import events as told
from gateway.payments.accounts import NewAccount, connect
from gateway.payments.fold import Fold, fold
from gateway.payments.models import Payment
from gateway.payments.record import Source, get_fold, record
from tests.builders import a_world
from tests.provider_messages import NOW, a_message, an_account

DAYS = st.integers(1, 6)
"""Few, so that many things happen at the same moment."""


def stripe_facts(draw):
    """Events about one charge: captures, refunds singly and as sums, a dispute, a warning."""
    facts = []
    for number in range(draw(st.integers(1, 8))):
        kind = draw(st.sampled_from(sorted(stripe.READERS)))
        of = {
            "id": draw(st.sampled_from(["x_1", "x_2"])),
            "charge": "ch_1",
            "latest_charge": "ch_1",
            "captured": draw(st.booleans()),
            "currency": "eur",
            "evidence_details": {"due_by": draw(st.integers(0, 3)) * 1_000},
            "reason": draw(st.sampled_from(["fraudulent", "insufficient_funds"])),
            "status": draw(st.sampled_from(["succeeded", "failed", *stripe.RANKS])),
        }
        of |= dict.fromkeys(("amount", "amount_captured", "amount_received", "amount_capturable"), 1000)
        of["amount_refunded"] = draw(st.sampled_from([0, 300, 1000]))
        if kind.startswith("charge.") and "dispute" not in kind and "refund." not in kind:
            of["id"] = "ch_1"
        event = {"id": f"evt_{number}", "type": kind, "created": draw(DAYS), "livemode": True, "data": {"object": of}}
        facts.append(stripe.read(an_account({}), a_message(event)))
    return facts


def adyen_facts(draw):
    """Items about one payment, each with its rank."""
    facts, mine = [], an_account({"merchant_account": "M", "capture": draw(st.sampled_from(["manual", "immediate"]))})
    method = draw(st.sampled_from(["visa", "sepadirectdebit"]))
    for _ in range(draw(st.integers(1, 8))):
        code = draw(st.sampled_from(sorted(adyen.MEANINGS)))
        item = {
            "amount": {"currency": "EUR", "value": 1000},
            "eventCode": code,
            "eventDate": f"2026-11-0{draw(DAYS)}T00:00:00Z",
            "merchantAccountCode": "M",
            "originalReference": "" if code == "AUTHORISATION" else "PSP1",
            "paymentMethod": method,
            "pspReference": "PSP1" if code == "AUTHORISATION" else draw(st.sampled_from(["PSP2", "PSP3"])),
            "success": draw(st.sampled_from(["true", "false"])),
            "additionalData": {"defensePeriodEndsAt": f"2026-12-0{draw(DAYS)}T00:00:00Z"},
        }
        read = adyen.item_facts(mine, item | {"eventDate": "2026-11-01T00:00:00Z"}, NOW)
        facts.append(read)
    return facts


def paypal_facts(draw):
    """Looks at captures, refunds and a dispute."""
    facts = []
    for _ in range(draw(st.integers(1, 8))):
        day = draw(DAYS)
        of = {
            "id": "CAP1",
            "status": draw(st.sampled_from(["COMPLETED", "REVERSED", "DECLINED", "PENDING", "REFUNDED"])),
            "amount": {"currency_code": "EUR", "value": "10.00"},
            "create_time": "2026-11-01T00:00:00Z",
            "update_time": "2026-11-05T00:00:00Z",
        }
        refund = of | {
            "id": draw(st.sampled_from(["R1", "R2"])),
            "status": draw(st.sampled_from(["COMPLETED", "FAILED"])),
        }
        dispute = {
            "dispute_id": "PP-1",
            "disputed_transactions": [{"seller_transaction_id": "CAP1"}],
            "update_time": f"2026-11-0{day}T00:00:00Z",
            "dispute_amount": {"currency_code": "EUR", "value": "10.00"},
            "status": ["OPEN", "UNDER_REVIEW", "RESOLVED"][day // 3],
            "dispute_outcome": {"outcome_code": draw(st.sampled_from(sorted(paypal.WON | paypal.LOST)))},
            "seller_response_due_date": f"2026-12-0{day}T00:00:00Z",
        }
        look = draw(st.integers(0, 2))
        facts.append(
            [paypal.capture_facts(of), paypal.refund_facts(refund, "CAP1"), paypal.dispute_facts(dispute)][look]
        )
    return facts


def mollie_facts(draw):
    """Looks at one payment as it goes on, with refunds and chargebacks."""
    facts = []
    for _ in range(draw(st.integers(1, 8))):
        amount = {"currency": "EUR", "value": "5.00"}
        status = draw(st.sampled_from(["queued", "processing", "refunded", "failed"]))
        refund = {"id": draw(st.sampled_from(["re_1", "re_2"])), "status": status, "amount": amount}
        back = draw(st.sampled_from([None, "2026-11-05T00:00:00Z"]))
        chargeback = {"id": draw(st.sampled_from(["chb_1", "chb_2"])), "amount": amount, "reversedAt": back}
        at = {"createdAt": "2026-11-04T00:00:00Z"}
        payment = {
            "id": "tr_1",
            "mode": "live",
            "createdAt": "2026-11-01T00:00:00Z",
            "amount": {"currency": "EUR", "value": "10.00"},
            "status": draw(st.sampled_from(["open", "authorized", "paid", "failed", "expired"])),
            "_embedded": {"refunds": [refund | at], "chargebacks": [chargeback | at]},
        }
        facts.append(mollie.facts_of(payment, live=True))
    return facts


def gocardless_facts(draw):
    """Events of one payment and two refunds."""
    facts = []
    for number in range(draw(st.integers(1, 8))):
        event = {
            "id": f"EV{number}",
            "created_at": f"2026-11-0{draw(DAYS)}T00:00:00Z",
            "details": {"scheme": "sepa_core", "reason_code": draw(st.sampled_from(["AM04", "MD06", "MS03"]))},
        }
        if draw(st.booleans()):
            action = draw(st.sampled_from(sorted(gocardless.PAYMENTS)))
            payment = {"id": "PM1", "amount": 1000, "currency": "EUR"}
            facts.append([gocardless.payment_fact(event | {"action": action}, payment)])
        else:
            action = draw(st.sampled_from(sorted(gocardless.REFUNDS)))
            refund = {"id": f"RF{number % 2}", "amount": 150, "currency": "EUR", "links": {"payment": "PM1"}}
            facts.append([gocardless.refund_fact(event | {"action": action}, refund)])
    return facts


def klarna_facts(draw):
    """Events of one dispute."""
    facts = []
    for number in range(draw(st.integers(1, 8))):
        state = draw(st.sampled_from([*klarna.RANKS, ""]))
        name = "state-change.x" if state else "updated.representment-deadline-extended"
        metadata = {
            "event_type": f"payment.dispute.{name}",
            "event_id": f"e{number}",
            "occurred_at": f"2026-11-0{draw(DAYS)}T00:00:00Z",
            "live": True,
        }
        payload = {
            "payment_dispute_id": "d1",
            "payment_transaction_id": "p1",
            "state": state,
            "dispute_outcome": draw(st.sampled_from(["WON", "LOST"])),
            "dispute_reason": draw(st.sampled_from(["", "INCORRECT_AMOUNT", "PURCHASE_HIGH_RISK"])),
            "representment": {"expires_at": f"2026-12-0{draw(DAYS)}T00:00:00Z"},
            "updated_fields": {"evidence_response_deadline_at": f"2026-12-1{draw(DAYS)}T00:00:00Z"},
        }
        if state == "INITIATED":
            payload["dispute_details"] = {"dispute_amount": 1000, "currency": "EUR"}
        facts.append(klarna.read(an_account({}), a_message({"metadata": metadata, "payload": payload})))
    return facts


def unzer_facts(draw):
    """Looks at one payment whose transactions become more."""
    kinds = [
        ("authorize", "authorize/s-aut-1"),
        ("charge", "charges/s-chg-1"),
        ("charge", "charges/s-chg-2"),
        ("cancel-charge", "charges/s-chg-1/cancels/s-cnl-1"),
        ("cancel-authorize", "authorize/cancels/s-cnl-1"),
        ("chargeback", "charges/s-chg-1/chargebacks/s-cbk-1"),
        ("chargeback", "charges/s-chg-2/chargebacks/s-cbk-1"),
    ]
    known = [
        {
            "type": kind,
            "status": draw(st.sampled_from(["success", "error", "pending"])),
            "date": f"2026-11-0{draw(DAYS)} 09:00:00",
            "amount": "5.0000",
            "url": f"https://api.unzer.com/v1/payments/p-pay-1/{path}",
        }
        for kind, path in kinds
    ]
    looks = [known[: draw(st.integers(0, len(known)))] for _ in range(draw(st.integers(1, 6)))]
    return [unzer.facts_of({"id": "p-pay-1", "currency": "EUR", "transactions": look}) for look in looks]


SEQUENCES = {
    "stripe": stripe_facts,
    "adyen": adyen_facts,
    "paypal": paypal_facts,
    "mollie": mollie_facts,
    "gocardless": gocardless_facts,
    "klarna": klarna_facts,
    "unzer": unzer_facts,
}
PAYMENT = told.Payment(new_id(), new_id(), new_id(), True, "x", "x", "", "", "", "EUR")


def delivered(messages):
    """What is known after each message, and what was published on the way."""
    known, published, before = {}, [], Fold()
    for message in messages:
        known = {**{fact.key: fact for fact in message}, **known}
        after = fold(known.values())
        published += told.changes(PAYMENT, before, after)
        before = after
    return before, published


def net(published, more, less):
    amount = {more: 1, less: -1}
    return sum(amount.get(type(event), 0) * event.amount_minor for event in published)


def check(draw, provider):
    """Any order, with repetitions, ends in the same payment; what was published adds up to it."""
    messages = SEQUENCES[provider](draw)
    random_ = draw(st.randoms(use_true_random=False))
    end, _ = delivered(messages)
    again = [*messages, *random_.choices(messages, k=len(messages))]
    random_.shuffle(again)
    other, published = delivered(again)
    assert other == end
    taken = net(published, told.PaymentReceived, told.PaymentReturned) + sum(
        event.amount_minor for event in published if isinstance(event, told.ReturnUndone)
    )
    assert taken == end.captured_minor - end.returned_minor
    assert net(published, told.PaymentRefunded, told.RefundReversed) == end.refunded_minor
    last = {event.item: event for event in published if isinstance(event, told.DisputeChanged)}
    assert {item: event.dispute for item, event in last.items()} == end.disputes


@pytest.mark.parametrize("provider", SEQUENCES)
@settings(max_examples=50)
@given(data=st.data())
def test_any_order_of_a_providers_messages_ends_in_the_same_payment(provider, data):
    """Fifty sequences of each."""
    check(data.draw, provider)


@pytest.mark.slow
@pytest.mark.parametrize("provider", SEQUENCES)
@settings(max_examples=500)
@given(data=st.data())
def test_any_order_of_very_many_messages_ends_in_the_same_payment(provider, data):
    """Five hundred sequences of each."""
    check(data.draw, provider)


@pytest.mark.parametrize("seed", range(3))
def test_the_stored_payment_is_the_fold_of_its_facts(services, seed):
    """Shuffled and repeated through the database: the row says what the facts say, and listeners heard of it."""
    world, chance = a_world(services), random.Random(seed)
    charge = {"id": "ch_1", "status": "succeeded", "captured": True, "amount_captured": 1000, "currency": "eur"}
    refund = {"id": "re_1", "charge": "ch_1", "amount": 300, "currency": "eur"}
    dispute = {"id": "dp_1", "charge": "ch_1", "amount": 700, "currency": "eur", "reason": "fraudulent"}
    history = [
        ("charge.succeeded", charge),
        (
            "payment_intent.succeeded",
            {"id": "pi_1", "latest_charge": "ch_1", "amount_received": 1000, "currency": "eur"},
        ),
        ("refund.created", refund | {"status": "succeeded"}),
        ("refund.failed", refund | {"status": "failed"}),
        ("charge.refunded", {"id": "ch_1", "amount_refunded": 200, "currency": "eur"}),
        ("charge.dispute.created", dispute | {"status": "needs_response", "evidence_details": {"due_by": 5000}}),
        ("charge.dispute.closed", dispute | {"status": "lost"}),
        ("radar.early_fraud_warning.created", {"id": "issfr_1", "charge": "ch_1", "fraud_type": "misc"}),
    ]
    read = [
        stripe.read(
            an_account({}),
            a_message(
                {"id": f"evt_{at}", "type": kind, "created": at, "livemode": True, "data": {"object": of}},
            ),
        )
        for at, (kind, of) in enumerate(history, 1)
    ]
    before, heard = events._listeners, []
    kinds = (told.PaymentReceived, told.PaymentReturned, told.PaymentRefunded, told.RefundReversed, told.DisputeLost)
    events.install({kind: (lambda _, event: heard.append(event),) for kind in kinds})
    messages = [*read, *chance.choices(read, k=6)]
    chance.shuffle(messages)
    with services.db.transaction(world.merchant_id) as session:
        new = NewAccount(world.shop_id, "stripe", {"webhook_secret": "whsec_only_for_tests"})
        made = connect(session, services.keyring, new, clock.now())
        source = Source(made.facts.id, world.shop_id, "stripe", True)
        assert sum(record(session, source, facts, NOW) for facts in messages) == sum(map(len, read))
        row = session.query(Payment).one()
        _, stored = get_fold(session, row.id)
    events.install(before)
    assert stored == fold([fact for facts in read for fact in facts])
    amounts = row.captured_minor, row.refunded_minor, row.returned_minor, row.lost_minor
    assert (row.state, *amounts) == ("PAID", 1000, 200, 0, 700)
    assert net(heard, told.PaymentReceived, told.PaymentReturned) == 1000
    assert net(heard, told.PaymentRefunded, told.RefundReversed) == 200
    assert len([event for event in heard if isinstance(event, told.DisputeLost)]) == 1
