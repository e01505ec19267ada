"""`/in/<provider>/<word>`: messages of payment providers, from the door to the payment."""

import base64
import hashlib
import hmac
import json
from datetime import timedelta

import pytest
from sqlalchemy import text

from gateway.core import clock, events, inbox
from gateway.core.errors import Invalid
from gateway.core.work import Fail, Job, Retry
from gateway.merchants import secrets
from gateway.payments import accounts, adyen, paypal_proof
from gateway.payments import events as payment_events
from gateway.payments import intake as provider_intake
from gateway.payments.accounts import NewAccount
from gateway.payments.calls import ProviderAway
from gateway.payments.record import (
    CurrencyContradicts,
    ProviderPaymentUnknown,
    find_by_order,
    find_by_reference,
    get_fold,
)
from gateway.shops import shops
from gateway.shops.connections import ConnectionUnknown
from tests.builders import a_world
from tests.provider_messages import an_interface
from tests.providers import test_paypal

SECRET = "whsec_only_for_tests_0001"
ADYEN_KEY = "0123456789abcdef" * 4
SETTINGS = {
    "stripe": {"webhook_secret": SECRET, "api_key": "sk_live_only_for_tests"},
    "adyen": {"hmac_key": ADYEN_KEY, "merchant_account": "Musterladen"},
    "paypal": {"webhook_id": "4JH86294D6297924G", "client_id": "only_for_tests", "client_secret": "only_for_tests"},
    "mollie": {"api_key": "live_only_for_tests", "signing_secret": "only_for_tests"},
    "gocardless": {"webhook_secret": "only_for_tests", "access_token": "live_only_for_tests"},
    "klarna": {"signing_keys": "key1:only_for_tests"},
    "unzer": {"private_key": "p-priv-only_for_tests"},
}
HEARD = (
    payment_events.PaymentReceived,
    payment_events.PaymentReturned,
    payment_events.PaymentRefunded,
    payment_events.DisputeOpened,
    payment_events.DisputeUpdated,
    payment_events.DisputeWon,
    payment_events.DisputeLost,
    payment_events.FraudReported,
)


class Caller:
    """A provider that calls, and the worker behind the door."""

    def __init__(self, app, services, provider, **settings):
        self.app, self.services, self.provider = app, services, provider
        self.client, self.world = app.test_client(), a_world(services)
        told = SETTINGS[provider] | settings
        with services.db.transaction(self.world.merchant_id) as session:
            new = NewAccount(self.world.shop_id, provider, told)
            self.connection = accounts.connect(session, services.keyring, new, clock.now(), allow_private=True)

    def call(self, body, headers=None, *, provider="", word=""):
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        path = f"/in/{provider or self.provider}/{word or self.connection.word}"
        return self.client.post(path, data=raw, headers=headers or {})

    def stripe(self, event, *, secret=SECRET, at=None):
        raw = json.dumps(event).encode()
        stamp = str(int((at or clock.now()).timestamp()))
        mac = hmac.new(secret.encode(), f"{stamp}.".encode() + raw, hashlib.sha256).hexdigest()
        return self.call(raw, {"Stripe-Signature": f"t={stamp},v1={mac}"})

    def rows(self, table="inbox_message", what="state, proof", where="true"):
        with self.services.db.connection(self.world.merchant_id) as connection:
            return connection.execute(text(f"SELECT {what} FROM {table} WHERE {where} ORDER BY id")).all()

    def work(self):
        """Handle what waits, as the worker does."""
        key_of = lambda session: secrets.get_key(session, self.services.keyring, "data")  # noqa: E731
        task = inbox.handling_task(key_of, provider_intake.handlers())
        for row in self.rows(what="id", where="state = 'received'"):
            args = {"message_id": str(row.id)}
            task.handler(self.services, Job(1, "inbox", inbox.TASK, self.world.merchant_id, args, 1))

    def payments(self):
        return [
            tuple(row) for row in self.rows("payment", "external_id, state, captured_minor, returned_minor, lost_minor")
        ]


@pytest.fixture
def caller(app, services):
    return lambda provider, **settings: Caller(app, services, provider, **settings)


