"""The nightly run: what is due leaves as one letter per debtor, with its interest, fee and default, all or nothing.

Debtors are taken in batches, each in a transaction of its own and skipped where another worker has them: any number of
workers may run, and one that is killed leaves nothing half done. A second run of a day finds nothing due.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from gateway.core.bulk import among
from gateway.core.channels import post_notice
from gateway.core.db import Database, merchant_of
from gateway.core.errors import GatewayError
from gateway.core.ids import new_id, to_public
from gateway.law.tables import Tables
from gateway.receivables import changes, claims, days, drafting, sending, surroundings
from gateway.receivables.agreement_models import DunningRun
from gateway.receivables.bundle import Due, bundle
from gateway.receivables.case import Case
from gateway.receivables.changes import Change
from gateway.receivables.debtor_calendar import LawCalendar
from gateway.receivables.drafting import Drafted
from gateway.receivables.dunning_policy import DunningPolicy
from gateway.receivables.dunning_versions import Book
from gateway.receivables.facts import ClaimFacts
from gateway.receivables.facts import load as load_facts
from gateway.receivables.keys import Keys
from gateway.receivables.models import Claim
from gateway.receivables.next_step import Next, Nothing, Step, Surroundings, Wait, next_step
from gateway.shops.models import Buyer

BATCH = 400
"""Debtors per transaction."""
MOST_CLAIMS = 1_600
"""Claims of them: the rest of a debtor with more waits for the next night."""
DAY = timedelta(days=1)
TOLD = {"limitation": "claim-limited", "undeliverable": "claim-undeliverable"}
"""Reasons the merchant is told, by the code of the notice."""
_FIRST: UUID | None = UUID(int=0)
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Night:
    """One run of one merchant. `day` is the calendar day it is for."""

    keys: Keys
    tables: Tables
    now: datetime
    day: date
    calendar: LawCalendar = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "calendar", LawCalendar(self.tables))


@dataclass(frozen=True, slots=True)
class Count:
    """What a run did."""

    seen: int = 0
    drafted: int = 0
    failed: int = 0

    def __add__(self, other: "Count") -> "Count":
        return Count(self.seen + other.seen, self.drafted + other.drafted, self.failed + other.failed)


@dataclass(slots=True)
class _Work:
    """A batch while it is decided on."""

    session: Session
    night: Night
    book: Book
    wanted: list[tuple[UUID, list[Change]]] = field(default_factory=list)
    drafts: list[Drafted] = field(default_factory=list)


def run(db: Database, merchant_id: UUID, night: Night) -> Count:
    """Everything of one merchant that is due, batch by batch in the order of debtors."""
    with db.transaction(merchant_id) as session:
        _begin(session, night)
    total, after = Count(), _FIRST
    while after is not None:
        done, after = _batch(db, merchant_id, night, after)
        total += done
    with db.transaction(merchant_id) as session:
        _finish(session, night)
    return total


def _batch(db: Database, merchant_id: UUID, night: Night, after: UUID) -> tuple[Count, UUID | None]:
    """The next debtors: together, or where one of them spoils it each for himself."""
    buyers: list[UUID] = []
    try:
        with db.transaction(merchant_id) as session:
            buyers = lock_debtors(session, night, after, BATCH)
            if not buyers:
                return Count(), None
            return work(session, night, buyers), buyers[-1]
    except GatewayError as error:
        log.warning("dunning.batch-failed", code=error.code)
    done = Count()
    for buyer_id in buyers:
        done += _alone(db, merchant_id, night, buyer_id)
    return done, buyers[-1]


def _alone(db: Database, merchant_id: UUID, night: Night, buyer_id: UUID) -> Count:
    """One debtor; what cannot be done is put off to the next night and told."""
    try:
        with db.transaction(merchant_id) as session:
            mine = lock_debtors(session, night, UUID(int=buyer_id.int - 1), 1)
            return work(session, night, mine) if mine == [buyer_id] else Count()
    except GatewayError as error:
        log.warning("dunning.debtor-failed", code=error.code, buyer=str(buyer_id))
    with db.transaction(merchant_id) as session:
        ids = _due_ids(session, night, [buyer_id])
        later = [changes.LookAgain(next_on=night.day + DAY)]
        claims.apply_many(session, night.keys, [(id_, later) for id_ in ids], night.now)
    return Count(failed=1)


def lock_debtors(session: Session, night: Night, after: UUID, most: int) -> list[UUID]:
    """Debtors with a claim that must be looked at, none that another worker has, held until the transaction ends."""
    merchant_id = merchant_of(session)
    due = select(Claim.buyer_id).where(
        Claim.merchant_id == merchant_id, Claim.next_on <= night.day, Claim.buyer_id > after
    )
    wanted = select(Buyer.id).where(Buyer.merchant_id == merchant_id, Buyer.id > after, Buyer.id.in_(due))
    locked = wanted.order_by(Buyer.id).limit(most).with_for_update(skip_locked=True, key_share=True)
    return list(session.scalars(locked))


def work(session: Session, night: Night, buyers: Sequence[UUID]) -> Count:
    """Decide, book, draft: for debtors that are held."""
    found = load_facts(session, _due_ids(session, night, buyers))
    work_ = _Work(session, night, Book(lambda: session, night.now))
    work_.book.read([facts.policy_id for facts in found.values()])
    beside = surroundings.read(session, found.values(), night.calendar, night.day)
    for mine in _by_debtor(found.values()).values():
        _debtor(work_, mine, beside)
    booked = _apply(work_)
    drafting.insert_letters(session, work_.drafts, booked, night.tables, night.now)
    count = Count(len(booked), len(work_.drafts))
    _note(session, night, count)
    return count


def _debtor(work_: _Work, mine: Sequence[ClaimFacts], beside: Mapping[UUID, Surroundings]) -> None:
    """One letter at most; every other claim of his is told when it is looked at again."""
    policies = {facts.id: work_.book.of(facts.shop_id, facts.policy_id) for facts in mine}
    answers = {facts.id: decide(facts, policies[facts.id], work_.night, beside[facts.id]) for facts in mine}
    due = [Due(facts, step) for facts in mine if isinstance(step := answers[facts.id], Step)]
    drafted = _draft(work_, due, policies) if due else None
    written = {one.facts.id for one in drafted.bundle.claims} if drafted else set()
    for facts in mine:
        _tell_merchant(work_, facts, answers[facts.id])
        if facts.id not in written:
            work_.wanted.append((facts.id, [_look_again(answers[facts.id], work_.night)]))
    if drafted is not None:
        work_.drafts.append(drafted)
        work_.wanted += drafting.changes_of(drafted, work_.night.tables)


def _tell_merchant(work_: _Work, facts: ClaimFacts, answer: Next) -> None:
    """Where only a person can go on: barred by time, or nobody to be reached."""
    if isinstance(answer, Nothing) and answer.why in TOLD:
        post_notice(work_.session, TOLD[answer.why], to_public("clm", facts.id), {}, work_.night.now)


def decide(facts: ClaimFacts, policy: DunningPolicy, night: Night, beside: Surroundings) -> Next:
    """`next_step` for the debtor's own day; a claim about which the law says nothing waits."""
    try:
        return next_step(facts, policy, days.today(facts.country, night.now), night.calendar, beside)
    except GatewayError as error:
        log.warning("dunning.undecided", code=error.code, claim=str(facts.id))
        return Wait(night.day + DAY, error.code)


