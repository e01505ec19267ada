"""`kulanz law`: the dated tables that the calculators read."""

import os
from collections.abc import Sequence
from pathlib import Path

import click
from sqlalchemy.exc import DBAPIError

from gateway.command_line import AS_JSON, OperatorContext, Row, tell
from gateway.core import clock
from gateway.core.db import WORKER_ROLE, Database
from gateway.core.errors import Unavailable
from gateway.law import imports, store
from gateway.law.kinds import KINDS
from gateway.law.tables import Row as LawRow
from gateway.law.tables import Tables, shipped
from gateway.merchants.audit import SYSTEM

DATABASE = "DATABASE_URL"


def imported_tables(operator: OperatorContext) -> Tables:
    """Shipped and imported rows, from the database that is named, or else from the operator's own."""
    if url := os.environ.get(DATABASE):
        database = Database(url, role=WORKER_ROLE, pool_size=1)
        try:
            with database.transaction(None) as session:
                return store.load(session)
        except DBAPIError as error:
            raise Unavailable(
                f"the imported rows cannot be read; {DATABASE} names no database that is up to date"
            ) from error
        finally:
            database.engine.dispose()
    with operator.services.db.transaction(None) as session:
        return store.load(session)


@click.group("law")
def law() -> None:
    """The dated tables of the law: rates, fees, terms."""


@law.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Say what would be new; change nothing.")
@AS_JSON
@click.pass_obj
def import_command(operator: OperatorContext, file: Path, *, dry_run: bool, as_json: bool) -> None:
    """Import rows from a CSV file: table,key,valid_from,valid_to,value,source,certainty.

    A row that is there already is passed over. One faulty line, and nothing is changed.

    \b
    Example: kulanz law import rates-2027.csv --dry-run
    """
    if file.stat().st_size > imports.MAX_BYTES:
        raise imports.BadLawFile(f"the file is larger than {imports.MAX_BYTES} bytes")
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise imports.BadLawFile("the file is not UTF-8") from error
    with operator.services.db.transaction(None) as session:
        rows = imports.parse(text, store.load(session)) if dry_run else store.add(session, text, SYSTEM, clock.now())
    _tell(rows, as_json=as_json)


@law.command("show")
@click.argument("table", required=False)
@click.option("--shipped", "only_shipped", is_flag=True, help="Those of this release; needs no database.")
@AS_JSON
@click.pass_obj
def show(operator: OperatorContext, table: str | None, *, only_shipped: bool, as_json: bool) -> None:
    """List the tables with their last days, or the rows of TABLE.

    \b
    Example: kulanz law show base-rate
    """
    tables = shipped() if only_shipped else imported_tables(operator)
    if table is None:
        tell(_summary(tables), as_json=as_json)
        return
    if table not in KINDS:
        raise imports.TableUnknown(f"there are {', '.join(KINDS)}")
    _tell([row for row in tables.rows if row.table == table], as_json=as_json)


def _summary(tables: Tables) -> list[Row]:
    return [
        {
            "table": table,
            "key": key,
            "rows": len(tables.run(table, key)),
            "from": tables.run(table, key)[0].valid_from,
            "to": tables.run(table, key)[-1].valid_to,
            "about": KINDS[table].about,
        }
        for table, key in tables.names()
    ]


def _tell(rows: Sequence[LawRow], *, as_json: bool) -> None:
    names = ("table", "key", "valid_from", "valid_to", "value", "certainty", "source")
    tell([{name: getattr(row, name) for name in names} for row in rows], as_json=as_json)
