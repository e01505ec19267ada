"""Claims follow the orders they arise from: opened with the delivery, told every payment, return and cancellation once.

Listeners enqueue a job, the job folds the order into its claim; run twice it does nothing the second time.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.core import clock
from gateway.core.clock import local_date
from gateway.core.db import merchant_of
from gateway.core.history import History
from gateway.core.services import Services
from gateway.core.work import Job, Task, enqueue
from gateway.receivables import claims, following, ledger, provider_money, returned_told, shop_terms
from gateway.receivables.booking import CREDIT, OPENING, Booked, Item, effective, items_of
from gateway.receivables.changes import Change, ChangeDueDate, CorrectPrincipal, Credit, Refund, ReverseEntry
from gateway.receivables.claims import Opening
from gateway.receivables.following import EventSeen, Less
from gateway.receivables.keys import Keys
from gateway.receivables.models import Claim
from gateway.receivables.provider_money import OrderMoney
from gateway.receivables.standing import Row
from gateway.shops import shops
from gateway.shops.buyers import BuyerErased
from gateway.shops.details import open_details
from gateway.shops.events import (
    OrderCancelled,
    OrderChanged,
    OrderDelivered,
    OrderFact,
    OrderPaid,
    OrderRefunded,
    OrderReturned,
    OrderWithdrawn,
)
from gateway.shops.lifecycle import OrderAct, OrderState
from gateway.shops.models import Order, OrderDocument, OrderEvent
from gateway.shops.orders import MAX_EVENTS
from gateway.shops.shops import ShopFacts
from gateway.shops.told import PaymentKind

TASK = "receivables.follow_order"
FOLLOWED = (OrderPaid, OrderDelivered, OrderCancelled, OrderReturned, OrderRefunded, OrderWithdrawn, OrderChanged)


def heed(session: Session, event: OrderFact) -> None:
    """Something happened to an order: its claim is looked at soon."""
    enqueue(session, TASK, merchant_id=merchant_of(session), args={"order_id": str(event.order_id)})


def _work(services: Services, job: Job) -> None:
    with services.db.transaction(job.merchant_id) as session:
        follow(session, Keys(services.keyring), UUID(job.args["order_id"]), clock.now())


FOLLOWING = Task(TASK, _work)


def follow(session: Session, keys: Keys, order_id: UUID, now: datetime) -> UUID | None:
    """Bring the claim of this order up to what the order says; its id, or None while there is none.

    What belongs to an erased buyer stays as it is.
    """
    order = session.get(Order, (merchant_of(session), order_id), with_for_update=True, populate_existing=True)
    if order is None:
        return None
    money = _money(session, order)
    claim_id = find_claim(session, order_id)
    try:
        if claim_id is None and (opening := _new(session, keys, order, money)) is not None:
            claim_id = claims.open(session, keys, opening, now)
        if claim_id is not None:
            _tell(session, keys, order, claim_id, (money, now))
            returned_told.opened(session, keys, order.id, claim_id, now)
        returned_told.tell_providers(session, keys, (order, claim_id), [*money.seen, *money.links], now)
    except BuyerErased:
        return None
    return claim_id


def find_claim(session: Session, order_id: UUID) -> UUID | None:
    """The claim of this order: for its price, or for its payment that was taken back. There is one at most."""
    return claims.find(session, "order", order_id) or claims.find(session, "returned_payment", order_id)


def _new(session: Session, keys: Keys, order: Order, money: OrderMoney) -> Opening | None:
    """How a claim of this order is opened now; None while nothing is owed.

    A debit that came back is owed since its own day; what providers say they have is not owed.
    """
    sums = money.sums(0)
    if following.is_owed(order) and sums.wanted_minor < order.total_minor - _less(session, order):
        return opening_of(session, keys, order)
    debit = money.debit_on
    if debit is None or order.state != OrderState.DELIVERED:
        return None
    if sums.wanted_minor >= order.total_minor - _less(session, order):
        return None
    ground = shop_terms.terms_of(session, order.shop_id).ground(day_told=True)
    opening = opening_of(session, keys, order)
    return replace(opening, kind="returned_payment", due_date=debit, due_ground=ground)


def _less(session: Session, order: Order) -> int:
    """By how much the order is worth less than its total."""
    lowered = following.reductions(_events(session, order), order.total_minor, "UTC", order.total_minor)
    return sum(less.amount_minor for less in lowered)


def _money(session: Session, order: Order) -> OrderMoney:
    """What was told of this order's money, by shop, providers and bank."""
    events, zone = _events(session, order), shops.get(session, order.shop_id).timezone
    paid = [event for event in events if event.event == OrderAct.PAID and event.amount_minor]
    refunds = [event.amount_minor or 0 for event in events if event.event == OrderAct.REFUNDED]
    claim_id = find_claim(session, order.id)
    return OrderMoney(
        paid=tuple(Row(str(one.id), local_date(one.occurred_at, zone), one.amount_minor or 0) for one in paid),
        refunded_minor=sum(refunds),
        seen=tuple(provider_money.of_order(session, order)),
        links=tuple(provider_money.of_claim(session, claims.get(session, claim_id)) if claim_id else ()),
        bank=tuple(returned_told.by_bank(session, order.id)),
        by_debit=order.kind == PaymentKind.SEPA_DEBIT,
        zone=zone,
    )


