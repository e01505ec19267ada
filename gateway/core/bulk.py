"""Many rows in one statement: each column travels as one array, which takes a fraction of the time of a statement a row.

In binary form, since as text every quote of a JSON document is escaped on the way. PostgreSQL refuses COPY under
row-level security.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Column, ColumnElement, Table, any_, literal
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from gateway.core.db import merchant_of

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]
_encoded = json.JSONEncoder(ensure_ascii=False).encode


def among(column: Any, ids: Collection[UUID]) -> ColumnElement[bool]:
    """`column` is one of these: one parameter and one prepared statement, however many they are."""
    found: ColumnElement[bool] = column == any_(literal(list(ids), ARRAY(column.type)))
    return found


def insert(session: Session, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows that all name the columns of the first, all of them or none."""
    if rows:
        names = tuple(rows[0])
        session.flush()
        session.connection().exec_driver_sql(_inserting(table, names), _arrays(table, names, rows))


def update(session: Session, table: Table, names: tuple[str, ...], rows: Sequence[Mapping[str, Any]]) -> None:
    """Set these columns of the tenant's rows, each found by its `id`."""
    if rows:
        told = _arrays(table, ("id", *names), rows)
        session.connection().exec_driver_sql(_updating(table, names), (*told, merchant_of(session)))


def _arrays(table: Table, names: tuple[str, ...], rows: Sequence[Mapping[str, Any]]) -> tuple[list[Any], ...]:
    return tuple(_array(table.c[name], [row[name] for row in rows]) for name in names)


def _array(column: Column[Any], values: list[Any]) -> list[Any]:
    if not isinstance(column.type, JSONB):
        return values
    return [None if value is None else _encoded(value) for value in values]


@cache
def _inserting(table: Table, names: tuple[str, ...]) -> str:
    columns = ", ".join(names)
    return f"INSERT INTO {table.name} ({columns}) SELECT {_selected(table, names)} FROM {_unnested(table, names)}"  # noqa: S608 - names of our own tables


@cache
def _updating(table: Table, names: tuple[str, ...]) -> str:
    told = ", ".join(f"{name} = {_value(table.c[name])}" for name in names)
    source = _unnested(table, ("id", *names))
    return f"UPDATE {table.name} AS old SET {told} FROM {source} WHERE old.merchant_id = %s AND old.id = n.id"  # noqa: S608 - names of our own tables


def _selected(table: Table, names: tuple[str, ...]) -> str:
    return ", ".join(_value(table.c[name]) for name in names)


def _value(column: Column[Any]) -> str:
    return f"n.{column.name}::jsonb" if isinstance(column.type, JSONB) else f"n.{column.name}"


def _unnested(table: Table, names: tuple[str, ...]) -> str:
    arrays = ", ".join(f"%b::{_kind(table.c[name])}[]" for name in names)
    return f"unnest({arrays}) AS n ({', '.join(names)})"


def _kind(column: Column[Any]) -> str:
    return "text" if isinstance(column.type, JSONB) else column.type.compile(dialect=_DIALECT)
