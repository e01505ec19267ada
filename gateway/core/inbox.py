"""What comes into the house: the raw message is stored once, answered, and worked off by a job.

A message is `signed` or `partly` signed (it then claims its event id: the same event is stored once), a `hint` (only a
pointer to something that is fetched from the sender; each one counts), or `unverified` (kept for a short time so that
somebody can see why, and never acted upon). Bodies are sealed with the merchant's data key and erased in time.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from gateway.core import clock
from gateway.core.channels import post_notice
from gateway.core.crypto import seal, unseal
from gateway.core.db import Base, Tenant, merchant_of
from gateway.core.errors import NotFound, Refused
from gateway.core.hot import HotStatement, Link
from gateway.core.ids import new_id, to_public
from gateway.core.services import Services
from gateway.core.states import Lifecycle
from gateway.core.work import CHANNEL, WAKES, Backoff, Fail, Job, Task, driver, enqueue

QUEUE = "inbox"
TASK = "inbox.handle"
LIMIT = 12
"""Tries before a message is parked: with the pauses below about three hours."""
PAUSES = Backoff(base_s=5.0, cap_s=3600.0)
KEPT = timedelta(days=30)
"""How long bodies of verified messages and hints are kept; that they came stays on record for `KNOWN`."""
KEPT_UNVERIFIED = timedelta(hours=48)
KNOWN = timedelta(days=400)
MAX_BODY = 1024 * 1024
MAX_EVENT_ID = 255
HEADERS = frozenset({"content-type", "user-agent", "date", "webhook-id", "webhook-timestamp"})
"""Kept of every message; adapters name what else they need. Never credentials, cookies or signatures by themselves."""


class Proof(StrEnum):
    """How much of a message its sender has proven."""

    SIGNED = "signed"
    PARTLY = "partly"
    HINT = "hint"
    UNVERIFIED = "unverified"


class State(StrEnum):
    """Of a message."""

    RECEIVED = "received"
    DONE = "done"
    PARKED = "parked"
    IGNORED = "ignored"


LIFECYCLE = Lifecycle(
    "inbox message",
    State.RECEIVED,
    {
        (State.RECEIVED, "finish"): State.DONE,
        (State.RECEIVED, "ignore"): State.IGNORED,
        (State.RECEIVED, "park"): State.PARKED,
        (State.PARKED, "replay"): State.RECEIVED,
        (State.PARKED, "ignore"): State.IGNORED,
    },
)

ROOM: Mapping[Proof, int] = {Proof.HINT: 1000, Proof.UNVERIFIED: 50}
"""How many unfinished messages of a connection are kept when nothing proves who sent them."""


class InboxMessage(Tenant, Base):
    """One message as it came, and what became of it."""

    __tablename__ = "inbox_message"
    __table_args__ = (
        CheckConstraint("proof IN ('signed', 'partly', 'hint', 'unverified')", name="proof"),
        CheckConstraint("state IN ('received', 'done', 'parked', 'ignored')", name="state"),
        CheckConstraint("proof <> 'unverified' OR state = 'ignored'", name="unverified_is_ignored"),
        Index(
            "uq_inbox_message_event",
            "merchant_id",
            "connection_id",
            "event_id",
            unique=True,
            postgresql_where=text("proof IN ('signed', 'partly')"),
        ),
        Index(
            "ix_inbox_message_unproven",
            "merchant_id",
            "connection_id",
            postgresql_where=text("proof = 'unverified' OR (proof = 'hint' AND state = 'received')"),
        ),
        Index("ix_inbox_message_expiry", "merchant_id", "expires_at"),
        Index("ix_inbox_message_parked", "merchant_id", "received_at", postgresql_where=text("state = 'parked'")),
    )

    connection_id: Mapped[UUID]
    kind: Mapped[str]
    """Of the connection; chooses the handler."""
    event_id: Mapped[str]
    proof: Mapped[str]
    headers: Mapped[dict[str, Any]]
    body: Mapped[bytes | None]
    """Sealed; NULL once it was erased."""
    state: Mapped[str]
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    last_error: Mapped[str | None]
    received_at: Mapped[datetime]
    done_at: Mapped[datetime | None]
    expires_at: Mapped[datetime]


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message at the door, its proof already judged by the adapter of its `kind`."""

    connection_id: UUID
    kind: str
    event_id: str
    proof: Proof
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Received:
    """A stored message as its handler gets it."""

    id: UUID
    merchant_id: UUID
    connection_id: UUID
    kind: str
    event_id: str
    proof: Proof
    headers: Mapping[str, str]
    body: bytes
    received_at: datetime


class Stored(StrEnum):
    """What the door did with a message."""

    NEW = "new"
    KNOWN = "known"
    """This event was stored before: answer 2xx."""
    FULL = "full"
    """Too many unproven messages wait: nothing was stored."""


