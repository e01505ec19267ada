"""The tables in force: those of the release and what was imported since, read once per set of rows."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from uuid import UUID

import structlog
from sqlalchemy import Text, cast, func, select
from sqlalchemy.orm import Session

from gateway.core import turns
from gateway.law.imports import parse
from gateway.law.models import LawRow
from gateway.law.tables import BadRows, Row, Tables, shipped

log = structlog.get_logger(__name__)
_IMPORT = UUID(int=0)


def load(session: Session) -> Tables:
    """Shipped and imported rows together. One small query; the tables are built anew only when rows came.

    Rows are only ever added, so their number and the newest id name the set.
    """
    number, newest = session.execute(select(func.count(), func.max(cast(LawRow.id, Text))).select_from(LawRow)).one()
    if not number:
        return shipped()
    if (kept := _KEPT.get((number, newest))) is None:
        _KEPT.clear()
        kept = _KEPT[number, newest] = _merged(_imported(session))
    return kept


_KEPT: dict[tuple[int, str], Tables] = {}
"""The newest set of this process."""


def _merged(rows: Sequence[Row]) -> Tables:
    """Where a release ships another value than was imported, the release is right, and the log says so."""
    tables = shipped()
    with suppress(BadRows):
        return tables.with_rows(rows)
    for row in sorted(rows, key=lambda row: (row.table, row.key, row.valid_from)):
        try:
            tables = tables.with_rows([row])
        except BadRows:
            log.warning("imported row contradicts the release", table=row.table, key=row.key, day=str(row.valid_from))
    return tables


def _imported(session: Session) -> tuple[Row, ...]:
    found = session.scalars(select(LawRow).order_by(LawRow.id))
    return tuple(
        Row(one.table_name, one.key, one.valid_from, one.valid_to, one.value, one.source, one.certainty)
        for one in found
    )


def add(session: Session, text: str, by: str, now: datetime) -> Sequence[Row]:
    """Take over the rows of a CSV text that are new; those already there are passed over. Raises BadLawFile.

    Two imports wait for each other, so that each is checked against what the other left.
    """
    turns.take(session, "law.import", _IMPORT)
    rows = parse(text, load(session))
    for row in rows:
        session.add(
            LawRow(
                table_name=row.table,
                key=row.key,
                valid_from=row.valid_from,
                valid_to=row.valid_to,
                value=row.value,
                source=row.source,
                certainty=row.certainty,
                imported_by=by,
                created_at=now,
            )
        )
    session.flush()
    return rows
