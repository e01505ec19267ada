"""What happened to a subject, entry after entry: append-only, sealed, and each entry hashed onto the one before.

A subject is anything with an id (a claim, a decision, a policy, a user). A subject whose own row carries a digest begins
its chain on that digest (`start`), so that the row needs no entry of its own.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

from sqlalchemy import CheckConstraint, Table, UniqueConstraint, bindparam, insert, select, text
from sqlalchemy.orm import Mapped, Session

from gateway.core import bulk, chain, turns
from gateway.core.crypto import seal, unseal
from gateway.core.db import Base, Tenant, merchant_of
from gateway.core.ids import new_id


class History(Tenant, Base):
    """One entry of one chain."""

    __tablename__ = "history"
    __table_args__ = (
        UniqueConstraint("merchant_id", "subject_id", "seq"),
        CheckConstraint("seq > 0", name="seq_positive"),
    )

    subject_kind: Mapped[str]
    subject_id: Mapped[UUID]
    seq: Mapped[int]
    event: Mapped[str]
    actor: Mapped[str]
    """`kind:id`, as in `user:…`, `shop:…`, `worker`."""
    at: Mapped[datetime]
    body: Mapped[bytes]
    """JSON, sealed under the subject's data key."""
    prev_hash: Mapped[bytes]
    hash: Mapped[bytes]


@dataclass(frozen=True, slots=True)
class Entry:
    """What is to be remembered. `body` must be JSON."""

    subject_kind: str
    subject_id: UUID
    event: str
    actor: str
    at: datetime
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Line:
    """An entry as people read it; `body` is None when it was read without its key."""

    seq: int
    event: str
    actor: str
    at: datetime
    body: dict[str, Any] | None


def append(session: Session, entry: Entry, key: bytes, *, start: bytes | None = None) -> History:
    """Add an entry after the subject's last one; two at once queue up until the first transaction ends.

    `start` is the digest a chain begins on (32 bytes); it counts for the first entry only and must be the same for every
    append to that subject. The row that comes back is a copy outside the session. Append to several subjects in a fixed order (by id), or two transactions may deadlock.
    """
    if start is not None and len(start) != chain.DIGEST_BYTES:
        raise ValueError("a chain starts on a SHA-256 digest")
    merchant_id = merchant_of(session)
    turns.take(session, "history", entry.subject_id)
    last = session.execute(_LAST, {"merchant": merchant_id, "subject": entry.subject_id}).one_or_none()
    seq, prev_hash = (last.seq + 1, last.hash) if last else (1, start or _genesis(merchant_id, entry))
    row = _row(merchant_id, entry, seq, prev_hash, key)
    session.execute(_INSERT, {column.key: getattr(row, column.key) for column in _TABLE.c})
    return row


def append_many(session: Session, entries: Sequence[tuple[Entry, bytes]]) -> int:
    """Add many entries, each with its key, in three round trips; those of one subject in the order given.

    The caller has the rows of all subjects locked: nobody else appends to them meanwhile. For subjects without a digest of
    their own.
    """
    merchant_id, heads = merchant_of(session), _heads(session, {entry.subject_id for entry, _ in entries})
    rows = []
    for entry, key in entries:
        seq, prev_hash = heads.get(entry.subject_id) or (0, _genesis(merchant_id, entry))
        row = _values(merchant_id, entry, seq + 1, prev_hash, key)
        heads[entry.subject_id] = row["seq"], row["hash"]
        rows.append(row)
    if rows:
        bulk.insert(session, _TABLE, rows)
    return len(rows)


def _heads(session: Session, subject_ids: set[UUID]) -> dict[UUID, tuple[int, bytes]]:
    """Number and hash of the last entry of each subject that has one."""
    found = session.execute(_LAST_OF_MANY, {"merchant": merchant_of(session), "subjects": list(subject_ids)})
    return {row.subject_id: (row.seq, bytes(row.hash)) for row in found}


def lines(session: Session, subject_id: UUID, key: bytes | None, *, after_seq: int = 0, limit: int = 200) -> list[Line]:
    """The entries of a subject in order. Raises `Tampered` when a body does not open under this key."""
    rows = session.scalars(
        select(History)
        .where(History.merchant_id == merchant_of(session), History.subject_id == subject_id, History.seq > after_seq)
        .order_by(History.seq)
        .limit(limit),
    )
    return [Line(row.seq, row.event, row.actor, row.at, body_of(row, key) if key else None) for row in rows]


def body_of(row: History, key: bytes) -> dict[str, Any]:
    """The body in clear. Raises `Tampered`."""
    body: dict[str, Any] = json.loads(unseal(key, row.body, _context(row.merchant_id, row.subject_id, row.seq)))
    return body


_encoded = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode
_TABLE = cast("Table", History.__table__)
_INSERT = insert(_TABLE).inline()
_LAST = (
    select(History.seq, History.hash)
    .where(History.merchant_id == bindparam("merchant"), History.subject_id == bindparam("subject"))
    .order_by(History.seq.desc())
    .limit(1)
)

_LAST_OF_MANY = text(
    """
    SELECT wanted.subject_id, last.seq, last.hash
    FROM unnest(CAST(:subjects AS uuid[])) AS wanted (subject_id)
    CROSS JOIN LATERAL (SELECT seq, hash FROM history h
                        WHERE h.merchant_id = :merchant AND h.subject_id = wanted.subject_id
                        ORDER BY seq DESC LIMIT 1) AS last
    """,
)


def _row(merchant_id: UUID, entry: Entry, seq: int, prev_hash: bytes, key: bytes) -> History:
    return History(**_values(merchant_id, entry, seq, prev_hash, key))


def _values(merchant_id: UUID, entry: Entry, seq: int, prev_hash: bytes, key: bytes) -> dict[str, Any]:
    """The columns of an entry; a mapped object for each of thousands would take longer than sealing them."""
    body = _encoded(entry.body).encode()
    row = SimpleNamespace(
        merchant_id=merchant_id,
        id=new_id(),
        subject_kind=entry.subject_kind,
        subject_id=entry.subject_id,
        seq=seq,
        event=entry.event,
        actor=entry.actor,
        at=entry.at,
        body=seal(key, body, _context(merchant_id, entry.subject_id, seq)),
        prev_hash=prev_hash,
    )
    return {**vars(row), "hash": chain.entry_hash(cast("Any", row))}


def _genesis(merchant_id: UUID, entry: Entry) -> bytes:
    return chain.genesis(merchant_id, entry.subject_kind, entry.subject_id)


def _context(merchant_id: UUID, subject_id: UUID, seq: int) -> str:
    return f"history.body:{merchant_id}:{subject_id}:{seq}"
