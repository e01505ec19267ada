"""Saving a policy refuses what could never work, at its place and with what was perhaps meant."""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.checkout import documents, lint
from gateway.checkout.conditions import MAX_LEAVES, OPERATORS, compile_condition
from gateway.checkout.documents import compile_policy
from gateway.core.errors import Invalid
from gateway.risk.facts import CATALOGUE, Facts
from tests.pure.test_conditions import a_fact_sheet, json_values, nodes

TODAY = date(2026, 11, 24)


def leaf(field, operator, value=None) -> dict:
    return {"field": field, "operator": operator, "value": value}


def both(*rules) -> dict:
    return {"combinator": "and", "rules": list(rules)}


def either(*rules) -> dict:
    return {"combinator": "or", "rules": list(rules)}


def not_(*rules) -> dict:
    return {"combinator": "and", "not": True, "rules": list(rules)}


def a_rule(id_, when, action="hide", kinds=("invoice",), rest=None, **then) -> dict:
    return {"id": id_, "when": when, "then": {"action": action, "kinds": list(kinds), **then}, **(rest or {})}


def a_table(columns, *rows) -> dict:
    hide = {"action": "hide", "kinds": ["invoice"]}
    return {
        "table": {
            "columns": [{"field": field, "operator": operator} for field, operator in columns],
            "rows": [{"cells": list(cells), "then": hide} for cells in rows],
        }
    }


def warnings(body) -> list[dict]:
    return lint.check("checkout", body, TODAY)


def faults(body) -> list[dict]:
    with pytest.raises(Invalid) as caught:
        warnings(body)
    return caught.value.facts["errors"]


ABOVE = leaf("total_minor", ">", 500)


@pytest.mark.parametrize(
    ("when", "path", "words"),
    [
        (both(ABOVE, leaf("total_minor", "<", 100)), "", "total_minor contradicts"),
        (both(ABOVE, leaf("total_minor", "=", 500)), "", "total_minor contradicts"),
        (both(leaf("orders", "null"), leaf("orders", ">", 1)), "", "orders contradicts"),
        (both(leaf("country", "=", "DE"), leaf("country", "notIn", ["DE", "AT"])), "", "country contradicts"),
        (either(both(leaf("b2b", "=", True), leaf("b2b", "=", False)), ABOVE), "/rules/0", "b2b contradicts"),
        (not_(leaf("total_minor", ">=", 0)), "/rules/0", "can never hold"),
        (both(ABOVE, not_(leaf("total_minor", ">", 100))), "", "total_minor contradicts"),
        (leaf("total_minor", "null"), "", "can never hold"),
        (leaf("local_hour", ">", 30), "/value", "local_hour is 0 to 23"),
        (leaf("gift_card_percent", "=", 101), "/value", "0 to 100"),
        (leaf("total_minor", "<", -1), "/value", "total_minor is 0 to"),
        (leaf("country", "in", ["DE", "UK"]), "/value/1", "did you mean GB?"),
        (leaf("listed", "=", "blocked"), "/value", "did you mean block?"),
        (leaf("totl_minor", ">", 5), "/field", "did you mean total_minor?"),
        (leaf("total_minor", "gt", 5), "/operator", "did you mean >?"),
        (leaf("total_minor", "==", 5), "/operator", "did you mean =?"),
    ],
)
def test_a_condition_that_can_never_hold_is_refused(when, path, words):
    """Contradictions, values a fact cannot have, and what is misspelt, each at its place."""
    fault = faults({"rules": [a_rule("a", when)]})[0]
    assert fault["path"] == f"/rules/0/when{path}"
    assert words in fault["message"]


