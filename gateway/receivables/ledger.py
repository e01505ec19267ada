"""The ledger of claims in the database: read as the fold needs it, added to, never changed."""

import json
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import BigInteger, Table, func, select
from sqlalchemy import cast as sql_cast
from sqlalchemy.orm import Session

from gateway.core.bulk import among
from gateway.core.db import merchant_of
from gateway.receivables.booking import Booked, Posting
from gateway.receivables.models import LedgerEntry, LedgerLine

_ENTRIES, _LINES = (cast("Table", model.__table__) for model in (LedgerEntry, LedgerLine))
_encoded = json.JSONEncoder(ensure_ascii=False).encode


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
    mine = entry.merchant_id == merchant_id, among(entry.claim_id, claim_ids)
    return wanted.where(*mine).order_by(entry.claim_id, entry.seq)


def post(session: Session, entries: Sequence[tuple[UUID, Booked]], now: datetime) -> None:
    """Add entries (claim id, entry) with their lines in one statement; the database refuses what does not balance."""
    if not entries:
        return
    columns = zip(*(_entry_row(claim_id, booked) for claim_id, booked in entries), strict=True)
    lines = [(booked.id, *line) for _, booked in entries for line in booked.posting.lines.items()]
    names = ("ids", "claims", "seqs", "kinds", "days", "causes", "reverses", "counts", "workings")
    told = dict(zip(names, map(list, columns), strict=True))
    told |= dict(zip(("entries", "accounts", "amounts"), map(list, zip(*lines, strict=True)), strict=True))
    session.flush()
    session.connection().exec_driver_sql(_POST, {"merchant": merchant_of(session), "now": now, **told})


def _entry_row(claim_id: UUID, booked: Booked) -> tuple[Any, ...]:
    posting = booked.posting
    working = _encoded(dict(posting.working)) if posting.working else None
    told = (posting.kind, posting.value_date, posting.cause, posting.reverses, len(posting.lines), working)
    return booked.id, claim_id, booked.seq, *told


_POST = """
    WITH entry AS (
        INSERT INTO ledger_entry (merchant_id, id, claim_id, seq, kind, value_date, cause, reverses, line_count,
                                  working, booked_at)
        SELECT %(merchant)s, e.id, e.claim_id, e.seq, e.kind, e.value_date, e.cause, e.reverses, e.line_count,
               CAST(e.working AS jsonb), %(now)s
        FROM unnest(%(ids)b::uuid[], %(claims)b::uuid[], %(seqs)b::integer[], %(kinds)b::text[],
                    %(days)b::date[], %(causes)b::text[], %(reverses)b::uuid[],
                    %(counts)b::smallint[], %(workings)b::text[])
             AS e (id, claim_id, seq, kind, value_date, cause, reverses, line_count, working))
    INSERT INTO ledger_line (merchant_id, entry_id, account, amount_minor)
    SELECT %(merchant)s, l.entry_id, l.account, l.amount_minor
    FROM unnest(%(entries)b::uuid[], %(accounts)b::text[], %(amounts)b::bigint[])
         AS l (entry_id, account, amount_minor)
    """
"""One statement, so that no check can fall between an entry and its lines."""


def sums(session: Session, claim_ids: Collection[UUID]) -> dict[UUID, dict[str, int]]:
    """What the lines of each claim add up to, account by account."""
    total = sql_cast(func.sum(_LINES.c.amount_minor), BigInteger)
    at_entry = (_LINES.c.merchant_id == _ENTRIES.c.merchant_id) & (_LINES.c.entry_id == _ENTRIES.c.id)
    mine = _ENTRIES.c.merchant_id == merchant_of(session), among(_ENTRIES.c.claim_id, claim_ids)
    wanted = select(_ENTRIES.c.claim_id, _LINES.c.account, total).join_from(_ENTRIES, _LINES, at_entry).where(*mine)
    found: dict[UUID, dict[str, int]] = {claim_id: {} for claim_id in claim_ids}
    for claim_id, account, amount_minor in session.execute(wanted.group_by(_ENTRIES.c.claim_id, _LINES.c.account)):
        found[claim_id][account] = amount_minor
    return found
