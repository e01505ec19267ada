"""JSON without what `json.loads` lets through: NaN, numbers beyond a float, a name twice in one object (pure)."""

import json
import math
from typing import Any, NoReturn

from gateway.core.errors import BadRequest, Invalid

MAX_BODY_BYTES = 256 * 1024
MAX_DEPTH = 32


class NotJson(BadRequest):
    """The body is not valid JSON."""


def loads(text: str) -> Any:
    """The value of a JSON text. Raises ValueError, or RecursionError for what is nested too deeply."""
    return json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    named = dict(pairs)
    if len(named) < len(pairs):
        raise ValueError("a name stands twice in one object")
    return named


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError("a number is too large")
    return number


def decode_json(raw: bytes) -> Any:
    """Strict JSON: UTF-8, no NaN and nothing beyond a float, no name twice, no lone surrogate, no NUL, nesting of at most 32."""
    try:
        text = raw.decode()
        value = loads(text)
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise NotJson(str(error) if isinstance(error, json.JSONDecodeError) else None) from error
    if "\\u" in text or raw.count(b"[") + raw.count(b"{") > MAX_DEPTH:
        _check(value, "", 0)
    return value


def _check(value: Any, path: str, depth: int) -> None:
    """Refuse what json.loads lets through and PostgreSQL or a stack would choke on."""
    if depth > MAX_DEPTH:
        raise Invalid.at(path[:200], f"nested deeper than {MAX_DEPTH}")
    if isinstance(value, str):
        if "\0" in value or any("\ud800" <= letter <= "\udfff" for letter in value):
            raise Invalid.at(path, "holds a character that is not text")
    elif isinstance(value, dict):
        for name, inner in value.items():
            _check(name, path, depth + 1)
            _check(inner, f"{path}/{name}", depth + 1)
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            _check(inner, f"{path}/{place}", depth + 1)
