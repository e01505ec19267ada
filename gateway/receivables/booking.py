"""What a claim's ledger must say, given everything that was told of it (pure).

The ledger is the fold of its items: opening, payments, credits, fees, … Replaying them by value date gives the same
end whatever the order in which they were told. What is booked otherwise is reversed, what is missing is posted.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction
from typing import Any
from uuid import UUID

from gateway.law.allocation import Debt, allocate
from gateway.law.periods import half_up

OPENING, FEE, LUMP_SUM, INTEREST, PAYMENT = "opening", "fee", "lump_sum", "interest", "payment"
CREDIT, WRITE_OFF, REFUND, REVERSAL = "credit", "write_off", "refund", "reversal"
RECOMPUTED = "recomputed"
"""Why an entry was reversed when only its amount or allocation changed: what was told still stands."""
_ORDER = (OPENING, CREDIT, PAYMENT, REFUND, FEE, LUMP_SUM, INTEREST, WRITE_OFF)
"""Within one day. A payment's day is interest-free for what it paid, and a fee of that day asks what is still owed."""
_LOWERING = (PAYMENT, CREDIT, WRITE_OFF)
DAY = timedelta(days=1)

Steps = Sequence[tuple[date, int]]


@dataclass(frozen=True, slots=True)
class Accrued:
    """Interest that ran, exact, in minor units; `working` is JSON."""

    exact: Fraction
    working: Mapping[str, Any] = field(default_factory=dict)


Accrue = Callable[[Steps, date, date], Accrued]
"""(principal from a day on, first day, last day, both counted) → interest."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What decides beside the items. `known_through` is the last day for which a rate is known."""

    default_from: date | None = None
    interest_from: date | None = None
    known_through: date = date.max
    accrue: Accrue = lambda *_: Accrued(Fraction(0))
    allocation: str = "bgb-367"
    """`bgb-497` for consumer credit."""


@dataclass(frozen=True, slots=True)
class Item:
    """One thing told: kind and cause name it, `facts` says what else counts."""

    kind: str
    value_date: date
    cause: str
    amount_minor: int = 0
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str]:
        """Interest is booked once per last day, everything else once per cause."""
        return self.kind, self.value_date.isoformat() if self.kind == INTEREST else self.cause

    @property
    def from_start(self) -> bool:
        return self.kind == CREDIT and bool(self.facts.get("from_start"))


@dataclass(frozen=True, slots=True)
class Posting:
    """An entry that is to be booked. Debit is positive; the lines sum to zero."""

    kind: str
    value_date: date
    cause: str
    lines: Mapping[str, int]
    working: Mapping[str, Any] = field(default_factory=dict)
    reverses: UUID | None = None

    @property
    def key(self) -> tuple[str, str]:
        return Item(self.kind, self.value_date, self.cause).key


@dataclass(frozen=True, slots=True)
class Booked:
    """An entry as it stands in the ledger."""

    id: UUID
    seq: int
    posting: Posting


@dataclass(frozen=True, slots=True)
class Balances:
    """Sums of the ledger, in minor units, never negative."""

    principal_minor: int = 0
    costs_minor: int = 0
    interest_minor: int = 0
    credit_minor: int = 0
    """What the debtor has paid too much."""
    written_off_minor: int = 0
    """Given up and not yet recovered."""

    @property
    def owed_minor(self) -> int:
        return self.principal_minor + self.costs_minor + self.interest_minor


def balances(booked: Iterable[Booked]) -> Balances:
    sums: dict[str, int] = {}
    for entry in booked:
        for account, amount_minor in entry.posting.lines.items():
            sums[account] = sums.get(account, 0) + amount_minor
    return Balances(
        principal_minor=sums.get("principal", 0),
        costs_minor=sums.get("costs", 0),
        interest_minor=sums.get("interest", 0),
        credit_minor=-sums.get("debtor_credit", 0),
        written_off_minor=sums.get("bad_debt", 0),
    )


def effective(booked: Sequence[Booked]) -> list[Booked]:
    """Entries that are neither reversed nor reversals, in the order they were booked."""
    gone = {entry.posting.reverses for entry in booked}
    return [entry for entry in booked if entry.posting.kind != REVERSAL and entry.id not in gone]


