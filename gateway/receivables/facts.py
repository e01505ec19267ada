"""What decides about a claim, as frozen facts: fetched for many claims in a fixed number of reads."""

from collections.abc import Collection
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.core.bulk import among
from gateway.core.db import merchant_of
from gateway.receivables.agreement_models import Instalment, InstalmentPlan, Objection, PlanClaim
from gateway.receivables.letter_models import Letter, LetterClaim
from gateway.receivables.models import Claim, ClaimHold
from gateway.shops.models import Order


@dataclass(frozen=True, slots=True)
class HoldFacts:
    """A hold that was not lifted; whether it runs on a day is told by its dates."""

    hold_id: UUID
    reason: str
    from_on: date
    until_on: date | None
    amount_minor: int | None
    cause: str

    def runs_on(self, day: date) -> bool:
        return self.from_on <= day and (self.until_on is None or day <= self.until_on)


@dataclass(frozen=True, slots=True)
class LetterFacts:
    """A letter about the claim, in whatever state."""

    letter_id: UUID
    level: int
    step: str
    channel: str
    state: str
    day: date
    deadline: date | None
    kind: str = ""
    origin: str = ""


@dataclass(frozen=True, slots=True)
class OrderFacts:
    """The order the claim arose from."""

    state: str
    delivered: bool
    cancelled: bool
    withdrawn: bool
    returned: bool
    open_minor: int


@dataclass(frozen=True, slots=True)
class PlanFacts:
    """The instalment plan that runs over the claim."""

    plan_id: UUID
    state: str
    next_on: date | None
    warned_on: date | None
    grace_days: int
    instalments: tuple[tuple[date, int], ...] = ()


@dataclass(frozen=True, slots=True)
class ClaimFacts:
    """A claim as it stands: the columns that decide, and what is around it."""

    id: UUID
    shop_id: UUID
    order_id: UUID | None
    buyer_id: UUID
    live: bool
    kind: str
    source_id: UUID
    reference: str
    currency: str
    country: str
    region: str
    language: str
    debtor: str
    state: str
    invoice_number: str
    invoice_date: date | None
    contract_date: date
    delivered_on: date | None
    due_date: date
    due_ground: str
    consumer_notice: bool
    default_from: date | None
    default_ground: str | None
    default_cause: str | None
    interest_from: date | None
    interest_through: date | None
    principal_minor: int
    costs_minor: int
    interest_minor: int
    credit_minor: int
    level: int
    next_on: date | None
    waiting_since: date | None
    policy_id: UUID | None
    opened_at: datetime
    closed_at: datetime | None
    holds: tuple[HoldFacts, ...] = ()
    letters: tuple[LetterFacts, ...] = ()
    order: OrderFacts | None = None
    plan: PlanFacts | None = None
    objection_open: bool = False

    @property
    def owed_minor(self) -> int:
        """Booked and unpaid; interest that ran since is in the statement."""
        return self.principal_minor + self.costs_minor + self.interest_minor


_AROUND = ("holds", "letters", "order", "plan", "objection_open")
COLUMNS = tuple(field.name for field in fields(ClaimFacts) if field.name not in _AROUND)


def load(session: Session, claim_ids: Collection[UUID]) -> dict[UUID, ClaimFacts]:
    """The facts of each of these claims that is there, in seven reads however many they are."""
    ids = list(claim_ids)
    mine = Claim.merchant_id == merchant_of(session), among(Claim.id, ids)
    claims = session.execute(select(*(getattr(Claim, name) for name in COLUMNS)).where(*mine)).all()
    holds, letters, disputed = _holds(session, ids), _letters(session, ids), _disputed(session, ids)
    orders, plans = _orders(session, [row.order_id for row in claims if row.order_id]), _plans(session, ids)
    return {
        row.id: ClaimFacts(
            **dict(zip(COLUMNS, row, strict=True)),
            holds=tuple(holds.get(row.id, ())),
            letters=tuple(letters.get(row.id, ())),
            order=orders.get(row.order_id),
            plan=plans.get(row.id),
            objection_open=row.id in disputed,
        )
        for row in claims
    }


def _holds(session: Session, ids: list[UUID]) -> dict[UUID, list[HoldFacts]]:
    one = ClaimHold
    wanted = select(one.claim_id, one.id, one.reason, one.from_on, one.until_on, one.amount_minor, one.cause)
    mine = one.merchant_id == merchant_of(session), among(one.claim_id, ids), one.lifted_at.is_(None)
    return _grouped(session, wanted.where(*mine).order_by(one.id), HoldFacts)


def _letters(session: Session, ids: list[UUID]) -> dict[UUID, list[LetterFacts]]:
    one = Letter
    wanted = select(LetterClaim.claim_id, one.id, LetterClaim.level, one.step, one.channel, one.state, one.day)
    wanted = wanted.add_columns(one.deadline, one.kind, one.origin)
    at_letter = (one.merchant_id == LetterClaim.merchant_id) & (one.id == LetterClaim.letter_id)
    mine = LetterClaim.merchant_id == merchant_of(session), among(LetterClaim.claim_id, ids)
    return _grouped(session, wanted.join_from(LetterClaim, one, at_letter).where(*mine).order_by(one.id), LetterFacts)


def _disputed(session: Session, ids: list[UUID]) -> set[UUID]:
    mine = Objection.merchant_id == merchant_of(session), among(Objection.claim_id, ids), Objection.state == "OPEN"
    return set(session.scalars(select(Objection.claim_id).where(*mine)))


def _orders(session: Session, ids: list[UUID]) -> dict[UUID | None, OrderFacts]:
    mine = Order.merchant_id == merchant_of(session), among(Order.id, ids)
    return {
        row.id: OrderFacts(
            state=row.state,
            delivered=row.delivered_at is not None,
            cancelled=row.cancelled_at is not None,
            withdrawn=row.withdrawn_at is not None,
            returned=row.returned_minor > 0,
            open_minor=row.open_minor,
        )
        for row in session.scalars(select(Order).where(*mine))
    }


def _plans(session: Session, ids: list[UUID]) -> dict[UUID, PlanFacts]:
    one = InstalmentPlan
    at_plan = (one.merchant_id == PlanClaim.merchant_id) & (one.id == PlanClaim.plan_id)
    mine = PlanClaim.merchant_id == merchant_of(session), among(PlanClaim.claim_id, ids)
    wanted = select(PlanClaim.claim_id, one.id, one.state, one.next_on, one.warned_on, one.grace_days)
    running = wanted.join_from(PlanClaim, one, at_plan).where(*mine, one.state.in_(["RUNNING", "WARNED"]))
    rows = session.execute(running.order_by(one.id)).all()
    rates = _instalments(session, [row.id for row in rows])
    return {row.claim_id: PlanFacts(*row[1:], instalments=tuple(rates.get(row.id, ()))) for row in rows}


def _instalments(session: Session, plan_ids: list[UUID]) -> dict[UUID, list[tuple[date, int]]]:
    one = Instalment
    mine = one.merchant_id == merchant_of(session), among(one.plan_id, plan_ids)
    wanted = select(one.plan_id, one.due_date, one.amount_minor).where(*mine).order_by(one.plan_id, one.number)
    return _grouped(session, wanted, lambda *rate: rate)


def _grouped(session: Session, wanted: Any, make: Any) -> dict[UUID, list[Any]]:
    """Rows by their first column, the others made into something."""
    found: dict[UUID, list[Any]] = {}
    for row in session.execute(wanted):
        found.setdefault(row[0], []).append(make(*row[1:]))
    return found