@pytest.mark.parametrize(
    "when",
    [
        both(ABOVE, leaf("total_minor", "<", 502)),
        both(leaf("orders", "null"), ABOVE),
        not_(leaf("orders", ">", 3)),
        either(leaf("orders", ">", 3), leaf("orders", "<=", 3)),
        leaf("local_hour", "between", [22, 30]),
        leaf("discount_percent", ">", 100),
        leaf("country", "!=", "DE"),
    ],
)
def test_what_can_hold_for_somebody_is_accepted(when):
    """The lint refuses only what it can prove."""
    assert warnings({"rules": [a_rule("a", when)]}) == []


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (a_rule("a", ABOVE), a_rule("b", leaf("total_minor", ">", 900))),
        (a_rule("a", ABOVE), a_rule("b", both(ABOVE, leaf("b2b", "=", True)), "deposit", percent=30)),
        (a_rule("a", ABOVE, "deposit", percent=50), a_rule("b", ABOVE, "deposit", percent=30)),
        (a_rule("a", ABOVE, "limit", max_minor=600), a_rule("b", ABOVE, "limit", max_minor=700)),
        (a_rule("a", ABOVE, "review", ()), a_rule("b", leaf("total_minor", "=", 600), "review", ())),
        (a_rule("a", ABOVE, kinds=("invoice", "card")), a_rule("b", ABOVE, "challenge", ("card",))),
        (
            a_rule("a", ABOVE, rest={"valid_from": "2026-11-01"}),
            a_rule("b", ABOVE, rest={"valid_from": "2026-12-01", "valid_until": "2026-12-24"}),
        ),
    ],
)
def test_a_rule_that_never_does_more_than_an_earlier_one_is_refused(first, second):
    """Nobody would ever see it act."""
    fault = faults({"rules": [first, second]})[0]
    assert fault["path"] == "/rules/1"
    assert "rule a holds whenever it does" in fault["message"]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (a_rule("a", ABOVE), a_rule("b", ABOVE, kinds=("card",))),
        (a_rule("a", ABOVE, "deposit", percent=30), a_rule("b", ABOVE, "deposit", percent=50)),
        (a_rule("a", ABOVE, "review", ()), a_rule("b", ABOVE)),
        (a_rule("a", leaf("orders", ">", 3)), a_rule("b", not_(leaf("orders", ">", 3)))),
        (a_rule("a", ABOVE, rest={"valid_until": "2026-12-31"}), a_rule("b", leaf("total_minor", ">", 900))),
    ],
)
def test_a_rule_that_adds_something_is_accepted(first, second):
    """Other kinds, more deposit, other orders, other days."""
    assert all(one["path"] == "/rules/0" for one in warnings({"rules": [first, second]}))


def test_a_rule_that_a_later_one_makes_needless_is_told_and_kept():
    """It is not wrong, only needless."""
    found = warnings({"rules": [a_rule("a", leaf("total_minor", ">", 900)), a_rule("b", ABOVE)]})
    assert [one["path"] for one in found] == ["/rules/0"]


def test_rules_that_cover_another_only_together_are_found():
    """Above 500 hidden, up to 500 hidden: what is left for a deposit?"""
    body = {
        "rules": [
            a_rule("a", ABOVE),
            a_rule("b", leaf("total_minor", "<=", 500)),
            a_rule("c", leaf("total_minor", ">=", 0), "deposit", percent=10),
        ]
    }
    assert faults(body)[0]["path"] == "/rules/2"


@pytest.mark.parametrize(
    ("columns", "rows", "path", "words"),
    [
        ([("country", "="), ("total_minor", ">=")], [["DE", 100], ["DE", 200]], "/table/rows/1", "row-1 holds"),
        ([("country", "=")], [[None], ["DE"]], "/table/rows/1", "row-1 holds"),
        (
            [("total_minor", ">="), ("total_minor", "<")],
            [[100, None], [None, 100], [None, None]],
            "/table/rows/2",
            "nothing",
        ),
        ([("total_minor", ">="), ("total_minor", "<")], [[100, 50]], "/table/rows/0/cells", "contradicts"),
        ([("contry", "=")], [["DE"]], "/table/columns/0/field", "did you mean country?"),
        ([("orders", "null")], [[None]], "/table/columns/0/operator", "write a rule"),
        ([("country", "=")], [["DEU"]], "/table/rows/0/cells/0", "did you mean"),
        ([("total_minor", "<")], [["100"]], "/table/rows/0/cells/0/value", "whole number"),
    ],
)
def test_a_row_that_can_never_be_the_first_is_refused(columns, rows, path, words):
    """Covered by one row above, by all of them together, or impossible in itself."""
    fault = faults(a_table(columns, *rows))[0]
    assert fault["path"] == path
    assert words in fault["message"]


def test_a_row_below_one_that_asks_for_a_fact_still_catches_those_without_it():
    """`orders >= 0` does not hold for a stranger."""
    assert warnings(a_table([("orders", ">=")], [0], [None])) == []


