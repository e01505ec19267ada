"""Claims in the copy of data that a buyer gets (Art. 15 GDPR): what he owes, why, what was said, in plain values."""

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.core import history
from gateway.core.crypto import Keyring
from gateway.core.db import merchant_of
from gateway.receivables import listing
from gateway.receivables.contacts import contact_of
from gateway.receivables.models import Claim
from gateway.shops import buyers

MOST_EVENTS = 500


def rows_of(session: Session, buyer_id: UUID, most: int) -> Sequence[Claim]:
    """His claims, the newest first."""
    mine = Claim.merchant_id == merchant_of(session), Claim.buyer_id == buyer_id
    return session.scalars(select(Claim).where(*mine).order_by(Claim.id.desc()).limit(most)).all()


def copy_of(session: Session, keyring: Keyring, claim: Claim) -> dict[str, Any]:
    """One claim with its payments, holds, the address kept for it, and what happened."""
    key = buyers.find_key(session, keyring, claim.buyer_id)
    lines = history.lines(session, claim.id, key, limit=MOST_EVENTS)
    told = listing.summary(claim) | {"payments": listing.payments(session, claim.id)}
    told |= {"holds": listing.holds(session, claim.id), "contact": contact_of(claim, key)}
    events = [{"at": line.at, "event": line.event, "facts": line.body or {}} for line in lines]
    return _plain(told | {"events": events})


def _plain(value: dict[str, Any]) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(json.dumps(value, default=lambda one: one.isoformat()))
    return plain
