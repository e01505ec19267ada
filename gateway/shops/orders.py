"""Orders of a shop: told once or many times, moved by events that come late and twice, always the fold of what happened."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from types import MappingProxyType
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import exists, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from gateway.core import documents, events
from gateway.core.crypto import Keyring
from gateway.core.db import merchant_of
from gateway.core.errors import Invalid, NotFound, Refused
from gateway.core.ids import from_public, new_id
from gateway.merchants import secrets
from gateway.shops import buyers, identity
from gateway.shops.announcing import announce_order
from gateway.shops.buyers import BuyerErased, BuyerKey
from gateway.shops.details import open_details, open_facts, seal_details, seal_facts
from gateway.shops.events import (
    OrderCancelled,
    OrderChanged,
    OrderDelivered,
    OrderMoved,
    OrderPaid,
    OrderPlaced,
    OrderRefunded,
    OrderReturned,
    OrderShipped,
    OrderWithdrawn,
)
from gateway.shops.lifecycle import CHANGED, Happened, OrderAct, OrderFold, OrderState, fold
from gateway.shops.models import BuyerIndex, Order, OrderDocument, OrderEvent
from gateway.shops.shops import ShopClosed, ShopFacts
from gateway.shops.told import MAX_REFERENCE, OWN_PREFIX, EventTold, OrderTold, is_reference

MAX_EVENTS = 1000
MAX_DOCUMENTS = 50
CLOCK_SLACK = timedelta(hours=24)
"""How far ahead of us a shop's clock may run."""
PUBLISHED: Mapping[str, type[OrderMoved]] = MappingProxyType(
    {
        OrderAct.PAID: OrderPaid,
        OrderAct.SHIPPED: OrderShipped,
        OrderAct.DELIVERED: OrderDelivered,
        OrderAct.CANCELLED: OrderCancelled,
        OrderAct.RETURNED: OrderReturned,
        OrderAct.REFUNDED: OrderRefunded,
        OrderAct.WITHDRAWN: OrderWithdrawn,
    },
)


class OrderUnknown(NotFound):
    """The shop has not told this order yet; send it with PUT first."""


class OrderContradicts(Refused):
    """What is told of this order cannot be true together with what was told before."""


class CancelledOrder(Refused):
    """The total of a cancelled order does not change any more."""


class EventContradicts(Refused):
    """This external id was already told with other content."""


class RefundExceedsPayment(Refused):
    """More would be refunded than was paid; tell the payment first."""


class OrderFull(Refused):
    """This order has as many events or documents as one may have."""


@dataclass(frozen=True, slots=True)
class Put:
    """What telling an order did."""

    order_id: UUID
    created: bool
    changed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Added:
    """What telling an event did; `new` is False for a repeated message."""

    order_id: UUID
    event_id: UUID
    new: bool


