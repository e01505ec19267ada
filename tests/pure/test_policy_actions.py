"""What rules can ask for beyond hiding, for how long they hold, and what sampling and ceilings do to a menu."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.checkout import policy, records
from gateway.checkout.methods import Method
from gateway.checkout.policy import choose
from gateway.checkout.records import Judged
from gateway.risk.card import expert
from tests.pure.test_policy import a_case, offers

DEAR = {"field": "total_minor", "operator": ">=", "value": 10_000}
CARDS = (Method("plain", "card"), Method("secure", "card_3ds"), Method("bacs", "prepayment"))


def a_rule(action, *kinds, id_="r", when=DEAR, rest=None, **then) -> dict:
    return {
        "rules": [{"id": id_, "when": when, "then": {"action": action, "kinds": list(kinds), **then}, **(rest or {})}]
    }


def by_id(case) -> dict[str, policy.Offer]:
    return {offer.method.id: offer for offer in choose(case).offers}


@pytest.mark.parametrize(("most", "shown"), [(9_999, False), (10_000, True)])
def test_a_limit_caps_the_amount_of_its_kinds(most, shown):
    """100 EUR by invoice: not where the rule stops at 99.99, but where it stops at 100."""
    offer = offers(a_case(body=a_rule("limit", "invoice", max_minor=most)))["invoice"]
    assert offer.show is shown
    assert ("rule:r" in offer.reasons) is not shown


def test_3ds_by_rule_shows_the_secure_card_in_place_of_the_plain_one():
    """Where the shop has both, only the one with 3-D Secure is left."""
    found = by_id(a_case(body=a_rule("require_3ds", "card"), methods=CARDS))
    assert found["secure"].show
    assert (found["plain"].show, found["plain"].reasons) == (False, ("rule:r", "card_with_3ds_instead"))


def test_3ds_by_rule_marks_the_only_card_and_values_it_as_a_secure_one():
    """The shop is told to ask for it; what it can lose by fraud then is less."""
    methods = (Method("plain", "card"), Method("bacs", "prepayment"))
    plain = by_id(a_case(methods=methods, fraud=0.01))["plain"]
    marked = by_id(a_case(methods=methods, fraud=0.01, body=a_rule("require_3ds", "card")))["plain"]
    assert (marked.show, marked.require_3ds, marked.reasons) == (True, True, ("rule:r",))
    assert marked.worth.expected_loss_minor < plain.worth.expected_loss_minor


def test_3ds_by_rule_does_not_bring_back_a_secure_card_that_is_hidden():
    """The plain card stays, marked, when the merchant has switched the secure one off."""
    body = a_rule("require_3ds", "card") | {"methods": {"card_3ds": {"enabled": False}}}
    found = by_id(a_case(body=body, methods=CARDS))
    assert (found["secure"].show, found["plain"].show, found["plain"].require_3ds) == (False, True, True)


def test_a_challenge_keeps_the_method_and_tells_the_shop():
    """Any kind can be challenged, safe ones too; what is hidden is not."""
    body = a_rule("challenge", "card_3ds", "invoice") | {"methods": {"invoice": {"enabled": False}}}
    found = offers(a_case(body=body))
    assert (found["card_3ds"].show, found["card_3ds"].challenge) == (True, True)
    assert not found["invoice"].challenge
    assert not found["prepayment"].challenge


@pytest.mark.parametrize("action", ["require_3ds", "challenge"])
def test_a_buyer_whose_card_is_taken_on_a_condition_only_is_not_of_the_class_that_opens_everything(action):
    """The class travels in a token; a plugin that grants by it asks for no 3-D Secure and no proof."""
    methods = (Method("plain", "card"), Method("bacs", "prepayment"))
    assert choose(a_case(methods=methods)).outcome == "allow"
    assert choose(a_case(methods=methods, body=a_rule(action, "card"))).outcome == "review"


def test_marks_stand_in_the_record_only_where_they_are_set():
    """A record written before these actions existed replays to the same text."""
    plain = policy.to_dict(choose(a_case()))
    assert not {"require_3ds", "challenge"} & set().union(*plain["offers"])
    assert "explored" not in plain
    marked = policy.to_dict(choose(a_case(body=a_rule("challenge", "card_3ds"))))
    assert [offer.get("challenge") for offer in marked["offers"] if offer["kind"] == "card_3ds"] == [True]


@pytest.mark.parametrize(
    ("day", "acts"),
    [
        (date(2026, 11, 26), False),
        (date(2026, 11, 27), True),
        (date(2026, 11, 30), True),
        (date(2026, 12, 1), False),
        (None, False),
    ],
)
def test_a_rule_acts_from_its_first_to_its_last_day(day, acts):
    """Black weekend, both ends included; without a day, dated rules rest."""
    weekend = {"valid_from": "2026-11-27", "valid_until": "2026-11-30"}
    case = replace(a_case(body=a_rule("hide", "invoice", rest=weekend)), today=day)
    assert offers(case)["invoice"].show is not acts


def test_rows_of_the_table_have_days_too():
    """The next row takes over when the first has run out."""
    row = {"action": "deposit", "kinds": ["invoice"]}
    table = {
        "columns": [{"field": "country", "operator": "="}],
        "rows": [
            {"cells": ["DE"], "then": row | {"percent": 50}, "valid_until": "2026-11-30"},
            {"cells": ["DE"], "then": row | {"percent": 10}},
        ],
    }
    case = a_case(body={"table": table})
    for day, percent in ((date(2026, 11, 30), 50), (date(2026, 12, 1), 10)):
        assert offers(replace(case, today=day))["invoice"].deposit_percent == percent


def test_the_ceiling_of_the_shop_is_met_by_deposits_before_it_hides():
    """10,000 EUR at most, 9,950 open: of 100 EUR more half is paid before; at 10,000 nothing more goes."""
    body = {"shop_limit_minor": 1_000_000, "buyer_limit_minor": None}
    offer = offers(a_case(body=body, shop_open_minor=995_000))["invoice"]
    assert (offer.deposit_percent, offer.reasons) == (50, ("shop_limit",))
    full = offers(a_case(body=body, shop_open_minor=1_000_001))
    assert (full["invoice"].show, full["invoice"].reasons) == (False, ("shop_limit",))
    assert full["card_3ds"].show


@pytest.mark.parametrize("signal", ["history", "velocity", "bureau"])
def test_a_missing_signal_can_mean_that_a_person_looks(signal):
    """`review` leaves the menu as it is; `safe_only` takes the unsafe methods; `score` does neither."""
    gone = {signal: "away"}
    menu = [offer.show for offer in choose(a_case(missing=gone)).offers]
    looked_at = choose(a_case(missing=gone, body={f"without_{signal}": "review"}))
    assert looked_at.review
    assert [offer.show for offer in looked_at.offers] == menu
    assert not choose(a_case(body={f"without_{signal}": "review"})).review
    strict = offers(a_case(missing=gone, body={f"without_{signal}": "safe_only"}))
    assert strict["invoice"].reasons == (f"{signal}_missing",)


EXPLORE = {"explore": {"percent": 3, "max_minor": 20_000}, "methods": {"invoice": {"max_default": 0.05}}}


@pytest.mark.parametrize(("draw", "shown"), [(0.0, True), (0.029, True), (0.031, False), (0.99, False)])
def test_sampling_shows_three_in_a_hundred_what_risk_alone_takes_away(draw, shown):
    """With the draw, its probability and the methods concerned in the record, whether drawn or not."""
    choice = choose(replace(a_case(risk=0.2, body=EXPLORE), draw=draw))
    invoice = next(offer for offer in choice.offers if offer.method.kind == "invoice")
    assert invoice.show is shown
    assert choice.explored == {"draw": draw, "propensity": 0.03, "shown": shown, "methods": ["cheque"]}
    assert (invoice.reasons == ("explored",)) is shown
    assert policy.to_dict(choice)["explored"] == choice.explored


@pytest.mark.parametrize(
    ("facts", "body"),
    [
        ({"total_minor": 20_001}, {}),
        ({"listed": "block"}, {}),
        ({}, {"methods": {"invoice": {"max_default": 0.05, "enabled": False}}}),
        ({}, a_rule("hide", "invoice")),
        ({}, a_rule("deposit", "invoice", percent=50)),
        ({"shop_open_minor": 1}, {"shop_limit_minor": 10_000}),
        ({"open_minor": 90_000}, {}),
        ({}, {"invoice_fee_minor": 1, "methods": {"invoice": {"max_default": 0.05, "b2b": "only"}}}),
    ],
    ids=["above the cap", "blocked", "switched off", "rule", "deposit by rule", "ceiling", "buyer limit", "law"],
)
def test_sampling_never_goes_against_anything_but_risk(facts, body):
    """Cap, block list, rules, limits and law stand."""
    case = a_case(risk=0.2, body=EXPLORE | body, **facts)
    assert offers(replace(case, draw=0.0)) == offers(case)


def test_an_invoice_with_a_fee_is_no_method_for_a_consumer():
    """Deferred payment that costs anything is consumer credit; a company may be charged."""
    methods = (Method("cheque", "invoice", fee_minor=150), Method("bacs", "prepayment"))
    assert offers(a_case(methods=methods))["invoice"].reasons == ("consumer_credit_fee",)
    assert offers(a_case(methods=methods, b2b=None))["invoice"].reasons == ("consumer_credit_fee",)
    assert offers(a_case(methods=methods, b2b=True))["invoice"].show


def test_a_rule_that_lacks_a_fact_says_which_and_so_does_a_row():
    """The trace tells a rule that did not apply from one nobody could judge."""
    table = {
        "columns": [{"field": "orders", "operator": ">="}, {"field": "country", "operator": "="}],
        "rows": [
            {"cells": [3, "DE"], "then": {"action": "review"}},
            {"cells": [3, "FR"], "then": {"action": "review"}},
        ],
    }
    body = a_rule("review", when={"field": "paid_orders", "operator": "<", "value": 2}) | {"table": table}
    choice = choose(a_case(body=body))
    assert choice.unknown == ({"rule": "r", "facts": ["paid_orders"]}, {"rule": "row-1", "facts": ["orders"]})
    assert not choice.review


def test_the_merchants_own_words_are_kept_with_the_decision_not_with_the_choice():
    """They are for reading; what is replayed stays as it was."""
    words = {"reason": "too dear for strangers", "buyer_text": {"de": "Ab 100 Euro nur Vorkasse."}}
    case = a_case(body=a_rule("hide", "invoice", rest=words))
    record = records.to_dict(Judged(case, choose(case)), expert())
    assert record["texts"] == {"r": {"reason": "too dear for strangers", "de": "Ab 100 Euro nur Vorkasse."}}
    assert "texts" not in record["choice"]


def test_a_menu_is_worth_what_its_best_method_brings():
    """What backtests and shadows add up."""
    choice = choose(a_case())
    assert choice.contribution_minor == max(o.worth.contribution_minor for o in choice.offers if o.show)


@given(
    st.lists(
        st.tuples(st.sampled_from(["DE", "AT", "FR", None]), st.sampled_from([0, 2, 4, None])), min_size=8, max_size=20
    ),
    st.sampled_from(["DE", "AT", "CH", None]),
    st.none() | st.integers(0, 5),
)
def test_a_long_table_is_looked_up_and_read_from_the_top_alike(cells, country, orders):
    """The row that acts is the first that holds, whichever fact the table is looked up by."""
    columns = [{"field": "country", "operator": "="}, {"field": "orders", "operator": ">="}]
    rows = [{"cells": list(row), "then": {"action": "review"}} for row in cells]
    case = a_case(body={"table": {"columns": columns, "rows": rows}}, country=country, orders=orders)
    holds = [
        (wanted is None or wanted == country) and (least is None or (orders is not None and orders >= least))
        for wanted, least in cells
    ]
    first = [{"rule": f"row-{holds.index(True) + 1}", "result": "hit"}] if any(holds) else []
    assert list(choose(case).trace) == first


def test_what_the_bureau_costs_is_taken_off_where_it_would_be_asked():
    """A question for 80 cents, asked of every second invoice from 50 EUR: 40 cents less, unless all is paid before."""
    bureau = {"kinds": ["invoice"], "cost_minor": 80, "sample_percent": 50, "from_minor": 5_000}
    body, gone = {"bureau": bureau}, {"bureau": "no answer is on record"}

    def worth(**facts) -> int:
        case = facts.pop("case", body)
        return offers(a_case(body=case, **facts))["invoice"].worth.contribution_minor

    assert worth(missing=gone, case={}) - worth(missing=gone) == 40
    assert worth(case={}) == worth(), "an answer is on record"
    assert worth(missing=gone, case={}, total_minor=4_999) == worth(missing=gone, total_minor=4_999)
    paid = a_rule("deposit", "invoice", percent=100)
    assert worth(missing=gone, case=paid) == worth(missing=gone, case=paid | body)
