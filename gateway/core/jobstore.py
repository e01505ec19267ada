"""The worker's side of the job table, on a connection of its own: claim, prolong, settle, tick.

`synchronous_commit` is off here: jobs are committed by those who enqueue them; a crash of the server can undo only
claims and completions, and those jobs run again.
"""

import json
import os
import socket
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, LiteralString
from uuid import UUID, uuid4

import psycopg

from gateway.core.schedule import Entry, next_after, next_due
from gateway.core.work import CHANNEL, Job

MAX_CLAIM = 200
"""Rows per claim."""
# Every statement here reaches for a few rows of what may be a large table whose statistics are minutes old: they are
# planned once, and through the indexes.
_OPTIONS = (
    "-c role={role} -c timezone=UTC -c synchronous_commit=off -c statement_timeout=30s -c lock_timeout=5s "
    "-c idle_in_transaction_session_timeout=60s -c plan_cache_mode=force_generic_plan "
    "-c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off"
)


@dataclass(frozen=True, slots=True)
class Queue:
    """How one worker serves a queue.

    It has `slots` threads for it. At most `key_limit` slots of all workers together work on one key (0: any number),
    and such a slot takes up to `batch` jobs of the key at once and works them off one after the other.
    """

    name: str
    slots: int = 4
    key_limit: int = 0
    batch: int = 1

    def __post_init__(self) -> None:
        if self.batch > 1 and not self.key_limit:
            raise ValueError("batches are made of jobs of one key, so they need a limit per key")


@dataclass(frozen=True, slots=True)
class Due:
    """A job that could be claimed."""

    id: int
    key: str | None
    task: str
    merchant_id: UUID | None


def share_out(due: Iterable[Due], busy: Mapping[str, int], queue: Queue, free: int) -> list[list[int]]:
    """Give due jobs, in their order, to at most `free` slots; ids per slot.

    `busy` says how many slots work on each key already. Jobs of one key, task and merchant share a slot.
    """
    shares: list[list[int]] = []
    filling: dict[tuple[str, str, UUID | None], list[int]] = {}
    used = Counter(busy)
    for job in due:
        share = filling.get((job.key, job.task, job.merchant_id)) if job.key is not None else None
        if share is not None and len(share) < queue.batch:
            share.append(job.id)
        elif len(shares) < free and (job.key is None or used[job.key] < queue.key_limit):
            shares.append([job.id])
            if job.key is not None:
                used[job.key] += 1
                filling[job.key, job.task, job.merchant_id] = shares[-1]
    return shares


class Verdict(StrEnum):
    """What became of an attempt."""

    DONE = "done"
    RETRY = "retry"
    DEAD = "dead"
    TAKEN = "taken"
    """Dead, but its feature keeps what is left of it."""


@dataclass(frozen=True, slots=True)
class Result:
    """An attempt and its end. `after_s` counts for RETRY only."""

    job: Job
    verdict: Verdict
    after_s: float = 0.0
    error: str | None = None
    seconds: float = 0.0


