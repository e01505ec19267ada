"""The rules of chargebacks without a database: life cycle, reasons, worth, limits of fields, and the PDF."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.chargebacks import pdf
from gateway.chargebacks.fields import KLARNA_ALL, PAYPAL_NOTES, STRIPE_ALL, STRIPE_FIELD, Content, Part, fields_of
from gateway.chargebacks.lifecycle import LIFECYCLE, Stand, State, Told, after, round_of
from gateway.chargebacks.prior import PriorOrder, prior_evidence
from gateway.chargebacks.reasons import CATEGORIES, answer_by, category_of, default_deadline, kind_of
from gateway.chargebacks.worth import Cost, Own, claim_after_loss, estimate, pieces_of

NOW = datetime(2026, 6, 1, tzinfo=UTC)
TOLD = st.builds(Told, st.sampled_from(["open", "won", "lost"]), st.integers(0, 3))


@given(st.lists(TOLD, min_size=1), st.randoms())
def test_only_the_newest_word_counts_however_the_messages_before_it_came(words, random):
    *before, last = words
    random.shuffle(before)
    stand = None
    for told in [*before, last, last]:
        stand = Stand(after(told, stand), told.round, None)
    assert stand.state is after(last, None)


def test_an_answer_counts_for_its_round_only():
    sent = Stand(State.SUBMITTED, 1, 1)
    assert after(Told("open", 1), sent) is State.SUBMITTED
    assert after(Told("open", 2), sent) is State.NEEDS_RESPONSE
    assert after(Told("open", 1), Stand(State.WON, 1, 1)) is State.SUBMITTED
    assert after(Told("lost", 1), Stand(State.ACCEPTED, 1, None)) is State.ACCEPTED
    assert not LIFECYCLE.allows(State.SUBMITTED, "send")
    assert [round_of(word) for word in ("inquiry", "chargeback", "PRE_ARBITRATION", "?")] == [0, 1, 2, 1]


@pytest.mark.parametrize(
    ("told", "category"),
    [
        (("adyen", "", " 10.4"), "fraud"),
        (("stripe", "product_not_received", ""), "not_received"),
        (("stripe", "fraudulent", "13.1"), "not_received"),
        (("paypal", "UNAUTHORISED", ""), "fraud"),
        (("klarna", "purchase_high_risk", ""), "fraud"),
        (("new", "?", "?"), "other"),
    ],
)
def test_reasons_have_one_category_over_all_providers(told, category):
    assert category_of(*told) == category


def test_a_deadline_is_answered_a_working_day_earlier():
    assert answer_by(date(2026, 6, 8)) == date(2026, 6, 5)
    assert default_deadline("klarna", "fraud", NOW).due_at == NOW + timedelta(days=7)
    assert default_deadline("klarna", "other", NOW).due_at == NOW + timedelta(days=21)
    assert kind_of("stripe", "sepa_debit", "") == "direct_debit"


def test_the_estimate_is_drawn_to_ones_own_rate_and_shows_its_working():
    cost = Cost(0, 30, 4_000)
    none, all_of_it = (
        estimate("not_received", 12_490, present, Own(), cost) for present in ((), ("delivery", "refund"))
    )
    assert none.chance < all_of_it.chance
    assert all_of_it.recommendation == "answer"
    assert estimate("not_received", 12_490, (), Own(200, 0), cost).recommendation == "accept"
    assert none.working["expected_minor"] == int(none.chance * 12_490) - 2_000


def test_fraud_is_no_claim_and_goods_not_received_only_with_proof():
    assert claim_after_loss("fraud", delivered=True, proven=True, known_buyer=True)[0] == "leave"
    assert claim_after_loss("not_received", delivered=True, proven=True, known_buyer=True)[0] == "open"
    assert claim_after_loss("not_received", delivered=True, proven=False, known_buyer=True)[0] == "leave"
    assert claim_after_loss("not_as_described", delivered=True, proven=True, known_buyer=False)[0] == "leave"


def test_two_undisputed_orders_of_the_window_count():
    def prior(days, **other):
        told = {"paid": True, "disputed": False, "same_account": True, "same_address": True} | other
        return PriorOrder(str(days), NOW - timedelta(days=days), **told)

    assert prior_evidence([prior(120), prior(365)], NOW).matched == ("account", "delivery_address")
    assert not prior_evidence([prior(119), prior(366), prior(200)], NOW).enough
    assert not prior_evidence([prior(200, disputed=True), prior(201, paid=False), prior(202)], NOW).enough


def content(text, category="not_received"):
    parts = tuple(Part(piece.name, piece.name, (text,)) for piece in pieces_of(category))
    return Content("de", "#title", (("a", text[:500]),), text, parts, category)


@pytest.mark.parametrize("category", CATEGORIES)
def test_no_field_is_longer_than_its_provider_takes(category):
    huge = content("x" * 60_000, category)
    stripe = fields_of("stripe", huge, "1").texts
    assert max(map(len, stripe.values())) <= STRIPE_FIELD
    assert sum(map(len, stripe.values())) <= STRIPE_ALL
    assert len(fields_of("klarna", huge, "").texts["text"]) <= KLARNA_ALL
    assert max(map(len, fields_of("paypal", huge, "").texts.values())) <= PAYPAL_NOTES


@pytest.mark.parametrize("text", ['#panic("x")', "*b* $x$ <a> @b \\ ` ]", "Straße 北京 \u202e"])
def test_what_people_wrote_is_never_evaluated(text):
    assert pdf.render(content(text), NOW.date()).startswith(b"%PDF")
