"""Gathers what proves the merchant's case: order, delivery, letters, earlier orders, refunds, terms, uploads."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.chargebacks import rows, terms, worth
from gateway.chargebacks.fields import Content, Part
from gateway.chargebacks.lifecycle import State
from gateway.chargebacks.models import Chargeback, ChargebackEvidence
from gateway.chargebacks.prior import PriorOrder, prior_evidence
from gateway.chargebacks.words import category_label, piece_title, wanted_words, words
from gateway.core import documents
from gateway.core.crypto import Keyring
from gateway.core.db import merchant_of
from gateway.core.errors import NotFound
from gateway.core.money import Money
from gateway.merchants import merchants, secrets
from gateway.receivables import shop_terms
from gateway.receivables.letter_models import Letter
from gateway.shops import shops
from gateway.shops.listing import get_order
from gateway.shops.models import Order

MOST = 50


def assemble(session: Session, keyring: Keyring, row: Chargeback) -> Content:
    """The content model of the answer; what is missing is named."""
    shop = shops.get(session, row.shop_id)
    language = "de" if shop.language == "de" else "en"
    order = session.get(Order, (merchant_of(session), row.order_id)) if row.order_id else None
    told = get_order(session, keyring, shop, order.reference) if order else {}
    lines = {
        "order": _order(told, language),
        "delivery": _delivery(told, language),
        "addresses": _addresses(told, language),
        "communication": _letters(session, row, language),
        "refund": _refunds(told, language),
        "policy": _policy(session, row, language),
        "prior_orders": _prior(session, row, order, language),
    }
    uploads = _uploads(session, keyring, row)
    parts = [_part(piece.name, lines[piece.name], uploads, language) for piece in worth.pieces_of(row.category)]
    return Content(
        language=language,
        title=words(language)["title"].format(id=row.external_id),
        summary=_summary(session, row, order, language),
        statement=rows.statement_of(session, keyring, row),
        parts=tuple(parts),
        category=row.category,
        customer=_customer(told),
    )


def estimate(session: Session, row: Chargeback, content: Content) -> worth.Worth:
    """Whether answering pays, by the merchant's terms and his own ended cases."""
    known = terms.terms_of(session)
    cost = worth.Cost(known.fee_of(row.provider), known.minutes, known.rate_minor)
    mine = Chargeback.merchant_id == merchant_of(session), Chargeback.category == row.category
    ended = select(Chargeback.state).where(
        *mine,
        Chargeback.live.is_(row.live),
        Chargeback.submitted_at.is_not(None),
        Chargeback.state.in_([State.WON, State.LOST]),
        Chargeback.id != row.id,
    )
    states = list(session.scalars(ended.order_by(Chargeback.id.desc()).limit(1000)))
    own = worth.Own(len(states), states.count(State.WON))
    return worth.estimate(row.category, row.amount_minor, content.present, own, cost)


def file_of(session: Session, keyring: Keyring, row: Chargeback, document_id: UUID) -> tuple[str, str, bytes]:
    """Name, kind and content of an upload of this chargeback. Raises NotFound."""
    mine = ChargebackEvidence.merchant_id == row.merchant_id, ChargebackEvidence.chargeback_id == row.id
    if (
        session.scalar(select(ChargebackEvidence.id).where(*mine, ChargebackEvidence.document_id == document_id))
        is None
    ):
        raise NotFound(thing="document")
    owner = documents.Owner(row.merchant_id, secrets.get_key(session, keyring, "data"))
    document = documents.get(session, document_id)
    return documents.name_of(document, owner.key), document.media_type, documents.load(session, owner, document_id)


def _uploads(session: Session, keyring: Keyring, row: Chargeback) -> list[tuple[str, str, str]]:
    """(piece, document id, name)."""
    key = secrets.get_key(session, keyring, "data")
    mine = ChargebackEvidence.merchant_id == row.merchant_id, ChargebackEvidence.chargeback_id == row.id
    found = session.scalars(select(ChargebackEvidence).where(*mine).order_by(ChargebackEvidence.id).limit(MOST))
    return [
        (one.piece, str(one.document_id), documents.name_of(documents.get(session, one.document_id), key))
        for one in found
    ]


def _part(name: str, lines: Sequence[str], uploads: Sequence[tuple[str, str, str]], language: str) -> Part:
    mine = [one for one in uploads if one[0] == name]
    missing = "" if lines or mine else wanted_words(name, language)
    return Part(
        name,
        piece_title(name, language),
        tuple(lines),
        tuple(one[1] for one in mine),
        tuple(one[2] for one in mine),
        missing,
    )


def _summary(session: Session, row: Chargeback, order: Order | None, language: str) -> tuple[tuple[str, str], ...]:
    said = words(language)
    facts = [
        (said["merchant"], merchants.get(session).name),
        (said["dispute"], row.external_id),
        (said["amount"], Money(row.amount_minor, row.currency).format() if row.currency else str(row.amount_minor)),
        (said["reason"], f"{category_label(row.category, language)} ({row.network_code or row.reason})"),
        (said["opened"], _day(row.opened_at)),
    ]
    return (*facts, (said["order"], order.reference)) if order else tuple(facts)


