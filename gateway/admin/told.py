"""What debtors told on their page, at the desk: proofs of payment to answer, the rest to look at."""

from uuid import UUID

from flask import Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from gateway.admin import desk
from gateway.admin.claim_forms import ProofForm, minor_of
from gateway.admin.claims import label
from gateway.core import clock
from gateway.core.errors import Invalid
from gateway.core.http import services
from gateway.core.ids import to_public
from gateway.core.pages import say
from gateway.receivables import claims, told
from gateway.receivables.told import Found


def index() -> ResponseReturnValue:
    """The oldest first."""
    return _page()


def open_count() -> int:
    with desk.transaction() as session:
        return told.count(session)


def look(hold_id: str) -> ResponseReturnValue:
    id_ = desk.id_of("hld", hold_id)
    with desk.transaction() as session:
        told.look(session, id_, desk.who().user.actor, clock.now())
        desk.note(session, "told.seen", "hold", id_)
    return redirect(url_for("admin.told"))


def answer(hold_id: str) -> ResponseReturnValue:
    """The money of a proof is there, or it is not."""
    id_, act, form = desk.id_of("hld", hold_id), request.form.get("act", ""), ProofForm(prefix=f"{hold_id}-")
    if act not in ("found", "missing") or (act == "found" and not form.validate()):
        return _page((id_, form)), 422
    try:
        _carry_out(id_, act, form)
    except Invalid as fault:
        desk.put_faults(form, fault, {"amount_minor": "amount"})
        return _page((id_, form)), 422
    done = {
        "found": say("The payment is booked, and dunning goes by what is left."),
        "missing": say("The hold is lifted, and the debtor is written to."),
    }
    desk.done(done[act])
    return redirect(url_for("admin.told"))


def file(hold_id: str, document_id: str) -> ResponseReturnValue:
    """What the debtor sent as proof, as an attachment."""
    id_, wanted = desk.id_of("hld", hold_id), desk.id_of("doc", document_id)
    with desk.transaction() as session:
        document, name, content = told.file_of(session, services().keyring, id_, wanted)
    sent = Response(content, content_type=document.media_type)
    sent.headers.set("Content-Disposition", "attachment", filename=name)
    sent.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return sent


def _carry_out(id_: UUID, act: str, form: ProofForm) -> None:
    keyring, actor, now = services().keyring, desk.who().user.actor, clock.now()
    with desk.transaction() as session:
        if act == "found":
            currency = claims.get(session, told.claim_of(session, id_)).currency
            money = Found(minor_of(form.amount.data, currency), form.paid_on.data)
            told.found(session, keyring, id_, money, actor, now)
        else:
            told.missing(session, keyring, id_, actor, now)
        desk.note(session, f"proof.{act}", "hold", id_)


def _page(faulty: tuple[UUID, ProofForm] | None = None) -> str:
    with desk.transaction() as session:
        waiting = told.list_told(session, services().keyring)
    forms = {one.id: ProofForm(formdata=None, prefix=f"{to_public('hld', one.id)}-") for one in waiting}
    if faulty is not None:
        forms[faulty[0]] = faulty[1]
    return render_template("admin/told.html", waiting=waiting, forms=forms, proof=told.PROOF, words=label)