def test_every_fault_is_told_at_once():
    """Whoever mends a document wants the whole list."""
    body = {"rules": [a_rule("a", leaf("x", ">", 1)), a_rule("b", leaf("b2b", ">", True)), a_rule("c", {})]}
    assert {fault["path"] for fault in faults(body)} == {
        "/rules/0/when/field",
        "/rules/1/when/operator",
        "/rules/2/when/field",
    }


@pytest.mark.parametrize(
    ("body", "path", "words"),
    [
        ({"rulez": []}, "/rulez", "did you mean rules?"),
        ({"methods": {"invoice": {"max_minr": 5}}}, "/methods/invoice/value/max_minr", "did you mean max_minor?"),
        ({"methods": {"invoice": {"countries": ["UK"]}}}, "/methods/invoice/countries/0", "did you mean GB?"),
        ({"methods": {"instalments": {"enabled": True}}}, "/methods", "licensed partner"),
        ({"invoice_days": 15}, "/invoice_days", "SME"),
        ({"invoice_days": 51, "seller_is_sme": True}, "/invoice_days", ""),
        ({"invoice_fee_minor": 1}, "/invoice_fee_minor", "consumer credit"),
        ({"bureau": {"kinds": ["prepayment"]}}, "/bureau/kinds/0", "no risk"),
        ({"bureau": {"budget_minor_per_month": 5}}, "/bureau/cost_minor", "price"),
        ({"bureau": {"on": {"timeout": "retry"}}}, "/bureau/on/timeout/value", "one of"),
        ({"explore": {"percent": 6, "max_minor": 1}}, "/explore/percent", "5"),
        ({"explore": {"percent": 2}}, "/explore/max_minor", "required"),
        ({"rules": [a_rule("a", ABOVE, "deposit", ("card",), percent=30)]}, "/rules/0/then/kinds", "no deposit"),
        ({"rules": [a_rule("a", ABOVE, "require_3ds")]}, "/rules/0/then/kinds", "no 3-D Secure"),
        ({"rules": [a_rule("a", ABOVE, "limit")]}, "/rules/0/then/max_minor", "action limit"),
        ({"rules": [a_rule("a", ABOVE, max_minor=5)]}, "/rules/0/then/max_minor", "action limit"),
        (
            {"rules": [a_rule("a", ABOVE, rest={"valid_from": "2026-12-02", "valid_until": "2026-12-01"})]},
            "/rules/0/valid_until",
            "never valid",
        ),
        ({"rules": [a_rule("a", ABOVE, rest={"buyer_text": {"fr": "Non"}})]}, "/rules/0/buyer_text/fr", ""),
    ],
)
def test_a_document_that_means_nothing_or_breaks_the_law_is_refused(body, path, words):
    """Fields, countries, consumer credit, actions on kinds that cannot take them."""
    found = [fault for fault in faults(body) if fault["path"] == path]
    assert found, faults(body)
    assert words in found[0]["message"]


def test_what_is_harmless_but_odd_is_told():
    """A rule that ran out, a rule about a method that is off, a sample of what is never refused."""
    body = {
        "methods": {"invoice": {"enabled": False}},
        "rules": [a_rule("a", ABOVE, rest={"valid_until": "2026-11-23"})],
        "explore": {"percent": 2, "max_minor": 100, "kinds": ["prepayment"]},
    }
    assert {one["path"] for one in warnings(body)} == {
        "/rules/0/then/kinds",
        "/rules/0/valid_until",
        "/explore/kinds/0",
    }


def test_an_invoice_fee_is_for_companies_only():
    """No consumer pays it, so it is no consumer credit."""
    assert warnings({"invoice_fee_minor": 250, "methods": {"invoice": {"b2b": "only"}}}) == []


def test_the_shipped_defaults_pass():
    """A merchant can start from what the desk shows."""
    for kind, body in documents.DEFAULTS.items():
        assert lint.check(kind, body, TODAY) == []


def test_a_version_that_was_kept_before_the_lint_grew_still_compiles():
    """What decides already is not broken by a new check."""
    body = {"rules": [a_rule("a", ABOVE), a_rule("b", ABOVE)], "methods": {"invoice": {"countries": ["UK"]}}}
    assert len(compile_policy(body, 7).rules) == 2


