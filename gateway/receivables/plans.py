"""Instalment plans as they are kept: agreed, looked at once a day, fallen or fulfilled. `instalments` decides."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gateway.core.crypto import Keyring
from gateway.core.db import merchant_of
from gateway.core.errors import Invalid, NotFound, Refused
from gateway.core.ids import new_id
from gateway.core.states import Lifecycle
from gateway.law import store
from gateway.receivables import (
    agreements,
    claims,
    days,
    debtor_letters,
    instalments,
    plan_credit,
    plan_revival,
    statement,
    working_days,
)
from gateway.receivables.agreement_models import Instalment, InstalmentPlan, PlanClaim
from gateway.receivables.changes import AgreePlan, Change, Credit, FulfilPlan, LapsePlan
from gateway.receivables.debtor_letters import Telling
from gateway.receivables.instalments import (
    Plan,
    PlanAct,
    PlanDebt,
    PlanFacts,
    PlanRequest,
    PlanStep,
    Rate,
    Rhythm,
)
from gateway.receivables.keys import Keys
from gateway.receivables.letter_model import Kind
from gateway.receivables.models import Claim

MAX_PAGE = 200
BITE = 200
"""Plans looked at in one transaction each, per finding."""
RUNNING, WARNED, LAPSED, FULFILLED, ENDED = "RUNNING", "WARNED", "LAPSED", "FULFILLED", "ENDED"
LIFECYCLE = Lifecycle(
    "instalment plan",
    RUNNING,
    {
        (RUNNING, "warn"): WARNED,
        (WARNED, "recover"): RUNNING,
        (WARNED, "lapse"): LAPSED,
        (FULFILLED, "revive"): RUNNING,
        **{(state, "fulfil"): FULFILLED for state in (RUNNING, WARNED)},
        **{(state, "end"): ENDED for state in (RUNNING, WARNED)},
    },
)
ALIVE = (RUNNING, WARNED)


class PlanUnknown(NotFound):
    """There is no such plan."""


class TooManyPlans(Refused):
    """As many plans for this claim have fallen as the merchant allows; ask for a call."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody asks for, before it is known whether it can be."""

    claim_ids: tuple[UUID, ...]
    rates: int
    first_due: date
    rhythm: Rhythm = Rhythm.MONTHLY


@dataclass(frozen=True, slots=True)
class PlanView:
    """A plan with its rates, what is paid of each, and its claims."""

    row: InstalmentPlan
    rates: tuple[Rate, ...]
    paid_minor: tuple[int, ...]
    claims: tuple[Claim, ...]
    covered_minor: int

    @property
    def next_rate(self) -> Rate | None:
        return instalments.oldest_open(self.rates, self.covered_minor)


def offer(session: Session, wish: Wish, today: date) -> Plan:
    """The plan for a wish, as it would be agreed; nothing is kept. Raises as `instalments.plan`."""
    rows = _claims(session, wish.claim_ids)
    first, debts = rows[0], _debts(session, rows, today)
    limits = agreements.limits_of(session, first.shop_id)
    _refuse_another(session, wish, limits.max_plans)
    request = PlanRequest(debts, wish.rates, wish.first_due, today, first.country, first.region, wish.rhythm)
    return instalments.plan(request, limits, store.load(session))


def _refuse_another(session: Session, wish: Wish, most: int) -> None:
    """Whose plans fell gets no further one without asking."""
    merchant_id = merchant_of(session)
    at_plan = (InstalmentPlan.merchant_id == PlanClaim.merchant_id) & (InstalmentPlan.id == PlanClaim.plan_id)
    fallen = (
        select(func.count())
        .select_from(PlanClaim)
        .join(InstalmentPlan, at_plan)
        .where(PlanClaim.merchant_id == merchant_id, PlanClaim.claim_id.in_(wish.claim_ids))
        .where(InstalmentPlan.state == LAPSED)
        .group_by(PlanClaim.claim_id)
    )
    if any(count >= most for count in session.scalars(fallen)) or most == 0:
        raise TooManyPlans(allowed=most)


