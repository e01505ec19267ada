"""Facts that can be read off the request alone: basket shape, address comparisons, mail domain (pure)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from disposable_email_domains import blocklist

from gateway.shops.identity import normal_domains, normal_email

ItemKind = Literal["physical", "digital", "gift_card", "service"]
_LOCKER = re.compile(
    r"\b(packstation|paketbox|paketshop|postfiliale|abholstation|my ?post ?24|pickpost|locker)\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Item:
    """One line of the basket. `unit_minor` is what one piece costs including tax."""

    quantity: int
    unit_minor: int
    kind: ItemKind
    sku: str | None = None
    name: str | None = None


def basket_facts(items: Sequence[Item], discount_minor: int) -> dict[str, Any]:
    """Shape of the basket; all None when the shop sent no lines."""
    if not items:
        return {}
    value = sum(item.quantity * item.unit_minor for item in items)
    return {
        "items": len(items),
        "pieces": sum(item.quantity for item in items),
        "dearest_minor": max(item.unit_minor for item in items),
        "most_of_one": max(item.quantity for item in items),
        "gift_card_percent": _percent(_of_kind(items, "gift_card"), value),
        "digital_percent": _percent(_of_kind(items, "digital"), value),
        "discount_percent": _percent(discount_minor, value),
    }


def _of_kind(items: Sequence[Item], kind: ItemKind) -> int:
    return sum(item.quantity * item.unit_minor for item in items if item.kind == kind)


def _percent(part: int, whole: int) -> int:
    return 100 * part // whole if whole > 0 else 0


def disposable(email: str) -> bool:
    """Whether the mail domain, or one it is below, is on the public list of disposable ones."""
    return not blocklist.isdisjoint(normal_domains(normal_email(email)))


def parcel_locker(lines: Sequence[str | None]) -> bool:
    """Whether an address points to a parcel locker or pick-up point."""
    return any(_LOCKER.search(line) for line in lines if line)