def _draft(work_: _Work, due: Sequence[Due], policies: Mapping[UUID, DunningPolicy]) -> Drafted | None:
    """The bundle as a letter, or None when it could not leave today any more."""
    made = bundle(due)
    if made is None:
        return None
    lead = made.leader
    policy = policies[lead.facts.id]
    track = next(track for track in policy.tracks if track.id == lead.step.track)
    release_at = sending.release_at(track, lead.facts.country, work_.night.now)
    if release_at is None:
        return None
    pinned = work_.book.pinned(lead.facts.shop_id, policy)
    return Drafted(new_id(), made, pinned.id or lead.facts.shop_id, release_at)


def _look_again(answer: Next, night: Night) -> changes.LookAgain:
    if isinstance(answer, Nothing):
        return changes.LookAgain(next_on=None)
    return changes.LookAgain(
        next_on=max(answer.until, night.day + DAY) if isinstance(answer, Wait) else night.day + DAY
    )


def _apply(work_: _Work) -> dict[UUID, Case]:
    """Every claim that was looked at, as it is now."""
    booked: dict[UUID, Case] = {}
    for start in range(0, len(work_.wanted), claims.MAX_BATCH):
        some = work_.wanted[start : start + claims.MAX_BATCH]
        done = claims.apply_many(work_.session, work_.night.keys, some, work_.night.now)
        booked |= {case.claim.id: case for case in done}
    return booked


def _due_ids(session: Session, night: Night, buyers: Collection[UUID]) -> list[UUID]:
    mine = Claim.merchant_id == merchant_of(session), Claim.next_on <= night.day, among(Claim.buyer_id, buyers)
    return list(session.scalars(select(Claim.id).where(*mine).order_by(Claim.id).limit(MOST_CLAIMS)))


def _by_debtor(found: Iterable[ClaimFacts]) -> dict[UUID, list[ClaimFacts]]:
    grouped: dict[UUID, list[ClaimFacts]] = {}
    for facts in found:
        grouped.setdefault(facts.buyer_id, []).append(facts)
    return grouped


def _begin(session: Session, night: Night) -> None:
    row = {"merchant_id": merchant_of(session), "day": night.day, "state": "RUNNING", "started_at": night.now}
    session.execute(insert(DunningRun).values(**row).on_conflict_do_nothing())


def _note(session: Session, night: Night, count: Count) -> None:
    """Last in the transaction: workers of one merchant wait for each other only here."""
    mine = DunningRun.merchant_id == merchant_of(session), DunningRun.day == night.day
    more = {"seen": DunningRun.seen + count.seen, "drafted": DunningRun.drafted + count.drafted}
    session.execute(update(DunningRun).where(*mine).values(**more))


def _finish(session: Session, night: Night) -> None:
    mine = DunningRun.merchant_id == merchant_of(session), DunningRun.day == night.day
    session.execute(update(DunningRun).where(*mine).values(state="DONE", finished_at=func.now()))
