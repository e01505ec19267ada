"""Where a buyer can be reached: as the newest decision or order told it, never as somebody says in a request."""

import json
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.checkout.decide import told_context
from gateway.checkout.models import Decision
from gateway.core.crypto import Keyring, unseal
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
    key = buyers.find_key(session, keyring, buyer_id)
    if key is None:
        return Contact("", "")
    return _of_decision(session, buyer_id, key) or _of_order(session, buyer_id, key) or Contact("", "")


def _of_decision(session: Session, buyer_id: UUID, key: bytes) -> Contact | None:
    mine = Decision.merchant_id == merchant_of(session), Decision.buyer_id == buyer_id
    newest = select(Decision.id, Decision.told_sealed).where(*mine, Decision.told_sealed.is_not(None))
    row = session.execute(newest.order_by(Decision.id.desc()).limit(1)).one_or_none()
    if row is None:
        return None
    told = json.loads(unseal(key, row.told_sealed, told_context(row.id)))["buyer"]
    return Contact(told["email"], told["language"]) if told.get("email") else None


def _of_order(session: Session, buyer_id: UUID, key: bytes) -> Contact | None:
    mine = Order.merchant_id == merchant_of(session), Order.buyer_id == buyer_id
    row = session.scalars(select(Order).where(*mine).order_by(Order.placed_at.desc()).limit(1)).one_or_none()
    told = open_details(key, row.id, row.details_sealed).get("buyer", {}) if row else {}
    return Contact(told["email"], told.get("language", "")) if told.get("email") else None
