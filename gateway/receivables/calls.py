"""Calls somebody is to make: because the policy's step is a call, or because the debtor asked for one.

A task has one outcome. What was promised is a hold, what was disputed an objection; what was refused or not reached lets the next step come. A call that
reached nobody is tried again on later working days, three times in all; then it counts as made.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from gateway.core.crypto import seal, unseal
from gateway.core.db import merchant_of
from gateway.core.errors import Invalid, NotFound, Refused
from gateway.core.ids import new_id
from gateway.receivables import claims, days, dunning, objections
from gateway.receivables.agreement_models import CallTask
from gateway.receivables.changes import Change, Note, SetHold
from gateway.receivables.events import ClaimSettled
from gateway.receivables.keys import Keys
from gateway.receivables.letter_models import LetterClaim
from gateway.receivables.models import Claim
from gateway.receivables.objections import CATEGORIES, NewObjection

OUTCOMES = ("reached", "promised", "objected", "not_reached", "wrong_number", "refused")
MOST_TRIES = 3
TRY_AGAIN_DAYS = 2
PROMISE_DAYS = 60
"""A promise further away is a plan or a deferral."""


class CallTaskUnknown(NotFound):
    """There is no such call."""


class CallDone(Refused):
    """This call was made or dropped already."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A call to be made. `cause` names it once and for all: `letter:…`, `asked:…`."""

    shop_id: UUID
    buyer_id: UUID
    cause: str
    due_on: date
    letter_id: UUID | None
    live: bool
    wish: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a call ended, by whom. `pay_on` and `amount_minor` go with `promised`, `category` with `objected`."""

    outcome: str
    actor: str
    note: str = ""
    pay_on: date | None = None
    amount_minor: int | None = None
    category: str = "other"
    """What he objects to, of `objections.CATEGORIES`; his words are the note."""


@dataclass(frozen=True, slots=True)
class CallView:
    """A call as it is told, opened."""

    id: UUID
    buyer_id: UUID
    shop_id: UUID
    cause: str
    due_on: date
    state: str
    tries: int
    wish: str
    outcome: str | None
    note: str
    done_by: str | None
    done_at: datetime | None


def open_for(session: Session, wanted: Sequence[Wanted], sealing: Keys | None = None) -> None:
    """One task for each cause; told again it changes nothing. A wish needs `sealing`. Raises BuyerErased."""
    rows = [_row(session, one, sealing) for one in wanted]
    if rows:
        session.execute(insert(CallTask).on_conflict_do_nothing(), rows)


def _row(session: Session, wanted: Wanted, sealing: Keys | None) -> dict[str, Any]:
    id_ = new_id()
    key = sealing.of(session, wanted.buyer_id) if sealing is not None and wanted.wish else b""
    return {
        "merchant_id": merchant_of(session),
        "id": id_,
        "shop_id": wanted.shop_id,
        "buyer_id": wanted.buyer_id,
        "live": wanted.live,
        "cause": wanted.cause,
        "letter_id": wanted.letter_id,
        "due_on": wanted.due_on,
        "wish_sealed": seal(key, wanted.wish.encode(), _place("wish", id_)) if key else None,
        "state": "OPEN",
    }


def finish(session: Session, keys: Keys, task_id: UUID | None, ended: Outcome, now: datetime) -> CallTask:
    """Write down how it ended and do what follows. Raises CallTaskUnknown, CallDone, Invalid, BuyerErased."""
    _check(ended, now)
    _hold_claims(session, task_id)
    task = _locked(session, task_id)
    task.state, task.outcome, task.done_by, task.done_at = "DONE", ended.outcome, ended.actor, now
    if ended.note:
        key = keys.of(session, task.buyer_id)
        task.note_sealed = seal(key, ended.note.encode(), _place("note", task.id))
    session.flush()
    _follow(session, keys, task, ended, now)
    return task


def drop(session: Session, keys: Keys, task_id: UUID | None, actor: str, now: datetime) -> CallTask:
    """It is not to be made: a step of the policy is undone with it. Raises CallTaskUnknown, CallDone."""
    _hold_claims(session, task_id)
    task = _locked(session, task_id)
    task.state, task.done_by, task.done_at = "DROPPED", actor, now
    session.flush()
    if task.letter_id is not None:
        dunning.withdraw_call(session, keys, task.letter_id, "call-dropped", now)
    return task


def settled(session: Session, event: ClaimSettled) -> None:
    """Listener: nobody is called about a claim that is paid; a letter's call stays while another claim of it is open."""
    merchant_id = merchant_of(session)
    named = select(LetterClaim.letter_id).where(
        LetterClaim.merchant_id == merchant_id, LetterClaim.claim_id == event.claim_id
    )
    still = (
        select(LetterClaim.letter_id)
        .join(Claim, (Claim.merchant_id == LetterClaim.merchant_id) & (Claim.id == LetterClaim.claim_id))
        .where(LetterClaim.merchant_id == merchant_id, Claim.closed_at.is_(None), LetterClaim.letter_id.in_(named))
    )
    mine = CallTask.merchant_id == merchant_id, CallTask.buyer_id == event.buyer_id, CallTask.state == "OPEN"
    ended = {"state": "DROPPED", "done_by": "worker", "done_at": func.now()}
    gone = CallTask.letter_id.in_(named), CallTask.letter_id.not_in(still)
    dropped = update(CallTask).where(*mine, *gone).values(**ended).returning(CallTask.letter_id)
    for letter_id in session.scalars(dropped.execution_options(synchronize_session=False)).all():
        if letter_id is not None:
            dunning.mark_call(session, letter_id, state="WITHDRAWN", ended_at=func.now(), ended_why="paid")


