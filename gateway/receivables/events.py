"""Facts that claims publish to whoever stands above (pure): ids and amounts, in the transaction in which they happened."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID


@dataclass(frozen=True, slots=True)
class ClaimFact:
    """Which claim of whom. The tenant is the transaction's."""

    claim_id: UUID
    shop_id: UUID
    buyer_id: UUID
    live: bool


@dataclass(frozen=True, slots=True)
class ClaimOpened(ClaimFact):
    """A debt came into being."""


@dataclass(frozen=True, slots=True)
class ClaimChanged(ClaimFact):
    """Something happened to it; `told` names the changes as the history does (`fee_charged`, `hold_set`, …)."""

    told: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ClaimSettled(ClaimFact):
    """Nothing is left to pay."""


@dataclass(frozen=True, slots=True)
class ClaimReopened(ClaimFact):
    """What had settled it was taken back."""


@dataclass(frozen=True, slots=True)
class ClaimWrittenOff(ClaimFact):
    """The merchant gave up hope."""


@dataclass(frozen=True, slots=True)
class ClaimRevived(ClaimFact):
    """The write-off was reversed."""


@dataclass(frozen=True, slots=True)
class PaymentAllocated(ClaimFact):
    """Money was booked; `over_minor` of it is the debtor's."""

    payment_id: UUID
    amount_minor: int
    over_minor: int


@dataclass(frozen=True, slots=True)
class PaymentReversed(ClaimFact):
    """Money that was booked had not been paid."""

    payment_id: UUID


@dataclass(frozen=True, slots=True)
class ObjectionRaised(ClaimFact):
    """The debtor disputes it."""

    objection_id: UUID


@dataclass(frozen=True, slots=True)
class MoneyReturned:
    """Money that had been received was taken back, told once. `claim_id` is None while there is no claim for it."""

    returned_id: UUID
    claim_id: UUID | None
    order_id: UUID | None
    shop_id: UUID
    buyer_id: UUID
    live: bool
    day: date
    amount_minor: int
    charges_minor: int
    currency: str
    code: str
    """EPC reason code, or empty."""
    dunning: str
    """Class of `payments.return_codes`."""
    stops_debits: bool
    """The same mandate must not be debited again."""
