"""`kulanz bureau`: the credit bureaus a merchant has connected, what they are asked, and what that costs."""

import json
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import click

from gateway import question_file
from gateway.command_line import AS_JSON, MERCHANT, Desk, OperatorContext, Row, of_merchant, open_desk, tell
from gateway.core import clock
from gateway.core.errors import Invalid
from gateway.core.ids import new_id, to_public
from gateway.core.money import Money
from gateway.demo import sandbox
from gateway.merchants import audit
from gateway.risk import bureau_records, bureaus
from gateway.risk.bureau import Inquiry, Person, Proof
from gateway.risk.bureau_call import Caller
from gateway.risk.bureau_document import compile_document
from gateway.risk.bureau_json import request_body
from gateway.risk.bureaus import Book, Chosen, Connected, NewBureau

SANDBOX = "sandbox"


@click.group()
def bureau() -> None:
    """Credit bureaus: connected, tried out, and their cost."""


@bureau.command("add")
@click.argument("name")
@click.argument("file", required=False)
@click.option("--adapter", default="json", show_default=True, help="json, sandbox, or one that was installed.")
@click.option("--live/--test", default=True, show_default=True, help="Asked for live shops, or for test shops.")
@click.option(
    "--secret-file",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True),
    help="Token, password, key or PEM; - for standard input.",
)
@of_merchant
def add_bureau(desk: Desk, *, name: str, file: str | None, adapter: str, live: bool, secret_file: str | None) -> Row:
    """Connect the bureau NAME as FILE (JSON or YAML) describes it; the same name again is a new version of it.

    \b
    Example: kulanz bureau add boniversum examples/bureau.yaml --secret-file token.txt
    Example: kulanz bureau add sandbox --adapter sandbox --test
    """
    body = question_file.read(file, sys.stdin.buffer) if file else {}
    if not isinstance(body, dict):
        raise Invalid.at("/", "is not an object")
    new = NewBureau(name, adapter, live, body, _secret(secret_file))
    made = Book.of(desk.services).connect(desk.session, new, audit.SYSTEM, clock.now())
    desk.note("bureau.connected", "bureau", made.id, name=name, version=made.version, adapter=adapter)
    return _row(made)


@bureau.command("list")
@of_merchant
def list_of_bureaus(desk: Desk) -> list[Row]:
    """List the bureaus that are connected; of those that fit, the first by name is asked.

    \b
    Example: kulanz bureau list
    """
    return [_row(each) for each in bureaus.list_bureaus(desk.session)]


@bureau.command("show")
@click.argument("name")
@of_merchant
def show_bureau(desk: Desk, *, name: str) -> Row:
    """Show the configuration of a bureau and its versions; the secret is not shown.

    \b
    Example: kulanz bureau show boniversum
    """
    found = bureaus.get(desk.session, name)
    versions = [
        f"{each.version} ({each.created_at:%Y-%m-%d} by {each.author}{', removed' if each.removed else ''})"
        for each in bureaus.history(desk.session, name)
    ]
    return {**_row(found), "versions": versions, "configuration": json.dumps(found.body, ensure_ascii=False)}


@bureau.command("remove")
@click.argument("name")
@of_merchant
def remove_bureau(desk: Desk, *, name: str) -> Row:
    """Ask a bureau no more and destroy its secret; what was asked and paid stays on record.

    \b
    Example: kulanz bureau remove boniversum
    """
    id_ = bureaus.get(desk.session, name).id
    bureaus.remove(desk.session, name, audit.SYSTEM, clock.now())
    desk.note("bureau.removed", "bureau", id_, name=name)
    return {"bureau": name, "removed": True}


@bureau.command("cost")
@of_merchant
def cost_of_bureaus(desk: Desk) -> list[Row]:
    """Show what each bureau cost, month by month; calls that never came back count as paid.

    \b
    Example: kulanz bureau cost
    """
    return [
        {
            "month": f"{each.month:%Y-%m}",
            "bureau": each.bureau,
            "calls": each.calls,
            "cost": f"{Money(each.cost_minor, each.currency).decimal()} {each.currency}",
            "scored": each.scored,
            "no_hit": each.no_hit,
            "failed": each.failed,
            "lost": each.lost,
        }
        for each in bureau_records.months(desk.session, clock.now())
    ]


