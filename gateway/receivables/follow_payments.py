"""Claims follow what providers tell of payments: a listener enqueues, the job folds; told twice, late or early it ends alike."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from gateway.core import clock
from gateway.core.channels import post_notice
from gateway.core.db import merchant_of
from gateway.core.ids import from_public, to_public
from gateway.core.services import Services
from gateway.core.work import Job, Task, enqueue
from gateway.payments import events, record
from gateway.payments.events import (
    PaymentChanged,
    PaymentReceived,
    PaymentRefunded,
    PaymentReturned,
    RefundReversed,
    ReturnUndone,
)
from gateway.receivables import claims, follow, provider_money, returned_told
from gateway.receivables.keys import Keys
from gateway.receivables.models import Claim
from gateway.shops.buyers import BuyerErased

TASK = "receivables.follow_payment"
CLAIM = "clm_"
FOLLOWED = (PaymentReceived, PaymentRefunded, RefundReversed, PaymentReturned, ReturnUndone)


def heed(session: Session, event: PaymentChanged) -> None:
    """Something happened to a payment of ours or of an order: its claim is looked at soon."""
    payment = event.payment
    if payment.order or payment.reference.startswith((CLAIM, "dec_")):
        enqueue(session, TASK, merchant_id=merchant_of(session), args={"payment_id": str(payment.id)})


def _work(services: Services, job: Job) -> None:
    with services.db.transaction(job.merchant_id) as session:
        follow_payment(session, Keys(services.keyring), UUID(job.args["payment_id"]), clock.now())


FOLLOWING = Task(TASK, _work)


def follow_payment(session: Session, keys: Keys, payment_id: UUID, now: datetime) -> UUID | None:
    """Bring the claim of this payment up to what providers told; its id, or None where there is none.

    A payment of an order is followed with its order. What belongs to an erased buyer stays as it is, and a notice says so.
    """
    payment, _ = record.get_fold(session, payment_id)
    claim = _claim(session, payment, now)
    if claim is None:
        order = None if payment.reference.startswith(CLAIM) else provider_money.find_order(session, payment)
        return None if order is None else follow.follow(session, keys, order.id, now)
    if claim.order_id is not None and follow.find_claim(session, claim.order_id) == claim.id:
        followed = follow.follow(session, keys, claim.order_id, now)
        if followed is None:
            _unbooked(session, payment, "buyer-erased", now)
        return followed
    try:
        _settle(session, keys, claim, now)
    except BuyerErased:
        _unbooked(session, payment, "buyer-erased", now)
    return claim.id


def _settle(session: Session, keys: Keys, claim: Claim, now: datetime) -> None:
    """A claim that arose from no order here."""
    claims.hold(session, [claim.id])
    links = provider_money.of_claim(session, claim)
    provider_money.settle_links(session, keys, claim, links, now)
    refunded = provider_money.refunds_of(links, claim, now)
    provider_money.settle_refunds(session, keys, claim, *refunded, now)
    returned_told.tell_providers(session, keys, (None, claim.id), links, now)


def _claim(session: Session, payment: events.Payment, now: datetime) -> Claim | None:
    """The claim that our reference names. Money that cannot be booked there is told, never lost."""
    claim_id = from_public("clm", payment.reference)
    claim = session.get(Claim, (merchant_of(session), claim_id)) if claim_id else None
    if claim_id is not None and claim is None:
        _unbooked(session, payment, "claim-unknown", now)
    if claim is None:
        return None
    for why, wrong in (("mode", payment.live != claim.live), ("currency", payment.currency != claim.currency)):
        if wrong:
            _unbooked(session, payment, f"wrong-{why}", now)
            return None
    return claim


def _unbooked(session: Session, payment: events.Payment, why: str, now: datetime) -> None:
    facts = {"why": why, "provider": payment.provider, "payment": to_public("pay", payment.id)}
    post_notice(session, "payment-unbooked", payment.reference, facts, now)
