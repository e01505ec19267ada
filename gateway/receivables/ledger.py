"""The ledger of claims in the database: read as the fold needs it, added to, never changed."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import BigInteger, Table, func, insert, select
from sqlalchemy import cast as sql_cast
from sqlalchemy.orm import Session

from gateway.core.db import merchant_of
from gateway.receivables.booking import Booked, Posting
from gateway.receivables.models import LedgerEntry, LedgerLine

_ENTRIES, _LINES = (cast("Table", model.__table__) for model in (LedgerEntry, LedgerLine))


def load(session: Session, claim_ids: Collection[UUID]) -> dict[UUID, list[Booked]]:
    """The entries of each claim in the order they were booked, in one read."""
    found: dict[UUID, list[Booked]] = {claim_id: [] for claim_id in claim_ids}
    for row in session.execute(_reading(session, claim_ids)):
        posting = Posting(row.kind, row.value_date, row.cause, row.lines, row.working or {}, row.reverses)
        found[row.claim_id].append(Booked(row.id, row.seq, posting))
    return found


def _reading(session: Session, claim_ids: Collection[UUID]) -> Any:
    entry, merchant_id = _ENTRIES.c, merchant_of(session)
    lines = (
        select(func.jsonb_object_agg(_LINES.c.account, _LINES.c.amount_minor))
        .where(_LINES.c.merchant_id == merchant_id, _LINES.c.entry_id == entry.id)
        .scalar_subquery()
    )
    wanted = select(
        entry.claim_id,
        entry.id,
        entry.seq,
        entry.kind,
        entry.value_date,
        entry.cause,
        entry.working,
        entry.reverses,
        lines.label("lines"),
    )
    mine = entry.merchant_id == merchant_id, entry.claim_id.in_(list(claim_ids))
    return wanted.where(*mine).order_by(entry.claim_id, entry.seq)


def post(session: Session, entries: Sequence[tuple[UUID, Booked]], now: datetime) -> None:
    """Add entries (claim id, entry) with their lines; the database refuses the transaction if one does not balance."""
    if not entries:
        return
    merchant_id = merchant_of(session)
    session.execute(insert(_ENTRIES), [_entry_row(merchant_id, claim_id, booked, now) for claim_id, booked in entries])
    lines = [
        {"merchant_id": merchant_id, "entry_id": booked.id, "account": account, "amount_minor": amount_minor}
        for _, booked in entries
        for account, amount_minor in booked.posting.lines.items()
    ]
    session.execute(insert(_LINES), lines)


def _entry_row(merchant_id: UUID, claim_id: UUID, booked: Booked, now: datetime) -> dict[str, Any]:
    posting = booked.posting
    return {
        "merchant_id": merchant_id,
        "id": booked.id,
        "claim_id": claim_id,
        "seq": booked.seq,
        "kind": posting.kind,
        "value_date": posting.value_date,
        "cause": posting.cause,
        "reverses": posting.reverses,
        "line_count": len(posting.lines),
        "working": dict(posting.working) or None,
        "booked_at": now,
    }


def sums(session: Session, claim_ids: Collection[UUID]) -> dict[UUID, dict[str, int]]:
    """What the lines of each claim add up to, account by account."""
    total = sql_cast(func.sum(_LINES.c.amount_minor), BigInteger)
    at_entry = (_LINES.c.merchant_id == _ENTRIES.c.merchant_id) & (_LINES.c.entry_id == _ENTRIES.c.id)
    mine = _ENTRIES.c.merchant_id == merchant_of(session), _ENTRIES.c.claim_id.in_(list(claim_ids))
    wanted = select(_ENTRIES.c.claim_id, _LINES.c.account, total).join_from(_ENTRIES, _LINES, at_entry).where(*mine)
    found: dict[UUID, dict[str, int]] = {claim_id: {} for claim_id in claim_ids}
    for claim_id, account, amount_minor in session.execute(wanted.group_by(_ENTRIES.c.claim_id, _LINES.c.account)):
        found[claim_id][account] = amount_minor
    return found
