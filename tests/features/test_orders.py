"""Orders as shops tell them: once, again, late, twice, at the same moment, and of the wrong merchant."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from threading import Barrier

import psycopg
import pytest

from gateway.core import clock, events
from gateway.core.documents import File, load
from gateway.core.documents import Owner as DocumentOwner
from gateway.core.errors import Invalid
from gateway.core.ids import new_id, to_public
from gateway.core.services import Services
from gateway.merchants import secrets
from gateway.shops import identity, shops
from gateway.shops.buyers import BuyerErased, find_buyer, find_key
from gateway.shops.erasure import ErasureRefused, Objection, erase, orders_object
from gateway.shops.events import OrderChanged, OrderDelivered, OrderPaid, OrderPlaced, OrderRefunded
from gateway.shops.identity import Address
from gateway.shops.listing import Page, get_order, list_orders
from gateway.shops.orders import (
    CancelledOrder,
    EventContradicts,
    OrderContradicts,
    OrderFull,
    Orders,
    OrderUnknown,
    RefundExceedsPayment,
)
from gateway.shops.told import BuyerTold, EventTold, ItemTold, MethodTold, OrderTold, PaymentKind
from tests.builders import a_world

DAY = datetime(2026, 11, 2, 9, tzinfo=UTC)
HOME = Address("Lange Reihe 7", "", "20099", "Hamburg", "DE")


def an_order(**overrides):
    told = OrderTold(
        method=MethodTold("cheque", PaymentKind.INVOICE),
        currency="EUR",
        total_minor=12_490,
        placed_at=DAY,
        due_date=date(2026, 11, 16),
        buyer=BuyerTold(email="ada@example.com", first_name="Ada", last_name="Byron"),
        billing=HOME,
        items=(ItemTold(1, 12_490, sku="SHOE-1", name="Shoe"),),
    )
    return replace(told, **overrides)


def an_event(event, day=1, amount_minor=None, external_id=None, **facts):
    return EventTold(event, external_id or f"{event}-{day}", DAY + timedelta(days=day), amount_minor, facts)


@pytest.fixture(autouse=True)
def nobody_listens(monkeypatch):
    """Orders by themselves; who listens in the real process is another test's matter."""
    monkeypatch.setattr(events, "_listeners", {})


@pytest.fixture
def shop(services):
    """The orders of a shop, in one transaction that sees everything."""
    world = a_world(services)
    with services.db.transaction(world.merchant_id) as session:
        yield Orders(session, services.keyring, shops.get(session, world.shop_id))


@pytest.fixture
def heard():
    """What the packages above are told."""
    facts = []
    listeners = [lambda _session, fact: facts.append(fact)]
    events.install(dict.fromkeys((OrderPlaced, OrderChanged, OrderPaid, OrderDelivered, OrderRefunded), listeners))
    return facts


def read(shop, reference="1001"):
    return get_order(shop.session, shop.keyring, shop.shop, reference)


def test_an_order_told_twice_is_one_order(shop, heard):
    """The second time nothing changes and nobody is told."""
    first = shop.put("1001", an_order(), DAY)
    again = shop.put("1001", an_order(), DAY + timedelta(hours=1))
    assert (first.created, again.created, again.changed) == (True, False, ())
    assert again.order_id == first.order_id
    assert [type(fact) for fact in heard] == [OrderPlaced]
    order = read(shop)
    assert (order["state"], order["open_minor"], order["due_date"]) == ("PLACED", 12_490, date(2026, 11, 16))
    assert order["buyer"] == {"email": "ada@example.com", "first_name": "Ada", "last_name": "Byron"}
    assert order["events"] == []


