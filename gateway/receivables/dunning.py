"""What becomes of a step once its letter left, came back or was withdrawn; pausing and resuming by hand.

Letters tell it by their events; the nightly run books when it drafts, and what it booked is taken back here.
"""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from gateway.core.db import merchant_of
from gateway.law import store
from gateway.receivables import changes, claims, days, dunning_versions
from gateway.receivables.changes import Change
from gateway.receivables.debtor_calendar import LawCalendar
from gateway.receivables.dunning_policy import DEMANDS
from gateway.receivables.facts import ClaimFacts
from gateway.receivables.facts import load as load_facts
from gateway.receivables.keys import Keys
from gateway.receivables.letter_events import LetterBounced, LetterSent, LetterWithdrawn
from gateway.receivables.letter_models import Letter, LetterClaim
from gateway.receivables.models import ClaimHold

PAUSE = "pause"


def sent(session: Session, keys: Keys, letter_id: UUID, now: datetime, day: date | None = None) -> None:
    """The letter left (on `day`, the printer's for paper): level and state follow, and the default a demand brings about."""
    letter = _letter(session, letter_id)
    if letter is None:
        return
    levels, left_on = _levels(session, letter_id), day or letter.day
    claims.hold(session, levels)
    facts = load_facts(session, list(levels))
    calendar = LawCalendar(store.load(session))
    wanted: list[tuple[UUID, Sequence[Change]]] = [
        (id_, _left(facts[id_], letter, level, left_on, calendar)) for id_, level in levels.items() if level
    ]
    claims.apply_many(session, keys, wanted, now)


def _left(facts: ClaimFacts, letter: Letter, level: int, day: date, calendar: LawCalendar) -> list[Change]:
    """Nothing for a claim that was settled or disputed while the letter was on its way but that it left."""
    if facts.state not in ("OPEN", "DUNNING"):
        return [changes.Note(text=f"{letter.step} left on {day}")]
    made: list[Change] = [changes.Remind(letter_id=letter.id, level=level, day=day)]
    if letter.kind in DEMANDS and facts.default_from is None:
        found = calendar.default_by_letter(facts, day, letter.channel)
        if found is not None:
            told = (found.default_from, found.interest_from, found.ground, f"letter:{letter.id}")
            made.append(changes.EnterDefault(*told))
    return made


def undo(session: Session, keys: Keys, letter_id: UUID, why: str, now: datetime) -> None:
    """The letter came back or was withdrawn: its fee, interest and default are taken back, its step is due again."""
    if _letter(session, letter_id) is None:
        return
    change = changes.UndoReminder(letter_id=letter_id, why=why)
    claims.apply_many(
        session, keys, [(id_, [change]) for id_, level in _levels(session, letter_id).items() if level], now
    )


def letter_sent(session: Session, event: LetterSent) -> None:
    """Listener: it has left."""
    sent(session, event.keys, event.letter_id, event.at, event.day)


def letter_undone(session: Session, event: LetterWithdrawn | LetterBounced) -> None:
    """Listener: it did not leave, or came back."""
    undo(session, event.keys, event.letter_id, event.why, event.at)


def call_made(session: Session, keys: Keys, letter_id: UUID, now: datetime) -> None:
    """The call that stood for a step was made: the step happened."""
    day = days.today("DE", now)
    mark_call(session, letter_id, state="SENT", sent_at=now, day=day)
    sent(session, keys, letter_id, now, day)


def withdraw_call(session: Session, keys: Keys, letter_id: UUID, why: str, now: datetime) -> None:
    """The call is not to be made: its step is undone."""
    mark_call(session, letter_id, state="WITHDRAWN", ended_at=now, ended_why=why)
    undo(session, keys, letter_id, why, now)


def pause(session: Session, keys: Keys, claim_id: UUID, actor: str, until_on: date | None, now: datetime) -> None:
    """No step until resumed, or until that day. Raises ClaimUnknown, Refused, Invalid."""
    today = days.today("DE", now)
    claims.apply(session, keys, claim_id, changes.SetHold(PAUSE, today, until_on, None, "", actor=actor), now)


def resume(session: Session, keys: Keys, claim_id: UUID, actor: str, now: datetime) -> int:
    """End the merchant's pauses; the next step comes some days later, never the same night. How many were ended."""
    claims.get(session, claim_id)
    mine = ClaimHold.merchant_id == merchant_of(session), ClaimHold.claim_id == claim_id
    wanted = select(ClaimHold.id).where(*mine, ClaimHold.reason == PAUSE, ClaimHold.lifted_at.is_(None))
    ids = list(session.scalars(wanted))
    for hold_id in ids:
        claims.apply(session, keys, claim_id, changes.LiftHold(hold_id, "lifted", actor=actor), now)
    return len(ids)


def move_to_live(session: Session, keys: Keys, claim_ids: Sequence[UUID], actor: str, now: datetime) -> int:
    """Let claims follow what is live now instead of the version they began with. How many were moved."""
    wanted: list[tuple[UUID, Sequence[Change]]] = []
    for facts in load_facts(session, claim_ids).values():
        policy = dunning_versions.live(session, facts.shop_id)
        policy = policy if policy.id else dunning_versions.pin_default(session, facts.shop_id, now)
        note = changes.Note(text=f"follows dunning policy {policy.version}", actor=actor)
        again = changes.LookAgain(next_on=days.today(facts.country, now), policy_id=policy.id)
        if facts.closed_at is None and policy.id != facts.policy_id:
            wanted.append((facts.id, [note, again]))
    claims.apply_many(session, keys, wanted, now)
    return len(wanted)


def _letter(session: Session, letter_id: UUID) -> Letter | None:
    """A letter of a dunning step, or None for those of other events."""
    letter = session.get(Letter, (merchant_of(session), letter_id), populate_existing=True)
    return letter if letter is not None and letter.origin == "dunning" else None


def _levels(session: Session, letter_id: UUID) -> dict[UUID, int]:
    mine = LetterClaim.merchant_id == merchant_of(session), LetterClaim.letter_id == letter_id
    rows = session.execute(select(LetterClaim.claim_id, LetterClaim.level).where(*mine).order_by(LetterClaim.claim_id))
    return {row.claim_id: row.level for row in rows}


def mark_call(session: Session, letter_id: UUID, **values: object) -> None:
    """A call has no renderer and no outbox: its letter row only says whether it was made."""
    mine = Letter.merchant_id == merchant_of(session), Letter.id == letter_id, Letter.channel == "call"
    session.execute(update(Letter).where(*mine).values(**values).execution_options(synchronize_session=False))
