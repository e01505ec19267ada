"""`/v1/calculations`: the calculators; `/v1/law`: the tables they read, and new rows for them."""

from collections.abc import Callable
from typing import Any

import orjson
from flask import Response, g
from marshmallow import Schema, fields, validate

from gateway.core import clock
from gateway.core.fields import Strict, YesNo
from gateway.core.http import Blueprint, answer, services
from gateway.law import imports, store
from gateway.law.catalogue import CALCULATORS, Calculator
from gateway.law.kinds import KINDS
from gateway.law.tables import Row, Tables

calculations = Blueprint(
    "calculations",
    __name__,
    url_prefix="/v1/calculations",
    description="Calculators over dated tables of the law: interest, default, fees, terms. They store nothing.",
)
blueprint = Blueprint(
    "law", __name__, url_prefix="/v1/law", description="The dated tables of the law, and new rows for them."
)


MOST_ROWS = 5000
"""Of one table in one answer; at two rows a year and key it takes long to get there."""


class LawRowSchema(Schema):
    """One value of one table and when it holds."""

    table = fields.String(required=True)
    key = fields.String(required=True)
    valid_from = fields.Date(required=True)
    valid_to = fields.Date(required=True, allow_none=True)
    value = fields.String(required=True)
    source = fields.String(required=True)
    certainty = fields.String(required=True)


class LawTableSchema(Schema):
    """Rows of a table, the oldest first, and the version of all tables together."""

    version = fields.String(required=True)
    items = fields.List(fields.Nested(LawRowSchema), required=True)


class ImportSchema(Strict):
    """Rows as CSV with the columns table, key, valid_from, valid_to, value, source, certainty."""

    csv = fields.String(required=True, validate=validate.Length(min=1, max=200_000))
    dry_run = YesNo(load_default=False)


class ImportedSchema(Schema):
    """The rows that were new."""

    items = fields.List(fields.Nested(LawRowSchema), required=True)


def _tables() -> Tables:
    """The tables in force, read in a transaction of no tenant: the law is the same for all."""
    with services().db.transaction(None) as session:
        return store.load(session)


def _route(name: str, calculator: Calculator) -> None:
    """One documented operation for each calculator."""

    def calculate(given: dict[str, Any]) -> Response:
        return answer(orjson.dumps(calculator.run(given, _tables(), clock.now().date())))

    calculate.__name__ = name.replace("-", "_")
    calculate.__doc__ = calculator.about
    view: Callable[..., Any] = calculations.response(200, calculator.answer)(calculate)
    view = calculations.arguments(calculator.schema, example=dict(calculator.example))(view)
    calculations.post(f"/{name}")(view)


for _name, _calculator in CALCULATORS.items():
    _route(_name, _calculator)


@blueprint.get("/tables/<table>")
@blueprint.response(200, LawTableSchema())
@blueprint.alt_response(404, description="`table-unknown`: there is no table of this name")
def read_table(table: str) -> dict[str, Any]:
    """Read a table: every row with its days, source and certainty."""
    if table not in KINDS:
        raise imports.TableUnknown(f"there are {', '.join(KINDS)}")
    tables = _tables()
    rows = [row for row in tables.rows if row.table == table]
    return {"version": tables.version, "items": [_row(row) for row in rows[:MOST_ROWS]]}


@blueprint.post("/rows")
@blueprint.arguments(ImportSchema())
@blueprint.response(200, ImportedSchema())
def import_rows(given: dict[str, Any]) -> dict[str, Any]:
    """Import rows for the whole installation.

    The scope `law:write` is given out by the operator's command only. A row that is there already is passed over; one
    faulty line, and nothing is changed.
    """
    with services().db.transaction(None) as session:
        if given["dry_run"]:
            rows = imports.parse(given["csv"], store.load(session))
        else:
            rows = list(store.add(session, given["csv"], g.principal.actor, clock.now()))
    return {"items": [_row(row) for row in rows]}


def _row(row: Row) -> dict[str, Any]:
    names = ("table", "key", "valid_from", "valid_to", "value", "source", "certainty")
    return {name: getattr(row, name) for name in names}
