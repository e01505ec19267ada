"""`/in/<word>`: shops that push their orders, signed."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import text

from gateway.core import clock, inbox, signing
from gateway.core.crypto import unseal
from gateway.core.errors import Invalid
from gateway.core.ids import new_id
from gateway.core.work import Fail, Job
from gateway.merchants import callbacks, secrets
from gateway.shops import connections, intake, shops
from gateway.shops.listing import get_order
from gateway.shops.orders import OrderUnknown, RefundExceedsPayment
from tests.builders import a_world, secret_bytes

ORDER = {
    "reference": "1001",
    "method": {"id": "cheque", "kind": "invoice"},
    "currency": "EUR",
    "total_minor": 12_490,
    "placed_at": "2026-11-02T09:00:00Z",
    "buyer": {"email": "ada@example.com"},
}


def an_event(event, **overrides):
    return {
        "reference": "1001",
        "event": event,
        "external_id": event,
        "occurred_at": "2026-11-03T09:00:00Z",
    } | overrides


class Pusher:
    """A shop that pushes, and the worker behind the door."""

    def __init__(self, app, services, world):
        self.client, self.services, self.world = app.test_client(), services, world
        with services.db.transaction(world.merchant_id) as session:
            self.connection = connections.create(session, services.keyring, world.shop_id, "orders", clock.now())

    def push(self, kind, data, message_id="msg_1", *, secret="", body=b"", at=None, word=""):
        body = body or json.dumps({"type": kind, "data": data}).encode()
        now = at or clock.now()
        key = signing.SigningKey("k", secret_bytes(secret or self.connection.secret), now - timedelta(hours=1))
        headers = signing.sign([key], message_id, body, now)
        path = f"/in/{word or self.connection.word}"
        return self.client.post(path, data=body, headers=headers, content_type="application/json")

    def rows(self, what="state, proof", where="true"):
        with self.services.db.connection(self.world.merchant_id) as connection:
            return connection.execute(text(f"SELECT {what} FROM inbox_message WHERE {where} ORDER BY id")).all()

    def work(self):
        """Handle what waits, as the worker does."""
        key_of = lambda session: secrets.get_key(session, self.services.keyring, "data")  # noqa: E731
        task = inbox.handling_task(key_of, intake.HANDLERS)
        for row in self.rows("id", "state = 'received'"):
            args = {"message_id": str(row.id)}
            task.handler(self.services, Job(1, "inbox", inbox.TASK, self.world.merchant_id, args, 1))

    def order(self):
        with self.services.db.transaction(self.world.merchant_id) as session:
            return get_order(session, self.services.keyring, shops.get(session, self.world.shop_id), "1001")


@pytest.fixture
def pusher(app, services):
    return Pusher(app, services, a_world(services))


def test_a_pushed_order_and_its_payment_are_worked_off(pusher):
    """Stored and answered at once, carried out by the worker; a message that comes twice counts once."""
    for _ in range(2):
        assert pusher.push("order.put", ORDER).status_code == 202
    pusher.work()
    assert pusher.push("order.event", an_event("paid", amount_minor=12_490), "msg_2").status_code == 202
    pusher.work()
    assert (pusher.order()["open_minor"], pusher.order()["buyer"]) == (0, {"email": "ada@example.com"})
    assert [tuple(row) for row in pusher.rows()] == [("done", "signed"), ("done", "signed")]


def test_a_wrong_signature_is_refused_and_kept_unverified(pusher):
    """So that somebody can see why; it is never acted upon and claims no event id."""
    other = signing.secret_text(b"another secret of the right size")
    answer = pusher.push("order.put", ORDER, secret=other)
    assert (answer.status_code, answer.json["code"]) == (401, "bad-signature")
    late = pusher.push("order.put", ORDER, at=clock.now() - timedelta(minutes=6))
    assert (late.status_code, late.json["reason"]) == (401, "too-old")
    assert pusher.client.post(f"/in/{pusher.connection.word}", data=b"{}").status_code == 401
    assert {tuple(row) for row in pusher.rows()} == {("ignored", "unverified")}
    assert pusher.push("order.put", ORDER).status_code == 202
    pusher.work()
    assert pusher.order()["reference"] == "1001"


@pytest.mark.parametrize("word", ["x", "x" * 43, "x" * 44, "%01" * 43, "ü" * 43])
def test_an_address_that_nobody_was_given_leads_nowhere(pusher, word):
    """404 whatever is tried."""
    answer = pusher.push("order.put", ORDER, word=word)
    assert (answer.status_code, pusher.rows()) == (404, [])


def test_a_closed_connection_takes_nothing_more(pusher, services):
    """Nor one whose shop was closed."""
    with services.db.transaction(pusher.world.merchant_id) as session:
        connections.close(session, pusher.connection.facts.id, clock.now())
    assert pusher.push("order.put", ORDER).json["code"] == "connection-unknown"
    again = Pusher(pusher.client.application, services, pusher.world)
    with services.db.transaction(pusher.world.merchant_id) as session:
        shops.close(session, pusher.world.shop_id, clock.now())
        with pytest.raises(shops.ShopClosed):
            connections.create(session, services.keyring, pusher.world.shop_id, "orders", clock.now())
    assert again.push("order.put", ORDER).status_code == 404


def test_a_message_larger_than_a_megabyte_is_refused(pusher):
    """Before it is read."""
    answer = pusher.push("order.put", {}, body=b" " * (1024 * 1024 + 1))
    assert (answer.status_code, answer.json["code"]) == (413, "message-too-large")


def test_a_message_id_longer_than_we_keep_is_refused(pusher):
    """A sender's bug is named, not stored cut off."""
    answer = pusher.push("order.put", ORDER, "m" * 256)
    assert (answer.status_code, answer.json["code"]) == (409, "message-refused")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"no json", "not-json"),
        (b'{"type": "order.put", "data": []}', "no-reference"),
        (b'{"type": "order.put", "data": {"reference": 7}}', "no-reference"),
        (b'{"type": "order.put", "data": {"reference": "1001"}}', "invalid-input"),
        (b'{"type": "order.event", "data": {"reference": "1001", "event": "lost"}}', "invalid-input"),
    ],
)
def test_what_can_never_be_carried_out_is_parked_with_its_reason(pusher, body, reason):
    """The admin sees it; it is not tried again."""
    assert pusher.push("", {}, body=body).status_code == 202
    with pytest.raises(Fail) as failed:
        pusher.work()
    assert failed.value.reason == reason


