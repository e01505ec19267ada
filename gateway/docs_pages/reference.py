"""From an OpenAPI document to what a page shows: operations, their fields in lines, an example (pure)."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

METHODS = ("get", "put", "post", "patch", "delete")
DEEPEST = 6
Spec = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Line:
    """A field of a body or a parameter, indented by `depth`."""

    depth: int
    name: str
    type: str
    required: bool
    about: str
    limits: tuple[str, ...]
    place: str = ""
    """Of a parameter: path, query or header."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One possible answer."""

    status: str
    about: str
    lines: tuple[Line, ...]
    example: str


@dataclass(frozen=True, slots=True)
class Operation:
    """One method on one path."""

    id: str
    method: str
    path: str
    summary: str
    about: str
    parameters: tuple[Line, ...]
    body: tuple[Line, ...]
    body_kind: str
    example: str
    answers: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """The operations of one tag."""

    name: str
    about: str
    operations: tuple[Operation, ...]


def groups(spec: Spec) -> tuple[Group, ...]:
    """Every operation, by tag, in the order of the document."""
    found: dict[str, list[Operation]] = {tag["name"]: [] for tag in spec.get("tags", [])}
    for path, item in spec["paths"].items():
        for method in METHODS:
            if method in item:
                told = item[method]
                name = (told.get("tags") or ["other"])[0]
                found.setdefault(name, []).append(_operation(spec, path, method, item))
    about = {tag["name"]: tag.get("description", "") for tag in spec.get("tags", [])}
    return tuple(Group(name, about.get(name, ""), tuple(operations)) for name, operations in found.items())


def _operation(spec: Spec, path: str, method: str, item: Mapping[str, Any]) -> Operation:
    told = item[method]
    kind, schema = _content(spec, told.get("requestBody", {}))
    parameters = [*item.get("parameters", []), *told.get("parameters", [])]
    return Operation(
        id=f"{method}-{path.strip('/').replace('/', '-').replace('{', '').replace('}', '')}",
        method=method.upper(),
        path=path,
        summary=told.get("summary", ""),
        about=told.get("description", ""),
        parameters=tuple(_parameter(spec, one) for one in parameters),
        body=tuple(lines(spec, schema)) if schema else (),
        body_kind=kind,
        example=_example_text(spec, schema) if kind == "application/json" else "",
        answers=tuple(_answer(spec, status, one) for status, one in told.get("responses", {}).items()),
    )


def _parameter(spec: Spec, told: Mapping[str, Any]) -> Line:
    one = _resolved(spec, told)
    schema = _resolved(spec, one.get("schema", {}))
    about = one.get("description") or schema.get("description", "")
    return Line(0, one["name"], type_of(spec, schema), one.get("required", False), about, limits(schema), one["in"])


def _answer(spec: Spec, status: str, told: Mapping[str, Any]) -> Answer:
    one = _resolved(spec, told)
    kind, schema = _content(spec, one)
    ours = status.startswith("2") and kind == "application/json"
    text = _example_text(spec, schema) if ours else ""
    return Answer(status, one.get("description", ""), tuple(lines(spec, schema)) if ours else (), text)


def _content(spec: Spec, told: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """The first media type and its schema."""
    content = _resolved(spec, told).get("content", {})
    kind = next(iter(content), "")
    return kind, _resolved(spec, content[kind].get("schema", {})) if kind else {}


def _resolved(spec: Spec, told: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a reference points to, with what is said beside it (a description of this use)."""
    if "$ref" not in told:
        return told
    target: Any = spec
    for part in told["$ref"].removeprefix("#/").split("/"):
        target = target[part]
    beside = {name: value for name, value in told.items() if name != "$ref"}
    return {**target, **beside}


def lines(spec: Spec, schema: Mapping[str, Any], depth: int = 0) -> Iterator[Line]:
    """The fields of an object, each followed by its own."""
    schema = _resolved(spec, schema)
    if "items" in schema:
        yield from lines(spec, schema["items"], depth)
        return
    needed = set(schema.get("required", ()))
    for name, told in schema.get("properties", {}).items():
        one = _resolved(spec, told)
        about = one.get("description", "")
        yield Line(depth, name, type_of(spec, one), name in needed, about, limits(one))
        if depth < DEEPEST:
            yield from lines(spec, one, depth + 1)


def type_of(spec: Spec, schema: Mapping[str, Any]) -> str:
    """`string`, `list of objects`, `integer or null`."""
    told = schema.get("type", "object" if "properties" in schema else "any")
    names = [told] if isinstance(told, str) else list(told)
    if names[0] == "array":
        inner = type_of(spec, _resolved(spec, schema.get("items", {})))
        names[0] = f"list of {inner}s" if inner != "any" else "list"
    if names[0] == "string" and schema.get("format"):
        names[0] = str(schema["format"])
    return " or ".join(names)


def limits(schema: Mapping[str, Any]) -> tuple[str, ...]:
    """What a value must keep to, in words."""
    found = []
    if "enum" in schema:
        found.append("one of " + ", ".join(map(str, schema["enum"])))
    for name, words in _LIMITS.items():
        if name in schema:
            found.append(words.format(schema[name]))
    if schema.get("default") not in (None, "", [], {}):
        found.append(f"default {json.dumps(schema['default'])}")
    return tuple(found)


_LIMITS = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {} entries",
    "maxItems": "at most {} entries",
    "pattern": "pattern {}",
}


def _example_text(spec: Spec, schema: Mapping[str, Any]) -> str:
    return json.dumps(example(spec, schema), indent=2, ensure_ascii=False) if schema else ""


def example(spec: Spec, schema: Mapping[str, Any], depth: int = 0) -> Any:
    """A value of this schema: its own example, or one made of its parts."""
    schema = _resolved(spec, schema)
    if "example" in schema:
        return schema["example"]
    if "enum" in schema:
        return schema["enum"][0]
    if "items" in schema:
        return [example(spec, schema["items"], depth + 1)] if depth < DEEPEST else []
    if "properties" in schema:
        return {name: example(spec, told, depth + 1) for name, told in schema["properties"].items()}
    if schema.get("default") is not None:
        return schema["default"]
    told = schema.get("type", "object")
    return _PLAIN.get(told if isinstance(told, str) else told[0])


_PLAIN = {"string": "…", "integer": 0, "number": 0.0, "boolean": True, "object": {}}
