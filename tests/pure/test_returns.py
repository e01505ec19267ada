"""What becomes of a return, and whether a withdrawal came in time."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.law.tables import shipped
from gateway.returns.lifecycle import Acted, Place, ReturnAct, ReturnState, fold, share
from gateway.returns.period import Declared, check
from gateway.returns.texts import confirmation

START = datetime(2026, 7, 1, 9, tzinfo=UTC)


def acted(act, day, amount_minor=None, name=""):
    return Acted(act, name or f"{act}-{day}", START + timedelta(days=day), amount_minor)


def test_a_return_is_received_and_settled():
    told = fold([acted("receive", 3, 4_000), acted("settle", 5, 4_000)])
    assert (told.state, told.received_minor, told.refunded_minor) == (ReturnState.SETTLED, 4_000, 4_000)


def test_goods_that_come_after_all_revive_an_expired_return():
    assert fold([acted("expire", 21)]).state == "EXPIRED"
    assert fold([acted("expire", 21), acted("receive", 30, 100)]).state == "RECEIVED"


def test_what_was_received_is_not_cancelled_afterwards():
    assert fold([acted("receive", 3, 100), acted("cancel", 4)]).state == "RECEIVED"


ACTS = st.lists(
    st.builds(
        acted,
        st.sampled_from([act.value for act in ReturnAct]),
        st.integers(0, 9),
        st.integers(1, 500),
        st.uuids().map(str),
    ),
    max_size=8,
)


@settings(max_examples=300, deadline=None)
@given(ACTS.flatmap(lambda acts: st.tuples(st.just(acts), st.permutations(acts))))
def test_every_order_of_telling_ends_in_the_same_return(both):
    told, shuffled = both
    assert fold(told) == fold(shuffled)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.builds(
            acted, st.sampled_from(["receive", "settle"]), st.integers(0, 9), st.integers(1, 900), st.uuids().map(str)
        ),
        max_size=8,
    ).flatmap(lambda acts: st.tuples(st.just(acts), st.permutations(acts)))
)
def test_what_the_shop_tells_is_shared_alike_and_no_cent_is_lost(both):
    """Each return takes at most its worth."""
    places = [Place(UUID(int=n), START + timedelta(days=n), 500, 400) for n in (1, 2)]
    told, shuffled = both
    given_, rest = share(places, told)
    assert share(list(reversed(places)), shuffled) == (given_, rest)
    parts = [act for acts in given_.values() for act in acts] + rest
    assert sum(act.amount_minor for act in parts) == sum(act.amount_minor for act in told)
    assert all(sum(a.amount_minor for a in acts if a.act == "receive") <= 500 for acts in given_.values())


def test_a_withdrawal_is_in_time_until_the_end_of_the_fourteenth_day():
    """Delivered on Wednesday 1 July 2026: until 15 July. Money goes back within 14 days of the declaration."""
    tables, delivered = shipped(), date(2026, 7, 1)
    last = check(Declared(date(2026, 7, 15), delivered, "DE", business=False), tables)
    late = check(Declared(date(2026, 7, 16), delivered, "DE", business=False), tables)
    assert (last.in_time, last.withdraw_until, last.refund_until) == (True, date(2026, 7, 15), date(2026, 7, 29))
    assert (late.in_time, late.decide) == (False, True)


def test_where_no_period_is_known_the_merchant_decides():
    for declared in (
        Declared(date(2026, 7, 2), date(2026, 7, 1), "CH", business=False),
        Declared(date(2026, 7, 2), date(2026, 7, 1), "DE", business=True),
    ):
        told = check(declared, shipped())
        assert (told.in_time, told.decide, told.refund_until) == (None, True, None)


def test_a_confirmation_has_content_date_and_time_in_the_buyers_language():
    for language, word in (("de", "Widerruf"), ("fr", "rétractation"), ("it", "recesso"), ("xx", "withdrawal")):
        told = confirmation(language, "1001", "2026-07-02 10:00:00", "Ich {widerrufe}.")
        assert word in told.subject
        assert "2026-07-02 10:00:00" in told.body
        assert "Ich {widerrufe}." in told.body
