"""Connections at the desk: connected, rotated, tried and closed; and what a provider was asked for, settled by a person."""

import re

import pytest
from sqlalchemy import text, update

from gateway.core import clock
from gateway.core.ids import to_public
from gateway.merchants.models import Role
from gateway.payments import accounts, asking
from gateway.payments.accounts import NewAccount
from gateway.payments.providers import RefundWanted
from gateway.payments.request_models import ProviderRequest
from tests.desk_visits import signed_in
from tests.provider_messages import an_interface

SECRET, KEY = "whsec_only_for_tests", "sk_live_only_for_tests"


def acts(services, world):
    """What the audit log names."""
    with services.db.connection(world.merchant_id) as connection:
        return list(connection.execute(text("SELECT event FROM history")).scalars())


def connect(visitor, world, **told):
    form = {"shop": to_public("shp", world.shop_id), "webhook_secret": SECRET, "api_key": KEY} | told
    return visitor.post("/admin/connections/new/stripe/connect", form, page="/admin/connections/new/stripe")


def test_a_provider_is_connected_and_its_address_shown_once(app, services):
    """A message to that address is refused for its signature, so it leads here; no page shows secret or address again."""
    world, visitor = signed_in(app, services)
    answer = connect(visitor, world)
    assert answer.status_code == 201
    address = re.search(r"/in/stripe/[\w-]{43}", answer.text).group()
    assert visitor.client.post(address, data=b"{}").status_code == 401
    assert connect(visitor, world, webhook_secret="").status_code == 422
    overview = visitor.get("/admin/connections").text
    assert "Stripe" in overview
    page = re.search(r"/admin/connections/con_\w+", overview).group()
    shown = visitor.get(page).text
    for text_ in (answer.text, overview, shown):
        assert SECRET not in text_
        assert KEY not in text_
    assert address not in shown
    assert acts(services, world).count("connection.created") == 1


def test_a_fault_stands_beside_its_field_and_no_value_is_repeated(app, services):
    """Nothing is connected."""
    world, visitor = signed_in(app, services)
    answer = connect(visitor, world, webhook_secret="not-a-secret-of-stripe")
    assert answer.status_code == 422
    assert "s-webhook_secret-error" in answer.text
    assert "not-a-secret-of-stripe" not in answer.text
    assert "/admin/connections/con_" not in visitor.get("/admin/connections").text


def test_a_secret_is_rotated_and_the_rest_stays(app, services):
    """Two secrets of one name while the provider changes over; what was left empty is kept."""
    world, visitor = signed_in(app, services)
    connect(visitor, world)
    page = re.search(r"/admin/connections/con_\w+", visitor.get("/admin/connections").text).group()
    both = f"{SECRET}\nwhsec_the_next_one"
    assert visitor.post(f"{page}/change", {"webhook_secret": both}, page=page).status_code == 302
    with services.db.transaction(world.merchant_id) as session:
        (one,) = accounts.list_accounts(session)
        opened = accounts.open_account(session, services.keyring, one.connection.id, allow_private=True)
    assert opened.each("webhook_secret") == [SECRET, "whsec_the_next_one"]
    assert opened.get("api_key") == KEY


def test_closing_twice_is_closing_once(app, services):
    """And forgets the secrets."""
    world, visitor = signed_in(app, services)
    connect(visitor, world)
    page = re.search(r"/admin/connections/con_\w+", visitor.get("/admin/connections").text).group()
    for _ in range(2):
        assert visitor.post(f"{page}/close", page="/admin/lists").status_code == 302
    assert "geschlossen" in visitor.get("/admin/connections").text
    with services.db.transaction(world.merchant_id) as session:
        assert accounts.list_accounts(session)[0].secret_names == ()
    assert acts(services, world).count("connection.closed") == 1


@pytest.mark.parametrize(
    ("status", "said"), [(200, "Schlüssel funktioniert"), (401, "abgelehnt"), (503, "nicht zu erreichen")]
)
def test_the_key_is_tried_with_something_harmless(app, services, status, said):
    """The balance is read; nothing else is asked for."""
    world, visitor = signed_in(app, services)
    asked = []
    with an_interface({("GET", "/v1/balance"): (status, {})}, asked) as url:
        with services.db.transaction(world.merchant_id) as session:
            new = NewAccount(world.shop_id, "stripe", {"webhook_secret": SECRET, "api_key": KEY, "api_url": url})
            made = accounts.connect(session, services.keyring, new, clock.now(), allow_private=True)
        page = f"/admin/connections/{to_public('con', made.facts.id)}"
        answer = visitor.post(f"{page}/test", page=page)
        shown = answer.text if answer.status_code == 200 else visitor.get(page).text
    assert said in shown
    assert [path for path, *_ in asked] == ["/v1/balance"]


def test_a_clerk_sees_no_connections(app, services):
    """And another merchant's are not there."""
    _, visitor = signed_in(app, services, role=Role.CLERK)
    for path in ("/admin/connections", "/admin/connections/new/stripe"):
        assert visitor.get(path).status_code == 403


def a_request(services, world, state, answer="answer-lost"):
    with services.db.transaction(world.merchant_id) as session:
        new = NewAccount(world.shop_id, "stripe", {"webhook_secret": SECRET, "api_key": KEY})
        made = accounts.connect(session, services.keyring, new, clock.now())
        wanted = RefundWanted("ref_1", "ch_1", "ch_1", 500, "EUR")
        id_ = asking.queue(session, services.keyring, made.facts.id, wanted, "claim:1", clock.now())
        session.execute(update(ProviderRequest).where(ProviderRequest.id == id_).values(state=state, answer=answer))
    return id_


def state_of(services, world):
    with services.db.connection(world.merchant_id) as connection:
        return tuple(connection.execute(text("SELECT state, external_id, answer FROM provider_request")).one())


@pytest.mark.parametrize(
    ("state", "act", "after"),
    [
        ("UNCERTAIN", "settle", ("DONE", "re_1", "settled")),
        ("UNCERTAIN", "cancel", ("REFUSED", "", "cancelled")),
        ("UNCERTAIN", "replay", ("QUEUED", "", "answer-lost")),
        ("PARKED", "replay", ("QUEUED", "", "answer-lost")),
        ("PARKED", "cancel", ("REFUSED", "", "cancelled")),
        ("PARKED", "settle", ("PARKED", "", "answer-lost")),
        ("REFUSED", "replay", ("REFUSED", "", "answer-lost")),
    ],
)
def test_a_request_is_ended_by_a_person_once(app, services, state, act, after):
    """A second click finds it done, says so and changes nothing."""
    world, visitor = signed_in(app, services)
    id_ = a_request(services, world, state)
    assert "Antwort ging verloren" in visitor.get("/admin/messages").text
    path = f"/admin/messages/requests/{to_public('prq', id_)}/{act}"
    for _ in range(2):
        assert visitor.post(path, {"external_id": "re_1"}).status_code == 302
    assert state_of(services, world) == after
    assert "Nichts geändert" in visitor.get("/admin/messages").text
    noted = [name for name in acts(services, world) if name.startswith("provider_request.")]
    assert len(noted) == (0 if after[0] == state else 1)
