"""marshmallow's nested messages as a flat list of JSON pointers (pure)."""

from typing import Any

MOST = 50
"""Faults told at once; the rest would not be read."""


def pointers(faults: Any, path: str = "") -> list[dict[str, str]]:
    """`{"buyer": {"email": ["Not a valid e-mail."]}}` → `[{"path": "/buyer/email", "message": "…"}]`."""
    if isinstance(faults, dict):
        found = [fault for name, inner in faults.items() for fault in pointers(inner, _step(path, name))]
    else:
        texts = faults if isinstance(faults, list) else [faults]
        found = [{"path": path or "/", "message": str(text)} for text in texts]
    return found[:MOST]


def _step(path: str, name: Any) -> str:
    if name == "_schema":
        return path
    return f"{path}/{str(name).replace('~', '~0').replace('/', '~1')}"
