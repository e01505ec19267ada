"""The choice of methods: what the merchant's limits, rules and economics make of one buyer."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.checkout import documents, policy
from gateway.checkout.economics import expected_contribution
from gateway.checkout.methods import DEPOSIT_LADDER, KINDS, SAFE, Method
from gateway.checkout.policy import Case, choose
from gateway.risk.card import expert
from gateway.risk.facts import CATALOGUE, Facts
from gateway.risk.score import Score, score

MENU = (
    Method("cheque", "invoice"),
    Method("stripe", "card_3ds"),
    Method("bacs", "prepayment"),
    Method("cod", "cash_on_delivery"),
)


def a_case(*, risk=0.03, fraud=0.005, methods=MENU, holds_orders=True, body=None, figures=None, **facts) -> Case:
    sheet = Facts(**({"currency": "EUR", "total_minor": 10_000, "country": "DE", "b2b": False} | facts))
    return Case(
        facts=sheet,
        score=Score(risk, fraud, 0.15, (), "test"),
        methods=methods,
        economics=documents.compile_economics(figures or {}, 1),
        policy=documents.compile_policy(body or {}, 1),
        holds_orders=holds_orders,
    )


def offers(case: Case) -> dict[str, policy.Offer]:
    return {offer.method.kind: offer for offer in choose(case).offers}


def test_safe_methods_stand_first_then_what_brings_most():
    """Prepayment and card before invoice, however much invoice sells."""
    shown = [offer.method.kind for offer in choose(a_case()).offers if offer.show]
    assert shown == ["prepayment", "card_3ds", "invoice", "cash_on_delivery"]
    safety = [KINDS[kind].safety for kind in shown]
    assert safety == sorted(safety)


def test_the_smallest_deposit_that_keeps_the_loss_in_limits_is_asked_for():
    """100 EUR at 7 % default, 75 % LGD and 0.5 % fraud: 30 % paid before leaves a loss of 4.08 EUR, 50 % leaves 2.93, limit 3 EUR."""
    offer = offers(a_case(risk=0.07))["invoice"]
    assert offer.show
    assert offer.deposit_percent == 50
    assert offer.deposit_minor == 5_000
    assert "expected_loss" in offer.reasons
    assert offer.worth.expected_loss_minor <= 300


def test_a_shop_that_cannot_hold_orders_gets_all_or_nothing():
    """There is nobody to wait for half a payment."""
    assert offers(a_case(risk=0.08, holds_orders=False))["invoice"].deposit_percent == 100


@pytest.mark.parametrize(
    ("limits", "facts", "reason"),
    [
        ({"enabled": False}, {}, "switched_off"),
        ({"max_minor": 9_999}, {}, "amount_too_large"),
        ({"min_minor": 10_001}, {}, "amount_too_small"),
        ({"countries": ["AT"]}, {}, "country"),
        ({"countries": ["AT"]}, {"country": None}, "country"),
        ({"b2b": "only"}, {}, "companies_only"),
        ({"b2b": "never"}, {"b2b": True}, "consumers_only"),
        ({"max_default": 0.02}, {}, "risk_too_high"),
        ({"buyer_limit_minor": 12_000}, {"open_minor": 13_000}, "buyer_limit"),
    ],
)
def test_each_limit_takes_the_method_away_and_says_why(limits, facts, reason):
    """Limits per method, country, amount and buyer."""
    offer = offers(a_case(body={"methods": {"invoice": limits}}, **facts))["invoice"]
    assert not offer.show
    assert offer.reasons == (reason,)


def test_open_amounts_are_met_by_a_deposit_before_they_hide_the_method():
    """700 EUR limit, 640 open: of 100 EUR more, half has to be paid before."""
    body = {"buyer_limit_minor": 70_000}
    assert offers(a_case(body=body, open_minor=64_000))["invoice"].deposit_percent == 50


def test_own_instalments_are_never_offered_at_checkout():
    """Consumer credit needs a licensed partner (CCD2)."""
    offer = offers(a_case(methods=(Method("rate", "instalments"), Method("bacs", "prepayment"))))["instalments"]
    assert not offer.show
    assert "needs_licence" in offer.reasons


def test_a_blocked_buyer_keeps_the_safe_methods():
    """A block list takes away credit, not the shop."""
    found = offers(a_case(listed="block"))
    assert {kind for kind, offer in found.items() if offer.show} == {"prepayment", "card_3ds"}
    assert choose(a_case(listed="block")).outcome == "decline"


def test_a_trusted_buyer_is_not_judged_by_his_score_but_by_his_limits():
    """An allow entry lifts the loss limit, not the exposure limit."""
    trusted = {"listed": "allow", "risk": 0.09}
    assert offers(a_case(**trusted))["invoice"].deposit_percent == 0
    assert not offers(a_case(**trusted, body={"methods": {"invoice": {"max_minor": 1}}}))["invoice"].show


def test_a_rule_can_hide_ask_for_a_deposit_or_call_for_review():
    """Three actions, each leaving a trace."""
    dear = {"field": "total_minor", "operator": ">=", "value": 10_000}
    body = {
        "rules": [
            {"id": "no-cod", "when": dear, "then": {"action": "hide", "kinds": ["cash_on_delivery"]}},
            {"id": "pay-some", "when": dear, "then": {"action": "deposit", "kinds": ["invoice"], "percent": 30}},
            {"id": "look", "when": dear, "then": {"action": "review"}},
            {"id": "silent", "when": {"field": "orders", "operator": ">", "value": 1}, "then": {"action": "review"}},
        ],
    }
    choice = choose(a_case(body=body))
    found = {offer.method.kind: offer for offer in choice.offers}
    assert found["cash_on_delivery"].reasons == ("rule:no-cod",)
    assert found["invoice"].deposit_percent == 30
    assert "rule:pay-some" in found["invoice"].reasons
    assert choice.review
    assert {"rule": "silent", "result": "missing"} in choice.trace


def test_the_first_row_of_the_table_that_holds_acts():
    """Rows are read from the top."""
    row = {"action": "deposit", "kinds": ["invoice"]}
    body = {
        "table": {
            "columns": [{"field": "country", "operator": "="}, {"field": "total_minor", "operator": ">="}],
            "rows": [
                {"cells": ["FR", None], "then": {"action": "hide", "kinds": ["invoice"]}},
                {"cells": ["DE", 5_000], "then": row | {"percent": 10}},
                {"cells": [None, None], "then": row | {"percent": 100}},
            ],
        },
    }
    assert offers(a_case(body=body))["invoice"].deposit_percent == 10
    assert offers(a_case(body=body, country="AT"))["invoice"].deposit_percent == 100


def test_the_policy_says_what_a_missing_signal_means():
    """By default the card's value for missing; on wish only safe methods."""
    gone = {"history": "away", "velocity": "away"}
    assert offers(a_case(missing=gone))["invoice"].show
    strict = offers(a_case(missing=gone, body={"without_velocity": "safe_only"}))["invoice"]
    assert strict.reasons == ("velocity_missing",)


