"""Typed conditions over the fact catalogue, in the form react-querybuilder stores, compiled to plain closures (pure).

A group is `{"combinator": "and" | "or", "not": bool, "rules": […]}`, a leaf `{"field", "operator", "value"}`. Three
values: a fact that is missing makes its leaf unknown, unknown travels by Kleene's tables through and, or, not, and a
condition that ends unknown does not hold. There are no loops, calls, patterns or conversions, so nothing can hang.
"""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from gateway.core.errors import Invalid
from gateway.core.money import MAX_MINOR
from gateway.risk.facts import CATALOGUE, Facts

Test = Callable[[Facts], bool | None]
Getter = Callable[[Facts], Any]
MAX_DEPTH, MAX_LEAVES, MAX_LIST = 8, 200, 500
_NAMED: Mapping[str, str] = {"int": "a whole number", "bool": "true or false", "text": "a text"}
_TYPES: Mapping[str, type] = {"int": int, "bool": bool, "text": str}
_COMPARE: Mapping[str, Callable[[Getter, Any], Test]] = {
    "=": lambda get, value: lambda facts: None if (fact := get(facts)) is None else fact == value,
    "!=": lambda get, value: lambda facts: None if (fact := get(facts)) is None else fact != value,
    "<": lambda get, value: lambda facts: None if (fact := get(facts)) is None else fact < value,
    "<=": lambda get, value: lambda facts: None if (fact := get(facts)) is None else fact <= value,
    ">": lambda get, value: lambda facts: None if (fact := get(facts)) is None else fact > value,
    ">=": lambda get, value: lambda facts: None if (fact := get(facts)) is None else fact >= value,
}
_ORDERED = frozenset({"<", "<=", ">", ">=", "between"})
_MEANT: Mapping[str, str] = {
    **dict.fromkeys(("==", "eq", "is", "equals", "equal"), "="),
    **dict.fromkeys(("<>", "ne", "neq", "isNot", "not"), "!="),
    **dict.fromkeys(("gt", "above", "greaterThan"), ">"),
    **dict.fromkeys(("gte", "ge", "=>", "atLeast"), ">="),
    **dict.fromkeys(("lt", "below", "lessThan"), "<"),
    **dict.fromkeys(("lte", "le", "=<", "atMost"), "<="),
    **dict.fromkeys(("oneOf", "IN", "any"), "in"),
    **dict.fromkeys(("not in", "not_in", "notin", "nin", "noneOf"), "notIn"),
    **dict.fromkeys(("isNull", "missing", "unknown", "empty"), "null"),
    **dict.fromkeys(("isNotNull", "known", "exists", "not null"), "notNull"),
}
"""What other tools call them."""
OPERATORS = (*_COMPARE, "in", "notIn", "between", "null", "notNull")


@dataclass(frozen=True, slots=True)
class Condition:
    """A compiled condition and the facts it reads."""

    test: Test
    facts: frozenset[str]

    def holds(self, facts: Facts) -> bool:
        return self.test(facts) is True


def compile_condition(node: Any, path: str = "/when") -> Condition:
    """Compile a stored condition. Raises Invalid with the path of the fault and a suggestion for a misspelt fact."""
    read: list[str] = []
    test = _node(node, path, 0, read)
    return Condition(test, frozenset(read))


def leaf(field: Any, operator: Any, value: Any, path: str) -> Test:
    """One comparison of a fact with a constant of the fact's own type."""
    type_ = checked_type(field, operator, path)
    return _TESTS.get(operator, _comparison)(attrgetter(field), operator, _typed(value, operator, type_, path))


def checked_type(field: Any, operator: Any, path: str) -> str:
    """The type of a fact that can be compared so. Raises Invalid with a suggestion for what is misspelt."""
    fact = CATALOGUE.get(field) if isinstance(field, str) else None
    if fact is None:
        raise Invalid.at(f"{path}/field", _unknown(field))
    if operator not in OPERATORS:
        meant = _MEANT.get(operator) if isinstance(operator, str) else None
        raise Invalid.at(
            f"{path}/operator", f"did you mean {meant}?" if meant else f"must be one of {' '.join(OPERATORS)}"
        )
    if operator in _ORDERED and fact.type != "int":
        raise Invalid.at(f"{path}/operator", f"{field} is of type {fact.type} and has no order")
    return fact.type


def operators_of(type_: str) -> list[str]:
    """The operators that a fact of this type can be compared by."""
    return [operator for operator in OPERATORS if type_ == "int" or operator not in _ORDERED]


