"""Orders read: one with its history and what is sealed, or a page without, as plain values for the schemas."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.core import documents
from gateway.core.clock import local_date
from gateway.core.crypto import Keyring
from gateway.core.db import merchant_of
from gateway.core.errors import Invalid
from gateway.core.ids import from_public, to_public
from gateway.shops import buyers
from gateway.shops.details import open_details, open_facts
from gateway.shops.models import Order, OrderDocument, OrderEvent
from gateway.shops.orders import MAX_DOCUMENTS, MAX_EVENTS, OrderUnknown
from gateway.shops.shops import ShopFacts
from gateway.shops.told import is_reference

CURSOR = "cur"
_COPIED = (
    "reference",
    "state",
    "currency",
    "total_minor",
    "paid_minor",
    "refunded_minor",
    "returned_minor",
    "open_minor",
    "placed_at",
    "paid_at",
    "shipped_at",
    "delivered_at",
    "cancelled_at",
    "withdrawn_at",
    "updated_at",
)


@dataclass(frozen=True, slots=True)
class Page:
    """Which orders: those told before the order that `cursor` stands for, in this state when one is given."""

    cursor: str = ""
    limit: int = 50
    state: str = ""


def get_order(session: Session, keyring: Keyring, shop: ShopFacts, reference: str) -> dict[str, Any]:
    """The order with events, documents, and what is sealed (empty after an erasure). Raises OrderUnknown."""
    mine = Order.merchant_id == merchant_of(session), Order.shop_id == shop.id, Order.reference == reference
    row = session.scalars(select(Order).where(*mine)).one_or_none() if is_reference(reference) else None
    if row is None:
        raise OrderUnknown
    told = _events(session, row)
    keys = _keys(session, keyring, {row.buyer_id, *(event.buyer_id for event in told if event.buyer_id)})
    empty: dict[str, Any] = {"buyer": {}, "billing": {}, "delivery": {}, "items": []}
    return {
        **summary(row, shop),
        **empty,
        **open_details(keys[row.buyer_id], row.id, row.details_sealed),
        "events": [_event(event, keys.get(event.buyer_id) if event.buyer_id else None) for event in told],
        "documents": _documents(session, row),
    }


def list_orders(session: Session, shop: ShopFacts, page: Page) -> dict[str, Any]:
    """A page of summaries, the newest first, and the cursor of the next one. Raises Invalid for a foreign cursor."""
    chosen = select(Order).where(Order.merchant_id == merchant_of(session), Order.shop_id == shop.id)
    if page.cursor:
        chosen = chosen.where(Order.id < _after(page.cursor))
    if page.state:
        chosen = chosen.where(Order.state == page.state)
    rows = list(session.scalars(chosen.order_by(Order.id.desc()).limit(page.limit + 1)))
    shown = rows[: page.limit]
    return {
        "orders": [summary(row, shop) for row in shown],
        "next_cursor": to_public(CURSOR, shown[-1].id) if len(rows) > len(shown) else None,
    }


def summary(row: Order, shop: ShopFacts) -> dict[str, Any]:
    """What may be shown of an order without a key."""
    return {
        **{name: getattr(row, name) for name in _COPIED},
        "id": to_public("ord", row.id),
        "live": shop.live,
        "buyer_id": to_public("buy", row.buyer_id),
        "decision_id": to_public("dec", row.decision_id) if row.decision_id else None,
        "method": {"id": row.method, "kind": row.kind},
        "due_date": _due_date(row.due_at, shop.timezone),
    }


def _after(cursor: str) -> UUID:
    order_id = from_public(CURSOR, cursor)
    if order_id is None:
        raise Invalid.at("/cursor", "is not a cursor of this list")
    return order_id


def _due_date(due_at: datetime | None, zone: str) -> date | None:
    return None if due_at is None else local_date(due_at - timedelta(microseconds=1), zone)


def _events(session: Session, row: Order) -> list[OrderEvent]:
    mine = OrderEvent.merchant_id == row.merchant_id, OrderEvent.order_id == row.id
    in_order = select(OrderEvent).where(*mine).order_by(OrderEvent.occurred_at, OrderEvent.external_id)
    return list(session.scalars(in_order.limit(MAX_EVENTS)))


def _keys(session: Session, keyring: Keyring, buyer_ids: Iterable[UUID]) -> dict[UUID, bytes | None]:
    return {buyer_id: buyers.find_key(session, keyring, buyer_id) for buyer_id in buyer_ids}


def _event(event: OrderEvent, key: bytes | None) -> dict[str, Any]:
    return {
        "id": to_public("evt", event.id),
        "event": event.event,
        "external_id": event.external_id,
        "occurred_at": event.occurred_at,
        "received_at": event.received_at,
        "amount_minor": event.amount_minor,
        "facts": open_facts(key, event.id, event.facts_sealed),
    }


def _documents(session: Session, row: Order) -> list[dict[str, Any]]:
    found = session.scalars(
        select(OrderDocument)
        .where(OrderDocument.merchant_id == row.merchant_id, OrderDocument.order_id == row.id)
        .order_by(OrderDocument.id)
        .limit(MAX_DOCUMENTS),
    )
    return [document_view(session, attached) for attached in found]


def document_view(session: Session, attached: OrderDocument) -> dict[str, Any]:
    """What may be shown of a document without a key."""
    document = documents.get(session, attached.document_id)
    return {
        "id": to_public("doc", document.id),
        "kind": attached.kind,
        "media_type": document.media_type,
        "size": document.size,
        "created_at": attached.created_at,
    }
