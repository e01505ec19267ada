"""Where in a JSON text a pointer leads: faults of a document are shown beside the line they are about (pure)."""

import json
from typing import NamedTuple

_DECODER = json.JSONDecoder()
_BLANKS = " \t\r\n"
_OF_THE_CHECKER = frozenset({"key", "value"})
"""Steps that marshmallow puts between a name and its value in a dictionary."""


class Line(NamedTuple):
    """A line of the text, counted from 1."""

    number: int
    text: str


def line_of(text: str, pointer: str) -> Line | None:
    """The line on which the value at this JSON pointer begins, or what of its path there is. None for no JSON."""
    at = _skip(text, 0)
    try:
        for step in pointer.strip("/").split("/") if pointer.strip("/") else []:
            found = _inside(text, at, step.replace("~1", "/").replace("~0", "~"))
            if found is None and step not in _OF_THE_CHECKER:
                break
            at = at if found is None else found
    except (ValueError, IndexError):
        return None
    number = text.count("\n", 0, at) + 1
    lines = text.split("\n")
    return Line(number, lines[number - 1].strip()[:120]) if number <= len(lines) else None


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in _BLANKS:
        at += 1
    return at


def _inside(text: str, at: int, step: str) -> int | None:
    """Where the member of this name, or the element of this number, begins; None when there is none."""
    if text[at] == "{":
        return _member(text, at, step)
    return _element(text, at, int(step)) if text[at] == "[" and step.isdecimal() else None


def _member(text: str, at: int, name: str) -> int | None:
    at = _skip(text, at + 1)
    while text[at] == '"':
        key, at = _DECODER.raw_decode(text, at)
        at = _skip(text, _skip(text, at) + 1)
        if key == name:
            return at
        at = _after(text, at)
    return None


def _element(text: str, at: int, number: int) -> int | None:
    at = _skip(text, at + 1)
    while text[at] != "]":
        if not number:
            return at
        number, at = number - 1, _after(text, at)
    return None


def _after(text: str, at: int) -> int:
    """Where the next member begins, or the closing bracket stands."""
    _, at = _DECODER.raw_decode(text, at)
    at = _skip(text, at)
    return _skip(text, at + 1) if text[at] == "," else at
