"""What leaves the house: queued with the business transaction, delivered at least once, then parked where it is seen.

This is the side that queues; `core/delivery` is the side that sends. A message is sealed with the merchant's data key, since e-mails name people. Messages of test shops are written down as
WITHHELD and never sent. Several tries may reach the receiver: every one carries the same message id.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from gateway.core.crypto import Keyring, seal
from gateway.core.db import Base, Tenant, merchant_of
from gateway.core.errors import NotFound, Refused, TooLarge
from gateway.core.ids import new_id
from gateway.core.states import Lifecycle
from gateway.core.work import CHANNEL, WAKES, driver, enqueue

QUEUE = "outbox"
TASK = "outbox.deliver"
MAX_PAYLOAD = 5 * 1024 * 1024
KEPT = timedelta(days=30)
"""After that the content of a finished message is erased; that it was sent stays on record."""


class ContentErased(Refused):
    """The content of this message was erased; there is nothing left to send."""


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


@dataclass(frozen=True, slots=True)
class MailSent:
    """The mail server took these messages. Published in the transaction that notes it."""

    message_ids: tuple[UUID, ...]
    at: datetime
    keyring: Keyring = field(repr=False)


@dataclass(frozen=True, slots=True)
class MailParked:
    """Nothing more is tried with this message by itself; `code` says why, as the desk shows it."""

    message_id: UUID
    code: str
    at: datetime
    keyring: Keyring = field(repr=False)


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
        Index("ix_outbox_message_parked", "merchant_id", "parked_at", postgresql_where=text("state = 'parked'")),
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
    sealed = seal(data_key, message.payload, context(message_id))
    whither = (merchant_id, message_id, message.channel, message.destination, message.idempotency_key)
    row = (*whither, sealed, message.live, state, now, now)
    key = _key(merchant_id, message)
    wake = (QUEUE,) if message.live and WAKES.due(QUEUE) else ()
    if connection.exec_driver_sql(_QUEUE_AND_WAKE if wake else _QUEUE, (*row, key, *wake)).first():
        return Queued(message_id, new=True)
    known = connection.exec_driver_sql(_KNOWN, (merchant_id, message.idempotency_key)).scalar_one()
    return Queued(known, new=False)


def context(message_id: UUID) -> str:
    """Under which the payload is sealed."""
    return f"outbox_message.payload:{message_id}"


def _key(merchant_id: UUID, message: Message) -> str:
    """What fails together waits together: one endpoint, or the mail server for everybody."""
    return "email" if message.channel is Channel.EMAIL else f"http:{merchant_id}:{message.destination}"


_INSERTS = f"""
    WITH new AS (
        INSERT INTO outbox_message (merchant_id, id, channel, destination, idempotency_key, payload, live, state,
                                    next_at, created_at)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
        ON CONFLICT (merchant_id, idempotency_key) DO NOTHING RETURNING merchant_id, id, live),
    job AS (
        INSERT INTO job (queue, task, merchant_id, args, run_at, key)
        SELECT '{QUEUE}', '{TASK}', merchant_id, jsonb_build_object('message_id', id), now(), %s FROM new WHERE live)
"""  # noqa: S608 - constants
_QUEUE = f"{_INSERTS} SELECT id FROM new"  # noqa: S608 - constants
_QUEUE_AND_WAKE = f"{_INSERTS} SELECT id, pg_notify('{CHANNEL}', %s) FROM new"  # noqa: S608 - constants
_KNOWN = "SELECT id FROM outbox_message WHERE merchant_id = %s AND idempotency_key = %s"


def cancel(session: Session, message_id: UUID) -> None:
    """Do not send it any more; one that is just being sent still leaves. Raises `NotFound`, `Refused`."""
    message = _get(session, message_id)
    _move(session, message, LIFECYCLE.after(State(message.state), "cancel"), _CANCEL)


_CANCEL = "UPDATE outbox_message SET state = %s WHERE merchant_id = %s AND id = %s"


def replay(session: Session, message_id: UUID) -> None:
    """Send a parked message again, with all its tries. Raises `NotFound`, `Refused`, `ContentErased`."""
    message = _get(session, message_id)
    state = LIFECYCLE.after(State(message.state), "replay")
    if message.payload is None:
        raise ContentErased
    _move(session, message, state, _REPLAY)
    enqueue(
        session,
        TASK,
        queue=QUEUE,
        merchant_id=message.merchant_id,
        args={"message_id": str(message_id)},
        key=_key_of(message),
        unique=f"outbox:{message_id}",
    )


_REPLAY = """
    UPDATE outbox_message SET state = %s, attempts = 0, parked_at = NULL, last_error = NULL
    WHERE merchant_id = %s AND id = %s
"""


def _key_of(message: OutboxMessage) -> str:
    stored = Message(Channel(message.channel), message.destination, b"", message.idempotency_key, message.live)
    return _key(message.merchant_id, stored)


def _get(session: Session, message_id: UUID) -> OutboxMessage:
    """As it is now, locked. Raises `NotFound`."""
    message = session.get(
        OutboxMessage, (merchant_of(session), message_id), with_for_update=True, populate_existing=True
    )
    if message is None:
        raise NotFound
    return message


def _move(session: Session, message: OutboxMessage, state: State, statement: str) -> None:
    driver(session).exec_driver_sql(statement, (state, message.merchant_id, message.id))
    session.refresh(message)


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