def test_a_shop_may_edit_an_order_and_the_change_is_on_record(shop, heard):
    """An article less: the total changes, and with it what is owed."""
    shop.put("1001", an_order(), DAY)
    put = shop.put("1001", an_order(total_minor=10_000, items=(), due_date=None), DAY + timedelta(days=1))
    assert set(put.changed) == {"total_minor", "items", "due_at"}
    order = read(shop)
    assert (order["total_minor"], order["open_minor"], order["items"], order["due_date"]) == (10_000, 10_000, [], None)
    (change,) = order["events"]
    assert (change["event"], change["amount_minor"]) == ("changed", 10_000)
    assert change["facts"]["from_minor"] == 12_490
    assert (heard[-1].total_minor, heard[-1].changed) == (10_000, put.changed)


def test_an_order_cannot_change_its_currency_or_decision(shop):
    """Both are what earlier amounts and promises rest on; a decision may still be added."""
    shop.put("1001", an_order(), DAY)
    with pytest.raises(OrderContradicts) as refused:
        shop.put("1001", an_order(currency="CHF"), DAY)
    assert refused.value.facts == {"field": "currency"}
    decision = to_public("dec", new_id())
    shop.put("1001", an_order(decision_id=decision), DAY)
    shop.put("1001", an_order(), DAY)
    assert read(shop)["decision_id"] == decision
    with pytest.raises(OrderContradicts) as refused:
        shop.put("1001", an_order(decision_id=to_public("dec", new_id())), DAY)
    assert refused.value.facts == {"field": "decision_id"}


def test_a_decision_made_for_one_buyer_is_not_used_for_another(shop):
    """Without a decision a shop may correct the e-mail address."""
    other = BuyerTold(email="byron@example.com")
    shop.put("1001", an_order(), DAY)
    before = read(shop)["buyer_id"]
    shop.put("1001", an_order(buyer=other), DAY)
    assert read(shop)["buyer_id"] != before
    assert read(shop)["buyer"] == {"email": "byron@example.com"}
    shop.put("1001", an_order(buyer=other, decision_id=to_public("dec", new_id())), DAY)
    with pytest.raises(OrderContradicts) as refused:
        shop.put("1001", an_order(), DAY)
    assert refused.value.facts == {"field": "buyer"}


def test_events_told_for_an_earlier_buyer_stay_readable(shop):
    """Each is sealed with the key of whom it was told for."""
    shop.put("1001", an_order(), DAY)
    shop.add_event("1001", an_event("shipped", tracking_number="JJD123"), DAY + timedelta(days=1))
    shop.put("1001", an_order(buyer=BuyerTold(email="byron@example.com")), DAY + timedelta(days=1))
    shop.add_event("1001", an_event("shipped", tracking_number="JJD123"), DAY + timedelta(days=1))
    facts = [event["facts"] for event in read(shop)["events"] if event["event"] == "shipped"]
    assert facts == [{"tracking_number": "JJD123"}]


def test_an_order_without_email_and_phone_keeps_its_own_buyer(shop):
    """Told again it is still the same, and when the shop learns who it was it becomes his."""
    nobody = an_order(buyer=BuyerTold(last_name="Byron"))
    shop.put("1001", nobody, DAY)
    anonymous = read(shop)["buyer_id"]
    shop.put("1001", replace(nobody, total_minor=1), DAY)
    assert read(shop)["buyer_id"] == anonymous
    shop.put("1001", replace(nobody, decision_id=to_public("dec", new_id())), DAY)
    shop.put("1001", an_order(), DAY)
    assert read(shop)["buyer_id"] != anonymous


def test_an_invoice_order_from_delivery_to_payment(shop, heard):
    """Day 0 placed, 1 shipped, 3 delivered, 14 paid."""
    shop.put("1001", an_order(), DAY)
    for event in (an_event("shipped", 1, carrier="DHL"), an_event("delivered", 3), an_event("paid", 14, 12_490)):
        assert shop.add_event("1001", event, event.occurred_at).new
    order = read(shop)
    assert (order["state"], order["open_minor"], order["paid_at"]) == ("DELIVERED", 0, DAY + timedelta(days=14))
    assert [type(fact) for fact in heard] == [OrderPlaced, OrderDelivered, OrderPaid]
    assert heard[-1].amount_minor == 12_490


