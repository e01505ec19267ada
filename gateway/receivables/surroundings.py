"""What next_step is told beside the claim, read for many claims in a fixed number of queries."""

from collections.abc import Collection, Iterable, Sequence
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from gateway.core.bulk import among
from gateway.core.db import merchant_of
from gateway.receivables import days
from gateway.receivables.debtor_calendar import LawCalendar
from gateway.receivables.facts import ClaimFacts
from gateway.receivables.letter_models import Letter
from gateway.receivables.models import ClaimPayment, LedgerEntry
from gateway.receivables.next_step import Surroundings
from gateway.shops.models import Order

LIMITED_AFTER = timedelta(days=700)
"""No claim of any country here is barred sooner, so younger ones are not asked for payments that started the time anew."""
BANK = "bank"
"""Source of payments that a bank statement told."""


def read(
    session: Session, claims: Collection[ClaimFacts], calendar: LawCalendar, today: date
) -> dict[UUID, Surroundings]:
    """By claim. `today` is the night's day: letters for it or later ones are looked at."""
    buyers = {facts.buyer_id for facts in claims}
    regular, lettered = _regular(session, buyers), _letter_days(session, buyers, today)
    charged = _charged(session, [facts.id for facts in claims if facts.debtor == "business"])
    old = [facts for facts in claims if today - facts.due_date > LIMITED_AFTER]
    paid = _paid(session, [facts.id for facts in old])
    limited = {facts.id: calendar.limited_from(facts, paid.get(facts.id, ())) for facts in old}
    bank_through = _bank_through(session)
    return {
        facts.id: Surroundings(
            bank_through=bank_through,
            regular=facts.buyer_id in regular,
            letter_days=frozenset(lettered.get(facts.buyer_id, ())),
            limited_from=limited.get(facts.id),
            lump_sum_charged=facts.id in charged,
        )
        for facts in claims
    }


def _regular(session: Session, buyers: Collection[UUID]) -> set[UUID]:
    """Who has paid an order of this merchant in full before."""
    mine = Order.merchant_id == merchant_of(session), among(Order.buyer_id, buyers), Order.paid_at.is_not(None)
    return set(session.scalars(select(Order.buyer_id).where(*mine).distinct()))


def _letter_days(session: Session, buyers: Collection[UUID], today: date) -> dict[UUID, set[date]]:
    mine = Letter.merchant_id == merchant_of(session), among(Letter.buyer_id, buyers)
    written = select(Letter.buyer_id, Letter.day).where(*mine, Letter.day >= today, Letter.state != "WITHDRAWN")
    return _grouped(session.execute(written))


def _charged(session: Session, claims: Sequence[UUID]) -> set[UUID]:
    if not claims:
        return set()
    one = LedgerEntry
    mine = one.merchant_id == merchant_of(session), among(one.claim_id, claims), one.kind == "lump_sum"
    return set(session.scalars(select(one.claim_id).where(*mine, ~_reversed())))


def _reversed() -> ColumnElement[bool]:
    other = LedgerEntry.__table__.alias("taken_back")
    mine = other.c.merchant_id == LedgerEntry.merchant_id, other.c.reverses == LedgerEntry.id
    return select(other.c.id).where(*mine).exists()


def _paid(session: Session, claims: Sequence[UUID]) -> dict[UUID, set[date]]:
    if not claims:
        return {}
    one = ClaimPayment
    mine = one.merchant_id == merchant_of(session), among(one.claim_id, claims), one.reversed_at.is_(None)
    return _grouped(session.execute(select(one.claim_id, one.paid_on).where(*mine)))


def _bank_through(session: Session) -> date | None:
    """The newest day on which a bank told anything; None where no bank data comes in."""
    mine = ClaimPayment.merchant_id == merchant_of(session), ClaimPayment.source == BANK
    newest = session.scalar(select(func.max(ClaimPayment.received_at)).where(*mine))
    return None if newest is None else days.today("DE", newest)


def _grouped(pairs: Iterable[tuple[UUID, date]]) -> dict[UUID, set[date]]:
    found: dict[UUID, set[date]] = {}
    for key, day in pairs:
        found.setdefault(key, set()).add(day)
    return found
