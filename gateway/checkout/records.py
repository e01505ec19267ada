"""The stored form of a decision: written once, hashed, and enough to decide again (pure)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from operator import attrgetter
from typing import Any, Protocol
from uuid import UUID

import orjson

from gateway.checkout import documents, policy
from gateway.checkout.economics import Economics
from gateway.checkout.methods import Method
from gateway.checkout.policy import Case, Choice, choose
from gateway.checkout.terms import Policy
from gateway.core import chain
from gateway.risk import facts
from gateway.risk.model_file import Card
from gateway.risk.score import Challenge, Score, panel_of, score_all


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
    shadow: dict[str, Any] | None = None
    """What versions in the shadow would have chosen, in short."""
    share: Mapping[str, Any] | None = None
    """Where a share of traffic runs: which versions, and whether this buyer is in it."""

    @property
    def score(self) -> Score:
        return self.case.score


def to_dict(judged: Judged, card: Card, challenges: Sequence[Challenge] = ()) -> dict[str, Any]:
    """The record: facts, methods, versions, score and choice; what challengers say where there are any."""
    case = judged.case
    record = {
        "facts": facts.to_dict(case.facts),
        "methods": [_method(method) for method in case.methods],
        "holds_orders": case.holds_orders,
        "versions": {
            "card": card.id,
            "card_digest": card.digest,
            "policy": case.policy.version,
            "economics": case.economics.version,
            "defaults": documents.EDITION,
        },
        "score": case.score.to_dict(),
        "choice": policy.to_dict(judged.choice),
    }
    return record | _challenged(challenges) | _more(judged)


def _challenged(challenges: Sequence[Challenge]) -> dict[str, Any]:
    return {"challengers": [one.to_dict() for one in challenges]} if challenges else {}


def _more(judged: Judged) -> dict[str, Any]:
    """What stands in the record only where there is something to say."""
    case, choice = judged.case, judged.choice
    more = {
        "today": case.today.isoformat() if case.today is not None else None,
        "draw": case.draw,
        "share": judged.share,
        "shadow": judged.shadow,
        "unknown": list(choice.unknown),
        "texts": choice.texts,
    }
    return {name: value for name, value in more.items() if value or value == 0}


def _method(method: Method) -> list[Any]:
    stored = [method.id, method.kind, method.supports_deposit]
    return [*stored, method.fee_minor] if method.fee_minor else stored


def to_text(record: dict[str, Any]) -> str:
    """The record as it is stored and hashed."""
    return orjson.dumps(record).decode()


def digest(row: Row) -> bytes:
    """SHA-256 over what the decision was, every column of it."""
    return chain.digest("kulanz decision 1", *_COVERED(row))


def replay(
    record: dict[str, Any], card: Card, case_policy: Policy, economics: Any, challengers: Sequence[Card] = ()
) -> dict[str, Any]:
    """Decide again from the record with these versions; `score`, `choice` and `challengers` in stored form.

    With the versions the record names, the answer is the stored one: everything between is pure.
    """
    known = facts.from_dict(record["facts"])
    scored, challenges = score_all(panel_of((card, *challengers)), known)
    choice = choose(case_of(record, known, scored, case_policy, economics))
    return {"score": scored.to_dict(), "choice": policy.to_dict(choice)} | _challenged(challenges)


def case_of(record: dict[str, Any], known: facts.Facts, scored: Score, terms: Policy, economics: Economics) -> Case:
    """The case of a record as these terms see it. The day and the draw are those of then."""
    return Case(
        facts=known,
        score=scored,
        methods=tuple(Method(*method) for method in record["methods"]),
        economics=economics,
        policy=terms,
        holds_orders=record["holds_orders"],
        today=date.fromisoformat(record["today"]) if "today" in record else None,
        draw=record.get("draw"),
    )
