"""Buyers: recognised without being stored in the clear, made once, linked, and erased for good."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from threading import Barrier

import pytest

from gateway.core import clock
from gateway.core.crypto import Tampered, seal, unseal
from gateway.core.ids import new_id
from gateway.merchants import merchants
from gateway.shops import buyers, erasure
from gateway.shops.buyers import BuyerUnknown, ensure_buyer, find_buyer, find_key
from gateway.shops.erasure import ErasureRefused, Objection, erase
from gateway.shops.identity import Address, Identity, digests
from tests.builders import a_world

NOW = clock.now()
KEY = b"i" * 32
HOME = Address("Lange Reihe 7", "", "20099", "Hamburg", "DE")


def seen(email="ada@example.com", phone="", address=None, live=True):
    return digests(KEY, live=live, identity=Identity(email, phone, address))


def test_the_same_email_address_is_the_same_buyer_with_the_same_key(db, keyring, merchant_id):
    """However it is written; what was sealed for him opens the next time."""
    with db.transaction(merchant_id) as session:
        first = ensure_buyer(session, keyring, seen(), live=True, now=NOW)
        again = ensure_buyer(session, keyring, seen(" ADA@Example.com"), live=True, now=NOW)
        assert again == first
        assert find_buyer(session, seen()) == first.id
        assert find_key(session, keyring, first.id) == first.data_key


def test_an_address_or_a_phone_number_shared_with_somebody_links_but_does_not_identify(db, keyring, merchant_id):
    """Two people of one household are two buyers."""
    with db.transaction(merchant_id) as session:
        ada = ensure_buyer(session, keyring, seen(phone="040 36902345", address=HOME), live=True, now=NOW)
        byron = ensure_buyer(session, keyring, seen("byron@example.com", "040 36902345", HOME), live=True, now=NOW)
        assert byron.id != ada.id
        address = seen(address=HOME)["billing"]
        sharing = session.execute(
            buyers.text("SELECT buyer_id FROM buyer_index WHERE digest = :digest"), {"digest": address}
        )
        assert set(sharing.scalars()) == {ada.id, byron.id}


def test_a_phone_number_identifies_who_gave_no_email_address(db, keyring, merchant_id):
    """And he is not the buyer who gave both."""
    with db.transaction(merchant_id) as session:
        by_phone = ensure_buyer(session, keyring, seen("", "040 36902345", HOME), live=True, now=NOW)
        both = ensure_buyer(session, keyring, seen("ada@example.com", "040 36902345", HOME), live=True, now=NOW)
        assert both.id != by_phone.id
        assert ensure_buyer(session, keyring, seen("", "+494036902345", HOME), live=True, now=NOW) == by_phone


def test_who_gives_neither_is_a_new_buyer_each_time(db, keyring, merchant_id):
    """He has a key all the same: what is sealed for him can be erased."""
    with db.transaction(merchant_id) as session:
        one = ensure_buyer(session, keyring, seen("", "", HOME), live=True, now=NOW)
        other = ensure_buyer(session, keyring, seen("", "", HOME), live=True, now=NOW)
        assert one.id != other.id
        assert find_buyer(session, seen("", "", HOME)) is None
        with pytest.raises(ValueError, match="neither"):
            buyers.new_buyer(keyring, merchant_id, seen("", "", HOME), live=True, now=NOW)


def test_new_addresses_of_a_known_buyer_are_added_to_his_links(db, keyring, merchant_id):
    """Each once."""
    with db.transaction(merchant_id) as session:
        ada = ensure_buyer(session, keyring, seen(), live=True, now=NOW)
        for _ in range(2):
            ensure_buyer(session, keyring, seen(phone="040 36902345", address=HOME), live=True, now=NOW)
        kinds = session.execute(
            buyers.text("SELECT kind, identifies FROM buyer_index WHERE buyer_id = :buyer ORDER BY kind"),
            {"buyer": ada.id},
        ).all()
        assert [tuple(kind) for kind in kinds] == [
            ("address", False),
            ("email", True),
            ("email_root", False),
            ("phone", False),
        ]


def test_a_test_order_never_finds_a_live_buyer(db, keyring, merchant_id):
    """The mode is part of every index."""
    with db.transaction(merchant_id) as session:
        live = ensure_buyer(session, keyring, seen(), live=True, now=NOW)
        assert find_buyer(session, seen(live=False)) is None
        assert ensure_buyer(session, keyring, seen(live=False), live=False, now=NOW).id != live.id


def test_first_orders_that_race_end_with_one_buyer(live_db, keyring):
    """Eight checkouts of one stranger at the same moment: one buyer, one key, no error."""
    merchant_id, start = merchants.create(live_db, keyring, "Muster", "DE", NOW), Barrier(8)

    def order(number):
        start.wait()
        with live_db.transaction(merchant_id) as session:
            return ensure_buyer(session, keyring, seen(phone=f"+49 40 3690234{number}"), live=True, now=NOW)

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(order, range(8)))
    assert len({(buyer.id, buyer.data_key) for buyer in made}) == 1
    with live_db.connection(merchant_id) as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM buyer").scalar_one() == 1
        assert connection.exec_driver_sql("SELECT count(*) FROM buyer_index WHERE kind = 'phone'").scalar_one() == 8


def test_the_same_person_at_two_merchants_is_two_buyers(db, keyring):
    """Nothing is pooled across merchants."""
    one, other = new_id(), new_id()
    with db.transaction(one) as session:
        ada = ensure_buyer(session, keyring, seen(), live=True, now=NOW)
    with db.transaction(other) as session:
        assert find_buyer(session, seen()) is None
        with pytest.raises(BuyerUnknown):
            find_key(session, keyring, ada.id)


def test_an_erased_buyer_cannot_be_read_or_recognised_again(db, keyring, merchant_id):
    """His key is gone; the next order of that address is a stranger's."""
    with db.transaction(merchant_id) as session:
        ada = ensure_buyer(session, keyring, seen(address=HOME), live=True, now=NOW)
        sealed = seal(ada.data_key, b"Ada Byron", "somewhere")
        erase(session, ada.id, NOW, [])
        erase(session, ada.id, NOW + timedelta(days=1), [])
        assert find_key(session, keyring, ada.id) is None
        assert find_buyer(session, seen()) is None
        stranger = ensure_buyer(session, keyring, seen(), live=True, now=NOW)
        assert stranger.id != ada.id
        with pytest.raises(Tampered):
            unseal(stranger.data_key, sealed, "somewhere")
        with pytest.raises(BuyerUnknown):
            erase(session, new_id(), NOW, [])


