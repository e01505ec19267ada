"""Merchants, their keys and shops, and the policies of a shop."""

from datetime import timedelta
from threading import Barrier, Thread

import psycopg
import pytest

from gateway.core import clock
from gateway.core.db import WEB_ROLE
from gateway.core.errors import Invalid
from gateway.merchants import merchants, policies, secrets
from gateway.merchants.auth import Principals, find_principal
from gateway.merchants.secrets import MerchantKeys, MerchantUnknown
from gateway.shops import connections, shops
from tests.builders import a_world
from tests.desk_visits import Visitor, signed_in

NOW = clock.now()


def test_a_merchant_is_founded_with_keys_of_its_own(db, keyring):
    """Two merchants share no key, and the operator finds both by id."""
    one = merchants.create(db, keyring, "Muster & Söhne", "DE", NOW)
    other = merchants.create(db, keyring, "Beispiel AG", "CH", NOW)
    assert {one, other} <= set(merchants.list_ids(db))
    keys = MerchantKeys(db, keyring)
    assert len({*(keys.get(one).data, keys.get(one).index), *(keys.get(other).data, keys.get(other).index)}) == 4
    with db.transaction(one) as session:
        assert merchants.get(session).name == "Muster & Söhne"
        assert secrets.get_keys(session, keyring) == keys.get(one)


@pytest.mark.parametrize(
    ("name", "country"), [("", "DE"), (" ", "DE"), ("x" * 201, "DE"), ("Muster", "XX"), ("Muster", "de")]
)
def test_a_merchant_needs_a_name_and_a_country(db, keyring, name, country):
    """Mistakes are refused before anything is stored."""
    with pytest.raises(Invalid):
        merchants.create(db, keyring, name, country, NOW)


def test_a_closed_merchant_is_no_longer_visited(db, keyring):
    """Scheduled work ends; the rows stay."""
    merchant_id = merchants.create(db, keyring, "Muster", "DE", NOW)
    with db.transaction(merchant_id) as session:
        merchants.close(session, NOW)
        merchants.close(session, NOW + timedelta(days=1))
        assert merchants.get(session).closed_at == NOW
    assert merchant_id not in merchants.list_ids(db)
    assert merchant_id in merchants.list_ids(db, with_closed=True)


def test_nothing_of_a_closed_merchant_works_any_more(app, services):
    """Keys, connections, log-in, open sessions and callbacks end with it."""
    world, visitor = signed_in(app, services)
    with services.db.transaction(world.merchant_id) as session:
        connection = connections.create(session, services.keyring, world.shop_id, "orders", NOW)
        merchants.close(session, NOW)
        assert {shop.closed_at for shop in shops.list_shops(session)} == {NOW}
    app.extensions["kulanz.keys"] = Principals(services.db)
    client = app.test_client()
    assert client.get("/v1/orders", headers=world.auth).status_code == 401
    assert client.post(f"/in/{connection.word}", data=b"{}").status_code == 404
    assert visitor.get("/admin/decisions").status_code == 302
    assert Visitor(app).sign_in().status_code == 401


def test_keys_are_read_once_a_minute(db, keyring):
    """The hot path does not ask the database for each call; an unknown merchant has no keys."""
    merchant_id, tick = merchants.create(db, keyring, "Muster", "DE", NOW), [0.0]
    keys = MerchantKeys(db, keyring, clock=lambda: tick[0])
    first = keys.get(merchant_id)
    tick[0] = 59.0
    assert keys.get(merchant_id) is first
    tick[0] = 61.0
    assert keys.get(merchant_id) == first
    assert keys.get(merchant_id) is not first
    with pytest.raises(MerchantUnknown):
        keys.get(shops.new_id())


def test_keys_show_in_no_log(db, keyring):
    """Not even when somebody prints them."""
    keys = MerchantKeys(db, keyring).get(merchants.create(db, keyring, "Muster", "DE", NOW))
    assert "data" not in repr(keys)


