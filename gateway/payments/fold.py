"""A payment as its facts make it, the same in whatever order they came; and what one more fact changed (pure)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from gateway.core.states import Lifecycle
from gateway.payments.facts import (
    Captured,
    Disputed,
    DisputeLost,
    DisputeWon,
    EvidenceDue,
    Fact,
    Failed,
    FraudWarned,
    Refunded,
    RefundFailed,
    Returned,
    ReturnReversed,
)


class PaymentState(StrEnum):
    """Where a payment stands. Refunds and disputes are told by amounts and disputes, not by it."""

    PENDING = "PENDING"
    AUTHORISED = "AUTHORISED"
    PAID = "PAID"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    RETURNED = "RETURNED"


LIFECYCLE = Lifecycle(
    "payment",
    PaymentState.PENDING,
    {
        (PaymentState.PENDING, "authorised"): PaymentState.AUTHORISED,
        (PaymentState.PENDING, "captured"): PaymentState.PAID,
        (PaymentState.PENDING, "failed"): PaymentState.FAILED,
        (PaymentState.PENDING, "cancelled"): PaymentState.CANCELLED,
        (PaymentState.AUTHORISED, "captured"): PaymentState.PAID,
        (PaymentState.AUTHORISED, "failed"): PaymentState.FAILED,
        (PaymentState.AUTHORISED, "cancelled"): PaymentState.CANCELLED,
        (PaymentState.FAILED, "authorised"): PaymentState.AUTHORISED,
        (PaymentState.FAILED, "captured"): PaymentState.PAID,
        (PaymentState.FAILED, "cancelled"): PaymentState.CANCELLED,
        (PaymentState.CANCELLED, "captured"): PaymentState.PAID,
        (PaymentState.PAID, "failed"): PaymentState.FAILED,
        (PaymentState.PAID, "taken_back"): PaymentState.RETURNED,
    },
)
"""Money that came is money, whatever was said before; a message that fits no row moves nothing. `taken_back` follows from
the amounts: everything captured was returned. A return that is reversed leaves the payment paid, since states are folded
from all facts each time."""


class DisputeState(StrEnum):
    """Of a dispute."""

    OPEN = "open"
    WON = "won"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Taken:
    """An amount under the provider's id: a capture, a refund or a return, with the EPC code and word of the last one."""

    amount_minor: int
    occurred_at: datetime
    code: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Dispute:
    """A dispute after all that was told of it."""

    state: DisputeState
    stage: str
    amount_minor: int | None
    currency: str
    reason: str
    network_code: str
    due_at: datetime | None
    """Until when it can be answered. An unproven date only ever makes it earlier."""
    occurred_at: datetime


Amounts = Mapping[str, Taken]
TOTAL = "total"
"""The item that stands for refunds which were told as a sum only."""


@dataclass(frozen=True, slots=True)
class Fold:
    """A payment after all its facts."""

    state: PaymentState = PaymentState.PENDING
    captures: Amounts = field(default_factory=dict)
    told: Amounts = field(default_factory=dict)
    """Captures as they were told last, those that did not hold as well."""
    refunds: Amounts = field(default_factory=dict)
    returns: Amounts = field(default_factory=dict)
    disputes: Mapping[str, Dispute] = field(default_factory=dict)
    warnings: Mapping[str, FraudWarned] = field(default_factory=dict)
    failure: Taken | None = None
    """Why it failed, where it did."""

    @property
    def captured_minor(self) -> int:
        return _sum(self.captures)

    @property
    def refunded_minor(self) -> int:
        return _sum(self.refunds)

    @property
    def returned_minor(self) -> int:
        return _sum(self.returns)

    @property
    def lost_minor(self) -> int:
        """Lost in disputes."""
        lost = (each for each in self.disputes.values() if each.state is DisputeState.LOST)
        return sum(each.amount_minor or 0 for each in lost)


