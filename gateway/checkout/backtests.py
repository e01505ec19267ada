"""Backtests as work: asked for, carried out by the worker in small bites, read while they run and afterwards.

A bite reads a few hundred decisions, judges them, and commits the figures with the place it came to: a run that is cut
off goes on there. It locks nothing that a checkout needs.
"""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Session

from gateway.checkout import backtest, documents, stages
from gateway.checkout.backtest import Candidate, Tally
from gateway.checkout.decide import body_of
from gateway.checkout.models import Backtest, Decision
from gateway.core import clock
from gateway.core.db import merchant_of
from gateway.core.errors import Invalid, NotFound, Refused
from gateway.core.ids import lowest_at, new_id, to_public
from gateway.core.services import Services
from gateway.core.work import Job, Task, enqueue
from gateway.merchants.policies import PolicyDocument

TASK = "policy.backtest"
MOST = 50_000
BITE = 250
REST_S = 0.01
"""Between two bites, so that a checkout on the same machine gets its turn."""
MOST_UNFINISHED = 3
SLACK = timedelta(hours=1)
"""A decision is named a moment after it is dated."""
DRY_RUN = 300
"""Newest decisions that a draft is tried on before it is kept."""
BREAKS = (KeyError, TypeError, ValueError, Invalid)
"""What a record that is damaged, or of a form this program does not know, can raise when it is read."""


class BacktestUnknown(NotFound):
    """There is no such backtest of this policy."""


class NothingToJudge(Refused):
    """Documents of this kind decide nothing at a checkout, so there is nothing to try them on."""


class BacktestsWaiting(Refused):
    """As many backtests of this shop wait or run as may; try again when one is done."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Over which decisions: the newest `most` of those made from `from_at` until before `until_at`."""

    from_at: datetime
    until_at: datetime
    most: int


@dataclass(frozen=True, slots=True)
class Stored:
    """A decision as the backtest reads it."""

    id: UUID
    record: str


def start(session: Session, document: PolicyDocument, asked: Asked, author: str, now: datetime) -> Backtest:
    """Queue a backtest of this version. Raises NothingToJudge and BacktestsWaiting."""
    if document.kind not in stages.KINDS:
        raise NothingToJudge(kind=document.kind)
    unfinished = select(func.count()).where(
        Backtest.merchant_id == merchant_of(session),
        Backtest.shop_id == document.shop_id,
        Backtest.state.in_(["waiting", "running"]),
    )
    if (session.scalar(unfinished) or 0) >= MOST_UNFINISHED:
        raise BacktestsWaiting(most=MOST_UNFINISHED)
    row = Backtest(
        merchant_id=merchant_of(session),
        id=new_id(),
        shop_id=document.shop_id,
        kind=document.kind,
        version=document.version,
        state="waiting",
        author=author,
        from_at=asked.from_at,
        until_at=asked.until_at,
        most=asked.most,
        result=backtest.empty(),
        created_at=now,
    )
    session.add(row)
    session.flush()
    enqueue(session, TASK, merchant_id=row.merchant_id, args={"backtest": str(row.id)}, unique=f"{TASK}:{row.id}")
    return row


def get(session: Session, document: PolicyDocument, id_: UUID | None) -> Backtest:
    """A backtest of this version. Raises BacktestUnknown."""
    row = session.get(Backtest, (merchant_of(session), id_)) if id_ else None
    if row is None or (row.shop_id, row.kind, row.version) != (document.shop_id, document.kind, document.version):
        raise BacktestUnknown
    return row


def newest(session: Session, document: PolicyDocument, limit: int = 20) -> Sequence[Backtest]:
    """Backtests of this version, the newest first."""
    return session.scalars(
        select(Backtest)
        .where(
            Backtest.merchant_id == merchant_of(session),
            Backtest.shop_id == document.shop_id,
            Backtest.kind == document.kind,
            Backtest.version == document.version,
        )
        .order_by(Backtest.id.desc())
        .limit(limit),
    ).all()


def done(row: Backtest) -> int:
    """Decisions looked at so far."""
    result: Mapping[str, Any] = row.result
    return int(result["judged"]) + sum(map(int, result["errors"].values()))


