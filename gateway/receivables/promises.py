"""Holds a debtor asks for: a promise to pay, a deferral, hardship, and what stops everything; all through `claims.apply`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gateway.core.crypto import Keyring
from gateway.core.db import merchant_of
from gateway.core.errors import Invalid, Refused
from gateway.law import store
from gateway.receivables import agreements, claims, debtor_letters, statement
from gateway.receivables.changes import Change, LiftHold, Note, SetHold
from gateway.receivables.keys import Keys
from gateway.receivables.letter_model import Kind
from gateway.receivables.models import Claim, ClaimHold, ClaimPayment
from gateway.shops.models import Buyer

ENDLESS = ("insolvency", "death", "guardianship")
BANK_DAYS = 3
"""A payment made on the promised day may take so long to be seen: until then a promise is neither kept nor broken."""
BITE = 500


class TooManyPromises(Refused):
    """This claim has had as many promises or deferrals as the merchant allows; pay in instalments, or ask for a call."""


@dataclass(frozen=True, slots=True)
class Given:
    """A promise, deferral or other hold for claims of one debtor. `cause` is its own: `asked:<form>`."""

    claim_ids: tuple[UUID, ...]
    actor: str
    cause: str
    words: str = ""


@dataclass(frozen=True, slots=True)
class Promised:
    """When he pays how much."""

    pay_on: date
    amount_minor: int


def promise(session: Session, keyring: Keyring, given: Given, promised: Promised, now: datetime, today: date) -> None:
    """The debtor says when he pays how much; dunning rests until then. Raises Invalid, TooManyPromises."""
    rows = _claims(session, given.claim_ids)
    limits = agreements.limits_of(session, rows[0].shop_id)
    _check_day("/pay_on", promised.pay_on, today, limits.max_promise_days)
    if len({row.currency for row in rows}) > 1:
        raise Invalid.at("/claims", "are in more than one currency")
    owed = {row.id: owed_on(session, row, today) for row in rows}
    if not 0 < promised.amount_minor <= sum(owed.values()):
        raise Invalid.at("/amount_minor", "is more than nothing and not more than what is owed")
    _count(session, given, "promise", limits.max_promises)
    shares = _shares(rows, owed, promised.amount_minor)
    for row in rows:
        hold = SetHold("promise", today, promised.pay_on, shares[row.id], given.cause, actor=given.actor)
        _apply(session, keyring, row.id, given, [hold], now)


def defer(session: Session, keyring: Keyring, given: Given, until_on: date, now: datetime, today: date) -> None:
    """More time, free of charge. Raises Invalid, TooManyPromises."""
    rows = _claims(session, given.claim_ids)
    limits = agreements.limits_of(session, rows[0].shop_id)
    _check_day("/until_on", until_on, today, limits.max_deferral_days)
    _count(session, given, "deferral", limits.max_deferrals)
    hold = SetHold("deferral", today, until_on, None, given.cause, actor=given.actor)
    for row in rows:
        _apply(session, keyring, row.id, given, [hold], now)
    debtor_letters.tell_each(session, Kind.DEFERRAL, rows, until_on, now)


def hardship(session: Session, keyring: Keyring, given: Given, now: datetime, today: date) -> None:
    """The debtor cannot pay for now: dunning rests, and somebody at the merchant reads why. Raises TooManyPromises."""
    rows = _claims(session, given.claim_ids)
    _count(session, given, "hardship", agreements.limits_of(session, rows[0].shop_id).max_hardships)
    until = today + timedelta(days=agreements.limits_of(session, rows[0].shop_id).hardship_days)
    hold = SetHold("hardship", today, until, None, given.cause, actor=given.actor)
    for row in rows:
        _apply(session, keyring, row.id, given, [hold], now)


def stop(session: Session, keyring: Keyring, given: Given, reason: str, now: datetime, today: date) -> None:
    """Insolvency, death or guardianship: everything rests until somebody lifts it."""
    if reason not in ENDLESS:
        raise Invalid.at("/reason", f"is one of {', '.join(ENDLESS)}")
    hold = SetHold(reason, today, None, None, given.cause, actor=given.actor)
    for row in _claims(session, given.claim_ids):
        _apply(session, keyring, row.id, given, [hold], now)


def paid_probably(session: Session, keyring: Keyring, given: Given, now: datetime, today: date) -> None:
    """The debtor shows that he paid: nothing escalates until somebody looked. `cause` names his documents."""
    for row in _claims(session, given.claim_ids):
        hold = SetHold("probable_payment", today, None, None, given.cause, actor=given.actor)
        _apply(session, keyring, row.id, given, [hold], now)


def settle_promises(session: Session, keyring: Keyring, today: date, now: datetime) -> int:
    """Promises whose day has gone, and the bank's days with it: kept or broken. A second time on one day finds none."""
    mine = ClaimHold.merchant_id == merchant_of(session), ClaimHold.reason == "promise", ClaimHold.lifted_at.is_(None)
    over = ClaimHold.until_on < today - timedelta(days=BANK_DAYS)
    wanted = select(ClaimHold).where(*mine, over, _of_living()).order_by(ClaimHold.claim_id)
    rows = session.scalars(wanted.limit(BITE)).all()
    paid = _paid_since(session, rows)
    for row in rows:
        outcome = "kept" if paid[row.id] >= (row.amount_minor or 0) else "broken"
        claims.apply(session, Keys(keyring), row.claim_id, LiftHold(row.id, outcome), now)
    return len(rows)