def test_the_key_of_the_installation_is_made_once(live_db, keyring):
    """Two processes that ask first at the same moment get the same key."""
    found, start = [], Barrier(2)

    def ask():
        start.wait()
        with live_db.transaction(None) as session:
            found.append(secrets.installation_key(session, keyring, "login"))

    threads = [Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 2
    assert len(set(found)) == 1


def test_one_merchant_cannot_read_another_ones_rows_even_with_raw_sql(live_db, keyring):
    """As the runtime role, on one pooled connection, without any WHERE."""
    one = merchants.create(live_db, keyring, "Muster", "DE", NOW)
    other = merchants.create(live_db, keyring, "Beispiel", "AT", NOW)
    for merchant_id, name in ((one, "Muster"), (other, "Beispiel"), (None, None)):
        with live_db.connection(merchant_id) as connection:
            assert connection.exec_driver_sql("SELECT current_user").scalar_one() == WEB_ROLE
            names = connection.exec_driver_sql("SELECT name FROM merchant").scalars().all()
            owners = connection.exec_driver_sql("SELECT DISTINCT merchant_id FROM merchant_secret").scalars().all()
        assert (names, owners) == (([name], [merchant_id]) if name else ([], []))
    with pytest.raises(Exception) as refused, live_db.connection(one) as connection:
        connection.exec_driver_sql("INSERT INTO merchant_secret VALUES (%s, 'data', '')", (other,))
    assert isinstance(refused.value.orig, psycopg.errors.InsufficientPrivilege)


def test_a_shop_signs_with_its_newest_key_and_verifies_with_the_older_ones(services):
    """Tokens issued before a rotation stay valid until their key is retired."""
    world = a_world(services)
    with services.db.transaction(world.merchant_id) as session:
        before = shops.signing_keys(session, services.keyring, world.shop_id)
        assert shops.rotate_signing_key(session, services.keyring, world.shop_id, NOW) == "k2"
        after = shops.signing_keys(session, services.keyring, world.shop_id)
        assert (before.kid, after.kid, set(after.keys)) == ("k1", "k2", {"k1", "k2"})
        assert after.keys["k1"] == before.keys["k1"] != after.keys["k2"]
        with pytest.raises(shops.LastSigningKey):
            shops.retire_signing_key(session, world.shop_id, "k2", NOW)
        shops.retire_signing_key(session, world.shop_id, "k1", NOW)
        assert set(shops.signing_keys(session, services.keyring, world.shop_id).keys) == {"k2"}
        with pytest.raises(shops.ShopUnknown):
            shops.retire_signing_key(session, world.shop_id, "k1", NOW)


def test_a_shop_with_wrong_facts_is_refused_with_every_fault(services):
    """Name, platform, currency, country, zone and language are checked at once."""
    with pytest.raises(Invalid) as refused:
        a_world(services, name="", platform="magento", currency="XXQ", country="D", timezone="Berlin", language="xq")
    assert len(refused.value.facts["errors"]) == 6


def test_a_closed_shop_takes_no_more_calls(services):
    """Its API keys are revoked with it and its signing key is not replaced."""
    world = a_world(services)
    with services.db.transaction(world.merchant_id) as session:
        shops.close(session, world.shop_id, NOW)
        assert shops.get(session, world.shop_id).closed_at == NOW
        with pytest.raises(shops.ShopClosed):
            shops.rotate_signing_key(session, services.keyring, world.shop_id, NOW)
    assert find_principal(services.db, world.secret) is None


def test_a_policy_is_kept_in_every_version_and_decides_only_when_made_live(services):
    """Saving is not deciding."""
    world = a_world(services)
    with services.db.transaction(world.merchant_id) as session:
        assert policies.save(session, world.shop_id, "checkout", {"limit": 1}, "ada", "first", NOW) == 1
        assert policies.live_versions(session, world.shop_id) == {}
        assert policies.find_live(session, world.shop_id, "checkout") is None
        assert policies.save(session, world.shop_id, "checkout", {"limit": 2}, "ada", "", NOW) == 2
        assert policies.save(session, world.shop_id, "economics", {}, "ada", "", NOW) == 1
        policies.activate(session, world.shop_id, "checkout", 2, NOW)
        assert policies.live_versions(session, world.shop_id) == {"checkout": 2}
        assert policies.find_live(session, world.shop_id, "checkout").body == {"limit": 2}
        assert [each.version for each in policies.history(session, world.shop_id, "checkout")] == [2, 1]
        with pytest.raises(policies.PolicyUnknown):
            policies.activate(session, world.shop_id, "checkout", 3, NOW)


def test_rolling_back_goes_to_the_version_that_was_live_before_and_never_forward(services):
    """Versions 1, 3 and 4 were live; 2 was only a draft."""
    world = a_world(services)
    with services.db.transaction(world.merchant_id) as session:
        for version in range(1, 5):
            policies.save(session, world.shop_id, "checkout", {"limit": version}, "ada", "", NOW)
        for day, version in enumerate((1, 3, 4)):
            policies.activate(session, world.shop_id, "checkout", version, NOW + timedelta(days=day), "ada")
        later = NOW + timedelta(days=9)
        assert policies.rollback(session, world.shop_id, "checkout", later) == 3
        assert policies.rollback(session, world.shop_id, "checkout", later + timedelta(hours=1)) == 1
        with pytest.raises(policies.NothingToRollBackTo):
            policies.rollback(session, world.shop_id, "checkout", later)
        steps = policies.activations(session, world.shop_id, "checkout")
        assert [step.version for step in steps] == [1, 3, 4, 3, 1]


def test_rolling_back_does_not_return_to_a_version_that_was_taken_back(services):
    """Version 2 was a mistake and 1 decided again; when 3 is one too, 1 decides, not 2."""
    world = a_world(services)
    with services.db.transaction(world.merchant_id) as session:
        for version in range(1, 4):
            policies.save(session, world.shop_id, "checkout", {"limit": version}, "ada", "", NOW)
        policies.activate(session, world.shop_id, "checkout", 1, NOW)
        policies.activate(session, world.shop_id, "checkout", 2, NOW + timedelta(hours=1))
        assert policies.rollback(session, world.shop_id, "checkout", NOW + timedelta(hours=2)) == 1
        policies.activate(session, world.shop_id, "checkout", 3, NOW + timedelta(hours=3))
        assert policies.rollback(session, world.shop_id, "checkout", NOW + timedelta(hours=4)) == 1


def test_two_who_save_at_once_get_two_versions(live_db, keyring):
    """Neither overwrites the other."""
    merchant_id = merchants.create(live_db, keyring, "Muster", "DE", NOW)
    shop_id, start, versions = shops.new_id(), Barrier(4), []

    def save(number):
        start.wait()
        with live_db.transaction(merchant_id) as session:
            versions.append(policies.save(session, shop_id, "checkout", {"n": number}, "ada", "", NOW))

    threads = [Thread(target=save, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(versions) == [1, 2, 3, 4]


def test_a_policy_version_can_never_be_edited(live_db, keyring):
    """The runtime role may not, whatever a programme tries."""
    merchant_id = merchants.create(live_db, keyring, "Muster", "DE", NOW)
    with live_db.transaction(merchant_id) as session:
        policies.save(session, shops.new_id(), "checkout", {}, "ada", "", NOW)
    with pytest.raises(Exception) as refused, live_db.connection(merchant_id) as connection:
        connection.exec_driver_sql("UPDATE policy_version SET body = '{}'")
    assert isinstance(refused.value.orig, psycopg.errors.InsufficientPrivilege)
