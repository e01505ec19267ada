"""What a model learns from: rows of facts with what became of the order, read from CSV or JSON lines (pure).

Columns are facts of the catalogue (any names for a model outside the checkout), outcomes (`default`, `fraud`, `return`:
1 bad, 0 good, empty where it is not known yet), and where there are any `weight`, `date`, `live`. Test shops never train a
model: a row that says `live` is false is refused.
"""

import csv
import difflib
import hashlib
import io
import json
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from gateway.core.errors import Invalid
from gateway.risk.facts import CATALOGUE
from gateway.risk.model_file import MAX_FEATURES, MAX_LEVELS, OUTPUTS, Card, Feature, forbidden

MAX_FILE_BYTES, MAX_ROWS = 1_000_000_000, 2_000_000
BESIDE = ("weight", "date", "live")
IGNORED = frozenset({"id", "decision", "reference", "missing"})
"""Columns that may stand there and are no features."""
_YES, _NO = frozenset({"1", "true", "yes"}), frozenset({"0", "false", "no"})


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """Rows by column; None is unknown. `features` hold the levels that trees may split on."""

    features: tuple[Feature, ...]
    columns: Mapping[str, Sequence[Any]]
    outcomes: Mapping[str, Sequence[bool | None]]
    weights: Sequence[float]
    days: Sequence[date] | None
    domain: str
    currencies: frozenset[str]
    digest: str
    """SHA-256 of the file."""

    def __len__(self) -> int:
        return len(self.weights)

    def row(self, place: int) -> dict[str, Any]:
        """One row as a model reads it."""
        return {one.name: self.columns[one.name][place] for one in self.features}


@dataclass(frozen=True, slots=True)
class Reading:
    """How to read a file: outcomes of a model outside the checkout (none means the checkout's), columns to leave out."""

    outcomes: tuple[str, ...] = ()
    ignore: frozenset[str] = frozenset()
    currency: str = ""

    @property
    def free(self) -> bool:
        return bool(self.outcomes)


def read(raw: bytes, reading: Reading, base: Card | None = None) -> TrainingSet:
    """The rows of a file. Features and levels of `base` come first, in its order. Raises Invalid with row and column."""
    if len(raw) > MAX_FILE_BYTES:
        raise Invalid.at("", f"at most {MAX_FILE_BYTES} bytes")
    names, table = _columns(raw)
    outcomes = {name: table.pop(name) for name in (reading.outcomes or OUTPUTS) if name in table}
    if not outcomes:
        raise Invalid.at("", f"has no outcome: one of the columns {', '.join(reading.outcomes or OUTPUTS)} is needed")
    beside = {name: table.pop(name, None) for name in BESIDE}
    _refuse_tests(beside["live"])
    rows = len(next(iter(outcomes.values())))
    kept = [name for name in names if name in table and name not in IGNORED | reading.ignore]
    kinds = {name: _kind(name, table[name], free=reading.free) for name in kept}
    columns = {name: _typed(name, kind, table[name]) for name, kind in kinds.items()}
    currencies = frozenset() if reading.free else _currencies(columns, rows, reading)
    return TrainingSet(
        features=_features(kinds, columns, base),
        columns=columns | _absent(base, columns, rows),
        outcomes={name: _read_column(name, values, _yes_no) for name, values in outcomes.items()},
        weights=_weights(beside["weight"], rows),
        days=_days(beside["date"]),
        domain="free" if reading.free else "checkout",
        currencies=currencies,
        digest=hashlib.sha256(raw).hexdigest(),
    )


def _columns(raw: bytes) -> tuple[list[str], dict[str, list[Any]]]:
    """Names in order, and the values of each column as they stand there."""
    try:
        text = raw.decode("utf-8-sig")
        rows = _json_lines(text) if text.lstrip()[:1] == "{" else _csv(text)
        names: dict[str, None] = {}
        table: dict[str, list[Any]] = {}
        count = 0
        for row in rows:
            if count >= MAX_ROWS:
                raise Invalid.at(f"/rows/{count}", f"at most {MAX_ROWS} rows")
            for name in row.keys() - names.keys():
                names[name], table[name] = None, [None] * count
            for name, values in table.items():
                values.append(row.get(name))
            count += 1
    except (ValueError, csv.Error, RecursionError) as error:
        raise Invalid.at("", f"is neither CSV nor JSON lines: {str(error)[:200]}") from error
    if not count:
        raise Invalid.at("", "has no rows")
    return sorted(names), table


def _csv(text: str) -> Iterator[dict[str, Any]]:
    head = text.partition("\n")[0]
    delimiter = max(",;\t", key=head.count)
    lines = csv.reader(io.StringIO(text), delimiter=delimiter, strict=True)
    names = [name.strip() for name in next(lines, [])]
    if len(set(names)) < len(names) or not all(names):
        raise Invalid.at("/rows/0", "a column has no name, or two have the same")
    for number, line in enumerate(lines, 1):
        if line and len(line) != len(names):
            raise Invalid.at(f"/rows/{number}", f"has {len(line)} cells, not {len(names)}")
        if line:
            yield dict(zip(names, line, strict=True))