@pytest.fixture
def heard():
    """What is published."""
    before, told = events._listeners, []
    events.install({kind: (lambda _, event: told.append(event),) for kind in HEARD})
    yield told
    events.install(before)


def an_event(kind="charge.succeeded", id_="evt_1", created=1_790_000_000, **of):
    charge = {"id": "ch_1", "status": "succeeded", "captured": True, "amount_captured": 12_490, "currency": "eur"}
    return {"id": id_, "type": kind, "created": created, "livemode": True, "data": {"object": charge | of}}


def a_dispute(status, id_, created):
    of = {"id": "dp_1", "charge": "ch_1", "amount": 12_490, "reason": "fraudulent", "status": status}
    kind = "charge.dispute.created" if status == "needs_response" else "charge.dispute.closed"
    return an_event(kind, id_, created, **of, evidence_details={"due_by": 1_791_000_000})


def an_item(code="AUTHORISATION", psp="PSP1", **overrides):
    item = {
        "amount": {"currency": "EUR", "value": 1000},
        "eventCode": code,
        "eventDate": "2026-11-20T01:00:00+01:00",
        "merchantAccountCode": "Musterladen",
        "merchantReference": "1001",
        "originalReference": "",
        "paymentMethod": "visa",
        "pspReference": psp,
        "success": "true",
    } | overrides
    mac = hmac.new(bytes.fromhex(ADYEN_KEY), adyen.signed_content(item).encode(), hashlib.sha256).digest()
    return item | {"additionalData": {"hmacSignature": base64.b64encode(mac).decode()}}


def batch(*items):
    return {"live": "true", "notificationItems": [{"NotificationRequestItem": item} for item in items]}


def test_a_payment_told_twice_is_received_once(caller, heard):
    """Stored and answered at once, worked off by the worker; whoever listens hears of it once."""
    stripe = caller("stripe")
    for _ in range(2):
        assert stripe.stripe(an_event(metadata={"order_id": "1001", "kulanz_reference": "clm_1"})).status_code == 200
    stripe.work()
    assert stripe.stripe(an_event("charge.captured", "evt_2")).status_code == 200
    stripe.work()
    assert stripe.payments() == [("ch_1", "PAID", 12_490, 0, 0)]
    assert [(type(each).__name__, each.amount_minor) for each in heard] == [("PaymentReceived", 12_490)]
    assert [tuple(row) for row in stripe.rows()] == [("done", "signed"), ("done", "signed")]
    with stripe.services.db.transaction(stripe.world.merchant_id) as session:
        found = find_by_reference(session, "clm_1")
        assert found == find_by_order(session, stripe.world.shop_id, "1001")
        assert (found[0].provider, found[0].live) == ("stripe", True)
        assert find_by_reference(session, "") == []


def test_a_dispute_is_heard_of_when_it_opens_and_when_it_ends(caller, heard):
    """Also when its end arrives first."""
    stripe = caller("stripe")
    for event in (
        an_event(),
        a_dispute("lost", "evt_3", 1_790_000_200),
        a_dispute("needs_response", "evt_2", 1_790_000_100),
    ):
        stripe.stripe(event)
        stripe.work()
    assert [type(each).__name__ for each in heard] == ["PaymentReceived", "DisputeOpened", "DisputeLost"]
    assert stripe.payments() == [("ch_1", "PAID", 12_490, 0, 12_490)]
    payment_id = heard[0].payment.id
    with stripe.services.db.transaction(stripe.world.merchant_id) as session:
        assert get_fold(session, payment_id)[1].disputes["dp_1"].due_at is not None
    with (
        stripe.services.db.transaction(a_world(stripe.services).merchant_id) as session,
        pytest.raises(ProviderPaymentUnknown),
    ):
        get_fold(session, payment_id)


