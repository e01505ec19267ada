"""Model files: one JSON form for additive tables and small trees, read to the last field (pure).

A model has a feature list and outputs (at a checkout `default`, `fraud` and `return`). An output's raw score is in
log-odds: an intercept, one value per table, one leaf per tree; its Platt step (a, b) makes the probability
1 / (1 + e^-(a·raw + b)) of it. docs/models.md describes every field. What is not exactly the format is refused with
the place; nothing in a file is ever executed.
"""

import hashlib
import json
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from gateway.core import strict_json
from gateway.core.errors import Invalid
from gateway.risk.facts import CATALOGUE
from gateway.risk.model_checks import entry, keys, listed, need, number, one_of, pointer, text, words
from gateway.risk.model_report import check_report
from gateway.risk.model_trees import read_trees
from gateway.risk.trees import Tree

FORMAT = "model-1"
OUTPUTS = ("default", "fraud", "return")
"""What a model for the checkout tells, in this order."""
FORBIDDEN = frozenset(
    {"gender", "sex", "name", "first_name", "last_name", "age", "birth_date", "social", "postcode", "street", "city"}
)
"""Never a feature (DESIGN §4, BDSG § 37a): neither as the whole name nor as one of its words."""
MAX_BYTES, MAX_NESTING = 1_000_000, 12
MAX_FEATURES, MAX_LEVELS, MAX_TABLES, MAX_BANDS, MAX_VALUE = 200, 200, 100, 200, 20.0
MAX_OUTPUTS = len(OUTPUTS)
TYPES = ("bool", "int", "number", "text")


@dataclass(frozen=True, slots=True)
class Feature:
    """What a model reads: a fact of the catalogue, or outside the checkout whatever its file calls so."""

    name: str
    type: str
    levels: tuple[str, ...] = ()
    """The texts that splits know, by their places; any other text is unknown to them."""
    label_de: str = ""
    label_en: str = ""

    def place_of(self, value: Any) -> Any:
        """The value as splits compare it: a text by its place among the levels, None when it is none of them."""
        if self.type != "text":
            return value
        return self.levels.index(value) if value in self.levels else None


@dataclass(frozen=True, slots=True)
class Table:
    """One additive term: a value per band, or per case of a text. Yes/no is two bands: below 1, and from 1."""

    fact: str
    cuts: tuple[float, ...]
    values: tuple[float, ...]
    """`values[i]` for cuts[i-1] <= fact < cuts[i]."""
    cases: Mapping[str, float]
    other: float
    """For a text that is none of the cases."""
    missing: float
    usual: float
    """The value of the most common case: reasons are told relative to it."""

    def value_of(self, fact: Any) -> float:
        """The value for what the fact is, None included."""
        if fact is None:
            return self.missing
        if self.cuts:
            return self.values[bisect_right(self.cuts, fact)]
        return self.cases.get(fact, self.other)


@dataclass(frozen=True, slots=True)
class Output:
    """One probability: raw score and Platt step."""

    intercept: float
    tables: tuple[Table, ...]
    trees: tuple[Tree, ...]
    a: float
    b: float


@dataclass(frozen=True, slots=True, eq=False)
class Card:
    """A model as it was read: a score card, trees, or both. Two are the same when their digests are."""

    id: str
    digest: str
    """SHA-256 over what the file says, in hex; spaces and the order of names do not count."""
    domain: str
    """`checkout` or `free`."""
    currencies: frozenset[str]
    """Where its amounts mean what they meant in training; elsewhere amounts count as unknown."""
    features: tuple[Feature, ...]
    outputs: Mapping[str, Output]
    note: str
    report: Mapping[str, Any] | None = field(repr=False)

    def knows_amounts(self, currency: str) -> bool:
        return self.domain != "checkout" or currency in self.currencies


def load(source: str | bytes) -> Card:
    """Read a model file. Raises Invalid naming the place for anything that is not exactly the format."""
    return read(parse(source))


def parse(source: str | bytes) -> Any:
    """The JSON of a file: bounded, UTF-8, finite, no name twice. Raises Invalid."""
    try:
        raw = source if isinstance(source, bytes) else source.encode()
        need(len(raw) <= MAX_BYTES, "", f"at most {MAX_BYTES} bytes")
        found = strict_json.loads(raw.decode())
    except (ValueError, RecursionError) as error:
        raise Invalid.at("", f"not JSON as it should be: {str(error)[:200] or 'nested too deeply'}") from error
    _nesting(found)
    return found


def model_id(raw: Any) -> str:
    """The id of a model. Raises Invalid."""
    name = text(raw, "/id", 60)
    need(name.replace("-", "").isalnum() and name.isascii(), "/id", "may hold letters, digits and dashes")
    return name


