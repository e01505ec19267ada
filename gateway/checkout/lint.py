"""What saving a policy refuses beyond its form: what can never hold, never act, or never was meant so (pure).

A stored version is compiled without this, so that a stricter lint never breaks what decides already.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from gateway.checkout import documents, regions
from gateway.checkout.conditions import checked_type
from gateway.checkout.methods import KINDS, SAFE
from gateway.checkout.regions import DAY, Region, Space, countries, domain
from gateway.checkout.rules import Rule
from gateway.core.errors import Invalid
from gateway.core.faults import MOST, Fault, Findings

_ASKING = ("null", "notNull")


@dataclass(frozen=True, slots=True)
class _Area:
    """A rule or row with the regions it holds in; None where they are too many."""

    path: str
    rule: Rule
    regions: list[Region] | None


def check(kind: str, body: Any, today: date) -> list[Fault]:
    """Check a document to the last field and return warnings. Raises Invalid with every fault's path and a suggestion."""
    if kind == "checkout":
        return _check_checkout(body, today)
    documents.COMPILERS[kind](body, 0)
    return []


def _check_checkout(body: Any, today: date) -> list[Fault]:
    data, found = documents.load_checkout(body), Findings()
    rules, rows = _compiled(data, found)
    found.refuse()
    documents.compile_policy(body, 0)
    space = Space(_constants(data))
    _values(data, found)
    found.refuse()
    areas = [_rule_area(space, rule, body_, place, found) for place, (rule, body_) in enumerate(rules)]
    lines = [
        _row_area(space, row, data["table"]["columns"], body_, place, found) for place, (row, body_) in enumerate(rows)
    ]
    for place, area in enumerate(areas):
        _redundant(space, area, areas[:place], areas[place + 1 :], found)
    for place, line in enumerate(lines):
        _never_first(space, line, lines[:place], found)
    _actions([*areas, *lines], data, today, found)
    _methods(data, found)
    found.refuse()
    return found.warnings[:MOST]


def _compiled(data: dict[str, Any], found: Findings) -> tuple[list[tuple[Rule, Any]], list[tuple[Rule, Any]]]:
    """Rules and rows beside their documents; every fault of every one is told, not the first alone."""
    rules, rows = [], []
    for place, rule in enumerate(data["rules"]):
        if (compiled := _told(lambda r=rule, p=place: documents.compile_rule(r, p), found)) is not None:
            rules.append((compiled, rule))
    table = data["table"] or {"columns": [], "rows": []}
    before = len(found.faults)
    for place, column in enumerate(table["columns"]):
        _told(lambda c=column, p=place: _column(c, f"/table/columns/{p}"), found)
    for place, row in enumerate(table["rows"] if len(found.faults) == before else ()):
        if (compiled := _told(lambda r=row, p=place: documents.compile_row(table["columns"], r, p), found)) is not None:
            rows.append((compiled, row))
    return rules, rows


def _told(make: Any, found: Findings) -> Any:
    try:
        return make()
    except Invalid as fault:
        found.faults.extend(fault.facts["errors"])
        return None


def _column(column: Mapping[str, Any], path: str) -> None:
    checked_type(column["field"], column["operator"], path)
    if column["operator"] in _ASKING:
        raise Invalid.at(f"{path}/operator", "compares with nothing, so no cell can say anything: write a rule")


def _leaves(node: Mapping[str, Any], path: str) -> Iterable[tuple[Mapping[str, Any], str]]:
    if "rules" not in node:
        yield node, path
    for place, inner in enumerate(node.get("rules", ())):
        yield from _leaves(inner, f"{path}/rules/{place}")


def _comparisons(data: dict[str, Any]) -> Iterable[tuple[str, str, Any, str]]:
    """Every comparison of the document: fact, operator, value, and the value's path."""
    for place, rule in enumerate(data["rules"]):
        for node, path in _leaves(rule["when"], f"/rules/{place}/when"):
            yield node["field"], node["operator"], node.get("value"), f"{path}/value"
    table = data["table"] or {"columns": [], "rows": []}
    for place, row in enumerate(table["rows"]):
        for n, (column, cell) in enumerate(zip(table["columns"], row["cells"], strict=True)):
            if cell is not None:
                yield column["field"], column["operator"], cell, f"/table/rows/{place}/cells/{n}"