def test_what_is_not_proven_is_refused_and_acts_on_nothing(caller):
    """A forged one, one of the future, one without a header: kept unverified for a while, and the genuine one counts."""
    stripe = caller("stripe")
    assert stripe.stripe(an_event(), secret="whsec_somebody_elses").status_code == 401
    assert stripe.stripe(an_event(), at=clock.now() + timedelta(days=1)).json["reason"] == "too-new"
    assert stripe.call(an_event()).json["code"] == "bad-signature"
    assert {tuple(row) for row in stripe.rows()} == {("ignored", "unverified")}
    assert stripe.stripe(an_event()).status_code == 200
    stripe.work()
    assert stripe.payments() == [("ch_1", "PAID", 12_490, 0, 0)]


def test_a_forged_second_item_spoils_the_batch_and_suppresses_nobodys_payment(caller):
    """The genuine item alone is taken afterwards."""
    other = caller("adyen")
    forged = an_item("AUTHORISATION", "PSP2") | {"amount": {"currency": "EUR", "value": 999_900}}
    assert other.call(batch(an_item(), forged)).status_code == 401
    assert other.payments() == []
    assert other.call(batch(an_item(), an_item(psp="PSP2"))).status_code == 200
    other.work()
    assert other.payments() == [("PSP1", "PAID", 1000, 0, 0), ("PSP2", "PAID", 1000, 0, 0)]


def test_another_tenants_event_id_is_his_own(caller):
    """Nobody keeps a payment of somebody else out by being first."""
    first, second = caller("stripe"), caller("stripe")
    for one in (first, second):
        assert one.stripe(an_event()).status_code == 200
        one.work()
        assert one.payments() == [("ch_1", "PAID", 12_490, 0, 0)]


def test_a_dispute_that_does_not_name_its_payment_waits_for_the_word_that_does(caller):
    """Some of Adyen's events tell the dispute only."""
    mine = caller("adyen")
    mine.call(batch(an_item("CHARGEBACK_REVERSED", "DSP1")))
    with pytest.raises(ProviderPaymentUnknown):
        mine.work()
    mine.call(batch(an_item("CHARGEBACK", "DSP1", originalReference="PSP1")))
    with pytest.raises(ProviderPaymentUnknown):
        mine.work()
    key_of = lambda session: secrets.get_key(session, mine.services.keyring, "data")  # noqa: E731
    task = inbox.handling_task(key_of, provider_intake.handlers())
    for row in reversed(mine.rows(what="id")):
        args = {"message_id": str(row.id)}
        task.handler(mine.services, Job(1, "inbox", inbox.TASK, mine.world.merchant_id, args, 1))
    assert [row.kind for row in mine.rows("payment_event", "kind")] == ["dispute_updated", "dispute_won"]


ODD_BODIES = (
    b"",
    b"\xff\xfe\x00",
    b"{}",
    b"[" * 5000,
    b'{"id": "\\u0000", "paymentId": "\\ud800", "notificationItems": 1, "events": 1}',
    b'{"notificationItems": [{"NotificationRequestItem": {"amount": 1}}], "events": [1]}',
    b"id=%00",
    b'{"a": 1, "a": NaN}',
)
PROVING = (
    "Stripe-Signature",
    "X-Mollie-Signature",
    "Webhook-Signature",
    "Klarna-Signature",
    "Klarna-Signing-Key-Id",
    "Paypal-Transmission-Id",
    "Paypal-Transmission-Time",
    "Paypal-Transmission-Sig",
    "Paypal-Cert-Url",
    "Paypal-Auth-Algo",
    "Authorization",
)
"""Headers in which providers prove who they are."""


@pytest.mark.parametrize("provider", sorted(SETTINGS))
def test_no_message_is_an_error_of_ours(caller, provider):
    """Whatever stands in body and headers: 4xx, and nothing of it counts as proven."""
    one = caller(provider)
    for body in ODD_BODIES:
        for value in (None, "", "é", "t=1,v1=é", "ÿ" * 300):
            form = {"Content-Type": "application/x-www-form-urlencoded"} if body.startswith(b"id=") else {}
            answer = one.call(body, form | ({} if value is None else dict.fromkeys(PROVING, value)))
            assert 400 <= answer.status_code < 500, (body, value)
    assert {row.proof for row in one.rows()} <= {"unverified"}


