"""Correcting what is known of a buyer (Art. 16 GDPR): his links and the sealed details of his orders, by a named event.

Decisions and events stay as they were made; what was corrected stands in the request, sealed with his key. The e-mail
address identifies him and is not corrected: who has another one is another buyer until he orders with it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from gateway.core.channels import post_notice
from gateway.core.crypto import Keyring
from gateway.core.db import merchant_of
from gateway.core.errors import Invalid
from gateway.core.ids import to_public
from gateway.merchants import audit, secrets
from gateway.merchants.audit import Act
from gateway.shops import buyers, identity
from gateway.shops.buyers import LINK_BUYER, BuyerErased, link_arrays
from gateway.shops.details import open_details, seal_details
from gateway.shops.identity import Address, Identity
from gateway.shops.models import Buyer, BuyerIndex, Order

BUYER_FIELDS = ("first_name", "last_name", "company", "vat_id", "phone")
ADDRESS_FIELDS = ("line1", "line2", "postcode", "city", "country")
FIELDS = (*BUYER_FIELDS, *(f"{part}_{name}" for part in ("billing", "delivery") for name in ADDRESS_FIELDS))
MAX_LENGTH, MOST_ORDERS = 300, 500


@dataclass(frozen=True, slots=True)
class Correction:
    """New values by field (`phone`, `billing_line1`, …), beside what was told in their place."""

    changes: Mapping[str, str] = field(repr=False)
    told: Mapping[str, Any] = field(repr=False)
    """`buyer`, `billing` and `delivery` as the shop told them."""


def checked(changes: Mapping[str, str]) -> dict[str, str]:
    """The changes without blanks around them. Raises Invalid naming the field."""
    faults = [{"path": f"/changes/{name}", "message": "cannot be corrected"} for name in changes if name not in FIELDS]
    faults += [
        {"path": f"/changes/{name}", "message": f"has at most {MAX_LENGTH} letters"}
        for name, value in changes.items()
        if len(value) > MAX_LENGTH
    ]
    faults += [
        {"path": f"/changes/{name}", "message": "is an ISO 3166 code such as DE"}
        for name, value in changes.items()
        if name.endswith("country") and not (len(value.strip()) == 2 and value.strip().isalpha())
    ]
    kept = {name: value.strip() for name, value in changes.items()}
    if not kept:
        faults.append({"path": "/changes", "message": "names nothing to correct"})
    if faults:
        raise Invalid(errors=faults)
    return {name: value.upper() if name.endswith("country") else value for name, value in kept.items()}


def apply(
    session: Session, keyring: Keyring, buyer_id: UUID, correction: Correction, actor: str, now: datetime
) -> None:
    """Correct him. Raises Invalid, BuyerUnknown, BuyerErased. The desk gets a notice: the shop has to follow."""
    changes = checked(correction.changes)
    key = buyers.find_key(session, keyring, buyer_id, hold=True)
    if key is None:
        raise BuyerErased("this buyer was erased")
    _relink(session, keyring, buyer_id, Correction(changes, correction.told))
    orders = _correct_orders(session, buyer_id, key, changes)
    facts = {"fields": sorted(changes), "orders": orders}
    audit.record(session, keyring, Act(actor, "buyer.corrected", "buyer", buyer_id, facts), now)
    post_notice(session, "buyer-corrected", to_public("buy", buyer_id), facts, now)


def corrected(told: Mapping[str, Any], changes: Mapping[str, str]) -> dict[str, Any]:
    """What was told with the changes in it."""
    now: dict[str, Any] = {part: dict(told.get(part) or {}) for part in ("buyer", "billing", "delivery")}
    for name, value in changes.items():
        part, _, inner = name.partition("_")
        if part in ("billing", "delivery"):
            now[part][inner] = value
        else:
            now["buyer"][name] = value
    return now


def _relink(session: Session, keyring: Keyring, buyer_id: UUID, correction: Correction) -> None:
    """The wrong phone or address leads to him no more, the right one does. What identifies him stays."""
    row = session.get_one(Buyer, (merchant_of(session), buyer_id))
    index_key = secrets.get_key(session, keyring, "index")
    before = identity.digests(index_key, live=row.live, identity=_identity(correction.told))
    after = identity.digests(
        index_key, live=row.live, identity=_identity(corrected(correction.told, correction.changes))
    )
    wrong = [digest for kind, digest in before.items() if after.get(kind) != digest and digest not in after.values()]
    mine = BuyerIndex.merchant_id == row.merchant_id, BuyerIndex.buyer_id == buyer_id
    session.execute(delete(BuyerIndex).where(*mine, BuyerIndex.digest.in_(wrong), BuyerIndex.identifies.is_(False)))
    links = link_arrays(after)
    if links["digests"]:
        session.execute(LINK_BUYER, {"merchant": row.merchant_id, "buyer": buyer_id, **links})


def _identity(told: Mapping[str, Any]) -> Identity:
    billing, delivery = (_address(told.get(part)) for part in ("billing", "delivery"))
    buyer = told.get("buyer") or {}
    return Identity(buyer.get("email") or "", buyer.get("phone") or "", billing, delivery or billing)


def _address(told: Mapping[str, Any] | None) -> Address | None:
    known = {name: value for name, value in (told or {}).items() if name in Address.__slots__ and value}
    return Address(**known) if known else None


def _correct_orders(session: Session, buyer_id: UUID, key: bytes, changes: Mapping[str, str]) -> int:
    """The sealed details of his newest orders, which letters are written from; how many changed."""
    mine = Order.merchant_id == merchant_of(session), Order.buyer_id == buyer_id, Order.details_sealed.is_not(None)
    rows = session.scalars(select(Order).where(*mine).order_by(Order.placed_at.desc()).limit(MOST_ORDERS)).all()
    changed = 0
    for row in rows:
        told = open_details(key, row.id, row.details_sealed)
        right = told | {part: value for part, value in corrected(told, changes).items() if value or part in told}
        if right != told:
            row.details_sealed = seal_details(key, row.id, right)
            changed += 1
    session.flush()
    return changed