class JobStore:
    """Everything the worker says to the job table. Not for use by several threads.

    Every call may raise psycopg.OperationalError; `drop` then forgets the connection, the next call opens a new one.
    """

    def __init__(self, url: str, role: str, lease_s: float) -> None:
        self.worker = uuid4()
        self.lease_s = lease_s
        self._url, self._role = url, role
        self._connection: psycopg.Connection[Any] | None = None

    @property
    def connection(self) -> psycopg.Connection[Any]:
        if self._connection is None:
            self._connection = connect(self._url, self._role)
        return self._connection

    def drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def claim(self, queue: Queue, free: int) -> list[tuple[Job, ...]]:
        """Due jobs for up to `free` slots, leased to this worker; what one slot gets stands together."""
        if queue.key_limit:
            return self._claim_keyed(queue, free)
        values = (queue.name, min(free, MAX_CLAIM), self.lease_s, self.worker)
        return [(Job(*row),) for row in self.connection.execute(_CLAIM, values)]

    def _claim_keyed(self, queue: Queue, free: int) -> list[tuple[Job, ...]]:
        """One claimer of a queue at a time, and each sees what the one before took: this keeps the limit exact.

        A key that is at its limit is passed over as a whole, so that its backlog does not hide the others.
        """
        with self.connection.transaction():
            self.connection.execute(_ONE_AT_A_TIME, (f"{CHANNEL}:{queue.name}",))
            busy = dict(self.connection.execute(_BUSY, (queue.name,)).fetchall())
            full = [key for key, slots in busy.items() if slots >= queue.key_limit]
            window = min(free * queue.batch + 8, MAX_CLAIM)
            due = [Due(*row) for row in self.connection.execute(_DUE, (queue.name, full, window))]
            shares = share_out(due, busy, queue, free)
            return self._take(shares) if shares else []

    def _take(self, shares: list[list[int]]) -> list[tuple[Job, ...]]:
        ids = [one for share in shares for one in share]
        slots = [share[0] for share in shares for _ in share]
        rows = self.connection.execute(_TAKE, (self.lease_s, self.worker, ids, slots)).fetchall()
        taken = {row[0]: Job(*row) for row in rows}
        groups = (tuple(taken[one] for one in share if one in taken) for share in shares)
        return [group for group in groups if group]

    def prolong(self, ids: Collection[int]) -> set[int]:
        """Renew the lease of running jobs; those that are still ours."""
        rows = self.connection.execute(_PROLONG, (self.lease_s, list(ids), self.worker)).fetchall()
        return {row[0] for row in rows}

    def settle(self, results: Sequence[Result]) -> None:
        """Write down how attempts ended; an attempt whose lease was lost changes nothing any more."""
        done = [r for r in results if r.verdict in (Verdict.DONE, Verdict.TAKEN)]
        if len(done) == len(results):
            self._delete(done)
            return
        with self.connection.transaction():
            if done:
                self._delete(done)
            self._reschedule([r for r in results if r.verdict is Verdict.RETRY])
            self._bury([r for r in results if r.verdict is Verdict.DEAD])

    def _delete(self, results: Sequence[Result]) -> None:
        self.connection.execute(_DELETE, (*_held(results), self.worker))

    def _reschedule(self, results: Sequence[Result]) -> None:
        if results:
            after, errors = [float(r.after_s) for r in results], [r.error for r in results]
            self.connection.execute(_RESCHEDULE, (*_held(results), after, errors, self.worker))

    def _bury(self, results: Sequence[Result]) -> None:
        if results:
            self.connection.execute(_BURY, (*_held(results), [r.error for r in results], self.worker))

    def give_back(self, ids: Collection[int]) -> None:
        """Let go of jobs that were not finished when the worker had to stop: another one may have them at once."""
        self.connection.execute(_GIVE_BACK, (list(ids), self.worker))

    def beat(self, started_at: datetime, running: int, stuck: int) -> None:
        """Leave a sign of life and clear away those of workers long gone."""
        who = (self.worker, socket.gethostname(), os.getpid(), started_at, running, stuck)
        self.connection.execute(_BEAT, who)
        self.connection.execute("DELETE FROM worker_beat WHERE seen_at < now() - interval '1 day'")

    def leave(self) -> None:
        self.connection.execute("DELETE FROM worker_beat WHERE worker = %s", (self.worker,))

    def tick(self, entries: Sequence[Entry]) -> float:
        """Enqueue what is due by the database's clock, once over all workers; seconds until the next entry is due.

        An entry is remembered from the first time it is seen. While the job of its last tick waits or runs, a tick
        adds nothing.
        """
        with self.connection.transaction():
            self.connection.execute(_REMEMBER, ([entry.key for entry in entries],))
            rows = self.connection.execute(_LAST_TICKS, ([entry.key for entry in entries],)).fetchall()
            seen = {name: (last, now) for name, last, now in rows}
            mine = [(entry, *seen[entry.key]) for entry in entries if entry.key in seen]
            self._enqueue_due([entry for entry, last, now in mine if next_due(entry, last, now)])
        return min((_seconds_left(entry, last, now) for entry, last, now in mine), default=1.0)

    def _enqueue_due(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            self.connection.execute("UPDATE schedule_tick SET last = now() WHERE name = %s", (entry.key,))
            tick = f"tick:{entry.key}"
            values = (entry.queue, entry.task, json.dumps(dict(entry.args)), tick, entry.queue)
            self.connection.execute(_ENQUEUE_TICK, values)


def connect(url: str, role: str) -> psycopg.Connection[Any]:
    """A connection outside the pool, in autocommit, that notices a dead peer within seconds."""
    return psycopg.connect(
        url.replace("postgresql+psycopg://", "postgresql://", 1),
        autocommit=True,
        options=_OPTIONS.format(role=role),
        application_name=f"kulanz worker {os.getpid()}",
        connect_timeout=3,
        keepalives_idle=10,
        keepalives_interval=5,
        keepalives_count=3,
        tcp_user_timeout=15_000,
    )


def _held(results: Sequence[Result]) -> tuple[list[int], list[int]]:
    return [r.job.id for r in results], [r.job.attempt for r in results]


def _seconds_left(entry: Entry, last: datetime, now: datetime) -> float:
    due = next_due(entry, last, now)
    following = next_after(entry.when, now if due else last)
    return max(0.0, (following - now).total_seconds())


_CLAIM: LiteralString = """
    WITH mine AS (
        SELECT id FROM job WHERE queue = %s AND run_at <= now() ORDER BY run_at LIMIT %s FOR UPDATE SKIP LOCKED)
    UPDATE job SET run_at = now() + %s * interval '1 s', attempts = attempts + 1, worker = %s
    FROM mine WHERE job.id = mine.id
    RETURNING job.id, job.queue, job.task, job.merchant_id, job.args, job.attempts, job.key
"""
_BUSY: LiteralString = """
    SELECT key, count(DISTINCT slot) FROM job
    WHERE queue = %s AND worker IS NOT NULL AND key IS NOT NULL AND run_at > now() GROUP BY key
"""
_DUE: LiteralString = """
    SELECT id, key, task, merchant_id FROM job
    WHERE queue = %s AND run_at <= now() AND (key IS NULL OR key <> ALL (%s))
    ORDER BY run_at LIMIT %s FOR UPDATE SKIP LOCKED
"""
_TAKE: LiteralString = """
    UPDATE job SET run_at = now() + %s * interval '1 s', attempts = attempts + 1, worker = %s, slot = mine.slot
    FROM unnest(%s::bigint[], %s::bigint[]) AS mine (id, slot) WHERE job.id = mine.id
    RETURNING job.id, job.queue, job.task, job.merchant_id, job.args, job.attempts, job.key
"""
_ONE_AT_A_TIME: LiteralString = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"
_PROLONG: LiteralString = """
    UPDATE job SET run_at = now() + %s * interval '1 s' WHERE id = ANY(%s) AND worker = %s RETURNING id
"""
_DELETE: LiteralString = """
    DELETE FROM job USING unnest(%s::bigint[], %s::int[]) AS r (id, attempt)
    WHERE job.id = r.id AND job.attempts = r.attempt AND job.worker = %s
"""
_RESCHEDULE: LiteralString = """
    UPDATE job SET run_at = now() + r.after_s * interval '1 s', worker = NULL, last_error = r.error
    FROM unnest(%s::bigint[], %s::int[], %s::float8[], %s::text[]) AS r (id, attempt, after_s, error)
    WHERE job.id = r.id AND job.attempts = r.attempt AND job.worker = %s
"""
_BURY: LiteralString = """
    WITH dead AS (
        DELETE FROM job USING unnest(%s::bigint[], %s::int[], %s::text[]) AS r (id, attempt, error)
        WHERE job.id = r.id AND job.attempts = r.attempt AND job.worker = %s
        RETURNING job.*, r.error)
    INSERT INTO job_dead (id, queue, task, merchant_id, args, key, uniq, attempts, last_error, created_at)
    SELECT id, queue, task, merchant_id, args, key, uniq, attempts, error, created_at FROM dead
"""
_GIVE_BACK: LiteralString = """
    UPDATE job SET run_at = now(), worker = NULL, last_error = 'interrupted' WHERE id = ANY(%s) AND worker = %s
"""
_BEAT: LiteralString = """
    INSERT INTO worker_beat (worker, host, pid, started_at, seen_at, running, stuck)
    VALUES (%s, %s, %s, %s, now(), %s, %s)
    ON CONFLICT (worker) DO UPDATE SET seen_at = now(), running = excluded.running, stuck = excluded.stuck
"""
_REMEMBER: LiteralString = """
    INSERT INTO schedule_tick (name, last) SELECT unnest(%s::text[]), now() ON CONFLICT (name) DO NOTHING
"""
_LAST_TICKS: LiteralString = """
    SELECT name, last, now() FROM schedule_tick WHERE name = ANY(%s) ORDER BY name FOR UPDATE SKIP LOCKED
"""
_ENQUEUE_TICK: LiteralString = f"""
    WITH new AS (
        INSERT INTO job (queue, task, args, run_at, uniq) VALUES (%s, %s, %s::jsonb, now(), %s)
        ON CONFLICT (uniq) WHERE uniq IS NOT NULL DO NOTHING RETURNING id)
    SELECT pg_notify('{CHANNEL}', %s) FROM new
"""  # noqa: S608 - constants