def list_owed(session: Session, limit: int, after: UUID) -> list[UUID]:
    """Orders for which a claim may have to be opened, in the order of their ids."""
    mine = Order.merchant_id == merchant_of(session), Order.open_minor > 0, Order.id > after
    kinds = [*following.OWED_AFTER_DELIVERY, *following.OWED_WHEN_DUE_IS_TOLD]
    chosen = select(Order.id).where(*mine, Order.kind.in_([kind.value for kind in kinds]), Order.state == "DELIVERED")
    return list(session.scalars(chosen.order_by(Order.id).limit(limit)))


def opening_of(session: Session, keys: Keys, order: Order) -> Opening:
    """What a claim about this order is opened with."""
    shop = shops.get(session, order.shop_id)
    details = open_details(keys.of(session, order.buyer_id), order.id, order.details_sealed)
    delivered_on = local_date(order.delivered_at or order.updated_at, shop.timezone)
    terms = shop_terms.terms_of(session, order.shop_id)
    return Opening(
        shop_id=order.shop_id,
        order_id=order.id,
        buyer_id=order.buyer_id,
        live=shop.live,
        kind="order",
        source_id=order.id,
        currency=order.currency,
        principal_minor=order.total_minor,
        country=following.country_of(details, shop.country),
        language=following.language_of(details, shop.language),
        debtor=following.debtor_of(details),
        invoice_number=order.reference,
        invoice_date=_invoice_date(session, order, shop),
        contract_date=local_date(order.placed_at, shop.timezone),
        delivered_on=delivered_on,
        due_date=following.due_on(order, delivered_on, shop.timezone, terms.term_days),
        due_ground=terms.ground(day_told=order.due_at is not None),
        consumer_notice=terms.invoice_notice,
        agreed_in=f"{terms.terms} (version {terms.version})" if terms.version else "",
        actor=f"shop:{order.shop_id}",
    )


def _invoice_date(session: Session, order: Order, shop: ShopFacts) -> date | None:
    mine = OrderDocument.merchant_id == order.merchant_id, OrderDocument.order_id == order.id
    told = select(OrderDocument.created_at).where(*mine, OrderDocument.kind == "invoice")
    at = session.scalar(told.order_by(OrderDocument.created_at).limit(1))
    return local_date(at, shop.timezone) if at else None


