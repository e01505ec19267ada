"""What each change does to a case (pure): one function per change, and the table that finds it.

A move says whether anything happened: what is told twice happened once. It raises `Refused` or `Invalid` before it changes
anything.
"""

from collections.abc import Callable, Mapping
from datetime import date
from types import MappingProxyType
from typing import Any
from uuid import UUID

from gateway.core.errors import Invalid
from gateway.core.ids import new_id
from gateway.core.money import MAX_MINOR
from gateway.receivables import changes
from gateway.receivables.booking import (
    CREDIT,
    FEE,
    INTEREST,
    LUMP_SUM,
    OPENING,
    PAYMENT,
    REFUND,
    WRITE_OFF,
    Item,
    effective,
)
from gateway.receivables.case import CLOSED, Case, Hold
from gateway.receivables.changes import Change
from gateway.receivables.lifecycle import HOLD_OUTCOMES, STOPS_EVERYTHING, ClaimAct, ClaimState, HoldReason
from gateway.receivables.refusals import (
    AlreadyBooked,
    BookingUnknown,
    ClaimClosed,
    CreditTooHigh,
    HoldUnknown,
    LumpSumRefused,
    NotJustified,
    PaymentUnknown,
    RefundTooHigh,
)

HAPPENED = ("order-event:", "provider-refund:")
"""Causes of refunds that a shop or a provider tells: they have happened."""


def remind(case: Case, change: changes.Remind) -> bool:
    if ClaimState(case.claim.state) != ClaimState.PRECOLLECTION:
        case.act(ClaimAct.REMIND)
    case.claim.level = max(case.claim.level, change.level)
    case.claim.waiting_since = change.day
    return True


def undo_reminder(case: Case, change: changes.UndoReminder) -> bool:
    """The level falls back to that of the letters that did leave; a default the letter brought about never was."""
    others = [seen for seen in case.letters if seen.letter_id != change.letter_id and seen.state == "SENT"]
    case.claim.level = max((seen.level for seen in others), default=0)
    case.claim.waiting_since = max((seen.day for seen in others if seen.level), default=case.claim.due_date)
    if case.claim.level == 0 and case.allows(ClaimAct.UNDO_REMINDER):
        case.act(ClaimAct.UNDO_REMINDER)
    cause = f"letter:{change.letter_id}"
    if case.claim.default_cause == cause:
        _set_default(case, None, None, None, None)
    case.rebook([item for item in case.items if item.cause != cause], cause)
    return True


def charge_fee(case: Case, change: changes.ChargeFee) -> bool:
    known_minor = sum(item.amount_minor for item in case.items if item.from_start)
    facts = {"known_minor": known_minor, **change.working}
    return _charge(case, Item(FEE, change.day, change.cause, change.amount_minor, facts))


def charge_lump_sum(case: Case, change: changes.ChargeLumpSum) -> bool:
    there = [item for item in case.items if item.kind == LUMP_SUM]
    if case.claim.debtor != "business" or any(item.cause != change.cause for item in there):
        raise LumpSumRefused
    return _charge(case, Item(LUMP_SUM, change.day, change.cause, change.amount_minor))


def _charge(case: Case, item: Item) -> bool:
    _check_amount(item.amount_minor)
    if _is_there(case, item):
        return False
    _check_open(case)
    if not case.rebook([*case.items, item], item.cause, needed=item):
        raise NotJustified
    return True


def book_interest(case: Case, change: changes.BookInterest) -> bool:
    item = Item(INTEREST, change.through, change.cause)
    items, before = case.items, len(case.booked)
    if case.state in CLOSED or any(other.key == item.key for other in items):
        return False
    case.rebook([*items, item], change.cause)
    return len(case.booked) > before


