"""One letter per debtor and day over all his claims that are due (pure).

The gravest step leads: its kind, tone, channel and deadline are the letter's, and its fee is charged once, on its claim,
since one letter costs one stamp. What goes another way (a call beside a letter, post beside e-mail), is owed to another
shop or in another currency, or is not in default where a last letter needs it, waits a day.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from gateway.receivables.dunning_policy import LETTERS, PolicyStep
from gateway.receivables.facts import ClaimFacts
from gateway.receivables.next_step import Step

_GRAVITY = {"call": 0, "callback": 1, "reminder": 2, "dunning": 3, "final": 4}


@dataclass(frozen=True, slots=True)
class Due:
    """A claim whose step is due."""

    facts: ClaimFacts
    step: Step

    @property
    def gravity(self) -> tuple[int, int, int, UUID]:
        """What leads: the kind, then how far it has come, then how much is owed."""
        return _GRAVITY[self.step.step.kind], self.step.level, self.facts.owed_minor, self.facts.id


@dataclass(frozen=True, slots=True)
class Bundle:
    """What leaves for one debtor on one day; the leader stands first."""

    claims: tuple[Due, ...]

    @property
    def leader(self) -> Due:
        return self.claims[0]

    @property
    def step(self) -> PolicyStep:
        return self.leader.step.step

    @property
    def day(self) -> date:
        return self.leader.step.day

    @property
    def deadline(self) -> date:
        """The latest of its claims: nobody has less time because he owes more."""
        return max(due.step.deadline for due in self.claims)

    @property
    def fee_minor(self) -> int:
        return self.leader.step.fee_minor


def bundle(due: Sequence[Due]) -> Bundle | None:
    """The one letter of today, or None when nothing is due. The order of `due` is of no matter."""
    if not due:
        return None
    ordered = sorted(due, key=lambda one: one.gravity, reverse=True)
    lead = ordered[0]
    return Bundle(tuple(one for one in ordered if _goes_with(one, lead)))


def _goes_with(one: Due, lead: Due) -> bool:
    ready = lead.step.step.kind != "final" or one.step.default is not None
    return ready and _group(one) == _group(lead)


def _group(due: Due) -> tuple[UUID, str, str, str]:
    kind = due.step.step.kind
    return due.facts.shop_id, due.facts.currency, due.step.channel, "letter" if kind in LETTERS else kind
