"""Facts become rows: each once, the payment folded anew from all of them, and what changed is published."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from gateway.core.db import merchant_of
from gateway.core.errors import NotFound, Refused
from gateway.core.events import publish
from gateway.core.ids import new_id
from gateway.payments import events
from gateway.payments.facts import Fact, details, restored
from gateway.payments.fold import Fold, PaymentState, fold
from gateway.payments.models import Payment, PaymentEvent


class ProviderPaymentUnknown(NotFound):
    """There is no such payment, or not yet."""


class CurrencyContradicts(Refused):
    """The provider tells of one payment in two currencies."""


@dataclass(frozen=True, slots=True)
class Source:
    """Through which connection facts came, and by which message."""

    connection_id: UUID
    shop_id: UUID
    provider: str
    live: bool
    message_id: UUID | None = None


def record(session: Session, source: Source, facts: Iterable[Fact], now: datetime) -> int:
    """How many facts were new.

    Raises ProviderPaymentUnknown for a fact that names no payment while nothing names it, CurrencyContradicts.
    """
    told: dict[str, list[Fact]] = {}
    for fact in facts:
        told.setdefault(fact.payment or _payment_of(session, source, fact.item), []).append(fact)
    return sum(_record(session, source, payment, told[payment], now) for payment in sorted(told))


def _payment_of(session: Session, source: Source, item: str) -> str:
    """The payment that earlier facts of this item belong to."""
    mine = PaymentEvent.merchant_id == merchant_of(session), PaymentEvent.connection_id == source.connection_id
    same = (Payment.merchant_id == PaymentEvent.merchant_id) & (Payment.id == PaymentEvent.payment_id)
    query = select(Payment.external_id).join(PaymentEvent, same).where(*mine, PaymentEvent.item == item)
    found = session.scalars(query.limit(1)).first()
    if found is None:
        raise ProviderPaymentUnknown
    return found


def _record(session: Session, source: Source, external_id: str, facts: Sequence[Fact], now: datetime) -> int:
    row = _locked(session, source, external_id, now)
    known = _facts(session, row)
    keys = {fact.key for fact in known}
    fresh = [fact for fact in {each.key: each for each in facts}.values() if fact.key not in keys]
    if not fresh:
        return 0
    _describe(row, fresh)
    session.add_all([_event(row, source, fact, now) for fact in fresh])
    before, after = fold(known), fold([*known, *fresh])
    _keep(row, after, now)
    session.flush()
    for event in events.changes(told_of(row), before, after):
        publish(session, event)
    return len(fresh)


def _locked(session: Session, source: Source, external_id: str, now: datetime) -> Payment:
    """The payment's row, made when it is new; whoever comes second waits here."""
    merchant_id = merchant_of(session)
    made = insert(Payment).values(
        merchant_id=merchant_id,
        id=new_id(),
        connection_id=source.connection_id,
        shop_id=source.shop_id,
        live=source.live,
        provider=source.provider,
        external_id=external_id,
        reference="",
        order_reference="",
        method="",
        currency="",
        state=PaymentState.PENDING,
        created_at=now,
        updated_at=now,
    )
    session.execute(made.on_conflict_do_nothing())
    mine = Payment.merchant_id == merchant_id, Payment.connection_id == source.connection_id
    query = select(Payment).where(*mine, Payment.external_id == external_id)
    return session.scalars(query.with_for_update().execution_options(populate_existing=True)).one()


def _describe(row: Payment, facts: Iterable[Fact]) -> None:
    """The first word about reference, order, method and currency counts. Raises CurrencyContradicts."""
    for fact in facts:
        row.reference = row.reference or fact.reference
        row.order_reference = row.order_reference or fact.order
        row.method = row.method or fact.method
        row.currency = row.currency or fact.currency
        if fact.currency and fact.currency != row.currency:
            raise CurrencyContradicts(payment_currency=row.currency, told_currency=fact.currency)


def _event(row: Payment, source: Source, fact: Fact, now: datetime) -> PaymentEvent:
    return PaymentEvent(
        merchant_id=row.merchant_id,
        id=new_id(),
        payment_id=row.id,
        connection_id=source.connection_id,
        key=fact.key,
        kind=fact.kind,
        item=fact.item,
        sequence=fact.sequence,
        amount_minor=fact.amount_minor,
        currency=fact.currency,
        occurred_at=fact.occurred_at,
        proven=fact.proven,
        facts=details(fact),
        message_id=source.message_id,
        received_at=now,
    )


def _keep(row: Payment, folded: Fold, now: datetime) -> None:
    row.state = folded.state
    row.captured_minor, row.refunded_minor = folded.captured_minor, folded.refunded_minor
    row.returned_minor, row.lost_minor = folded.returned_minor, folded.lost_minor
    row.updated_at = now


def _facts(session: Session, row: Payment) -> list[Fact]:
    mine = PaymentEvent.merchant_id == row.merchant_id, PaymentEvent.payment_id == row.id
    return [_fact(row, each) for each in session.scalars(select(PaymentEvent).where(*mine).order_by(PaymentEvent.id))]


def _fact(row: Payment, event: PaymentEvent) -> Fact:
    common = {
        "key": event.key,
        "payment": row.external_id,
        "item": event.item,
        "sequence": event.sequence,
        "occurred_at": event.occurred_at,
        "amount_minor": event.amount_minor,
        "currency": event.currency,
        "proven": event.proven,
    }
    return restored(event.kind, common, event.facts)


def told_of(row: Payment) -> events.Payment:
    """A payment as events name it."""
    return events.Payment(
        id=row.id,
        connection_id=row.connection_id,
        shop_id=row.shop_id,
        live=row.live,
        provider=row.provider,
        external_id=row.external_id,
        reference=row.reference,
        order=row.order_reference,
        method=row.method,
        currency=row.currency,
    )


def get_fold(session: Session, payment_id: UUID) -> tuple[events.Payment, Fold]:
    """A payment and how it stands, with its disputes and their deadlines. Raises ProviderPaymentUnknown."""
    row = session.get(Payment, (merchant_of(session), payment_id))
    if row is None:
        raise ProviderPaymentUnknown
    return told_of(row), fold(_facts(session, row))


def find_by_reference(session: Session, reference: str, limit: int = 100) -> list[events.Payment]:
    """Payments that were begun under a reference of ours, the oldest first."""
    mine = Payment.merchant_id == merchant_of(session), Payment.reference == reference, Payment.reference != ""
    return [told_of(row) for row in session.scalars(select(Payment).where(*mine).order_by(Payment.id).limit(limit))]


def find_by_order(session: Session, shop_id: UUID, order: str, limit: int = 100) -> list[events.Payment]:
    """Payments of an order of a shop, the oldest first."""
    mine = Payment.merchant_id == merchant_of(session), Payment.shop_id == shop_id
    named = Payment.order_reference == order, Payment.order_reference != ""
    query = select(Payment).where(*mine, *named).order_by(Payment.id).limit(limit)
    return [told_of(row) for row in session.scalars(query)]
