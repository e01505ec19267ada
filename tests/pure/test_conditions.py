"""Rules are typed: what cannot work is refused when it is saved, and what is saved cannot fail at a checkout."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.checkout.conditions import OPERATORS, compile_condition
from gateway.core.errors import Invalid
from gateway.risk.facts import CATALOGUE, Facts


def a_fact_sheet(**known) -> Facts:
    return Facts(**({"currency": "EUR", "total_minor": 10_000} | known))


def leaf(field, operator, value=None):
    return {"field": field, "operator": operator, "value": value}


@pytest.mark.parametrize(
    ("rule", "holds"),
    [
        (leaf("total_minor", ">", 9_999), True),
        (leaf("total_minor", "between", [10_001, 20_000]), False),
        (leaf("country", "in", ["DE", "AT"]), True),
        (leaf("country", "notIn", ["DE", "AT"]), False),
        (leaf("b2b", "=", False), True),
        (leaf("orders", "null"), True),
        (leaf("country", "notNull"), True),
        ({"combinator": "or", "rules": [leaf("total_minor", "<", 1), leaf("b2b", "!=", True)]}, True),
        ({"combinator": "and", "not": True, "rules": [leaf("total_minor", "<", 1)]}, True),
    ],
)
def test_a_condition_reads_as_it_is_written(rule, holds):
    """Every operator on facts that are known."""
    assert compile_condition(rule).holds(a_fact_sheet(country="DE", b2b=False)) is holds


def test_a_missing_fact_makes_a_condition_false_also_under_not():
    """Nobody is treated worse, or better, because a signal was away."""
    unknown = leaf("orders", ">", 3)
    assert not compile_condition(unknown).holds(a_fact_sheet())
    assert not compile_condition({"combinator": "and", "not": True, "rules": [unknown]}).holds(a_fact_sheet())
    either = {"combinator": "or", "rules": [unknown, leaf("total_minor", ">", 0)]}
    assert compile_condition(either).holds(a_fact_sheet())


@pytest.mark.parametrize(
    ("rule", "path", "words"),
    [
        (leaf("totl_minor", ">", 1), "/when/field", "did you mean total_minor?"),
        (leaf("total_minor", ">", "100"), "/when/value", "whole number"),
        (leaf("total_minor", ">", 1.5), "/when/value", "whole number"),
        (leaf("total_minor", ">", True), "/when/value", "whole number"),
        (leaf("b2b", ">", True), "/when/operator", "no order"),
        (leaf("total_minor", "matches", ".*"), "/when/operator", "one of"),
        (leaf("total_minor", "between", [5, 1]), "/when/value", "empty"),
        ({"combinator": "xor", "rules": [leaf("b2b", "=", True)]}, "/when/combinator", "and or or"),
        ({"combinator": "and", "rules": []}, "/when/rules", "at least one"),
        ({"and": True, "rules": [leaf("b2b", "=", True)]}, "/when/and", "not part of a group"),
        ({"Not": True, "rules": [leaf("b2b", "=", True)]}, "/when/Not", "not part of a group"),
        (leaf("orders", "null", 3), "/when/value", "compares with nothing"),
        (leaf("orders", "notNull", ""), "/when/value", "compares with nothing"),
        ({"rules": [leaf("b2b", "=", True), {"field": "b2b", "op": "="}]}, "/when/rules/1/op", "not part"),
    ],
)
def test_a_faulty_rule_is_refused_with_its_place(rule, path, words):
    """The editor can point at the fault."""
    with pytest.raises(Invalid) as caught:
        compile_condition(rule)
    fault = caught.value.facts["errors"][0]
    assert fault["path"] == path
    assert words in fault["message"]


def test_depth_has_a_limit():
    """A bomb of brackets is refused before it is walked."""
    bomb = leaf("b2b", "=", True)
    for _ in range(10_000):
        bomb = {"combinator": "and", "rules": [bomb]}
    with pytest.raises(Invalid):
        compile_condition(bomb)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
leaves = st.fixed_dictionaries(
    {"field": st.sampled_from(sorted(CATALOGUE)) | json_values, "operator": st.sampled_from(OPERATORS) | json_values},
    optional={"value": json_values},
)
nodes = st.recursive(
    leaves | json_values,
    lambda inner: st.fixed_dictionaries(
        {"rules": st.lists(inner, max_size=3) | json_values},
        optional={"combinator": st.sampled_from(["and", "or"]) | json_values, "not": st.booleans() | json_values},
    ),
    max_leaves=10,
)


@given(nodes)
def test_no_document_brings_the_compiler_down(node):
    """It compiles or is refused; what compiles answers yes or no for any facts."""
    try:
        condition = compile_condition(node)
    except Invalid:
        return
    for sheet in (a_fact_sheet(), a_fact_sheet(country="DE", b2b=True, orders=2, listed="block")):
        assert condition.holds(sheet) in (True, False)
