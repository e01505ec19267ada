"""What follows from an order's events, whatever the order in which a shop tells them."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from gateway.shops.lifecycle import FULFILMENT, Happened, OrderAct, OrderState, fold

DAY = datetime(2026, 11, 2, 9, tzinfo=UTC)


def at(day, event, amount_minor=None, external_id=None):
    return Happened(event, external_id or f"{event}-{day}", DAY + timedelta(days=day), amount_minor)


events = st.builds(
    Happened,
    event=st.sampled_from([*OrderAct, "changed"]),
    external_id=st.uuids().map(str),
    occurred_at=st.integers(0, 9).map(lambda day: DAY + timedelta(days=day)),
    amount_minor=st.none() | st.integers(1, 10**6),
)


@given(st.lists(events, max_size=12).flatmap(lambda told: st.tuples(st.just(told), st.permutations(told))))
def test_the_same_events_make_the_same_order_in_whatever_order_they_arrive(told_and_shuffled):
    """Webhooks overtake each other; the order they leave behind must not depend on it."""
    told, shuffled = told_and_shuffled
    assert fold(told, 10_000) == fold(shuffled, 10_000)


@given(st.lists(events, max_size=12), st.integers(0, 10**6))
def test_no_amount_is_ever_negative_and_nobody_owes_more_than_the_total_and_his_refunds(told, total_minor):
    """Whatever a shop tells, exposure stays between nothing and the price."""
    order = fold(told, total_minor)
    assert min(order.paid_minor, order.refunded_minor, order.returned_minor, order.open_minor) >= 0
    assert order.open_minor <= total_minor


def test_an_invoice_order_is_owed_until_it_is_paid():
    """Day 0 shipped, day 2 delivered, day 14 half paid, day 20 the rest."""
    told = [at(0, "shipped"), at(2, "delivered"), at(14, "paid", 6_000)]
    assert (fold(told, 12_000).open_minor, fold(told, 12_000).paid_at) == (6_000, None)
    settled = fold([*told, at(20, "paid", 6_000)], 12_000)
    assert (settled.state, settled.open_minor, settled.paid_at) == (OrderState.DELIVERED, 0, DAY + timedelta(days=20))


def test_a_return_of_an_unpaid_order_lowers_what_is_owed():
    """120 euros ordered on invoice, 40 sent back: 80 remain."""
    assert fold([at(2, "delivered"), at(9, "returned", 4_000)], 12_000).open_minor == 8_000


def test_withdrawal_return_and_refund_of_the_same_goods_count_once():
    """The buyer withdraws from a 40-euro shoe, sends it back, gets 40 euros: he owes nothing and is owed nothing."""
    told = [at(1, "paid", 12_000), at(8, "withdrawn", 4_000), at(9, "returned", 4_000), at(10, "refunded", 4_000)]
    order = fold(told, 12_000)
    assert (order.open_minor, order.paid_minor - order.refunded_minor) == (0, 8_000)


def test_a_goodwill_refund_opens_nothing():
    """20 of 100 euros given back without a return are not owed again."""
    assert fold([at(1, "paid", 10_000), at(3, "refunded", 2_000)], 10_000).open_minor == 0


def test_a_withdrawal_without_amount_covers_the_whole_order():
    """§ 355 BGB: nothing is owed for a contract that was withdrawn from."""
    assert fold([at(2, "delivered"), at(8, "withdrawn")], 10_000).open_minor == 0


def test_a_cancelled_order_stays_cancelled_and_owes_nothing():
    """A parcel scanned after the cancellation revives nothing: nobody is reminded of a cancelled order."""
    order = fold([at(1, "cancelled"), at(2, "shipped"), at(3, "delivered")], 10_000)
    assert (order.state, order.open_minor) == (OrderState.CANCELLED, 0)


def test_shipped_told_after_delivered_moves_nothing_back():
    """The late message still tells when the parcel left."""
    order = fold([at(3, "delivered"), at(4, "shipped")], 10_000)
    assert (order.state, order.shipped_at) == (OrderState.DELIVERED, DAY + timedelta(days=4))


def test_of_two_parcels_the_first_ships_the_order_and_the_last_delivers_it():
    """Rights of withdrawal run from the last parcel, § 356 (2) BGB."""
    order = fold([at(0, "shipped"), at(1, "shipped"), at(2, "delivered"), at(5, "delivered")], 10_000)
    assert (order.shipped_at, order.delivered_at) == (DAY, DAY + timedelta(days=5))


def test_only_a_cancelled_order_can_go_nowhere():
    """The life cycle has one final state."""
    assert FULFILMENT.final == {OrderState.CANCELLED}