def enter_default(case: Case, change: changes.EnterDefault) -> bool:
    claim = case.claim
    new = (change.default_from, change.interest_from, change.ground, change.cause)
    if new == (claim.default_from, claim.interest_from, claim.default_ground, claim.default_cause):
        return False
    _check_open(case)
    if change.interest_from is not None and change.interest_from < change.default_from:
        raise Invalid.at("/interest_from", "lies before the first day of default")
    _set_default(case, *new)
    case.rebook(case.items, change.cause)
    return True


def _set_default(
    case: Case, default_from: date | None, interest_from: date | None, ground: str | None, cause: str | None
) -> None:
    claim = case.claim
    claim.default_from, claim.interest_from = default_from, interest_from
    claim.default_ground, claim.default_cause = ground, cause


def credit(case: Case, change: changes.Credit) -> bool:
    return _credit(case, change.cause, change.amount_minor, change.value_date, from_start=change.from_start)


def _credit(case: Case, cause: str, amount_minor: int, value_date: date, *, from_start: bool) -> bool:
    _check_amount(amount_minor)
    item = Item(CREDIT, value_date, cause, amount_minor, {"from_start": from_start})
    if _is_there(case, item):
        return False
    if amount_minor > (limit := _creditable(case, from_start=from_start)):
        raise CreditTooHigh(most_minor=limit)
    case.rebook([*case.items, item], cause)
    return True


def _creditable(case: Case, *, from_start: bool) -> int:
    """From the start no more than the price; later no more than what is owed."""
    if not from_start:
        return case.balances.owed_minor
    price = sum(item.amount_minor for item in case.items if item.kind == OPENING)
    return price - sum(item.amount_minor for item in case.items if item.from_start)


def correct_principal(case: Case, change: changes.CorrectPrincipal) -> bool:
    _check_amount(change.principal_minor)
    items = case.items
    old = next(item for item in items if item.kind == OPENING)
    if old.amount_minor == change.principal_minor:
        return False
    if change.principal_minor < old.amount_minor - _creditable(case, from_start=True):
        raise CreditTooHigh
    new = Item(OPENING, old.value_date, old.cause, change.principal_minor, old.facts)
    case.rebook([new, *(item for item in items if item.kind != OPENING)], change.cause)
    return True


def refund(case: Case, change: changes.Refund) -> bool:
    _check_amount(change.amount_minor)
    item = Item(REFUND, change.day, change.cause, change.amount_minor)
    if _is_there(case, item):
        return False
    if not change.cause.startswith(HAPPENED):
        _check_refund(case, change)
    case.rebook([*case.items, item], change.cause)
    return True


def _check_refund(case: Case, change: changes.Refund) -> None:
    """What a shop or a provider tells has happened; what a person enters must be possible."""
    if change.amount_minor > case.balances.credit_minor:
        raise RefundTooHigh(credit_minor=case.balances.credit_minor)
    if change.day > case.today:
        raise Invalid.at("/paid_on", "lies in the future")


def reverse_payment(case: Case, change: changes.ReversePayment) -> bool:
    cause = f"payment:{change.payment_id}"
    if not any(entry.posting.kind == PAYMENT and entry.posting.cause == cause for entry in case.booked):
        raise PaymentUnknown
    if not any(item.key == (PAYMENT, cause) for item in case.items):
        return False
    case.paid_back.append(change.payment_id)
    case.rebook([item for item in case.items if item.key != (PAYMENT, cause)], change.cause)
    return True


def reverse_entry(case: Case, change: changes.ReverseEntry) -> bool:
    entry = next((entry for entry in effective(case.booked) if entry.id == change.entry_id), None)
    if entry is None or entry.posting.kind not in (FEE, LUMP_SUM, INTEREST, CREDIT, REFUND):
        raise BookingUnknown
    case.rebook([item for item in case.items if item.key != entry.posting.key], change.cause)
    return True


def void_fees(case: Case, change: changes.VoidFees) -> bool:
    gone = [item for item in case.items if item.cause == change.cause and item.kind in (FEE, LUMP_SUM, INTEREST)]
    if not gone:
        return False
    case.rebook([item for item in case.items if item not in gone], change.cause)
    return True


