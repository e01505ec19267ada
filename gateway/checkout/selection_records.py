"""The stored form of a selection: written once, hashed onto its decision, and enough to settle it again."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from operator import attrgetter
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from gateway.checkout import bureau_policy, selection_texts
from gateway.checkout.bureau_policy import BureauPolicy
from gateway.checkout.records import to_text
from gateway.checkout.selection_models import Selection
from gateway.checkout.selection_rules import Heard, Situation, Standing, Verdict, settle, to_dict
from gateway.core import chain
from gateway.core.crypto import seal
from gateway.core.db import merchant_of
from gateway.core.ids import new_id, to_public
from gateway.core.money import share_minor
from gateway.risk.bureau import Proof

_COVERED = attrgetter(
    "merchant_id",
    "id",
    "decision_id",
    "shop_id",
    "created_at",
    "method",
    "answer",
    "deposit_percent",
    "deposit_minor",
    "record",
    "decision_digest",
    "ip_sealed",
)


@dataclass(frozen=True, slots=True)
class Told:
    """What stands behind an answer beside the choice: the policy's version, the proof, the buyer's key."""

    policy_version: int
    proof: Proof | None = field(repr=False)
    key: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class New:
    """An answer that is to be written down."""

    decision: Any
    situation: Situation
    heard: Heard | None
    verdict: Verdict
    told: Told


@dataclass(frozen=True, slots=True)
class Selected:
    """A stored selection and its parsed record, beside the decision it belongs to."""

    row: Any
    record: dict[str, Any]
    decision: Any


def find(session: Session, decision: Any, method: str) -> Selected | None:
    """The answer this choice got before."""
    row = session.scalar(select(Selection).where(*_of(decision), Selection.method == method))
    return None if row is None else Selected(row, json.loads(row.record), decision)


def list_selections(session: Session, decision: Any) -> list[Selection]:
    """Every choice of a decision, the first one first."""
    return list(session.scalars(select(Selection).where(*_of(decision)).order_by(Selection.id)))


def told_of(session: Session, decision: Any, language: str) -> list[dict[str, Any]]:
    """What each choice of a decision was answered, as callers were told, and which proof was on record."""
    rows = list_selections(session, decision)
    chosen = [Selected(row, json.loads(row.record), decision) for row in rows]
    return [told(one, language) | {"at": one.row.created_at, "proof": one.record["proof"]} for one in chosen]


def heard_before(session: Session, decision: Any, request: str) -> Heard | None:
    """What an earlier choice of this decision has heard by this call."""
    records = (json.loads(row.record) for row in list_selections(session, decision))
    found = (record["heard"] for record in records if record["heard"] and record["heard"]["request"] == request)
    return next((Heard(**heard) for heard in found), None)


def write(session: Session, new: New, now: datetime) -> Selected:
    """Keep an answer; when the same choice was answered meanwhile, that answer."""
    row = _row(session, new, now)
    row["digest"] = digest(SimpleNamespace(**row))
    made = insert(Selection).values(row).on_conflict_do_nothing(index_elements=["merchant_id", "decision_id", "method"])
    session.execute(made)
    found = find(session, new.decision, new.situation.chosen.method)
    if found is None:
        raise RuntimeError("a selection that was written is not there")
    return found


def digest(row: Any) -> bytes:
    """SHA-256 over what was answered and the digest of the decision before it."""
    return chain.digest("kulanz selection 1", *_COVERED(row))


def replay(record: Mapping[str, Any]) -> dict[str, Any]:
    """Settle again from the record alone; the verdict in stored form. Everything between is pure."""
    told = record["situation"]
    offers = tuple(Standing(**offer) for offer in told["offers"])
    bureau = told["bureau"] and bureau_policy.from_dict(told["bureau"])
    chosen = Standing(**told["chosen"])
    case = Situation(**{**told, "offers": offers, "bureau": bureau, "chosen": chosen})
    return to_dict(settle(case, Heard(**record["heard"]) if record["heard"] else None))


def body(selected: Selected, language: str) -> bytes:
    """What callers are told of a stored selection, as JSON."""
    return to_text(told(selected, language)).encode()


def told(selected: Selected, language: str) -> dict[str, Any]:
    """What callers are told of a stored selection."""
    row, record, decision = selected.row, selected.record, selected.decision
    verdict, heard = record["verdict"], record["heard"]
    return {
        "id": to_public("sel", row.id),
        "decision": to_public("dec", decision.id),
        "created_at": row.created_at.isoformat(),
        "method": row.method,
        "kind": record["situation"]["chosen"]["kind"],
        "answer": row.answer,
        "deposit_percent": row.deposit_percent,
        "deposit_minor": row.deposit_minor,
        "currency": decision.currency,
        "total_minor": decision.total_minor,
        "review": verdict["review"],
        "offers": _left(record["situation"], verdict["others"]),
        "reasons": [{"code": code, "text": selection_texts.reason(code, language)} for code in verdict["reasons"]],
        "notice": selection_texts.notice(row.answer, language),
        "bureau": heard and {"name": heard["bureau"], "outcome": heard["outcome"], "reused": heard["reused"]},
    }


def _left(situation: dict[str, Any], others: list[str]) -> list[dict[str, Any]]:
    by_method = {offer["method"]: offer for offer in situation["offers"]}
    return [
        {
            "method": method,
            "kind": by_method[method]["kind"],
            "rank": by_method[method]["rank"],
            "deposit_percent": by_method[method]["deposit_percent"],
            "deposit_minor": share_minor(situation["total_minor"], by_method[method]["deposit_percent"]),
        }
        for method in others
    ]


def _of(decision: Any) -> tuple[Any, ...]:
    return Selection.merchant_id == decision.merchant_id, Selection.decision_id == decision.id


def _row(session: Session, new: New, now: datetime) -> dict[str, Any]:
    selection_id, decision, verdict = new_id(), new.decision, new.verdict
    return {
        "merchant_id": merchant_of(session),
        "id": selection_id,
        "decision_id": decision.id,
        "shop_id": decision.shop_id,
        "created_at": now,
        "method": new.situation.chosen.method,
        "answer": verdict.answer,
        "deposit_percent": verdict.deposit_percent,
        "deposit_minor": verdict.deposit_minor,
        "record": to_text(_record(new)),
        "decision_digest": decision.digest,
        "ip_sealed": _sealed_ip(new.told, selection_id),
    }


def _record(new: New) -> dict[str, Any]:
    proof = new.told.proof
    return {
        "situation": _situation(new.situation),
        "heard": asdict(new.heard) if new.heard else None,
        "proof": proof and {"kind": proof.kind, "text_version": proof.text_version, "at": proof.at.isoformat()},
        "versions": {"policy": new.told.policy_version},
        "verdict": to_dict(new.verdict),
    }


def _situation(case: Situation) -> dict[str, Any]:
    told = {name: getattr(case, name) for name in case.__slots__}
    offers = [asdict(offer) for offer in case.offers]
    return told | {"chosen": asdict(case.chosen), "offers": offers, "bureau": _policy(case.bureau)}


def _policy(policy: BureauPolicy | None) -> dict[str, Any] | None:
    """The block as documents spell it, every field of it."""
    if policy is None:
        return None
    told = {name: getattr(policy, name) for name in policy.__slots__}
    return told | {"kinds": sorted(policy.kinds), "on": dict(policy.on)}


def _sealed_ip(told: Told, selection_id: UUID) -> bytes | None:
    if told.key is None or told.proof is None or not told.proof.ip:
        return None
    return seal(told.key, told.proof.ip.encode(), f"selection.ip:{selection_id}")
