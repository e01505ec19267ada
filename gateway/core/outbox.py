"""What leaves the house: queued with the business transaction, delivered at least once, then parked where it is seen.

A message is sealed with the merchant's data key, since e-mails name people. Messages of test shops are written down as
WITHHELD and never sent. Several tries may reach the receiver: every one carries the same message id.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Mapped, Session, mapped_column

from gateway.core import clock
from gateway.core.channels import (
    Delivered,
    Endpoint,
    Failed,
    Mail,
    Outcome,
    Refused,
    post_notice,
    post_signed,
    send_mail,
)
from gateway.core.crypto import seal, unseal
from gateway.core.db import Base, Tenant, merchant_of
from gateway.core.egress import Guard, SafeAdapter
from gateway.core.errors import GatewayError, NotFound, TooLarge
from gateway.core.ids import new_id, to_public
from gateway.core.services import Services
from gateway.core.states import Lifecycle
from gateway.core.work import CHANNEL, WAKES, Backoff, Job, Retry, Task, driver, enqueue, postpone

QUEUE = "outbox"
TASK = "outbox.deliver"
LIMIT = 16
"""Tries before a message is parked: with the pauses below about thirty hours."""
PAUSES = Backoff(base_s=10.0, cap_s=6 * 3600.0)
DOWN_S = 300.0
"""At most so long everything for an endpoint waits after one of its deliveries failed; then a few try again."""
MAX_PAYLOAD = 5 * 1024 * 1024
KEPT = timedelta(days=30)
"""After that the content of a finished message is erased; that it was sent stays on record."""

KeyOf = Callable[[Session], bytes]
"""The data key of the transaction's merchant."""
Resolve = Callable[[Session, str], Endpoint]
"""The endpoint behind a destination. Raises `NotFound` or `Refused` when there is none any more."""


class Channel(StrEnum):
    """How a message leaves."""

    HTTP = "http"
    EMAIL = "email"


class State(StrEnum):
    """Of a message."""

    QUEUED = "queued"
    SENT = "sent"
    PARKED = "parked"
    CANCELLED = "cancelled"
    WITHHELD = "withheld"


LIFECYCLE = Lifecycle(
    "outbox message",
    State.QUEUED,
    {
        (State.QUEUED, "send"): State.SENT,
        (State.QUEUED, "park"): State.PARKED,
        (State.QUEUED, "cancel"): State.CANCELLED,
        (State.QUEUED, "withhold"): State.WITHHELD,
        (State.PARKED, "replay"): State.QUEUED,
        (State.PARKED, "cancel"): State.CANCELLED,
    },
)


class OutboxMessage(Tenant, Base):
    """One message and what became of it."""

    __tablename__ = "outbox_message"
    __table_args__ = (
        UniqueConstraint("merchant_id", "idempotency_key"),
        CheckConstraint("state IN ('queued', 'sent', 'parked', 'cancelled', 'withheld')", name="state"),
        CheckConstraint("live OR state = 'withheld'", name="test_is_withheld"),
        Index("ix_outbox_message_desk", "merchant_id", "state", "created_at"),
        Index("ix_outbox_message_kept", "merchant_id", "created_at", postgresql_where=text("payload IS NOT NULL")),
    )

    channel: Mapped[str]
    destination: Mapped[str]
    """Reference of an endpoint; empty for e-mail, whose recipient is part of the sealed payload."""
    idempotency_key: Mapped[str]
    payload: Mapped[bytes | None]
    """Sealed; NULL once it was erased."""
    live: Mapped[bool]
    state: Mapped[str]
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    next_at: Mapped[datetime | None]
    last_error: Mapped[str | None]
    created_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    parked_at: Mapped[datetime | None]


@dataclass(frozen=True, slots=True)
class Message:
    """What is to leave. `payload` is JSON for HTTP and `Mail.encode()` for e-mail, in the clear.

    Two messages with one `idempotency_key` are one message.
    """

    channel: Channel
    destination: str
    payload: bytes
    idempotency_key: str
    live: bool


@dataclass(frozen=True, slots=True)
class Queued:
    """The message in the outbox; not `new` when its idempotency key was known."""

    id: UUID
    new: bool


def queue(session: Session, message: Message, *, data_key: bytes, now: datetime) -> Queued:
    """Write a message and its job in the caller's transaction, in one round trip.

    Raises `TooLarge` beyond `MAX_PAYLOAD`.
    """
    if len(message.payload) > MAX_PAYLOAD:
        raise TooLarge(limit_bytes=MAX_PAYLOAD)
    merchant_id, message_id, connection = merchant_of(session), new_id(), driver(session)
    state = LIFECYCLE.start if message.live else LIFECYCLE.after(LIFECYCLE.start, "withhold")
    sealed = seal(data_key, message.payload, _context(message_id))
    whither = (merchant_id, message_id, message.channel, message.destination, message.idempotency_key)
    row = (*whither, sealed, message.live, state, now, now)
    job = (merchant_id, json.dumps({"message_id": str(message_id)}), _key(merchant_id, message), message.live)
    wake = (QUEUE,) if message.live and WAKES.due(QUEUE) else ()
    if connection.exec_driver_sql(_QUEUE_AND_WAKE if wake else _QUEUE, (*row, *job, *wake)).first():
        return Queued(message_id, new=True)
    known = connection.exec_driver_sql(_KNOWN, (merchant_id, message.idempotency_key)).scalar_one()
    return Queued(known, new=False)