ints = st.integers(-3, 30)
small = st.sampled_from(["orders", "items", "local_hour"])
good_leaves = st.one_of(
    st.builds(leaf, small, st.sampled_from(["=", "!=", "<", "<=", ">", ">="]), ints),
    st.builds(leaf, small, st.sampled_from(["in", "notIn"]), st.lists(ints, min_size=1, max_size=3)),
    st.builds(lambda f, a, b: leaf(f, "between", sorted([a, b])), small, ints, ints),
    st.builds(leaf, small, st.sampled_from(["null", "notNull"])),
    st.builds(leaf, st.just("b2b"), st.just("="), st.booleans()),
)
good_nodes = st.recursive(
    good_leaves,
    lambda inner: st.builds(
        lambda rules, combinator, negated: {"rules": rules, "combinator": combinator, "not": negated},
        st.lists(inner, min_size=1, max_size=3),
        st.sampled_from(["and", "or"]),
        st.booleans(),
    ),
    max_leaves=6,
)
sheets = st.builds(
    a_fact_sheet,
    orders=st.none() | st.integers(0, 32),
    items=st.none() | st.integers(0, 32),
    local_hour=st.none() | st.integers(0, 23),
    b2b=st.none() | st.booleans(),
)


@given(st.lists(good_nodes, min_size=1, max_size=3), st.lists(sheets, min_size=5, max_size=20))
def test_what_is_refused_as_impossible_or_needless_is_so_for_everybody(conditions, people):
    """No buyer is found for whom a refused condition holds, or a needless rule acts alone."""
    body = {"rules": [a_rule(f"r{number}", when) for number, when in enumerate(conditions)]}
    tests = [compile_condition(when) for when in conditions]
    try:
        warnings(body)
    except Invalid as refused:
        for fault in refused.facts["errors"]:
            place, _, inside = fault["path"].removeprefix("/rules/").partition("/")
            if inside == "when":
                assert not any(tests[int(place)].holds(sheet) for sheet in people)
            elif not inside:
                earlier = tests[: int(place)]
                alone = [s for s in people if tests[int(place)].holds(s) and not any(t.holds(s) for t in earlier)]
                assert not alone


documents_ = st.fixed_dictionaries(
    {},
    optional={
        "rules": st.lists(
            st.fixed_dictionaries(
                {
                    "id": st.sampled_from(["a", "b", "c"]) | json_values,
                    "when": nodes,
                    "then": st.just({"action": "review"}) | json_values,
                }
            ),
            max_size=3,
        ),
        "table": st.fixed_dictionaries(
            {
                "columns": st.lists(
                    st.fixed_dictionaries(
                        {"field": st.sampled_from(sorted(CATALOGUE)), "operator": st.sampled_from(OPERATORS)}
                    ),
                    max_size=2,
                ),
                "rows": st.lists(
                    st.fixed_dictionaries(
                        {"cells": st.lists(json_values, max_size=2), "then": st.just({"action": "review"})}
                    ),
                    max_size=3,
                ),
            }
        )
        | json_values,
        "bureau": json_values,
        "explore": json_values,
        "methods": json_values,
    },
)


@given(documents_ | json_values)
@settings(max_examples=200)
def test_no_document_brings_the_lint_down(document):
    """It is accepted or refused with paths; what is accepted compiles."""
    try:
        warnings(document)
    except Invalid as refused:
        told = refused.facts["errors"]
    else:
        told = []
        compile_policy(document, 1)
    assert all(fault["path"].startswith("/") and fault["message"] for fault in told)


class Counting:
    """A fact sheet that counts how often it is read."""

    def __init__(self, sheet: Facts) -> None:
        self.reads, self._sheet = 0, sheet

    def __getattr__(self, name: str):
        self.reads += 1
        return getattr(self._sheet, name)


@given(nodes | good_nodes, sheets)
def test_the_work_of_an_accepted_rule_is_bounded_by_its_comparisons(node, sheet):
    """Each comparison reads one fact at most once, and there are at most 200: no rule can take long for any facts."""
    try:
        condition = compile_condition(node)
    except Invalid:
        return
    counting = Counting(sheet)
    condition.test(counting)
    assert counting.reads <= MAX_LEAVES