def items_of(booked: Sequence[Booked]) -> list[Item]:
    """What was told and still stands, the last entry of each key deciding."""
    why = {
        entry.posting.reverses: entry.posting.working.get("why") for entry in booked if entry.posting.kind == REVERSAL
    }
    last = {entry.posting.key: entry for entry in booked if entry.posting.kind != REVERSAL}
    standing = [_item(entry.posting) for entry in last.values() if why.get(entry.id, RECOMPUTED) == RECOMPUTED]
    return [item for item in standing if not item.facts.get("implied")]


def _item(posting: Posting) -> Item:
    told = dict(posting.working.get("told", {}))
    amount_minor = told.pop("amount_minor", 0)
    day = date.fromisoformat(told.pop("day")) if "day" in told else posting.value_date
    return Item(posting.kind, day, posting.cause, amount_minor, told)


def differences(
    booked: Sequence[Booked], items: Iterable[Item], replayed: Sequence[Posting], cause: str
) -> list[Posting]:
    """What must be posted so that the ledger says what was replayed from these items: reversals first."""
    wanted = {posting.key: posting for posting in replayed}
    present = {item.key for item in items}
    reversals = []
    for entry in effective(booked):
        new = wanted.get(entry.posting.key)
        if new is not None and _same(new, entry.posting):
            del wanted[entry.posting.key]
        else:
            kept = entry.posting.key in present or (entry.posting.kind == INTEREST and new is not None)
            reversals.append(_reversal(entry, cause, RECOMPUTED if kept else "reversed"))
    return [*reversals, *wanted.values()]


def _same(one: Posting, other: Posting) -> bool:
    return (one.value_date, dict(one.lines)) == (other.value_date, dict(other.lines))


def _reversal(entry: Booked, cause: str, why: str) -> Posting:
    lines = {account: -amount_minor for account, amount_minor in entry.posting.lines.items()}
    working = {"why": why, "of": entry.posting.kind}
    return Posting(REVERSAL, entry.posting.value_date, cause or entry.posting.cause, lines, working, entry.id)


def replay(items: Iterable[Item], rules: Rules) -> list[Posting]:
    """The whole ledger from the start, without detours. There is exactly one opening among the items."""
    run = _Run(rules)
    for item in _in_order(items):
        run.take(item)
    return run.postings


def _in_order(items: Iterable[Item]) -> list[Item]:
    told = list(items)
    return sorted([*told, *_interest_before(told)], key=_place)


def _place(item: Item) -> tuple[bool, bool, date, int, str]:
    """The opening, then what counts from the start, then day by day."""
    return item.kind != OPENING, not item.from_start, item.value_date, _ORDER.index(item.kind), item.cause


def _interest_before(items: Sequence[Item]) -> list[Item]:
    """Interest is booked through the day before money or a dated credit lowers the principal, and at a write-off.

    Such items are implied: they go with what implied them.
    """
    if not any(item.kind in _LOWERING for item in items):
        return []
    known = {item.key for item in items}
    found: dict[tuple[str, str], Item] = {}
    for item in sorted(items, key=_place):
        if item.kind in _LOWERING and not item.from_start:
            through = item.value_date if item.kind == WRITE_OFF else item.value_date - DAY
            implied = Item(INTEREST, through, item.cause, 0, {"implied": True})
            if implied.key not in known:
                found.setdefault(implied.key, implied)
    return list(found.values())