def set_hold(case: Case, change: changes.SetHold) -> bool:
    _check_hold(case, change)
    for hold in case.holds:
        if hold.runs and (hold.reason, hold.cause) == (change.reason, change.cause):
            same = (hold.from_on, hold.until_on, hold.amount_minor)
            if same == (change.from_on, change.until_on, change.amount_minor):
                return False
            _end(case, hold, change.actor, "ended")
    told = change.reason, change.from_on, change.until_on, change.amount_minor, change.cause, change.actor
    case.holds.append(Hold(new_id(), *told, case.now))
    return True


def _check_hold(case: Case, change: changes.SetHold) -> None:
    if change.reason not in list(HoldReason):
        raise Invalid.at("/reason", f"is one of {', '.join(HoldReason)}")
    if change.until_on is not None and change.until_on < change.from_on:
        raise Invalid.at("/until_on", "lies before the first day")
    if change.until_on is not None and change.reason in STOPS_EVERYTHING:
        raise Invalid.at("/until_on", "is not told: this hold has no end")
    if change.reason not in STOPS_EVERYTHING:
        _check_open(case)


def lift_hold(case: Case, change: changes.LiftHold) -> bool:
    if change.outcome not in HOLD_OUTCOMES:
        raise Invalid.at("/outcome", f"is one of {', '.join(HOLD_OUTCOMES)}")
    hold = next((hold for hold in case.holds if hold.id == change.hold_id), None)
    if hold is None:
        raise HoldUnknown
    if not hold.runs:
        return False
    _end(case, hold, change.actor, change.outcome)
    case.claim.waiting_since = case.today
    return True


def _end(case: Case, hold: Hold, actor: str, outcome: str) -> None:
    hold.lifted_by, hold.lifted_at, hold.outcome = actor, case.now, outcome


def object_(case: Case, change: changes.Object) -> bool:
    case.act(ClaimAct.OBJECT)
    case.objections |= {change.objection_id}
    return True


def decide_objection(case: Case, change: changes.DecideObjection) -> bool:
    """Accepted is a credit from the start; without an amount nothing of the price was owed."""
    if change.outcome not in ("accepted", "rejected"):
        raise Invalid.at("/outcome", "is accepted or rejected")
    if change.outcome == "rejected":
        return _decided(case, change.objection_id, ClaimAct.REJECT_OBJECTION)
    cause, amount_minor = f"objection:{change.objection_id}", change.credit_minor
    if amount_minor is None:
        amount_minor = _creditable(case, from_start=True)
    if amount_minor:
        _credit(case, cause, amount_minor, case.today, from_start=True)
    return _decided(case, change.objection_id, ClaimAct.ACCEPT_OBJECTION)


def withdraw_objection(case: Case, change: changes.WithdrawObjection) -> bool:
    return _decided(case, change.objection_id, ClaimAct.WITHDRAW_OBJECTION)


def _decided(case: Case, objection_id: UUID, act: ClaimAct) -> bool:
    """While another objection is open the claim stays disputed."""
    case.objections -= {objection_id}
    if case.state == ClaimState.DISPUTED and not case.objections:
        case.act(act)
    case.claim.waiting_since = case.today
    return True


def agree_plan(case: Case, _: changes.AgreePlan) -> bool:
    case.act(ClaimAct.AGREE_PLAN)
    return True


def lapse_plan(case: Case, _: changes.LapsePlan) -> bool:
    if case.state == ClaimState.INSTALMENTS:
        case.act(ClaimAct.LAPSE_PLAN)
    case.claim.waiting_since = case.today
    return True


def write_off(case: Case, _: changes.WriteOff) -> bool:
    if not case.allows(ClaimAct.WRITE_OFF) or not case.balances.owed_minor:
        raise ClaimClosed
    cause = f"write-off:{new_id()}"
    case.rebook([*case.items, Item(WRITE_OFF, case.today, cause)], cause)
    return True


