"""A bundle that is due becomes changes to its claims, and once they are booked a drafted letter with its figures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Table, select
from sqlalchemy.orm import Session

from gateway.core import bulk
from gateway.core.clock import local_date
from gateway.core.db import merchant_of
from gateway.core.work import NewJob, enqueue_many
from gateway.law import fees
from gateway.law.tables import Tables
from gateway.receivables import calls, changes, days
from gateway.receivables.bundle import Bundle, Due
from gateway.receivables.case import Case
from gateway.receivables.changes import Change
from gateway.receivables.claim_figures import OrderSeen, figures_of
from gateway.receivables.letter_models import Letter, LetterClaim
from gateway.shops.models import Order

RELEASE = "letters.release"
"""The task of letters that renders, checks and sends a drafted one (args: `letter_id`)."""
DAY = timedelta(days=1)
_LETTERS, _LINES = (cast("Table", model.__table__) for model in (Letter, LetterClaim))


@dataclass(frozen=True, slots=True)
class Drafted:
    """A bundle with the letter it becomes."""

    letter_id: UUID
    bundle: Bundle
    policy_id: UUID
    release_at: datetime

    @property
    def cause(self) -> str:
        return f"letter:{self.letter_id}"


def changes_of(drafted: Drafted, tables: Tables) -> list[tuple[UUID, list[Change]]]:
    """What is booked with the letter, claim by claim; the fee once, on the leader's."""
    return [(due.facts.id, _changes(drafted, due, tables)) for due in drafted.bundle.claims]


def _changes(drafted: Drafted, due: Due, tables: Tables) -> list[Change]:
    facts, step, cause = due.facts, due.step, drafted.cause
    made: list[Change] = [
        changes.LiftHold(hold_id=hold.hold_id, outcome="broken" if hold.reason == "promise" else "ended")
        for hold in facts.holds
        if hold.until_on is not None and hold.until_on < step.day
    ]
    if step.default is not None and facts.default_from is None and drafted.bundle.step.demands:
        found = step.default
        made.append(
            changes.EnterDefault(
                default_from=found.default_from,
                interest_from=found.interest_from,
                ground=found.ground,
                cause=f"due-date:{facts.due_date}",
            )
        )
    if step.interest:
        made.append(changes.BookInterest(through=step.day, cause=cause))
    if step.lump_sum:
        amount_minor = fees.lump_sum(facts.country, facts.debtor, facts.contract_date, tables)
        made += [changes.ChargeLumpSum(day=step.day, cause=cause, amount_minor=amount_minor)] if amount_minor else []
    if due is drafted.bundle.leader and step.fee_minor:
        working = {"proven_minor": step.step.fee_minor, "proof": step.step.fee_proof}
        made.append(changes.ChargeFee(amount_minor=step.fee_minor, day=step.day, cause=cause, working=working))
    made.append(changes.LookAgain(next_on=step.day + DAY, policy_id=drafted.policy_id))
    return made


def insert_letters(
    session: Session, drafts: Sequence[Drafted], booked: Mapping[UUID, Case], tables: Tables, now: datetime
) -> None:
    """The letters, what each says about each claim as it is `booked` now, and the job that lets it out."""
    if not drafts:
        return
    bulk.insert(session, _LETTERS, [_letter(session, drafted, now) for drafted in drafts])
    bulk.insert(session, _LINES, _lines(session, drafts, booked, tables))
    merchant_id = merchant_of(session)
    leaving = [drafted for drafted in drafts if drafted.bundle.step.channel != "call"]
    jobs = [
        NewJob(merchant_id, {"letter_id": str(one.letter_id)}, max(0.0, (one.release_at - now).total_seconds()))
        for one in leaving
    ]
    enqueue_many(session, RELEASE, jobs)
    calls.open_for(session, [_call(one) for one in drafts if one.bundle.step.channel == "call"])


def _call(drafted: Drafted) -> calls.Wanted:
    lead = drafted.bundle.leader.facts
    return calls.Wanted(lead.shop_id, lead.buyer_id, drafted.cause, drafted.bundle.day, drafted.letter_id, lead.live)


def _letter(session: Session, drafted: Drafted, now: datetime) -> dict[str, Any]:
    lead, step = drafted.bundle.leader.facts, drafted.bundle.step
    return {
        "merchant_id": merchant_of(session),
        "id": drafted.letter_id,
        "shop_id": lead.shop_id,
        "buyer_id": lead.buyer_id,
        "live": lead.live,
        "origin": "dunning",
        "kind": step.kind,
        "step": step.key,
        "channel": step.channel,
        "fallback": step.fallback if step.fallback != step.channel else None,
        "language": lead.language,
        "tone": step.tone,
        "state": "DRAFTED",
        "day": drafted.bundle.day,
        "deadline": drafted.bundle.deadline,
        "policy_id": drafted.policy_id,
        "drafted_at": now,
        "release_at": drafted.release_at,
        "extra": _extra(drafted),
    }


def _extra(drafted: Drafted) -> dict[str, Any]:
    step = drafted.bundle.step
    broken = any(
        hold.reason == "promise" and hold.until_on is not None and hold.until_on < drafted.bundle.day
        for due in drafted.bundle.claims
        for hold in due.facts.holds
    )
    notices = {"bureau_notice": step.bureau_notice, "handover_notice": step.handover_notice}
    more = {"offers": sorted(step.offers), "promise_broken": broken}
    return notices | {name: value for name, value in more.items() if value}


def _lines(
    session: Session, drafts: Sequence[Drafted], booked: Mapping[UUID, Case], tables: Tables
) -> list[dict[str, Any]]:
    found, orders = [], _orders(session, [due.facts.order_id for drafted in drafts for due in drafted.bundle.claims])
    for drafted in drafts:
        for due in drafted.bundle.claims:
            now = replace(due.facts, **{name: getattr(booked[due.facts.id].claim, name) for name in _BOOKED})
            order = orders.get(now.order_id, OrderSeen())
            figures = figures_of(now, booked[now.id].booked, order, drafted.bundle.day, tables)
            found.append(
                {
                    "merchant_id": merchant_of(session),
                    "letter_id": drafted.letter_id,
                    "claim_id": now.id,
                    "level": due.step.level,
                    "total_minor": figures.total_minor,
                    "figures": figures.to_dict(),
                }
            )
    return found


_BOOKED = (
    *("principal_minor", "costs_minor", "interest_minor", "credit_minor"),
    *("default_from", "default_ground", "interest_from", "interest_through"),
)
"""What booking changes of a claim's facts."""


def _orders(session: Session, of_claims: Sequence[UUID | None]) -> dict[UUID | None, OrderSeen]:
    ids = [order_id for order_id in of_claims if order_id is not None]
    if not ids:
        return {}
    mine = Order.merchant_id == merchant_of(session), Order.id.in_(ids)
    rows = session.execute(select(Order.id, Order.reference, Order.placed_at).where(*mine))
    return {row.id: OrderSeen(row.reference, _day(row.placed_at)) for row in rows}


def _day(moment: datetime) -> date:
    return local_date(moment, days.zone("DE"))
