"""What a provider tells of a payment, in our words: one frozen class per thing that can happen (pure).

A fact is keyed, so that it counts once however often it is told, and numbered, so that the newest word about one thing wins
in whatever order the words arrive. Amounts are minor units by ISO 4217; None where the provider does not say.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, ClassVar

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
RANKS = 100
"""Ranks of one provider are below this."""


def by_time(at: datetime, rank: int = 0) -> int:
    """The number of a fact whose provider dates its events: the later wins, of the same moment the higher rank."""
    return _micros(at) * RANKS + rank


def by_rank(rank: int, at: datetime | None = None) -> int:
    """The number of a fact whose provider's dates prove nothing: the higher rank wins, then the later moment if given."""
    return rank * 10**16 + (_micros(at) if at else 0)


def _micros(at: datetime) -> int:
    passed = at - _EPOCH
    return (passed.days * 86_400 + passed.seconds) * 1_000_000 + passed.microseconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One thing told of one payment. `payment` and `item` are the provider's ids; `item` is what the fact is about.

    Without a `payment` the fact belongs to the one that earlier facts of its item named.
    """

    kind: ClassVar[str] = ""

    key: str
    """Unique within a connection: the same fact told again has the same one."""
    payment: str
    item: str
    sequence: int
    occurred_at: datetime
    amount_minor: int | None = None
    currency: str = ""
    reference: str = ""
    """Ours, where we gave the provider one."""
    order: str = ""
    """The shop's own number of the order, where the provider hands it back."""
    method: str = ""
    """The provider's word for the payment method."""
    proven: bool = True
    """Whether the sender proved every field or we fetched it; what decides about money always is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorised(Fact):
    """The money is reserved."""

    kind: ClassVar[str] = "authorised"


@dataclass(frozen=True, slots=True, kw_only=True)
class Captured(Fact):
    """The money was taken; the amount is the whole of this capture."""

    kind: ClassVar[str] = "captured"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed(Fact):
    """The money did not come, or a capture that was told turned out not to hold."""

    kind: ClassVar[str] = "failed"

    code: str = ""
    """EPC reason code of a direct debit, where it is one."""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled(Fact):
    """Nobody will pay here any more: cancelled or expired."""

    kind: ClassVar[str] = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refunded(Fact):
    """The merchant gave money back. With `total` the amount is all refunds of the payment until then."""

    kind: ClassVar[str] = "refunded"

    total: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundFailed(Fact):
    """A refund did not arrive; its money is the merchant's again."""

    kind: ClassVar[str] = "refund_failed"

    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned(Fact):
    """The payment was taken back and there is no defence: a direct debit, or a chargeback of a provider without disputes."""

    kind: ClassVar[str] = "returned"

    code: str = ""
    """EPC reason code; empty where the provider does not pass it on."""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnReversed(Fact):
    """What was taken back came again."""

    kind: ClassVar[str] = "return_reversed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Disputed(Fact):
    """What all facts of a dispute have; `item` is the dispute."""

    reason: str = ""
    """The provider's word."""
    network_code: str = ""
    """The card network's reason code."""
    stage: str = ""
    """`inquiry`, `chargeback`, `pre_arbitration`, `arbitration`, or the provider's word."""
    version: str = ""
    """Of the provider's interface, where its words changed their meaning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputeOpened(Disputed):
    """The buyer or his bank disputes the payment."""

    kind: ClassVar[str] = "dispute_opened"


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputeUpdated(Disputed):
    """Something about an open dispute changed."""

    kind: ClassVar[str] = "dispute_updated"


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputeWon(Disputed):
    """The merchant keeps the money; not always for good."""

    kind: ClassVar[str] = "dispute_won"


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputeLost(Disputed):
    """The money is gone."""

    kind: ClassVar[str] = "dispute_lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceDue(Fact):
    """Until when a dispute can be answered."""

    kind: ClassVar[str] = "evidence_due"

    due_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FraudWarned(Fact):
    """The card network reports the payment as fraudulent; no dispute yet."""

    kind: ClassVar[str] = "fraud_warned"

    reason: str = ""
    actionable: bool = True
    """Whether a refund now can still prevent the dispute."""


KINDS: Mapping[str, type[Fact]] = MappingProxyType(
    {
        each.kind: each
        for each in (
            Authorised,
            Captured,
            Failed,
            Cancelled,
            Refunded,
            RefundFailed,
            Returned,
            ReturnReversed,
            DisputeOpened,
            DisputeUpdated,
            DisputeWon,
            DisputeLost,
            EvidenceDue,
            FraudWarned,
        )
    }
)
_COMMON = frozenset(each.name for each in fields(Fact))


def details(fact: Fact) -> dict[str, Any]:
    """What a fact has beyond the fields of all facts, as JSON."""
    own = ((each.name, getattr(fact, each.name)) for each in fields(fact) if each.name not in _COMMON)
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in own}


def restored(kind: str, common: Mapping[str, Any], told: Mapping[str, Any]) -> Fact:
    """The fact that `details` and its common fields came from."""
    own: dict[str, Any] = {
        name: datetime.fromisoformat(value) if name == "due_at" else value for name, value in told.items()
    }
    return KINDS[kind](**common, **own)
