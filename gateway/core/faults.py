"""What is wrong with a document, as a flat list of JSON pointers: marshmallow's messages, and what a lint finds (pure)."""

from dataclasses import dataclass, field
from typing import Any

from gateway.core.errors import Invalid

MOST = 50
"""Faults told at once; the rest would not be read."""
Fault = dict[str, str]


@dataclass(slots=True)
class Findings:
    """Faults, for which the document is refused, and warnings, which it is kept with."""

    faults: list[Fault] = field(default_factory=list)
    warnings: list[Fault] = field(default_factory=list)

    def fault(self, path: str, message: str) -> None:
        self.faults.append({"path": path, "message": message})

    def warn(self, path: str, message: str) -> None:
        self.warnings.append({"path": path, "message": message})

    def refuse(self) -> None:
        if self.faults:
            raise Invalid(errors=self.faults[:MOST])


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
