"""What is known of a claim when something is decided about it (pure dataclasses; `claims` loads them)."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID


@dataclass(frozen=True, slots=True)
class HoldFacts:
    """A hold that runs. Without `until_on` it lasts until somebody lifts it."""

    hold_id: UUID
    reason: str
    from_on: date
    until_on: date | None = None
    amount_minor: int | None = None


@dataclass(frozen=True, slots=True)
class LetterFacts:
    """A letter over the claim, of whatever state."""

    letter_id: UUID
    level: int
    step: str
    channel: str
    state: str
    day: date
    deadline: date | None = None


@dataclass(frozen=True, slots=True)
class OrderFacts:
    """What became of the order."""

    cancelled: bool = False
    returned: bool = False
    withdrawn: bool = False
    delivered: bool = True
    open_minor: int = 0


@dataclass(frozen=True, slots=True)
class PlanFacts:
    """The instalment plan that runs."""

    plan_id: UUID
    state: str
    next_on: date | None = None


@dataclass(frozen=True, slots=True)
class ClaimFacts:
    """A claim with everything that decides."""

    claim_id: UUID
    shop_id: UUID
    buyer_id: UUID
    live: bool
    kind: str
    currency: str
    country: str
    region: str
    language: str
    debtor: str
    state: str
    invoice_date: date | None
    contract_date: date
    delivered_on: date | None
    due_date: date
    due_ground: str
    consumer_notice: bool
    default_from: date | None
    default_ground: str | None
    interest_from: date | None
    interest_through: date | None
    principal_minor: int
    costs_minor: int
    interest_minor: int
    credit_minor: int
    level: int
    next_on: date | None
    waiting_since: date | None
    policy_id: UUID | None
    holds: tuple[HoldFacts, ...] = ()
    letters: tuple[LetterFacts, ...] = ()
    order: OrderFacts | None = None
    plan: PlanFacts | None = None
    objection_open: bool = False

    @property
    def open_minor(self) -> int:
        return self.principal_minor + self.costs_minor + self.interest_minor
