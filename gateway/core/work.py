"""Work that must happen is a row: enqueued in the caller's transaction, run at least once, kept when it dies.

`run_at` is both the due time and the lease: a new, a delayed, a failed and an abandoned job are all found by the one
index (queue, run_at). `attempts` grows with every claim and fences off a worker that lost its lease. A finished job is
deleted; what it did stands in the tables of the feature. Jobs hold ids, never facts. See docs/adr/0002.
"""

import json
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Identity, Index, func, text
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Mapped, Session, mapped_column

from gateway.core.db import Base
from gateway.core.errors import GatewayError
from gateway.core.services import Services

CHANNEL = "kulanz_job"
"""Of LISTEN/NOTIFY; the payload is the queue."""
BATCH = 1000
"""Rows per statement wherever jobs are written or moved in bulk."""
WAKE_EVERY_S = 0.1

JobArgs = Mapping[str, str | int]


class JobRow(Base):
    """A job that waits or runs (`worker` is set and `run_at`, its lease, lies ahead)."""

    __tablename__ = "job"
    __table_args__ = (
        Index("ix_job_due", "queue", "run_at"),
        Index("uq_job_uniq", "uniq", unique=True, postgresql_where=text("uniq IS NOT NULL")),
        Index(
            "ix_job_running", "queue", "key", "slot", postgresql_where=text("worker IS NOT NULL AND key IS NOT NULL")
        ),
        Index("ix_job_waiting", "queue", "key", postgresql_where=text("worker IS NULL AND key IS NOT NULL")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    queue: Mapped[str]
    task: Mapped[str]
    merchant_id: Mapped[UUID | None]
    args: Mapped[dict[str, Any]]
    run_at: Mapped[datetime]
    key: Mapped[str | None]
    uniq: Mapped[str | None]
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    worker: Mapped[UUID | None]
    slot: Mapped[int | None] = mapped_column(BigInteger)
    """Which jobs of one key are worked off one after the other: the id of the first of them."""
    last_error: Mapped[str | None]
    """An error's code and class, nothing that could name a person."""
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class DeadJob(Base):
    """A job that failed for good; it stays until the operator replays or forgets it."""

    __tablename__ = "job_dead"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    queue: Mapped[str]
    task: Mapped[str]
    merchant_id: Mapped[UUID | None]
    args: Mapped[dict[str, Any]]
    key: Mapped[str | None]
    uniq: Mapped[str | None]
    attempts: Mapped[int]
    last_error: Mapped[str | None]
    created_at: Mapped[datetime]
    died_at: Mapped[datetime] = mapped_column(server_default=func.now(), index=True)


class ScheduleTick(Base):
    """When each entry of the schedule was last enqueued."""

    __tablename__ = "schedule_tick"

    name: Mapped[str] = mapped_column(primary_key=True)
    last: Mapped[datetime]


class WorkerBeat(Base):
    """A sign of life of each running worker, for the operator's health check."""

    __tablename__ = "worker_beat"

    worker: Mapped[UUID] = mapped_column(primary_key=True)
    host: Mapped[str]
    pid: Mapped[int]
    started_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    running: Mapped[int]
    stuck: Mapped[int]


class Retry(GatewayError):
    """The job cannot be finished now."""

    def __init__(self, after_s: float, code: str = "retry") -> None:
        super().__init__(after_s=after_s, reason=code)
        self.after_s = after_s
        self.reason = code


class Fail(GatewayError):
    """The job can never be finished."""

    def __init__(self, code: str) -> None:
        super().__init__(reason=code)
        self.reason = code


@dataclass(frozen=True, slots=True)
class Backoff:
    """Seconds before the next attempt: doubled from `base_s` up to `cap_s`, spread by a fifth to either side."""

    base_s: float = 2.0
    cap_s: float = 3600.0

    def delay_s(self, attempts: int, spread: float | None = None) -> float:
        """`spread` lies in [0, 1); it is drawn where not given."""
        spread = random.random() if spread is None else spread  # noqa: S311 - it spreads load, it hides nothing
        return min(self.cap_s, self.base_s * 2.0 ** min(attempts - 1, 60)) * (0.8 + 0.4 * spread)


@dataclass(frozen=True, slots=True)
class Job:
    """A claimed job as its handler sees it; `attempt` counts from 1."""

    id: int
    queue: str
    task: str
    merchant_id: UUID | None
    args: Mapping[str, Any]
    attempt: int
    key: str | None = None


Handler = Callable[[Services, Job], None]
TakeOver = Callable[[Services, Job, str], None]
Ends = Sequence[Exception | None]
Together = Callable[[Services, Sequence[Job]], Ends]


@dataclass(frozen=True, slots=True)
class Task:
    """A name that jobs carry and what is done for it.

    The handler opens its own transactions and calls the network outside of them. It may run more than once for one
    job. It raises `Retry` or `Fail`; any other exception is retried with back-off. After `max_attempts` claims, crashes
    of the whole worker included, the job dies. A handler that takes longer than `timeout_s` loses the job to another
    attempt.

    On a queue that hands out several jobs of one key at once, `together` may do them in one go (all are of one task
    and merchant); for each it answers None or what `handler` would have raised.

    Where there is an `on_dead`, it is given the job and the error and takes over: it writes down in the
    feature's own tables what is left undone, and the job is not kept among the dead.
    """

    name: str
    handler: Handler
    queue: str = "default"
    max_attempts: int = 20
    backoff: Backoff = field(default_factory=Backoff)
    timeout_s: float = 300.0
    """For each job."""
    together: Together | None = None
    on_dead: TakeOver | None = None


@dataclass(frozen=True, slots=True)
class NewJob:
    """One of many jobs of a task, for `enqueue_many`."""

    merchant_id: UUID | None
    args: JobArgs
    delay_s: float = 0.0
    key: str | None = None
    unique: str | None = None


_INSERT = """
    INSERT INTO job (queue, task, merchant_id, args, run_at, key, uniq)
    VALUES (%s, %s, %s, %s::jsonb, now() + %s * interval '1 s', %s, %s)
    ON CONFLICT (uniq) WHERE uniq IS NOT NULL DO NOTHING
    RETURNING id
"""
_INSERT_AND_WAKE = f"WITH new AS ({_INSERT}) SELECT id, pg_notify('{CHANNEL}', %s) FROM new"  # noqa: S608 - constants
_INSERT_MANY = """
    INSERT INTO job (queue, task, merchant_id, args, run_at, key, uniq)
    SELECT %s, %s, n.merchant_id, n.args::jsonb, now() + n.delay_s * interval '1 s', n.key, n.uniq
    FROM unnest(%b::uuid[], %b::text[], %b::float8[], %b::text[], %b::text[])
         AS n (merchant_id, args, delay_s, key, uniq)
    ON CONFLICT (uniq) WHERE uniq IS NOT NULL DO NOTHING
"""


def enqueue(  # noqa: PLR0913 - one keyword per column of a job
    session: Session | Connection,
    task: str,
    *,
    merchant_id: UUID | None,
    args: JobArgs,
    queue: str = "default",
    delay_s: float = 0.0,
    key: str | None = None,
    unique: str | None = None,
) -> int | None:
    """Add a job to the caller's transaction, in one round trip: it exists when that commits, and not otherwise.

    At most a queue's `key_limit` slots work on one `key` at a time. While a job with the same `unique` waits or runs,
    nothing is added and the answer is None. `args` hold ids only.
    """
    connection = driver(session)
    values = (queue, task, merchant_id, json.dumps(args), delay_s, key, unique)
    if delay_s <= 0 and WAKES.due(queue):
        row = connection.exec_driver_sql(_INSERT_AND_WAKE, (*values, queue)).first()
    else:
        row = connection.exec_driver_sql(_INSERT, values).first()
    return int(row[0]) if row else None


def enqueue_many(session: Session | Connection, task: str, jobs: Sequence[NewJob], *, queue: str = "default") -> int:
    """Add many jobs of one task, a thousand per statement; how many were new."""
    connection, added = driver(session), 0
    for start in range(0, len(jobs), BATCH):
        some = jobs[start : start + BATCH]
        columns = zip(
            *((j.merchant_id, json.dumps(j.args), float(j.delay_s), j.key, j.unique) for j in some), strict=True
        )
        added += connection.exec_driver_sql(_INSERT_MANY, (queue, task, *map(list, columns))).rowcount
    if added:
        wake(connection, queue)
    return added


def wake(session: Session | Connection, queue: str) -> None:
    """Tell idle workers at commit that the queue has work; they would find it by themselves within a second."""
    if WAKES.due(queue):
        driver(session).exec_driver_sql(f"SELECT pg_notify('{CHANNEL}', %s)", (queue,))


def postpone(session: Session | Connection, queue: str, key: str, after_s: float) -> int:
    """Put off every waiting job of a key at once (its endpoint is down); how many were moved.

    Jobs that are due only after that time keep it, and so do those that another transaction holds.
    """
    moved = driver(session).exec_driver_sql(_POSTPONE, (after_s, queue, key, after_s / 2))
    return moved.rowcount


# Half the time is the threshold: several deliveries that fail together move the backlog once, not once each.
_POSTPONE = """
    UPDATE job SET run_at = now() + %s * interval '1 s'
    WHERE id IN (SELECT id FROM job
                 WHERE queue = %s AND key = %s AND worker IS NULL AND run_at < now() + %s * interval '1 s'
                 FOR UPDATE SKIP LOCKED)
"""


def replay_dead(session: Session | Connection, ids: Sequence[int]) -> int:
    """Give dead jobs a fresh set of attempts; how many live again. Needs the worker's role."""
    return driver(session).exec_driver_sql(_REPLAY, (list(ids)[:BATCH],)).rowcount


_REPLAY = """
    WITH dead AS (DELETE FROM job_dead WHERE id = ANY(%s) RETURNING *)
    INSERT INTO job (queue, task, merchant_id, args, run_at, key, uniq, last_error, created_at)
    SELECT queue, task, merchant_id, args, now(), key, uniq, last_error, created_at FROM dead
    ON CONFLICT (uniq) WHERE uniq IS NOT NULL DO NOTHING
"""


def worker_age_s(session: Session | Connection) -> float | None:
    """Seconds since any worker last gave a sign of life, by the database's clock; None when there is none."""
    age = driver(session).exec_driver_sql("SELECT extract(epoch FROM now() - max(seen_at)) FROM worker_beat").scalar()
    return None if age is None else max(0.0, float(age))


def driver(session: Session | Connection) -> Connection:
    """The connection under a session, or the connection itself."""
    return session.connection() if isinstance(session, Session) else session


def error_label(error: BaseException) -> str:
    """Code and class of an error: all that is written down of it, since its message may name a person."""
    code = error.code if isinstance(error, GatewayError) else "unexpected"
    return f"{code} {type(error).__name__}"


class Wakes:
    """Limits notifications to a few per second and queue.

    PostgreSQL holds one lock from NOTIFY to the end of the commit, so that commits that notify happen one after the
    other. A few are enough to wake a sleeper, and a worker that has just worked looks again by itself.
    """

    def __init__(self, every_s: float = WAKE_EVERY_S) -> None:
        self._every_s = every_s
        self._last: dict[str, float] = {}

    def due(self, queue: str) -> bool:
        now = time.monotonic()
        if now - self._last.get(queue, 0.0) < self._every_s:
            return False
        self._last[queue] = now
        return True


WAKES = Wakes()
"""Of this process."""
