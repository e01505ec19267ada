"""What leaves in the coming days, and why a claim has no letter: the same facts and the same function as the night."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.core.db import merchant_of
from gateway.core.ids import to_public
from gateway.law import store
from gateway.receivables import claims, days, surroundings
from gateway.receivables.bundle import Bundle
from gateway.receivables.debtor_calendar import LawCalendar
from gateway.receivables.dunning_versions import Book
from gateway.receivables.facts import load as load_facts
from gateway.receivables.forecast import Case, forecast, why_not
from gateway.receivables.models import Claim
from gateway.receivables.next_step import Step, next_step

MOST_DAYS, USUAL_DAYS = 90, 30
MOST_CLAIMS = 2_000
"""Claims looked at in one preview, those that are due first."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which part of the coming days: of a shop, of a kind, by a channel; empty is all."""

    days: int = USUAL_DAYS
    shop_id: UUID | None = None
    kind: str = ""
    channel: str = ""
    limit: int = 200


@dataclass(frozen=True, slots=True)
class Preview:
    """The letters in the order they leave. `complete` is False when there are more claims than are looked at."""

    first: date
    last: date
    letters: tuple[dict[str, Any], ...]
    counts: dict[str, int]
    """By step, of all that was found."""
    claims_seen: int
    complete: bool


def preview(session: Session, wanted: Wanted, now: datetime) -> Preview:
    """From today on, if nobody pays and nothing happens."""
    first = days.today("DE", now)
    last = first + timedelta(min(wanted.days, MOST_DAYS) - 1)
    ids = _coming(session, wanted, last)
    cases = _cases(session, ids[:MOST_CLAIMS], first, now)
    calendar = LawCalendar(store.load(session))
    found = [
        letter
        for mine in _by_debtor(cases)
        for letter in forecast(mine, first, (last - first).days + 1, calendar)
        if wanted.kind in ("", letter.step.kind) and wanted.channel in ("", letter.step.channel)
    ]
    found.sort(key=lambda letter: (letter.day, letter.leader.facts.id))
    counts = Counter(letter.step.key for letter in found)
    return Preview(
        first, last, tuple(map(told, found[: wanted.limit])), dict(counts), len(cases), len(ids) <= MOST_CLAIMS
    )


def told(letter: Bundle) -> dict[str, Any]:
    """A letter that would leave, as it is told."""
    lead = letter.leader
    return {
        "day": letter.day,
        "kind": letter.step.kind,
        "step": letter.step.key,
        "channel": letter.step.channel,
        "deadline": letter.deadline,
        "debtor": to_public("buy", lead.facts.buyer_id),
        "claims": [to_public("clm", due.facts.id) for due in letter.claims],
        "currency": lead.facts.currency,
        "owed_minor": sum(due.facts.owed_minor for due in letter.claims),
        "fee_minor": letter.fee_minor,
        "interest": any(due.step.interest for due in letter.claims),
        "lump_sum": any(due.step.lump_sum for due in letter.claims),
        "in_default_from": lead.step.default.default_from if lead.step.default else None,
    }


def next_of(session: Session, claim_id: UUID | None, now: datetime) -> dict[str, Any]:
    """What is next for one claim: the step that is due, or until when and why nothing is. Raises ClaimUnknown."""
    row = claims.get(session, claim_id)
    today = days.today(row.country, now)
    case = _cases(session, [row.id], today, now)[0]
    calendar = LawCalendar(store.load(session))
    answer = next_step(case.facts, case.policy, today, calendar, case.beside)
    step = answer if isinstance(answer, Step) else None
    waiting = why_not(case, today, calendar)
    coming = next(forecast([case], today, MOST_DAYS, calendar), None)
    return {
        "claim": to_public("clm", row.id),
        "policy_version": case.policy.version,
        "due_now": step.step.key if step else None,
        "why_not": waiting.why if waiting else None,
        "until": waiting.until if waiting else None,
        "coming": told(coming) if coming else None,
    }


def _coming(session: Session, wanted: Wanted, last: date) -> list[UUID]:
    """Claims that the nights to come look at; one more than are taken tells that there are more."""
    mine = [Claim.merchant_id == merchant_of(session), Claim.next_on <= last]
    mine += [Claim.shop_id == wanted.shop_id] if wanted.shop_id is not None else []
    ordered = select(Claim.id).where(*mine).order_by(Claim.next_on, Claim.buyer_id, Claim.id)
    return list(session.scalars(ordered.limit(MOST_CLAIMS + 1)))


def _cases(session: Session, ids: Sequence[UUID], today: date, now: datetime) -> list[Case]:
    facts = load_facts(session, ids)
    book = Book(lambda: session, now)
    book.read([one.policy_id for one in facts.values()])
    beside = surroundings.read(session, facts.values(), LawCalendar(store.load(session)), today)
    return [Case(one, book.of(one.shop_id, one.policy_id), beside[one.id]) for one in facts.values()]


def _by_debtor(cases: Iterable[Case]) -> Iterable[list[Case]]:
    grouped: dict[UUID, list[Case]] = {}
    for case in cases:
        grouped.setdefault(case.facts.buyer_id, []).append(case)
    return grouped.values()
