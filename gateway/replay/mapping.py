"""Which column of a file means what: read from YAML or JSON, checked to the last field, compiled for every row (pure).

A column goes to `id`, `at`, `segment`, a field of the question (`total_minor`, `buyer.email`), a fact of the catalogue
(`facts.items`), a probability that is taken instead of the score's (`score.fraud`) or what became of the order
(`outcome.fraud`). `constants` fill the same places for every row.
"""

import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, cast
from zoneinfo import available_timezones

from marshmallow import Schema, ValidationError, fields, validate

from gateway.checkout.methods import Method
from gateway.checkout.schemas import CheckoutSchema, MethodSchema
from gateway.core.errors import Invalid
from gateway.core.faults import pointers
from gateway.core.fields import Strict, YesNo
from gateway.core.money import currencies
from gateway.replay.convert import Convert, Spec, converter
from gateway.replay.rows import DELIMITERS, ENCODINGS, Layout, Record, pointed
from gateway.risk.card import OUTPUTS
from gateway.risk.facts import CATALOGUE

MAX_COLUMNS = 500
BASKET = frozenset({"currency", "total_minor"})


class RowWrong(ValueError):
    """A row cannot be replayed; `faults` are (column or field, sentence), `id` the row's where it could be read."""

    def __init__(self, faults: Sequence[tuple[str, str]], id_: str = "") -> None:
        super().__init__(faults)
        self.faults = faults
        self.id = id_


@dataclass(slots=True)
class Told:
    """What one row says."""

    line: int
    question: dict[str, Any] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    score: dict[str, float] = field(default_factory=dict)
    outcome: dict[str, bool] = field(default_factory=dict)
    id: str = ""
    segment: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """One column and where it goes."""

    source: str
    path: str
    convert: Convert
    missing: frozenset[str]


@dataclass(frozen=True, slots=True)
class FileMapping:
    """A compiled mapping."""

    layout: Layout
    columns: tuple[Column, ...]
    constants: Mapping[str, Any]
    methods: tuple[Method, ...]
    holds_orders: bool
    timezone: str

    @property
    def told_paths(self) -> frozenset[str]:
        """Everything that rows or constants fill."""
        return frozenset(self.constants) | {column.path for column in self.columns}


def _types() -> dict[str, str]:
    types = {"id": "text", "at": "moment", "segment": "text"}
    types |= {f"score.{name}": "share" for name in OUTPUTS} | {f"outcome.{name}": "bool" for name in OUTPUTS}
    for name, fact in CATALOGUE.items():
        if name not in BASKET:
            types[f"facts.{name}"] = "minor" if fact.unit == "minor units" else fact.type
    return types | dict(_question_types(CheckoutSchema(), ""))


def _question_types(schema: Schema, prefix: str) -> Iterator[tuple[str, str]]:
    """The fields of a question that one cell can hold."""
    for name, one in schema.load_fields.items():
        if isinstance(one, fields.Nested):
            yield from _question_types(one.schema, f"{prefix}{name}.")
        elif isinstance(one, fields.Boolean):
            yield f"{prefix}{name}", "bool"
        elif isinstance(one, fields.Integer):
            yield f"{prefix}{name}", "minor"
        elif isinstance(one, fields.String):
            yield f"{prefix}{name}", "text"


TYPES = _types()


def _known_zone(name: str) -> None:
    if name not in available_timezones():
        raise ValidationError("is no IANA time zone")


class FileSchema(Strict):
    """How the file is written."""

    format = fields.String(validate=validate.OneOf(["csv", "jsonl"]))
    delimiter = fields.String(validate=validate.OneOf(DELIMITERS))
    encoding = fields.String(validate=validate.OneOf(ENCODINGS))
    quote = fields.String(validate=validate.Length(equal=1))


class ColumnSchema(Strict):
    """Where a column goes and how it is written."""

    to = fields.String(required=True)
    unit = fields.String(validate=validate.OneOf(["minor", "major"]))
    decimal = fields.String(validate=validate.OneOf([".", ","]))
    round = YesNo()
    format = fields.String(validate=validate.Length(min=1, max=60))
    timezone = fields.String(validate=_known_zone)
    values = fields.Dict(keys=fields.String(), validate=validate.Length(min=1, max=1000))
    missing = fields.List(fields.String(), load_default=list, validate=validate.Length(max=50))