def _tell(session: Session, keys: Keys, order: Order, claim_id: UUID, told: tuple[OrderMoney, datetime]) -> None:
    (money, now), actor = told, f"shop:{order.shop_id}"
    provider_money.settle_links(session, keys, claims.get(session, claim_id), money.links, now)
    events, zone = _events(session, order), money.zone
    booked = ledger.load(session, [claim_id])[claim_id]
    if changes := _changes(order, events, booked, zone, actor):
        claims.apply_many(session, keys, [(claim_id, changes)], now)
    provider_money.settle_order(session, keys, claims.get(session, claim_id), money, now, actor)
    booked = ledger.load(session, [claim_id])[claim_id]
    if refunds := _refunds(events, items_of(booked), zone, actor):
        claims.apply_many(session, keys, [(claim_id, refunds)], now)
    provider_money.settle_refunds(
        session, keys, claims.get(session, claim_id), *money.refunds(claims.get(session, claim_id), now), now
    )
    provider_money.doubt(session, keys, claims.get(session, claim_id), money, now)
    if moved := _moved(session, claims.get(session, claim_id), following.told_day(order, zone), actor):
        claims.apply_many(session, keys, [(claim_id, moved)], now)


def _moved(session: Session, claim: Claim, told: date | None, actor: str) -> list[Change]:
    """The shop grants more time: that is followed. Less time is not its to set, and what a person moved stays."""
    if told is None or told <= claim.due_date or claim.closed_at is not None:
        return []
    mine = History.merchant_id == claim.merchant_id, History.subject_id == claim.id
    by_people = select(History.id).where(*mine, History.event == ChangeDueDate.told, History.actor != actor)
    if session.scalar(by_people.limit(1)) is not None:
        return []
    return [ChangeDueDate(told, "order", actor=actor)]


def _changes(
    order: Order, events: Sequence[EventSeen], booked: Sequence[Booked], zone: str, actor: str
) -> list[Change]:
    """Credits that no longer fit are reversed, then the price is put right, then what is missing is credited."""
    items = items_of(booked)
    others = sum(item.amount_minor for item in items if item.from_start and not _is_ours(item))
    wanted = following.reductions(events, order.total_minor, zone, order.total_minor - others)
    there = {item.cause: item for item in items if item.kind == CREDIT and _is_ours(item)}
    stale = [item for item in there.values() if not any(_fits(item, less) for less in wanted)]
    ids = {entry.posting.key: entry.id for entry in effective(booked)}
    fresh = [less for less in wanted if less.cause not in there or there[less.cause] in stale]
    price = next(item.amount_minor for item in items if item.kind == OPENING)
    wanted_price = max(order.total_minor, others)  # what was credited by people stays credited
    corrected = [CorrectPrincipal(wanted_price, f"order:{order.id}", actor=actor)]
    return [
        *(ReverseEntry(ids[item.key], f"order:{order.id}", actor=actor) for item in stale if item.key in ids),
        *(corrected if price != wanted_price > 0 else []),
        *(Credit(one.amount_minor, one.day, True, one.cause, one.event, actor=actor) for one in fresh),  # noqa: FBT003
    ]


def _is_ours(item: Item) -> bool:
    return item.cause.startswith(following.CAUSE)


def _fits(item: Item, less: Less) -> bool:
    return (item.cause, item.amount_minor, item.value_date) == (less.cause, less.amount_minor, less.day)


def _refunds(events: Sequence[EventSeen], items: Sequence[Item], zone: str, actor: str) -> list[Change]:
    known = {item.cause for item in items if item.kind == "refund"}
    return [
        Refund(event.amount_minor, local_date(event.occurred_at, zone), f"{following.CAUSE}{event.id}", actor=actor)
        for event in events
        if event.event == OrderAct.REFUNDED and event.amount_minor and f"{following.CAUSE}{event.id}" not in known
    ]


def _events(session: Session, order: Order) -> list[EventSeen]:
    one = OrderEvent
    wanted: Any = select(one.id, one.event, one.external_id, one.occurred_at, one.amount_minor)
    mine = one.merchant_id == order.merchant_id, one.order_id == order.id
    return list(following.in_order(EventSeen(*row) for row in session.execute(wanted.where(*mine).limit(MAX_EVENTS))))