def _node(node: Any, path: str, depth: int, read: list[str]) -> Test:
    if not isinstance(node, dict):
        raise Invalid.at(path, "must be an object")
    if depth > MAX_DEPTH:
        raise Invalid.at(path, f"nested deeper than {MAX_DEPTH}")
    if "rules" in node or "combinator" in node:
        return _group(node, path, depth, read)
    if unknown := node.keys() - {"field", "operator", "value", "id"}:
        raise Invalid.at(f"{path}/{min(unknown)}", "is not part of a condition")
    read.append(str(node.get("field")))
    if len(read) > MAX_LEAVES:
        raise Invalid.at(path, f"more than {MAX_LEAVES} comparisons")
    return leaf(node.get("field"), node.get("operator"), node.get("value"), path)


def _group(node: dict[str, Any], path: str, depth: int, read: list[str]) -> Test:
    if unknown := node.keys() - {"combinator", "not", "rules", "id"}:
        raise Invalid.at(f"{path}/{min(unknown)}", "is not part of a group")
    rules, combinator = node.get("rules"), node.get("combinator", "and")
    if not isinstance(rules, list) or not rules or len(rules) > MAX_LEAVES:
        raise Invalid.at(f"{path}/rules", "must be a list of at least one condition")
    if combinator not in ("and", "or"):
        raise Invalid.at(f"{path}/combinator", "must be and or or")
    if not isinstance(node.get("not", False), bool):
        raise Invalid.at(f"{path}/not", "must be true or false")
    tests = [_node(rule, f"{path}/rules/{place}", depth + 1, read) for place, rule in enumerate(rules)]
    test = tests[0] if len(tests) == 1 else all_of(tests) if combinator == "and" else _any_of(tests)
    return _negation(test) if node.get("not") else test


def all_of(tests: list[Test]) -> Test:
    """Kleene's and. Most rows of a decision table end at their first cell."""
    first, *others = tests or [_always]

    def test(facts: Facts) -> bool | None:
        result = first(facts)
        if result is False:
            return False
        for one in others:
            value = one(facts)
            if value is False:
                return False
            if value is None:
                result = None
        return result

    return test


def _always(_: Facts) -> bool:
    return True


def _any_of(tests: list[Test]) -> Test:
    def test(facts: Facts) -> bool | None:
        result: bool | None = False
        for one in tests:
            value = one(facts)
            if value is True:
                return True
            if value is None:
                result = None
        return result

    return test


def _negation(inner: Test) -> Test:
    def test(facts: Facts) -> bool | None:
        value = inner(facts)
        return None if value is None else not value

    return test


def _comparison(get: Getter, operator: str, value: Any) -> Test:
    return _COMPARE[operator](get, value)


def _membership(get: Getter, operator: str, value: frozenset[Any]) -> Test:
    wanted = operator == "in"

    def test(facts: Facts) -> bool | None:
        fact = get(facts)
        return None if fact is None else (fact in value) is wanted

    return test


def _range(get: Getter, _: str, value: tuple[int, int]) -> Test:
    low, high = value

    def test(facts: Facts) -> bool | None:
        fact = get(facts)
        return None if fact is None else low <= fact <= high

    return test


def _known(get: Getter, operator: str, _: Any) -> Test:
    wanted = operator == "null"
    return lambda facts: (get(facts) is None) is wanted


_TESTS: Mapping[str, Callable[[Getter, str, Any], Test]] = {
    "in": _membership,
    "notIn": _membership,
    "between": _range,
    "null": _known,
    "notNull": _known,
}


def _typed(value: Any, operator: str, wanted: str, path: str) -> Any:
    """The constant, exactly of the fact's type: nothing is converted, a money amount is an integer of minor units."""
    if operator in ("null", "notNull"):
        if value is not None:
            raise Invalid.at(f"{path}/value", f"{operator} compares with nothing")
        return None
    if operator in ("in", "notIn", "between"):
        if not isinstance(value, list) or not 0 < len(value) <= MAX_LIST or (operator == "between" and len(value) != 2):
            raise Invalid.at(f"{path}/value", "must be a list" + (" of two" if operator == "between" else ""))
        values = [_constant(one, wanted, f"{path}/value/{place}") for place, one in enumerate(value)]
        if operator != "between":
            return frozenset(values)
        if values[0] > values[1]:
            raise Invalid.at(f"{path}/value", "the range is empty: the first is larger than the second")
        return tuple(values)
    return _constant(value, wanted, f"{path}/value")


def _constant(value: Any, wanted: str, path: str) -> Any:
    if type(value) is not _TYPES[wanted] or (isinstance(value, int) and abs(value) > MAX_MINOR):
        raise Invalid.at(path, f"must be {_NAMED[wanted]}")
    return value


def _unknown(field: Any) -> str:
    close = difflib.get_close_matches(str(field)[:60], CATALOGUE, n=1)
    return f"no such fact{f'; did you mean {close[0]}?' if close else ''}"