def test_a_contradiction_is_parked_and_something_else_is_left_alone(pusher):
    """Another currency can never become true; an unknown type is no order of ours."""
    pusher.push("order.put", ORDER)
    pusher.work()
    pusher.push("product.updated", {"sku": "SHOE-1"}, "msg_2")
    pusher.push("", {}, "msg_3", body=b"[1]")
    pusher.work()
    assert [row.state for row in pusher.rows()] == ["done", "ignored", "ignored"]
    pusher.push("order.put", ORDER | {"currency": "CHF"}, "msg_4")
    with pytest.raises(Fail) as failed:
        pusher.work()
    assert failed.value.reason == "order-contradicts"


def test_an_event_that_overtakes_its_order_is_tried_again(pusher):
    """And a refund that overtakes its payment."""
    pusher.push("order.event", an_event("paid", amount_minor=12_490), "msg_1")
    with pytest.raises(OrderUnknown):
        pusher.work()
    pusher.push("order.put", ORDER, "msg_2")
    with pytest.raises(OrderUnknown):
        pusher.work()
    pusher.push("order.event", an_event("refunded", amount_minor=12_490), "msg_3")
    rows = pusher.rows("id")
    key_of = lambda session: secrets.get_key(session, pusher.services.keyring, "data")  # noqa: E731
    task = inbox.handling_task(key_of, intake.HANDLERS)

    def handle(number):
        args = {"message_id": str(rows[number].id)}
        task.handler(pusher.services, Job(1, "inbox", inbox.TASK, pusher.world.merchant_id, args, 1))

    handle(1)
    with pytest.raises(RefundExceedsPayment):
        handle(2)
    handle(0)
    handle(2)
    assert (pusher.order()["paid_minor"], pusher.order()["refunded_minor"]) == (12_490, 12_490)


def test_merchants_hear_of_their_orders_without_personal_data(pusher, services):
    """Placed and paid: two messages with ids, state and amounts."""
    with services.db.transaction(pusher.world.merchant_id) as session:
        callbacks.register(
            session, services.keyring, "https://erp.example.com/", frozenset({"order.changed"}), clock.now()
        )
    pusher.push("order.put", ORDER)
    pusher.push("order.event", an_event("paid", amount_minor=12_490), "msg_2")
    pusher.work()
    with services.db.transaction(pusher.world.merchant_id) as session:
        key = secrets.get_key(session, services.keyring, "data")
        sealed = session.execute(text("SELECT id, payload FROM outbox_message ORDER BY id")).all()
        told = [json.loads(unseal(key, bytes(row.payload), f"outbox_message.payload:{row.id}")) for row in sealed]
    assert [(each["type"], each["data"]["event"], each["data"]["open_minor"]) for each in told] == [
        ("order.changed", "placed", 12_490),
        ("order.changed", "paid", 0),
    ]
    assert "ada" not in json.dumps(told)


def test_connections_are_of_known_kinds_and_of_one_merchant(services, pusher):
    """Listed without their secrets."""
    with services.db.transaction(pusher.world.merchant_id) as session:
        with pytest.raises(Invalid):
            connections.create(session, services.keyring, pusher.world.shop_id, "fax", clock.now())
        assert [each.id for each in connections.list_connections(session)] == [pusher.connection.facts.id]
    with services.db.transaction(a_world(services).merchant_id) as session:
        assert connections.list_connections(session) == []
        with pytest.raises(connections.ConnectionUnknown):
            connections.close(session, pusher.connection.facts.id, clock.now())
        with pytest.raises(connections.ConnectionUnknown):
            connections.close(session, new_id(), clock.now())
    assert pusher.connection.word not in repr(pusher.connection)