Effect = Callable[[Session], None]
Handler = Callable[[Services, Received], Effect | None]
"""Looks at a message, outside of any transaction: it may ask the sender for the object. What it returns is applied in
the transaction that marks the message as done, so it happens once; None means that there is nothing to do."""
KeyOf = Callable[[Session], bytes]


def store(
    link: Link,
    merchant_id: UUID,
    message: Incoming,
    *,
    data_key: bytes,
    now: datetime,
    keep_headers: frozenset[str] = frozenset(),
) -> Stored:
    """Store a message and its job in the caller's transaction, in one round trip.

    The caller limits the body to `MAX_BODY` at the door. Raises `Refused` for an event id longer than `MAX_EVENT_ID`.
    """
    if len(message.event_id) > MAX_EVENT_ID:
        raise Refused(reason="event-id-too-long")
    wake = message.proof is not Proof.UNVERIFIED and WAKES.due(QUEUE)
    statements = _STORE_UNPROVEN if message.proof in ROOM else _STORE
    if statements[wake].row(link, _columns(merchant_id, message, data_key, now, HEADERS | keep_headers)):
        return Stored.NEW
    return Stored.FULL if message.proof in ROOM else Stored.KNOWN


def _columns(
    merchant_id: UUID, message: Incoming, data_key: bytes, now: datetime, allowed: frozenset[str]
) -> dict[str, Any]:
    message_id, unverified = new_id(), message.proof is Proof.UNVERIFIED
    headers = {name.lower(): value for name, value in message.headers.items() if name.lower() in allowed}
    state = LIFECYCLE.after(LIFECYCLE.start, "ignore") if unverified else LIFECYCLE.start
    return {
        "merchant": merchant_id,
        "id": message_id,
        "connection": message.connection_id,
        "kind": message.kind,
        "event": message.event_id,
        "proof": message.proof.value,
        "headers": json.dumps(headers),
        "body": seal(data_key, message.body, _context(message_id)),
        "state": str(state),
        "now": now,
        "expires_at": now + (KEPT_UNVERIFIED if unverified else KEPT),
        "room": ROOM.get(message.proof, 0),
    }


def _context(message_id: UUID) -> str:
    return f"inbox_message.body:{message_id}"


_ROW = """
    INSERT INTO inbox_message (merchant_id, id, connection_id, kind, event_id, proof, headers, body, state,
                               received_at, expires_at)
    SELECT CAST(:merchant AS uuid), CAST(:id AS uuid), CAST(:connection AS uuid), CAST(:kind AS text),
           CAST(:event AS text), CAST(:proof AS text), CAST(CAST(:headers AS text) AS jsonb), CAST(:body AS bytea),
           CAST(:state AS text), CAST(:now AS timestamptz), CAST(:expires_at AS timestamptz)
"""
_CLAIMS_EVENT = """
    ON CONFLICT (merchant_id, connection_id, event_id) WHERE proof IN ('signed', 'partly') DO NOTHING
"""
_IF_ROOM = """
    WHERE (SELECT count(*) FROM inbox_message
           WHERE merchant_id = CAST(:merchant AS uuid) AND connection_id = CAST(:connection AS uuid)
             AND proof = CAST(:proof AS text)
             AND (proof = 'unverified' OR (proof = 'hint' AND state = 'received'))) < CAST(:room AS int)
"""
_JOB = f"""
    INSERT INTO job (queue, task, merchant_id, args, run_at)
    SELECT '{QUEUE}', '{TASK}', merchant_id, jsonb_build_object('message_id', id), now() FROM new
    WHERE proof <> 'unverified'
"""  # noqa: S608 - constants


def _statements(rows: str) -> tuple[HotStatement, HotStatement]:
    """Without and with a wake-up call."""
    insert = f"WITH new AS ({rows} RETURNING merchant_id, id, proof), job AS ({_JOB})"
    notify = f"pg_notify('{CHANNEL}', '{QUEUE}')"
    return (
        HotStatement(text(f"{insert} SELECT id FROM new")),  # noqa: S608 - constants
        HotStatement(text(f"{insert} SELECT id, {notify} FROM new")),  # noqa: S608 - constants
    )


_STORE = _statements(_ROW + _CLAIMS_EVENT)
_STORE_UNPROVEN = _statements(_ROW + _IF_ROOM)


def replay(session: Session, message_id: UUID) -> None:
    """Handle a parked message again. Raises `NotFound`, `Refused` (not parked, or its body was erased)."""
    row = driver(session).exec_driver_sql(_STATE, (merchant_of(session), message_id)).first()
    if row is None:
        raise NotFound
    state = LIFECYCLE.after(State(row[0]), "replay")
    if row[1]:
        raise Refused(reason="erased")
    driver(session).exec_driver_sql(_REPLAY, (state, merchant_of(session), message_id))
    args = {"message_id": str(message_id)}
    enqueue(session, TASK, queue=QUEUE, merchant_id=merchant_of(session), args=args, unique=f"inbox:{message_id}")


