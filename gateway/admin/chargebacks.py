"""Chargebacks at the desk: a calendar of deadlines, and one with evidence, preview, worth and what can be done."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from flask import Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from gateway.admin import desk, present
from gateway.chargebacks import commands, pack, pdf, reasons, rows
from gateway.chargebacks.commands import By
from gateway.chargebacks.fields import Content, fields_of
from gateway.chargebacks.lifecycle import ANSWERABLE, State
from gateway.chargebacks.models import Chargeback
from gateway.core import clock
from gateway.core.clock import local_date
from gateway.core.documents import File
from gateway.core.errors import GatewayError
from gateway.core.http import services
from gateway.core.ids import to_public
from gateway.core.media import MAX_BYTES
from gateway.core.pages import TIMEZONE, say

PAGE = 50


def index() -> ResponseReturnValue:
    """Open ones by their deadline; with `?state=ended` those that have ended."""
    ended = request.args.get("state") == "ended"
    with desk.transaction() as session:
        wanted = rows.Wanted(show="ended" if ended else "open", before=desk.cursor(rows.PREFIX) if ended else None)
        found = rows.list_chargebacks(session, wanted)
    older = to_public(rows.PREFIX, found[-1].id) if ended and len(found) == PAGE else None
    shown = [(row, *_calendar(row)) for row in found]
    return render_template("admin/chargebacks.html", shown=shown, ended=ended, next_url=desk.next_url(older))


def open_count() -> int:
    with desk.transaction() as session:
        return rows.count_waiting(session)


def show(chargeback_id: str) -> ResponseReturnValue:
    id_ = desk.id_of(rows.PREFIX, chargeback_id)
    with desk.transaction() as session:
        row = rows.get(session, id_)
        content = pack.assemble(session, services().keyring, row)
        worth = pack.estimate(session, row, content)
        lines = rows.timeline(session, services().keyring, id_)
    day, left = _calendar(row)
    return render_template(
        "admin/chargeback.html",
        row=row,
        content=content,
        worth=worth,
        lines=lines,
        answer_by=day,
        left=left,
        fields=fields_of(row.provider, content, "").texts,
        answerable=row.state in ANSWERABLE,
        lost=row.state in (State.LOST, State.ACCEPTED),
        sends=commands.can_send(row.provider),
    )


def preview(chargeback_id: str) -> ResponseReturnValue:
    """The PDF as it would be handed in now."""
    made = pdf.render(_content(desk.id_of(rows.PREFIX, chargeback_id)), clock.now().date())
    return _attachment(made, "application/pdf", f"{chargeback_id}.pdf")


def file(chargeback_id: str, document_id: str) -> ResponseReturnValue:
    id_, wanted = desk.id_of(rows.PREFIX, chargeback_id), desk.id_of("doc", document_id)
    with desk.transaction() as session:
        name, kind, content = pack.file_of(session, services().keyring, rows.get(session, id_), wanted)
    return _attachment(content, kind, name)


def upload(chargeback_id: str) -> ResponseReturnValue:
    sent, piece = request.files.get("file"), request.form.get("piece", "")
    content = sent.stream.read(MAX_BYTES + 1) if sent else b""
    given = File(content, sent.mimetype if sent else "", (sent.filename if sent else "") or "evidence")

    def act(session: Session, id_: UUID, by: By) -> None:
        commands.add_file(session, services().keyring, id_, piece, given, by)

    return _act(chargeback_id, act, say("The file is kept as evidence."))


def state_words(chargeback_id: str) -> ResponseReturnValue:
    def act(session: Session, id_: UUID, by: By) -> None:
        commands.say(session, services().keyring, id_, request.form.get("statement", ""), by)

    return _act(chargeback_id, act, say("Your statement is kept."))


def submit(chargeback_id: str) -> ResponseReturnValue:
    """Assembled and rendered first, handed in then: nothing slow happens inside the transaction."""
    content = _content(desk.id_of(rows.PREFIX, chargeback_id))
    made = pdf.render(content, clock.now().date())

    def act(session: Session, id_: UUID, by: By) -> None:
        commands.submit(session, services().keyring, id_, content, made, by)

    return _act(chargeback_id, act, say("The evidence is on its way to the provider."))


def sent_myself(chargeback_id: str) -> ResponseReturnValue:
    content = _content(desk.id_of(rows.PREFIX, chargeback_id))

    def act(session: Session, id_: UUID, by: By) -> None:
        commands.sent_myself(session, services().keyring, id_, content, by)

    return _act(chargeback_id, act, say("It is noted that you have answered."))


def accept(chargeback_id: str) -> ResponseReturnValue:
    def act(session: Session, id_: UUID, by: By) -> None:
        commands.accept(session, services().keyring, id_, by)

    return _act(chargeback_id, act, say("The chargeback is given up."))


def decide_claim(chargeback_id: str) -> ResponseReturnValue:
    def act(session: Session, id_: UUID, by: By) -> None:
        decision, reason = request.form.get("act", ""), request.form.get("reason", "")
        commands.decide_claim(session, services().keyring, id_, decision, reason, by)

    return _act(chargeback_id, act, say("Your decision about the claim is kept."))


def _act(chargeback_id: str, act: Callable[[Session, UUID, By], None], done: str) -> ResponseReturnValue:
    """Do it and go back; what is refused is told on the page."""
    id_ = desk.id_of(rows.PREFIX, chargeback_id)
    try:
        with desk.transaction() as session:
            act(session, id_, By(desk.who().user.actor, clock.now()))
    except GatewayError as error:
        if error.status >= 500:
            raise
        flash(present.sentence(error), "warn")
    else:
        desk.done(done)
    return redirect(url_for("admin.chargeback", chargeback_id=chargeback_id))


def _content(id_: UUID) -> Content:
    with desk.transaction() as session:
        return pack.assemble(session, services().keyring, rows.get(session, id_))


def _calendar(row: Chargeback) -> tuple[Any, int | None]:
    """The day to answer by, and how many days are left until the deadline."""
    if row.due_at is None:
        return None, None
    due_day = local_date(row.due_at, TIMEZONE)
    return reasons.answer_by(due_day), (due_day - local_date(clock.now(), TIMEZONE)).days


def _attachment(content: bytes, kind: str, name: str) -> Response:
    sent = Response(content, content_type=kind)
    sent.headers.set("Content-Disposition", "attachment", filename=name)
    sent.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    sent.headers["X-Content-Type-Options"] = "nosniff"
    return sent
