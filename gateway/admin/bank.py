"""Bank accounts at the desk: statements and what is missing between them, payments, and a file uploaded by hand."""

from typing import Any

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from gateway.admin import desk
from gateway.admin.forms import BankFileForm
from gateway.core import clock
from gateway.core.errors import GatewayError
from gateway.core.http import services
from gateway.core.media import MAX_BYTES
from gateway.core.pages import say
from gateway.payments import bank, bank_files, bank_mappings
from gateway.payments.bank import Arrival
from gateway.payments.bank_files import Contents
from gateway.payments.bank_listing import Page, list_entries, list_statements
from gateway.shops import shops

PAGE = 40


def index() -> ResponseReturnValue:
    return _page(BankFileForm())


def upload() -> ResponseReturnValue:
    form = BankFileForm()
    if not form.validate():
        return _page(form), 422
    content = form.file.data.stream.read(MAX_BYTES + 1)
    try:
        contents = _read(content)
    except GatewayError as error:
        form.file.errors = [say("This file is no bank statement that can be read."), error.detail or error.title]
        return _page(form), 422
    with desk.transaction() as session:
        arrival = Arrival(content, "desk", form.mode.data == "live", desk.who().user.actor)
        taken = bank.take(session, services().keyring, contents, arrival, clock.now())
        if not taken.repeated:
            facts = {"entries": taken.entries, "new_entries": taken.new_entries, "format": taken.format}
            desk.note(session, "bank.file.taken", "bank_file", taken.file_id, **facts)
    if taken.repeated:
        desk.done(say("This file was here before; nothing was changed."))
    else:
        desk.done(
            say("The file was taken: %(new)s of %(all)s payments are new.", new=taken.new_entries, all=taken.entries)
        )
    return redirect(url_for("admin.bank", mode=form.mode.data))


def entries() -> ResponseReturnValue:
    with desk.transaction() as session:
        found = list_entries(session, services().keyring, _asked(), live=_live())
    return render_template("admin/bank_entries.html", entries=found["entries"], live=_live(), next_url=_next(found))


def _read(content: bytes) -> Contents:
    """Outside of any transaction: a large file takes seconds."""
    with desk.transaction() as session:
        mappings = bank_mappings.own(session)
    return bank_files.read(content, mappings)


def _page(form: BankFileForm) -> str:
    with desk.transaction() as session:
        found = list_statements(session, services().keyring, _asked(), live=_live())
        if not form.is_submitted() and not any(shop.live for shop in shops.list_shops(session)):
            form.mode.data = "test"
    return render_template(
        "admin/bank.html",
        form=form,
        statements=found["statements"],
        gaps=found["gaps"],
        live=_live(),
        next_url=_next(found),
    )


def _asked() -> Page:
    return Page(request.args.get("before", ""), PAGE)


def _live() -> bool:
    return request.args.get("mode", "live") != "test"


def _next(found: dict[str, Any]) -> str | None:
    return desk.next_url(found["next_cursor"])
