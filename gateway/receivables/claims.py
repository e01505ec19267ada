"""The three doors to a claim: `open`, `receive_payment`, `apply` (and the last for many at once).

Every actor uses them; nothing else writes a claim's state, history or ledger. The edge owns the transaction.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from gateway.core import events
from gateway.core.crypto import seal
from gateway.core.db import merchant_of
from gateway.core.errors import Invalid, NotFound
from gateway.core.ids import new_id
from gateway.core.money import MAX_MINOR, currencies
from gateway.core.remittance import rf_reference
from gateway.law import store
from gateway.receivables import cases, lawful, moves, telling
from gateway.receivables.booking import OPENING, Item
from gateway.receivables.case import Case
from gateway.receivables.changes import Change
from gateway.receivables.events import PaymentAllocated
from gateway.receivables.keys import Keys
from gateway.receivables.lifecycle import LIFECYCLE
from gateway.receivables.models import Claim, ClaimPayment

MAX_BATCH = 1_000
"""Claims of one `apply_many`."""


class ClaimUnknown(NotFound):
    """There is no such claim."""


class CurrencyMismatch(Invalid):
    """The payment is in another currency than the claim; nothing was booked."""

    code = "currency-mismatch"


@dataclass(frozen=True, slots=True)
class Opening:
    """What a claim is opened with. `source_id`: the order, returned payment or chargeback it arose from."""

    shop_id: UUID
    buyer_id: UUID
    kind: str
    source_id: UUID
    currency: str
    principal_minor: int
    country: str
    contract_date: date
    due_date: date
    order_id: UUID | None = None
    live: bool = True
    region: str = ""
    language: str = "de"
    debtor: str = "consumer"
    invoice_number: str = ""
    invoice_date: date | None = None
    delivered_on: date | None = None
    due_ground: str = "invoice"
    consumer_notice: bool = False
    actor: str = "worker"


@dataclass(frozen=True, slots=True)
class Payment:
    """Money that came in for one claim. `source` and `external_id` name it once and for all."""

    claim_id: UUID
    source: str
    external_id: str
    paid_on: date
    amount_minor: int
    currency: str
    purpose: str = ""
    actor: str = "worker"


@dataclass(frozen=True, slots=True)
class Received:
    """What a payment did. `new` is False when it was told before; `over_minor` of the claim is the debtor's credit."""

    payment_id: UUID
    new: bool
    state: str
    open_minor: int
    over_minor: int


def open(session: Session, keys: Keys, opening: Opening, now: datetime) -> UUID:  # noqa: A001 - the door's name
    """The claim of this source, opened when there is none. Raises Invalid, BuyerUnknown, BuyerErased."""
    _check_opening(opening)
    keys.of(session, opening.buyer_id)
    merchant_id, claim_id = merchant_of(session), new_id()
    made = insert(Claim).values(merchant_id=merchant_id, id=claim_id, **_columns(opening, now))
    once = made.on_conflict_do_nothing(index_elements=["merchant_id", "kind", "source_id"]).returning(Claim.id)
    if session.scalar(once) is None:
        return find(session, opening.kind, opening.source_id) or claim_id
    case = _case(session, claim_id, now)
    case.rebook([_opening_item(opening)], f"{opening.kind}:{opening.source_id}")
    facts = {"principal_minor": opening.principal_minor, "due_date": opening.due_date.isoformat()}
    cases.tell(case, "opened", opening.actor, facts | {"kind": opening.kind, "currency": opening.currency})
    case.claim.next_on = case.claim.waiting_since = opening.due_date
    cases.save(session, keys, [case])
    telling.tell(session, keys.keyring, [case])
    return claim_id


def receive_payment(session: Session, keys: Keys, payment: Payment, now: datetime) -> Received:
    """Book a payment on its value date; told again it changes nothing and says so.

    Interest is booked through the day before; the money goes to costs, interest, principal (§ 367 BGB), the rest is the
    debtor's credit. Raises ClaimUnknown, CurrencyMismatch, Invalid, BuyerErased.
    """
    case = _case(session, payment.claim_id, now)
    _check_payment(case, payment)
    payment_id = _store_payment(session, keys, case, payment)
    if payment_id is None:
        return _received(case, _known_payment(session, payment), new=False)
    moves.receive(case, payment_id, payment.paid_on, payment.amount_minor)
    facts = {"payment_id": str(payment_id), "paid_on": payment.paid_on.isoformat(), "source": payment.source}
    cases.tell(case, "payment_received", payment.actor, facts | {"amount_minor": payment.amount_minor})
    cases.save(session, keys, [case])
    received = _received(case, payment_id, new=True)
    fact = telling.fact(case.claim)
    events.publish(
        session,
        PaymentAllocated(
            **fact, payment_id=payment_id, amount_minor=payment.amount_minor, over_minor=received.over_minor
        ),
    )
    telling.tell(session, keys.keyring, [case])
    return received


def apply(session: Session, keys: Keys, claim_id: UUID, change: Change, now: datetime) -> Claim:
    """Carry out one change. Raises ClaimUnknown, what the change's move raises (Refused, Invalid), BuyerErased."""
    case = _case(session, claim_id, now)
    cases.carry_out(case, [change])
    cases.save(session, keys, [case])
    telling.tell(session, keys.keyring, [case])
    claim: Claim = case.claim
    return claim


