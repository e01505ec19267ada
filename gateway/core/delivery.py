"""Sends what the outbox holds: outside of any transaction, in a row per endpoint, with pauses, and not for ever."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from gateway.core import clock, events
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
from gateway.core.crypto import Tampered, unseal
from gateway.core.db import merchant_of
from gateway.core.egress import Guard, SafePool
from gateway.core.errors import GatewayError
from gateway.core.ids import to_public
from gateway.core.outbox import LIFECYCLE, QUEUE, TASK, Channel, MailParked, MailSent, State, context
from gateway.core.services import Services
from gateway.core.work import Backoff, Ends, Job, Retry, Task, driver, postpone

LIMIT = 16
"""Tries before a message is parked: with the pauses below about thirty hours."""
PAUSES = Backoff(base_s=10.0, cap_s=6 * 3600.0)
DOWN_S = 300.0
"""At most so long everything for an endpoint waits after one of its deliveries failed; then a few try again."""
RECORD_EVERY_S = 1.0
"""What was sent is written down this often at least: a crash repeats no more than that."""

KeyOf = Callable[[Session], bytes]
"""The data key of the transaction's merchant."""
Resolve = Callable[[Session, str], Endpoint]
"""The endpoint behind a destination. Raises `NotFound` or `Refused` when there is none any more."""


@dataclass(frozen=True, slots=True)
class _Letter:
    """A message in the clear on its way out; `way` says where to, or why it cannot go."""

    job: Job
    id: UUID
    channel: Channel
    destination: str
    attempts: int
    payload: bytes
    way: Endpoint | Refused | None

    @property
    def public_id(self) -> str:
        return to_public("msg", self.id)


@dataclass(frozen=True, slots=True)
class _Try:
    """What came of sending it once."""

    letter: _Letter
    outcome: Outcome
    pause_s: float

    @property
    def number(self) -> int:
        return self.letter.attempts + 1

    @property
    def retry(self) -> Retry | None:
        """None when there is to be no other try."""
        if isinstance(self.outcome, Failed) and self.outcome.retry and self.number < LIMIT:
            return Retry(self.pause_s, self.outcome.code)
        return None

    @property
    def down_s(self) -> float:
        """How long everything else for this endpoint should wait; 0 when it is in order."""
        down = isinstance(self.outcome, Failed) and self.outcome.down
        return min(self.pause_s, DOWN_S) if down else 0.0


def delivery_task(key_of: KeyOf, resolve: Resolve) -> Task:
    """The task that delivers messages, several for one endpoint in a row."""

    def together(services: Services, jobs: Sequence[Job]) -> Ends:
        return _deliver(services, jobs, _open(services, jobs, key_of, resolve))

    def deliver(services: Services, job: Job) -> None:
        (end,) = together(services, [job])
        if end is not None:
            raise end

    # A message counts its own tries. Claims are more: some jobs of an endpoint that is down go back untried.
    return Task(TASK, deliver, QUEUE, 20 * LIMIT, PAUSES, timeout_s=60, together=together, on_dead=_give_up)


def _deliver(services: Services, jobs: Sequence[Job], letters: list[_Letter]) -> Ends:
    """Once the endpoint is down the rest is put off with it, and does not count as tried."""
    ends: dict[int, Exception | None] = dict.fromkeys(job.id for job in jobs)
    while letters:
        tries = _send_some(services, letters)
        _record(services, tries)
        ends |= {one.letter.job.id: one.retry for one in tries}
        letters = letters[len(tries) :]
        if down_s := tries[-1].down_s:
            ends |= {letter.job.id: Retry(down_s, "endpoint-down") for letter in letters}
            break
    return [ends[job.id] for job in jobs]


def _open(services: Services, jobs: Sequence[Job], key_of: KeyOf, resolve: Resolve) -> list[_Letter]:
    """The messages that are still to be sent, oldest first."""
    by_message = {UUID(str(job.args["message_id"])): job for job in jobs}
    with services.db.transaction(jobs[0].merchant_id) as session:
        rows = driver(session).exec_driver_sql(_READ, (jobs[0].merchant_id, list(by_message))).all()
        data_key = key_of(session) if rows else b""
        ways = {name: _way(session, resolve, name) for name in {row.destination for row in rows} if name}
    return [_letter(row, by_message[row.id], data_key, ways.get(row.destination)) for row in rows]


_READ = """
    SELECT id, channel, destination, attempts, payload FROM outbox_message
    WHERE merchant_id = %s AND id = ANY(%s) AND state = 'queued' AND live ORDER BY id
"""


def _way(session: Session, resolve: Resolve, destination: str) -> Endpoint | Refused:
    try:
        return resolve(session, destination)
    except GatewayError as gone:
        if gone.status >= 500:
            raise
        return Refused(gone.code)