def test_a_message_that_comes_twice_counts_once(shop, heard):
    """The same external id with the same content is the same event; with other content it is refused."""
    shop.put("1001", an_order(), DAY)
    first = shop.add_event("1001", an_event("paid", 1, 5_000, payment_reference="T1"), DAY + timedelta(days=1))
    again = shop.add_event("1001", an_event("paid", 1, 5_000, payment_reference="T1"), DAY + timedelta(days=2))
    assert (again.event_id, again.new) == (first.event_id, False)
    assert read(shop)["paid_minor"] == 5_000
    assert len([fact for fact in heard if isinstance(fact, OrderPaid)]) == 1
    for other in (
        an_event("paid", 1, 6_000, payment_reference="T1"),
        an_event("paid", 1, 5_000, payment_reference="T2"),
        an_event("paid", 2, 5_000, external_id="paid-1", payment_reference="T1"),
        an_event("refunded", 1, 5_000, external_id="paid-1", payment_reference="T1"),
    ):
        with pytest.raises(EventContradicts):
            shop.add_event("1001", other, DAY + timedelta(days=2))


def test_no_more_is_refunded_than_was_paid(shop):
    """A shop that tells a refund before its payment is asked for the payment."""
    shop.put("1001", an_order(), DAY)
    with pytest.raises(RefundExceedsPayment) as refused, shop.session.begin_nested():
        shop.add_event("1001", an_event("refunded", 2, 1_000), DAY + timedelta(days=2))
    assert refused.value.facts == {"paid_minor": 0, "refunded_before_minor": 0}
    shop.add_event("1001", an_event("paid", 1, 1_000), DAY + timedelta(days=2))
    shop.add_event("1001", an_event("refunded", 2, 1_000), DAY + timedelta(days=2))
    assert read(shop)["refunded_minor"] == 1_000


def test_events_of_an_unknown_order_are_refused(shop):
    """PUT comes first."""
    with pytest.raises(OrderUnknown):
        shop.add_event("1001", an_event("paid", 1, 1), DAY + timedelta(days=1))
    with pytest.raises(OrderUnknown):
        read(shop)


def test_the_total_of_a_cancelled_order_stays(shop):
    """Other facts may still be corrected."""
    shop.put("1001", an_order(), DAY)
    shop.add_event("1001", an_event("cancelled", 1), DAY + timedelta(days=1))
    assert read(shop)["open_minor"] == 0
    with pytest.raises(CancelledOrder):
        shop.put("1001", an_order(total_minor=1), DAY)
    assert shop.put("1001", an_order(items=()), DAY).changed == ("items",)


@pytest.mark.parametrize("reference", ["", "x" * 201, "a\nb", "a\x00b"])
def test_a_reference_is_short_and_printable(shop, reference):
    """It goes into URLs, letters and files."""
    with pytest.raises(Invalid):
        shop.put(reference, an_order(), DAY)


def test_nothing_lies_more_than_a_day_ahead(shop):
    """A shop's clock may be wrong, but not by days."""
    with pytest.raises(Invalid):
        shop.put("1001", an_order(placed_at=DAY + timedelta(days=2)), DAY)
    shop.put("1001", an_order(placed_at=DAY + timedelta(hours=23)), DAY)
    with pytest.raises(Invalid):
        shop.add_event("1001", an_event("paid", 3, 1), DAY)


def test_an_order_has_at_most_a_thousand_events(shop, monkeypatch):
    """Every list has a limit."""
    monkeypatch.setattr("gateway.shops.orders.MAX_EVENTS", 3)
    shop.put("1001", an_order(), DAY)
    for number in range(3):
        shop.add_event("1001", an_event("shipped", external_id=str(number)), DAY + timedelta(days=1))
    with pytest.raises(OrderFull):
        shop.add_event("1001", an_event("shipped", external_id="3"), DAY + timedelta(days=1))
    shop.add_event("1001", an_event("shipped", external_id="2"), DAY + timedelta(days=1))