def list_calls(
    session: Session, keys: Keys, state: str = "OPEN", limit: int = 50, *, shop_id: UUID | None = None
) -> list[CallView]:
    """Open ones by their day, those that ended the newest first."""
    mine = [CallTask.merchant_id == merchant_of(session), CallTask.state == state]
    mine += [CallTask.shop_id == shop_id] if shop_id is not None else []
    order = (CallTask.due_on, CallTask.id) if state == "OPEN" else (CallTask.id.desc(),)
    rows = session.scalars(select(CallTask).where(*mine).order_by(*order).limit(limit)).all()
    sealing = keys.many(session, {row.buyer_id for row in rows}) if rows else {}
    return [_view(row, sealing.get(row.buyer_id)) for row in rows]


def by_cause(session: Session, cause: str) -> CallTask:
    """The task of this cause. Raises CallTaskUnknown."""
    mine = CallTask.merchant_id == merchant_of(session), CallTask.cause == cause
    task = session.scalars(select(CallTask).where(*mine)).one_or_none()
    if task is None:
        raise CallTaskUnknown
    return task


def view(session: Session, keys: Keys, task: CallTask) -> CallView:
    """Opened with the buyer's key; what cannot be opened any more is empty."""
    return _view(task, keys.many(session, [task.buyer_id]).get(task.buyer_id))


def _view(task: CallTask, key: bytes | None) -> CallView:
    return CallView(
        id=task.id,
        buyer_id=task.buyer_id,
        shop_id=task.shop_id,
        cause=_first(task.cause),
        due_on=task.due_on,
        state=task.state,
        tries=_try_of(task.cause),
        wish=_opened(key, task.wish_sealed, _place("wish", task.id)),
        outcome=task.outcome,
        note=_opened(key, task.note_sealed, _place("note", task.id)),
        done_by=task.done_by,
        done_at=task.done_at,
    )


def get(session: Session, task_id: UUID | None) -> CallTask:
    """Raises CallTaskUnknown."""
    task = session.get(CallTask, (merchant_of(session), task_id), populate_existing=True) if task_id else None
    if task is None:
        raise CallTaskUnknown
    return task


def _follow(session: Session, keys: Keys, task: CallTask, ended: Outcome, now: datetime) -> None:
    if ended.outcome == "not_reached" and _try_of(task.cause) < MOST_TRIES:
        _again(session, task, now)
        return
    if task.letter_id is not None:
        dunning.call_made(session, keys, task.letter_id, now)
    claim_ids = _claims_of(session, task)
    if ended.outcome == "objected":
        _lodge(session, keys, claim_ids, ended, now)
        return
    changes = _changes(task, ended, days.today("DE", now))
    claims.apply_many(session, keys, [(id_, changes) for id_ in claim_ids], now)


