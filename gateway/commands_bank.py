"""`kulanz bank`: bank files taken by hand or from a watched folder, statements and what is missing between them."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from gateway.command_line import AS_JSON, MERCHANT, Desk, OperatorContext, of_merchant, open_desk, tell
from gateway.core import clock
from gateway.core.errors import GatewayError
from gateway.core.ids import to_public
from gateway.merchants import audit
from gateway.payments import bank, bank_files, bank_mappings
from gateway.payments.bank import Arrival, Taken
from gateway.payments.bank_files import MAX_BYTES
from gateway.payments.bank_listing import Page, gap_view, list_statements

SETTLED_S = 5.0
"""A file younger than this may still be being written."""
AT_ONCE = 200
"""Files of one look into the folder; the rest wait for the next."""
TEST = click.option("--test", is_flag=True, help="Into the books of the test shops.")


@click.group("bank")
def bank_group() -> None:
    """Bank statements: take files, watch a folder, list."""


@bank_group.command("take")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@TEST
@MERCHANT
@AS_JSON
@click.pass_obj
def take_command(
    operator: OperatorContext, files: tuple[Path, ...], merchant: str, *, test: bool, as_json: bool
) -> None:
    """Take bank files: camt.052/053/054, pain.002, MT940, CSV. The same file again changes nothing.

    \b
    Example: kulanz bank take statement.xml
    """
    rows = [{"file": file.name, **_row(_take(operator, merchant, file, live=not test))} for file in files]
    tell(rows, as_json=as_json)


@bank_group.command("watch")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--every", default=60, show_default=True, type=click.IntRange(1), help="Seconds between two looks.")
@click.option("--once", is_flag=True, help="Look once and end.")
@TEST
@MERCHANT
@click.pass_obj
def watch_command(
    operator: OperatorContext, folder: Path, merchant: str, *, every: int, once: bool, test: bool
) -> None:
    """Take every file that appears in a folder, until it is stopped.

    What was taken is moved to `taken`, what cannot be read to `refused`, with the reason beside it.

    \b
    Example: kulanz bank watch /srv/bank --every 300
    """
    while True:
        for line in look(operator, merchant, folder, live=not test):
            click.echo(line)
        if once:
            return
        time.sleep(every)


def look(operator: OperatorContext, merchant: str, folder: Path, *, live: bool) -> list[str]:
    """Take the files that lie in the folder now; what became of each, as a line without content."""
    return [_try(operator, merchant, file, live=live) for file in waiting(folder, time.time())]


def _try(operator: OperatorContext, merchant: str, file: Path, *, live: bool) -> str:
    """A file that may not be read or moved, or is gone again, keeps no other one waiting; the next look tries it again."""
    try:
        return _move(operator, merchant, file, live=live)
    except OSError as error:
        return f"{file.name}: {error.strerror or type(error).__name__}; tried again at the next look"


def waiting(folder: Path, now_s: float) -> list[Path]:
    """Files that are complete, the oldest first: not hidden, and not touched for some seconds."""
    named = [file for file in folder.iterdir() if not file.name.startswith(".")]
    ages = sorted((changed, file) for file in named if (changed := _changed(file)) is not None)
    return [file for changed, file in ages if changed <= now_s - SETTLED_S][:AT_ONCE]


def _changed(file: Path) -> float | None:
    """When it was last written to; None for what is no file, or was taken away meanwhile."""
    try:
        return file.stat().st_mtime if file.is_file() else None
    except OSError:
        return None


def _move(operator: OperatorContext, merchant: str, file: Path, *, live: bool) -> str:
    try:
        taken = _take(operator, merchant, file, live=live)
    except GatewayError as error:
        if error.status >= 500:
            raise
        kept = _put(file, "refused")
        kept.with_name(f"{kept.name}.reason.txt").write_text(f"{error.code}: {error.detail or error.title}\n")
        return f"{file.name}: {error.code}"
    _put(file, "taken")
    return f"{file.name}: {taken.new_entries} new of {taken.entries}" + (
        f", {len(taken.gaps)} gaps" if taken.gaps else ""
    )


def _put(file: Path, name: str) -> Path:
    """Move a file into a folder beside it, under a name that is free there."""
    target = file.parent / name
    target.mkdir(exist_ok=True)
    place, number = target / file.name, 0
    while place.exists():
        number += 1
        place = target / f"{file.stem}-{number}{file.suffix}"
    return file.rename(place)


def _take(operator: OperatorContext, merchant: str, file: Path, *, live: bool) -> Taken:
    """Read outside the transaction, store inside."""
    with file.open("rb") as opened:
        content = opened.read(MAX_BYTES + 1)
    with open_desk(operator, merchant) as desk:
        mappings = bank_mappings.own(desk.session)
    contents = bank_files.read(content, mappings)
    with open_desk(operator, merchant) as desk:
        arrival = Arrival(content, "folder", live, audit.SYSTEM)
        return bank.take(desk.session, desk.keyring, contents, arrival, clock.now())


def _row(taken: Taken) -> dict[str, Any]:
    return {
        "id": to_public("bfl", taken.file_id),
        "format": taken.format,
        "entries": taken.entries,
        "new": taken.new_entries,
        "repeated": taken.repeated,
        "gaps": len(taken.gaps),
    }


@bank_group.command("statements")
@TEST
@of_merchant
def statements_command(desk: Desk, *, test: bool) -> Sequence[dict[str, Any]]:
    """List the newest hundred statements.

    \b
    Example: kulanz bank statements
    """
    names = (
        "id",
        "format",
        "account",
        "sequence",
        "from_on",
        "to_on",
        "currency",
        "opening_minor",
        "closing_minor",
        "entries",
    )
    found = list_statements(desk.session, desk.keyring, Page(limit=100), live=not test)["statements"]
    return [{name: one[name] for name in names} for one in found]


@bank_group.command("gaps")
@TEST
@of_merchant
def gaps_command(desk: Desk, *, test: bool) -> Sequence[dict[str, Any]]:
    """List what is missing between statements.

    \b
    Example: kulanz bank gaps
    """
    return [gap_view(gap) for gap in bank.find_gaps(desk.session, live=not test)]