def test_a_closed_shop_takes_no_new_orders_but_hears_what_becomes_of_the_old(shop):
    """Parcels and payments are still on their way."""
    shop.put("1001", an_order(), DAY)
    shops.close(shop.session, shop.shop.id, DAY)
    closed = Orders(shop.session, shop.keyring, shops.get(shop.session, shop.shop.id))
    with pytest.raises(shops.ShopClosed):
        closed.put("1002", an_order(), DAY)
    closed.add_event("1001", an_event("paid", 0, 12_490), DAY)


def test_the_due_date_ends_at_midnight_of_the_shop(shop):
    """16 November in Berlin ends at 23:00 UTC."""
    shop.put("1001", an_order(), DAY)
    assert shop.get("1001").due_at == datetime(2026, 11, 16, 23, tzinfo=UTC)


def test_documents_are_sealed_with_the_buyers_key_and_kept_once(shop):
    """The same invoice uploaded twice is one document."""
    put = shop.put("1001", an_order(), DAY)
    invoice = File(b"%PDF-1.7 invoice", "application/pdf", "invoice 1001.pdf")
    first = shop.attach("1001", "invoice", invoice, DAY)
    again = shop.attach("1001", "invoice", invoice, DAY)
    assert (again.document_id, again.order_id) == (first.document_id, put.order_id)
    row = shop.get("1001")
    owner = DocumentOwner(row.buyer_id, find_key(shop.session, shop.keyring, row.buyer_id))
    assert load(shop.session, owner, first.document_id) == invoice.content
    (shown,) = read(shop)["documents"]
    assert (shown["kind"], shown["media_type"], shown["size"]) == ("invoice", "application/pdf", 16)


def test_an_order_has_at_most_fifty_documents(shop, monkeypatch):
    """Every list has a limit."""
    monkeypatch.setattr("gateway.shops.orders.MAX_DOCUMENTS", 1)
    shop.put("1001", an_order(), DAY)
    shop.attach("1001", "invoice", File(b"%PDF-1", "application/pdf", "1.pdf"), DAY)
    with pytest.raises(OrderFull):
        shop.attach("1001", "invoice", File(b"%PDF-2", "application/pdf", "2.pdf"), DAY)


def test_pages_of_orders_follow_each_other_without_gap_or_repetition(shop):
    """The newest first, two at a time, of one state where asked."""
    for number in range(5):
        shop.put(f"{number}", an_order(), DAY)
    shop.add_event("3", an_event("cancelled", 1), DAY + timedelta(days=1))
    seen, cursor = [], ""
    while cursor is not None:
        page = list_orders(shop.session, shop.shop, Page(cursor, limit=2))
        seen += [order["reference"] for order in page["orders"]]
        cursor = page["next_cursor"]
    assert sorted(seen) == ["0", "1", "2", "3", "4"]
    assert [
        order["reference"] for order in list_orders(shop.session, shop.shop, Page(state="CANCELLED"))["orders"]
    ] == ["3"]
    with pytest.raises(Invalid):
        list_orders(shop.session, shop.shop, Page("ord_nothing"))


def test_a_buyer_is_kept_while_an_order_of_his_is_unpaid_or_may_be_withdrawn(shop):
    """Day 0 ordered, day 3 delivered, day 10 paid: erased from day 18 on, not before."""
    shop.put("1001", an_order(), DAY)
    buyer_id = shop.get("1001").buyer_id
    with pytest.raises(ErasureRefused) as refused:
        erase(shop.session, buyer_id, DAY + timedelta(days=40), [orders_object])
    assert refused.value.facts["until"] == date(2029, 12, 31)
    shop.add_event("1001", an_event("delivered", 3), DAY + timedelta(days=3))
    shop.add_event("1001", an_event("paid", 10, 12_490), DAY + timedelta(days=10))
    with pytest.raises(ErasureRefused) as refused:
        erase(shop.session, buyer_id, DAY + timedelta(days=16), [orders_object])
    assert refused.value.facts["until"] == (DAY + timedelta(days=17)).date()
    erase(shop.session, buyer_id, DAY + timedelta(days=18), [orders_object])


