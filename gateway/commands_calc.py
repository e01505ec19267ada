"""`kulanz calc`: the calculators. Nothing here loads a server's parts, so that an answer is there at once."""

import json
import os
import sys
from typing import Any

import click

from gateway.command_table import resolve
from gateway.core import clock
from gateway.core.errors import BadRequest, GatewayError, Invalid
from gateway.core.strict_json import MAX_BODY_BYTES, decode_json
from gateway.law.catalogue import CALCULATORS, calculate
from gateway.law.tables import Tables, shipped

DATABASE = "DATABASE_URL"
IMPORTED = "gateway.commands_law:imported_tables"
"""Loaded only where the database is asked."""
NAMES = ", ".join(CALCULATORS)


@click.command(
    "calc", help=f"Read one JSON object on standard input, print the answer as JSON.\n\nNAME is one of {NAMES}."
)
@click.argument("name")
@click.option(
    "--imported/--shipped",
    default=None,
    help=f"With the rows imported into the database, or those of this release only; default: imported if {DATABASE} is set.",
)
@click.pass_obj
def calc(operator: object, name: str, *, imported: bool | None) -> None:
    try:
        answer = calculate(name, _given(), _tables(operator, imported=imported), clock.now().date())
    except GatewayError as error:
        click.echo(json.dumps(problem(error), ensure_ascii=False, default=str))
        sys.exit(2)
    click.echo(json.dumps(answer, ensure_ascii=False))


def problem(error: GatewayError) -> dict[str, Any]:
    """The error as the API tells it, without an address."""
    detail = {"detail": error.detail} if error.detail else {}
    return {"code": error.code, "title": error.title, "status": error.status, **detail, **error.facts}


def _given() -> Any:
    """What stands on standard input. Raises Invalid."""
    raw = sys.stdin.buffer.read(MAX_BODY_BYTES + 1)
    if len(raw) > MAX_BODY_BYTES:
        raise Invalid(f"the input is larger than {MAX_BODY_BYTES} bytes")
    try:
        return decode_json(raw)
    except BadRequest as error:
        raise Invalid(error.detail or error.title) from error


def _tables(operator: object, *, imported: bool | None) -> Tables:
    """An answer needs no server: the database is read where it is named, or where it is asked for."""
    if imported is False or (imported is None and not os.environ.get(DATABASE)):
        return shipped()
    tables: Tables = resolve(IMPORTED)(operator)
    return tables
