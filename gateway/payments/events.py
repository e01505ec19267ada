"""What payments publish to whoever stands above; and which of it one more fact brings about (pure).

Events follow from how the payment changed, so a message that is told twice or late publishes nothing twice. They may come in
any order: a refund may be published before the payment that it belongs to.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from gateway.payments.fold import TOTAL, Amounts, Dispute, DisputeState, Fold, PaymentState, Taken


@dataclass(frozen=True, slots=True)
class Payment:
    """Which payment. The tenant is the transaction's."""

    id: UUID
    connection_id: UUID
    shop_id: UUID
    live: bool
    provider: str
    external_id: str
    reference: str
    """Ours (`clm_…`, `dec_…`), empty where the payment was not begun by us."""
    order: str
    """The shop's number of the order, where the provider knows it."""
    method: str
    currency: str


@dataclass(frozen=True, slots=True)
class PaymentChanged:
    """What all these events have: the payment, the provider's id of what it is about, the amount, and when."""

    payment: Payment
    item: str
    amount_minor: int
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class PaymentReceived(PaymentChanged):
    """Money came in."""


@dataclass(frozen=True, slots=True)
class PaymentFailed(PaymentChanged):
    """No money will come by this attempt."""

    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class PaymentRefunded(PaymentChanged):
    """The merchant gave money back."""


@dataclass(frozen=True, slots=True)
class RefundReversed(PaymentChanged):
    """A refund that was published did not arrive."""


@dataclass(frozen=True, slots=True)
class PaymentReturned(PaymentChanged):
    """Money that was received is gone again without a dispute; `code` is the EPC reason code or empty."""

    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class ReturnUndone(PaymentChanged):
    """Money that was taken back came again."""


@dataclass(frozen=True, slots=True)
class DisputeChanged(PaymentChanged):
    """A dispute as it stands now; the amount is 0 where it is not known. `item` is the dispute."""

    dispute: Dispute


@dataclass(frozen=True, slots=True)
class DisputeOpened(DisputeChanged):
    """A dispute is heard of for the first time, whatever its state."""


@dataclass(frozen=True, slots=True)
class DisputeUpdated(DisputeChanged):
    """Stage, amount, reason or deadline changed, or a closed dispute is open again."""


@dataclass(frozen=True, slots=True)
class DisputeWon(DisputeChanged):
    """The merchant keeps the money, for now."""


@dataclass(frozen=True, slots=True)
class DisputeLost(DisputeChanged):
    """The money is gone."""


@dataclass(frozen=True, slots=True)
class FraudReported(PaymentChanged):
    """The card network warned of fraud before any dispute."""

    reason: str
    actionable: bool


def changes(payment: Payment, before: Fold, after: Fold) -> Iterator[PaymentChanged]:
    """What happened between two folds of one payment."""
    for item, was, now in _moved(before.captures, after.captures):
        more = now.amount_minor - was
        if more > 0:
            yield PaymentReceived(payment, item, more, now.occurred_at)
        else:
            yield PaymentReturned(payment, item, -more, now.occurred_at, now.code, now.reason)
    yield from _refunds(payment, before, after)
    for item, was, now in _moved(before.returns, after.returns):
        more = now.amount_minor - was
        if more > 0:
            yield PaymentReturned(payment, item, more, now.occurred_at, now.code, now.reason)
        else:
            yield ReturnUndone(payment, item, -more, now.occurred_at)
    yield from _failure(payment, before, after)
    yield from _disputes(payment, before, after)
    for item, warning in after.warnings.items():
        if item not in before.warnings:
            amount = warning.amount_minor or 0
            yield FraudReported(payment, item, amount, warning.occurred_at, warning.reason, warning.actionable)


def _moved(before: Amounts, after: Amounts) -> Iterator[tuple[str, int, Taken]]:
    """Items whose amount is another one, with the old amount."""
    for item, now in after.items():
        was = before[item].amount_minor if item in before else 0
        if now.amount_minor != was:
            yield item, was, now


def _refunds(payment: Payment, before: Fold, after: Fold) -> Iterator[PaymentChanged]:
    """By the sum: a refund told alone after it was told within a total changes nothing."""
    more = after.refunded_minor - before.refunded_minor
    if more:
        moved = list(_moved(before.refunds, after.refunds))
        item, _, now = min(moved, key=lambda each: (each[0] == TOTAL, each[0]))
        kind = PaymentRefunded if more > 0 else RefundReversed
        yield kind(payment, item, abs(more), now.occurred_at)


def _failure(payment: Payment, before: Fold, after: Fold) -> Iterator[PaymentChanged]:
    if after.state is not PaymentState.FAILED or before.state is PaymentState.FAILED or after.failure is None:
        return
    if before.captured_minor:
        return  # published as returned
    failure = after.failure
    yield PaymentFailed(
        payment, payment.external_id, failure.amount_minor, failure.occurred_at, failure.code, failure.reason
    )


_KINDS = {DisputeState.OPEN: DisputeUpdated, DisputeState.WON: DisputeWon, DisputeState.LOST: DisputeLost}


def _disputes(payment: Payment, before: Fold, after: Fold) -> Iterator[PaymentChanged]:
    for item, now in after.disputes.items():
        was = before.disputes.get(item)
        facts = (payment, item, now.amount_minor or 0, now.occurred_at, now)
        if was is None:
            yield DisputeOpened(*facts)
        if was is not None and was.state is now.state and was != now:
            yield DisputeUpdated(*facts)
        elif now.state is not (was.state if was else DisputeState.OPEN):
            yield _KINDS[now.state](*facts)
