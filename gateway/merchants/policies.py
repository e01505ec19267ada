"""Versioned policy documents of a shop: saved for good, made live by a pointer, rolled back by moving it.

The package that owns a kind validates a document before it is saved here.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from gateway.core import chain, turns
from gateway.core.db import merchant_of
from gateway.core.errors import NotFound, Refused
from gateway.core.ids import new_id
from gateway.merchants.models import PolicyActivation, PolicyLive, PolicyTrial, PolicyVersion


class PolicyUnknown(NotFound):
    """There is no such version of this policy."""


class NothingToRollBackTo(Refused):
    """No earlier version of this policy has been live."""


class AlreadyLive(Refused):
    """This version decides already; there is nothing to try."""


@dataclass(frozen=True, slots=True)
class PolicyDocument:
    """One version of one kind of a shop."""

    id: UUID
    shop_id: UUID
    kind: str
    version: int
    body: dict[str, Any]
    author: str
    note: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Activation:
    """When a version began to decide, and by whom ("" when a program did it)."""

    version: int
    at: datetime
    author: str
    stage: str = "live"
    percent: int | None = None


@dataclass(frozen=True, slots=True)
class Trial:
    """A version in the shadow, or deciding for `percent` of the buyers."""

    kind: str
    stage: str
    version: int
    percent: int
    since: datetime


def save(  # noqa: PLR0913, PLR0917 - the columns of a version; a class for them would have no other use
    session: Session, shop_id: UUID, kind: str, body: dict[str, Any], author: str, note: str, now: datetime
) -> int:
    """Keep a validated document as the next version of its kind and return its number. It decides nothing yet."""
    _lock(session, shop_id, kind)
    last = session.scalar(
        select(func.max(PolicyVersion.version)).where(*_of(PolicyVersion, session, shop_id, kind)),
    )
    row = PolicyVersion(
        merchant_id=merchant_of(session),
        shop_id=shop_id,
        kind=kind,
        version=(last or 0) + 1,
        body=body,
        note=note,
        author=author,
        created_at=now,
        id=new_id(),
    )
    row.digest = digest(row)
    session.add(row)
    session.flush()
    return row.version


def activate(session: Session, shop_id: UUID, kind: str, version: int, now: datetime, author: str = "") -> None:
    """From `now` on this version decides. Raises PolicyUnknown."""
    _lock(session, shop_id, kind)
    get(session, shop_id, kind, version)
    key = {"merchant_id": merchant_of(session), "shop_id": shop_id, "kind": kind}
    pointer = insert(PolicyLive).values(**key, version=version, since=now)
    session.execute(
        pointer.on_conflict_do_update(index_elements=list(key), set_={"version": version, "since": now}),
    )
    _end_trials(session, shop_id, kind, PolicyTrial.version == version)
    session.add(PolicyActivation(**key, version=version, author=author, at=now, stage="live"))
    session.flush()


def try_out(session: Session, shop_id: UUID, trial: Trial, author: str = "") -> None:
    """Let a version judge in the shadow, or decide for a share of the buyers, from `trial.since` on.

    It takes the place of the version that was in this stage, and leaves the stage it was in itself. Raises
    PolicyUnknown and AlreadyLive.
    """
    kind, now = trial.kind, trial.since
    _lock(session, shop_id, kind)
    get(session, shop_id, kind, trial.version)
    if live_versions(session, shop_id).get(kind) == trial.version:
        raise AlreadyLive(kind=kind, version=trial.version)
    _end_trials(session, shop_id, kind, (PolicyTrial.version == trial.version) | (PolicyTrial.stage == trial.stage))
    key = {"merchant_id": merchant_of(session), "shop_id": shop_id, "kind": kind}
    said = {"version": trial.version, "stage": trial.stage, "percent": trial.percent}
    session.add(PolicyTrial(**key, **said, since=now))
    session.add(PolicyActivation(**key, **said, author=author, at=now))
    session.flush()


def withdraw(session: Session, shop_id: UUID, kind: str, version: int, now: datetime, author: str = "") -> bool:
    """Take a version out of its trial: it is a draft again. False when it was in none."""
    _lock(session, shop_id, kind)
    if not _end_trials(session, shop_id, kind, PolicyTrial.version == version):
        return False
    key = {"merchant_id": merchant_of(session), "shop_id": shop_id, "kind": kind}
    session.add(PolicyActivation(**key, version=version, author=author, at=now, stage="draft"))
    session.flush()
    return True


def rollback(session: Session, shop_id: UUID, kind: str, now: datetime, author: str = "") -> int:
    """Undo what changed last and return the number of the version that decides then.

    A share of traffic that runs is ended. Without one, the version that was live before decides again, passing over
    those that were themselves taken back; twice goes back two versions. Raises NothingToRollBackTo.
    """
    _lock(session, shop_id, kind)
    live = live_versions(session, shop_id).get(kind, 0)
    for trial in trials(session, shop_id):
        if trial.kind == kind and trial.stage == "share":
            withdraw(session, shop_id, kind, trial.version, now, author)
            return live
    earlier = _in_force(session, shop_id, kind)[:-1]
    if not earlier:
        raise NothingToRollBackTo(kind=kind)
    activate(session, shop_id, kind, earlier[-1], now, author)
    return earlier[-1]


def _in_force(session: Session, shop_id: UUID, kind: str) -> list[int]:
    """The versions that were live one after the other, the last being live now, without what was taken back.

    An older version that decides again takes back all that came after it: 1, 2, 1, 3 leaves 1, 3.
    """
    rows = session.scalars(
        select(PolicyActivation.version)
        .where(*_of(PolicyActivation, session, shop_id, kind), PolicyActivation.stage == "live")
        .order_by(PolicyActivation.at, PolicyActivation.id),
    )
    kept: list[int] = []
    for version in rows:
        kept = [*(each for each in kept if each < version), version]
    return kept


def get(session: Session, shop_id: UUID, kind: str, version: int) -> PolicyDocument:
    """This version. Raises PolicyUnknown."""
    row = session.scalar(
        select(PolicyVersion).where(*_of(PolicyVersion, session, shop_id, kind), PolicyVersion.version == version),
    )
    if row is None:
        raise PolicyUnknown(kind=kind, version=version)
    return _document(row)


def by_id(session: Session, shop_id: UUID, id_: UUID | None) -> PolicyDocument:
    """The version with this id, of any kind. Raises PolicyUnknown."""
    row = session.get(PolicyVersion, (merchant_of(session), id_)) if id_ else None
    if row is None or row.shop_id != shop_id:
        raise PolicyUnknown
    return _document(row)


def find_live(session: Session, shop_id: UUID, kind: str) -> PolicyDocument | None:
    """The version that decides now, or None while none was made live."""
    version = live_versions(session, shop_id).get(kind)
    return None if version is None else get(session, shop_id, kind, version)


def live_versions(session: Session, shop_id: UUID) -> dict[str, int]:
    """Which version of each kind decides now."""
    rows = session.execute(
        select(PolicyLive.kind, PolicyLive.version).where(
            PolicyLive.merchant_id == merchant_of(session), PolicyLive.shop_id == shop_id
        ),
    )
    return {row.kind: row.version for row in rows}


def trials(session: Session, shop_id: UUID) -> list[Trial]:
    """What is on trial now: at most one version per kind and stage."""
    rows = session.scalars(
        select(PolicyTrial)
        .where(PolicyTrial.merchant_id == merchant_of(session), PolicyTrial.shop_id == shop_id)
        .order_by(PolicyTrial.kind, PolicyTrial.stage),
    )
    return [Trial(row.kind, row.stage, row.version, row.percent, row.since) for row in rows]


def acts_with(session: Session, shop_id: UUID, kind: str, name: str) -> bool:
    """Whether a version that is live or on trial says anything under this name of its document."""
    mine = {trial.version for trial in trials(session, shop_id) if trial.kind == kind}
    mine.add(live_versions(session, shop_id).get(kind, 0))
    found = session.scalar(
        select(func.count()).where(
            *_of(PolicyVersion, session, shop_id, kind),
            PolicyVersion.version.in_(mine),
            PolicyVersion.body[name].as_string().is_not(None),
        ),
    )
    return bool(found)


def history(
    session: Session, shop_id: UUID, kind: str, limit: int = 100, *, below: int | None = None
) -> list[PolicyDocument]:
    """The newest versions first, all of them or those before the version `below`."""
    older = () if below is None else (PolicyVersion.version < below,)
    rows = session.scalars(
        select(PolicyVersion)
        .where(*_of(PolicyVersion, session, shop_id, kind), *older)
        .order_by(PolicyVersion.version.desc())
        .limit(limit),
    )
    return [_document(row) for row in rows]


def activations(session: Session, shop_id: UUID, kind: str, limit: int = 100) -> list[Activation]:
    """When which version began to decide, the newest first."""
    rows = session.scalars(
        select(PolicyActivation)
        .where(*_of(PolicyActivation, session, shop_id, kind))
        .order_by(PolicyActivation.id.desc())
        .limit(limit),
    )
    return [Activation(row.version, row.at, row.author, row.stage, row.percent) for row in rows]


def digest(row: Any) -> bytes:
    """What a version says, in 32 bytes: anchors hold it, so that a version changed later is found by the audit."""
    body = json.dumps(_exact(row.body), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    version = (row.merchant_id, row.id, row.shop_id, row.kind, row.version)
    return chain.digest("kulanz policy 1", *version, body, row.note, row.author, row.created_at)


def _exact(value: Any) -> Any:
    """Numbers as the one decimal text of their value: jsonb gives back 1 for 1.0e0 and 0 for -0.0."""
    if isinstance(value, dict):
        return {name: _exact(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_exact(inner) for inner in value]
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{Decimal(repr(value)).normalize() + 0:f}"
    return value


def _end_trials(session: Session, shop_id: UUID, kind: str, which: Any) -> int:
    mine = (PolicyTrial.merchant_id == merchant_of(session), PolicyTrial.shop_id == shop_id, PolicyTrial.kind == kind)
    ended: int = session.execute(delete(PolicyTrial).where(*mine, which)).rowcount  # type: ignore[attr-defined]
    return ended


def _of(table: type[PolicyVersion | PolicyActivation], session: Session, shop_id: UUID, kind: str) -> tuple[Any, ...]:
    return table.merchant_id == merchant_of(session), table.shop_id == shop_id, table.kind == kind


def _lock(session: Session, shop_id: UUID, kind: str) -> None:
    """Two who save or activate the same kind at once do it one after the other."""
    turns.take(session, f"policy.{kind}", shop_id)


def _document(row: PolicyVersion) -> PolicyDocument:
    return PolicyDocument(row.id, row.shop_id, row.kind, row.version, row.body, row.author, row.note, row.created_at)
