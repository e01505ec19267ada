"""What the shield concludes from the payment attempts on record."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.risk import tries
from gateway.risk.facts import CATALOGUE
from gateway.risk.tries import AUTHORISED, CARD_UNKNOWN, SMALL, SURGE, TRY, Try, tally

NOW = 1_800_000_000


def declined(card, basket=1, ago=60, bits=0):
    return Try(NOW - ago, card, basket, bits)


def paid(card, basket=1, ago=30, bits=0):
    return Try(NOW - ago, card, basket, bits | AUTHORISED)


def test_who_mistypes_his_card_three_times_and_then_pays_leaves_nothing_behind():
    """Each slip looks like another card; the success at the same basket explains them."""
    seen = [declined(11), declined(12), declined(13), paid(14)]
    assert tally(seen, NOW, 3600) == tries.Tally(tries=4, declines=0, cards=0, small=0)


def test_a_card_that_pays_later_takes_its_declines_back_at_every_basket():
    """A limit that was raised, a bank that was asked."""
    assert tally([declined(11, basket=1), declined(11, basket=2), paid(11, basket=3)], NOW, 3600).declines == 0


def test_the_same_card_at_the_same_basket_is_one_decline_however_often_it_is_tried():
    """Stubborn is not suspicious."""
    assert tally([declined(11, ago=seconds) for seconds in range(10)], NOW, 3600).declines == 1


def test_one_working_card_of_a_stolen_list_explains_five_at_most():
    """All at one open order: the success does not wash the list."""
    seen = [declined(card, ago=200 - card) for card in range(50)] + [paid(99)]
    found = tally(seen, NOW, 3600)
    assert (found.declines, found.cards) == (45, 45)
    assert {one.card for one in tries.unexplained(seen)} == set(range(45))


def test_a_card_of_his_own_that_pays_one_small_order_after_another_explains_five_at_most():
    """Five stolen cards tried at each order before it is paid: a tester would leave nothing behind for cents."""
    seen = [declined(100 * basket + n, basket) for basket in range(1, 11) for n in range(5)]
    seen += [paid(7, basket) for basket in range(1, 11)]
    assert tally(seen, NOW, 3600).declines == 45
    family = [declined(11, 1), declined(12, 2), paid(13, 1), paid(14, 2)]
    assert tally(family, NOW, 3600).declines == 0


def test_a_success_elsewhere_explains_nothing():
    """A colleague's paid basket is no excuse for a neighbour's list of cards."""
    assert tally([declined(11), declined(12), paid(13, basket=2)], NOW, 3600).cards == 2


@pytest.mark.parametrize(
    ("ago", "within_10m", "within_1h", "within_24h"), [(5, 1, 1, 1), (700, 0, 1, 1), (7200, 0, 0, 1)]
)
def test_each_window_counts_what_lies_in_it(ago, within_10m, within_1h, within_24h):
    """To the second, not by buckets."""
    stored = TRY.pack(*declined(11, ago=ago))
    found = tries.subject_facts("ip", stored, NOW)
    assert [found[f"cards_ip_{window}"] for window in tries.WINDOWS] == [within_10m, within_1h, within_24h]


def test_small_amounts_and_unknown_cards_are_counted_as_what_they_are():
    """Without a fingerprint there are declines, and no cards to tell apart."""
    found = tally([declined(1, bits=SMALL), declined(2, bits=CARD_UNKNOWN), paid(3, basket=2, bits=SMALL)], NOW, 3600)
    assert (found.small, found.declines, found.cards) == (2, 2, 1)


def test_every_fact_of_the_shield_stands_in_the_catalogue():
    """What is measured can be asked for by a rule."""
    assert {name for names in tries.MEASURES.values() for name in names} | {tries.SURGE_FACT} <= CATALOGUE.keys()


def test_without_attempts_every_fact_is_zero():
    """Nothing happened is not the same as nothing is known."""
    found = tries.facts(["ip", "card"], [None, None, None], NOW)
    assert set(found.values()) == {0}
    assert found.keys() == tries.MEASURES["ip"].keys() | tries.MEASURES["card"].keys() | {tries.SURGE_FACT}


def test_a_surge_holds_until_its_time_and_no_longer():
    """The worker may be late; a decision is not."""
    stored = SURGE.pack(NOW - 60, NOW + 10, 70)
    assert tries.facts([], [stored], NOW)[tries.SURGE_FACT] == 70
    assert tries.facts([], [stored], NOW + 10)[tries.SURGE_FACT] == 0


@given(st.binary(max_size=300))
def test_damaged_counters_never_break_a_checkout(stored):
    """Whatever stands there, the answer is numbers from zero up, percentages up to a hundred."""
    found = tries.subject_facts("ip", stored, NOW) | tries.facts([], [stored], NOW)
    assert all(value >= 0 for value in found.values())
    assert found["declined_percent_ip_24h"] <= 100


@given(
    st.lists(st.builds(Try, st.integers(NOW - 90_000, NOW), st.integers(1, 9), st.integers(0, 4), st.integers(0, 7)))
)
def test_the_order_of_the_reports_does_not_matter(seen):
    """They come late and out of order."""
    assert tally(seen, NOW, 86_400) == tally(sorted(seen, reverse=True), NOW, 86_400)
