"""marshmallow schemas as plain closures: a valid body loads several times faster, anything else is marshmallow's own affair.

A compiled loader accepts less than its schema, never more: what it cannot prove to be plain and valid it leaves to
`schema.load`, which takes it after all or names every fault.
"""

from collections.abc import Callable, Iterable
from typing import Any, cast

from marshmallow import RAISE, Schema, ValidationError, fields, missing, validate

Take = Callable[[Any], Any]
Measure = Callable[[Any], None]
Holds = Callable[[Any], bool]
_LOAD_HOOKS = ("pre_load", "post_load", "validates", "validates_schema")
_CALLED_WITH: dict[str, Any] = {"many": False, "partial": None, "unknown": RAISE}
"""What marshmallow tells the hooks of a schema beside the data."""


class _Doubt(Exception):
    """The value is not plainly valid."""


def loader(schema: Schema) -> Take:
    """`schema.load` for hot paths: the same result or the same ValidationError. Hooks must be free of side effects."""
    take, measure = _of_schema(schema), _measure_of(schema)

    def load(data: Any) -> Any:
        try:
            return take(data)
        except (_Doubt, ValidationError):
            measure(data)
            return schema.load(data)

    return load


def _measure_of(schema: Schema) -> Measure:
    """Refuse lists that are too long, before marshmallow would load every element and name every fault of each."""
    measures = {
        field.data_key or name: found
        for name, field in schema.load_fields.items()
        if (found := _measure_of_field(field)) is not None
    }

    def measure(data: Any) -> None:
        if not isinstance(data, dict):
            return
        for name in measures.keys() & data.keys():
            _at(name, measures[name], data[name])

    return measure


def _measure_of_field(field: fields.Field[Any]) -> Measure | None:
    if isinstance(field, fields.Nested) and not field.many:
        return _measure_of(field.schema)
    if not isinstance(field, fields.List):
        return None
    lengths = [validator for validator in field.validators if isinstance(validator, validate.Length)]
    inner = _measure_of_field(field.inner)

    def measure(value: Any) -> None:
        if not isinstance(value, list):
            return
        for length in lengths:
            length(value)
        for place, one in enumerate(value if inner else ()):
            _at(place, cast("Measure", inner), one)

    return measure


def _at(place: str | int, measure: Measure, value: Any) -> None:
    try:
        measure(value)
    except ValidationError as error:
        raise ValidationError({place: error.messages}) from error


def _of_schema(schema: Schema) -> Take:
    if not _is_plain(schema):
        return schema.load
    takes = {name: _of_field(field) for name, field in schema.load_fields.items()}
    required = {name for name, field in schema.load_fields.items() if field.required}
    defaults = {
        name: field.load_default for name, field in schema.load_fields.items() if field.load_default is not missing
    }
    checks, makers = _hooks(schema, "validates_schema"), _hooks(schema, "post_load")

    def take(data: Any) -> Any:
        if type(data) is not dict or not required <= data.keys():
            raise _Doubt
        made = defaults.copy()
        for name, value in data.items():
            if name not in takes:
                raise _Doubt
            made[name] = takes[name](value)
        for check in checks:
            check(made, **_CALLED_WITH)
        for make in makers:
            made = make(made, **_CALLED_WITH)
        return made

    return take


def _is_plain(schema: Schema) -> bool:
    """Whether nothing about the schema itself is out of the ordinary."""
    found = schema._hooks  # noqa: SLF001 - marshmallow shows its hooks nowhere else
    odd_hooks = (
        found["pre_load"]
        or found["validates"]
        or any(
            on_collection or options.get("pass_original")
            for name in _LOAD_HOOKS
            for _, on_collection, options in found[name]
        )
    )
    odd_fields = any(
        field.data_key or field.attribute or callable(field.load_default) for field in schema.load_fields.values()
    )
    return schema.unknown == RAISE and not (schema.many or schema.partial or odd_hooks or odd_fields)


def _hooks(schema: Schema, name: str) -> list[Callable[..., Any]]:
    return [getattr(schema, attribute) for attribute, _, _ in schema._hooks[name]]  # noqa: SLF001 - as above


def _of_field(field: fields.Field[Any]) -> Take:
    """How to take a value of this field; fields that are not known here deserialize themselves."""
    holds = _all(map(_predicate, field.validators))
    match field:
        case fields.Nested() if type(field) is fields.Nested and not (field.many or field.unknown or field.validators):
            return _of_schema(field.schema)
        case fields.List() if type(field) is fields.List:
            return _list_of(_of_field(field.inner), holds)
        case fields.Integer(strict=True) if type(field) is fields.Integer:
            return _exactly(int, holds)
        case fields.String() if type(field) is fields.String:
            return _exactly(str, holds)
        case fields.Boolean() if type(field) is fields.Boolean and True in field.truthy and False in field.falsy:
            return _exactly(bool, holds)
    return field.deserialize


def _exactly(type_: type, holds: Holds) -> Take:
    def take(value: Any) -> Any:
        if type(value) is type_ and holds(value):
            return value
        raise _Doubt

    return take


def _list_of(inner: Take, holds: Holds) -> Take:
    def take(value: Any) -> Any:
        if type(value) is list and holds(value):
            return [inner(one) for one in value]
        raise _Doubt

    return take


def _predicate(validator: Callable[[Any], Any]) -> Holds:
    """The validator as a question. One that is not known here is asked itself."""
    match validator:
        case validate.Length(equal=None) if type(validator) is validate.Length:
            low, high = validator.min or 0, validator.max
            return (lambda value: len(value) >= low) if high is None else (lambda value: low <= len(value) <= high)
        case validate.Range(min_inclusive=True, max_inclusive=True) if None not in (validator.min, validator.max):
            return lambda value: validator.min <= value <= validator.max
        case validate.OneOf() if type(validator) is validate.OneOf:
            return frozenset(validator.choices).__contains__
        case validate.Regexp() if type(validator) is validate.Regexp:
            return lambda value: validator.regex.match(value) is not None
    return lambda value: validator(value) is not False


def _all(predicates: Iterable[Holds]) -> Holds:
    every = tuple(predicates)
    if len(every) == 1:
        return every[0]
    return lambda value: all(holds(value) for holds in every)
