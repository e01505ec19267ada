"""What every part of a model file is checked with: each raises Invalid naming the place (pure)."""

import math
import re
from collections.abc import Collection
from collections.abc import Set as AbstractSet
from typing import Any, TypeVar

from gateway.core.errors import Invalid

T = TypeVar("T")
_WORD = re.compile(r"[A-Za-z]+")


def need(condition: object, path: str, message: str) -> None:
    """Raise Invalid at the path unless the condition holds."""
    if not condition:
        raise Invalid.at(path, message)


def keys(raw: Any, path: str, needed: AbstractSet[str], allowed: AbstractSet[str] = frozenset()) -> None:
    """An object with all of `needed` and nothing beyond `allowed`."""
    need(isinstance(raw, dict), path, "must be an object")
    for name in sorted(needed - raw.keys()):
        raise Invalid.at(f"{path}/{name}", "is missing")
    for name in sorted(raw.keys() - needed - allowed):
        raise Invalid.at(f"{path}/{pointer(name)}", "is not known here")


def listed(raw: Any, path: str, most: int) -> list[Any]:
    """A list of at most so many."""
    if not isinstance(raw, list) or len(raw) > most:
        raise Invalid.at(path, f"must be a list of at most {most}")
    return raw


def number(raw: Any, path: str, limit: float) -> float:
    """A finite number of at most this size either way."""
    good = isinstance(raw, int | float) and not isinstance(raw, bool)
    if not good or not -limit <= raw <= limit or (isinstance(raw, float) and not math.isfinite(raw)):
        raise Invalid.at(path, f"must be a number between -{limit:g} and {limit:g}")
    return float(raw)


def whole(raw: Any, path: str, least: int, most: int) -> int:
    """A whole number within these limits, both included."""
    if not isinstance(raw, int) or isinstance(raw, bool) or not least <= raw <= most:
        raise Invalid.at(path, f"must be a whole number from {least} to {most}")
    return raw


def text(raw: Any, path: str, longest: int, least: int = 1) -> str:
    """A text of at most this length that a database can hold."""
    if not isinstance(raw, str) or not least <= len(raw) <= longest:
        raise Invalid.at(path, f"must be a text of {least} to {longest} letters")
    if any(letter < " " or "\ud800" <= letter <= "\udfff" for letter in raw):
        raise Invalid.at(path, "holds a letter that no text has")
    return raw


def one_of(raw: Any, path: str, known: Collection[str]) -> str:
    """One of these words."""
    if not isinstance(raw, str) or raw not in known:
        raise Invalid.at(path, f"must be one of {', '.join(known)}")
    return raw


def entry(raw: Any, path: str, known: Collection[str], message: str) -> str:
    """A name that is known."""
    if not isinstance(raw, str) or raw not in known:
        raise Invalid.at(path, message)
    return raw


def pointer(name: str) -> str:
    """A name as a step of a JSON pointer (RFC 6901), cut where a hostile one would fill the answer."""
    plain = name.encode(errors="replace").decode()
    return plain.replace("~", "~0").replace("/", "~1")[:100]


def words(name: str) -> set[str]:
    """The words in a name, small: `BIRTH_DATE`, `birth.date` and `birthDate` have the same."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return {word.lower() for word in _WORD.findall(apart)}
