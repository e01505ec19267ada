"""The page "why not invoice?": what was decided and why, and the rights of whoever it was decided about."""

from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError, validate_csrf
from wtforms.validators import ValidationError

from gateway.checkout import explanations, links
from gateway.core import clock
from gateway.core.errors import BadRequest, GatewayError, NotFound, TooMany
from gateway.core.http import services
from gateway.core.ids import to_public
from gateway.core.limits import Limit, network_of
from gateway.core.pages import language, say
from gateway.portal import acts, visit
from gateway.portal.forms import CorrectionForm, DoorForm, PersonForm, PlainForm, SureForm
from gateway.portal.visit import Visit
from gateway.privacy import copies, copy_files, rights
from gateway.privacy.rights import Kind, Wanted

blueprint = Blueprint("portal", __name__, url_prefix="/why", template_folder="templates", static_folder="static")
CALLS = Limit("why", most=60, window_s=60)
"""Pages and forms per network and minute."""
PRIVATE = {
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow, noarchive",
    "Cache-Control": "no-store",
}


class FormOutdated(BadRequest):
    """The form has expired; open the page again."""


class ProofMissing(NotFound):
    """This page opens with the postcode or e-mail address of the order."""


def guard() -> None:
    """Anybody, not too fast; forms carry their proof. The link itself is proven by the view."""
    if request.endpoint == "portal.static":
        return
    CALLS.take(services().cache, network_of(request.remote_addr), clock.now().timestamp())
    if request.method == "POST":
        try:  # not CSRFProtect.protect: over https that asks for a referrer, which these pages never send
            validate_csrf(request.form.get("csrf_token"))
        except (ValidationError, CSRFError):
            raise FormOutdated from None


@blueprint.after_request
def keep_private(response: Response) -> Response:
    """The address of these pages is a secret: no referrer, no index, no cache."""
    if request.endpoint != "portal.static":
        response.headers.update(PRIVATE)
    return response


@blueprint.get("/<token>")
def show(token: str) -> ResponseReturnValue:
    seen = visit.of(token)
    return _page(seen) if seen.open else _door(seen, DoorForm(formdata=None))


@blueprint.post("/<token>")
def open_page(token: str) -> ResponseReturnValue:
    """The second fact."""
    seen, form = visit.of(token), DoorForm()
    if not form.validate():
        return _door(seen, form), 422
    try:
        proven = visit.prove(seen, form.fact.data)
    except TooMany as many:
        minutes = 1 + int(many.facts["retry_after_s"]) // 60
        form.fact.errors = [say("Too many tries. Please wait %(minutes)s minutes and try again.", minutes=minutes)]
        return _door(seen, form), 429, {"Retry-After": str(many.facts["retry_after_s"])}
    if not proven.proof:
        form.fact.errors = [say("This does not match your order. Please check what you typed.")]
        if seen.first is not None:
            form.fact.errors.append(acts.first_order())
        return _door(seen, form), 422
    return redirect(url_for("portal.show", token=token))


@blueprint.post("/<token>/leave")
def leave(token: str) -> ResponseReturnValue:
    visit.leave()
    return redirect(url_for("portal.show", token=token))


@blueprint.post("/<token>/ask/<kind>")
def ask(token: str, kind: str) -> ResponseReturnValue:
    """One request. The page tells what came of it."""
    seen = _proven(token)
    form = _FORMS[kind]() if kind in _FORMS else None
    if form is None or seen.link.use != links.EXPLANATION:
        raise NotFound
    if not form.validate():
        return _page(seen, {kind: form}), 422
    try:
        told = acts.ACTS[kind](seen, form)
    except GatewayError as error:
        flash(acts.sentence(error), "warn")
        return redirect(url_for("portal.show", token=token, _anchor="messages"))
    flash(told, "good")
    return redirect(url_for("portal.show", token=token, _anchor="messages"))


@blueprint.get("/<token>/copy")
def download(token: str) -> ResponseReturnValue:
    """The copy that was asked for, made now: only by the link that went to the buyer's own mailbox."""
    seen, keyring = _proven(token), services().keyring
    if seen.link.use != links.COPY or seen.buyer_id is None:
        raise NotFound
    with services().db.transaction(seen.link.merchant_id) as opened:
        made = copies.copy_of(opened, keyring, seen.buyer_id, language(), clock.now())
        files = copies.documents_of(opened, keyring, seen.buyer_id)
    content = copy_files.as_zip(made, files)
    headers = {"Content-Disposition": 'attachment; filename="data.zip"'}
    return Response(content, 200, headers, content_type="application/zip")


_FORMS: dict[str, type[Any]] = {
    "person": PersonForm,
    "correction": CorrectionForm,
    "objection": PlainForm,
    "objection-end": PlainForm,
    "access": PlainForm,
    "erasure": SureForm,
}


def _proven(token: str) -> Visit:
    seen = visit.of(token)
    if not seen.proof:
        raise ProofMissing
    return seen


def _door(seen: Visit, form: DoorForm) -> str:
    postcode, email = visit.facts_asked(seen)
    return render_template("portal/door.html", visit=seen, form=form, can_open=postcode or email)


def _page(seen: Visit, forms: dict[str, Any] | None = None) -> str:
    if seen.link.use == links.COPY:
        return render_template("portal/copy.html", visit=seen, form=PlainForm(formdata=None))
    with services().db.transaction(seen.link.merchant_id) as opened:
        told = explanations.explanation(opened, seen.known.row, language())
        asked = _asked(opened, seen)
        state = acts.state_of(opened, seen)
        settings = rights.settings_of(opened, seen.shop.id)
    made = {name: form(formdata=None) for name, form in _FORMS.items()} | {
        "correction": CorrectionForm(formdata=None, data=acts.known_values(seen.known.told))
    }
    return render_template(
        "portal/why.html",
        visit=seen,
        row=seen.known.row,
        told=told,
        asked=asked,
        state=state,
        settings=settings,
        strongest=_strongest(told),
        forms=made | (forms or {}),
        opened=next(iter(forms or {}), ""),
    )


def _strongest(told: dict[str, Any]) -> list[dict[str, Any]]:
    """The few facts that weighed most, by rank."""
    ranked = (fact for group in told["groups"] for fact in group["facts"] if fact["rank"])
    return sorted(ranked, key=lambda fact: int(fact["rank"]))[:4]


def _asked(opened: Any, seen: Visit) -> list[rights.Opened]:
    """What he has asked for by this link, the newest first; other decisions have pages of their own."""
    if seen.buyer_id is None:
        return []
    rows = rights.list_requests(opened, Wanted(state=None, decision_id=seen.known.row.id), 20)
    return [rights.opened(opened, services().keyring, row) for row in rows if row.asked_by == "buyer"]


@blueprint.errorhandler(GatewayError)
def told_as_page(error: GatewayError) -> ResponseReturnValue:
    retry = {"Retry-After": str(error.facts["retry_after_s"])} if "retry_after_s" in error.facts else {}
    return render_template("portal/problem.html", error=error, text=acts.sentence(error)), error.status, retry


@blueprint.context_processor
def everywhere() -> dict[str, Any]:
    return {"public": to_public, "kinds": Kind, "present": acts}