_STATE = "SELECT state, body IS NULL FROM inbox_message WHERE merchant_id = %s AND id = %s FOR UPDATE"
_REPLAY = "UPDATE inbox_message SET state = %s, attempts = 0, last_error = NULL WHERE merchant_id = %s AND id = %s"


def handling_task(key_of: KeyOf, handlers: Mapping[str, Handler]) -> Task:
    """The task that works off messages with the handler of their connection's kind.

    A handler raises `Retry`, `Fail` or anything else, as any handler of a job; after `LIMIT` tries its message is
    parked.
    """

    def handle(services: Services, job: Job) -> None:
        message = _open(services, job, key_of)
        if message is None:
            return
        handler = handlers.get(message.kind)
        if handler is None:
            raise Fail("unknown-kind")
        _apply(services, message, handler(services, message))

    return Task(TASK, handle, queue=QUEUE, max_attempts=LIMIT, backoff=PAUSES, timeout_s=120, on_dead=_park)


def _open(services: Services, job: Job, key_of: KeyOf) -> Received | None:
    with services.db.transaction(job.merchant_id) as session:
        row = driver(session).exec_driver_sql(_READ, (job.merchant_id, job.args["message_id"])).first()
        if row is None:
            return None
        message_id, connection_id, kind, event_id, proof, headers, sealed, received_at = row
        body = unseal(key_of(session), bytes(sealed), _context(message_id))
        merchant_id = merchant_of(session)
    return Received(message_id, merchant_id, connection_id, kind, event_id, Proof(proof), headers, body, received_at)


_READ = """
    SELECT id, connection_id, kind, event_id, proof, headers, body, received_at FROM inbox_message
    WHERE merchant_id = %s AND id = %s AND state = 'received' AND body IS NOT NULL
"""


def _apply(services: Services, message: Received, effect: Effect | None) -> None:
    """Effect and mark in one transaction; whoever comes second finds the message marked and does nothing."""
    with services.db.transaction(message.merchant_id) as session:
        state = LIFECYCLE.after(State.RECEIVED, "finish" if effect else "ignore")
        values = (state, clock.now(), message.merchant_id, message.id)
        if driver(session).exec_driver_sql(_MARK, values).rowcount and effect:
            effect(session)


_MARK = """
    UPDATE inbox_message SET state = %s, attempts = attempts + 1, last_error = NULL, done_at = %s
    WHERE merchant_id = %s AND id = %s AND state = 'received'
"""


def _park(services: Services, job: Job, error: str) -> None:
    """Nothing more is tried by itself: the message waits for somebody to look."""
    with services.db.transaction(job.merchant_id) as session:
        state = LIFECYCLE.after(State.RECEIVED, "park")
        row = driver(session).exec_driver_sql(
            _TO_PARKED, (state, job.attempt, error, job.merchant_id, job.args["message_id"])
        )
        if parked := row.first():
            facts = {"message_id": to_public("in", parked[0]), "kind": parked[1], "error": error}
            post_notice(session, "inbox-parked", str(parked[2]), facts, clock.now())


_TO_PARKED = """
    UPDATE inbox_message SET state = %s, attempts = %s, last_error = %s
    WHERE merchant_id = %s AND id = %s AND state = 'received' RETURNING id, kind, connection_id
"""


def expire(session: Session, now: datetime, limit: int = 1000) -> int:
    """Erase what has expired and forget what was erased long ago; how many rows, at most `limit` of each kind."""
    connection, merchant_id = driver(session), merchant_of(session)
    erased = connection.exec_driver_sql(_ERASE, (KNOWN, merchant_id, now, limit)).rowcount
    return erased + connection.exec_driver_sql(_FORGET, (merchant_id, now, limit)).rowcount


# The date of expiry serves twice: until it the body is kept, and from then on the row, so that an event stays known.
_ERASE = """
    UPDATE inbox_message SET body = NULL, headers = '{}', expires_at = received_at + %s
    WHERE (merchant_id, id) IN (
        SELECT merchant_id, id FROM inbox_message
        WHERE merchant_id = %s AND expires_at < %s AND body IS NOT NULL AND state <> 'received'
              AND proof <> 'unverified'
        LIMIT %s FOR UPDATE SKIP LOCKED)
"""
_FORGET = """
    DELETE FROM inbox_message
    WHERE (merchant_id, id) IN (
        SELECT merchant_id, id FROM inbox_message
        WHERE merchant_id = %s AND expires_at < %s AND (body IS NULL OR proof = 'unverified')
        LIMIT %s FOR UPDATE SKIP LOCKED)
"""
