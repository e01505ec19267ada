"""Objections, plans and feedback at the desk."""

from datetime import timedelta
from uuid import UUID

from flask import Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from gateway.admin import desk, present
from gateway.admin.forms import ObjectionForm
from gateway.core import clock
from gateway.core.clock import local_date
from gateway.core.errors import GatewayError, Invalid
from gateway.core.http import services
from gateway.core.ids import to_public
from gateway.core.money import written_minor
from gateway.core.pages import TIMEZONE, say
from gateway.receivables import debtor_acts, debtor_words, objections, plans
from gateway.receivables.objections import Verdict

PAGE = 50
FEEDBACK_DAYS = 365


def index() -> ResponseReturnValue:
    """Open ones by the day the answer is due; with `?state=ended` those that have ended."""
    ended = request.args.get("state") == "ended"
    with desk.transaction() as session:
        if ended:
            rows = objections.list_ended(session, desk.cursor("obj"), PAGE)
        else:
            rows = objections.list_objections(session, objections.Wanted(), PAGE)
        seen = objections.views(session, services().keyring, rows)
    older = to_public("obj", rows[-1].id) if ended and len(rows) == PAGE else None
    today = local_date(clock.now(), TIMEZONE)
    return render_template("admin/objections.html", seen=seen, ended=ended, today=today, next_url=desk.next_url(older))


def open_count() -> int:
    with desk.transaction() as session:
        return objections.count_open(session)


def show(objection_id: str) -> ResponseReturnValue:
    return _page(desk.id_of("obj", objection_id), ObjectionForm(formdata=None))


def answer(objection_id: str) -> ResponseReturnValue:
    """Accept or reject, with grounds."""
    id_, form = desk.id_of("obj", objection_id), ObjectionForm()
    outcome = request.form.get("act", "")
    if outcome not in ("accepted", "rejected") or not form.validate():
        return _page(id_, form), 422
    try:
        with desk.transaction() as session:
            currency = objections.get(session, services().keyring, id_).claim.currency
            verdict = _verdict(form, outcome, currency)
            objections.decide(session, services().keyring, id_, verdict, clock.now())
    except Invalid as fault:
        desk.put_faults(form, fault, {"credit_minor": "credit"})
        return _page(id_, form), 422
    except GatewayError as error:
        flash(present.sentence(error), "warn")
        return redirect(url_for("admin.objection", objection_id=objection_id))
    desk.done(say("The answer is given, and the debtor is written to."))
    return redirect(url_for("admin.objection", objection_id=objection_id))


def file(objection_id: str, document_id: str) -> ResponseReturnValue:
    """What the debtor sent as proof, as an attachment."""
    id_, wanted = desk.id_of("obj", objection_id), desk.id_of("doc", document_id)
    with desk.transaction() as session:
        document, name, content = objections.file_of(session, services().keyring, id_, wanted)
    sent = Response(content, content_type=document.media_type)
    sent.headers.set("Content-Disposition", "attachment", filename=name)
    sent.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return sent


def plan_list() -> ResponseReturnValue:
    """Running plans, the newest first; with `?state=ended` the others."""
    ended = request.args.get("state") == "ended"
    with desk.transaction() as session:
        rows = plans.list_plans(session, alive=not ended, before=desk.cursor("pln"), limit=PAGE)
    older = to_public("pln", rows[-1].row.id) if len(rows) == PAGE else None
    return render_template("admin/plans.html", rows=rows, ended=ended, next_url=desk.next_url(older))


def plan(plan_id: str) -> ResponseReturnValue:
    with desk.transaction() as session:
        seen = plans.get(session, desk.id_of("pln", plan_id))
    return render_template("admin/plan.html", plan=seen)


def revoke_links(buyer_id: str) -> ResponseReturnValue:
    """Every link that this debtor has got ends; his next letter brings a new one."""
    id_ = desk.id_of("buy", buyer_id)
    with desk.transaction() as session:
        debtor_acts.revoke_links(session, id_, desk.who().user.actor, clock.now())
        desk.note(session, "debtor-links.revoked", "buyer", id_)
    desk.done(say("The debtor's links have ended. His next letter brings a new one."))
    return redirect(url_for("admin.objections"))


def feedback() -> ResponseReturnValue:
    """What debtors think of how they are dunned, of the last year."""
    with desk.transaction() as session:
        since = clock.now() - timedelta(days=FEEDBACK_DAYS)
        summed = debtor_words.summary(session, services().keyring, since)
    return render_template("admin/feedback.html", summed=summed)


def _verdict(form: ObjectionForm, outcome: str, currency: str) -> Verdict:
    text = (form.credit.data or "").strip()
    credit_minor = written_minor(text, currency) if text and outcome == "accepted" else None
    if text and outcome == "accepted" and credit_minor is None:
        raise Invalid.at("/credit", "is an amount such as 12.50")
    return Verdict(outcome, form.answer.data, form.finding.data, form.grounds.data, desk.who().user.actor, credit_minor)


def _page(id_: UUID, form: ObjectionForm) -> str:
    with desk.transaction() as session:
        seen = objections.get(session, services().keyring, id_)
    return render_template("admin/objection.html", seen=seen, row=seen.row, form=form)