def apply_many(
    session: Session, keys: Keys, wanted: Sequence[tuple[UUID, Sequence[Change]]], now: datetime
) -> list[Case]:
    """Carry out changes on up to 1,000 claims, each claim's in the order given: the same rows as one by one.

    All of it happens or none. Raises what `apply` raises. The claims come back as they are now, with their ledger.
    """
    if len(wanted) > MAX_BATCH:
        raise ValueError(f"at most {MAX_BATCH} claims at once")
    found = cases.load_many(session, {claim_id for claim_id, _ in wanted}, lawful.rulebook(store.load(session)), now)
    for claim_id, changes in wanted:
        if claim_id not in found:
            raise ClaimUnknown
        cases.carry_out(found[claim_id], changes)
    worked = [found[claim_id] for claim_id in sorted(found)]
    cases.save(session, keys, worked)
    telling.tell(session, keys.keyring, worked)
    return worked


def get(session: Session, claim_id: UUID | None) -> Claim:
    """Raises ClaimUnknown."""
    claim = session.get(Claim, (merchant_of(session), claim_id), populate_existing=True) if claim_id else None
    if claim is None:
        raise ClaimUnknown
    return claim


def find(session: Session, kind: str, source_id: UUID) -> UUID | None:
    """The claim that arose from this."""
    mine = Claim.merchant_id == merchant_of(session), Claim.kind == kind, Claim.source_id == source_id
    return session.scalar(select(Claim.id).where(*mine))


def _case(session: Session, claim_id: UUID, now: datetime) -> Case:
    case = cases.load(session, [claim_id], lawful.rulebook(store.load(session)), now).get(claim_id)
    if case is None:
        raise ClaimUnknown
    return case


def _columns(opening: Opening, now: datetime) -> dict[str, Any]:
    told = {name: getattr(opening, name) for name in Opening.__slots__ if name not in ("actor", "principal_minor")}
    return {
        **told,
        "state": LIFECYCLE.start.value,
        "reference": new_reference(),
        "opened_at": now,
        "updated_at": now,
    }


def new_reference() -> str:
    """`RF`, check digits and 16 digits drawn at random: a QR reference can be made of them too."""
    return rf_reference(f"{int.from_bytes(os.urandom(8)) % 10**16:016}")


def _opening_item(opening: Opening) -> Item:
    day = opening.delivered_on or opening.invoice_date or opening.contract_date
    return Item(OPENING, day, f"{opening.kind}:{opening.source_id}", opening.principal_minor)


def _check_opening(opening: Opening) -> None:
    if not 0 < opening.principal_minor <= MAX_MINOR:
        raise Invalid.at("/principal_minor", f"is from 1 to {MAX_MINOR}")
    if opening.currency not in currencies():
        raise Invalid.at("/currency", "is no ISO 4217 currency")
    if opening.debtor not in ("consumer", "business"):
        raise Invalid.at("/debtor", "is consumer or business")
    if len(opening.country) != 2 or not opening.country.isupper():
        raise Invalid.at("/country", "is an ISO 3166-1 code of two capitals")


def _check_payment(case: Case, payment: Payment) -> None:
    if payment.currency != case.claim.currency:
        raise CurrencyMismatch(wanted=case.claim.currency, told=payment.currency)
    if not 0 < payment.amount_minor <= MAX_MINOR:
        raise Invalid.at("/amount_minor", f"is from 1 to {MAX_MINOR}")
    if payment.paid_on > case.today:
        raise Invalid.at("/paid_on", "lies in the future")


def _store_payment(session: Session, keys: Keys, case: Case, payment: Payment) -> UUID | None:
    """None when it was told before."""
    payment_id, key = new_id(), keys.of(session, case.claim.buyer_id)
    made = insert(ClaimPayment).values(
        merchant_id=case.claim.merchant_id,
        id=payment_id,
        claim_id=payment.claim_id,
        source=payment.source,
        external_id=payment.external_id,
        paid_on=payment.paid_on,
        amount_minor=payment.amount_minor,
        currency=payment.currency,
        purpose_sealed=seal(key, payment.purpose.encode(), purpose_context(payment_id)) if payment.purpose else None,
        received_at=case.now,
    )
    once = ["merchant_id", "source", "external_id", "claim_id"]
    return session.scalar(made.on_conflict_do_nothing(index_elements=once).returning(ClaimPayment.id))


def purpose_context(payment_id: UUID) -> str:
    """The place a payment's purpose is sealed for."""
    return f"claim_payment.purpose:{payment_id}"


def _known_payment(session: Session, payment: Payment) -> UUID:
    mine = {"merchant_id": merchant_of(session), "claim_id": payment.claim_id}
    named = {"source": payment.source, "external_id": payment.external_id}
    return session.scalars(select(ClaimPayment.id).filter_by(**mine, **named)).one()


def _received(case: Case, payment_id: UUID, *, new: bool) -> Received:
    sums = case.balances
    return Received(payment_id, new, case.claim.state, sums.owed_minor, sums.credit_minor)