def test_the_menu_is_never_empty():
    """When everything is switched off the safest method is shown all the same, an unsafe one fully paid before."""
    off = {"methods": {kind: {"enabled": False} for kind in ("invoice", "card_3ds", "prepayment", "cash_on_delivery")}}
    shown = [offer for offer in choose(a_case(body=off)).offers if offer.show]
    assert [offer.method.kind for offer in shown] == ["prepayment"]
    assert shown[0].reasons[-1] == "last_resort"
    alone = [offer for offer in choose(a_case(body=off, methods=(Method("cheque", "invoice"),))).offers if offer.show]
    assert (alone[0].method.kind, alone[0].deposit_percent) == ("invoice", 100)
    no_deposit = (Method("cheque", "invoice", supports_deposit=False),)
    assert choose(a_case(body=off, methods=no_deposit)).review


def test_contribution_is_the_formula_of_the_design():
    """Invoice, 100 EUR, default 5 %, fraud 1 %, return 20 %, figures written out; computed by hand here."""
    figures = {
        "margin_bp": 3_000,
        "return_cost_minor": 650,
        "chargeback_fee_minor": 1_500,
        "kinds": {"invoice": {"fee_bp": 100, "fee_fixed_minor": 50, "completion": 0.9, "lgd": 0.8}},
    }
    worth = expected_contribution(
        Method("cheque", "invoice"),
        30,
        10_000,
        Score(0.05, 0.01, 0.2, (), "t"),
        documents.compile_economics(figures, 1),
    )
    default = 0.05 * 0.8 * 7_000
    fraud = 0.01 * 0.95 * (7_000 + 1_500)
    assert worth.deposit_minor == 3_000
    assert worth.expected_loss_minor == round(default + fraud)
    assert worth.contribution_minor == round(0.9 * 0.88 * (3_000 - 150 - default - fraud - 0.2 * 650))


