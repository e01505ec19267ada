"""Money that had come and was taken back: the claim payment is reversed, or a claim of its own opened for a returned debit.

What follows for dunning is the class of the return's reason code (`payments.return_codes`, `returned_told`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.core.db import merchant_of
from gateway.core.ids import from_public
from gateway.receivables import claims, debtors, follow, returned_told
from gateway.receivables.changes import ReversePayment
from gateway.receivables.claims import CurrencyMismatch, Payment
from gateway.receivables.keys import Keys
from gateway.receivables.models import Claim, ClaimPayment
from gateway.receivables.returned_told import About, ReturnedMoney, about_claim
from gateway.shops import shops
from gateway.shops.models import Order

__all__ = ["ReturnedMoney", "Took", "take"]
MOST_PAYMENTS = 200
"""Payments of a claim that are looked at."""


@dataclass(frozen=True, slots=True)
class Took:
    """What came of it: `reversed`, `opened`, `waiting` (kept; nothing is owed for it yet), `known` (told before) or `unknown`.

    `unknown` keeps nothing: tell it again when more is known.
    """

    did: str
    claim_ids: tuple[UUID, ...] = ()


def take(session: Session, keys: Keys, returned: ReturnedMoney, now: datetime) -> Took:
    """Once per (source, external_id). Raises CurrencyMismatch, BuyerErased."""
    before = returned_told.find(session, returned.source, returned.external_id)
    if before is not None:
        return Took("known", (before.claim_id,) if before.claim_id else ())
    shares = _shares(session, returned)
    if shares:
        return _reverse(session, keys, returned, shares, now)
    order = _order(session, returned)
    return Took("unknown") if order is None else _of_order(session, keys, returned, order, now)


def _reverse(
    session: Session, keys: Keys, returned: ReturnedMoney, shares: Sequence[ClaimPayment], now: datetime
) -> Took:
    """All shares of the payment go; what of it was not returned is booked again on its day."""
    first = shares[0]
    claim = claims.get(session, first.claim_id)
    if returned.currency != claim.currency:
        raise CurrencyMismatch(wanted=claim.currency, told=returned.currency)
    claims.hold(session, debtors.ids_of(session, claim.buyer_id))
    cause = f"returned:{returned.source}"
    debtors.take_back(session, keys, first.claim_id, (ReversePayment(first.id, cause),), now)
    left = sum(share.amount_minor for share in shares) - returned.amount_minor
    if left > 0:
        named = first.source, f"{first.external_id}#{returned.external_id}"
        rest = Payment(first.claim_id, *named, first.paid_on, left, claim.currency)
        debtors.receive_for_claim(session, keys, rest, now)
    row = returned_told.keep(session, returned, about_claim(claim), "reversed", now)
    returned_told.tell(session, keys, row, now)
    return Took("reversed", tuple(sorted({share.claim_id for share in shares})))


def _of_order(session: Session, keys: Keys, returned: ReturnedMoney, order: Order, now: datetime) -> Took:
    """The debit of an order came back: its claim owes it again, or one is opened when the goods are there."""
    if returned.currency != order.currency:
        raise CurrencyMismatch(wanted=order.currency, told=returned.currency)
    live = shops.get(session, order.shop_id).live
    about = About(order.shop_id, order.buyer_id, live, order.id, None)
    row = returned_told.keep(session, returned, about, "waiting", now)
    claim_id = follow.follow(session, keys, order.id, now)
    returned_told.tell(session, keys, row, now)
    return Took(row.did, (claim_id,) if claim_id else ())


def _shares(session: Session, returned: ReturnedMoney) -> list[ClaimPayment]:
    """The booked shares of the payment that is taken back, as named, else the newest of that amount on a claim named."""
    if returned.payment is not None:
        return _standing(session, *returned.payment)
    for claim in _claims(session, returned):
        mine = ClaimPayment.merchant_id == claim.merchant_id, ClaimPayment.claim_id == claim.id
        fits = ClaimPayment.reversed_at.is_(None), ClaimPayment.paid_on <= returned.day
        wanted = select(ClaimPayment).where(*mine, *fits).order_by(ClaimPayment.id.desc()).limit(MOST_PAYMENTS)
        for row in session.scalars(wanted):
            shares = _standing(session, row.source, row.external_id)
            if sum(share.amount_minor for share in shares) == returned.amount_minor:
                return shares
    return []


def _standing(session: Session, source: str, external_id: str) -> list[ClaimPayment]:
    mine = ClaimPayment.merchant_id == merchant_of(session), ClaimPayment.reversed_at.is_(None)
    named = ClaimPayment.source == source, ClaimPayment.external_id == external_id
    return list(session.scalars(select(ClaimPayment).where(*mine, *named).order_by(ClaimPayment.claim_id)))


def _claims(session: Session, returned: ReturnedMoney) -> Iterator[Claim]:
    """Claims that a reference names: ours, or the one debtors pay with."""
    for reference in returned.references:
        named = Claim.reference == reference.replace(" ", "")
        if (claim_id := from_public("clm", reference)) is not None:
            named = Claim.id == claim_id
        found = session.scalar(select(Claim).where(Claim.merchant_id == merchant_of(session), named))
        if found is not None:
            yield found


def _order(session: Session, returned: ReturnedMoney) -> Order | None:
    """The order that a reference names; a number that two shops gave names none."""
    for reference in returned.references:
        wanted = select(Order).where(Order.merchant_id == merchant_of(session), Order.reference == reference)
        if returned.shop_id is not None:
            wanted = wanted.where(Order.shop_id == returned.shop_id)
        found = session.scalars(wanted.limit(2)).all()
        if len(found) == 1:
            return found[0]
    return None
