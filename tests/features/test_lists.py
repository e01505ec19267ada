"""Block and allow lists: what is listed is what the next checkout finds."""

from datetime import timedelta

import pytest

from gateway.checkout.decide import Checkout
from gateway.checkout.schemas import CheckoutSchema
from gateway.core import clock
from gateway.core.errors import Invalid
from gateway.merchants.auth import Principal
from gateway.risk import lists
from gateway.risk.lists import NewEntry
from gateway.shops.identity import Address
from tests.builders import a_question, a_world

NOW = clock.now()
ADDRESS = Address(line1="Lange Reihe 7", postcode="20099", city="Hamburg", country="DE")


def add(services, world, kind, value, action="block", **more):
    with services.db.transaction(world.merchant_id) as session:
        entry = NewEntry(action, kind, value, "unpaid in spring", live=True, **more)
        return lists.add(session, services.keyring, entry, "user:test", NOW)


def listed(services, world):
    with services.db.transaction(world.merchant_id) as session:
        return lists.list_entries(session, services.keyring)


def found_at_checkout(services, world, **question):
    asked = CheckoutSchema().load(a_question(**question))
    who = Principal(world.merchant_id, world.shop_id, world.shop_id, live=True, scopes=frozenset(), expires_at=None)
    checkout = Checkout(services)
    with services.db.connection(world.merchant_id) as connection:
        return checkout.decide(connection, checkout.prepare(who, asked, NOW)).judged.case.facts.listed


EVERYTHING = {
    "ip": "198.51.100.7",
    "device_id": "device-1",
    "device_consent": True,
    "payment_handle": "DE02120300000000202051",
}


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("email", " Ada@Example.com "),
        ("email", "ada+other@example.com"),
        ("domain", "example.com"),
        ("phone", "040 36902345"),
        ("address", ADDRESS),
        ("ip", "198.51.100.7"),
        ("device", "device-1"),
        ("handle", "DE02120300000000202051"),
    ],
)
def test_whatever_kind_is_listed_is_found_by_the_next_checkout(services, kind, value):
    """The desk hashes a value exactly as a checkout does."""
    world = a_world(services)
    assert found_at_checkout(services, world, context=EVERYTHING) is None
    add(services, world, kind, value)
    assert found_at_checkout(services, world, context=EVERYTHING) == "block"


def test_a_tag_does_not_get_around_a_blocked_mailbox(services):
    """ada+new@ is ada's mailbox."""
    world = a_world(services)
    add(services, world, "email", "ada@example.com")
    assert found_at_checkout(services, world, buyer={"email": "ada+new@example.com"}) == "block"


def test_an_ipv6_address_is_listed_by_its_connection(services):
    """Of IPv6 the first 64 bits are one connection."""
    world = a_world(services)
    add(services, world, "ip", "2001:db8:1:2::5")
    assert found_at_checkout(services, world, context={"ip": "2001:db8:1:2:aaaa::1"}) == "block"


def test_an_entry_counts_until_its_day(services):
    """What has expired stays visible and decides nothing."""
    world = a_world(services)
    with pytest.raises(Invalid):
        add(services, world, "email", "ada@example.com", expires_at=NOW - timedelta(days=1))
    add(services, world, "email", "ada@example.com", expires_at=NOW + timedelta(seconds=1))
    assert found_at_checkout(services, world) == "block"
    assert len(listed(services, world)) == 1


def test_the_same_value_again_replaces_reason_and_expiry(services):
    """One entry per value and list."""
    world = a_world(services)
    first = add(services, world, "email", "ada@example.com")
    again = add(services, world, "email", "ADA@example.com", expires_at=NOW + timedelta(days=3))
    assert again == first
    [entry] = listed(services, world)
    assert entry.expires_at == NOW + timedelta(days=3)
    assert entry.value == "ADA@example.com"


def test_block_beats_allow(services):
    """A blocked device of a trusted buyer is a stolen device."""
    world = a_world(services)
    add(services, world, "email", "ada@example.com", action="allow")
    assert found_at_checkout(services, world) == "allow"
    add(services, world, "ip", "198.51.100.7")
    assert found_at_checkout(services, world) == "block"


def test_a_removed_entry_is_gone(services):
    """And removing it twice is an error that says so."""
    world = a_world(services)
    entry_id = add(services, world, "address", ADDRESS)
    assert listed(services, world)[0].value == "Lange Reihe 7, 20099 Hamburg, DE"
    with services.db.transaction(world.merchant_id) as session:
        lists.remove(session, entry_id)
        with pytest.raises(lists.EntryUnknown):
            lists.remove(session, entry_id)
    assert found_at_checkout(services, world) is None


def test_entries_of_test_shops_do_not_touch_live_ones(services):
    """Test shops have data of their own."""
    world = a_world(services)
    with services.db.transaction(world.merchant_id) as session:
        entry = NewEntry("block", "email", "ada@example.com", "trying", live=False)
        lists.add(session, services.keyring, entry, "user:test", NOW)
    assert found_at_checkout(services, world) is None


@pytest.mark.parametrize(
    ("kind", "value", "path"),
    [
        ("email", "nobody", "/value"),
        ("phone", "12", "/value"),
        ("ip", "300.1.1.1", "/value"),
        ("domain", "localhost", "/value"),
        ("address", Address(city="Hamburg"), "/value"),
        ("address", "Lange Reihe 7", "/value"),
        ("shoe", "42", "/kind"),
        ("email", "x" * 2000, "/value"),
    ],
)
def test_what_could_never_be_found_is_refused(services, kind, value, path):
    """An entry that no checkout could match would be a false promise."""
    with pytest.raises(Invalid) as refused:
        add(services, a_world(services), kind, value)
    assert refused.value.facts["errors"][0]["path"] == path