def test_an_order_of_new_year_s_eve_is_barred_by_the_year_that_the_shop_was_in(shop):
    """23:00 in London is midnight in Berlin, where it is 2027: the three years end with 2030."""
    midnight = datetime(2026, 12, 31, 23, 0, tzinfo=UTC)
    shop.put("1001", an_order(placed_at=midnight, due_date=None), midnight)
    buyer_id = shop.get("1001").buyer_id
    said = orders_object(shop.session, buyer_id, datetime(2030, 12, 31, 22, 59, tzinfo=UTC))
    assert said == Objection("an order is not paid", date(2030, 12, 31))
    assert orders_object(shop.session, buyer_id, datetime(2030, 12, 31, 23, 0, tzinfo=UTC)) is None


def test_the_time_to_withdraw_ends_with_a_day_of_the_shop(shop):
    """Delivered on 5 November, whatever the hour: 19 November is the last day, to midnight in Berlin (§ 188 BGB)."""
    shop.put("1001", an_order(), DAY)
    shop.add_event("1001", an_event("delivered", 3), DAY + timedelta(days=3))
    shop.add_event("1001", an_event("paid", 3, 12_490), DAY + timedelta(days=3))
    buyer_id = shop.get("1001").buyer_id
    said = orders_object(shop.session, buyer_id, datetime(2026, 11, 19, 22, 59, tzinfo=UTC))
    assert said == Objection("the time to withdraw from an order is running", date(2026, 11, 19))
    assert orders_object(shop.session, buyer_id, datetime(2026, 11, 19, 23, 0, tzinfo=UTC)) is None


def test_an_erased_order_keeps_its_books_and_takes_no_personal_data(shop):
    """Amounts, dates and events stay; names, addresses and tracking are gone for good."""
    shop.put("1001", an_order(), DAY)
    shop.add_event("1001", an_event("delivered", 1, tracking_number="JJD123"), DAY + timedelta(days=1))
    shop.add_event("1001", an_event("paid", 1, 12_490), DAY + timedelta(days=1))
    erase(shop.session, shop.get("1001").buyer_id, DAY + timedelta(days=60), [orders_object])
    order = read(shop)
    assert (order["buyer"], order["billing"], order["items"], order["paid_minor"]) == ({}, {}, [], 12_490)
    assert [event["facts"] for event in order["events"]] == [{}, {}]
    with pytest.raises(BuyerErased):
        shop.put("1001", an_order(), DAY + timedelta(days=60))
    again = an_event("delivered", 1, tracking_number="JJD123")
    assert not shop.add_event("1001", again, DAY + timedelta(days=60)).new
    late = an_event("refunded", 60, 1_000, reason="Ada complained")
    shop.add_event("1001", late, DAY + timedelta(days=60))
    assert read(shop)["events"][-1]["facts"] == {}


def test_personal_facts_are_never_stored_in_the_clear(shop):
    """Neither in the order nor in its events."""
    shop.put("1001", an_order(), DAY)
    shop.add_event("1001", an_event("shipped", 1, tracking_number="JJD123"), DAY + timedelta(days=1))
    for table in ("shop_order", "order_event", "buyer", "buyer_index"):
        rows = repr(shop.session.connection().exec_driver_sql(f"SELECT * FROM {table}").all())
        assert not [word for word in ("ada@", "Byron", "Lange Reihe", "JJD123", "SHOE") if word in rows]


