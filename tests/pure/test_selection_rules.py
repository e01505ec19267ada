"""What a choice is answered, rule by rule, without a database."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.checkout import selection_texts
from gateway.checkout.bureau_policy import ANSWERS, FAILURES, BureauPolicy
from gateway.checkout.methods import DEPOSIT_LADDER, KINDS, SAFE
from gateway.checkout.selection_rules import Heard, Situation, Standing, draw, settle, unasked
from gateway.core.ids import new_id

INVOICE = Standing("cheque", "invoice", True, 3, 0, True)
CARD = Standing("stripe", "card_3ds", True, 1, 0, True)
PREPAY = Standing("bacs", "prepayment", True, 2, 0, True)
POLICY = BureauPolicy(kinds=frozenset({"invoice"}), decline_below=200, deposit_below=500, deposit_percent=30)


def a_case(**changes):
    case = {
        "chosen": INVOICE,
        "offers": (CARD, PREPAY, INVOICE),
        "total_minor": 10_000,
        "holds_orders": True,
        "draw": 50,
        "bureau": POLICY,
    }
    return Situation(**case | changes)


def scored(score):
    return Heard("scored", score, "boni", 1)


def test_a_deposit_of_the_menu_stands_whatever_the_score():
    """A good score lowers nothing that the decision has asked for; a middling one may raise it."""
    offered = replace(INVOICE, deposit_percent=50)
    good = settle(a_case(chosen=offered), scored(900))
    assert (good.answer, good.deposit_percent, good.deposit_minor) == ("deposit", 50, 5_000)
    assert good.reasons == ("score_good", "deposit_of_menu")
    assert settle(a_case(chosen=offered), scored(300)).deposit_percent == 50
    assert settle(a_case(chosen=replace(INVOICE, deposit_percent=10)), scored(300)).deposit_percent == 30


def test_a_shop_that_cannot_hold_orders_takes_all_or_nothing():
    """30 % cannot be collected before the order is final: 100 % can."""
    assert settle(a_case(holds_orders=False), scored(300)).deposit_percent == 100


def test_where_no_deposit_can_be_taken_another_method_is_chosen():
    """The method or its limits leave no step of the ladder."""
    told = settle(a_case(max_deposit_percent=10), scored(300))
    assert (told.answer, told.reasons, told.others) == (
        "choose_another",
        ("score_middling", "no_deposit"),
        ("stripe", "bacs"),
    )


def test_nobody_is_left_without_a_way_to_pay():
    """No safe method on the menu: one nobody asks about, else this one paid before, else a person looks at it."""
    debit = Standing("debit", "sepa_debit", True, 4, 0, True)
    assert settle(a_case(offers=(INVOICE, debit)), scored(100)).others == ("debit",)
    alone = settle(a_case(offers=(INVOICE,)), scored(100))
    assert (alone.answer, alone.deposit_percent, alone.reasons[-1]) == ("deposit", 100, "last_resort")
    bare = replace(INVOICE, supports_deposit=False)
    last = settle(a_case(chosen=bare, offers=(bare,)), scored(100))
    assert (last.answer, last.review, last.reasons[-1]) == ("confirmed", True, "last_resort_unsafe")


def test_the_sample_is_drawn_evenly_and_the_same_all_week():
    """A quarter of the buyers falls below 25; nobody is left out for good."""
    monday = datetime(2026, 11, 23, tzinfo=UTC)
    buyers = [new_id().bytes for _ in range(4_000)]
    share = sum(draw(who, monday) < 25 for who in buyers) / len(buyers)
    assert 0.20 < share < 0.30
    week = {draw(buyers[0], monday + timedelta(hours=hours)) for hours in range(7 * 24)}
    year = {draw(buyers[0], monday + timedelta(weeks=weeks)) for weeks in range(52)}
    assert (len(week), len(year) > 20) == (1, True)


standings = st.builds(
    Standing,
    method=st.sampled_from("abcdef"),
    kind=st.sampled_from(sorted(KINDS)),
    show=st.booleans(),
    rank=st.none() | st.integers(1, 6),
    deposit_percent=st.sampled_from(DEPOSIT_LADDER),
    supports_deposit=st.booleans(),
)
policies = st.builds(
    BureauPolicy,
    kinds=st.frozensets(st.sampled_from(sorted(KINDS))),
    from_minor=st.integers(0, 20_000),
    sample_percent=st.integers(0, 100),
    decline_below=st.none() | st.integers(0, 1_000),
    deposit_below=st.none() | st.integers(0, 1_000),
    deposit_percent=st.sampled_from(DEPOSIT_LADDER[1:]),
    on=st.fixed_dictionaries({name: st.sampled_from(ANSWERS) for name in FAILURES}),
)
cases = st.builds(
    Situation,
    chosen=standings,
    offers=st.lists(standings, max_size=6).map(tuple),
    total_minor=st.integers(0, 1_000_000),
    holds_orders=st.booleans(),
    draw=st.integers(0, 99),
    bureau=st.none() | policies,
    max_deposit_percent=st.sampled_from(DEPOSIT_LADDER),
)


@given(cases, st.sampled_from(sorted(FAILURES)) | st.integers(0, 1_000))
def test_every_case_has_an_answer_the_buyer_can_follow(case, found):
    """One of three, with a deposit exactly where it says so, something to choose from, and words for each reason."""
    heard = None if unasked(case) else scored(found) if isinstance(found, int) else Heard(found)
    told = settle(case, heard)
    assert (told.answer == "deposit") == (told.deposit_percent > 0)
    assert (told.answer == "choose_another") == bool(told.others)
    assert 0 <= told.deposit_minor <= case.total_minor
    assert told.reasons
    for language in ("de", "en"):
        assert all(selection_texts.reason(code, language) for code in told.reasons)
        assert selection_texts.notice(told.answer, language) or told.answer == "confirmed"


@given(cases.filter(lambda case: KINDS[case.chosen.kind].safety <= SAFE))
def test_a_safe_method_is_never_asked_about(case):
    """Whatever the policy's kinds say."""
    assert unasked(case) == "safe_method"


@pytest.mark.parametrize("texts", [selection_texts.REASONS, selection_texts.NOTICES])
def test_both_languages_say_something_of_their_own(texts):
    """German beside English for every code."""
    assert all(german != english for german, english in texts.values() if german or english)
    assert set(FAILURES) <= set(selection_texts.REASONS)