def _constants(data: dict[str, Any]) -> dict[str, set[Any]]:
    found: dict[str, set[Any]] = {DAY: set()}
    for name, operator, value, _ in _comparisons(data):
        constants = found.setdefault(name, set())
        if operator not in _ASKING:
            constants.update(value if isinstance(value, list) else [value])
    for one in (*data["rules"], *(data["table"] or {"rows": []})["rows"]):
        found[DAY] |= {day.toordinal() for day in (one["valid_from"], one["valid_until"]) if day}
    return found


def _values(data: dict[str, Any], found: Findings) -> None:
    """Constants that the fact can never have: an hour 25, a country UK."""
    for name, operator, value, path in _comparisons(data):
        if operator in _ASKING:
            continue
        possible = domain(name)
        for place, one in enumerate(value if isinstance(value, list) else [value]):
            if one not in possible and not _still_says_something(operator, one, possible):
                here = f"{path}/{place}" if isinstance(value, list) else path
                found.fault(here, f"{name} is {possible}, never this{_suggestion(one, possible)}")


def _still_says_something(operator: str, value: Any, possible: regions.Domain) -> bool:
    """A bound outside of what is possible still holds for some values: `between 0 and 999` hours, `>= -1`."""
    if isinstance(value, str) or operator in ("=", "!=", "in", "notIn"):
        return False
    if operator == "between":
        return True
    return not (value > possible.high and operator in (">", ">=")) and not (
        value < possible.low and operator in ("<", "<=")
    )


def _suggestion(value: Any, possible: regions.Domain) -> str:
    if not isinstance(value, str) or not possible.choices:
        return ""
    close = _CODES.get(value) or documents.close_to(value, possible.choices)
    return f"; did you mean {close}?" if close else ""


_CODES = {"UK": "GB", "EL": "GR", "EURO": "EUR"}


def _rule_area(space: Space, rule: Rule, body: Mapping[str, Any], place: int, found: Findings) -> _Area:
    where = space.regions(body["when"])
    if where is not None:
        _dead(space, body["when"], f"/rules/{place}/when", negated=False, found=found)
    return _Area(f"/rules/{place}", rule, _dated(space, where, rule))


def _dead(space: Space, node: Mapping[str, Any], path: str, *, negated: bool, found: Findings) -> bool:
    """Tell the innermost parts of a condition that can never be true; whether there was one."""
    inside = negated is not (node.get("not", False) if "rules" in node else False)
    dead = [
        _dead(space, one, f"{path}/rules/{place}", negated=inside, found=found)
        for place, one in enumerate(node.get("rules", ()))
    ]
    if any(dead):
        return True
    if space.regions(node, negated=negated) != []:
        return False
    parts = [space.regions(one, negated=inside) or [] for one in node.get("rules", ())]
    name = regions.contradiction(parts)
    found.fault(path, f"can never hold: what it asks of {name} contradicts itself" if name else "can never hold")
    return True


def _row_area(
    space: Space, row: Rule, columns: Sequence[Mapping[str, str]], body: Mapping[str, Any], place: int, found: Findings
) -> _Area:
    path = f"/table/rows/{place}"
    where: dict[str, int] = {}
    for column, cell in zip(columns, body["cells"], strict=True):
        if cell is None:
            continue
        one = space.leaf(column["field"], column["operator"], cell)
        both = None if one is None else regions.meet(where, one)
        if both is None:
            found.fault(f"{path}/cells", f"can never hold: what the row asks of {column['field']} contradicts itself")
            return _Area(path, row, None)
        where = dict(both)
    return _Area(path, row, _dated(space, [where], row))