def test_an_erasure_is_refused_with_the_date_and_every_reason(db, keyring, merchant_id):
    """The latest date counts; one that nobody can tell makes the whole unknown."""
    claim, invoice, dispute = (
        Objection("a claim is open", date(2027, 3, 1)),
        Objection("an invoice is kept", date(2034, 12, 31)),
        Objection("a court decides", None),
    )
    with db.transaction(merchant_id) as session:
        ada = ensure_buyer(session, keyring, seen(), live=True, now=NOW)
        with pytest.raises(ErasureRefused) as refused:
            erase(session, ada.id, NOW, [lambda *_: claim, lambda *_: None, lambda *_: invoice])
        assert refused.value.facts == {"until": date(2034, 12, 31), "reasons": [claim.reason, invoice.reason]}
        with pytest.raises(ErasureRefused) as refused:
            erase(session, ada.id, NOW, [lambda *_: claim, lambda *_: dispute])
        assert refused.value.facts["until"] is None
        assert find_key(session, keyring, ada.id) == ada.data_key
        erase(session, ada.id, NOW, [erasure.orders_object])


def test_an_erasure_waits_for_what_is_being_sealed(live_db, keyring):
    """Between reading a key and storing what it sealed nobody destroys it."""
    merchant_id = merchants.create(live_db, keyring, "Muster", "DE", NOW)
    with live_db.transaction(merchant_id) as session:
        ada = ensure_buyer(session, keyring, seen(), live=True, now=NOW)
    with ThreadPoolExecutor(1) as pool:
        with live_db.transaction(merchant_id) as session:
            ensure_buyer(session, keyring, seen(), live=True, now=NOW)

            def erase_now():
                with live_db.transaction(merchant_id) as other:
                    erase(other, ada.id, NOW, [])

            erasing = pool.submit(erase_now)
            with pytest.raises(TimeoutError):
                erasing.result(timeout=0.3)
        erasing.result(timeout=5)


def test_a_decision_stores_buyer_identity_and_links_in_one_statement(services):
    """The prebuilt statement of the hot path: its row says who was faster."""
    world = a_world(services)
    found = seen(phone="040 36902345", address=HOME)
    with services.db.connection(world.merchant_id) as connection:
        new = buyers.new_buyer(services.keyring, world.merchant_id, found, live=True, now=NOW)
        assert connection.execute(buyers.CREATE_BUYER, new.params).scalar_one() == new.id
        late = buyers.new_buyer(services.keyring, world.merchant_id, found, live=True, now=NOW)
        assert connection.execute(buyers.CREATE_BUYER, late.params).first() is None
        assert connection.exec_driver_sql("SELECT count(*) FROM buyer").scalar_one() == 1
