"""Rotation of master keys: every wrapped data key is wrapped anew under the current one, batch by batch."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Table, and_, case, func, select, update
from sqlalchemy.orm import Session

from gateway.core.crypto import Keyring
from gateway.core.db import merchant_of

BATCH = 500


@dataclass(frozen=True, slots=True)
class WrappedColumn:
    """Where wrapped keys stand. Erasure sets the column to NULL or removes the row."""

    table: Table
    column: str
    context: Callable[[Any], str]
    """The context a row's key was wrapped with, from the row."""

    @property
    def tenant(self) -> bool:
        """Whether rows belong to merchants and are visited one merchant at a time."""
        return "merchant_id" in self.table.c


def rewrap_batch(session: Session, keyring: Keyring, wrapped: WrappedColumn, limit: int = BATCH) -> int:
    """Wrap up to `limit` keys anew and return how many were looked at; 0 means all are under the current key.

    Readers never wait: a row holds its old or its new form, and the keyring opens both. Raises `KeyUnknown` when a key was
    wrapped by a master key that is not configured, and `Tampered`; the batch must be rolled back then.
    """
    column = wrapped.table.c[wrapped.column]
    outdated = func.substring(column, 1, len(keyring.mark)) != keyring.mark
    rows = session.execute(select(wrapped.table).where(outdated, *_mine(session, wrapped)).limit(limit)).all()
    for row in rows:
        old = row._mapping[wrapped.column]  # noqa: SLF001 - SQLAlchemy's documented name for access by column name
        # Compared with what was read: a key that was erased meanwhile must not come back.
        same = and_(*(key == row._mapping[key.name] for key in wrapped.table.primary_key), column == old)  # noqa: SLF001 - as above
        session.execute(
            update(wrapped.table).where(same).values({column: keyring.rewrap(old, wrapped.context(row))}),
        )
    return len(rows)


def kids_in_use(session: Session, wrapped: WrappedColumn) -> dict[str, int]:
    """How many keys each master key has wrapped; a master key that is nowhere in use may be dropped."""
    column = wrapped.table.c[wrapped.column]
    kid = case((func.length(column) > 2, func.substring(column, 3, func.get_byte(column, 1))), else_=b"?")
    counted = select(kid, func.count()).where(column.is_not(None), *_mine(session, wrapped)).group_by(kid)
    return {name.decode("ascii", "replace"): number for name, number in session.execute(counted)}


def _mine(session: Session, wrapped: WrappedColumn) -> list[Any]:
    return [wrapped.table.c.merchant_id == merchant_of(session)] if wrapped.tenant else []