def test_refusals_are_as_each_provider_wants_them(caller):
    """498 for GoCardless, 400 for Klarna."""
    assert caller("gocardless").call({"events": []}).status_code == 498
    assert caller("klarna").call({}).status_code == 400


def test_an_address_leads_to_its_own_provider_only(caller, services):
    """Not to another one, not to the door of shops, and nowhere once it is closed."""
    stripe = caller("stripe")
    assert stripe.call({}, provider="adyen").status_code == 404
    assert stripe.call({}, word="x" * 43).status_code == 404
    assert stripe.call({}, provider="nobody").status_code == 404
    assert stripe.client.post(f"/in/{stripe.connection.word}", data=b"{}").status_code == 404
    stripe = caller("stripe")
    with services.db.transaction(stripe.world.merchant_id) as session:
        accounts.close(session, stripe.connection.facts.id, clock.now())
        assert accounts.list_accounts(session)[0].secret_names == ()
        with pytest.raises(ConnectionUnknown):
            accounts.open_account(session, services.keyring, stripe.connection.facts.id, allow_private=True)
    assert stripe.call({}).json["code"] == "connection-unknown"


def test_a_message_that_waits_when_its_connection_is_closed_is_parked(caller, services):
    """The admin sees it."""
    stripe = caller("stripe")
    stripe.stripe(an_event())
    with services.db.transaction(stripe.world.merchant_id) as session:
        accounts.close(session, stripe.connection.facts.id, clock.now())
    with pytest.raises(Fail) as failed:
        stripe.work()
    assert failed.value.reason == "connection-closed"


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (an_event() | {"livemode": False}, "wrong-mode"),
        (an_event(currency="xxx"), "unreadable"),
        (an_event(amount_captured=-5), "unreadable"),
        (an_event(amount_captured=True), "unreadable"),
    ],
)
def test_what_can_never_be_read_is_parked_with_its_reason(caller, event, reason):
    """Test money never settles a live claim."""
    stripe = caller("stripe")
    assert stripe.stripe(event).status_code == 200
    with pytest.raises(Fail) as failed:
        stripe.work()
    assert failed.value.reason == reason
    assert stripe.payments() == []


def test_one_payment_has_one_currency(caller):
    """A contradiction is parked."""
    stripe = caller("stripe")
    stripe.stripe(an_event())
    stripe.work()
    stripe.stripe(an_event("charge.refunded", "evt_2", amount_refunded=5, currency="usd"))
    with pytest.raises(Fail) as failed:
        stripe.work()
    assert failed.value.reason == CurrencyContradicts.code


def test_a_message_larger_than_a_megabyte_is_refused(caller):
    """Before it is read."""
    assert caller("stripe").call(b" " * (1024 * 1024 + 1)).json["code"] == "payload-too-large"


def a_mollie_payment(status="paid"):
    return {
        "id": "tr_1234",
        "mode": "live",
        "createdAt": "2026-11-01T09:00:00+00:00",
        "amount": {"value": "10.00", "currency": "EUR"},
        "status": status,
        "paidAt": "2026-11-02T09:00:00+00:00",
    }


def test_a_hint_moves_money_only_after_the_provider_was_asked(caller, heard):
    """The provider may be away for a while; a hint to nothing is forgotten."""
    answers = {}
    with an_interface(answers) as url:
        mollie = caller("mollie", api_url=url)
        path = ("GET", "/v2/payments/tr_1234?embed=refunds,chargebacks")
        assert mollie.call(b"id=tr_1234").status_code == 200
        answers[path] = 503, {}
        with pytest.raises(ProviderAway):
            mollie.work()
        answers[path] = 429, {}
        with pytest.raises(Retry) as waits:
            mollie.work()
        assert waits.value.after_s == 7
        answers[path] = 200, a_mollie_payment("open")
        mollie.work()
        assert mollie.payments() == []
        for _ in range(2):
            mollie.call(b"id=tr_1234")
        mollie.call(b"id=tr_9999")
        answers[path] = 200, a_mollie_payment()
        mollie.work()
    assert mollie.payments() == [("tr_1234", "PAID", 1000, 0, 0)]
    assert len(heard) == 1
    assert [tuple(row) for row in mollie.rows()] == [
        ("ignored", "hint"),
        ("done", "hint"),
        ("done", "hint"),
        ("ignored", "hint"),
    ]


