"""Endpoints of a merchant: who is called about what, signed with which secret."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from gateway.core import signing
from gateway.core.crypto import unseal
from gateway.core.errors import Invalid
from gateway.core.ids import new_id, to_public
from gateway.merchants import callbacks, secrets
from gateway.merchants.callbacks import ORDER_CHANGED, Happening
from tests.builders import a_world, secret_bytes

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
URL = "https://erp.example.com/kulanz"


@pytest.fixture
def world(services):
    return a_world(services)


@pytest.fixture
def session(services, world):
    with services.db.transaction(world.merchant_id) as opened:
        yield opened


def an_endpoint(session, services, events=frozenset({ORDER_CHANGED}), url=URL):
    return callbacks.register(session, services.keyring, url, events, NOW)


def queued(session):
    return session.execute(text("SELECT id, destination, state, payload FROM outbox_message ORDER BY id")).all()


def test_each_endpoint_hears_once_of_what_it_asked_for(session, services):
    """Two of three want orders; the same happening announced twice is one message each."""
    first, _ = an_endpoint(session, services)
    second, _ = an_endpoint(session, services)
    other, _ = an_endpoint(session, services)
    session.execute(text("UPDATE callback_endpoint SET events = '[]' WHERE id = :id"), {"id": other.id})
    session.expire_all()
    happening = Happening(ORDER_CHANGED, new_id(), NOW, live=True, data={"reference": "1001"})
    assert callbacks.announce(session, services.keyring, happening, NOW) == 2
    assert callbacks.announce(session, services.keyring, happening, NOW) == 0
    messages = queued(session)
    assert {message.destination for message in messages} == {to_public("cbe", first.id), to_public("cbe", second.id)}
    key = secrets.get_key(session, services.keyring, "data")
    body = json.loads(unseal(key, bytes(messages[0].payload), f"outbox_message.payload:{messages[0].id}"))
    assert body == {"type": "order.changed", "timestamp": "2026-11-22T12:00:00Z", "data": {"reference": "1001"}}


def test_messages_of_test_shops_are_written_down_and_withheld(session, services):
    """Nothing leaves the house for a test."""
    an_endpoint(session, services)
    callbacks.announce(session, services.keyring, Happening(ORDER_CHANGED, new_id(), NOW, live=False), NOW)
    assert [message.state for message in queued(session)] == ["withheld"]


def test_without_an_endpoint_nothing_is_queued(session, services):
    """Nor for one that was disabled."""
    endpoint, _ = an_endpoint(session, services)
    callbacks.disable(session, endpoint.id, NOW)
    callbacks.disable(session, endpoint.id, NOW + timedelta(days=1))
    happening = Happening(ORDER_CHANGED, new_id(), NOW, live=True)
    assert callbacks.announce(session, services.keyring, happening, NOW) == 0
    assert callbacks.list_endpoints(session) == []
    assert callbacks.list_endpoints(session, with_disabled=True)[0].disabled_at == NOW


def test_while_a_secret_is_changed_both_sign_and_a_day_later_only_the_new_one(session, services):
    """The receiver may change over whenever it suits him."""
    endpoint, old = an_endpoint(session, services)
    new = callbacks.rotate(session, services.keyring, endpoint.id, NOW)
    found = callbacks.resolver(services.keyring)(session, to_public("cbe", endpoint.id))
    assert (found.url, new == old) == (URL, False)
    for moment, works in ((NOW, {old, new}), (NOW + timedelta(hours=25), {new})):
        headers = signing.sign(found.keys, "msg_1", b"{}", moment)
        for secret in (old, new):
            receiver = signing.SigningKey("r", secret_bytes(secret), NOW - timedelta(days=1))
            try:
                signing.verify([receiver], headers, b"{}", moment)
                known = True
            except signing.BadSignature:
                known = False
            assert known == (secret in works)


def test_a_disabled_or_unknown_endpoint_is_not_called(session, services):
    """What waits for it is parked by its name."""
    endpoint, _ = an_endpoint(session, services)
    callbacks.disable(session, endpoint.id, NOW)
    resolve = callbacks.resolver(services.keyring)
    with pytest.raises(callbacks.EndpointDisabled):
        resolve(session, to_public("cbe", endpoint.id))
    with pytest.raises(callbacks.EndpointDisabled):
        callbacks.rotate(session, services.keyring, endpoint.id, NOW)
    for destination in ("", "cbe_x", to_public("cbe", new_id())):
        with pytest.raises(callbacks.EndpointUnknown):
            resolve(session, destination)


@pytest.mark.parametrize(
    ("url", "events"),
    [
        ("http://erp.example.com/", {ORDER_CHANGED}),
        ("https://user:secret@erp.example.com/", {ORDER_CHANGED}),
        ("ftp://erp.example.com/", {ORDER_CHANGED}),
        ("erp", {ORDER_CHANGED}),
        (URL, set()),
        (URL, {"order.changed", "order.eaten"}),
    ],
)
def test_an_endpoint_that_cannot_be_called_is_refused(session, services, url, events):
    """Only plain https, only events that exist."""
    with pytest.raises(Invalid):
        an_endpoint(session, services, frozenset(events), url)


def test_a_merchant_has_at_most_twenty_endpoints(session, services):
    """Every list has a limit."""
    for _ in range(20):
        an_endpoint(session, services)
    with pytest.raises(callbacks.TooManyEndpoints):
        an_endpoint(session, services)