def dry_run(session: Session, shop_id: UUID, kind: str, body: dict[str, Any], now: datetime) -> dict[str, int]:
    """A draft on the newest decisions: how many were judged, how many menus would have been others, how many failed."""
    tally = backtest.empty()
    if kind not in stages.KINDS:
        return {"judged": 0, "changed": 0, "errors": 0}
    read = _Reader(session.connection(), merchant_of(session), shop_id)
    stored = read.decisions(Asked(now - timedelta(days=365), now, DRY_RUN), None, DRY_RUN)
    _judge(tally, stored, Candidate(kind, documents.COMPILERS[kind](body, 0)), read)
    return {"judged": tally["judged"], "changed": tally["changed"], "errors": sum(tally["errors"].values())}


def run(services: Services, job: Job) -> None:
    """Work a backtest off, bite by bite. Run again, it goes on where it was."""
    id_ = UUID(job.args["backtest"])
    for _ in range(MOST // BITE + 1):
        with services.db.transaction(job.merchant_id) as session:
            if not bite(session, id_, clock.now()):
                return
        time.sleep(REST_S)


def bite(session: Session, id_: UUID, now: datetime) -> bool:
    """Judge the next decisions and remember how far it came; whether there are more."""
    row = session.get(Backtest, (merchant_of(session), id_), with_for_update=True)
    if row is None or row.state in ("done", "failed"):
        return False
    row.started_at, row.state = row.started_at or now, "running"
    read = _Reader(session.connection(), row.merchant_id, row.shop_id)
    wanted = min(BITE, row.most - done(row))
    stored = read.decisions(Asked(row.from_at, row.until_at, row.most), row.cursor, wanted) if wanted else []
    if stored:
        tally = json.loads(json.dumps(row.result))
        _judge(tally, stored, Candidate(row.kind, read.document(row.kind, row.version)), read)
        row.result, row.cursor = tally, stored[-1].id
    if len(stored) == wanted and wanted:
        return True
    row.result = backtest.finish(json.loads(json.dumps(row.result)))
    row.state, row.finished_at = "done", now
    return False


def give_up(services: Services, job: Job, error: str) -> None:
    """The job died: the backtest says so instead of waiting for ever."""
    with services.db.transaction(job.merchant_id) as session:
        row = session.get(Backtest, (job.merchant_id, UUID(job.args["backtest"])), with_for_update=True)
        if row is not None and row.state != "done":
            row.state, row.error, row.finished_at = "failed", error, clock.now()


TASKS = (Task(TASK, run, max_attempts=5, timeout_s=1_800, on_dead=give_up),)


class _Reader:
    """What a backtest reads of one shop; each document is compiled once."""

    def __init__(self, connection: Connection, merchant_id: UUID, shop_id: UUID) -> None:
        self._connection, self._merchant_id, self._shop_id = connection, merchant_id, shop_id
        self._compiled: dict[tuple[str, int, int], Any] = {}

    def document(self, kind: str, version: int, edition: int = documents.EDITION) -> Any:
        key = kind, version, edition
        if key not in self._compiled:
            body = body_of(self._connection, self._merchant_id, self._shop_id, kind, version, edition=edition)
            self._compiled[key] = documents.COMPILERS[kind](body, version)
        return self._compiled[key]

    def decisions(self, asked: Asked, before: UUID | None, limit: int) -> list[Stored]:
        """The newest first."""
        query = select(Decision.id, Decision.record).where(
            Decision.merchant_id == self._merchant_id,
            Decision.shop_id == self._shop_id,
            Decision.created_at >= asked.from_at,
            Decision.created_at < asked.until_at,
            Decision.id >= lowest_at(asked.from_at - SLACK),  # ids begin with the time: the index leads there at once
            Decision.id < lowest_at(asked.until_at + SLACK),
        )
        if before is not None:
            query = query.where(Decision.id < before)
        rows = self._connection.execute(query.order_by(Decision.id.desc()).limit(limit))
        return [Stored(row.id, row.record) for row in rows]


def _judge(tally: Tally, stored: Sequence[Stored], candidate: Candidate, read: _Reader) -> None:
    for one in stored:
        decision = to_public("dec", one.id)
        try:
            compared = backtest.compare(json.loads(one.record), candidate, read.document)
        except BREAKS as error:
            backtest.add_error(tally, decision, type(error).__name__)
        else:
            backtest.add(tally, decision, compared)
