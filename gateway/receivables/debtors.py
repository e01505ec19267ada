"""Money of a debtor with several claims: his choice first, then the law's order (§ 366 BGB); each share by the usual door.

The shares of one transfer have its source, its id and the moment it was booked in common: taken back, they go together.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from gateway.core.db import merchant_of
from gateway.core.errors import Refused
from gateway.core.remittance import is_rf, qr_reference
from gateway.law import store
from gateway.law.allocation import OpenDebt, named, over_debts
from gateway.receivables import claims, days, ledger
from gateway.receivables.agreement_models import PlanClaim
from gateway.receivables.booking import CREDIT, PAYMENT
from gateway.receivables.changes import Change, ReversePayment
from gateway.receivables.claims import CurrencyMismatch, Payment, Received
from gateway.receivables.keys import Keys
from gateway.receivables.models import Claim, ClaimPayment
from gateway.receivables.statement import statement_of

MOST = 500
"""Claims of one debtor that are looked at, the oldest first."""
_FRESH: dict[str, Any] = {"execution_options": {"populate_existing": True}}
TAKES_MORE = ("OPEN", "DUNNING", "INSTALMENTS", "PRECOLLECTION")
"""States in which a claim takes what exceeds another: not while it is disputed, given up or with a partner."""


class NoClaimToPay(Refused):
    """This debtor has no claim that money could be booked on."""


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

    Raises NoClaimToPay, CurrencyMismatch, Invalid, BuyerErased.
    """
    rows = _claims(session, payment.buyer_id)
    if before := _told(session, payment, rows):
        return [_book(session, keys, payment, claim_id, amount_minor, now) for claim_id, amount_minor in before]
    open_ones = [row for row in rows if row.state not in ("SETTLED", "SOLD")]
    if not open_ones:
        raise NoClaimToPay
    same = [row for row in open_ones if row.currency == payment.currency]
    if not same:
        raise CurrencyMismatch(wanted=open_ones[0].currency, told=payment.currency)
    shares = _shares(session, payment, same, now)
    return [_book(session, keys, payment, row.id, shares[row.id], now) for row in same if shares.get(row.id)]


def receive_for_claim(session: Session, keys: Keys, payment: Payment, now: datetime) -> Received:
    """Book money told for one claim; what exceeds it pays his others: those of its plan, then those that are due.

    What all of them leave over is his credit on the named one, whose result is returned. Told again it changes nothing.
    Raises ClaimUnknown, CurrencyMismatch, Invalid, BuyerErased.
    """
    claim = claims.get(session, payment.claim_id)
    rows = [row for row in _claims(session, claim.buyer_id) if row.live == claim.live]
    shares = {claim.id: payment.amount_minor}
    if payment.currency == claim.currency and payment.paid_on <= days.today(claim.country, now):
        shares = _before(session, payment, claim, rows) or _with_others(session, payment, claim, rows, now)
    booked = {
        claim_id: claims.receive_payment(session, keys, replace(payment, claim_id=claim_id, amount_minor=minor), now)
        for claim_id, minor in sorted(shares.items())
    }
    return booked.get(claim.id) or next(iter(booked.values()))


def take_back(
    session: Session, keys: Keys, claim_id: UUID, changes: tuple[ReversePayment, *tuple[Change, ...]], now: datetime
) -> None:
    """Reverse a payment of this claim, and with it every other share of its transfer; what else is told is this claim's.

    Raises what `claims.apply` raises.
    """
    reversing, *more = changes
    others = [(id_, [replace(reversing, payment_id=share)]) for id_, share in _shared(session, claim_id, reversing)]
    claims.apply_many(session, keys, [(claim_id, [reversing, *more]), *others], now)


def _shared(session: Session, claim_id: UUID, reversing: ReversePayment) -> list[tuple[UUID, UUID]]:
    """(claim, payment) of the other shares that still stand."""
    one = session.get(ClaimPayment, (merchant_of(session), reversing.payment_id))
    if one is None or one.claim_id != claim_id:
        return []
    mine = ClaimPayment.merchant_id == one.merchant_id, ClaimPayment.reversed_at.is_(None)
    same = ClaimPayment.source == one.source, ClaimPayment.external_id == one.external_id
    together = ClaimPayment.received_at == one.received_at, ClaimPayment.id != one.id
    wanted = select(ClaimPayment.claim_id, ClaimPayment.id).where(*mine, *same, *together)
    return [(row.claim_id, row.id) for row in session.execute(wanted.order_by(ClaimPayment.claim_id))]


def _before(session: Session, payment: Payment, claim: Claim, rows: Sequence[Claim]) -> dict[UUID, int]:
    """The shares when it was told before; empty when it was not.

    Part of one transfer may be told for each of several claims: only where this one owed nothing does another's count.
    """
    told = dict(_told(session, payment, rows))
    if claim.id in told:
        return {claim.id: told[claim.id]}
    owes_nothing = not claim.principal_minor + claim.costs_minor + claim.interest_minor
    return told if owes_nothing and sum(told.values()) == payment.amount_minor else {}


