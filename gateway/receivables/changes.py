"""What may happen to a claim after it was opened: one frozen change each, with its actor and its facts (pure).

`claims.apply` carries them out; nothing else does. `told` is the change's name in the claim's history.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, ClassVar
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Who did it: `kind:id`, as in `user:…`, `shop:…`, `buyer:…`; `worker` when nobody had to be asked."""

    told: ClassVar[str] = ""
    actor: str = "worker"


@dataclass(frozen=True, slots=True)
class Remind(Change):
    """A letter of the dunning policy left on `day`."""

    told: ClassVar[str] = "reminded"
    letter_id: UUID
    level: int
    day: date


@dataclass(frozen=True, slots=True)
class UndoReminder(Change):
    """That letter came back or was withdrawn: its step did not happen, nor the default it brought about."""

    told: ClassVar[str] = "reminder_undone"
    letter_id: UUID
    why: str


@dataclass(frozen=True, slots=True)
class ChargeFee(Change):
    """Cost of a letter. `working` holds its proof; `{"needs_default": False}` for a fee agreed for any reminder."""

    told: ClassVar[str] = "fee_charged"
    amount_minor: int
    day: date
    cause: str
    working: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ChargeLumpSum(Change):
    """The lump sum of § 288 (5) BGB, § 458 UGB: businesses only, once per claim."""

    told: ClassVar[str] = "lump_sum_charged"
    day: date
    cause: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class BookInterest(Change):
    """Book what has run through that day, counted. Beyond the end of a table nothing is booked."""

    told: ClassVar[str] = "interest_booked"
    through: date
    cause: str


@dataclass(frozen=True, slots=True)
class EnterDefault(Change):
    """The debtor is in default from `default_from`; told again with other dates it corrects them."""

    told: ClassVar[str] = "default_entered"
    default_from: date
    interest_from: date | None
    ground: str
    cause: str


@dataclass(frozen=True, slots=True)
class Credit(Change):
    """Less is owed: from the start (return, withdrawal, accepted objection) or from `value_date` (goodwill)."""

    told: ClassVar[str] = "credited"
    amount_minor: int
    value_date: date
    from_start: bool
    cause: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class CorrectPrincipal(Change):
    """The price itself was told wrong; everything is recomputed with the right one."""

    told: ClassVar[str] = "principal_corrected"
    principal_minor: int
    cause: str


@dataclass(frozen=True, slots=True)
class Refund(Change):
    """Money went back to the debtor: his credit first; what exceeds it he owes again, without interest."""

    told: ClassVar[str] = "refunded"
    amount_minor: int
    day: date
    cause: str


@dataclass(frozen=True, slots=True)
class ReversePayment(Change):
    """It turned out not to have been paid: returned, charged back, of somebody else."""

    told: ClassVar[str] = "payment_reversed"
    payment_id: UUID
    cause: str


@dataclass(frozen=True, slots=True)
class ReverseEntry(Change):
    """One booking was wrong: a fee, a lump sum, interest, a credit or a refund."""

    told: ClassVar[str] = "entry_reversed"
    entry_id: UUID
    cause: str


@dataclass(frozen=True, slots=True)
class VoidFees(Change):
    """Take back every fee, lump sum and interest booked for this cause (`letter:…`); there may be none."""

    told: ClassVar[str] = "fees_voided"
    cause: str


@dataclass(frozen=True, slots=True)
class SetHold(Change):
    """A dated reason not to escalate. One of the same reason and cause that runs is replaced."""

    told: ClassVar[str] = "hold_set"
    reason: str
    from_on: date
    until_on: date | None = None
    amount_minor: int | None = None
    cause: str = ""


@dataclass(frozen=True, slots=True)
class LiftHold(Change):
    """The hold ended: `kept`, `broken`, `lifted`, `ended`."""

    told: ClassVar[str] = "hold_lifted"
    hold_id: UUID
    outcome: str


@dataclass(frozen=True, slots=True)
class Object(Change):
    """The debtor disputes the claim or part of it."""

    told: ClassVar[str] = "objected"
    objection_id: UUID


@dataclass(frozen=True, slots=True)
class DecideObjection(Change):
    """`accepted` (credit_minor, None for everything that is owed) or `rejected`."""

    told: ClassVar[str] = "objection_decided"
    objection_id: UUID
    outcome: str
    credit_minor: int | None = None


@dataclass(frozen=True, slots=True)
class WithdrawObjection(Change):
    told: ClassVar[str] = "objection_withdrawn"
    objection_id: UUID


@dataclass(frozen=True, slots=True)
class AgreePlan(Change):
    told: ClassVar[str] = "plan_agreed"
    plan_id: UUID


@dataclass(frozen=True, slots=True)
class LapsePlan(Change):
    told: ClassVar[str] = "plan_lapsed"
    plan_id: UUID
    why: str


@dataclass(frozen=True, slots=True)
class FulfilPlan(Change):
    told: ClassVar[str] = "plan_fulfilled"
    plan_id: UUID


@dataclass(frozen=True, slots=True)
class WriteOff(Change):
    """The merchant gives up hope; the debtor still owes."""

    told: ClassVar[str] = "written_off"
    reason: str


@dataclass(frozen=True, slots=True)
class ReverseWriteOff(Change):
    told: ClassVar[str] = "write_off_reversed"
    reason: str


@dataclass(frozen=True, slots=True)
class AnnounceHandover(Change):
    """The last letter before a collection partner left."""

    told: ClassVar[str] = "handover_announced"
    letter_id: UUID
    day: date


@dataclass(frozen=True, slots=True)
class ChangeContact(Change):
    """Address and e-mail that are newer than the order's, as JSON; sealed with the buyer's key."""

    told: ClassVar[str] = "contact_changed"
    contact: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ChangeDueDate(Change):
    """A default that began on or before the new due date never was."""

    told: ClassVar[str] = "due_date_changed"
    due_date: date
    reason: str


@dataclass(frozen=True, slots=True)
class Note(Change):
    told: ClassVar[str] = "noted"
    text: str


@dataclass(frozen=True, slots=True)
class LookAgain(Change):
    """When the nightly run must look at the claim next, and what it follows; bookkeeping, no history."""

    next_on: date | None
    waiting_since: date | None = None
    policy_id: UUID | None = None
