"""The one place from which the debtor is written to about what he or the merchant did: plan, deferral, objection."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from gateway.law import store
from gateway.receivables import letters
from gateway.receivables.letter_model import Kind
from gateway.receivables.letters import Draft
from gateway.receivables.models import Claim


@dataclass(frozen=True, slots=True)
class Telling:
    """A letter that an event calls for. `facts` hold ids and codes; words are read from their own row when it is made."""

    kind: Kind
    claim_ids: tuple[UUID, ...]
    deadline: date | None = None
    facts: dict[str, Any] = field(default_factory=dict)


def tell_each(session: Session, kind: Kind, rows: Sequence[Claim], deadline: date | None, now: datetime) -> None:
    """One letter for each currency: sums of two cannot stand in one."""
    for currency in sorted({row.currency for row in rows}):
        about = tuple(row.id for row in rows if row.currency == currency)
        tell(session, Telling(kind, about, deadline), now)


def tell(session: Session, telling: Telling, now: datetime) -> UUID | None:
    """Draft the letter; None where no claim is left to write about."""
    if not telling.claim_ids:
        return None
    wanted = Draft(telling.kind, telling.claim_ids, now, telling.deadline, extra=telling.facts)
    return letters.draft(session, wanted, store.load(session))