def _dated(space: Space, where: list[Region] | None, rule: Rule) -> list[Region] | None:
    if where is None or not rule.dated:
        return where
    first = (rule.valid_from or date.min).toordinal()
    last = (rule.valid_until or date.max).toordinal()
    days = space.leaf(DAY, "between", [first, last])
    return where if days is None else [{**region, **days} for region in where]


def _redundant(space: Space, area: _Area, before: Sequence[_Area], after: Sequence[_Area], found: Findings) -> None:
    """A rule that never does more than earlier ones is refused; than a later one, is told."""
    if area.regions is None:
        return
    stronger = [other for other in before if other.regions is not None and _does_no_more(area.rule, other.rule)]
    one = next((other for other in stronger if space.covered(area.regions or [], other.regions or [])), None)
    if one is not None:
        found.fault(area.path, f"never acts: rule {one.rule.id} holds whenever it does and does as much")
    elif len(stronger) > 1 and space.covered(area.regions, [r for other in stronger for r in other.regions or []]):
        found.fault(area.path, "never acts: whenever it holds one of the rules before it does and does as much")
    else:
        later = [other for other in after if other.regions is not None and _does_no_more(area.rule, other.rule)]
        for other in later:
            if space.covered(area.regions, other.regions or []):
                found.warn(area.path, f"does nothing more than rule {other.rule.id}, which holds whenever it does")
                break


def _does_no_more(one: Rule, other: Rule) -> bool:
    """Whether the effect of `one` is contained in that of `other` where both hold."""
    if one.action == "review" or other.action == "review":
        return one.action == other.action
    if not one.kinds <= other.kinds:
        return False
    if other.action == "hide":
        return True
    if one.action != other.action:
        return False
    return one.percent <= other.percent if one.action == "deposit" else one.max_minor >= other.max_minor


def _never_first(space: Space, line: _Area, before: Sequence[_Area], found: Findings) -> None:
    if line.regions is None:
        return
    known = [other for other in before if other.regions is not None]
    for other in known:
        if space.covered(line.regions, other.regions or []):
            found.fault(line.path, f"can never be the first to hold: {other.rule.id} holds whenever it does")
            return
    if space.covered(line.regions, [region for other in known for region in other.regions or []]):
        found.fault(line.path, "can never be the first to hold: the rows before it leave nothing")


def _actions(areas: Sequence[_Area], data: dict[str, Any], today: date, found: Findings) -> None:
    off = {kind for kind, limits in data["methods"].items() if not limits["enabled"]}
    for area in areas:
        rule, path = area.rule, f"{area.path}/then/kinds"
        wrong = {
            "deposit": [kind for kind in rule.kinds if not KINDS[kind].deposit],
            "require_3ds": [kind for kind in rule.kinds if kind not in ("card", "card_3ds")],
        }.get(rule.action, [])
        if wrong:
            what = "takes no deposit" if rule.action == "deposit" else "knows no 3-D Secure"
            found.fault(path, f"{', '.join(sorted(wrong))} {what}")
        if rule.kinds and rule.kinds <= off:
            found.warn(path, f"{', '.join(sorted(rule.kinds))} is switched off anyway")
        if rule.valid_until is not None and rule.valid_until < today:
            found.warn(f"{area.path}/valid_until", "has passed: it does nothing any more")


def _methods(data: dict[str, Any], found: Findings) -> None:
    for kind, limits in data["methods"].items():
        for place, country in enumerate(limits["countries"] or ()):
            if country not in countries():
                words = f"there is no country {country}{_suggestion(country, domain('country'))}"
                found.fault(f"/methods/{kind}/countries/{place}", words)
    for place, kind in enumerate((data["bureau"] or {}).get("kinds", ())):
        if KINDS[kind].safety <= SAFE:
            found.fault(f"/bureau/kinds/{place}", f"{kind} holds no risk that would justify asking a bureau")
    for place, kind in enumerate((data["explore"] or {}).get("kinds", ())):
        if KINDS[kind].safety <= SAFE:
            found.warn(f"/explore/kinds/{place}", f"{kind} is never taken away by risk, so there is nothing to sample")