def _lodge(session: Session, keys: Keys, claim_ids: Sequence[UUID], ended: Outcome, now: datetime) -> None:
    """What is open and not disputed yet is disputed from now on, as if he had written it on his page."""
    disputed = {row.claim_id for row in objections.open_of(session, claim_ids)}
    for claim_id in claim_ids:
        if claim_id not in disputed and claims.get(session, claim_id).closed_at is None:
            new = NewObjection(claim_id, ended.category, ended.actor, "phone", words=ended.note)
            objections.lodge(session, keys.keyring, new, now)


def _changes(task: CallTask, ended: Outcome, today: date) -> list[Change]:
    cause, actor = f"call:{task.id}", ended.actor
    if ended.outcome == "promised" and ended.pay_on is not None:
        return [SetHold("promise", today, ended.pay_on, ended.amount_minor, cause, actor=actor)]
    return [Note(f"call: {ended.outcome}", actor=actor)]


def _claims_of(session: Session, task: CallTask) -> list[UUID]:
    """Those of the letter; of a debtor who asked himself all that are open."""
    merchant_id = merchant_of(session)
    if task.letter_id is not None:
        mine = LetterClaim.merchant_id == merchant_id, LetterClaim.letter_id == task.letter_id
        return list(session.scalars(select(LetterClaim.claim_id).where(*mine)))
    of_buyer = Claim.merchant_id == merchant_id, Claim.buyer_id == task.buyer_id, Claim.closed_at.is_(None)
    return list(session.scalars(select(Claim.id).where(*of_buyer).order_by(Claim.id).limit(claims.MAX_BATCH)))


def _again(session: Session, task: CallTask, now: datetime) -> None:
    """The same call once more, on a later day; the wish stays with the first."""
    due_on = days.today("DE", now) + timedelta(days=TRY_AGAIN_DAYS)
    cause = f"{_first(task.cause)}#{_try_of(task.cause) + 1}"
    open_for(session, [Wanted(task.shop_id, task.buyer_id, cause, due_on, task.letter_id, task.live)])


def _check(ended: Outcome, now: datetime) -> None:
    if ended.outcome not in OUTCOMES:
        raise Invalid.at("/outcome", f"is one of {', '.join(OUTCOMES)}")
    if ended.category not in CATEGORIES:
        raise Invalid.at("/category", f"is one of {', '.join(CATEGORIES)}")
    if (ended.outcome == "promised") != (ended.pay_on is not None):
        raise Invalid.at("/pay_on", "goes with the outcome promised, and only with it")
    today = days.today("DE", now)
    if ended.pay_on is not None and not today <= ended.pay_on <= today + timedelta(days=PROMISE_DAYS):
        raise Invalid.at("/pay_on", f"lies within {PROMISE_DAYS} days from today")


def _locked(session: Session, task_id: UUID | None) -> CallTask:
    mine = CallTask.merchant_id == merchant_of(session), CallTask.id == task_id
    wanted = select(CallTask).where(*mine).with_for_update().execution_options(populate_existing=True)
    task = session.scalars(wanted).one_or_none() if task_id else None
    if task is None:
        raise CallTaskUnknown
    if task.state != "OPEN":
        raise CallDone(state=task.state)
    return task


def _hold_claims(session: Session, task_id: UUID | None) -> None:
    """Claims before their calls, as where a payment ends a call."""
    task = session.get(CallTask, (merchant_of(session), task_id)) if task_id else None
    if task is not None:
        claims.hold(session, _claims_of(session, task))


def _first(cause: str) -> str:
    return cause.partition("#")[0]


def _try_of(cause: str) -> int:
    return int(cause.partition("#")[2] or 1)


def _place(name: str, id_: UUID) -> str:
    """The place a text is sealed for."""
    return f"call_task.{name}:{id_}"


def _opened(key: bytes | None, sealed: bytes | None, place: str) -> str:
    return unseal(key, sealed, place).decode() if key and sealed else ""