def _letter(row: Any, job: Job, data_key: bytes, way: Endpoint | Refused | None) -> _Letter:
    head = (job, row.id, Channel(row.channel), row.destination, row.attempts)
    if row.payload is None:
        return _Letter(*head, b"", Refused("erased"))
    try:
        return _Letter(*head, unseal(data_key, bytes(row.payload), context(row.id)), way)
    except Tampered:  # this one alone: the others of its batch are whole
        return _Letter(*head, b"", Refused("unreadable"))


def _send_some(services: Services, letters: Sequence[_Letter]) -> list[_Try]:
    """The first of them, for about a second, or until one says that the endpoint is down."""
    started, tries = time.monotonic(), list[_Try]()
    for letter in letters:
        outcome = _send(services, letter)
        pause_s = PAUSES.delay_s(letter.attempts + 1)
        wished_s = (outcome.after_s or 0.0) if isinstance(outcome, Failed) else 0.0
        tries.append(_Try(letter, outcome, max(pause_s, wished_s)))
        if tries[-1].down_s or time.monotonic() - started > RECORD_EVERY_S:
            break
    return tries


@lru_cache(maxsize=2)
def connections(*, allow_private: bool) -> SafePool:
    """Of this process, shared by its threads."""
    return SafePool(Guard(allow_private=allow_private))


def _send(services: Services, letter: _Letter) -> Outcome:
    now = clock.now()
    if isinstance(letter.way, Refused):
        return letter.way
    if letter.way is not None:
        pool = connections(allow_private=services.allow_private_urls)
        return post_signed(pool, letter.way, letter.public_id, letter.payload, now)
    try:
        mail = Mail.decode(letter.payload)
    except (ValueError, TypeError, KeyError, AttributeError):
        return Refused("unreadable")
    return send_mail(services.mail_url, services.mail_from, mail, letter.public_id, now)


def _record(services: Services, tries: Sequence[_Try]) -> None:
    """Write down what came of some tries for one endpoint, in one transaction."""
    with services.db.transaction(tries[0].letter.job.merchant_id) as session:
        _mark_sent(session, services, [one for one in tries if isinstance(one.outcome, Delivered)])
        for one in tries:
            if isinstance(one.outcome, Delivered):
                continue
            if one.retry is None:
                _park(session, services, one.letter.id, one.number, one.outcome.code)
            else:
                _count(session, one, one.outcome.code)
        job, down_s = tries[-1].letter.job, tries[-1].down_s
        if down_s and job.key:
            postpone(session, QUEUE, job.key, down_s)


def _mark_sent(session: Session, services: Services, tries: Sequence[_Try]) -> None:
    if not tries:
        return
    state, ids, now = LIFECYCLE.after(State.QUEUED, "send"), [one.letter.id for one in tries], clock.now()
    driver(session).exec_driver_sql(_SENT, (state, now, merchant_of(session), ids))
    if mails := tuple(one.letter.id for one in tries if one.letter.channel is Channel.EMAIL):
        events.publish(session, MailSent(mails, now, services.keyring))


_SENT = """
    UPDATE outbox_message SET state = %s, attempts = attempts + 1, sent_at = %s, last_error = NULL, next_at = NULL
    WHERE merchant_id = %s AND id = ANY(%s) AND state = 'queued'
"""


def _count(session: Session, one: _Try, code: str) -> None:
    next_at = clock.now() + timedelta(seconds=one.pause_s)
    values = (one.number, code, next_at, merchant_of(session), one.letter.id)
    driver(session).exec_driver_sql(_COUNT, values)


_COUNT = """
    UPDATE outbox_message SET attempts = %s, last_error = %s, next_at = %s
    WHERE merchant_id = %s AND id = %s AND state = 'queued'
"""


def _park(session: Session, services: Services, message_id: UUID, attempts: int, code: str) -> None:
    """Nothing more is tried by itself, and the desk is told; nothing happens when it is no longer queued."""
    state, now = LIFECYCLE.after(State.QUEUED, "park"), clock.now()
    values = (state, attempts, now, code, merchant_of(session), message_id)
    if row := driver(session).exec_driver_sql(_PARKED, values).first():
        channel, destination = row
        facts = {"message_id": to_public("msg", message_id), "channel": channel, "error": code}
        post_notice(session, "outbox-parked", f"{channel}:{destination}", facts, now)
        if channel == Channel.EMAIL:
            events.publish(session, MailParked(message_id, code, now, services.keyring))


_PARKED = """
    UPDATE outbox_message SET state = %s, attempts = %s, parked_at = %s, last_error = %s, next_at = NULL
    WHERE merchant_id = %s AND id = %s AND state = 'queued' RETURNING channel, destination
"""


def _give_up(services: Services, job: Job, _error: str) -> None:
    """The job died of something that is no outcome of sending: the message must not stay queued without a job."""
    with services.db.transaction(job.merchant_id) as session:
        _park(session, services, UUID(str(job.args["message_id"])), job.attempt, "crashed")