def _with_others(
    session: Session, payment: Payment, claim: Claim, rows: Sequence[Claim], now: datetime
) -> dict[UUID, int]:
    """What each claim gets of it."""
    others = [row for row in rows if row.id != claim.id and _takes_more(row, claim, payment.paid_on)]
    if not others:
        return {claim.id: payment.amount_minor}
    asked = [claim, *others]
    owed = dict(zip([row.id for row in asked], _debts(session, asked, payment.paid_on, now), strict=True))
    own = min(payment.amount_minor, owed[claim.id].open_minor)
    shares, left = {claim.id: own}, payment.amount_minor - own
    beside = _beside(session, claim)
    for group in ([row for row in others if row.id in beside], [row for row in others if row.id not in beside]):
        shared, _ = over_debts(left, [owed[row.id] for row in group], payment.purpose)
        shares |= {row.id: shared[row.reference] for row in group if row.reference in shared}
        left -= sum(shared.values())
    shares[claim.id] += left
    return {claim_id: minor for claim_id, minor in shares.items() if minor}


def _takes_more(row: Claim, claim: Claim, day: date) -> bool:
    due = row.due_date <= day or row.state == "INSTALMENTS"
    return row.state in TAKES_MORE and row.currency == claim.currency and due


def _beside(session: Session, claim: Claim) -> set[UUID]:
    """Claims that share a plan with this one."""
    one, other = PlanClaim, aliased(PlanClaim)
    joined = (other.merchant_id == one.merchant_id) & (other.plan_id == one.plan_id)
    mine = one.merchant_id == claim.merchant_id, one.claim_id == claim.id
    return set(session.scalars(select(other.claim_id).join(one, joined).where(*mine)))


def ids_of(session: Session, buyer_id: UUID) -> list[UUID]:
    """His claims, in the order in which they are locked."""
    mine = Claim.merchant_id == merchant_of(session), Claim.buyer_id == buyer_id
    return list(session.scalars(select(Claim.id).where(*mine).order_by(Claim.id).limit(MOST)))


def _claims(session: Session, buyer_id: UUID) -> Sequence[Claim]:
    mine = Claim.merchant_id == merchant_of(session), Claim.buyer_id == buyer_id
    return session.scalars(select(Claim).where(*mine).order_by(Claim.id).limit(MOST).with_for_update(), **_FRESH).all()


def _told(session: Session, payment: DebtorPayment | Payment, rows: Sequence[Claim]) -> list[tuple[UUID, int]]:
    one = ClaimPayment
    mine = one.merchant_id == merchant_of(session), one.claim_id.in_([row.id for row in rows])
    this = one.source == payment.source, one.external_id == payment.external_id
    found = session.execute(select(one.claim_id, one.amount_minor).where(*mine, *this).order_by(one.claim_id))
    return [(row.claim_id, row.amount_minor) for row in found]


def _shares(session: Session, payment: DebtorPayment, rows: Sequence[Claim], now: datetime) -> dict[UUID, int]:
    """What each claim gets: it is owed what its statement says of the day before the money came."""
    debts = _debts(session, rows, payment.paid_on, now)
    shared, _ = over_debts(payment.amount_minor, debts, _purpose(payment, rows))
    ids = {row.reference: row.id for row in rows}
    shares = {ids[reference]: amount_minor for reference, amount_minor in shared.items()}
    first = next((row.id for row in rows if row.id in shares), rows[0].id)
    shares[first] = shares.get(first, 0) + payment.amount_minor - sum(shares.values())
    return shares


def _debts(session: Session, rows: Sequence[Claim], paid_on: date, now: datetime) -> list[OpenDebt]:
    """With interest through the day before, as a payment books it, less what was paid or credited from that day on.

    What was written off is owed still.
    """
    tables, booked = store.load(session), ledger.load(session, [row.id for row in rows])
    debts = []
    for row in rows:
        eve = statement_of(booked[row.id], row, paid_on - timedelta(days=1), tables)
        known = {(line.kind, line.cause) for line in eve.lines}
        later = statement_of(booked[row.id], row, max(paid_on, days.today(row.country, now)), tables).lines
        less = [one for one in later if one.kind in (PAYMENT, CREDIT) and (one.kind, one.cause) not in known]
        gone = sum(one.principal_minor + one.costs_minor + one.interest_minor for one in less)
        owed_minor = eve.total_minor + eve.written_off_minor + gone
        debts.append(OpenDebt(row.reference, row.due_date, max(0, owed_minor)))
    return debts


def _purpose(payment: DebtorPayment, rows: Sequence[Claim]) -> str:
    """A debtor names a claim by its reference, by the QR reference made of it, or by the number of its invoice."""
    numbers = {row.invoice_number: row.reference for row in rows if row.invoice_number}
    numbers |= {qr_reference(row.reference[2:]): row.reference for row in rows if is_rf(row.reference)}
    return " ".join([payment.purpose, *(numbers[number] for number in named(payment.purpose, list(numbers)))])


def _book(
    session: Session, keys: Keys, payment: DebtorPayment, claim_id: UUID, amount_minor: int, now: datetime
) -> Received:
    told = (payment.source, payment.external_id, payment.paid_on, amount_minor, payment.currency)
    return claims.receive_payment(session, keys, Payment(claim_id, *told, payment.purpose, payment.actor), now)
