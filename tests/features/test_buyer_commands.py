"""A person asks to be erased: the operator looks him up, is refused while he must be kept, and erases him for good."""

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest
import redis
from click.testing import CliRunner
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy import select

from gateway import wiring
from gateway.commands_buyers import buyer
from gateway.core import clock
from gateway.core.errors import GatewayError
from gateway.core.ids import to_public
from gateway.merchants import secrets
from gateway.merchants.models import UserEvent
from gateway.risk.velocity import Attempt, Velocity
from gateway.shops import buyers
from gateway.shops.buyers import BuyerUnknown
from gateway.shops.erasure import ErasureRefused
from gateway.shops.identity import Identity, digests
from tests.builders import a_world

EMAIL = "erika@example.org"


@pytest.fixture
def world(services):
    return a_world(services)


@pytest.fixture
def ada(services, world):
    """A buyer seen in a live shop of the merchant."""
    with services.db.transaction(world.merchant_id) as session:
        index_key = secrets.get_key(session, services.keyring, "index")
        found = digests(index_key, live=True, identity=Identity(EMAIL))
        made = buyers.ensure_buyer(session, services.keyring, found, live=True, now=clock.now())
    return SimpleNamespace(id=made.id, digests=found)


@pytest.fixture
def kulanz(services, world):
    def run(*words, objections=(), through=services):
        operator = SimpleNamespace(services=through, objections=objections)
        words = (*words, "--merchant", to_public("mer", world.merchant_id))
        done = CliRunner().invoke(buyer, list(words), obj=operator)
        if isinstance(done.exception, GatewayError):
            raise done.exception
        return json.loads(done.output) if "--json" in words and done.exit_code == 0 else done.output

    return run


def acts(services, world):
    with services.db.transaction(world.merchant_id) as session:
        return [(row.action, row.subject, row.actor) for row in session.scalars(select(UserEvent))]


def test_a_buyer_is_erased_by_his_e_mail_address_and_the_log_tells_it(kulanz, ada, services, world):
    """Afterwards nobody finds him by it, and erasing by id again changes nothing."""
    shown = kulanz("show", "--email", EMAIL.upper(), "--json")
    assert (shown["id"], shown["orders"], shown["kept_because"]) == (to_public("buy", ada.id), 0, [])
    erased = kulanz("erase", "--email", EMAIL, "--yes", "--json")
    assert (erased["erased"] != "-", erased["counters"]) == (True, "deleted")
    assert acts(services, world) == [("buyer.erased", f"buyer:{ada.id}", "operator")]
    with pytest.raises(BuyerUnknown):
        kulanz("show", "--email", EMAIL)
    assert kulanz("erase", "--id", to_public("buy", ada.id), "--yes", "--json")["erased"] == erased["erased"]


def test_who_must_be_kept_is_not_erased_and_the_date_is_told(kulanz, services, app, world):
    """He bought on invoice today: the whole table of objections is asked, ours among them."""
    client = app.test_client()
    placed = {
        "method": {"id": "cheque", "kind": "invoice"},
        "currency": "EUR",
        "total_minor": 12_490,
        "placed_at": clock.now().isoformat(),
        "buyer": {"email": EMAIL},
    }
    answer = client.put("/v1/orders/1001", json=placed, headers=world.auth)
    assert answer.status_code in (200, 201), answer.json
    with pytest.raises(ErasureRefused) as refused:
        kulanz("erase", "--email", EMAIL, "--yes", objections=wiring.OBJECTIONS)
    assert refused.value.facts["reasons"] == ["an order is not paid"]
    assert str(refused.value.facts["until"]) in refused.value.detail
    shown = kulanz("show", "--email", EMAIL, "--json", objections=wiring.OBJECTIONS)
    assert (shown["orders"], shown["kept_because"]) == (1, ["an order is not paid"])
    assert shown["kept_until"] == str(refused.value.facts["until"])
    assert acts(services, world) == []


def test_with_a_buyer_his_counters_are_forgotten_and_nobody_else_s(kulanz, ada, services, world):
    """The cache holds keyed hashes of his address for up to sixty days."""
    counters, other = Velocity(services.cache), b"o" * 16
    for basket in (b"one", b"two"):
        counters.count(Attempt(world.merchant_id, {"email": ada.digests["email"], "ip": other}, basket), 1e9)
    kulanz("erase", "--email", EMAIL, "--yes")
    again = Attempt(world.merchant_id, {"email": ada.digests["email"], "ip": other}, b"three")
    counts = counters.count(again, 1e9)
    assert (counts["email_1h"], counts["ip_1h"]) == (0, 2)


def test_a_buyer_is_erased_although_the_cache_is_away(kulanz, ada, services):
    """What it holds then expires by itself."""
    away = replace(services, cache=redis.Redis(port=1, retry=Retry(NoBackoff(), 0)))
    erased = kulanz("erase", "--email", EMAIL, "--yes", "--json", through=away)
    assert erased["counters"] == "expire within 60 days"


def test_it_is_said_which_buyer_in_one_way(kulanz, ada):
    """Neither both ways nor none; and the buyer of test shops is another one."""
    assert "give either --email or --id" in kulanz("show")
    assert "give either" in kulanz("erase", "--email", EMAIL, "--id", to_public("buy", ada.id), "--yes")
    with pytest.raises(BuyerUnknown):
        kulanz("show", "--email", EMAIL, "--test")