def _context(message_id: UUID) -> str:
    return f"outbox_message.payload:{message_id}"


def _key(merchant_id: UUID, message: Message) -> str:
    """What fails together waits together: one endpoint, or the mail server for everybody."""
    return "email" if message.channel is Channel.EMAIL else f"http:{merchant_id}:{message.destination}"


_INSERTS = f"""
    WITH new AS (
        INSERT INTO outbox_message (merchant_id, id, channel, destination, idempotency_key, payload, live, state,
                                    next_at, created_at)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
        ON CONFLICT (merchant_id, idempotency_key) DO NOTHING RETURNING id),
    job AS (
        INSERT INTO job (queue, task, merchant_id, args, run_at, key)
        SELECT '{QUEUE}', '{TASK}', %s, %s::jsonb, now(), %s FROM new WHERE %s)
"""  # noqa: S608 - constants
_QUEUE = f"{_INSERTS} SELECT id FROM new"  # noqa: S608 - constants
_QUEUE_AND_WAKE = f"{_INSERTS} SELECT id, pg_notify('{CHANNEL}', %s) FROM new"  # noqa: S608 - constants
_KNOWN = "SELECT id FROM outbox_message WHERE merchant_id = %s AND idempotency_key = %s"


def cancel(session: Session, message_id: UUID) -> None:
    """Do not send it any more; one that is just being sent still leaves. Raises `NotFound`, `Refused`."""
    _move(session, message_id, "cancel", "UPDATE outbox_message SET state = %s WHERE merchant_id = %s AND id = %s")


def replay(session: Session, message_id: UUID) -> None:
    """Send a parked message again, with all its tries. Raises `NotFound`, `Refused`."""
    message = _move(session, message_id, "replay", _REPLAY)
    enqueue(
        session,
        TASK,
        queue=QUEUE,
        merchant_id=message.merchant_id,
        args={"message_id": str(message_id)},
        key=_key_of(message),
        unique=f"outbox:{message_id}",
    )


_REPLAY = "UPDATE outbox_message SET state = %s, attempts = 0, parked_at = NULL WHERE merchant_id = %s AND id = %s"


def _key_of(message: OutboxMessage) -> str:
    stored = Message(Channel(message.channel), message.destination, b"", message.idempotency_key, message.live)
    return _key(message.merchant_id, stored)


def _move(session: Session, message_id: UUID, event: str, statement: str) -> OutboxMessage:
    message = session.get(
        OutboxMessage, (merchant_of(session), message_id), with_for_update=True, populate_existing=True
    )
    if message is None:
        raise NotFound
    state = LIFECYCLE.after(State(message.state), event)
    driver(session).exec_driver_sql(statement, (state, message.merchant_id, message.id))
    session.expire(message)
    session.refresh(message)
    return message


def expire(session: Session, now: datetime, limit: int = 1000) -> int:
    """Erase the content of finished messages after `KEPT`, and of parked ones; how many, at most `limit`."""
    values = (merchant_of(session), now - KEPT, limit)
    return driver(session).exec_driver_sql(_EXPIRE, values).rowcount


_EXPIRE = """
    UPDATE outbox_message SET payload = NULL
    WHERE (merchant_id, id) IN (
        SELECT merchant_id, id FROM outbox_message
        WHERE merchant_id = %s AND payload IS NOT NULL AND created_at < %s AND state <> 'queued'
        LIMIT %s FOR UPDATE SKIP LOCKED)
"""


@dataclass(frozen=True, slots=True)
class _Letter:
    """A message in the clear on its way out."""

    merchant_id: UUID
    id: UUID
    channel: Channel
    destination: str
    attempts: int
    payload: bytes
    endpoint: Endpoint | None

    @property
    def public_id(self) -> str:
        return to_public("msg", self.id)


def delivery_task(key_of: KeyOf, resolve: Resolve) -> Task:
    """The task that delivers messages. Sending happens outside of any transaction."""

    def deliver(services: Services, job: Job) -> None:
        found = _open(services, job, key_of, resolve)
        if found is None:
            return
        letter, outcome = found if isinstance(found, tuple) else (found, _send(services, found))
        _record(services, job, letter, outcome)

    # The message counts its own tries; the job's limit is for handlers that crash.
    return Task(TASK, deliver, queue=QUEUE, max_attempts=4 * LIMIT, backoff=PAUSES, timeout_s=120, on_dead=_give_up)


