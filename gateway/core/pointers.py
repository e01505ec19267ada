"""JSON pointers (RFC 6901) into decoded JSON: the value at one, a value put there (pure)."""

from typing import Any


def steps(pointer: str) -> list[str]:
    """The names of a pointer."""
    return [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]


def find(document: Any, pointer: str) -> Any:
    """The value at a pointer, or None; a number steps into a list."""
    for step in steps(pointer):
        if isinstance(document, dict):
            document = document.get(step)
        elif isinstance(document, list) and step.isdecimal() and len(step) < 9 and int(step) < len(document):
            document = document[int(step)]
        else:
            return None
    return document


def put(document: dict[str, Any], pointer: str, value: Any) -> None:
    """Set a value in nested objects by its pointer, making them on the way."""
    *way, last = steps(pointer)
    for step in way:
        document = document.setdefault(step, {})
    document[last] = value