class _Run:
    """The accounts while the items are replayed."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.postings: list[Posting] = []
        self.owed = {"costs": 0, "interest": 0, "principal": 0}
        self.lost = 0
        self.credit = 0
        self.returned: list[tuple[date, int]] = []
        """What counts from the start, with the day on which it happened."""
        self.undue = 0
        """Principal that arose from paying back too much: it bears no interest."""
        self.accrued = 0
        self.steps: list[tuple[date, int]] = []
        self.opened_on = date.min

    def take(self, item: Item) -> None:
        lines, working = _TAKE[item.kind](self, item)
        lines = {account: amount_minor for account, amount_minor in lines.items() if amount_minor}
        if not lines:
            return
        told = {"amount_minor": item.amount_minor, "day": item.value_date.isoformat(), **item.facts}
        value_date = self.opened_on if item.from_start else item.value_date
        self.postings.append(Posting(item.kind, value_date, item.cause, lines, {"told": told, **working}))

    def open(self, item: Item) -> "_Taken":
        self.opened_on = item.value_date
        self._owe("principal", item.amount_minor, date.min)
        return {"principal": item.amount_minor, "sales": -item.amount_minor}, {}

    def fee(self, item: Item) -> "_Taken":
        if not self._is_justified(item):
            return {}, {}
        self._owe("costs", item.amount_minor, item.value_date)
        return {"costs": item.amount_minor, "cost_income": -item.amount_minor}, {}

    def interest(self, item: Item) -> "_Taken":
        first, through = self.rules.interest_from, min(item.value_date, self.rules.known_through)
        if first is None or through < first:
            return {}, {}
        accrued = self.rules.accrue(self.steps, first, through)
        new = half_up(accrued.exact) - self.accrued
        self.accrued += new
        self._owe("interest", new, item.value_date)
        working = {"booked_before_minor": self.accrued - new, **accrued.working}
        return {"interest": new, "interest_income": -new}, working

    def pay(self, item: Item) -> "_Taken":
        debt = Debt(self.owed["costs"], self.owed["interest"], self.owed["principal"])
        allocated = allocate(self.rules.allocation, item.amount_minor, debt)
        parts = {part: getattr(allocated.applied, f"{part}_minor") for part in self.owed}
        rest, lines = allocated.overpaid_minor, {part: -paid for part, paid in parts.items()}
        for part, paid in parts.items():
            self._pay_off(part, paid, item.value_date)
        recovered = min(rest, self.lost)
        self.lost -= recovered
        self.credit += rest - recovered
        return {"bank": item.amount_minor, **lines, "bad_debt": -recovered, "debtor_credit": recovered - rest}, {}

    def lower(self, item: Item) -> "_Taken":
        if item.from_start:
            self.returned.append((item.value_date, item.amount_minor))
            rest, lines = self._settle(("principal",), item.amount_minor, date.min)
            self.credit += rest
            return {**lines, "debtor_credit": -rest, "credits": item.amount_minor}, {}
        rest, lines = self._settle(("principal", "interest", "costs"), item.amount_minor, item.value_date)
        return {**lines, "credits": item.amount_minor - rest}, {}

    def give_back(self, item: Item) -> "_Taken":
        own = min(self.credit, item.amount_minor)
        undue = item.amount_minor - own
        self.credit -= own
        self.undue += undue
        self._owe("principal", undue, item.value_date)
        return {"debtor_credit": own, "principal": undue, "bank": -item.amount_minor}, {}

    def write_off(self, item: Item) -> "_Taken":
        total = sum(self.owed.values())
        _, lines = self._settle(("costs", "interest", "principal"), total, item.value_date)
        self.lost += total
        return {**lines, "bad_debt": total}, {}

    def _is_justified(self, item: Item) -> bool:
        """Something was owed and overdue in law, and the letter did not demand what had already come back."""
        in_default = self.rules.default_from is not None and self.rules.default_from <= item.value_date
        back = sum(amount_minor for day, amount_minor in self.returned if day <= item.value_date)
        honest = item.kind == LUMP_SUM or back <= item.facts.get("known_minor", back)
        return self.owed["principal"] > 0 and honest and (in_default or item.facts.get("needs_default") is False)

    def _owe(self, account: str, amount_minor: int, day: date) -> None:
        self.owed[account] += amount_minor
        if account == "principal":
            self.steps.append((day, max(0, self.owed["principal"] - self.undue)))

    def _settle(self, order: Sequence[str], amount_minor: int, day: date) -> tuple[int, dict[str, int]]:
        """Take from the accounts in this order; what is left, and the lines."""
        rest, lines = amount_minor, {}
        for account in order:
            taken = min(rest, self.owed[account])
            rest -= taken
            lines[account] = -taken
            self._pay_off(account, taken, day)
        return rest, lines

    def _pay_off(self, account: str, amount_minor: int, day: date) -> None:
        if amount_minor:
            self._owe(account, -amount_minor, day)
            self.undue = min(self.undue, self.owed["principal"])


_Taken = tuple[dict[str, int], dict[str, Any]]
_TAKE: Mapping[str, Callable[[_Run, Item], _Taken]] = {
    OPENING: _Run.open,
    FEE: _Run.fee,
    LUMP_SUM: _Run.fee,
    INTEREST: _Run.interest,
    PAYMENT: _Run.pay,
    CREDIT: _Run.lower,
    REFUND: _Run.give_back,
    WRITE_OFF: _Run.write_off,
}


def booked_through(items: Iterable[Item], rules: Rules) -> date | None:
    """The last day for which interest is booked, counted."""
    first, told = rules.interest_from, list(items)
    if first is None:
        return None
    interest = (item for item in (*told, *_interest_before(told)) if item.kind == INTEREST)
    days = [min(item.value_date, rules.known_through) for item in interest]
    return max((day for day in days if first <= day), default=None)