class MappingSchema(Strict):
    """The mapping document."""

    file = fields.Nested(FileSchema, load_default=dict)
    columns = fields.Dict(keys=fields.String(), load_default=dict, validate=validate.Length(max=MAX_COLUMNS))
    constants = fields.Dict(keys=fields.String(), load_default=dict)
    missing = fields.List(fields.String(), load_default=list, validate=validate.Length(max=50))
    methods = fields.List(fields.Nested(MethodSchema), load_default=list, validate=validate.Length(max=40))
    holds_orders = YesNo(load_default=True)
    timezone = fields.String(load_default="Europe/Berlin", validate=_known_zone)


_MAPPING, _COLUMN = MappingSchema(), ColumnSchema()
_BELONGS = {
    "unit": ("minor",),
    "round": ("minor",),
    "decimal": ("minor", "share"),
    "format": ("moment",),
    "timezone": ("moment",),
}
"""Options of a column → the types they belong to."""


def compile_mapping(document: Any) -> FileMapping:
    """Raises Invalid with the JSON pointer of every fault, and a suggestion for a misspelt place."""
    data = _loaded(_MAPPING, document, "")
    missing = frozenset(data["missing"])
    columns = tuple(_column(name, raw, missing) for name, raw in data["columns"].items())
    constants = {path: _constant(path, value) for path, value in data["constants"].items()}
    _refuse_doubles(columns, constants)
    ids = [method.id for method in data["methods"]]
    if len(set(ids)) < len(ids):
        raise Invalid.at("/methods", "the same id stands twice")
    mapping = FileMapping(
        layout=Layout(**data["file"]),
        columns=tuple(sorted(columns, key=lambda column: column.path != "currency")),
        constants=constants,
        methods=tuple(data["methods"]),
        holds_orders=data["holds_orders"],
        timezone=data["timezone"],
    )
    if columns and (lost := sorted(BASKET - mapping.told_paths)):
        raise Invalid.at("/columns", f"no column and no constant goes to {' and '.join(lost)}")
    return mapping


def _loaded(schema: Schema, raw: Any, path: str) -> dict[str, Any]:
    if not isinstance(raw, dict):
        raise Invalid.at(path or "/", "must be an object")
    try:
        return cast("dict[str, Any]", schema.load(raw))
    except ValidationError as error:
        found = pointers(error.messages)
        raise Invalid(errors=[fault | {"path": f"{path}{fault['path']}"} for fault in found]) from error


def _column(name: str, raw: Any, missing: frozenset[str]) -> Column:
    path = f"/columns/{name}"
    data = _loaded(_COLUMN, {"to": raw} if isinstance(raw, str) else raw, path)
    type_ = _type_of(data["to"], path)
    for option, types in _BELONGS.items():
        if option in data and type_ not in types:
            raise Invalid.at(f"{path}/{option}", f"means nothing for {data['to']}")
    of_column = frozenset(data.pop("missing"))
    to = data.pop("to")
    if "values" in data:
        data["values"] = {
            key: _typed(to, type_, value, f"{path}/values/{key}") for key, value in data["values"].items()
        }
    return Column(name, to, converter(type_, Spec(**data)), missing | of_column)


def _type_of(path: Any, place: str) -> str:
    if isinstance(path, str) and path in TYPES:
        return TYPES[path]
    close = difflib.get_close_matches(str(path)[:60], TYPES, n=1)
    raise Invalid.at(place, f"{path} is no place for a value{f'; did you mean {close[0]}?' if close else ''}")


def _constant(path: str, value: Any) -> Any:
    place = f"/constants/{path}"
    type_ = _type_of(path, place)
    if path == "currency" and not (isinstance(value, str) and value in currencies()):
        raise Invalid.at(place, "is not an ISO 4217 currency")
    return _typed(path, type_, value, place)


