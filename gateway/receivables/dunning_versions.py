"""Versions of a shop's dunning policy: checked, kept, made live, rolled back; which one a claim follows.

A claim keeps the version it began with. The shipped default is version 0; a claim that begins with it pins it as a
version of its own, so that a later release with another default changes nothing for it.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.core.db import merchant_of
from gateway.core.ids import to_public
from gateway.merchants import policies
from gateway.merchants.audit import SYSTEM
from gateway.merchants.models import PolicyVersion
from gateway.merchants.policies import PolicyDocument
from gateway.receivables import dunning_lint
from gateway.receivables.dunning_defaults import DEFAULT_DUNNING, EDITION
from gateway.receivables.dunning_policy import DunningPolicy
from gateway.receivables.dunning_schema import compile_dunning

KIND = "dunning"
LIVE, DRAFT = "live", "draft"
_PINNED = f"shipped default, edition {EDITION}"
SHIPPED = compile_dunning(DEFAULT_DUNNING, 0)


@dataclass(frozen=True, slots=True)
class Kept:
    """A document that was kept, with what is worth knowing."""

    document: PolicyDocument
    warnings: list[dict[str, str]]


def save(session: Session, shop_id: UUID, body: Any, author: str, note: str, now: datetime) -> Kept:
    """Check, then keep as the next version: a draft. Raises Invalid with path and suggestion per fault."""
    warnings = dunning_lint.check(body)
    version = policies.save(session, shop_id, KIND, body, author, note, now)
    return Kept(policies.get(session, shop_id, KIND, version), warnings)


def body_of(session: Session, shop_id: UUID, version: int) -> dict[str, Any]:
    """The document of a version; 0 is the shipped default. Raises PolicyUnknown."""
    return policies.get(session, shop_id, KIND, version).body if version else DEFAULT_DUNNING


def live_version(session: Session, shop_id: UUID) -> int:
    return policies.live_versions(session, shop_id).get(KIND, 0)


def live(session: Session, shop_id: UUID) -> DunningPolicy:
    """What a claim that begins now follows."""
    found = policies.find_live(session, shop_id, KIND)
    return SHIPPED if found is None else _compiled(found)


def pin_default(session: Session, shop_id: UUID, now: datetime) -> DunningPolicy:
    """The shipped default as a version of this shop, kept once per edition."""
    row = session.scalar(
        select(PolicyVersion).where(
            PolicyVersion.merchant_id == merchant_of(session),
            PolicyVersion.shop_id == shop_id,
            PolicyVersion.kind == KIND,
            PolicyVersion.note == _PINNED,
            PolicyVersion.author == SYSTEM,
        ),
    )
    number = row.version if row else policies.save(session, shop_id, KIND, DEFAULT_DUNNING, SYSTEM, _PINNED, now)
    return _compiled(policies.get(session, shop_id, KIND, number))


def by_ids(session: Session, ids: Iterable[UUID]) -> dict[UUID, DunningPolicy]:
    """These versions, compiled, in one query."""
    wanted = set(ids)
    if not wanted:
        return {}
    rows = session.scalars(
        select(PolicyVersion).where(PolicyVersion.merchant_id == merchant_of(session), PolicyVersion.id.in_(wanted)),
    )
    return {row.id: compile_dunning(row.body, row.version, row.id) for row in rows}


class Book:
    """The policies one run needs, each read once: those that claims follow and those that are live."""

    def __init__(self, session_of: Callable[[], Session], now: datetime) -> None:
        self._session_of, self._now = session_of, now
        self._kept: dict[UUID, DunningPolicy] = {}
        self._live: dict[UUID, DunningPolicy] = {}

    def read(self, followed: Sequence[UUID | None]) -> None:
        """Those that are not known yet."""
        self._kept |= by_ids(self._session_of(), {id_ for id_ in followed if id_ is not None} - self._kept.keys())

    def of(self, shop_id: UUID, policy_id: UUID | None) -> DunningPolicy:
        """The version a claim follows, or for one that begins now the live one."""
        if policy_id is not None and policy_id in self._kept:
            return self._kept[policy_id]
        if shop_id not in self._live:
            self._live[shop_id] = live(self._session_of(), shop_id)
        return self._live[shop_id]

    def pinned(self, shop_id: UUID, policy: DunningPolicy) -> DunningPolicy:
        """The same policy with an id that a claim can keep."""
        if policy.id is None:
            policy = self._live[shop_id] = pin_default(self._session_of(), shop_id, self._now)
            self._kept[policy.id or shop_id] = policy
        return policy


def view(document: PolicyDocument, live_number: int) -> dict[str, Any]:
    """A version as it is told, with its document."""
    return {
        "id": to_public("pol", document.id),
        "version": document.version,
        "stage": LIVE if document.version == live_number else DRAFT,
        "note": document.note,
        "author": document.author,
        "created_at": document.created_at,
        "document": document.body,
    }


def _compiled(document: PolicyDocument) -> DunningPolicy:
    return compile_dunning(document.body, document.version, document.id)
