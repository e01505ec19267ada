"""Score cards: additive tables over facts, read from JSON, strictly checked, and evaluated without any library.

A card has outputs (`default`, `fraud`, `return`), each a sum of log-odds: an intercept plus one value per table. A
table names a fact, ascending cuts and one value per band (`value[i]` for cuts[i-1] <= fact < cuts[i]), or for yes/no
and text facts a value per case; `missing` counts when the fact is not known. Probability is 1 / (1 + e^-sum).
"""

import hashlib
import json
import math
from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from gateway.core.errors import Invalid
from gateway.risk.facts import CATALOGUE

OUTPUTS = ("default", "fraud", "return")
FORBIDDEN = frozenset(
    {"gender", "sex", "name", "first_name", "last_name", "age", "birth_date", "social", "postcode", "street", "city"}
)
MAX_TABLES, MAX_BANDS, MAX_VALUE = 100, 200, 20.0
CARDS = Path(__file__).parent / "cards"
AMOUNTS_IN = frozenset({"EUR", "CHF"})
"""Currencies in which the bands of amounts hold as they are written."""


@dataclass(frozen=True, slots=True)
class Reason:
    """How much one fact moved one output away from its usual value; positive raises the risk."""

    output: str
    fact: str
    effect: float


class Table(NamedTuple):
    """One additive term. `usual` is the value of the most common case: reasons are told relative to it."""

    fact: str
    value_of: Callable[[Any], float]
    """The value for what the fact is, None included."""
    usual: float


@dataclass(frozen=True, slots=True)
class Card:
    """A compiled score card."""

    id: str
    digest: str
    elsewhere: Mapping[str, tuple[float, tuple[Table, ...]]]
    """The same with amounts counted as missing, for currencies in which the bands mean nothing."""
    outputs: Mapping[str, tuple[float, tuple[Table, ...]]]


def load(text: str) -> Card:
    """Compile a card. Raises Invalid naming the place for anything that is not exactly the format."""
    try:
        raw = json.loads(text, parse_constant=_refuse_constant)
    except ValueError as error:
        raise Invalid.at("/", f"not JSON: {error}") from error
    _need(isinstance(raw, dict) and raw.get("format") == "additive-1", "/format", "must be additive-1")
    _need(isinstance(raw.get("id"), str) and 0 < len(raw["id"]) <= 60, "/id", "must be a short text")
    _need(set(raw.get("outputs", {})) == set(OUTPUTS), "/outputs", f"must be {', '.join(OUTPUTS)}")
    outputs = {name: _output(part, f"/outputs/{name}") for name, part in raw["outputs"].items()}
    elsewhere = {name: (base, tuple(map(_without_amount, tables))) for name, (base, tables) in outputs.items()}
    return Card(raw["id"], hashlib.sha256(text.encode()).hexdigest(), elsewhere, outputs)


@cache
def expert() -> Card:
    """The expert card that a new merchant starts with, documented in docs/scorecard.md."""
    return shipped("expert-1")


@cache
def shipped(card_id: str) -> Card:
    """A card that comes with the program. Raises KeyError for an unknown id."""
    path = CARDS / f"{card_id}.json"
    if not card_id.replace("-", "").isalnum() or not path.is_file():
        raise KeyError(card_id)
    return load(path.read_text())


def _output(raw: Any, path: str) -> tuple[float, tuple[Table, ...]]:
    _need(isinstance(raw, dict) and isinstance(raw.get("tables"), list), path, "needs intercept and tables")
    _need(len(raw["tables"]) <= MAX_TABLES, f"{path}/tables", f"at most {MAX_TABLES}")
    tables = tuple(_table(part, f"{path}/tables/{place}") for place, part in enumerate(raw["tables"]))
    return _number(raw.get("intercept"), f"{path}/intercept"), tables


def _table(raw: Any, path: str) -> Table:
    _need(isinstance(raw, dict), path, "must be an object")
    fact = raw.get("fact")
    _need(fact not in FORBIDDEN, f"{path}/fact", "this feature is forbidden in a score")
    _need(isinstance(fact, str) and fact in CATALOGUE, f"{path}/fact", "is not in the catalogue")
    values = {name: raw[name] for name in ("bands", "yes_no", "cases") if name in raw}
    _need(len(values) == 1, path, "needs exactly one of bands, yes_no, cases")
    form, body = next(iter(values.items()))
    wanted = {"bands": "int", "yes_no": "bool", "cases": "text"}[form]
    _need(CATALOGUE[fact].type == wanted, f"{path}/{form}", f"the fact is of type {CATALOGUE[fact].type}")
    missing = _number(raw.get("missing", 0), f"{path}/missing")
    value_of = _FORMS[form](body, f"{path}/{form}", missing)
    return Table(fact, value_of, _number(raw.get("usual", 0), f"{path}/usual"))


def _without_amount(table: Table) -> Table:
    if CATALOGUE[table.fact].unit != "minor units":
        return table
    missing = table.value_of(None)
    return Table(table.fact, lambda _: missing, missing)


def _bands(raw: Any, path: str, missing: float) -> Callable[[Any], float]:
    _need(isinstance(raw, dict) and set(raw) == {"cuts", "values"}, path, "needs cuts and values")
    _need(isinstance(raw["cuts"], list) and 0 < len(raw["cuts"]) <= MAX_BANDS, f"{path}/cuts", "must be a list")
    cuts = [_number(cut, f"{path}/cuts", limit=1e12) for cut in raw["cuts"]]
    _need(all(a < b for a, b in pairwise(cuts)), f"{path}/cuts", "must ascend")
    _need(
        isinstance(raw["values"], list) and len(raw["values"]) == len(cuts) + 1, f"{path}/values", "one more than cuts"
    )
    values = [_number(value, f"{path}/values") for value in raw["values"]]
    return lambda fact: missing if fact is None else values[bisect_right(cuts, fact)]


def _yes_no(raw: Any, path: str, missing: float) -> Callable[[Any], float]:
    _need(isinstance(raw, dict) and set(raw) == {"yes", "no"}, path, "needs yes and no")
    yes, no = _number(raw["yes"], f"{path}/yes"), _number(raw["no"], f"{path}/no")
    return lambda fact: missing if fact is None else yes if fact else no


def _cases(raw: Any, path: str, missing: float) -> Callable[[Any], float]:
    _need(isinstance(raw, dict) and 0 < len(raw) <= MAX_BANDS, path, "must be an object")
    values = {case: _number(value, f"{path}/{case}") for case, value in raw.items()}
    other = values.pop("*", 0.0)
    return lambda fact: missing if fact is None else values.get(fact, other)


_FORMS: dict[str, Callable[[Any, str, float], Callable[[Any], float]]] = {
    "bands": _bands,
    "yes_no": _yes_no,
    "cases": _cases,
}


def _number(raw: Any, path: str, limit: float = MAX_VALUE) -> float:
    good = isinstance(raw, int | float) and not isinstance(raw, bool) and math.isfinite(raw) and abs(raw) <= limit
    _need(good, path, f"must be a number between -{limit:g} and {limit:g}")
    return float(raw)


def _need(condition: object, path: str, message: str) -> None:
    if not condition:
        raise Invalid.at(path, message)


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number")