def test_a_listener_may_refuse_an_order_and_nothing_is_kept(services):
    """The package that owns decisions refuses an unknown one; order and buyer go with it."""
    world = a_world(services)

    def refuse(_session, fact):
        raise OrderContradicts(field="decision_id")

    events.install({OrderPlaced: [refuse]})
    with pytest.raises(OrderContradicts), services.db.transaction(world.merchant_id) as session:
        Orders(session, services.keyring, shops.get(session, world.shop_id)).put("1001", an_order(), DAY)
    with services.db.transaction(world.merchant_id) as session:
        index_key = secrets.get_key(session, services.keyring, "index")
        found = identity.digests(index_key, live=True, identity=an_order().identity)
        assert find_buyer(session, found) is None


def test_another_shop_or_merchant_never_sees_an_order(services):
    """References repeat; each shop has its own 1001."""
    worlds = [a_world(services), a_world(services)]
    for total_minor, world in enumerate(worlds, 1):
        with services.db.transaction(world.merchant_id) as session:
            orders = Orders(session, services.keyring, shops.get(session, world.shop_id))
            orders.put("1001", an_order(total_minor=total_minor), DAY)
            second = shops.create(session, services.keyring, shops.NewShop("Zweitladen"), DAY)
            with pytest.raises(OrderUnknown):
                get_order(session, services.keyring, second, "1001")
            assert read(orders)["total_minor"] == total_minor
            assert len(list_orders(session, orders.shop, Page())["orders"]) == 1


@pytest.fixture
def committed(live_db, cache, keyring):
    """Services whose transactions really commit, for races."""
    return Services(live_db, cache, keyring, "http://kulanz.test", b"only for tests, thirty-two bytes!")


def at_once(services, world, *acts):
    """Carry out each act in a thread and transaction of its own, starting together."""
    start = Barrier(len(acts))

    def run(act):
        start.wait()
        with services.db.transaction(world.merchant_id) as session:
            return act(Orders(session, services.keyring, shops.get(session, world.shop_id)))

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


def test_an_order_told_by_six_messages_at_once_is_created_once(committed):
    """The rest find it and change nothing."""
    now, world = clock.now(), a_world(committed)
    puts = at_once(
        committed, world, *[lambda orders: orders.put("1001", an_order(placed_at=now - timedelta(days=1)), now)] * 6
    )
    assert sorted(put.created for put in puts) == [False] * 5 + [True]
    assert len({put.order_id for put in puts}) == 1
    assert all(put.changed == () for put in puts)


def test_payments_told_at_once_all_count_and_a_repeated_one_counts_once(committed):
    """Two instalments and a duplicate arrive in the same moment."""
    world, paid = a_world(committed), [("a", 5_000), ("b", 7_490), ("b", 7_490)]
    at_once(committed, world, lambda orders: orders.put("1001", an_order(), DAY))
    told = [an_event("paid", 1, amount, external_id) for external_id, amount in paid]
    acts = [lambda orders, each=each: orders.add_event("1001", each, each.occurred_at) for each in told]
    assert sorted(added.new for added in at_once(committed, world, *acts)) == [False, True, True]
    with committed.db.transaction(world.merchant_id) as session:
        order = get_order(session, committed.keyring, shops.get(session, world.shop_id), "1001")
    assert (order["paid_minor"], order["open_minor"]) == (12_490, 0)


def test_what_happened_can_never_be_edited(committed):
    """The database itself refuses the runtime role."""
    world = a_world(committed)
    at_once(committed, world, lambda orders: orders.put("1001", an_order(), DAY))
    for statement in ("UPDATE order_event SET amount_minor = 0", "DELETE FROM order_event"):
        with pytest.raises(Exception) as refused, committed.db.connection(world.merchant_id) as connection:
            connection.exec_driver_sql(statement)
        assert isinstance(refused.value.orig, psycopg.errors.InsufficientPrivilege)