def _customer(told: dict[str, Any]) -> dict[str, str]:
    buyer = told.get("buyer", {})
    name = " ".join(filter(None, [buyer.get("first_name", ""), buyer.get("last_name", "")]))
    made = {
        "customer_name": name or buyer.get("company", ""),
        "customer_email_address": buyer.get("email", ""),
        "billing_address": _place(told.get("billing", {})),
        "shipping_address": _place(told.get("delivery", {})),
        "shipping_date": _day(told["shipped_at"]) if told.get("shipped_at") else "",
        **_parcel(told),
    }
    return {key: value for key, value in made.items() if value}


def _parcel(told: dict[str, Any]) -> dict[str, str]:
    """Carrier and number as the shop told them last: fields of their own, which providers look up."""
    named = [event["facts"] for event in told.get("events", []) if event["facts"].get("tracking_number")]
    if not named:
        return {}
    last = named[-1]
    return {"shipping_carrier": last.get("carrier", ""), "shipping_tracking_number": last["tracking_number"]}


def _place(address: dict[str, Any]) -> str:
    return ", ".join(
        str(address[name]) for name in ("line1", "line2", "postcode", "city", "country") if address.get(name)
    )


def _order(told: dict[str, Any], language: str) -> list[str]:
    if not told:
        return []
    total = Money(told["total_minor"], told["currency"]).format()
    said = words(language)
    head = said["placed"].format(reference=told["reference"], day=_day(told["placed_at"]), total=total)
    items = [
        f"{one['quantity']} × {one.get('name') or one.get('sku', '')} "
        f"({Money(one['unit_minor'], told['currency']).format()})"
        for one in told.get("items", [])[:MOST]
    ]
    return [head, *items]


def _delivery(told: dict[str, Any], language: str) -> list[str]:
    said, found = words(language), []
    for event in told.get("events", []):
        if event["event"] in ("shipped", "delivered"):
            facts = event["facts"]
            by = " ".join(filter(None, [facts.get("carrier", ""), facts.get("tracking_number", "")]))
            found.append(said[event["event"]].format(day=_day(event["occurred_at"])) + (f" ({by})" if by else ""))
    return found


def _addresses(told: dict[str, Any], language: str) -> list[str]:
    billing, delivery = _place(told.get("billing", {})), _place(told.get("delivery", {}))
    if not billing or (delivery and delivery != billing):
        return []
    return [words(language)["same_address"].format(place=billing)]


def _letters(session: Session, row: Chargeback, language: str) -> list[str]:
    """Letters that reached the buyer since the order."""
    if row.buyer_id is None:
        return []
    mine = Letter.merchant_id == row.merchant_id, Letter.buyer_id == row.buyer_id, Letter.state == "SENT"
    found = session.execute(select(Letter.day, Letter.channel).where(*mine).order_by(Letter.id.desc()).limit(10))
    return [words(language)["letter"].format(day=day.isoformat(), channel=channel) for day, channel in found]


def _refunds(told: dict[str, Any], language: str) -> list[str]:
    return [
        words(language)["refunded"].format(
            day=_day(event["occurred_at"]), amount=Money(event["amount_minor"], told["currency"]).format()
        )
        for event in told.get("events", [])
        if event["event"] == "refunded" and event["amount_minor"]
    ]


def _policy(session: Session, row: Chargeback, language: str) -> list[str]:
    known = shop_terms.terms_of(session, row.shop_id)
    return [words(language)["terms"].format(terms=known.terms)] if known.terms else []


def _prior(session: Session, row: Chargeback, order: Order | None, language: str) -> list[str]:
    """Earlier orders of the same buyer that nobody disputed, and what is the same."""
    if order is None:
        return []
    mine = Order.merchant_id == row.merchant_id, Order.buyer_id == order.buyer_id, Order.id != order.id
    earlier = session.scalars(select(Order).where(*mine, Order.placed_at < row.opened_at).limit(MOST)).all()
    theirs = Chargeback.merchant_id == row.merchant_id, Chargeback.order_id.in_([one.id for one in earlier])
    disputed = set(session.scalars(select(Chargeback.order_id).where(*theirs)))
    compared = [
        PriorOrder(
            one.reference,
            one.placed_at,
            one.paid_minor >= one.total_minor > 0,
            one.id in disputed,
            same_account=True,
            same_address=one.delivery_digest is not None and one.delivery_digest == order.delivery_digest,
        )
        for one in earlier
    ]
    found = prior_evidence(compared, row.opened_at)
    if not found.enough:
        return []
    said = words(language)
    matched = ", ".join(said[f"match_{name}"] for name in found.matched)
    return [
        said["prior"].format(reference=one.reference, day=_day(one.placed_at), matched=matched) for one in found.orders
    ]


def _day(at: datetime) -> str:
    return at.date().isoformat()