def _json_lines(text: str) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(text.splitlines()):
        if not line.strip():
            continue
        row = json.loads(line)
        if not isinstance(row, dict):
            raise Invalid.at(f"/rows/{number}", "must be an object")
        facts = row.pop("facts", {})
        if not isinstance(facts, dict):
            raise Invalid.at(f"/rows/{number}/facts", "must be an object")
        yield facts | row


def _kind(name: str, values: Sequence[Any], *, free: bool) -> str:
    if forbidden(name):
        raise Invalid.at(f"/{name}", "this feature is forbidden in a score; leave it out with --ignore")
    if free:
        return "number" if all(_is_number(value) for value in values if not _is_empty(value)) else "text"
    if name not in CATALOGUE:
        near = difflib.get_close_matches(name, CATALOGUE, 1)
        more = f"; did you mean {near[0]}" if near else "; see `kulanz facts`, or leave it out with --ignore"
        raise Invalid.at(f"/{name}", f"is not in the catalogue{more}")
    return CATALOGUE[name].type


def _typed(name: str, kind: str, values: Sequence[Any]) -> list[Any]:
    return _read_column(name, values, {"bool": _yes_no, "int": _whole, "number": _number, "text": _text}[kind])


def _read_column(name: str, values: Sequence[Any], cast: Callable[[Any], Any]) -> list[Any]:
    found = []
    for number, value in enumerate(values):
        try:
            found.append(None if _is_empty(value) else cast(value))
        except (ValueError, TypeError, OverflowError) as error:
            raise Invalid.at(f"/rows/{number}/{name}", str(error)[:200]) from error
    return found


def _is_empty(value: Any) -> bool:
    return value is None or value == "" or (isinstance(value, float) and math.isnan(value))


def _is_number(value: Any) -> bool:
    try:
        _number(value)
    except (ValueError, TypeError):
        return False
    return True


def _yes_no(value: Any) -> bool:
    word = str(value).lower().removesuffix(".0")
    if word not in _YES | _NO:
        raise ValueError("is neither 1, true, yes nor 0, false, no")
    return word in _YES


def _whole(value: Any) -> int:
    number = _number(value)
    if not number.is_integer() or abs(number) > 2**53:
        raise ValueError("is not a whole number")
    return int(number)


def _number(value: Any) -> float:
    if isinstance(value, bool):
        return float(value)
    number = float(value)
    if not math.isfinite(number):
        raise ValueError("is not a number")
    return number


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > 100:
        raise ValueError("is not a text of at most 100 letters")
    return value


def _features(kinds: Mapping[str, str], columns: Mapping[str, Sequence[Any]], base: Card | None) -> tuple[Feature, ...]:
    before = {one.name: one for one in base.features} if base else {}
    found = [_feature(name, before[name].type, columns.get(name, ()), before[name].levels) for name in before]
    found += [_feature(name, kind, columns[name], ()) for name, kind in kinds.items() if name not in before]
    if len(found) > MAX_FEATURES:
        raise Invalid.at("", f"at most {MAX_FEATURES} features; leave some out with --ignore")
    return tuple(found)


def _feature(name: str, kind: str, values: Sequence[Any], known: tuple[str, ...]) -> Feature:
    """With its levels: those known before, then the most frequent ones."""
    if kind != "text":
        return Feature(name, kind)
    counted = Counter(value for value in values if value is not None and value not in known)
    new = [level for level, _ in sorted(counted.items(), key=lambda one: (-one[1], one[0]))]
    return Feature(name, kind, (*known, *new)[:MAX_LEVELS])


def _absent(base: Card | None, columns: Mapping[str, Any], rows: int) -> dict[str, list[None]]:
    names = [one.name for one in base.features] if base else []
    return {name: [None] * rows for name in names if name not in columns}


def _currencies(columns: Mapping[str, Sequence[Any]], rows: int, reading: Reading) -> frozenset[str]:
    found = frozenset(columns.get("currency", ())) - {None} or frozenset({reading.currency} if reading.currency else ())
    if not found:
        raise Invalid.at("/currency", "say in which currency the amounts are: a column `currency`, or --currency EUR")
    if bad := sorted(one for one in found if len(one) != 3 or not one.isalpha() or not one.isupper()):
        raise Invalid.at("/currency", f"{bad[0]!r} of {rows} rows is no ISO 4217 code")
    return found


def _refuse_tests(live: Sequence[Any] | None) -> None:
    for number, value in enumerate(live or ()):
        if not _is_empty(value) and not _read_column("live", [value], _yes_no)[0]:
            raise Invalid.at(f"/rows/{number}/live", "a test shop never trains a model")


def _weights(values: Sequence[Any] | None, rows: int) -> list[float]:
    if values is None:
        return [1.0] * rows
    found = [1.0 if value is None else value for value in _read_column("weight", values, _number)]
    for number, weight in enumerate(found):
        if not 0 < weight <= 1e6:
            raise Invalid.at(f"/rows/{number}/weight", "must be above 0 and at most 1,000,000")
    return found


def _days(values: Sequence[Any] | None) -> list[date] | None:
    """The days of all rows, or None where any is unknown."""
    if values is None:
        return None
    found = _read_column("date", values, lambda value: date.fromisoformat(str(value)[:10]))
    return None if any(day is None for day in found) else found
