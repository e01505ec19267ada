"""What merchants' endpoints are told of an order: ids, state and amounts, never who bought what."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from gateway.core.crypto import Keyring
from gateway.core.ids import to_public
from gateway.merchants import callbacks
from gateway.merchants.callbacks import ORDER_CHANGED, Happening
from gateway.shops.models import Order
from gateway.shops.shops import ShopFacts

_AMOUNTS = ("total_minor", "paid_minor", "refunded_minor", "returned_minor", "open_minor")


def announce_order(
    session: Session, keyring: Keyring, shop: ShopFacts, row: Order, cause: tuple[str, UUID], now: datetime
) -> None:
    """Queue `order.changed` for whoever wants it; `cause` names what happened and the row that records it."""
    event, event_id = cause
    data: dict[str, Any] = {
        "order_id": to_public("ord", row.id),
        "shop_id": to_public("shp", shop.id),
        "reference": row.reference,
        "live": shop.live,
        "event": event,
        "state": row.state,
        "currency": row.currency,
        **{name: getattr(row, name) for name in _AMOUNTS},
    }
    callbacks.announce(session, keyring, Happening(ORDER_CHANGED, event_id, now, shop.live, data), now)
