"""Bank accounts read: statements with their gaps, entries with what is sealed, as plain values for the schemas and pages."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.core.crypto import Keyring, unseal
from gateway.core.db import merchant_of
from gateway.core.errors import Invalid
from gateway.core.ids import from_public, to_public
from gateway.merchants import secrets
from gateway.payments.bank import Taken, find_gaps, open_entry
from gateway.payments.bank_entries import Gap
from gateway.payments.bank_models import BankEntryRow, BankStatement

CURSOR = "cur"
SHOWN_GAPS = 50


@dataclass(frozen=True, slots=True)
class Page:
    """Which: those before the one that `cursor` stands for."""

    cursor: str = ""
    limit: int = 50


def list_statements(session: Session, keyring: Keyring, page: Page, *, live: bool) -> dict[str, Any]:
    """A page of statements, the newest first. Raises Invalid for a foreign cursor."""
    key = secrets.get_key(session, keyring, "data")
    mine = BankStatement.merchant_id == merchant_of(session), BankStatement.live == live
    chosen = select(BankStatement).where(*mine).order_by(BankStatement.id.desc()).limit(page.limit + 1)
    if page.cursor:
        chosen = chosen.where(BankStatement.id < _after(page.cursor))
    rows = list(session.scalars(chosen))
    shown = rows[: page.limit]
    return {
        "statements": [_statement(row, key) for row in shown],
        "gaps": [gap_view(gap) for gap in find_gaps(session, live=live)[:SHOWN_GAPS]],
        "next_cursor": to_public(CURSOR, shown[-1].id) if len(rows) > len(shown) else None,
    }


def list_entries(session: Session, keyring: Keyring, page: Page, *, live: bool) -> dict[str, Any]:
    """A page of entries that count, the newest first: those itemised since are left out. Raises Invalid."""
    key = secrets.get_key(session, keyring, "data")
    mine = BankEntryRow.merchant_id == merchant_of(session), BankEntryRow.live == live
    chosen = select(BankEntryRow).where(*mine, BankEntryRow.itemised_at.is_(None))
    if page.cursor:
        chosen = chosen.where(BankEntryRow.id < _after(page.cursor))
    rows = list(session.scalars(chosen.order_by(BankEntryRow.id.desc()).limit(page.limit + 1)))
    shown = rows[: page.limit]
    return {
        "entries": [_entry(row, key) for row in shown],
        "next_cursor": to_public(CURSOR, shown[-1].id) if len(rows) > len(shown) else None,
    }


def taken_view(taken: Taken) -> dict[str, Any]:
    """What a file brought."""
    return {
        "id": to_public("bfl", taken.file_id),
        "format": taken.format,
        "entries": taken.entries,
        "new_entries": taken.new_entries,
        "repeated": taken.repeated,
        "gaps": [gap_view(gap) for gap in taken.gaps[:SHOWN_GAPS]],
    }


def gap_view(gap: Gap) -> dict[str, Any]:
    """Between which two statements, and how much."""
    return {
        "kind": gap.kind,
        "after_sequence": gap.after.sequence,
        "after_on": gap.after.to_on,
        "before_sequence": gap.before.sequence,
        "before_on": gap.before.from_on,
        "missing_minor": gap.missing_minor,
        "currency": gap.before.currency,
    }


def _after(cursor: str) -> UUID:
    found = from_public(CURSOR, cursor)
    if found is None:
        raise Invalid.at("/cursor", "is not a cursor of this list")
    return found


def _statement(row: BankStatement, key: bytes) -> dict[str, Any]:
    names = (
        "live",
        "format",
        "reference",
        "sequence",
        "currency",
        "opening_minor",
        "closing_minor",
        "from_on",
        "to_on",
    )
    return {
        "id": to_public("bst", row.id),
        "account": unseal(key, row.account_sealed, f"bank_statement.account:{row.id}").decode(),
        "entries": row.entries,
        **{name: getattr(row, name) for name in names},
    }


def _entry(row: BankEntryRow, key: bytes) -> dict[str, Any]:
    entry = open_entry(row, key)
    names = ("amount_minor", "booked_minor", "charges_minor", "currency", "booked_on", "value_on", "status", "reversal")
    told = ("purpose", "creditor_reference", "end_to_end_id", "mandate_id", "returned", "return_code", "return_text")
    return {
        "id": to_public("ben", row.id),
        "statement_id": to_public("bst", row.statement_id),
        "direction": "in" if row.credit else "out",
        "name": entry.party.name,
        "iban": entry.party.iban,
        "ultimate_name": entry.party.ultimate,
        **{name: getattr(entry, name) for name in (*names, *told)},
    }