def agree(session: Session, keyring: Keyring, wish: Wish, actor: str, now: datetime, today: date) -> PlanView:
    """Make the plan for a wish binding: the claims follow it and the debtor gets it in writing.

    Raises as `instalments.plan`; then nothing is changed.
    """
    agreed = offer(session, wish, today)
    rows = _claims(session, wish.claim_ids)
    limits = agreements.limits_of(session, rows[0].shop_id)
    row = InstalmentPlan(
        merchant_id=merchant_of(session),
        id=new_id(),
        buyer_id=rows[0].buyer_id,
        live=rows[0].live,
        currency=agreed.currency,
        total_minor=agreed.total_minor,
        state=LIFECYCLE.start,
        agreed_by=actor,
        agreed_at=now,
        grace_days=limits.grace_days,
        next_on=agreed.rates[0].due_date + timedelta(days=limits.grace_days + 1),
    )
    session.add(row)
    session.flush()
    _keep(session, row.id, agreed)
    for debt in agreed.debts:
        claims.apply(session, Keys(keyring), debt.claim_id, AgreePlan(row.id, actor=actor), now)
    facts = {"plan_id": str(row.id)}
    telling = Telling(Kind.PLAN, tuple(debt.claim_id for debt in agreed.debts), agreed.rates[0].due_date, facts)
    debtor_letters.tell(session, telling, now)
    return view(session, row)


def advance(session: Session, keyring: Keyring, plan_id: UUID, today: date, now: datetime) -> PlanStep | None:
    """Do what this day makes of a plan; None when it is over or rests. A second time on one day does nothing."""
    _lock_claims(session, plan_id)
    row = _locked(session, plan_id)
    if row.state == FULFILLED and plan_revival.revive(session, Keys(keyring), row.id, view(session, row).claims, now):
        row.state, row.ended_at, row.warned_on, row.next_on = LIFECYCLE.after(row.state, "revive"), None, None, today
    if row.state not in ALIVE:
        return None
    seen = view(session, row)
    if (stopped := _stopped(seen)) is not None:
        (_rest if stopped == "rests" else _end)(row, today, now)
        return None
    shop_id = seen.claims[0].shop_id
    notice_days = agreements.limits_of(session, shop_id).notice_days
    shift = working_days.of(store.load(session), seen.claims[0].country, seen.claims[0].region)
    falls_after = None if row.warned_on is None else shift(row.warned_on + timedelta(days=notice_days))
    settled = all(claim.state == "SETTLED" for claim in seen.claims)
    facts = PlanFacts(
        seen.rates, row.total_minor if settled else seen.covered_minor, row.grace_days, notice_days, falls_after
    )
    decided = instalments.step(facts, today, shift)
    _carry_out(session, keyring, seen, decided, today, now)
    session.flush()
    return decided


def due(session: Session, today: date, after: UUID | None = None) -> Sequence[UUID]:
    """Plans that must be looked at today, in order of their ids; the rest waits for the next call."""
    mine = InstalmentPlan.merchant_id == merchant_of(session), InstalmentPlan.state.in_(ALIVE)
    wanted = select(InstalmentPlan.id).where(*mine, InstalmentPlan.next_on <= today)
    if after is not None:
        wanted = wanted.where(InstalmentPlan.id > after)
    return session.scalars(wanted.order_by(InstalmentPlan.id).limit(BITE)).all()


def noticed(session: Session, claim_id: UUID, now: datetime) -> list[UUID]:
    """Money moved on a claim: its plan is to be looked at, today at the latest. Which plans these are."""
    rows = _alive_of(session, [claim_id])
    for row in rows:
        row.next_on = min(row.next_on or now.date(), now.date())
    return [row.id for row in rows]


def resume(session: Session, keyring: Keyring, claim_id: UUID, actor: str, now: datetime) -> None:
    """An objection is over and the claim is owed: the plan it was in goes on."""
    for row in _alive_of(session, [claim_id]):
        claims.apply(session, Keys(keyring), claim_id, AgreePlan(row.id, actor=actor), now)
        row.next_on = now.date()


def get(session: Session, plan_id: UUID) -> PlanView:
    """Raises PlanUnknown."""
    row = session.get(InstalmentPlan, (merchant_of(session), plan_id))
    if row is None:
        raise PlanUnknown
    return view(session, row)


