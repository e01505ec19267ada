"""A claim as it is worked on: its row, its ledger, its holds, and what the changes made of them so far (pure).

The shell loads a case, `moves` changes it, the shell saves what is new. One claim and ten thousand go the same way.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from gateway.core.ids import new_id
from gateway.receivables.booking import (
    Balances,
    Booked,
    Item,
    Posting,
    Rules,
    balances,
    booked_through,
    differences,
    items_of,
    replay,
)
from gateway.receivables.lifecycle import LIFECYCLE, ClaimAct, ClaimState

CLOSED = frozenset({ClaimState.SETTLED, ClaimState.WRITTEN_OFF, ClaimState.SOLD})


@dataclass(slots=True)
class Hold:
    """A hold of the claim, stored or about to be."""

    id: UUID
    reason: str
    from_on: date
    until_on: date | None
    amount_minor: int | None
    cause: str
    set_by: str
    set_at: datetime
    lifted_by: str | None = None
    lifted_at: datetime | None = None
    outcome: str | None = None

    @property
    def runs(self) -> bool:
        return self.lifted_at is None


@dataclass(frozen=True, slots=True)
class LetterSeen:
    """A letter of the claim as far as levels are counted from it."""

    letter_id: UUID
    level: int
    state: str
    day: date


@dataclass(slots=True)
class Case:
    """One claim within one transaction. `claim` has the columns of `models.Claim`."""

    claim: Any
    now: datetime
    today: date
    booked: list[Booked]
    holds: list[Hold]
    letters: tuple[LetterSeen, ...] = ()
    objections: frozenset[UUID] = frozenset()
    """Open ones."""
    rules_of: Callable[[Any], Rules] = field(default=lambda _: Rules())
    contact: Mapping[str, Any] | None = None
    """To be sealed."""
    told: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    """(event, actor, body) for the history."""
    paid_back: list[UUID] = field(default_factory=list)
    """Payments that are reversed."""
    acts: list[ClaimAct] = field(default_factory=list)
    entries_before: int = 0

    @property
    def state(self) -> ClaimState:
        return ClaimState(self.claim.state)

    @property
    def items(self) -> list[Item]:
        return items_of(self.booked)

    @property
    def balances(self) -> Balances:
        return balances(self.booked)

    @property
    def new_entries(self) -> list[Booked]:
        return self.booked[self.entries_before :]

    def act(self, act: ClaimAct) -> None:
        """Move the claim. Raises `Refused` when the table has no such move."""
        self.claim.state = LIFECYCLE.after(self.state, act).value
        self.acts.append(act)

    def allows(self, act: ClaimAct) -> bool:
        return LIFECYCLE.allows(self.state, act)

    def rebook(self, items: Iterable[Item], cause: str, needed: Item | None = None) -> bool:
        """Make the ledger say what these items make of it, and the claim's amounts and state follow.

        False, and nothing is changed, when the replay does not book the `needed` item.
        """
        items, rules = list(items), self.rules_of(self.claim)
        replayed = replay(items, rules)
        if needed is not None and all(posting.key != needed.key for posting in replayed):
            return False
        for posting in differences(self.booked, items, replayed, cause):
            self._post(posting)
        self.claim.interest_through = booked_through(items, rules)
        sums = self.balances
        self.claim.principal_minor, self.claim.costs_minor = sums.principal_minor, sums.costs_minor
        self.claim.interest_minor, self.claim.credit_minor = sums.interest_minor, sums.credit_minor
        self._close(sums)
        return True

    def _post(self, posting: Posting) -> None:
        seq = self.booked[-1].seq + 1 if self.booked else 1
        self.booked.append(Booked(new_id(), seq, posting))

    def _close(self, sums: Balances) -> None:
        """Nothing left: settled. Something owed again: open again, or written off where it had been."""
        left = sums.owed_minor + sums.written_off_minor
        if left == 0 and self.state != ClaimState.SETTLED and self.allows(ClaimAct.SETTLE):
            self.act(ClaimAct.SETTLE)
        elif left > 0 and self.state == ClaimState.SETTLED:
            self.act(ClaimAct.REOPEN)
        if sums.written_off_minor and not sums.owed_minor and self.allows(ClaimAct.WRITE_OFF):
            self.act(ClaimAct.WRITE_OFF)
        if self.objections and self.state == ClaimState.DUNNING:  # owed again while an answer is still due
            self.act(ClaimAct.OBJECT)
        closed = self.state in CLOSED
        self.claim.closed_at = (self.claim.closed_at or self.now) if closed else None
