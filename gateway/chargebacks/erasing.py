"""Chargebacks of a buyer: he is kept while one is open, erased with their words and files, and gets them in his copy."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from gateway.chargebacks.lifecycle import OPEN
from gateway.chargebacks.models import Chargeback, ChargebackEvidence
from gateway.core import documents
from gateway.core.db import merchant_of
from gateway.core.ids import to_public
from gateway.shops.erasure import Objection
from gateway.shops.events import BuyerForgotten

_SHOWN = ("state", "stage", "amount_minor", "currency", "category", "outcome")


def chargebacks_object(session: Session, buyer_id: UUID, _now: datetime) -> Objection | None:
    """While one is open the merchant needs his data for his defence."""
    mine = Chargeback.merchant_id == merchant_of(session), Chargeback.buyer_id == buyer_id
    row = session.scalar(select(Chargeback.id).where(*mine, Chargeback.state.in_(list(OPEN))).limit(1))
    return None if row is None else Objection("a payment of his is disputed", None)


def forget(session: Session, event: BuyerForgotten) -> None:
    """Words and files go; amounts, dates and states stay."""
    mine = Chargeback.merchant_id == merchant_of(session), Chargeback.buyer_id == event.buyer_id
    session.execute(update(Chargeback).where(*mine).values(statement_sealed=None))
    here = ChargebackEvidence.merchant_id == merchant_of(session)
    theirs = ChargebackEvidence.chargeback_id.in_(select(Chargeback.id).where(*mine))
    ids = set(session.scalars(select(ChargebackEvidence.document_id).where(here, theirs)))
    session.execute(delete(ChargebackEvidence).where(here, theirs))
    shared = set(
        session.scalars(select(ChargebackEvidence.document_id).where(here, ChargebackEvidence.document_id.in_(ids)))
    )
    if gone := ids - shared:
        documents.forget(session, gone)


def copies_of(session: Session, buyer_id: UUID, most: int) -> list[dict[str, Any]]:
    """For his copy of data (Art. 15 GDPR)."""
    mine = Chargeback.merchant_id == merchant_of(session), Chargeback.buyer_id == buyer_id
    found = session.scalars(select(Chargeback).where(*mine).order_by(Chargeback.id.desc()).limit(most))
    return [
        {"id": to_public("cbk", row.id), "opened_at": row.opened_at.isoformat()}
        | {name: getattr(row, name) for name in _SHOWN}
        for row in found
    ]
