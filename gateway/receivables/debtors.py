"""Money of a debtor with several claims: his choice first, then the law's order (§ 366 BGB); each share by the usual door."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.core.db import merchant_of
from gateway.core.errors import Refused
from gateway.law import store
from gateway.law.allocation import OpenDebt, named, over_debts
from gateway.receivables import claims
from gateway.receivables.claims import CurrencyMismatch, Payment, Received
from gateway.receivables.keys import Keys
from gateway.receivables.models import Claim, ClaimPayment
from gateway.receivables.statement import Statement, statement

MOST = 500
"""Claims of one debtor that are looked at, the oldest first."""


class NothingOwed(Refused):
    """This debtor has no claim that money could be booked on."""

    code = "no-claim-to-pay"


@dataclass(frozen=True, slots=True)
class DebtorPayment:
    """Money that came in from a debtor. `source` and `external_id` name it once and for all."""

    buyer_id: UUID
    source: str
    external_id: str
    paid_on: date
    amount_minor: int
    currency: str
    purpose: str = ""
    actor: str = "worker"


def receive_for_debtor(session: Session, keys: Keys, payment: DebtorPayment, now: datetime) -> list[Received]:
    """Book it over his claims; what all of them leave over is his credit on the first. Told again it changes nothing.

    Raises NothingOwed, CurrencyMismatch, Invalid, BuyerErased.
    """
    rows = _claims(session, payment.buyer_id)
    if before := _told(session, payment, rows):
        return [_book(session, keys, payment, claim_id, amount_minor, now) for claim_id, amount_minor in before]
    open_ones = [row for row in rows if row.state not in ("SETTLED", "SOLD")]
    if not open_ones:
        raise NothingOwed
    same = [row for row in open_ones if row.currency == payment.currency]
    if not same:
        raise CurrencyMismatch(wanted=open_ones[0].currency, told=payment.currency)
    shares = _shares(session, payment, same)
    return [_book(session, keys, payment, row.id, shares[row.id], now) for row in same if shares.get(row.id)]


def _claims(session: Session, buyer_id: UUID) -> Sequence[Claim]:
    mine = Claim.merchant_id == merchant_of(session), Claim.buyer_id == buyer_id
    return session.scalars(select(Claim).where(*mine).order_by(Claim.id).limit(MOST).with_for_update()).all()


def _told(session: Session, payment: DebtorPayment, rows: Sequence[Claim]) -> list[tuple[UUID, int]]:
    one = ClaimPayment
    mine = one.merchant_id == merchant_of(session), one.claim_id.in_([row.id for row in rows])
    this = one.source == payment.source, one.external_id == payment.external_id
    found = session.execute(select(one.claim_id, one.amount_minor).where(*mine, *this).order_by(one.claim_id))
    return [(row.claim_id, row.amount_minor) for row in found]


def _shares(session: Session, payment: DebtorPayment, rows: Sequence[Claim]) -> dict[UUID, int]:
    """What each claim gets: it is owed what its statement says of the day before the money came."""
    tables, eve = store.load(session), payment.paid_on - timedelta(days=1)
    debts = [OpenDebt(row.reference, row.due_date, _owed(statement(session, row.id, eve, tables))) for row in rows]
    shared, _ = over_debts(payment.amount_minor, debts, _purpose(payment, rows))
    ids = {row.reference: row.id for row in rows}
    shares = {ids[reference]: amount_minor for reference, amount_minor in shared.items()}
    first = next((row.id for row in rows if row.id in shares), rows[0].id)
    shares[first] = shares.get(first, 0) + payment.amount_minor - sum(shares.values())
    return shares


def _owed(told: Statement) -> int:
    """What was written off is owed still."""
    return told.total_minor + told.written_off_minor


def _purpose(payment: DebtorPayment, rows: Sequence[Claim]) -> str:
    """A debtor names a claim by its reference or by the number of its invoice."""
    numbers = {row.invoice_number: row.reference for row in rows if row.invoice_number}
    return " ".join([payment.purpose, *(numbers[number] for number in named(payment.purpose, list(numbers)))])


def _book(
    session: Session, keys: Keys, payment: DebtorPayment, claim_id: UUID, amount_minor: int, now: datetime
) -> Received:
    told = (payment.source, payment.external_id, payment.paid_on, amount_minor, payment.currency)
    return claims.receive_payment(session, keys, Payment(claim_id, *told, payment.purpose, payment.actor), now)
