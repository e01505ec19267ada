"""`kulanz letters`: what left and what waits, taking back and releasing, the paper of a day, who letters come from."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any
from uuid import UUID

import click

from gateway.command_line import Desk, Row, id_of, of_merchant
from gateway.core import clock
from gateway.core.db import merchant_of
from gateway.core.errors import Invalid
from gateway.merchants import audit, senders
from gateway.receivables import days, print_batches
from gateway.receivables import letters as all_letters
from gateway.receivables.keys import Keys
from gateway.receivables.letter_lifecycle import LetterState
from gateway.receivables.letter_models import Letter
from gateway.receivables.letter_view import batch_view, letter_view
from gateway.receivables.letters import Wanted

OUT = click.option(
    "--out", type=click.Path(dir_okay=False, writable=True, path_type=Path), required=True, help="A new file."
)


@click.group("letters")
def letters() -> None:
    """Letters to debtors: list, show, take back, release, print, and who they come from."""


@letters.command("list")
@click.option("--state", type=click.Choice([state.value for state in LetterState]), help="Only in this state.")
@of_merchant
def list_letters(desk: Desk, *, state: str | None) -> list[Row]:
    """List letters, the newest first.

    \b
    Example: kulanz letters list --state PARKED
    """
    wanted = Wanted(state=LetterState(state) if state else None, limit=all_letters.MAX_PAGE)
    return [_row(letter) for letter in all_letters.list_letters(desk.session, wanted)]


@letters.command("show")
@click.argument("letter_id")
@of_merchant
def show_letter(desk: Desk, *, letter_id: str) -> Row:
    """Show a letter, and why it was parked if it was.

    \b
    Example: kulanz letters show ltr_01m80jtwssevksa7y719cbahm4
    """
    letter = all_letters.get(desk.session, id_of("ltr", letter_id))
    told = letter_view(letter)
    return {**told, "findings": [f"{one['code']} {one['path']}: {one['message']}" for one in told["findings"]]}


@letters.command("pdf")
@click.argument("letter_id")
@OUT
@of_merchant
def pdf(desk: Desk, *, letter_id: str, out: Path) -> Row:
    """Write the PDF of a letter exactly as it left.

    \b
    Example: kulanz letters pdf ltr_01m80jtwssevksa7y719cbahm4 --out letter.pdf
    """
    letter = all_letters.get(desk.session, id_of("ltr", letter_id))
    return _write(out, all_letters.pdf_of(desk.session, Keys(desk.keyring), letter))


@letters.command("cancel")
@click.argument("letter_id")
@of_merchant
def cancel(desk: Desk, *, letter_id: str) -> Row:
    """Take a letter back that has not left: its step, fees and interest are undone.

    \b
    Example: kulanz letters cancel ltr_01m80jtwssevksa7y719cbahm4
    """
    id_ = id_of("ltr", letter_id)
    letter = all_letters.cancel(desk.session, Keys(desk.keyring), id_, "cancelled", clock.now())
    desk.note("letter.cancelled", "letter", id_)
    return _row(letter)


@letters.command("release")
@click.argument("letter_id")
@of_merchant
def release(desk: Desk, *, letter_id: str) -> Row:
    """End the undo window now; a parked letter is looked at again.

    \b
    Example: kulanz letters release ltr_01m80jtwssevksa7y719cbahm4
    """
    id_ = id_of("ltr", letter_id)
    letter = all_letters.release(desk.session, id_, clock.now())
    desk.note("letter.released", "letter", id_)
    return _row(letter)


@letters.command("returned")
@click.argument("letter_id")
@click.option("--why", type=click.Choice(print_batches.REASONS), default="other", show_default=True)
@of_merchant
def returned(desk: Desk, *, letter_id: str, why: str) -> Row:
    """Note that a letter came back: the step it stood for is undone.

    \b
    Example: kulanz letters returned ltr_01m80jtwssevksa7y719cbahm4 --why moved
    """
    id_ = id_of("ltr", letter_id)
    letter = print_batches.came_back(desk.session, Keys(desk.keyring), id_, why, clock.now())
    desk.note("letter.returned", "letter", id_, why=why)
    return _row(letter)


@letters.command("print")
@OUT
@of_merchant
def print_(desk: Desk, *, out: Path) -> Row:
    """Write the letters that wait for paper into a ZIP for the printer.

    \b
    Example: kulanz letters print --out today.zip
    """
    now = clock.now()
    batch = print_batches.make(desk.session, Keys(desk.keyring), days.today("DE", now), now)
    desk.note("print_batch.made", "print_batch", batch.id, letters=batch.letter_count)
    return {**batch_view(batch), **_write(out, print_batches.archive(desk.session, Keys(desk.keyring), batch))}


@letters.command("batches")
@of_merchant
def batches(desk: Desk) -> list[Row]:
    """List print batches, the newest first.

    \b
    Example: kulanz letters batches
    """
    return [batch_view(batch) for batch in print_batches.list_batches(desk.session)]


@letters.command("confirm")
@click.argument("batch_id")
@click.option("--failed", multiple=True, help="A letter that could not be sent: ltr_…=moved.")
@of_merchant
def confirm(desk: Desk, *, batch_id: str, failed: Sequence[str]) -> Row:
    """Confirm that the printer has sent a batch: its letters are dated now.

    \b
    Example: kulanz letters confirm prb_01m80jtwssevksa7y719cbahm4 --failed ltr_01m80jtwssevksa7y719cbahm5=moved
    """
    id_, told = id_of("prb", batch_id), dict(_failed(one) for one in failed)
    done = print_batches.confirm(desk.session, Keys(desk.keyring), id_, told, audit.SYSTEM, clock.now())
    desk.note("print_batch.confirmed", "print_batch", id_, **asdict(done))
    return asdict(done)


@letters.command("sender")
@click.option("--set", "changes", multiple=True, help=f"field=value; fields: {', '.join(senders.FIELDS)}.")
@of_merchant
def sender(desk: Desk, *, changes: Sequence[str]) -> Row:
    """Show who letters come from, or change it. No letter leaves before it is complete.

    \b
    Example: kulanz letters sender --set iban=DE89370400440532013000
    """
    known = senders.find(desk.session, desk.keyring)
    if not changes:
        return asdict(known or senders.get(desk.session, desk.keyring))
    pairs = dict(one.split("=", 1) for one in changes if "=" in one)
    if len(pairs) != len(changes):
        raise click.UsageError("--set wants field=value")
    told = {**(asdict(known) if known else {}), **pairs}
    try:
        saved = senders.save(desk.session, desk.keyring, told, audit.SYSTEM, clock.now())
    except Invalid as fault:
        faults = "; ".join(f"{one['path'].lstrip('/')} {one['message']}" for one in fault.facts["errors"])
        raise click.UsageError(faults) from None
    desk.note("sender.changed", "merchant", merchant_of(desk.session), fields=sorted(pairs))
    return asdict(saved)


def _failed(told: str) -> tuple[UUID, str]:
    letter_id, _, why = told.partition("=")
    if (why or "other") not in print_batches.REASONS:
        raise click.UsageError(f"a reason is one of {', '.join(print_batches.REASONS)}")
    return id_of("ltr", letter_id), why or "other"


def _write(out: Path, content: bytes) -> Row:
    if out.exists():
        raise click.UsageError(f"{out} is there already")
    out.touch(mode=0o600)
    out.write_bytes(content)
    return {"written": str(out), "bytes": len(content)}


def _row(letter: Letter) -> dict[str, Any]:
    told = letter_view(letter)
    shown = ("id", "kind", "channel", "state", "day", "deadline", "sent_at", "ended_why")
    return {name: told[name] for name in shown}
