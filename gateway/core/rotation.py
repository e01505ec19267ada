"""Rotation of master keys: every wrapped data key is wrapped anew under the current one, batch by batch."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from sqlalchemy import Select, Table, and_, case, func, select, tuple_, update
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
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


def rewrap_batch(
    session: Session,
    keyring: Keyring,
    wrapped: WrappedColumn,
    after: Sequence[Any] = (),
    limit: int = BATCH,
) -> list[Sequence[Any]]:
    """Wrap up to `limit` keys anew and return their rows' primary keys; go on after the last until none is left.

    Readers never wait: a row holds its old or its new form, and the keyring opens both. Raises `KeyUnknown` when a key was
    wrapped by a master key that is not configured, and `Tampered`; the batch must be rolled back then.
    """
    column, primary = wrapped.table.c[wrapped.column], tuple(wrapped.table.primary_key)
    outdated = func.substring(column, 1, len(keyring.mark)) != keyring.mark
    rest = [tuple_(*primary) > tuple_(*after)] if after else []
    batch = select(wrapped.table).where(outdated, *_mine(session, wrapped), *rest).order_by(*primary).limit(limit)
    done: list[Sequence[Any]] = []
    for row in session.execute(batch).all():
        old = getattr(row, column.key)
        done.append([getattr(row, key.key) for key in primary])
        # Compared with what was read: a key that was erased meanwhile must not come back.
        same = and_(tuple_(*primary) == tuple_(*done[-1]), column == old)
        session.execute(
            update(wrapped.table).where(same).values({column: keyring.rewrap(old, wrapped.context(row))}),
        )
    return done


def kids_in_use(session: Session, wrapped: WrappedColumn) -> dict[str, int]:
    """How many keys each master key has wrapped; a master key that is nowhere in use may be dropped."""
    counted = _counts(wrapped).where(*_mine(session, wrapped))
    return {name.decode("ascii", "replace"): number for name, number in session.execute(counted)}


def kids_everywhere(owner: psycopg.Connection, columns: Iterable[WrappedColumn]) -> list[str]:
    """Ids of the master keys that wrapped anything of any merchant, for a login that sees every row.

    Columns that this database does not have are passed by: it may be older than the program.
    """
    found: set[str] = set()
    for wrapped in columns:
        if _has(owner, wrapped):
            question = _counts(wrapped).compile(dialect=PGDialect_psycopg())  # type: ignore[no-untyped-call] # SQLAlchemy's own
            rows = owner.execute(question.string.encode(), question.params)
            found.update(row[0].decode("ascii", "replace") for row in rows)
    return sorted(found)


def _has(owner: psycopg.Connection, wrapped: WrappedColumn) -> bool:
    query = "SELECT FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attname = %s AND NOT attisdropped"
    return owner.execute(query, (wrapped.table.name, wrapped.column)).fetchone() is not None


def _counts(wrapped: WrappedColumn) -> Select[Any]:
    """The question how many keys each master key has wrapped, over all rows that whoever asks may see."""
    column = wrapped.table.c[wrapped.column]
    kid = case((func.length(column) > 2, func.substring(column, 3, func.get_byte(column, 1))), else_=b"?")
    return select(kid, func.count()).where(column.is_not(None)).group_by(kid)


def _mine(session: Session, wrapped: WrappedColumn) -> list[Any]:
    return [wrapped.table.c.merchant_id == merchant_of(session)] if wrapped.tenant else []
