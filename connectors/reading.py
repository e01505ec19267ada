"""Reading documents of a platform: every value by its place, so that a fault can name it (pure).

Empty and absent are the same: platforms send `""`, `null` and nothing for what a buyer has not typed yet.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from gateway.core.errors import Invalid
from gateway.core.money import MAX_MINOR, currencies, exponent

MAX_LIST = 5_000
"""Longer lists are taken for a mistake."""
MAX_NUMBER = 10**40
EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


class MappingError(Invalid):
    """The platform's document cannot be read; `errors` names the place."""


@dataclass(frozen=True, slots=True)
class Node:
    """A value and its JSON pointer. Children of what is absent are absent."""

    value: Any
    path: str = ""

    def at(self, *names: str) -> "Node":
        """The value below, absent where it is not. Raises MappingError where there is no object to look into."""
        node = self
        for name in names:
            if not isinstance(node.value, dict | None):
                raise MappingError.at(node.path or "/", "is not an object")
            node = Node((node.value or {}).get(name), f"{node.path}/{name}")
        return node

    def list(self) -> "list[Node]":
        """The entries; none when it is absent."""
        if self.value is None:
            return []
        if not isinstance(self.value, list):
            raise MappingError.at(self.path or "/", "is not a list")
        if len(self.value) > MAX_LIST:
            raise MappingError.at(self.path, f"has more than {MAX_LIST} entries")
        return [Node(entry, f"{self.path}/{place}") for place, entry in enumerate(self.value)]

    def text(self, longest: int) -> str:
        """Printable text without blanks around it, cut to `longest`; "" when it is absent."""
        if self.value is None:
            return ""
        if isinstance(self.value, bool) or not isinstance(self.value, str | int):
            raise MappingError.at(self.path, "is not text")
        if isinstance(self.value, int) and abs(self.value) > MAX_NUMBER:
            raise MappingError.at(self.path, "is too long a number")
        return printable(str(self.value))[:longest].rstrip()

    def needed(self, longest: int) -> str:
        """As `text`, but it must be there."""
        text = self.text(longest)
        if not text:
            raise MappingError.at(self.path, "is missing")
        return text

    def flag(self) -> bool | None:
        if not isinstance(self.value, bool | None):
            raise MappingError.at(self.path, "is neither true nor false")
        return self.value

    def currency(self) -> str:
        code = self.needed(10).upper()
        if code not in currencies():
            raise MappingError.at(self.path, "is not an ISO 4217 currency")
        return code

    def decimal(self) -> Decimal | None:
        """An exact decimal from text (`"12.90"`) or a JSON number; None when it is absent or empty."""
        if self.value is None or self.value == "":
            return None
        if isinstance(self.value, bool) or not isinstance(self.value, str | int | float):
            raise MappingError.at(self.path, "is not an amount")
        try:
            found = Decimal(self.value if isinstance(self.value, int) else str(self.value).strip())
        except ArithmeticError as error:
            raise MappingError.at(self.path, "is not an amount") from error
        if not found.is_finite() or abs(found) > MAX_MINOR:
            raise MappingError.at(self.path, "is not an amount")
        return found

    def minor(self, currency: str, digits: int = 0) -> int | None:
        """An amount in minor units, rounded half up; `digits` says how many of its digits stand after the point."""
        found = self.decimal()
        if found is None:
            return None
        scaled = found.scaleb(exponent(currency) - digits).to_integral_value(rounding=ROUND_HALF_UP)
        if abs(scaled) > MAX_MINOR:
            raise MappingError.at(self.path, "is larger than any order")
        return int(scaled)

    def total(self, currency: str, digits: int = 0) -> int:
        """What is to be paid: it must be there and not negative."""
        minor = self.minor(currency, digits)
        if minor is None or minor < 0:
            raise MappingError.at(self.path, "is missing" if minor is None else "is negative")
        return minor

    def moment(self, *, utc: bool = False) -> datetime | None:
        """A time as aware UTC; `utc` reads a time without offset as UTC. None when it is absent."""
        text = self.text(40)
        if not text:
            return None
        try:
            found = datetime.fromisoformat(text)
            aware = found.replace(tzinfo=UTC) if utc and found.tzinfo is None else found
            if aware.tzinfo is not None and EARLIEST <= aware < LATEST:
                return aware.astimezone(UTC)
        except (ValueError, OverflowError):
            pass  # told below, as every other text that is no time
        raise MappingError.at(self.path, "is not a time with its offset between 2000 and 2099")

    def day(self) -> str:
        """The date of a time where it was written, as ISO 8601; "" when it is absent."""
        return datetime.fromisoformat(self.text(40)).date().isoformat() if self.moment() else ""


def one(document: Any, *envelopes: str) -> Node:
    """The single object of a document: itself, or inside a list of one or an object that only wraps it."""
    node = Node(document)
    for _ in range(3):
        node = _unwrapped(node, envelopes)
    if not isinstance(node.value, dict):
        raise MappingError.at(node.path or "/", "is not an object")
    return node


def _unwrapped(node: Node, envelopes: Iterable[str]) -> Node:
    if isinstance(node.value, list):
        if len(node.value) != 1:
            raise MappingError.at(node.path or "/", f"holds {len(node.value)} documents instead of one")
        return node.list()[0]
    if isinstance(node.value, dict):
        inside = (node.at(name) for name in envelopes if isinstance(node.value.get(name), dict | list))
        return next(inside, node)
    return node


def printable(text: str) -> str:
    """Without control characters and lone surrogates, which neither databases nor letters can hold."""
    if not text.isprintable():
        text = "".join(letter if letter.isprintable() else " " for letter in text)
    return text.strip()


def iso(moment: datetime) -> str:
    """As our API writes times; in whole seconds, so that the texts sort like the times."""
    return moment.replace(microsecond=0).isoformat().replace("+00:00", "Z")