def genuine(provider):
    """A message as the provider sends it, the answers of its interface, and the payment that comes of it."""
    if provider == "gocardless":
        links = {"payment": "PM1"}
        event = {"id": "EV1", "created_at": "2026-11-20T09:00:00Z", "resource_type": "payments", "action": "confirmed"}
        raw = json.dumps({"events": [event | {"links": links}]}).encode()
        payment = {"payments": {"id": "PM1", "amount": 1000, "currency": "EUR"}}
        signature = hmac.new(b"only_for_tests", raw, hashlib.sha256).hexdigest()
        return raw, {"Webhook-Signature": signature}, {("GET", "/payments/PM1"): (200, payment)}, "PM1"
    if provider == "unzer":
        charge = {"type": "charge", "status": "success", "date": "2026-11-20 09:00:00", "amount": "10.0000"}
        listed = [charge | {"url": "https://api.unzer.com/v1/payments/p-pay-1/charges/s-chg-1"}]
        payment = {"id": "p-pay-1", "currency": "EUR", "transactions": listed}
        return b'{"paymentId": "p-pay-1"}', {}, {("GET", "/v1/payments/p-pay-1"): (200, payment)}, "p-pay-1"
    capture = {
        "id": "CAP1",
        "status": "COMPLETED",
        "amount": {"currency_code": "EUR", "value": "10.00"},
        "create_time": "2026-11-20T09:00:00Z",
    }
    answers = {
        ("POST", "/v1/oauth2/token"): (200, {"access_token": "A21", "expires_in": 32400}),
        ("GET", "/v2/payments/captures/CAP1"): (200, capture),
    }
    return a_paypal_delivery(capture), None, answers, "CAP1"


def a_paypal_delivery(capture):
    """Signed by a certificate of a root that is trusted in this test only."""
    root_key, key = test_paypal.a_key(), test_paypal.a_key()
    days = (-3000, 3000)
    name, url = paypal_proof.CERT_NAMES[True], test_paypal.CERT_URL.replace("api.sandbox.", "api.")
    root = test_paypal.a_certificate("A Root", root_key, ca=True, days=days)
    leaf = test_paypal.a_certificate(name, key, issuer="A Root", issuer_key=root_key, names=[name], days=days)
    way = accounts.net(allow_private=True)
    way.roots = test_paypal.pem(root)
    way.keep(url, test_paypal.pem(leaf), clock.now().timestamp() + 3600)
    event = test_paypal.an_event("PAYMENT.CAPTURE.COMPLETED", capture)
    return test_paypal.signed(key, event, at=clock.now(), paypal_cert_url=url)


@pytest.mark.parametrize("provider", ["gocardless", "unzer", "paypal"])
def test_what_is_fetched_becomes_a_payment(caller, provider, monkeypatch):
    """From the door through the provider's interface to the row."""
    monkeypatch.setattr(accounts.net(allow_private=True), "roots", None)  # as it was, once the test is over
    body, headers, answers, payment = genuine(provider)
    if headers is None:
        body, headers = body.body, dict(body.headers)
    with an_interface(answers) as url:
        one = caller(provider, api_url=url)
        for _ in range(2):
            assert one.call(body, headers).status_code == 200
        one.work()
    assert one.payments() == [(payment, "PAID", 1000, 0, 0)]


