"""The meter and the memory of the bureaus: calls reserved before they are made, their results, answers that are still true."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, cast
from uuid import UUID

from sqlalchemy import CursorResult, Select, delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from gateway.core import turns
from gateway.core.crypto import seal, unseal
from gateway.core.db import merchant_of
from gateway.core.ids import new_id, to_public
from gateway.risk.bureau import KEPT, Answer
from gateway.risk.bureau_breaker import LOST_AFTER, Call, refusal
from gateway.risk.bureau_models import BureauAnswer, BureauRequest, BureauResult

RECENT = 40
"""Calls the breaker looks at."""
MOST_MONTHS = 120


@dataclass(frozen=True, slots=True)
class Wanted:
    """A call that is to be made: for which decision, to whom, at what price."""

    decision_id: UUID
    shop_id: UUID
    buyer_id: UUID | None
    bureau: str
    bureau_version: int
    deadline_ms: int
    cost_minor: int
    currency: str
    budget_minor: int | None


@dataclass(frozen=True, slots=True)
class Known:
    """An answer on record about a buyer."""

    id: UUID
    outcome: str
    score: int | None
    answered_at: datetime


@dataclass(frozen=True, slots=True)
class Memory:
    """Where an answer may be kept: the buyer with his key, whom it is about, and for how many days."""

    buyer_id: UUID
    data_key: bytes = field(repr=False)
    person: bytes
    days: int


@dataclass(frozen=True, slots=True)
class Month:
    """What one bureau cost in one month; amounts in minor units of the currency."""

    bureau: str
    month: date
    currency: str
    calls: int
    cost_minor: int
    scored: int
    no_hit: int
    failed: int
    lost: int
    """Calls without a result: the process that made them did not live to write it down. They count as paid."""


def find(session: Session, decision_id: UUID) -> BureauRequest | None:
    """The call that was made, or is under way, for this decision."""
    mine = BureauRequest.merchant_id == merchant_of(session), BureauRequest.decision_id == decision_id
    return session.scalar(select(BureauRequest).where(*mine))


def reserve(session: Session, wanted: Wanted, now: datetime, room: Callable[[], bool] = lambda: True) -> UUID | str:
    """Write the call down before it is made, and return its id; or why it may not be made.

    `rate_limited`, `circuit_open`, `budget`; `no_room` when this process cannot make it (`room`); `taken` when another
    call for this decision is on record. Two who reserve at once for one bureau do it one after the other, so neither
    budget nor probe is spent twice.
    """
    merchant_id = merchant_of(session)
    turns.take(session, f"bureau.asked.{wanted.bureau}", merchant_id)
    if find(session, wanted.decision_id) is not None:
        return "taken"
    if reason := refusal(_recent(session, wanted.bureau), now):
        return reason
    month = now.date().replace(day=1)
    seq, spent_minor = _spent(session, wanted.bureau, wanted.currency, month)
    spent_minor += wanted.cost_minor
    if wanted.budget_minor is not None and spent_minor > wanted.budget_minor:
        return "budget"
    if not room():
        return "no_room"
    request_id = new_id()
    row = {
        "merchant_id": merchant_id,
        "id": request_id,
        "decision_id": wanted.decision_id,
        "shop_id": wanted.shop_id,
        "buyer_id": wanted.buyer_id,
        "bureau": wanted.bureau,
        "bureau_version": wanted.bureau_version,
        "asked_at": now,
        "deadline_at": now + timedelta(milliseconds=wanted.deadline_ms),
        "month": month,
        "seq": seq + 1,
        "cost_minor": wanted.cost_minor,
        "currency": wanted.currency,
        "spent_minor": spent_minor,
    }
    session.execute(insert(BureauRequest).values(row))
    return request_id


def finish(session: Session, request_id: UUID, answer: Answer, took_ms: int, now: datetime) -> None:
    """Write down what became of a call."""
    retry_at = None if answer.retry_after_s is None else now + timedelta(seconds=answer.retry_after_s)
    row = {
        "merchant_id": merchant_of(session),
        "id": request_id,
        "outcome": answer.outcome,
        "detail": answer.detail,
        "answered_at": now,
        "took_ms": took_ms,
        "retry_at": retry_at,
    }
    session.execute(insert(BureauResult).values(row).on_conflict_do_nothing())


def keep(session: Session, request_id: UUID, bureau: str, answer: Answer, memory: Memory, now: datetime) -> None:
    """Keep what the bureau said about the buyer for as long as the policy takes it for true."""
    if answer.outcome not in KEPT or not memory.days:
        return
    said = json.dumps({"outcome": answer.outcome, "score": answer.score}).encode()
    row = BureauAnswer(
        merchant_id=merchant_of(session),
        id=request_id,
        buyer_id=memory.buyer_id,
        person=memory.person,
        bureau=bureau,
        answered_at=now,
        expires_at=now + timedelta(days=memory.days),
        sealed=seal(memory.data_key, said, context_of(request_id)),
    )
    session.add(row)
    session.flush()


def find_answer(session: Session, bureau: str, memory: Memory, now: datetime) -> Known | None:
    """The newest answer of this bureau about this person that is still true."""
    mine = (
        BureauAnswer.merchant_id == merchant_of(session),
        BureauAnswer.buyer_id == memory.buyer_id,
        BureauAnswer.person == memory.person,
        BureauAnswer.bureau == bureau,
        BureauAnswer.expires_at > now,
        BureauAnswer.answered_at > now - timedelta(days=memory.days),
    )
    row = session.scalars(select(BureauAnswer).where(*mine).order_by(BureauAnswer.answered_at.desc()).limit(1)).first()
    return None if row is None else open_answer(memory.data_key, row.id, row.answered_at, row.sealed)


def open_answer(data_key: bytes, request_id: UUID, answered_at: datetime, sealed: bytes) -> Known:
    """A kept answer in clear. Raises Tampered."""
    said: dict[str, Any] = json.loads(unseal(data_key, sealed, context_of(request_id)))
    return Known(request_id, said["outcome"], said["score"], answered_at)


def of_buyer(session: Session, buyer_id: UUID, data_key: bytes, limit: int) -> list[dict[str, Any]]:
    """The newest questions about a buyer and what is still known of each answer: for the copy of his data (Art. 15 GDPR)."""
    mine = BureauAnswer.merchant_id == merchant_of(session), BureauAnswer.buyer_id == buyer_id
    kept = {row.id: row for row in session.scalars(select(BureauAnswer).where(*mine))}
    about_him = BureauRequest.merchant_id == merchant_of(session), BureauRequest.buyer_id == buyer_id
    asked = session.execute(_with_results().where(*about_him).order_by(BureauRequest.id.desc()).limit(limit))
    return [_copied(request, result, kept.get(request.id), data_key) for request, result in asked]


def _copied(
    request: BureauRequest, result: BureauResult | None, kept: BureauAnswer | None, data_key: bytes
) -> dict[str, Any]:
    known = None if kept is None else open_answer(data_key, kept.id, kept.answered_at, kept.sealed)
    return {
        "bureau": request.bureau,
        "asked_at": request.asked_at.isoformat(),
        "decision": to_public("dec", request.decision_id),
        "outcome": result.outcome if result else None,
        "score": known.score if known else None,
        "kept_until": kept.expires_at.isoformat() if kept else None,
    }


def forget_buyer(session: Session, buyer_id: UUID) -> None:
    """Delete every answer about a buyer."""
    mine = BureauAnswer.merchant_id == merchant_of(session), BureauAnswer.buyer_id == buyer_id
    session.execute(delete(BureauAnswer).where(*mine))


def forget_expired(session: Session, now: datetime, limit: int = 5000) -> int:
    """Delete up to `limit` answers that are too old and return how many; fewer than `limit` means done."""
    mine = BureauAnswer.merchant_id == merchant_of(session)
    due = select(BureauAnswer.id).where(mine, BureauAnswer.expires_at <= now).limit(limit)
    gone = session.execute(delete(BureauAnswer).where(mine, BureauAnswer.id.in_(due)))
    return cast("CursorResult[()]", gone).rowcount


def months(session: Session, now: datetime) -> list[Month]:
    """The meter: what each bureau cost month by month, the newest first."""
    found, lost = BureauResult.outcome, BureauResult.id.is_(None) & (BureauRequest.asked_at < now - LOST_AFTER)
    grouped = (BureauRequest.bureau, BureauRequest.month, BureauRequest.currency)
    query = (
        select(
            *grouped,
            func.count(),
            func.sum(BureauRequest.cost_minor),
            func.count().filter(found == "scored"),
            func.count().filter(found == "no_hit"),
            func.count().filter(found.not_in(KEPT)),
            func.count().filter(lost),
        )
        .join_from(
            BureauRequest,
            BureauResult,
            (BureauResult.merchant_id == BureauRequest.merchant_id) & (BureauResult.id == BureauRequest.id),
            isouter=True,
        )
        .where(BureauRequest.merchant_id == merchant_of(session))
        .group_by(*grouped)
        .order_by(BureauRequest.month.desc(), BureauRequest.bureau)
        .limit(MOST_MONTHS)
    )
    return [
        Month(bureau, month, currency, calls, int(cost), scored, no_hit, failed, gone)
        for bureau, month, currency, calls, cost, scored, no_hit, failed, gone in session.execute(query)
    ]


def calls(session: Session, bureau: str, limit: int = 50) -> list[tuple[BureauRequest, BureauResult | None]]:
    """The newest calls of a bureau with their results."""
    mine = BureauRequest.merchant_id == merchant_of(session), BureauRequest.bureau == bureau
    query = _with_results().where(*mine).order_by(BureauRequest.id.desc()).limit(limit)
    return [(request, result) for request, result in session.execute(query)]


def _with_results() -> Select[BureauRequest, BureauResult]:
    """Calls, each beside its result or None."""
    same = (BureauResult.merchant_id == BureauRequest.merchant_id) & (BureauResult.id == BureauRequest.id)
    return select(BureauRequest, BureauResult).join_from(BureauRequest, BureauResult, same, isouter=True)


def context_of(request_id: UUID) -> str:
    """The place a kept answer belongs to."""
    return f"bureau.answer:{request_id}"


def _recent(session: Session, bureau: str) -> Sequence[Call]:
    return [
        Call(
            request.asked_at,
            result.outcome if result else None,
            result.answered_at if result else None,
            result.retry_at if result else None,
        )
        for request, result in calls(session, bureau, RECENT)
    ]


def _spent(session: Session, bureau: str, currency: str, month: date) -> tuple[int, int]:
    """How many calls the month has seen and what they cost: the running figures of the last one."""
    mine = (
        BureauRequest.merchant_id == merchant_of(session),
        BureauRequest.bureau == bureau,
        BureauRequest.currency == currency,
        BureauRequest.month == month,
    )
    last = session.execute(
        select(BureauRequest.seq, BureauRequest.spent_minor).where(*mine).order_by(BureauRequest.seq.desc()).limit(1)
    ).one_or_none()
    return (last.seq, last.spent_minor) if last else (0, 0)