class Orders:
    """The orders of one shop within one transaction."""

    def __init__(self, session: Session, keyring: Keyring, shop: ShopFacts) -> None:
        self.session = session
        self.keyring = keyring
        self.shop = shop
        self.merchant_id = merchant_of(session)

    def put(self, reference: str, told: OrderTold, now: datetime) -> Put:
        """Create the order or replace what is known of it; the same again changes nothing.

        Raises Invalid, ShopClosed, OrderContradicts (currency, decision or buyer), CancelledOrder, BuyerErased, OrderFull.
        """
        if self.shop.closed_at is not None:
            raise ShopClosed
        if not is_reference(reference):
            raise Invalid.at("/reference", f"has 1 to {MAX_REFERENCE} printable characters")
        _check_moment("/placed_at", told.placed_at, now)
        row = self._find(reference)
        if row is None and (order_id := self._create(reference, told, now)):
            return Put(order_id, created=True)
        row = row or self.get(reference)
        return Put(row.id, created=False, changed=self._replace(row, told, now))

    def add_event(self, reference: str, told: EventTold, now: datetime) -> Added:
        """Something happened to the order; told twice under one external id it counts once.

        Raises OrderUnknown, Invalid, EventContradicts, RefundExceedsPayment, OrderFull.
        """
        _check_moment("/occurred_at", told.occurred_at, now)
        row = self.get(reference)
        known = self._find_event(row, told.external_id)
        if known is not None:
            self._check_same(known, told)
            return Added(row.id, known.id, new=False)
        return Added(row.id, self._append(row, told, now), new=True)

    def attach(self, reference: str, kind: str, file: documents.File, now: datetime) -> OrderDocument:
        """Keep a document of the order, sealed with the buyer's key; the same file again is the same document.

        Raises OrderUnknown, BuyerErased, OrderFull, TooLarge, Invalid.
        """
        row = self.get(reference)
        owner = documents.Owner(row.buyer_id, self._key_of(row))
        document = documents.store(self.session, owner, file, kind, now)
        link = {"merchant_id": self.merchant_id, "order_id": row.id, "document_id": document.id}
        attached = self.session.scalars(select(OrderDocument).filter_by(**link)).one_or_none()
        if attached is None:
            self._check_room(OrderDocument, row.id, MAX_DOCUMENTS)
            attached = OrderDocument(**link, id=new_id(), kind=kind, created_at=now)
            self.session.add(attached)
            self.session.flush()
        return attached

    def get(self, reference: str) -> Order:
        """The order, locked until the transaction ends. Raises OrderUnknown."""
        row = self._find(reference)
        if row is None:
            raise OrderUnknown
        return row

    def _find(self, reference: str) -> Order | None:
        if not is_reference(reference):
            return None
        return self.session.scalars(
            select(Order)
            .where(
                Order.merchant_id == self.merchant_id,
                Order.shop_id == self.shop.id,
                Order.reference == reference,
            )
            .with_for_update()
            .execution_options(populate_existing=True),
        ).one_or_none()

    def _create(self, reference: str, told: OrderTold, now: datetime) -> UUID | None:
        """None when another transaction told this order first."""
        buyer, order_id = self._buyer(told, now), new_id()
        made = (
            insert(Order)
            .values(
                merchant_id=self.merchant_id,
                id=order_id,
                shop_id=self.shop.id,
                reference=reference,
                buyer_id=buyer.id,
                details_sealed=seal_details(buyer.data_key, order_id, told.details),
                delivery_digest=self._delivery(told),
                updated_at=now,
                **self._columns(told),
                **_columns_of(fold((), told.total_minor)),
            )
            .on_conflict_do_nothing(index_elements=["merchant_id", "shop_id", "reference"])
            .returning(Order.id)
        )
        if self.session.scalar(made) is None:
            return None
        row = self.get(reference)
        events.publish(self.session, OrderPlaced(**_fact(row, self.shop, row.placed_at), **_offer(row)))
        self._announce(row, "placed", order_id, now)
        return order_id

    def _replace(self, row: Order, told: OrderTold, now: datetime) -> tuple[str, ...]:
        old_key, buyer = self._key_of(row), self._buyer(told, now, row)
        columns = self._columns(told)
        self._refuse_contradiction(row, columns, buyer)
        old_details = open_details(old_key, row.id, row.details_sealed)
        changed = (*_differing(row, columns), *_differing_keys(old_details, told.details))
        if not changed and buyer.id == row.buyer_id:
            return ()
        change_id = self._record_change(row, changed, columns, buyer, now)
        for name, value in columns.items():
            setattr(row, name, value)
        row.buyer_id = buyer.id
        row.details_sealed = seal_details(buyer.data_key, row.id, told.details)
        row.delivery_digest = self._delivery(told)
        self._refold(row, now)
        fact = OrderChanged(**_fact(row, self.shop, now), **_offer(row), changed=changed)
        events.publish(self.session, fact)
        self._announce(row, CHANGED, change_id, now)
        return changed

    def _refuse_contradiction(self, row: Order, columns: dict[str, Any], buyer: BuyerKey) -> None:
        if columns["currency"] != row.currency:
            raise OrderContradicts(field="currency")
        columns["decision_id"] = columns["decision_id"] or row.decision_id
        if row.decision_id is not None and columns["decision_id"] != row.decision_id:
            raise OrderContradicts(field="decision_id")
        if buyer.id != row.buyer_id and row.decision_id is not None and self._is_named(row.buyer_id):
            raise OrderContradicts("the decision of this order was made for another buyer", field="buyer")
        if row.state == OrderState.CANCELLED and columns["total_minor"] != row.total_minor:
            raise CancelledOrder

    def _record_change(
        self, row: Order, changed: tuple[str, ...], columns: Mapping[str, Any], buyer: BuyerKey, now: datetime
    ) -> UUID:
        self._check_room(OrderEvent, row.id, MAX_EVENTS)
        facts: dict[str, Any] = {"changed": list(changed)}
        if "total_minor" in changed:
            facts |= {"from_minor": row.total_minor, "to_minor": columns["total_minor"]}
        event_id = new_id()
        told = EventTold(CHANGED, f"{OWN_PREFIX}{event_id}", now, facts.get("to_minor"), facts)
        self._store_event(row.id, event_id, told, buyer, now)
        return event_id

    def _append(self, row: Order, told: EventTold, now: datetime) -> UUID:
        self._check_room(OrderEvent, row.id, MAX_EVENTS)
        event_id, key = new_id(), buyers.find_key(self.session, self.keyring, row.buyer_id, hold=True)
        sealing = BuyerKey(row.buyer_id, key) if key else None
        self._store_event(row.id, event_id, told, sealing, now)
        self._refold(row, now)
        if told.event == OrderAct.REFUNDED and row.refunded_minor > row.paid_minor:
            raise RefundExceedsPayment(
                paid_minor=row.paid_minor, refunded_before_minor=row.refunded_minor - (told.amount_minor or 0)
            )
        published = PUBLISHED[told.event]
        fact = _fact(row, self.shop, told.occurred_at)
        events.publish(self.session, published(**fact, event_id=event_id, amount_minor=told.amount_minor))
        self._announce(row, told.event, event_id, now)
        return event_id

    def _announce(self, row: Order, event: str, event_id: UUID, now: datetime) -> None:
        announce_order(self.session, self.keyring, self.shop, row, (event, event_id), now)

    def _store_event(
        self, order_id: UUID, event_id: UUID, told: EventTold, sealing: BuyerKey | None, now: datetime
    ) -> None:
        self.session.add(
            OrderEvent(
                merchant_id=self.merchant_id,
                id=event_id,
                order_id=order_id,
                external_id=told.external_id,
                event=str(told.event),
                occurred_at=told.occurred_at,
                amount_minor=told.amount_minor,
                buyer_id=sealing.id if sealing else None,
                facts_sealed=seal_facts(sealing.data_key if sealing else None, event_id, told.facts),
                received_at=now,
            ),
        )
        self.session.flush()

    def _refold(self, row: Order, now: datetime) -> None:
        for name, value in _columns_of(fold(self._happened(row), row.total_minor)).items():
            setattr(row, name, value)
        row.updated_at = now
        self.session.flush()

    def _happened(self, row: Order) -> Iterable[Happened]:
        stored = self.session.execute(
            select(OrderEvent.event, OrderEvent.external_id, OrderEvent.occurred_at, OrderEvent.amount_minor).where(
                OrderEvent.merchant_id == self.merchant_id, OrderEvent.order_id == row.id
            ),
        )
        return [Happened(*event) for event in stored]

    def _find_event(self, row: Order, external_id: str) -> OrderEvent | None:
        return self.session.scalars(
            select(OrderEvent).where(
                OrderEvent.merchant_id == self.merchant_id,
                OrderEvent.order_id == row.id,
                OrderEvent.external_id == external_id,
            ),
        ).one_or_none()

    def _check_same(self, known: OrderEvent, told: EventTold) -> None:
        """What an erased key sealed can no longer be compared; the rest still is."""
        same = (known.event, known.occurred_at, known.amount_minor) == (told.event, told.occurred_at, told.amount_minor)
        key = buyers.find_key(self.session, self.keyring, known.buyer_id) if known.buyer_id else None
        if not same or (key and open_facts(key, known.id, known.facts_sealed) != dict(told.facts)):
            raise EventContradicts(external_id=told.external_id)

    def _buyer(self, told: OrderTold, now: datetime, row: Order | None = None) -> BuyerKey:
        """Whom the order tells; an order told again without e-mail and phone keeps its buyer."""
        index_key = secrets.get_key(self.session, self.keyring, "index")
        digests = identity.digests(index_key, live=self.shop.live, identity=told.identity)
        if row is not None and identity.identifying(digests) is None:
            return BuyerKey(row.buyer_id, self._key_of(row))
        return buyers.ensure_buyer(self.session, self.keyring, digests, live=self.shop.live, now=now)

    def _delivery(self, told: OrderTold) -> bytes | None:
        """Blind index of where the goods go; the billing address when no other was told."""
        index_key = secrets.get_key(self.session, self.keyring, "index")
        digests = identity.digests(index_key, live=self.shop.live, identity=told.identity)
        return digests.get(identity.DELIVERY) or digests.get(identity.BILLING)

    def _key_of(self, row: Order) -> bytes:
        key = buyers.find_key(self.session, self.keyring, row.buyer_id, hold=True)
        if key is None:
            raise BuyerErased
        return key

    def _is_named(self, buyer_id: UUID) -> bool:
        mine = BuyerIndex.merchant_id == self.merchant_id, BuyerIndex.buyer_id == buyer_id, BuyerIndex.identifies
        return bool(self.session.scalar(select(exists().where(*mine))))

    def _check_room(self, table: type[OrderEvent | OrderDocument], order_id: UUID, most: int) -> None:
        mine = table.merchant_id == self.merchant_id, table.order_id == order_id
        if (self.session.scalar(select(func.count()).select_from(table).where(*mine)) or 0) >= most:
            raise OrderFull(most=most)

    def _columns(self, told: OrderTold) -> dict[str, Any]:
        return {
            "method": told.method.id,
            "kind": told.method.kind.value,
            "currency": told.currency,
            "total_minor": told.total_minor,
            "placed_at": told.placed_at,
            "due_at": None if told.due_date is None else end_of_day(told.due_date, self.shop.timezone),
            "decision_id": _decision_id(told.decision_id),
        }