def read(raw: Any) -> Card:
    """The model of parsed JSON. Raises Invalid."""
    keys(raw, "", {"format", "id", "hash", "domain", "features", "outputs"}, {"note", "currencies", "report"})
    need(raw["format"] == FORMAT, "/format", f"must be {FORMAT}")
    name = model_id(raw["id"])
    need(raw["hash"] == hash_of(raw), "/hash", "is not the hash of what this file says: it was changed")
    domain = one_of(raw["domain"], "/domain", ("checkout", "free"))
    features = _features(raw["features"], domain)
    return Card(
        id=name,
        digest=raw["hash"].removeprefix("sha256:"),
        domain=domain,
        currencies=_currencies(raw.get("currencies"), domain),
        features=features,
        outputs=_outputs(raw["outputs"], domain, features),
        note=text(raw.get("note", ""), "/note", 2000, least=0),
        report=check_report(raw.get("report")),
    )


def hash_of(raw: Mapping[str, Any]) -> str:
    """The content hash of a parsed file, whatever stands in its `hash`. Raises Invalid for what is no text."""
    said = {name: value for name, value in raw.items() if name != "hash"}
    try:
        exact = json.dumps(said, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    except (TypeError, ValueError) as error:  # among them half a surrogate pair
        raise Invalid.at("", "holds what JSON cannot say") from error
    return f"sha256:{hashlib.sha256(exact).hexdigest()}"


def dump(raw: Mapping[str, Any]) -> str:
    """The text of a file, with its hash, one line per part of the model."""
    said = {name: value for name, value in raw.items() if name != "hash"}
    lines = [f" {json.dumps(name)}: {_laid_out(name, value)}" for name, value in {**said, "hash": hash_of(raw)}.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _laid_out(name: str, value: Any) -> str:
    if name == "features":
        return "[\n" + ",\n".join(f"  {json.dumps(one, ensure_ascii=False)}" for one in value) + "\n ]"
    if name == "outputs":
        return "{\n" + ",\n".join(f"  {json.dumps(key)}: {_output_text(part)}" for key, part in value.items()) + "\n }"
    return json.dumps(value, ensure_ascii=False)


def _output_text(part: Mapping[str, Any]) -> str:
    lines = []
    for name, value in part.items():
        if isinstance(value, list) and value:
            rows = ",\n".join(f"    {json.dumps(one, ensure_ascii=False)}" for one in value)
            lines.append(f"   {json.dumps(name)}: [\n{rows}\n   ]")
        else:
            lines.append(f"   {json.dumps(name)}: {json.dumps(value)}")
    return "{\n" + ",\n".join(lines) + "\n  }"


def forbidden(name: str) -> bool:
    """Whether a feature of this name must not be read, by any model."""
    return name.lower() in FORBIDDEN or not FORBIDDEN.isdisjoint(words(name))


def _features(raw: Any, domain: str) -> tuple[Feature, ...]:
    rows = listed(raw, "/features", MAX_FEATURES)
    found = tuple(_feature(row, f"/features/{place}", domain) for place, row in enumerate(rows))
    need(len({one.name for one in found}) == len(found), "/features", "a name stands twice")
    return found


def _feature(raw: Any, path: str, domain: str) -> Feature:
    keys(raw, path, {"name", "type"}, {"levels", "label"})
    name, kind = text(raw["name"], f"{path}/name", 100), one_of(raw["type"], f"{path}/type", TYPES)
    need(not forbidden(name), f"{path}/name", "this feature is forbidden in a score")
    if domain == "checkout":
        need(name in CATALOGUE, f"{path}/name", "is not in the catalogue")
        need(CATALOGUE[name].type == kind, f"{path}/type", f"the fact is of type {CATALOGUE[name].type}")
    levels = tuple(
        text(level, f"{path}/levels/{place}", 100, least=0)
        for place, level in enumerate(listed(raw.get("levels", []), f"{path}/levels", MAX_LEVELS))
    )
    need(not levels or kind == "text", f"{path}/levels", "only a text has levels")
    need(len(set(levels)) == len(levels), f"{path}/levels", "one stands twice")
    label = raw.get("label", {"de": "", "en": ""})
    keys(label, f"{path}/label", {"de", "en"})
    german, english = (text(label[one], f"{path}/label/{one}", 200, least=0) for one in ("de", "en"))
    return Feature(name, kind, levels, german, english)


def _currencies(raw: Any, domain: str) -> frozenset[str]:
    if domain != "checkout":
        need(raw is None, "/currencies", "only models for the checkout have any")
        return frozenset()
    found = [text(one, f"/currencies/{n}", 3, least=3) for n, one in enumerate(listed(raw, "/currencies", 200))]
    need(found and len(set(found)) == len(found), "/currencies", "must be different ISO 4217 codes")
    return frozenset(found)


def _outputs(raw: Any, domain: str, features: tuple[Feature, ...]) -> dict[str, Output]:
    need(isinstance(raw, dict) and 0 < len(raw) <= MAX_OUTPUTS, "/outputs", f"must be one to {MAX_OUTPUTS} outputs")
    if domain == "checkout":
        need(set(raw) == set(OUTPUTS), "/outputs", f"must be {', '.join(OUTPUTS)}")
    names = OUTPUTS if domain == "checkout" else tuple(text(name, "/outputs", 60) for name in raw)
    return {name: _output(raw[name], f"/outputs/{pointer(name)}", features) for name in names}


def _output(raw: Any, path: str, features: tuple[Feature, ...]) -> Output:
    keys(raw, path, {"intercept", "tables", "trees", "platt"})
    rows = listed(raw["tables"], f"{path}/tables", MAX_TABLES)
    tables = tuple(_table(row, f"{path}/tables/{place}", features) for place, row in enumerate(rows))
    need(len({one.fact for one in tables}) == len(tables), f"{path}/tables", "a fact stands twice")
    platt = raw["platt"]
    keys(platt, f"{path}/platt", {"a", "b"})
    a = number(platt["a"], f"{path}/platt/a", MAX_VALUE)
    need(a > 0, f"{path}/platt/a", "must be above zero: more raw score is more risk")
    return Output(
        intercept=number(raw["intercept"], f"{path}/intercept", MAX_VALUE),
        tables=tables,
        trees=read_trees(raw["trees"], f"{path}/trees", [(one.type, len(one.levels)) for one in features]),
        a=a,
        b=number(platt["b"], f"{path}/platt/b", MAX_VALUE),
    )


def _table(raw: Any, path: str, features: tuple[Feature, ...]) -> Table:
    keys(raw, path, {"fact"}, {"bands", "yes_no", "cases", "missing", "usual", "why"})
    kinds = {one.name: one.type for one in features}
    fact = entry(raw["fact"], f"{path}/fact", kinds, "is not in /features")
    forms = [name for name in ("bands", "yes_no", "cases") if name in raw]
    need(len(forms) == 1, path, "needs exactly one of bands, yes_no, cases")
    form = forms[0]
    wanted = {"bands": ("int", "number"), "yes_no": ("bool",), "cases": ("text",)}[form]
    need(kinds[fact] in wanted, f"{path}/{form}", f"the fact is of type {kinds[fact]}")
    text(raw.get("why", ""), f"{path}/why", 300, least=0)
    missing = number(raw.get("missing", 0), f"{path}/missing", MAX_VALUE)
    usual = number(raw.get("usual", 0), f"{path}/usual", MAX_VALUE)
    return _FORMS[form](raw[form], f"{path}/{form}", Table(fact, (), (), {}, 0.0, missing, usual))


def _bands(raw: Any, path: str, table: Table) -> Table:
    keys(raw, path, {"cuts", "values"})
    cuts = [
        number(cut, f"{path}/cuts/{n}", 1e300) for n, cut in enumerate(listed(raw["cuts"], f"{path}/cuts", MAX_BANDS))
    ]
    need(cuts and all(a < b for a, b in pairwise(cuts)), f"{path}/cuts", "must ascend, one at least")
    rows = listed(raw["values"], f"{path}/values", MAX_BANDS + 1)
    need(len(rows) == len(cuts) + 1, f"{path}/values", "one more than cuts")
    values = [number(value, f"{path}/values/{n}", MAX_VALUE) for n, value in enumerate(rows)]
    return Table(table.fact, tuple(cuts), tuple(values), {}, 0.0, table.missing, table.usual)


def _yes_no(raw: Any, path: str, table: Table) -> Table:
    keys(raw, path, {"yes", "no"})
    no, yes = (number(raw[name], f"{path}/{name}", MAX_VALUE) for name in ("no", "yes"))
    return Table(table.fact, (1.0,), (no, yes), {}, 0.0, table.missing, table.usual)


def _cases(raw: Any, path: str, table: Table) -> Table:
    need(isinstance(raw, dict) and 0 < len(raw) <= MAX_BANDS, path, f"must be an object of at most {MAX_BANDS}")
    values = {
        text(case, path, 100, least=0): number(value, f"{path}/{pointer(case)}", MAX_VALUE)
        for case, value in raw.items()
    }
    other = values.pop("*", 0.0)
    return Table(table.fact, (), (), values, other, table.missing, table.usual)


_FORMS = {"bands": _bands, "yes_no": _yes_no, "cases": _cases}


def _nesting(value: Any) -> None:
    """Refuse what is nested deeper than any part of the format, before anything walks through it."""
    level = [value]
    for _ in range(MAX_NESTING):
        level = [
            inner
            for one in level
            if isinstance(one, dict | list)
            for inner in (one.values() if isinstance(one, dict) else one)
        ]
        if not level:
            return
    raise Invalid.at("", f"nested deeper than {MAX_NESTING}")
