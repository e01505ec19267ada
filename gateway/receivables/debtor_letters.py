"""The one place from which the debtor is written to about what he or the merchant did: plan, deferral, objection."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from gateway.core.crypto import Keyring


@dataclass(frozen=True, slots=True)
class Telling:
    """A letter that an event calls for. `facts` hold ids and codes; words are read from their own row when it is made."""

    kind: str
    """As in `letter.kind`: `plan`, `plan_lapsed`, `deferral`, `objection_received`, `objection_answer`."""
    claim_ids: tuple[UUID, ...]
    day: date
    deadline: date | None = None
    facts: dict[str, Any] = field(default_factory=dict)


def tell(session: Session, keyring: Keyring, telling: Telling, now: datetime) -> UUID | None:
    """Draft the letter; None where nothing was drafted."""
    return None


Tellings = Sequence[Telling]
