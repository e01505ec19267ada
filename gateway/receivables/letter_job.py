"""Lays letters out and lets them leave: facts in one transaction, typst outside of any, document and message in another.

Between the two the letter is looked at again: what was paid, held, disputed or returned meanwhile withdraws it, and a
worker that is killed in between leaves a draft that the next one takes up. So one letter leaves, or none.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.core import clock
from gateway.core.channels import post_notice
from gateway.core.db import merchant_of
from gateway.core.ids import to_public
from gateway.core.services import Services
from gateway.core.work import Backoff, Job, Retry, Task
from gateway.law import store
from gateway.merchants import callbacks
from gateway.merchants.callbacks import LETTER_DUE
from gateway.receivables import claims, days, letter_facts, letter_sending, letters, working_days
from gateway.receivables.keys import Keys
from gateway.receivables.letter_check import Finding, unlawful
from gateway.receivables.letter_facts import NO_SENDER, Gathered, kind_of
from gateway.receivables.letter_lifecycle import LIFECYCLE, LetterAct, LetterState
from gateway.receivables.letter_mail import mail_of
from gateway.receivables.letter_model import Channel, Kind, LetterModel
from gateway.receivables.letter_models import Letter
from gateway.receivables.letter_pdf import render
from gateway.receivables.letter_sending import Laid
from gateway.receivables.letter_text import compose
from gateway.receivables.models import Claim, ClaimHold
from gateway.shops.buyers import BuyerErased

EARLY_S = 1.0
"""So much sooner than its release a letter may leave: clocks of two machines differ."""
_GONE = frozenset({"SETTLED", "WRITTEN_OFF", "SOLD", "COLLECTION", "DISPUTED", "INSTALMENTS"})
"""States of a claim in which nothing is demanded any more."""
_NO_ENDPOINT = Finding(
    "no-endpoint", "/channel", "no endpoint of yours wants `letter.due`, so the shop would never hear of this letter"
)
_NOT_RENDERED = Finding("not-rendered", "", "the letter could not be laid out; tell the operator its id")


def render_letter(services: Services, job: Job) -> None:
    """The task: a draft whose undo window has ended leaves, is parked with what is wrong, or is withdrawn."""
    let_go(services, job, clock.now())


def let_go(services: Services, job: Job, now: datetime) -> None:
    """As if it were `now`: a story that is told afterwards has its letters leave on their day. Raises Retry."""
    letter_id, keys = UUID(str(job.args["letter_id"])), Keys(services.keyring)
    gathered = _gather(services, job, keys, letter_id, now)
    if gathered is None:
        return
    if found := unlawful(gathered.model, gathered.facts):
        park(services, job, letter_id, found)
        return
    laid = lay_out(gathered)
    with services.db.transaction(job.merchant_id) as session:
        _leave(session, keys, letter_id, laid, now)


def lay_out(gathered: Gathered) -> Laid:
    """Outside of any transaction: typst takes its time."""
    page = compose(gathered.model)
    pdf = render(gathered.model, page)
    mail = mail_of(gathered.model, pdf, page) if gathered.model.channel is Channel.EMAIL else None
    return Laid(gathered.model, gathered.key, pdf, mail)


def _gather(services: Services, job: Job, keys: Keys, letter_id: UUID, now: datetime) -> Gathered | None:
    """None when there is nothing to lay out: not drafted any more, its buyer erased, no sender. Raises Retry."""
    with services.db.transaction(job.merchant_id) as session:
        letter = letters.locked(session, letter_id)
        if letter.state != LetterState.DRAFTED:
            return None
        if (wait_s := (letter.release_at - now).total_seconds()) > EARLY_S:
            raise Retry(wait_s, "not-released")
        if why := fallen_away(session, letter, now):
            letters.withdraw(session, keys, letter, why, now)
            return None
        tables = store.load(session)
        try:
            gathered = letter_facts.gather(session, keys, letter, services.public_url, tables)
        except BuyerErased:
            letters.withdraw(session, keys, letter, "erased", now)
            return None
        if gathered is None:
            _park(session, letter, [NO_SENDER], now)
            return None
        heard = not letter.live or LETTER_DUE in callbacks.wanted(session)
        if letter.channel == Channel.CALLBACK and not heard and not letter.fallback:
            _park(session, letter, [_NO_ENDPOINT], now)
            return None
        country, region = letters.place_of(session, letter)
        shift = working_days.of(tables, country, region)
        model = _dated(_with_way(gathered.model, letter, heard=heard), days.today(country, now), shift)
        return replace(gathered, model=model)


def _with_way(model: LetterModel, letter: Letter, *, heard: bool) -> LetterModel:
    """By its fallback where there is no address for its channel, or no endpoint that hears it."""
    lost = {Channel.EMAIL: not model.recipient.email, Channel.CALLBACK: not heard}
    if lost.get(model.channel) and letter.fallback:
        return replace(model, channel=Channel(letter.fallback))
    return model


def _dated(model: LetterModel, today: date, working_day: Callable[[date], date]) -> LetterModel:
    """A letter that waited is dated when it leaves, and its deadline moves on by as much."""
    late = today - model.dated
    if late.days <= 0:
        return model
    if model.deadline is None:
        return replace(model, dated=today)
    return replace(model, dated=today, deadline=working_day(model.deadline + late))


def _leave(session: Session, keys: Keys, letter_id: UUID, laid: Laid, now: datetime) -> None:
    letter = letters.locked(session, letter_id)
    if letter.state != LetterState.DRAFTED:
        return
    if why := fallen_away(session, letter, now):
        letters.withdraw(session, keys, letter, why, now)
        return
    letter.channel, letter.deadline = laid.model.channel, laid.model.deadline
    if letter.origin == "event":  # a dunning letter keeps the day of its run: one per debtor and day
        letter.day = laid.model.dated
    letter_sending.leave(session, keys, letter, laid, now)


def fallen_away(session: Session, letter: Letter, now: datetime) -> str:
    """Why a letter that demands money must not leave any more; "" while it may."""
    if not kind_of(letter).demands:
        return ""
    lines = {line.claim_id: line for line in letters.claims_of(session, letter.id)}
    claims.hold(session, lines)  # an objection comes before this, or after the letter has left
    mine = Claim.merchant_id == merchant_of(session), Claim.id.in_(lines)
    for claim in session.scalars(select(Claim).where(*mine).execution_options(populate_existing=True)):
        owed_minor = claim.principal_minor + claim.costs_minor + claim.interest_minor
        if claim.state in _GONE and not (claim.state == "INSTALMENTS" and letter.kind == Kind.PLAN_LAPSED):
            return f"claim-{claim.state.lower().replace('_', '-')}"
        if owed_minor < lines[claim.id].total_minor:
            return "paid"
    return "held" if _held(session, list(lines), now) else ""


def _held(session: Session, claim_ids: Sequence[UUID], now: datetime) -> bool:
    """Whether a hold runs on one of them."""
    today = days.today("DE", now)
    mine = ClaimHold.merchant_id == merchant_of(session), ClaimHold.claim_id.in_(claim_ids)
    runs = ClaimHold.lifted_at.is_(None), ClaimHold.from_on <= today
    ends = ClaimHold.until_on.is_(None) | (ClaimHold.until_on >= today)
    return session.scalar(select(ClaimHold.id).where(*mine, *runs, ends).limit(1)) is not None


def park(services: Services, job: Job, letter_id: UUID, found: Sequence[Finding]) -> None:
    """It does not leave; the merchant sees why."""
    with services.db.transaction(job.merchant_id) as session:
        letter = letters.locked(session, letter_id)
        if letter.state == LetterState.DRAFTED:
            _park(session, letter, found, clock.now())


def _park(session: Session, letter: Letter, found: Sequence[Finding], now: datetime) -> None:
    letter.state = LIFECYCLE.after(LetterState.DRAFTED, LetterAct.PARK)
    letter.findings = [{"code": one.code, "path": one.path, "message": one.message} for one in found]
    session.flush()
    facts = {"codes": sorted({one.code for one in found})}
    post_notice(session, "letter-parked", to_public("ltr", letter.id), facts, now)


def _give_up(services: Services, job: Job, _error: str) -> None:
    park(services, job, UUID(str(job.args["letter_id"])), [_NOT_RENDERED])


RENDERING = Task(
    letters.TASK,
    render_letter,
    letters.QUEUE,
    max_attempts=8,
    backoff=Backoff(base_s=5.0, cap_s=600.0),
    timeout_s=60,
    on_dead=_give_up,
)
