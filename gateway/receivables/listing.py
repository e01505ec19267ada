"""Claims read: a page without what is sealed, one with statement, holds and payments, its history."""

from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from gateway.core import history
from gateway.core.db import merchant_of
from gateway.core.errors import Invalid
from gateway.core.ids import from_public, to_public
from gateway.law import store
from gateway.receivables.claims import ClaimUnknown, get
from gateway.receivables.days import today
from gateway.receivables.keys import Keys
from gateway.receivables.models import Claim, ClaimHold, ClaimPayment
from gateway.receivables.statement import Line, Statement, statement
from gateway.shops import buyers

CURSOR = "cur"
MOST = 500
"""Holds and payments shown of one claim."""
_COPIED = (
    "kind",
    "state",
    "live",
    "reference",
    "invoice_number",
    "currency",
    "country",
    "debtor",
    "due_date",
    "allocation",
    "default_from",
    "level",
    "principal_minor",
    "costs_minor",
    "interest_minor",
    "credit_minor",
    "opened_at",
    "updated_at",
    "closed_at",
)
SETTLED = ("SETTLED", "WRITTEN_OFF", "SOLD")


@dataclass(frozen=True, slots=True)
class ClaimsPage:
    """Which claims: opened before the one that `cursor` stands for; None or empty does not narrow."""

    cursor: str = ""
    limit: int = 50
    state: str = ""
    buyer_id: str = ""
    shop_id: UUID | None = None
    overdue: bool | None = None


def list_claims(session: Session, page: ClaimsPage, now: datetime) -> dict[str, Any]:
    """Rows, the newest first, and the cursor of the next page. Raises Invalid for a foreign cursor or id."""
    chosen = select(Claim).where(Claim.merchant_id == merchant_of(session), *_narrowed(page, now))
    if page.cursor:
        chosen = chosen.where(Claim.id < _id("cursor", CURSOR, page.cursor))
    rows = list(session.scalars(chosen.order_by(Claim.id.desc()).limit(page.limit + 1)))
    shown = rows[: page.limit]
    return {
        "claims": [summary(row) for row in shown],
        "next_cursor": to_public(CURSOR, shown[-1].id) if len(rows) > len(shown) else None,
    }


def _narrowed(page: ClaimsPage, now: datetime) -> list[ColumnElement[bool]]:
    chosen: list[ColumnElement[bool]] = []
    if page.shop_id:
        chosen.append(Claim.shop_id == page.shop_id)
    if page.state:
        chosen.append(Claim.state == page.state)
    if page.buyer_id:
        chosen.append(Claim.buyer_id == _id("buyer_id", "buy", page.buyer_id))
    if page.overdue is not None:
        late = Claim.due_date < today("DE", now)
        chosen += [late if page.overdue else ~late, Claim.state.not_in(SETTLED)]
    return chosen


def _id(name: str, prefix: str, public: str) -> UUID:
    found = from_public(prefix, public)
    if found is None:
        raise Invalid.at(f"/{name}", "is not one of these")
    return found


def summary(row: Claim) -> dict[str, Any]:
    """What may be shown of a claim without a key."""
    return {
        **{name: getattr(row, name) for name in _COPIED},
        "id": to_public("clm", row.id),
        "buyer_id": to_public("buy", row.buyer_id),
        "order_id": to_public("ord", row.order_id) if row.order_id else None,
        "owed_minor": row.principal_minor + row.costs_minor + row.interest_minor,
    }


def read(session: Session, claim_id: UUID, as_of: date) -> dict[str, Any]:
    """A claim with its statement, holds and payments. Raises ClaimUnknown."""
    found = statement(session, claim_id, as_of, store.load(session))
    return {
        **summary(get(session, claim_id)),
        "statement": statement_view(found),
        "holds": holds(session, claim_id),
        "payments": payments(session, claim_id),
    }


def in_shop(session: Session, public: str, shop_id: UUID) -> Claim:
    """A claim of this shop. Raises ClaimUnknown."""
    claim = get(session, from_public("clm", public))
    if claim.shop_id != shop_id:
        raise ClaimUnknown
    return claim


def statement_view(found: Statement) -> dict[str, Any]:
    """As JSON shows it."""
    names = [field.name for field in fields(Statement) if field.name != "lines"]
    told = {name: getattr(found, name) for name in names}
    return told | {"total_minor": found.total_minor, "lines": [_line(line) for line in found.lines]}


def _line(line: Line) -> dict[str, Any]:
    told = {field.name: getattr(line, field.name) for field in fields(Line)}
    return told | {
        "entry_id": to_public("ent", line.entry_id) if line.entry_id else None,
        "working": list(line.working),
    }


def holds(session: Session, claim_id: UUID) -> list[dict[str, Any]]:
    mine = ClaimHold.merchant_id == merchant_of(session), ClaimHold.claim_id == claim_id
    rows = session.scalars(
        select(ClaimHold).where(*mine, ClaimHold.lifted_at.is_(None)).order_by(ClaimHold.id).limit(MOST)
    )
    names = ("reason", "from_on", "until_on", "amount_minor")
    return [{"id": to_public("hld", row.id), **{name: getattr(row, name) for name in names}} for row in rows]


def payments(session: Session, claim_id: UUID) -> list[dict[str, Any]]:
    mine = ClaimPayment.merchant_id == merchant_of(session), ClaimPayment.claim_id == claim_id
    rows = session.scalars(
        select(ClaimPayment).where(*mine).order_by(ClaimPayment.paid_on, ClaimPayment.id).limit(MOST)
    )
    names = ("source", "external_id", "paid_on", "amount_minor", "reversed_at")
    return [{"id": to_public("cpm", row.id), **{name: getattr(row, name) for name in names}} for row in rows]


def timeline(session: Session, keys: Keys, claim: Claim, after_seq: int, limit: int) -> dict[str, Any]:
    """What happened to a claim, in order; without facts once the buyer is erased."""
    key = buyers.find_key(session, keys.keyring, claim.buyer_id)
    found = history.lines(session, claim.id, key, after_seq=after_seq, limit=limit + 1)
    shown = found[:limit]
    return {
        "events": [
            {"seq": one.seq, "event": one.event, "actor": one.actor, "at": one.at, "facts": one.body or {}}
            for one in shown
        ],
        "next_after": shown[-1].seq if len(found) > len(shown) else None,
    }