def reverse_write_off(case: Case, _: changes.ReverseWriteOff) -> bool:
    case.act(ClaimAct.REVIVE)
    causes = [item.cause for item in case.items if item.kind == WRITE_OFF]
    case.rebook([item for item in case.items if item.kind != WRITE_OFF], causes[-1] if causes else "")
    return True


def announce_handover(case: Case, change: changes.AnnounceHandover) -> bool:
    case.act(ClaimAct.ANNOUNCE_HANDOVER)
    case.claim.waiting_since = change.day
    return True


def change_contact(case: Case, change: changes.ChangeContact) -> bool:
    case.contact = change.contact
    return True


def change_due_date(case: Case, change: changes.ChangeDueDate) -> bool:
    claim = case.claim
    if change.due_date == claim.due_date:
        return False
    _check_open(case)
    claim.due_date = claim.waiting_since = change.due_date
    if claim.default_from is not None and claim.default_from <= change.due_date:
        _set_default(case, None, None, None, None)
        case.rebook(case.items, f"due-date:{change.due_date}")
    return True


def only_told(_: Case, __: Change) -> bool:
    """History is all there is."""
    return True


def look_again(case: Case, change: changes.LookAgain) -> bool:
    case.claim.next_on = None if case.state in CLOSED else change.next_on
    case.claim.waiting_since = change.waiting_since or case.claim.waiting_since
    case.claim.policy_id = change.policy_id or case.claim.policy_id
    return False


def receive(case: Case, payment_id: UUID, paid_on: date, amount_minor: int) -> None:
    """Book a payment; what is beyond the debt is the debtor's credit. Money is never refused for the claim's state."""
    cause = f"payment:{payment_id}"
    case.rebook([*case.items, Item(PAYMENT, paid_on, cause, amount_minor)], cause)


def _is_there(case: Case, item: Item) -> bool:
    """Whether this was booked before. Raises `AlreadyBooked` when it was with other content."""
    known = next((other for other in case.items if other.key == item.key), None)
    if known is None:
        return False
    if (known.amount_minor, known.value_date) != (item.amount_minor, item.value_date):
        raise AlreadyBooked(cause=item.cause)
    return True


def _check_amount(amount_minor: int) -> None:
    if not 0 < amount_minor <= MAX_MINOR:
        raise Invalid.at("/amount_minor", f"is from 1 to {MAX_MINOR}")


def _check_open(case: Case) -> None:
    if case.state in CLOSED:
        raise ClaimClosed(state=case.claim.state)


Move = Callable[[Case, Any], bool]
MOVES: Mapping[type[Change], Move] = MappingProxyType(
    {
        changes.Remind: remind,
        changes.UndoReminder: undo_reminder,
        changes.ChargeFee: charge_fee,
        changes.ChargeLumpSum: charge_lump_sum,
        changes.BookInterest: book_interest,
        changes.EnterDefault: enter_default,
        changes.Credit: credit,
        changes.CorrectPrincipal: correct_principal,
        changes.Refund: refund,
        changes.ReversePayment: reverse_payment,
        changes.ReverseEntry: reverse_entry,
        changes.VoidFees: void_fees,
        changes.SetHold: set_hold,
        changes.LiftHold: lift_hold,
        changes.Object: object_,
        changes.DecideObjection: decide_objection,
        changes.WithdrawObjection: withdraw_objection,
        changes.AgreePlan: agree_plan,
        changes.LapsePlan: lapse_plan,
        changes.FulfilPlan: only_told,
        changes.WriteOff: write_off,
        changes.ReverseWriteOff: reverse_write_off,
        changes.AnnounceHandover: announce_handover,
        changes.ChangeContact: change_contact,
        changes.ChangeDueDate: change_due_date,
        changes.Note: only_told,
        changes.LookAgain: look_again,
    },
)