@bureau.command("calls")
@click.argument("name")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 500))
@of_merchant
def list_of_calls(desk: Desk, *, name: str, limit: int) -> list[Row]:
    """List the newest calls of a bureau; one without an outcome is under way or was lost in a crash.

    \b
    Example: kulanz bureau calls sandbox --limit 5
    """
    if not bureaus.history(desk.session, name, 1):
        raise bureaus.BureauUnknown
    return [
        {
            "id": to_public("brq", request.id),
            "decision": to_public("dec", request.decision_id),
            "asked": request.asked_at,
            "outcome": result.outcome if result else None,
            "detail": result.detail if result else None,
            "took_ms": result.took_ms if result else None,
        }
        for request, result in bureau_records.calls(desk.session, name, limit)
    ]


@bureau.command("test")
@click.argument("name")
@click.option("--first-name", default="Erika")
@click.option("--last-name", default="Mustermann")
@click.option("--company", default="")
@click.option("--street", default="Heidestraße 17")
@click.option("--postcode", default="51147")
@click.option("--city", default="Köln")
@click.option("--country", default="DE", show_default=True)
@click.option("--birth-date", type=click.DateTime(["%Y-%m-%d"]), default=None)
@click.option("--deadline-ms", default=3000, show_default=True, type=click.IntRange(200, 5000))
@click.option("--dry-run", is_flag=True, help="Print what would be sent, and send nothing.")
@MERCHANT
@AS_JSON
@click.pass_obj
def try_bureau(operator: OperatorContext, /, name: str, merchant: str, *, as_json: bool, **told: Any) -> None:
    """Ask a bureau about an invented person and print what it made of it. A live bureau may charge for it.

    \b
    Example: kulanz bureau test sandbox --last-name Score420
    Example: kulanz bureau test boniversum --dry-run
    """
    deadline_ms, dry_run, birth_date = told.pop("deadline_ms"), told.pop("dry_run"), told.pop("birth_date")
    told["birth_date"] = birth_date.date().isoformat() if birth_date else ""
    with open_desk(operator, merchant) as desk:
        book = Book.of(desk.services)
        chosen = book.configured(desk.session, name)
    inquiry = _inquiry(Person(line1=told.pop("street"), **told))
    tell(_would_send(chosen, inquiry) if dry_run else _asked(book, chosen, inquiry, deadline_ms), as_json=as_json)


@bureau.command(SANDBOX)
@click.option("--port", default=8010, show_default=True, type=click.IntRange(1, 65535))
def run_sandbox(*, port: int) -> None:
    """Run the scripted bureau in the foreground, for installations that `kulanz run` did not start.

    \b
    Example: KULANZ_SANDBOX_URL=http://127.0.0.1:8010 kulanz bureau sandbox
    """
    sandbox.serve(port)


def _secret(path: str | None) -> bytes:
    if path is None:
        return b""
    raw = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    return raw.strip()


def _row(found: Connected) -> dict[str, Any]:
    return {
        "name": found.name,
        "version": found.version,
        "adapter": found.adapter,
        "for": "live shops" if found.live else "test shops",
        "since": found.created_at,
        "by": found.author,
    }


def _inquiry(person: Person) -> Inquiry:
    proof = Proof("consent", "operator-test", clock.now())
    return Inquiry(to_public("brq", new_id()), person, proof, 10_000, "EUR")


def _would_send(chosen: Chosen, inquiry: Inquiry) -> Row:
    """The body by the mapping; only adapters that are configured by one can tell."""
    if chosen.configured.adapter == SANDBOX:
        raise Invalid.at("/dry_run", "the sandbox has no mapping to show")
    mapping = compile_document(chosen.configured.body)
    return {"url": mapping.url, "auth": mapping.auth["kind"], "body": request_body(mapping, inquiry).decode()}


def _asked(book: Book, chosen: Chosen, inquiry: Inquiry, deadline_ms: int) -> Row:
    """With no transaction open, as at a checkout."""
    ask = partial(book.adapters[chosen.configured.adapter].ask, chosen.configured, inquiry)
    began = time.monotonic()
    answer = Caller().call(ask, deadline_ms / 1000)
    took_ms = round(1000 * (time.monotonic() - began))
    return {"outcome": answer.outcome, "score": answer.score, "detail": answer.detail, "took_ms": took_ms}
