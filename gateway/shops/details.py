"""What is personal in an order and its events: JSON sealed with the buyer's key, each blob bound to its row."""

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from gateway.core.crypto import seal, unseal


def seal_details(key: bytes, order_id: UUID, details: Mapping[str, Any]) -> bytes:
    return seal(key, _json(details), f"shop_order.details:{order_id}")


def open_details(key: bytes | None, order_id: UUID, sealed: bytes | None) -> dict[str, Any]:
    """Buyer, addresses and items as told; empty once the key is destroyed. Raises `Tampered`."""
    return _opened(key, sealed, f"shop_order.details:{order_id}")


def seal_facts(key: bytes | None, event_id: UUID, facts: Mapping[str, Any]) -> bytes | None:
    """None when there is nothing to seal, or no key left to seal it with."""
    return seal(key, _json(facts), f"order_event.facts:{event_id}") if facts and key else None


def open_facts(key: bytes | None, event_id: UUID, sealed: bytes | None) -> dict[str, Any]:
    return _opened(key, sealed, f"order_event.facts:{event_id}")


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(dict(value), ensure_ascii=False, separators=(",", ":")).encode()


def _opened(key: bytes | None, sealed: bytes | None, context: str) -> dict[str, Any]:
    if key is None or sealed is None:
        return {}
    value: dict[str, Any] = json.loads(unseal(key, sealed, context))
    return value