def _typed(path: str, type_: str, value: Any, place: str) -> Any:
    """A value of the mapping itself, which is JSON and has its type already. null stands for unknown."""
    if value is None and path.startswith("facts."):
        return None
    if type_ == "text" and not isinstance(value, str):
        raise Invalid.at(place, "must be a text")
    if type_ == "bool" and not isinstance(value, bool):
        raise Invalid.at(place, "must be true or false")
    try:
        return converter(type_, Spec())(value, "EUR")
    except ValueError as error:
        raise Invalid.at(place, str(error)) from error


def _refuse_doubles(columns: Sequence[Column], constants: Mapping[str, Any]) -> None:
    seen = set(constants)
    for column in columns:
        if column.path in seen:
            raise Invalid.at(f"/columns/{column.source}", f"{column.path} is filled twice")
        seen.add(column.path)


def reader(mapping: FileMapping, header: Sequence[str] | None) -> Callable[[Record], Told]:
    """How to read a record of this file. Raises Invalid for a column that the file has not."""
    if header is None:
        if not mapping.columns:
            return lambda record: _of_question(mapping, record)
        sources: list[tuple[Column, Any]] = [(column, column.source) for column in mapping.columns]
        return lambda record: _of_cells(mapping, record, [(c, pointed(record.cells, name)) for c, name in sources])
    if not mapping.columns:
        raise Invalid.at("/columns", "a CSV file needs a mapping of its columns: --mapping FILE")
    places = [(column, _place(column.source, header)) for column in mapping.columns]
    return lambda record: _of_cells(mapping, record, [(column, record.cells[place]) for column, place in places])


def _place(name: str, header: Sequence[str]) -> int:
    if header.count(name) == 1:
        return list(header).index(name)
    if name in header:
        raise Invalid.at(f"/columns/{name}", "stands twice in the header of the file")
    close = difflib.get_close_matches(name, header, n=1)
    raise Invalid.at(f"/columns/{name}", f"the file has no such column{f'; did you mean {close[0]}?' if close else ''}")


def _of_cells(mapping: FileMapping, record: Record, cells: Sequence[tuple[Column, Any]]) -> Told:
    told = _with_constants(mapping, record)
    faults: list[tuple[str, str]] = []
    currency = str(told.question.get("currency", ""))
    for column, raw in cells:
        if raw is None or raw == "" or (column.missing and raw in column.missing):
            continue
        try:
            value = column.convert(raw, currency)
        except ValueError as error:
            faults.append((column.source, str(error)))
            continue
        _put(told, column.path, value)
        if column.path == "currency":
            currency = value
    if faults:
        raise RowWrong(faults, told.id)
    return told


def _with_constants(mapping: FileMapping, record: Record) -> Told:
    told = Told(record.line)
    for path, value in mapping.constants.items():
        _put(told, path, value)
    return told


def _put(told: Told, path: str, value: Any) -> None:
    group, dot, name = path.partition(".")
    match group:
        case "facts":
            told.facts[name] = value
        case "score":
            told.score[name] = value
        case "outcome":
            told.outcome[name] = value
        case "id" | "segment" | "at":
            setattr(told, group, value)
        case _ if dot:
            told.question.setdefault(group, {})[name] = value
        case _:
            told.question[path] = value


def _of_question(mapping: FileMapping, record: Record) -> Told:
    """An object that is a question of the API, beside it `id`, `at`, `segment`, `facts`, `score` and `outcome`."""
    question = dict(record.cells)
    told = _with_constants(mapping, record)
    faults: list[tuple[str, str]] = []
    for group in ("facts", "score", "outcome"):
        values = question.pop(group, {})
        for name, value in values.items() if isinstance(values, dict) else [("", values)]:
            _take(told, f"{group}.{name}", value, faults)
    for name in ("id", "segment", "at"):
        if name in question:
            _take(told, name, question.pop(name), faults)
    if faults:
        raise RowWrong(faults)
    return replace(told, question=told.question | question)


def _take(told: Told, path: str, value: Any, faults: list[tuple[str, str]]) -> None:
    if path not in TYPES:
        faults.append((path, "is no place for a value"))
        return
    try:
        _put(told, path, converter(TYPES[path], Spec())(value, "EUR"))
    except ValueError as error:
        faults.append((path, str(error)))