def _of_living() -> Any:
    """Nothing is written about somebody who was erased."""
    at_buyer = (Buyer.merchant_id == Claim.merchant_id) & (Buyer.id == Claim.buyer_id)
    mine = Claim.merchant_id == ClaimHold.merchant_id, Claim.id == ClaimHold.claim_id
    return select(Claim.id).join(Buyer, at_buyer).where(*mine, Buyer.wrapped_key.is_not(None)).exists()


def owed_on(session: Session, row: Claim, day: date) -> int:
    """What is owed on a day, with the interest that ran."""
    return statement.statement(session, row.id, day, store.load(session)).total_minor


def _paid_since(session: Session, holds: Sequence[ClaimHold]) -> dict[UUID, int]:
    joined = (ClaimPayment.merchant_id == ClaimHold.merchant_id) & (ClaimPayment.claim_id == ClaimHold.claim_id)
    counted = joined & (ClaimPayment.received_at >= ClaimHold.set_at) & ClaimPayment.reversed_at.is_(None)
    total = func.coalesce(func.sum(ClaimPayment.amount_minor), 0)
    mine = ClaimHold.merchant_id == merchant_of(session), ClaimHold.id.in_([hold.id for hold in holds])
    found = select(ClaimHold.id, total).outerjoin(ClaimPayment, counted).where(*mine).group_by(ClaimHold.id)
    return {id_: int(minor) for id_, minor in session.execute(found)}


def _shares(rows: Sequence[Claim], owed: Mapping[UUID, int], amount_minor: int) -> dict[UUID, int]:
    """The promised amount goes to the oldest debt first, as a payment would."""
    left, shares = amount_minor, {}
    for row in sorted(rows, key=lambda one: (one.due_date, one.id)):
        shares[row.id] = min(left, owed[row.id])
        left -= shares[row.id]
    return shares


def _count(session: Session, given: Given, reason: str, most: int) -> None:
    mine = ClaimHold.merchant_id == merchant_of(session), ClaimHold.claim_id.in_(given.claim_ids)
    per_claim = select(func.count()).where(*mine, ClaimHold.reason == reason).group_by(ClaimHold.claim_id)
    if any(count >= most for count in session.scalars(per_claim)) or most == 0:
        raise TooManyPromises(allowed=most)


def _check_day(path: str, day: date, today: date, most: int) -> None:
    last = today + timedelta(days=most)
    if not today < day <= last:
        raise Invalid.at(path, f"is after today and not after {last}")


def _apply(
    session: Session, keyring: Keyring, claim_id: UUID, given: Given, changes: Sequence[Change], now: datetime
) -> None:
    words: list[Change] = [Note(given.words, actor=given.actor)] if given.words else []
    for change in [*changes, *words]:
        claims.apply(session, Keys(keyring), claim_id, change, now)


def _claims(session: Session, claim_ids: Sequence[UUID]) -> list[Claim]:
    mine = Claim.merchant_id == merchant_of(session), Claim.id.in_(set(claim_ids))
    rows = list(session.scalars(select(Claim).where(*mine).order_by(Claim.id).with_for_update()))
    if not rows or len(rows) != len(set(claim_ids)):
        raise Invalid.at("/claims", "names a claim that does not exist")
    return rows
