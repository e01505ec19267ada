"""Deciding a stored decision again: from its own record, with the versions it names."""

import json
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.engine import Connection

from gateway.checkout import documents, records
from gateway.checkout.api import DecisionUnknown
from gateway.checkout.decide import body_of
from gateway.checkout.models import Decision
from gateway.core.errors import Refused
from gateway.risk import card as cards

MOST_DIFFERENCES = 200


class CardMissing(Refused):
    """The score card of this decision is not the one that this program ships under its name."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where the two differ; None stands for absent."""

    path: str
    stored: Any
    again: Any


@dataclass(frozen=True, slots=True)
class Replayed:
    """A decision beside the one made again. `stored` and `again` hold `score` and `choice`."""

    intact: bool
    """Whether the row still has the digest it was written with."""
    stored: dict[str, Any]
    again: dict[str, Any]

    @property
    def same(self) -> bool:
        return self.intact and self.stored == self.again

    @property
    def differences(self) -> list[Difference]:
        """Where, by JSON pointer; at most 200 places."""
        return _differences(self.stored, self.again, "")[:MOST_DIFFERENCES]


def replay_decision(connection: Connection, merchant_id: UUID, decision_id: UUID) -> Replayed:
    """Decide again. Raises DecisionUnknown, or CardMissing when its card cannot be had."""
    row = connection.execute(
        select(Decision.__table__).where(Decision.merchant_id == merchant_id, Decision.id == decision_id),
    ).one_or_none()
    if row is None:
        raise DecisionUnknown
    record = json.loads(row.record)
    versions = record["versions"]
    edition = versions.get("defaults", 1)
    compiled = {
        kind: documents.COMPILERS[kind](
            body_of(connection, merchant_id, row.shop_id, kind, versions[name], edition=edition), versions[name]
        )
        for kind, name in (("checkout", "policy"), ("economics", "economics"))
    }
    again = records.replay(record, _card(versions), compiled["checkout"], compiled["economics"])
    return Replayed(
        intact=records.digest(cast("records.Row", row)) == row.digest,
        stored={"score": record["score"], "choice": record["choice"]},
        again=json.loads(json.dumps(again)),
    )


def _card(versions: dict[str, Any]) -> cards.Card:
    try:
        card = cards.shipped(versions["card"])
    except KeyError:
        raise CardMissing(card=versions["card"]) from None
    if card.digest != versions["card_digest"]:
        raise CardMissing("its text has changed since", card=card.id)
    return card


def _differences(stored: Any, again: Any, path: str) -> list[Difference]:
    if isinstance(stored, dict) and isinstance(again, dict):
        names = sorted(stored.keys() | again.keys())
        return [d for name in names for d in _differences(stored.get(name), again.get(name), f"{path}/{name}")]
    if isinstance(stored, list) and isinstance(again, list) and len(stored) == len(again):
        pairs = enumerate(zip(stored, again, strict=True))
        return [d for place, (one, other) in pairs for d in _differences(one, other, f"{path}/{place}")]
    return [] if stored == again else [Difference(path, stored, again)]