def test_a_dispute_at_klarna_is_a_payment_with_a_deadline(caller, heard):
    """Its amount came by the bank."""
    metadata = {
        "event_type": "payment.dispute.state-change.initiated",
        "event_id": "e1",
        "occurred_at": "2026-11-20T09:00:00Z",
        "live": True,
    }
    payload = {
        "payment_dispute_id": "krn:dispute:1",
        "payment_transaction_id": "krn:payment:1",
        "state": "INITIATED",
        "dispute_details": {"dispute_amount": 39_900, "currency": "EUR"},
        "representment": {"expires_at": "2026-12-11T09:00:00Z"},
    }
    raw = json.dumps({"metadata": metadata, "payload": payload}).encode()
    signature = hmac.new(b"only_for_tests", raw, hashlib.sha256).hexdigest()
    klarna = caller("klarna")
    assert klarna.call(raw, {"Klarna-Signature": signature, "Klarna-Signing-Key-Id": "key1"}).status_code == 200
    klarna.work()
    assert klarna.payments() == [("krn:payment:1", "PENDING", 0, 0, 0)]
    assert [(type(event).__name__, event.dispute.due_at.day) for event in heard] == [("DisputeOpened", 11)]


def test_more_hints_than_can_wait_are_turned_away(caller, monkeypatch):
    """The provider sends them again; anybody can send hints."""
    monkeypatch.setitem(inbox.ROOM, inbox.Proof.HINT, 2)
    mollie = caller("mollie")
    assert [mollie.call(b"id=tr_1234").status_code for _ in range(3)] == [200, 200, 503]


def test_every_fault_of_an_account_is_named_and_no_value_is(caller, services):
    """Unknown, missing, malformed settings; a secret is neither listed nor in any message."""
    world = caller("stripe").world
    with services.db.transaction(world.merchant_id) as session:
        for told, paths in (
            ({}, ["/settings/webhook_secret"]),
            ({"webhook_secret": "x", "pin": "1234"}, ["/settings/pin", "/settings/webhook_secret"]),
            ({"webhook_secret": SECRET, "api_url": "http://127.0.0.1:1"}, ["/settings/api_url"]),
            ({"webhook_secret": f"{SECRET} " * 51}, ["/settings/webhook_secret"]),
        ):
            with pytest.raises(Invalid) as invalid:
                accounts.connect(session, services.keyring, NewAccount(world.shop_id, "stripe", told), clock.now())
            assert [error["path"] for error in invalid.value.facts["errors"]] == paths
            assert "1234" not in str(invalid.value.facts)
        with pytest.raises(Invalid):
            accounts.connect(session, services.keyring, NewAccount(world.shop_id, "nobody", {}), clock.now())


def test_settings_change_one_by_one_and_secrets_stay_sealed(caller, services):
    """What is not named stays; an empty value removes."""
    stripe = caller("stripe")
    id_ = stripe.connection.facts.id
    with services.db.transaction(stripe.world.merchant_id) as session:
        accounts.change(
            session,
            services.keyring,
            id_,
            {"webhook_secret": f"{SECRET}\nwhsec_the_next_one", "api_key": ""},
            clock.now(),
        )
        account = accounts.open_account(session, services.keyring, id_, allow_private=False)
        assert (account.each("webhook_secret"), account.settings.get("api_key")) == (
            [SECRET, "whsec_the_next_one"],
            None,
        )
        assert accounts.get_account(session, id_).secret_names == ("webhook_secret",)
        with pytest.raises(Invalid):
            accounts.change(session, services.keyring, id_, {"webhook_secret": ""}, clock.now())
    row = stripe.rows("provider_account", "settings, secrets_sealed")[0]
    assert SECRET not in json.dumps(row.settings)
    assert SECRET.encode() not in bytes(row.secrets_sealed)
    assert SECRET not in repr(account)
    with services.db.transaction(a_world(services).merchant_id) as session:
        assert accounts.list_accounts(session) == []
        with pytest.raises(ConnectionUnknown):
            accounts.get_account(session, id_)


def test_a_test_shops_payments_are_test_payments(caller, services):
    """Its mode stands with every payment."""
    stripe = caller("stripe")
    with services.db.transaction(stripe.world.merchant_id) as session:
        made = shops.create(session, services.keyring, shops.NewShop(name="Test", live=False), clock.now())
        new = NewAccount(made.id, "stripe", SETTINGS["stripe"])
        stripe.connection = accounts.connect(session, services.keyring, new, clock.now())
    stripe.stripe(an_event() | {"livemode": False})
    stripe.work()
    assert [row.live for row in stripe.rows("payment", "live")] == [False]
