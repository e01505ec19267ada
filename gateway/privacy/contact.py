"""What is known of a buyer lately, and where he can be reached: as decisions and orders told it, never as a request says."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.checkout.decide import open_told
from gateway.checkout.models import Decision
from gateway.core.crypto import Keyring
from gateway.core.db import merchant_of
from gateway.shops import buyers
from gateway.shops.details import open_details
from gateway.shops.models import Order


@dataclass(frozen=True, slots=True)
class Contact:
    """An e-mail address, and the language of the letters sent to it; both may be empty."""

    email: str = field(repr=False)
    language: str


def find(session: Session, keyring: Keyring, buyer_id: UUID) -> Contact:
    """The newest e-mail address known of this buyer; an empty one when there is none or he is erased."""
    for told in _lately(session, keyring, buyer_id):
        buyer = told.get("buyer") or {}
        if buyer.get("email"):
            return Contact(buyer["email"], buyer.get("language") or "")
    return Contact("", "")


def newest(session: Session, keyring: Keyring, buyer_id: UUID) -> dict[str, Any]:
    """`buyer`, `billing`, `delivery` as last told; empty when nothing was told or he is erased."""
    return next(_lately(session, keyring, buyer_id), {})


def _lately(session: Session, keyring: Keyring, buyer_id: UUID) -> Iterator[dict[str, Any]]:
    """What his newest decision told, then what his newest order told."""
    key = buyers.find_key(session, keyring, buyer_id)
    if key is None:
        return
    mine = Decision.merchant_id == merchant_of(session), Decision.buyer_id == buyer_id
    last = select(Decision.id, Decision.told_sealed).where(*mine, Decision.told_sealed.is_not(None))
    if decision := session.execute(last.order_by(Decision.id.desc()).limit(1)).one_or_none():
        yield open_told(key, decision.id, decision.told_sealed)
    his = Order.merchant_id == merchant_of(session), Order.buyer_id == buyer_id
    order = session.scalars(select(Order).where(*his).order_by(Order.placed_at.desc()).limit(1)).one_or_none()
    if order is not None and order.details_sealed is not None:
        yield open_details(key, order.id, order.details_sealed)