def list_plans(
    session: Session, *, alive: bool = True, buyer_id: UUID | None = None, before: UUID | None = None, limit: int = 50
) -> list[PlanView]:
    """Plans, the newest first."""
    wanted = select(InstalmentPlan).where(InstalmentPlan.merchant_id == merchant_of(session))
    wanted = wanted.where(InstalmentPlan.state.in_(ALIVE) if alive else ~InstalmentPlan.state.in_(ALIVE))
    if buyer_id is not None:
        wanted = wanted.where(InstalmentPlan.buyer_id == buyer_id)
    if before is not None:
        wanted = wanted.where(InstalmentPlan.id < before)
    rows = session.scalars(wanted.order_by(InstalmentPlan.id.desc()).limit(min(limit, MAX_PAGE))).all()
    return _views(session, rows)


def view(session: Session, row: InstalmentPlan) -> PlanView:
    return _views(session, [row])[0]


def _views(session: Session, rows: Sequence[InstalmentPlan]) -> list[PlanView]:
    """In a fixed number of queries."""
    ids = [row.id for row in rows]
    merchant_id = merchant_of(session)
    kept = select(Instalment).where(Instalment.merchant_id == merchant_id, Instalment.plan_id.in_(ids))
    rates: dict[UUID, list[Rate]] = {id_: [] for id_ in ids}
    for rate in session.scalars(kept.order_by(Instalment.plan_id, Instalment.number)):
        rates[rate.plan_id].append(Rate(rate.number, rate.due_date, rate.amount_minor))
    in_plans = select(PlanClaim.plan_id, Claim).join(
        Claim, (Claim.merchant_id == PlanClaim.merchant_id) & (Claim.id == PlanClaim.claim_id)
    )
    members: dict[UUID, list[Claim]] = {id_: [] for id_ in ids}
    for plan_id, claim in session.execute(
        in_plans.where(PlanClaim.merchant_id == merchant_id, PlanClaim.plan_id.in_(ids)).order_by(Claim.id)
    ):
        members[plan_id].append(claim)
    covered = plan_credit.covered(
        session, {row.id: (row.agreed_at, [one.id for one in members[row.id]]) for row in rows}
    )
    return [
        PlanView(
            row,
            tuple(rates[row.id]),
            tuple(instalments.paid_of(rates[row.id], covered[row.id])),
            tuple(members[row.id]),
            covered[row.id],
        )
        for row in rows
    ]


def _stopped(seen: PlanView) -> str | None:
    """`rests` while one of its claims is disputed; `ended` when none follows it any more."""
    states = {claim.state for claim in seen.claims}
    if "DISPUTED" in states:
        return "rests"
    return None if states & {"INSTALMENTS", "SETTLED"} else "ended"


def _rest(row: InstalmentPlan, today: date, _now: datetime) -> None:
    row.next_on = today + timedelta(days=1)


def _end(row: InstalmentPlan, _today: date, now: datetime) -> None:
    row.state, row.ended_at, row.next_on = LIFECYCLE.after(row.state, "end"), now, None


def _carry_out(
    session: Session, keyring: Keyring, seen: PlanView, decided: PlanStep, today: date, now: datetime
) -> None:
    row = seen.row
    row.next_on = decided.next_on
    if decided.act is PlanAct.WAIT:
        return
    row.state = LIFECYCLE.after(row.state, decided.act.value)
    if decided.act is PlanAct.WARN:
        row.warned_on = today
        _warn(session, seen, decided, now)
    elif decided.act is PlanAct.RECOVER:
        row.warned_on = None
    else:
        row.ended_at = now
        _close(session, keyring, seen, fulfilled=decided.act is PlanAct.FULFIL, now=now)


def _close(session: Session, keyring: Keyring, seen: PlanView, *, fulfilled: bool, now: datetime) -> None:
    """Each claim leaves the plan; what ran as interest beside a plan that was kept is waived."""
    if fulfilled:
        plan_credit.share_out(session, Keys(keyring), [claim.id for claim in seen.claims], f"plan:{seen.row.id}", now)
    for claim in seen.claims:
        session.refresh(claim)
        if claim.state == "INSTALMENTS":
            claims.apply_many(session, Keys(keyring), [(claim.id, _ending(seen, claim, now, fulfilled))], now)


