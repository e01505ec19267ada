"""Two clicks at the same moment are one request."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select

from gateway.app import create_app
from gateway.checkout import explanations
from gateway.core import clock
from gateway.core.ids import from_public
from gateway.core.services import Services
from gateway.privacy import answers, rights
from gateway.privacy.answers import Clerk
from gateway.privacy.rights import AlreadyAsked, Kind, NewRequest, RightsRequest
from gateway.shops.buyers import BuyerErased
from tests.builders import a_world
from tests.rights_visits import a_decision


@pytest.fixture
def services(live_db, cache, keyring):
    return Services(live_db, cache, keyring, "http://kulanz.test", b"only for tests, thirty-two bytes!")


@pytest.fixture
def world(services):
    return a_world(services)


@pytest.fixture
def row(services, world):
    """A decision about a buyer."""
    made = from_public("dec", a_decision(create_app(services), world)["id"])
    with services.db.transaction(world.merchant_id) as session:
        return explanations.get(session, services.keyring, made).row


def a_request(row, kind):
    return NewRequest(kind, row.shop_id, row.buyer_id, row.live, "buyer", "postcode", row.id)


def test_six_clicks_at_once_are_one_request(live_db, keyring, world, row):
    """The others are told that it was asked already."""
    new = a_request(row, Kind.REVIEW)

    def click(_):
        try:
            with live_db.transaction(world.merchant_id) as session:
                rights.ask(session, keyring, new, clock.now())
        except AlreadyAsked:
            return "already"
        return "asked"

    with ThreadPoolExecutor(6) as threads:
        told = sorted(threads.map(click, range(6)))
    assert told == ["already"] * 5 + ["asked"]
    with live_db.transaction(world.merchant_id) as session:
        assert session.scalar(select(func.count()).select_from(RightsRequest)) == 1


def test_whoever_asks_while_a_buyer_is_erased_waits_and_finds_him_erased(services, live_db, keyring, world, row):
    """Neither stops the other: the erasure is carried out, the later request has nobody to be about."""
    erasing = threading.Event()

    def ask_later():
        erasing.wait(5)
        with live_db.transaction(world.merchant_id) as session:
            rights.ask(session, keyring, a_request(row, Kind.ACCESS), clock.now())

    with ThreadPoolExecutor(1) as threads:
        with live_db.transaction(world.merchant_id) as session:
            asked = rights.ask(session, keyring, a_request(row, Kind.ERASURE), clock.now())
            erasing.set()
            later = threads.submit(ask_later)
            wait_until_it_waits(live_db, world)
            answers.erase(Clerk(session, services, "user:test", clock.now()), asked.id, "Gern.")
        assert isinstance(later.exception(10), BuyerErased)


def wait_until_it_waits(live_db, world):
    """Until another transaction stands at a lock."""
    for _ in range(200):
        with live_db.connection(world.merchant_id) as connection:
            if connection.exec_driver_sql("SELECT count(*) FROM pg_locks WHERE NOT granted").scalar():
                return
        time.sleep(0.02)
    raise AssertionError("nobody waits")