def _open(services: Services, job: Job, key_of: KeyOf, resolve: Resolve) -> "_Letter | tuple[_Letter, Refused] | None":
    """The letter, or with it why it cannot be sent, or None when it is no longer to be sent."""
    with services.db.transaction(job.merchant_id) as session:
        row = driver(session).exec_driver_sql(_READ, (job.merchant_id, job.args["message_id"])).first()
        if row is None:
            return None
        message_id, channel, destination, attempts, sealed = row
        letter = _Letter(merchant_of(session), message_id, Channel(channel), destination, attempts, b"", None)
        if sealed is None:
            return letter, Refused("erased")
        payload = unseal(key_of(session), bytes(sealed), _context(message_id))
        try:
            endpoint = resolve(session, destination) if letter.channel is Channel.HTTP else None
        except GatewayError as gone:
            if gone.status >= 500:
                raise
            return letter, Refused(gone.code)
    return _Letter(letter.merchant_id, message_id, letter.channel, destination, attempts, payload, endpoint)


_READ = """
    SELECT id, channel, destination, attempts, payload FROM outbox_message
    WHERE merchant_id = %s AND id = %s AND state = 'queued' AND live
"""


@lru_cache(maxsize=2)
def adapter(*, allow_private: bool) -> SafeAdapter:
    """The connections of this process, shared by its threads."""
    return SafeAdapter(Guard(allow_private=allow_private))


def _send(services: Services, letter: _Letter) -> Outcome:
    now = clock.now()
    if letter.endpoint is not None:
        connections = adapter(allow_private=services.allow_private_urls)
        return post_signed(connections, letter.endpoint, letter.public_id, letter.payload, now)
    mail = Mail.decode(letter.payload)
    return send_mail(services.mail_url, services.mail_from, mail, letter.public_id, now)


def _record(services: Services, job: Job, letter: _Letter, outcome: Outcome) -> None:
    """Write down what came of a try. Raises `Retry` when there is to be another one."""
    if isinstance(outcome, Delivered):
        with services.db.connection(letter.merchant_id) as connection:
            _finish(connection, letter, "send", None)
        return
    tries = letter.attempts + 1
    final = isinstance(outcome, Refused) or not outcome.retry or tries >= LIMIT
    with services.db.transaction(letter.merchant_id) as session:
        if final:
            _park(session, letter, outcome.code)
            return
        pause_s = max(PAUSES.delay_s(tries), outcome.after_s or 0.0) if isinstance(outcome, Failed) else 0.0
        _put_off(session, job, letter, outcome, pause_s)
    raise Retry(pause_s, outcome.code)


def _put_off(session: Session, job: Job, letter: _Letter, outcome: Failed | Refused, pause_s: float) -> None:
    """Count the try; when the endpoint is down, everything else for it waits as well."""
    values = (
        letter.attempts + 1,
        outcome.code,
        clock.now() + timedelta(seconds=pause_s),
        letter.merchant_id,
        letter.id,
    )
    driver(session).exec_driver_sql(_COUNT_TRY, values)
    if isinstance(outcome, Failed) and outcome.down and job.key:
        postpone(session, QUEUE, job.key, min(pause_s, DOWN_S))


_COUNT_TRY = """
    UPDATE outbox_message SET attempts = %s, last_error = %s, next_at = %s
    WHERE merchant_id = %s AND id = %s AND state = 'queued'
"""


def _park(session: Session, letter: _Letter, code: str) -> None:
    if _finish(driver(session), letter, "park", code):
        facts = {"message_id": letter.public_id, "channel": letter.channel, "error": code}
        subject = f"{letter.channel}:{letter.destination}"
        post_notice(session, "outbox-parked", subject, facts, clock.now())


def _finish(connection: Connection, letter: _Letter, event: str, code: str | None) -> bool:
    """Leave QUEUED for good; False when somebody else did so meanwhile."""
    state, now = LIFECYCLE.after(State.QUEUED, event), clock.now()
    sent, parked = (now, None) if state is State.SENT else (None, now)
    values = (state, letter.attempts + 1, sent, parked, code, letter.merchant_id, letter.id)
    return connection.exec_driver_sql(_FINISH, values).rowcount == 1


_FINISH = """
    UPDATE outbox_message SET state = %s, attempts = %s, sent_at = %s, parked_at = %s, last_error = %s, next_at = NULL
    WHERE merchant_id = %s AND id = %s AND state = 'queued'
"""


def _give_up(services: Services, job: Job, _error: str) -> None:
    """The job died of something that is no outcome of sending: the message must not stay queued without a job."""
    with services.db.transaction(job.merchant_id) as session:
        row = driver(session).exec_driver_sql(_READ, (job.merchant_id, job.args["message_id"])).first()
        if row is not None:
            letter = _Letter(merchant_of(session), row[0], Channel(row[1]), row[2], row[3], b"", None)
            _park(session, letter, "crashed")
