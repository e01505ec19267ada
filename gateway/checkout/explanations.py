"""Explaining a stored decision: its record, the versions it names, and what the shop told of the buyer."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.checkout.api import DecisionUnknown
from gateway.checkout.decide import open_told
from gateway.checkout.explain import Told, explain
from gateway.checkout.models import Decision
from gateway.checkout.replay import CardMissing, judge_of
from gateway.checkout.terms import Policy
from gateway.checkout.texts import language_of
from gateway.core.crypto import Keyring
from gateway.core.db import merchant_of
from gateway.core.errors import GatewayError
from gateway.core.ids import to_public
from gateway.shops import buyers


class ExplanationGone(GatewayError):
    """This explanation is no longer available: the link has expired or the buyer's data was erased."""

    status = 410


@dataclass(frozen=True, slots=True)
class Known:
    """A decision with what was told of its buyer; `told` is None when nothing was kept or he was erased."""

    row: Decision
    told: dict[str, Any] | None = field(repr=False)
    erased: bool

    @property
    def language(self) -> str:
        """What the buyer speaks, as far as the shop told it; else ""."""
        return str(self.told["buyer"].get("language") or "") if self.told else ""

    @property
    def email(self) -> str:
        return str(self.told["buyer"].get("email") or "") if self.told else ""


def get(session: Session, keyring: Keyring, decision_id: UUID, shop_id: UUID | None = None) -> Known:
    """The decision, of this shop where one is given. Raises DecisionUnknown."""
    mine = Decision.merchant_id == merchant_of(session), Decision.id == decision_id
    row = session.scalars(select(Decision).where(*mine)).one_or_none()
    if row is None or (shop_id is not None and row.shop_id != shop_id):
        raise DecisionUnknown
    return known(session, keyring, row)


def known(session: Session, keyring: Keyring, row: Decision) -> Known:
    """A decision's row with its sealed words opened, while their key lives."""
    if row.buyer_id is None or row.told_sealed is None:
        return Known(row, None, erased=False)
    key = buyers.find_key(session, keyring, row.buyer_id)
    if key is None:
        return Known(row, None, erased=True)
    return Known(row, open_told(key, row.id, row.told_sealed), erased=False)


def explanation(session: Session, row: Decision, language: str) -> dict[str, Any]:
    """The decision in plain words, as JSON; without what-ifs when the card it was made with cannot be had."""
    record = json.loads(row.record)
    return {
        "decision_id": to_public("dec", row.id),
        "created_at": row.created_at.isoformat(),
        "live": row.live,
        "reference": row.reference,
        **explain(_told(session, row, record), language_of(language, "de")),
    }


def _told(session: Session, row: Decision, record: dict[str, Any]) -> Told:
    try:
        judge = judge_of(session.connection(), row.merchant_id, row.shop_id, record["versions"])
    except CardMissing:
        return Told(record)
    return Told(record, judge.decide, _rule_facts(judge.policy))


def _rule_facts(policy: Policy) -> Mapping[str, frozenset[str]]:
    return {rule.id: rule.condition.facts for rule in (*policy.rules, *policy.table)}