facts = st.fixed_dictionaries(
    {"currency": st.just("EUR"), "total_minor": st.integers(0, 10**9)},
    optional={
        name: {
            "int": st.integers(0, 10**6),
            "bool": st.booleans(),
            "text": st.sampled_from(["DE", "FR", "block", "allow"]),
        }[entry.type]
        for name, entry in CATALOGUE.items()
        if name not in ("currency", "total_minor")
    },
)
menus = st.lists(
    st.builds(Method, st.uuids().map(str), st.sampled_from(sorted(KINDS)), st.booleans()), min_size=1, max_size=8
)


@given(facts, menus, st.booleans())
def test_any_buyer_and_any_shop_get_a_menu_that_holds_its_promises(known, methods, holds_orders):
    """Never empty, ranks without gaps, safe before unsafe, deposits from the ladder, loss within the limit."""
    sheet = Facts(**known)
    body = documents.DEFAULT_CHECKOUT
    plan = documents.compile_policy(body, 1)
    case = Case(sheet, score(expert(), sheet), methods, documents.compile_economics({}, 0), plan, holds_orders)
    choice = choose(case)
    shown = [offer for offer in choice.offers if offer.show]
    assert shown
    assert len(choice.offers) == len(methods)
    assert [offer.rank for offer in shown] == list(range(1, len(shown) + 1))
    assert all(offer.deposit_percent in (DEPOSIT_LADDER if holds_orders else (0, 100)) for offer in shown)
    limit = min(plan.loss_limit_minor, sheet.total_minor * plan.loss_limit_bp // 10_000)
    for offer in shown:
        last = any(reason.startswith("last_resort") for reason in offer.reasons)
        within = offer.worth.expected_loss_minor <= limit or KINDS[offer.method.kind].safety <= SAFE
        assert within or last or sheet.listed == "allow"
        assert offer.method.kind != "instalments" or last
    json.dumps(policy.to_dict(choice), allow_nan=False)


def test_a_blocked_buyer_never_gets_the_class_that_opens_everything():
    """The class travels in a token and is used for methods nobody asked about here."""
    for methods in (
        (Method("a", "card_3ds"),),
        (Method("a", "invoice", supports_deposit=False),),
        (Method("a", "card"),),
    ):
        assert choose(a_case(listed="block", methods=methods)).outcome == "decline"


def test_without_an_unsafe_method_the_class_is_that_of_an_invoice():
    """A shop that asks about cards only still learns whom it could trust."""
    cards = (Method("stripe", "card_3ds"),)
    assert choose(a_case(methods=cards)).outcome == "allow"
    assert choose(a_case(methods=cards, risk=0.07)).outcome == "review"
    assert (
        choose(a_case(methods=cards, risk=0.07, body={"methods": {"invoice": {"max_default": 0.01}}})).outcome
        == "decline"
    )


def test_the_last_resort_keeps_what_the_merchant_switched_off_for_the_very_end():
    """A debit fully paid before is offered rather than the card he does not want."""
    body = {"methods": {"card": {"enabled": False}}}
    methods = (Method("card", "card"), Method("debit", "sepa_debit"))
    shown = [offer for offer in choose(a_case(body=body, listed="block", methods=methods)).offers if offer.show]
    assert [(offer.method.kind, offer.deposit_percent) for offer in shown] == [("sepa_debit", 100)]


def test_an_invoice_due_too_late_is_not_offered_even_if_such_a_policy_got_in():
    """Consumer credit: the decision checks again what saving refused."""
    case = a_case()
    choice = choose(replace(case, policy=replace(case.policy, invoice_days=30)))
    invoice = next(offer for offer in choice.offers if offer.method.kind == "invoice")
    assert (invoice.show, invoice.reasons) == (False, ("consumer_credit",))


def test_a_rule_that_hides_invoices_counts_for_the_class_too():
    """Only prepayment was asked about, and the rule still says what a plugin may grant."""
    body = {
        "rules": [
            {
                "id": "no",
                "when": {"field": "total_minor", "operator": ">", "value": 0},
                "then": {"action": "hide", "kinds": ["invoice"]},
            }
        ]
    }
    assert choose(a_case(body=body, methods=(Method("bacs", "prepayment"),))).outcome == "decline"
