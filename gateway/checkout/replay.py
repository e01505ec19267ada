"""Deciding a stored decision again: from its own record, with the versions it names."""

import json
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.engine import Connection

from gateway.checkout import documents, records, stages
from gateway.checkout.api import DecisionUnknown
from gateway.checkout.decide import body_of
from gateway.checkout.economics import Economics
from gateway.checkout.models import Decision
from gateway.checkout.policy import choose
from gateway.checkout.terms import Policy
from gateway.core.errors import Refused
from gateway.risk import facts
from gateway.risk.champions import find_card
from gateway.risk.model_file import Card
from gateway.risk.score import from_dict

MOST_DIFFERENCES = 200


class CardMissing(Refused):
    """A model of this decision is neither shipped nor stored as it was then."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where the two differ; None stands for absent."""

    path: str
    stored: Any
    again: Any


@dataclass(frozen=True, slots=True)
class Replayed:
    """A decision beside the one made again. `stored` and `again` hold `score`, `choice` and `challengers`."""

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
    """Decide again. Raises DecisionUnknown, or CardMissing when a model cannot be had."""
    row = connection.execute(
        select(Decision.__table__).where(Decision.merchant_id == merchant_id, Decision.id == decision_id),
    ).one_or_none()
    if row is None:
        raise DecisionUnknown
    record = json.loads(row.record)
    judge = judge_of(connection, merchant_id, row.shop_id, record["versions"])
    named = [(one["model"], one["digest"]) for one in record.get("challengers", [])]
    challengers = [_card(connection, merchant_id, row.shop_id, *one) for one in named]
    again = records.replay(record, judge.card, judge.policy, judge.economics, challengers)
    stored = {name: record[name] for name in ("score", "choice", "challengers") if name in record}
    if "shadow" in record and "error" not in record["shadow"]:
        stored["shadow"] = record["shadow"]
        again["shadow"] = _shadow(connection, merchant_id, row.shop_id, record)
    return Replayed(
        intact=records.digest(cast("records.Row", row)) == row.digest,
        stored=stored,
        again=json.loads(json.dumps(again)),
    )


@dataclass(frozen=True, slots=True)
class Judge:
    """What a decision was made with, ready to decide its record again, as it is or with another fact."""

    card: Card
    policy: Policy
    economics: Economics

    def decide(self, record: dict[str, Any]) -> dict[str, Any]:
        """`score` and `choice` in stored form."""
        return records.replay(record, self.card, self.policy, self.economics)


def judge_of(connection: Connection, merchant_id: UUID, shop_id: UUID, versions: dict[str, Any]) -> Judge:
    """The versions that a record names. Raises CardMissing when its card cannot be had."""
    edition = versions.get("defaults", 1)
    compiled = {
        kind: documents.COMPILERS[kind](
            body_of(connection, merchant_id, shop_id, kind, versions[name], edition=edition), versions[name]
        )
        for kind, name in (("checkout", "policy"), ("economics", "economics"))
    }
    card = _card(connection, merchant_id, shop_id, versions["card"], versions["card_digest"])
    return Judge(card, compiled["checkout"], compiled["economics"])


def _shadow(connection: Connection, merchant_id: UUID, shop_id: UUID, record: dict[str, Any]) -> dict[str, Any]:
    """What the versions in the shadow choose, from the score that was stored."""
    versions, edition = {kind: record["shadow"][kind] for kind in stages.KINDS}, record["versions"].get("defaults", 1)
    terms, economics = (
        documents.COMPILERS[kind](body_of(connection, merchant_id, shop_id, kind, version, edition=edition), version)
        for kind, version in versions.items()
    )
    known, scored = facts.from_dict(record["facts"]), from_dict(record["score"])
    return stages.told(versions, choose(records.case_of(record, known, scored, terms, economics)))


def _card(connection: Connection, merchant_id: UUID, shop_id: UUID, name: str, digest: str) -> Card:
    card = find_card(connection, merchant_id, shop_id, name, digest)
    if card is None:
        raise CardMissing(card=name)
    return card


def _differences(stored: Any, again: Any, path: str) -> list[Difference]:
    if isinstance(stored, dict) and isinstance(again, dict):
        names = sorted(stored.keys() | again.keys())
        return [d for name in names for d in _differences(stored.get(name), again.get(name), f"{path}/{name}")]
    if isinstance(stored, list) and isinstance(again, list) and len(stored) == len(again):
        pairs = enumerate(zip(stored, again, strict=True))
        return [d for place, (one, other) in pairs for d in _differences(one, other, f"{path}/{place}")]
    return [] if stored == again else [Difference(path, stored, again)]