def fold(facts: Iterable[Fact]) -> Fold:
    """The payment as its facts make it; the order in which they are given does not matter."""
    history = sorted({fact.key: fact for fact in facts}.values(), key=lambda fact: (fact.sequence, fact.key))
    captures = _amounts(history, Captured, Failed)
    returns = _amounts(history, Returned, ReturnReversed)
    state = _state(history, _sum(captures), _sum(returns))
    failures = [fact for fact in history if isinstance(fact, Failed)]
    last = failures[-1] if failures and state is PaymentState.FAILED else None
    return Fold(
        state=state,
        captures=captures,
        told={fact.item: _taken(fact) for fact in history if isinstance(fact, Captured)},
        refunds=_refunds(history),
        returns=returns,
        disputes=_disputes(history),
        warnings={fact.item: fact for fact in history if isinstance(fact, FraudWarned)},
        failure=Taken(last.amount_minor or 0, last.occurred_at, last.code, last.reason) if last else None,
    )


def _sum(amounts: Amounts) -> int:
    return sum(each.amount_minor for each in amounts.values())


def _state(history: Sequence[Fact], captured: int, returned: int) -> PaymentState:
    state = LIFECYCLE.start
    for fact in history:
        if isinstance(fact, Failed) and state is PaymentState.PAID and captured:
            continue  # another capture of the payment still holds
        if LIFECYCLE.allows(state, fact.kind):
            state = LIFECYCLE.after(state, fact.kind)
    taken_back = state is PaymentState.PAID and 0 < captured <= returned
    return LIFECYCLE.after(state, "taken_back") if taken_back else state


def _amounts(history: Iterable[Fact], given: type[Fact], undone: type[Fact]) -> dict[str, Taken]:
    """By item: what the newest word leaves of it."""
    found: dict[str, Taken] = {}
    for fact in history:
        if isinstance(fact, given):
            found[fact.item] = _taken(fact)
        elif isinstance(fact, undone) and fact.item in found:
            found[fact.item] = replace(_taken(fact), amount_minor=0)
    return found


def _taken(fact: Fact) -> Taken:
    return Taken(fact.amount_minor or 0, fact.occurred_at, getattr(fact, "code", ""), getattr(fact, "reason", ""))


def _refunds(history: Sequence[Fact]) -> dict[str, Taken]:
    """Single refunds, and under `TOTAL` what a told sum has beyond them."""
    single = _amounts([fact for fact in history if not getattr(fact, TOTAL, False)], Refunded, RefundFailed)
    totals = [fact for fact in history if isinstance(fact, Refunded) and fact.total]
    if not totals:
        return single
    last = totals[-1]
    failed = {fact.item: fact.amount_minor or 0 for fact in history if _failed_since(fact, last)}
    beyond = (last.amount_minor or 0) - sum(failed.values()) - _sum(single)
    return {**single, TOTAL: Taken(max(0, beyond), last.occurred_at)}


def _failed_since(fact: Fact, total: Fact) -> bool:
    return isinstance(fact, RefundFailed) and fact.sequence > total.sequence


def _disputes(history: Sequence[Fact]) -> dict[str, Dispute]:
    found: dict[str, list[Disputed]] = {}
    for fact in history:
        if isinstance(fact, Disputed):
            found.setdefault(fact.item, []).append(fact)
    dues = [fact for fact in history if isinstance(fact, EvidenceDue)]
    return {item: _dispute(told, [due for due in dues if due.item == item]) for item, told in found.items()}


def _dispute(told: Sequence[Disputed], dues: Sequence[EvidenceDue]) -> Dispute:
    newest = told[-1]
    sized = [each for each in told if each.amount_minor is not None]
    return Dispute(
        state=_dispute_state(newest),
        stage=_last(each.stage for each in told),
        amount_minor=sized[-1].amount_minor if sized else None,
        currency=sized[-1].currency if sized else "",
        reason=_last(each.reason for each in told),
        network_code=_last(each.network_code for each in told),
        due_at=deadline(dues),
        occurred_at=newest.occurred_at,
    )


def _dispute_state(fact: Disputed) -> DisputeState:
    if isinstance(fact, DisputeWon):
        return DisputeState.WON
    return DisputeState.LOST if isinstance(fact, DisputeLost) else DisputeState.OPEN


def _last(words: Iterable[str]) -> str:
    """The newest word that says something."""
    return next((word for word in reversed(list(words)) if word), "")


def deadline(dues: Sequence[EvidenceDue]) -> datetime | None:
    """The newest proven date, or an earlier one that is not proven: nobody can talk us into being late."""
    proven = [due.due_at for due in dues if due.proven]
    unproven = [due.due_at for due in dues if not due.proven]
    return min([*proven[-1:], *unproven], default=None)
