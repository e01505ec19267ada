"""Facts that letters publish to whoever counts on them: it left, it was withdrawn, it came back."""

from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

from gateway.receivables.keys import Keys


@dataclass(frozen=True, slots=True)
class LetterFact:
    """Which letter, when, and what opens its buyer's key. The tenant is the transaction's."""

    letter_id: UUID
    at: datetime
    keys: Keys = field(repr=False)


@dataclass(frozen=True, slots=True)
class LetterSent(LetterFact):
    """It has left: the step it stands for happened, on `day` (the printer's, for paper)."""

    day: date


@dataclass(frozen=True, slots=True)
class LetterWithdrawn(LetterFact):
    """It did not leave, for this reason: its step, its fees and its interest are undone."""

    why: str


@dataclass(frozen=True, slots=True)
class LetterBounced(LetterFact):
    """It came back. `again_id`: the letter that goes by another way instead, if any."""

    why: str
    again_id: UUID | None