def _ending(seen: PlanView, claim: Claim, now: datetime, fulfilled: bool) -> list[Change]:  # noqa: FBT001 - one of two ends
    if not fulfilled:
        return [LapsePlan(seen.row.id, "rate-missing")]
    left = claim.principal_minor + claim.costs_minor + claim.interest_minor
    waived = Credit(left, days.today(claim.country, now), False, f"plan:{seen.row.id}", "plan-kept")  # noqa: FBT003
    return [FulfilPlan(seen.row.id), *([waived] if left else [])]


def _warn(session: Session, seen: PlanView, decided: PlanStep, now: datetime) -> None:
    """The notice that the plan falls, with the last day to save it."""
    ids = tuple(claim.id for claim in seen.claims if claim.state == "INSTALMENTS")
    facts = {"plan_id": str(seen.row.id), "missing_minor": decided.missing_minor}
    deadline = None if decided.next_on is None else decided.next_on - timedelta(days=1)
    debtor_letters.tell(session, Telling(Kind.PLAN_LAPSED, ids, deadline, facts), now)


def _debts(session: Session, rows: Iterable[Claim], today: date) -> tuple[PlanDebt, ...]:
    return tuple(
        PlanDebt(
            row.id,
            row.currency,
            statement.statement(session, row.id, today, store.load(session)).total_minor,
            row.debtor == "consumer",
            row.default_from is not None and row.default_from <= today,
            row.delivered_on or row.contract_date,
            row.state,
        )
        for row in rows
    )


def _claims(session: Session, claim_ids: Sequence[UUID]) -> list[Claim]:
    """The claims of one debtor, locked, in order of their ids. Raises Invalid when one is not his or does not exist."""
    mine = Claim.merchant_id == merchant_of(session), Claim.id.in_(set(claim_ids))
    rows = list(session.scalars(select(Claim).where(*mine).order_by(Claim.id).with_for_update()))
    if not rows or len(rows) != len(set(claim_ids)):
        raise Invalid.at("/claims", "names a claim that does not exist")
    if len({(row.buyer_id, row.live) for row in rows}) > 1:
        raise Invalid.at("/claims", "belong to more than one debtor")
    return rows


def _keep(session: Session, plan_id: UUID, agreed: Plan) -> None:
    merchant_id = merchant_of(session)
    session.add_all(
        Instalment(
            merchant_id=merchant_id,
            plan_id=plan_id,
            number=rate.number,
            due_date=rate.due_date,
            amount_minor=rate.amount_minor,
        )
        for rate in agreed.rates
    )
    session.add_all(
        PlanClaim(merchant_id=merchant_id, plan_id=plan_id, claim_id=debt.claim_id, total_minor=debt.owed_minor)
        for debt in agreed.debts
    )
    session.flush()


def _alive_of(session: Session, claim_ids: Sequence[UUID]) -> list[InstalmentPlan]:
    in_plan = select(PlanClaim.plan_id).where(
        PlanClaim.merchant_id == merchant_of(session), PlanClaim.claim_id.in_(claim_ids)
    )
    mine = InstalmentPlan.merchant_id == merchant_of(session), InstalmentPlan.id.in_(in_plan)
    return list(session.scalars(select(InstalmentPlan).where(*mine, InstalmentPlan.state.in_(ALIVE))))


def _lock_claims(session: Session, plan_id: UUID) -> None:
    """Before the plan, as a payment does it: neither waits for the other."""
    of_plan = PlanClaim.merchant_id == merchant_of(session), PlanClaim.plan_id == plan_id
    claims.hold(session, session.scalars(select(PlanClaim.claim_id).where(*of_plan)).all())


def _locked(session: Session, plan_id: UUID) -> InstalmentPlan:
    mine = InstalmentPlan.merchant_id == merchant_of(session), InstalmentPlan.id == plan_id
    row = session.scalar(select(InstalmentPlan).where(*mine).with_for_update())
    if row is None:
        raise PlanUnknown
    return row
