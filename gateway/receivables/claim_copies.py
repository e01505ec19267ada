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
from gateway.receivables import listing, objections
from gateway.receivables.contacts import contact_of
from gateway.receivables.letter_models import Letter, LetterClaim
from gateway.receivables.models import Claim
from gateway.receivables.objections import Wanted
from gateway.shops import buyers

MOST_EVENTS = 500
_OF_LETTERS = ("kind", "channel", "state", "day", "deadline", "sent_at")
_OF_OBJECTIONS = ("category", "channel", "state", "raised_at", "amount_minor", "credit_minor", "decided_at", "finding")


def rows_of(session: Session, buyer_id: UUID, most: int) -> Sequence[Claim]:
    """His claims, the newest first."""
    mine = Claim.merchant_id == merchant_of(session), Claim.buyer_id == buyer_id
    return session.scalars(select(Claim).where(*mine).order_by(Claim.id.desc()).limit(most)).all()


def copy_of(session: Session, keyring: Keyring, claim: Claim) -> dict[str, Any]:
    """One claim with its payments, holds, letters, objections, the address kept for it, and what happened."""
    key = buyers.find_key(session, keyring, claim.buyer_id)
    lines = history.lines(session, claim.id, key, limit=MOST_EVENTS)
    told = listing.summary(claim) | {"payments": listing.payments(session, claim.id)}
    told |= {"holds": listing.holds(session, claim.id), "contact": contact_of(claim, key)}
    told |= {"letters": _letters(session, claim.id), "objections": _objections(session, keyring, claim.id)}
    events = [{"at": line.at, "event": line.event, "facts": line.body or {}} for line in lines]
    return _plain(told | {"events": events})


def _letters(session: Session, claim_id: UUID) -> list[dict[str, Any]]:
    """What was written to him about it; the letters themselves are among his documents."""
    at_letter = (Letter.merchant_id == LetterClaim.merchant_id) & (Letter.id == LetterClaim.letter_id)
    mine = LetterClaim.merchant_id == merchant_of(session), LetterClaim.claim_id == claim_id
    columns: dict[str, Any] = {name: getattr(Letter, name) for name in _OF_LETTERS}
    wanted = select(LetterClaim.total_minor, *columns.values()).join_from(LetterClaim, Letter, at_letter).where(*mine)
    return [dict(row._mapping) for row in session.execute(wanted.order_by(Letter.id).limit(MOST_EVENTS))]  # noqa: SLF001 - SQLAlchemy's public name


def _objections(session: Session, keyring: Keyring, claim_id: UUID) -> list[dict[str, Any]]:
    """What he disputed, what he was answered, and what was thought of it (an opinion about him is data of his)."""
    rows = objections.list_objections(session, Wanted(state="", claim_ids=(claim_id,)), objections.MAX_PAGE)
    return [
        {name: getattr(one.row, name) for name in _OF_OBJECTIONS}
        | {"words": one.words, "answer": one.answer, "grounds": one.grounds}
        for one in objections.views(session, keyring, rows)
    ]


def _plain(value: dict[str, Any]) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(json.dumps(value, default=lambda one: one.isoformat()))
    return plain
