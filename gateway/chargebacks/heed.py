"""What payments tell becomes chargebacks: a listener enqueues, the job reads the whole fold, so order does not matter."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from gateway.chargebacks import aftermath, events, reasons, rows
from gateway.chargebacks.lifecycle import Stand as Standing
from gateway.chargebacks.lifecycle import State, Told, after, round_of
from gateway.chargebacks.models import Chargeback, FraudWarning
from gateway.core import clock
from gateway.core.crypto import Keyring
from gateway.core.db import merchant_of
from gateway.core.ids import from_public, new_id
from gateway.core.services import Services
from gateway.core.work import Job, Task, enqueue
from gateway.payments import record
from gateway.payments.events import (
    DisputeChanged,
    DisputeLost,
    DisputeOpened,
    DisputeUpdated,
    DisputeWon,
    FraudReported,
)
from gateway.payments.events import Payment as PaymentTold
from gateway.payments.fold import Dispute
from gateway.payments.models import PaymentEvent
from gateway.receivables import provider_money
from gateway.receivables.models import Claim
from gateway.shops.models import Order

TASK = "chargebacks.follow"
HEEDED = (DisputeOpened, DisputeUpdated, DisputeWon, DisputeLost)


def heed(session: Session, event: DisputeChanged) -> None:
    """A dispute changed: its payment is looked at soon."""
    enqueue(session, TASK, merchant_id=merchant_of(session), args={"payment_id": str(event.payment.id)})


def warned(session: Session, event: FraudReported) -> None:
    """Keep an early warning, once."""
    made = insert(FraudWarning).values(
        merchant_id=merchant_of(session),
        id=new_id(),
        payment_id=event.payment.id,
        connection_id=event.payment.connection_id,
        shop_id=event.payment.shop_id,
        live=event.payment.live,
        external_id=event.item,
        network=reasons.network_of("", event.payment.method),
        amount_minor=event.amount_minor,
        currency=event.payment.currency,
        reason=event.reason,
        actionable=event.actionable,
        occurred_at=event.occurred_at,
        created_at=clock.now(),
    )
    session.execute(made.on_conflict_do_nothing())


def _work(services: Services, job: Job) -> None:
    with services.db.transaction(job.merchant_id) as session:
        follow(session, services.keyring, UUID(job.args["payment_id"]), clock.now())


FOLLOWING = Task(TASK, _work)


def follow(session: Session, keyring: Keyring, payment_id: UUID, now: datetime) -> list[UUID]:
    """Bring the chargebacks of a payment up to what its facts say; run again it changes nothing."""
    payment, before = record.get_fold(session, payment_id)
    order = find_order(session, payment)
    rows.hold_claims(session, order.id if order else None)
    found = {item: _row(session, payment, item, order, now) for item in sorted(before.disputes)}
    told = record.get_fold(session, payment_id)[1].disputes  # read under the locks: the newest word
    for item, (row, new) in found.items():
        _tell(session, keyring, row, (payment, told[item], new), now)
    return [row.id for row, _ in found.values()]


def find_order(session: Session, payment: PaymentTold) -> Order | None:
    """The order of the claim that was paid by a link of ours, else the one the payment names."""
    claim_id = from_public("clm", payment.reference)
    claim = session.get(Claim, (merchant_of(session), claim_id)) if claim_id else None
    if claim is not None and claim.order_id is not None:
        return session.get(Order, (merchant_of(session), claim.order_id))
    return provider_money.find_order(session, payment)


def _row(
    session: Session, payment: PaymentTold, item: str, order: Order | None, now: datetime
) -> tuple[Chargeback, bool]:
    """The row, locked, and whether it is new."""
    mine = {"merchant_id": merchant_of(session), "payment_id": payment.id, "external_id": item}
    opened_at = _opened_at(session, payment.id, item) or now
    made = insert(Chargeback).values(
        **mine,
        id=new_id(),
        connection_id=payment.connection_id,
        shop_id=payment.shop_id,
        live=payment.live,
        provider=payment.provider,
        kind="other",
        network="",
        state=State.NEEDS_RESPONSE,
        stage="",
        round=-1,
        amount_minor=0,
        currency=payment.currency,
        reason="",
        network_code="",
        category="other",
        fraud=False,
        opened_at=opened_at,
        told_at=opened_at,
        due_source="",
        trouble="",
        claim_decision="",
        claim_reason="",
        claim_actor="",
        created_at=now,
        updated_at=now,
    )
    new = session.scalar(made.on_conflict_do_nothing().returning(Chargeback.id)) is not None
    query = select(Chargeback).filter_by(**mine).with_for_update().execution_options(populate_existing=True)
    row = session.scalars(query).one()
    if row.order_id is None and order is not None and row.statement_sealed is None:
        row.order_id, row.buyer_id = order.id, order.buyer_id
    row.opened_at = min(row.opened_at, opened_at)
    return row, new


def _opened_at(session: Session, payment_id: UUID, item: str) -> datetime | None:
    mine = PaymentEvent.merchant_id == merchant_of(session), PaymentEvent.payment_id == payment_id
    about = PaymentEvent.item == item, PaymentEvent.kind.startswith("dispute_")
    return session.scalar(select(func.min(PaymentEvent.occurred_at)).where(*mine, *about))


def _tell(
    session: Session, keyring: Keyring, row: Chargeback, told: tuple[PaymentTold, Dispute, bool], now: datetime
) -> None:
    payment, dispute, new = told
    stand = None if new else Standing(State(row.state), row.round, row.submitted_round)
    state = after(Told(dispute.state.value, round_of(dispute.stage)), stand)
    moved = _describe(row, payment, dispute)
    extended = _set_deadline(row, dispute)
    if row.state == State.EXPIRED and state is State.EXPIRED and extended and row.due_at and row.due_at > now:
        state = State.INQUIRY if row.round == 0 else State.NEEDS_RESPONSE
    if new:
        session.flush()
        rows.announce(session, row, events.ChargebackOpened, now)
    if not new and state == row.state and not moved and not extended:
        return
    if new or state != row.state:
        rows.enter(session, row, state, now)
    row.updated_at = now
    session.flush()
    facts = {"state": row.state, "stage": row.stage, "amount_minor": row.amount_minor, "currency": row.currency}
    facts |= {"due_at": row.due_at.isoformat() if row.due_at else None, "category": row.category}
    rows.remember(session, keyring, row, rows.Told("opened" if new else "told", "worker", facts), now)
    aftermath.settle(session, keyring, row, now)


def _describe(row: Chargeback, payment: PaymentTold, dispute: Dispute) -> bool:
    """What the provider says of it; whether anything is new."""
    category = reasons.category_of(payment.provider, dispute.reason, dispute.network_code)
    network = reasons.network_of(dispute.network_code, payment.method)
    said = {
        "kind": reasons.kind_of(payment.provider, payment.method, network),
        "network": network,
        "stage": dispute.stage,
        "round": round_of(dispute.stage),
        "amount_minor": dispute.amount_minor or 0,
        "currency": dispute.currency or payment.currency,
        "reason": dispute.reason,
        "network_code": dispute.network_code.strip(),
        "category": category,
        "fraud": category == "fraud",
        "told_at": dispute.occurred_at,
    }
    moved = [name for name, value in said.items() if getattr(row, name) != value]
    for name in moved:
        setattr(row, name, said[name])
    return bool(moved)


def _set_deadline(row: Chargeback, dispute: Dispute) -> bool:
    """The provider's date, else the dated default; whether it is another one. A new one is noticed anew."""
    if dispute.due_at is not None:
        due_at, source = dispute.due_at, "provider"
    else:
        default = reasons.default_deadline(row.provider, row.category, row.opened_at)
        due_at, source = default.due_at, default.source
    if row.kind == "direct_debit" and dispute.due_at is None:
        return False
    if (row.due_at, row.due_source) == (due_at, source):
        return False
    row.due_at, row.due_source, row.noticed_days = due_at, source, None
    return True
