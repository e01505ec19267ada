"""The claims of one debtor with what names him and what he was told: for his own page, and for nothing else."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.core import documents
from gateway.core.crypto import Keyring, unseal
from gateway.core.db import merchant_of
from gateway.core.documents import Document, Owner
from gateway.core.errors import NotFound
from gateway.receivables.agreement_models import Objection
from gateway.receivables.letter_models import Letter, LetterClaim
from gateway.receivables.models import Claim, ClaimHold
from gateway.shops import buyers
from gateway.shops.details import open_details
from gateway.shops.identity import fold
from gateway.shops.models import Order, OrderDocument

MOST_CLAIMS, MOST_LETTERS = 100, 100
SHOWN_LETTERS = ("SENT", "PRINTING")


@dataclass(frozen=True, slots=True)
class DebtorClaim:
    """A claim with the addresses and goods of its order. Personal: held in memory only while a page is made."""

    row: Claim
    holds: tuple[ClaimHold, ...] = ()
    objection: Objection | None = None
    """The one that waits for an answer."""
    details: dict[str, Any] = field(default_factory=dict, repr=False)
    contact: dict[str, Any] = field(default_factory=dict, repr=False)
    order_reference: str = ""

    @property
    def id(self) -> UUID:
        return self.row.id

    @property
    def shop_id(self) -> UUID:
        return self.row.shop_id

    @property
    def invoice_number(self) -> str:
        return self.row.invoice_number

    @property
    def postcodes(self) -> list[str]:
        """Of the order, as they are compared: two claims that share one go to one place."""
        return _postcodes([self.details.get("billing"), self.details.get("delivery")])

    @property
    def own_postcodes(self) -> list[str]:
        """With the one the debtor told himself: it opens this claim, and says nothing about any other."""
        return _postcodes([self.details.get("billing"), self.details.get("delivery"), self.contact])

    @property
    def goods(self) -> list[str]:
        """What was bought, in the shop's words."""
        items = self.details.get("items") or []
        return [name for item in items if (name := str(item.get("name") or item.get("sku") or ""))]


def _postcodes(parts: Sequence[Any]) -> list[str]:
    codes = [str(part.get("postcode") or "") for part in parts if isinstance(part, dict)]
    return [code for text in codes if (code := "".join(one for one in fold(text) if one.isalnum()))]


def of_buyer(session: Session, keyring: Keyring, buyer_id: UUID) -> list[DebtorClaim]:
    """All claims of this debtor, the oldest first, in a fixed number of queries; empty once he is erased."""
    key = buyers.find_key(session, keyring, buyer_id)
    if key is None:
        return []
    merchant_id = merchant_of(session)
    mine = Claim.merchant_id == merchant_id, Claim.buyer_id == buyer_id
    rows = session.scalars(select(Claim).where(*mine).order_by(Claim.id).limit(MOST_CLAIMS)).all()
    holds = _holds(session, [row.id for row in rows])
    objections = _objections(session, [row.id for row in rows])
    orders = _orders(session, key, {row.order_id for row in rows if row.order_id})
    return [
        DebtorClaim(
            row,
            tuple(holds.get(row.id, ())),
            objections.get(row.id),
            orders.get(row.order_id or row.id, ("", {}))[1],
            contact_of(row, key),
            orders.get(row.order_id or row.id, ("", {}))[0],
        )
        for row in rows
    ]


def contact_of(row: Claim, key: bytes) -> dict[str, Any]:
    """Address and e-mail that are newer than the order's; empty where there are none. Raises `Tampered`."""
    if row.contact_sealed is None:
        return {}
    told: dict[str, Any] = json.loads(unseal(key, row.contact_sealed, f"claim.contact:{row.id}"))
    return told


@dataclass(frozen=True, slots=True)
class Sent:
    """A letter the debtor got, for his page."""

    row: Letter
    claim_ids: tuple[UUID, ...]


def letters_of(session: Session, buyer_id: UUID, claim_ids: Sequence[UUID]) -> list[Sent]:
    """Letters that left, about these claims only, the newest first."""
    merchant_id = merchant_of(session)
    mine = Letter.merchant_id == merchant_id, Letter.buyer_id == buyer_id, Letter.state.in_(SHOWN_LETTERS)
    rows = session.scalars(select(Letter).where(*mine).order_by(Letter.id.desc()).limit(MOST_LETTERS)).all()
    about = select(LetterClaim.letter_id, LetterClaim.claim_id).where(
        LetterClaim.merchant_id == merchant_id, LetterClaim.letter_id.in_([row.id for row in rows])
    )
    claims: dict[UUID, list[UUID]] = {}
    for letter_id, claim_id in session.execute(about):
        claims.setdefault(letter_id, []).append(claim_id)
    seen = set(claim_ids)
    return [Sent(row, tuple(claims[row.id])) for row in rows if row.id in claims and seen.issuperset(claims[row.id])]


def invoices_of(session: Session, claims: Sequence[DebtorClaim]) -> list[tuple[UUID, Document]]:
    """(claim, document) of the invoices and delivery proofs that the shop has sent in."""
    by_order = {one.row.order_id: one.id for one in claims if one.row.order_id}
    joined = (Document.merchant_id == OrderDocument.merchant_id) & (Document.id == OrderDocument.document_id)
    mine = OrderDocument.merchant_id == merchant_of(session), OrderDocument.order_id.in_(by_order)
    wanted = select(OrderDocument.order_id, Document).join(Document, joined).where(*mine)
    shown = wanted.where(OrderDocument.kind.in_(("invoice", "delivery_proof"))).order_by(Document.id)
    return [(by_order[order_id], document) for order_id, document in session.execute(shown)]


def file_of(session: Session, keyring: Keyring, buyer_id: UUID, document_id: UUID) -> tuple[Document, str, bytes]:
    """A file of this debtor with name and content. Raises NotFound for anybody else's."""
    key = buyers.find_key(session, keyring, buyer_id)
    if key is None:
        raise NotFound(thing="document")
    content = documents.load(session, Owner(buyer_id, key), document_id)
    document = documents.get(session, document_id)
    return document, documents.name_of(document, key), content


def _holds(session: Session, ids: Sequence[UUID]) -> dict[UUID, list[ClaimHold]]:
    mine = ClaimHold.merchant_id == merchant_of(session), ClaimHold.claim_id.in_(ids), ClaimHold.lifted_at.is_(None)
    found: dict[UUID, list[ClaimHold]] = {}
    for hold in session.scalars(select(ClaimHold).where(*mine).order_by(ClaimHold.id)):
        found.setdefault(hold.claim_id, []).append(hold)
    return found


def _objections(session: Session, ids: Sequence[UUID]) -> dict[UUID, Objection]:
    mine = Objection.merchant_id == merchant_of(session), Objection.claim_id.in_(ids), Objection.state == "OPEN"
    return {row.claim_id: row for row in session.scalars(select(Objection).where(*mine))}


def _orders(session: Session, key: bytes, ids: set[UUID]) -> dict[UUID, tuple[str, dict[str, Any]]]:
    mine = Order.merchant_id == merchant_of(session), Order.id.in_(ids)
    rows = session.execute(select(Order.id, Order.reference, Order.details_sealed).where(*mine))
    return {row.id: (row.reference, open_details(key, row.id, row.details_sealed)) for row in rows}
