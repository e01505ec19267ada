"""The stored form of a decision: written once, hashed, and enough to decide again (pure)."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any, Protocol
from uuid import UUID

from gateway.checkout import policy
from gateway.checkout.methods import Method
from gateway.checkout.policy import Case, Choice, choose
from gateway.core import chain
from gateway.risk import facts
from gateway.risk.model_file import Card
from gateway.risk.score import Challenge, Score, panel_of, score_all

_dump = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode


class Row(Protocol):
    """The columns that a digest covers: all but the digest itself."""

    merchant_id: UUID
    id: UUID
    shop_id: UUID
    buyer_id: UUID | None
    live: bool
    created_at: datetime
    expires_at: datetime
    reference: str
    currency: str
    total_minor: int
    outcome: str
    token: str
    record: str
    told_sealed: bytes | None


_COVERED = attrgetter(*Row.__annotations__)


@dataclass(frozen=True, slots=True)
class Judged:
    """A case with what was concluded from it."""

    case: Case
    choice: Choice

    @property
    def score(self) -> Score:
        return self.case.score


def to_dict(judged: Judged, card: Card, challenges: Sequence[Challenge] = ()) -> dict[str, Any]:
    """The record: facts, methods, versions, score and choice; what challengers say where there are any."""
    case = judged.case
    record = {
        "facts": facts.to_dict(case.facts),
        "methods": [[method.id, method.kind, method.supports_deposit] for method in case.methods],
        "holds_orders": case.holds_orders,
        "versions": {
            "card": card.id,
            "card_digest": card.digest,
            "policy": case.policy.version,
            "economics": case.economics.version,
        },
        "score": case.score.to_dict(),
        "choice": policy.to_dict(judged.choice),
    }
    return record | _challenged(challenges)


def _challenged(challenges: Sequence[Challenge]) -> dict[str, Any]:
    return {"challengers": [one.to_dict() for one in challenges]} if challenges else {}


def to_text(record: dict[str, Any]) -> str:
    """The record as it is stored and hashed."""
    return _dump(record)


def digest(row: Row) -> bytes:
    """SHA-256 over what the decision was, every column of it."""
    return chain.digest("kulanz decision 1", *_COVERED(row))


def replay(
    record: dict[str, Any], card: Card, case_policy: policy.Policy, economics: Any, challengers: Sequence[Card] = ()
) -> dict[str, Any]:
    """Decide again from the record with these versions; `score`, `choice` and `challengers` in stored form.

    With the versions the record names, the answer is the stored one: everything between is pure.
    """
    known = facts.from_dict(record["facts"])
    scored, challenges = score_all(panel_of((card, *challengers)), known)
    methods = tuple(Method(*method) for method in record["methods"])
    choice = choose(Case(known, scored, methods, economics, case_policy, record["holds_orders"]))
    return {"score": scored.to_dict(), "choice": policy.to_dict(choice)} | _challenged(challenges)
