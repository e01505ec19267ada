"""A copy of everything that is known of a buyer (Art. 15 GDPR), with purposes, origin, recipients and how long it is kept.

List entries are his only where they name his own mailbox or phone number; an entry about a postal address, connection or
mail domain may be about others (Art. 15 (4)), and shows in the decisions it acted in.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.chargebacks import erasing as chargeback_copies
from gateway.checkout import explanations, selection_records
from gateway.checkout.models import Decision
from gateway.core import documents
from gateway.core.crypto import Keyring
from gateway.core.db import merchant_of
from gateway.core.documents import Document, Owner
from gateway.core.ids import to_public
from gateway.merchants import merchants
from gateway.privacy import copy_texts, rights
from gateway.privacy.rights import RightsRequest, Wanted
from gateway.receivables import claim_copies
from gateway.risk import bureau_records
from gateway.risk.models import ListEntry
from gateway.shops import buyers, shops
from gateway.shops.buyers import BuyerErased, BuyerUnknown
from gateway.shops.listing import get_order
from gateway.shops.models import Buyer, BuyerIndex, Order
from gateway.shops.shops import ShopFacts

MOST = 500
"""Orders, decisions and questions to bureaus in one copy, the newest first; `complete` says whether that was all."""
MAX_BYTES = 20 * 1024 * 1024
_OWN_LISTS = ("email", "phone")


def copy_of(session: Session, keyring: Keyring, buyer_id: UUID, language: str, now: datetime) -> dict[str, Any]:
    """The copy as JSON. Raises BuyerUnknown, BuyerErased."""
    buyer = session.get(Buyer, (merchant_of(session), buyer_id))
    if buyer is None:
        raise BuyerUnknown
    if buyer.wrapped_key is None:
        raise BuyerErased("this buyer was erased; nothing that names him is left")
    known = {shop.id: shop for shop in shops.list_shops(session) if shop.live == buyer.live}
    orders, decisions = _orders(session, keyring, buyer_id, known), _decisions(session, keyring, buyer_id, language)
    heard, owed = _heard(session, keyring, buyer_id), claim_copies.rows_of(session, buyer_id, MOST)
    shop_id = _newest_shop(session, buyer_id) or next(iter(known), None)
    asked = sorted({one["bureau"] for one in heard})
    return {
        "made_at": now.isoformat(),
        "language": language,
        "live": buyer.live,
        "about": _about(session, shop_id, language, asked),
        "buyer": _buyer(session, buyer),
        "orders": orders,
        "claims": [claim_copies.copy_of(session, keyring, row) for row in owed],
        "chargebacks": chargeback_copies.copies_of(session, buyer_id, MOST),
        "decisions": decisions,
        "bureau_answers": heard,
        "list_entries": _entries(session, buyer_id),
        "requests": _requests(session, keyring, buyer_id),
        "complete": all(len(part) < MOST for part in (orders, decisions, heard, owed)),
    }


def documents_of(session: Session, keyring: Keyring, buyer_id: UUID) -> list[tuple[str, bytes]]:
    """Names and contents of his documents, the newest first, up to 20 MB together. Raises BuyerUnknown."""
    key = buyers.find_key(session, keyring, buyer_id)
    if key is None:
        return []
    mine = Document.merchant_id == merchant_of(session), Document.owner_id == buyer_id
    rows = session.scalars(select(Document).where(*mine).order_by(Document.id.desc()).limit(MOST)).all()
    found: list[tuple[str, bytes]] = []
    room = MAX_BYTES
    for row in rows:
        if row.size <= room:
            room -= row.size
            found.append((documents.name_of(row, key), documents.load(session, Owner(buyer_id, key), row.id)))
    return found


def _about(session: Session, shop_id: UUID | None, language: str, asked: Sequence[str]) -> dict[str, Any]:
    """Art. 15 (1) (a) to (h): who answers for it, what for, to whom, for how long, from where, which rights.

    Bureaus that were asked about him are recipients, each by its name.
    """
    told: dict[str, Any] = {"merchant": merchants.get(session).name, **copy_texts.about(language)}
    told["recipients"] += [copy_texts.bureau(name, language) for name in asked]
    if shop_id is None:
        return told
    settings = rights.settings_of(session, shop_id)
    said = {"controller": settings.controller, "contact": settings.contact, "privacy_notice": settings.notice_url}
    recipients = [*told["recipients"], *settings.recipients]
    return told | {name: value for name, value in said.items() if value} | {"recipients": recipients}


def _buyer(session: Session, buyer: Buyer) -> dict[str, Any]:
    mine = BuyerIndex.merchant_id == buyer.merchant_id, BuyerIndex.buyer_id == buyer.id
    kinds = session.scalars(select(BuyerIndex.kind).where(*mine).distinct().limit(20))
    return {
        "id": to_public("buy", buyer.id),
        "first_seen_at": buyer.first_seen_at.isoformat(),
        "objects_since": buyer.objected_at.isoformat() if buyer.objected_at else None,
        "recognised_by": sorted(kinds),
    }


def _orders(session: Session, keyring: Keyring, buyer_id: UUID, known: dict[UUID, ShopFacts]) -> list[dict[str, Any]]:
    mine = Order.merchant_id == merchant_of(session), Order.buyer_id == buyer_id
    newest = select(Order.shop_id, Order.reference).where(*mine).order_by(Order.placed_at.desc()).limit(MOST)
    rows: Sequence[Any] = session.execute(newest).all()
    return [
        {"shop": known[row.shop_id].name} | get_order(session, keyring, known[row.shop_id], row.reference)
        for row in rows
        if row.shop_id in known
    ]


def _decisions(session: Session, keyring: Keyring, buyer_id: UUID, language: str) -> list[dict[str, Any]]:
    mine = Decision.merchant_id == merchant_of(session), Decision.buyer_id == buyer_id
    rows = session.scalars(select(Decision).where(*mine).order_by(Decision.id.desc()).limit(MOST)).all()
    return [
        {
            "explanation": explanations.explanation(session, row, language),
            "told": explanations.known(session, keyring, row).told or {},
            "choices": _choices(session, row, language),
        }
        for row in rows
    ]


def _choices(session: Session, row: Decision, language: str) -> list[dict[str, Any]]:
    """What he chose of this menu and what he was answered; the reasons there speak to the merchant."""
    told = selection_records.told_of(session, row, language)
    names = ("created_at", "method", "answer", "currency", "deposit_percent", "deposit_minor", "bureau", "proof")
    return [{name: one[name] for name in names} for one in told]


def _heard(session: Session, keyring: Keyring, buyer_id: UUID) -> list[dict[str, Any]]:
    """Which bureaus were asked about him, and what each said as far as it is kept."""
    key = buyers.find_key(session, keyring, buyer_id)
    return [] if key is None else bureau_records.of_buyer(session, buyer_id, key, MOST)


def _newest_shop(session: Session, buyer_id: UUID) -> UUID | None:
    mine = Decision.merchant_id == merchant_of(session), Decision.buyer_id == buyer_id
    return session.scalar(select(Decision.shop_id).where(*mine).order_by(Decision.id.desc()).limit(1))


def _entries(session: Session, buyer_id: UUID) -> list[dict[str, Any]]:
    """Entries about his own mailbox or phone number: what they do, why, and until when; not who wrote them."""
    digests = buyers.digests_of(session, buyer_id)
    mine = ListEntry.merchant_id == merchant_of(session), ListEntry.digest.in_(digests)
    rows = session.scalars(select(ListEntry).where(*mine, ListEntry.kind.in_(_OWN_LISTS)).limit(MOST)).all()
    return [
        {
            "about": row.kind,
            "action": row.action,
            "reason": row.reason,
            "since": row.created_at.isoformat(),
            "until": row.expires_at.isoformat() if row.expires_at else None,
        }
        for row in rows
    ]


def _requests(session: Session, keyring: Keyring, buyer_id: UUID) -> list[dict[str, Any]]:
    rows = rights.list_requests(session, Wanted(state=None, buyer_id=buyer_id), rights.MAX_PAGE)
    return [request_view(rights.opened(session, keyring, row)) for row in rows]


def request_view(opened: rights.Opened) -> dict[str, Any]:
    """A request as its buyer and the shop's programs may see it; a reviewer is "a person", not a name."""
    row: RightsRequest = opened.row
    return {
        "id": opened.id,
        "kind": row.kind,
        "state": row.state,
        "live": row.live,
        "buyer_id": to_public("buy", row.buyer_id) if row.buyer_id else None,
        "decision_id": to_public("dec", row.decision_id) if row.decision_id else None,
        "asked_at": row.asked_at.isoformat(),
        "due_at": row.due_at.isoformat(),
        "proof": row.proof,
        "text": str(opened.words.get("text", "")),
        "changes": dict(opened.words.get("changes", {})),
        "outcome": row.outcome,
        "answer": opened.answer,
        "answered_at": row.answered_at.isoformat() if row.answered_at else None,
    }
