"""A merchant's own mappings of CSV exports: saved when they are valid, used before ours."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from gateway.core.db import merchant_of
from gateway.core.errors import Invalid, NotFound, Refused
from gateway.core.ids import new_id
from gateway.payments import bank_csv
from gateway.payments.bank_csv import BankMapping
from gateway.payments.bank_models import BankMappingRow

MOST = 50
LARGEST = 20_000


class MappingUnknown(NotFound):
    """There is no such mapping of a CSV export."""


class TooManyMappings(Refused):
    """A merchant has at most 50 mappings of his own."""


def save(session: Session, name: str, document: Mapping[str, Any], now: datetime) -> None:
    """Save a mapping under its name, in place of one saved before. Raises MappingInvalid and TooManyMappings."""
    bank_csv.mapping(name, document)
    if len(orjson.dumps(document)) > LARGEST:
        raise Invalid.at("/document", f"has at most {LARGEST} bytes")
    merchant_id = merchant_of(session)
    others = BankMappingRow.merchant_id == merchant_id, BankMappingRow.name != name
    if (session.scalar(select(func.count()).select_from(BankMappingRow).where(*others)) or 0) >= MOST:
        raise TooManyMappings
    row = insert(BankMappingRow).values(
        merchant_id=merchant_id, id=new_id(), name=name, document=dict(document), saved_at=now
    )
    again = {"document": dict(document), "saved_at": now}
    session.execute(row.on_conflict_do_update(index_elements=["merchant_id", "name"], set_=again))


def remove(session: Session, name: str) -> None:
    """Raises MappingUnknown."""
    mine = BankMappingRow.merchant_id == merchant_of(session), BankMappingRow.name == name
    if session.scalar(delete(BankMappingRow).where(*mine).returning(BankMappingRow.id)) is None:
        raise MappingUnknown


def list_documents(session: Session) -> list[tuple[str, dict[str, Any]]]:
    """Name and document of each, in order of names."""
    mine = select(BankMappingRow).where(BankMappingRow.merchant_id == merchant_of(session))
    return [(row.name, row.document) for row in session.scalars(mine.order_by(BankMappingRow.name).limit(MOST))]


def own(session: Session) -> list[BankMapping]:
    """As the reader takes them."""
    return [bank_csv.mapping(name, document) for name, document in list_documents(session)]