def end_of_day(day: date, zone: str) -> datetime:
    """The first moment after a calendar day in an IANA zone, as aware UTC."""
    return datetime.combine(day + timedelta(days=1), time.min, ZoneInfo(zone)).astimezone(UTC)


def _check_moment(path: str, moment: datetime, now: datetime) -> None:
    if moment > now + CLOCK_SLACK:
        raise Invalid.at(path, "lies in the future")


def _decision_id(public: str) -> UUID | None:
    if not public:
        return None
    decision_id = from_public("dec", public)
    if decision_id is None:
        raise Invalid.at("/decision_id", "is not the id of a decision")
    return decision_id


def _columns_of(folded: OrderFold) -> dict[str, Any]:
    return {name: getattr(folded, name) for name in OrderFold.__slots__} | {"state": folded.state.value}


def _differing(row: Order, columns: Mapping[str, Any]) -> list[str]:
    return [name for name, value in columns.items() if getattr(row, name) != value]


def _differing_keys(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    return sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))


def _fact(row: Order, shop: ShopFacts, occurred_at: datetime) -> dict[str, Any]:
    return {
        "order_id": row.id,
        "shop_id": row.shop_id,
        "buyer_id": row.buyer_id,
        "live": shop.live,
        "occurred_at": occurred_at,
    }


def _offer(row: Order) -> dict[str, Any]:
    return {"decision_id": row.decision_id, "total_minor": row.total_minor, "currency": row.currency}
