"""The debtor's page: what he owes and why, and every way out, without an account and without a script."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError, validate_csrf
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge
from wtforms.fields.choices import SelectChoice
from wtforms.validators import ValidationError

from gateway.core import clock, pages
from gateway.core.errors import BadRequest, GatewayError, Invalid, NotFound, TooLarge, TooMany
from gateway.core.http import services
from gateway.core.ids import from_public, to_public
from gateway.core.limits import Limit, network_of
from gateway.core.pages import say
from gateway.portal import debtor_visit, pay_online, pay_page, pay_payment, pay_steps, pay_words
from gateway.portal.debtor_visit import DebtorVisit, PayDoorClosed
from gateway.portal.pay_forms import (
    CallForm,
    ContactForm,
    DeferForm,
    FactForm,
    FeedbackForm,
    HelpForm,
    ObjectForm,
    PaidForm,
    PromiseForm,
    SimpleForm,
    SplitForm,
)
from gateway.portal.pay_page import DebtorPage
from gateway.privacy import rights
from gateway.receivables import debtor_claims, plans
from gateway.receivables.instalments import Plan

blueprint = Blueprint("pay", __name__, url_prefix="/pay", template_folder="templates")
pages.speak("pay", pay_words.LANGUAGES)
CALLS = Limit("pay", most=90, window_s=60)
"""Pages and forms per network and minute."""
PRIVATE = {
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow, noarchive",
    "Cache-Control": "no-store",
}
FORMS: Mapping[str, type[Any]] = {
    "split": SplitForm,
    "promise": PromiseForm,
    "defer": DeferForm,
    "object": ObjectForm,
    "paid": PaidForm,
    "call": CallForm,
    "contact": ContactForm,
    "help": HelpForm,
    "feedback": FeedbackForm,
}
_OF_FIELD = {"amount_minor": "amount", "first_due": "first_due", "claims": "claim"}


class PayFormOutdated(BadRequest):
    """The form has expired; open the page again."""


def guard() -> None:
    """Anybody, not too fast; forms carry their proof. The link and the second fact are proven by the view."""
    CALLS.take(services().cache, network_of(request.remote_addr), clock.now().timestamp())
    if request.method == "POST":
        try:  # not CSRFProtect.protect: over https that asks for a referrer, which these pages never send
            validate_csrf(request.form.get("csrf_token"))
        except (ValidationError, CSRFError):
            raise PayFormOutdated from None


@blueprint.after_request
def keep_private(response: Response) -> Response:
    """The address of these pages is a secret: no referrer, no index, no cache."""
    response.headers.update(PRIVATE)
    return response


@blueprint.get("/<token>")
def home(token: str) -> ResponseReturnValue:
    seen = debtor_visit.of(token)
    return _page(seen, "pay/home.html") if seen.open else _door(seen, FactForm(formdata=None))


@blueprint.post("/<token>")
def open_page(token: str) -> ResponseReturnValue:
    """The second fact."""
    seen, form = debtor_visit.of(token), FactForm()
    if not form.validate():
        return _door(seen, form), 422
    try:
        proven = debtor_visit.prove(seen, form.fact.data)
    except TooMany as many:
        minutes = 1 + int(many.facts["retry_after_s"]) // 60
        form.fact.errors = [say("Too many tries. Please wait %(minutes)s minutes and try again.", minutes=minutes)]
        return _door(seen, form, locked=True), 429, {"Retry-After": str(many.facts["retry_after_s"])}
    if len(proven.claims) == len(seen.claims):
        form.fact.errors = [say("This does not match. Please look at the letter and try again.")]
        return _door(seen, form), 422
    return redirect(url_for("pay.home", token=token))


@blueprint.post("/<token>/leave")
def leave(token: str) -> ResponseReturnValue:
    debtor_visit.leave()
    return redirect(url_for("pay.home", token=token))


@blueprint.get("/<token>/more")
def more(token: str) -> ResponseReturnValue:
    """The door again, for claims that another fact opens."""
    return _door(_proven(token), FactForm(formdata=None))


@blueprint.get("/<token>/transfer")
def transfer(token: str) -> ResponseReturnValue:
    seen = _proven(token)
    with services().db.transaction(seen.link.merchant_id) as session:
        online_ids = pay_online.can(session, seen)
    return _page(seen, "pay/transfer.html", online=online_ids)


@blueprint.post("/<token>/online/<claim_id>")
def online(token: str, claim_id: str) -> ResponseReturnValue:
    """A link to the provider's page for what is open of this claim."""
    return pay_online.shown(_proven(token), _id("clm", claim_id))


@blueprint.get("/<token>/came-back")
def came_back(token: str) -> ResponseReturnValue:
    """From the provider's page; its time may have ended meanwhile, so nothing of the debtor's is shown."""
    return pay_online.came_back(debtor_visit.of(token))


@blueprint.get("/<token>/later")
def later(token: str) -> ResponseReturnValue:
    """A promise or more time: two forms on one page."""
    return _page(_proven(token), "pay/later.html")


@blueprint.get("/<token>/<name>")
def show(token: str, name: str) -> ResponseReturnValue:
    if name not in FORMS or name in ("promise", "defer"):
        raise NotFound
    seen = _proven(token)
    if name == "split" and request.args.get("rates"):
        return _offer(seen)
    return _page(seen, f"pay/{name}.html")


@blueprint.post("/<token>/<name>")
def send(token: str, name: str) -> ResponseReturnValue:
    """One form. The main page tells what came of it."""
    seen = _proven(token)
    if name not in FORMS:
        raise NotFound
    form = _made(seen, FORMS[name]())
    if not form.validate():
        return _again(seen, name, form), 422
    try:
        told = pay_steps.STEP[name](seen, form)
    except Invalid as fault:
        _put(form, fault)
        return _again(seen, name, form), 422
    except GatewayError as error:
        flash(pay_words.sentence(error), "warn")
        return redirect(url_for("pay.home", token=token, _anchor="messages"))
    flash(told, "good")
    return redirect(url_for("pay.home", token=token, _anchor="messages"))


@blueprint.post("/<token>/objections/<objection_id>/withdraw")
def withdraw(token: str, objection_id: str) -> ResponseReturnValue:
    seen, form = _proven(token), SimpleForm()
    told = pay_steps.withdraw(seen, form, _id("obj", objection_id))
    flash(told, "good")
    return redirect(url_for("pay.home", token=token, _anchor="messages"))


@blueprint.get("/<token>/files/<document_id>")
def file(token: str, document_id: str) -> ResponseReturnValue:
    """An invoice, a proof of delivery or a letter of his, as an attachment."""
    seen, wanted = _proven(token), _id("doc", document_id)
    with services().db.transaction(seen.link.merchant_id) as session:
        if wanted not in pay_page.document_ids(session, seen):
            raise NotFound(thing="document")
        document, name, content = debtor_claims.file_of(session, services().keyring, seen.buyer_id, wanted)
    answer = Response(content, content_type=document.media_type)
    answer.headers.set("Content-Disposition", "attachment", filename=name)
    answer.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return answer


def _proven(token: str) -> DebtorVisit:
    seen = debtor_visit.of(token)
    if not seen.open:
        raise PayDoorClosed
    return seen


def _door(seen: DebtorVisit, form: FactForm, *, locked: bool = False) -> str:
    settings = _settings(seen)
    return render_template("pay/door.html", visit=seen, form=form, settings=settings, locked=locked)


def _settings(seen: DebtorVisit) -> Any:
    with services().db.transaction(seen.link.merchant_id) as session:
        return rights.settings_of(session, seen.shop.id)


def _page(
    seen: DebtorVisit, template: str, forms: dict[str, Any] | None = None, offer: Plan | None = None, **more: Any
) -> str:
    with services().db.transaction(seen.link.merchant_id) as session:
        page = pay_page.page(session, seen)
        settings = rights.settings_of(session, seen.shop.id)
    made = {name: _filled(seen, page, _made(seen, form(formdata=None))) for name, form in FORMS.items()}
    simple = SimpleForm(formdata=None).fresh()
    ways = pay_payment.ways(page)
    shown = {"page": page, "settings": settings, "forms": made | {"simple": simple} | (forms or {}), "ways": ways}
    return render_template(template, visit=seen, offer=offer, **shown, **more)


def _again(seen: DebtorVisit, name: str, form: Any) -> str:
    template = "later" if name in ("promise", "defer") else name
    return _page(seen, f"pay/{template}.html", {name: form})


def _offer(seen: DebtorVisit) -> ResponseReturnValue:
    """The plan as it would be agreed, to be read before anybody agrees."""
    form = _made(seen, SplitForm(request.args, meta={"csrf": False}))
    if not form.validate():
        return _page(seen, "pay/split.html", {"split": form}), 422
    try:
        with services().db.transaction(seen.link.merchant_id) as session:
            offer = plans.offer(session, pay_steps.wish_of(seen, form), seen.today)
    except Invalid as fault:
        _put(form, fault)
        return _page(seen, "pay/split.html", {"split": form}), 422
    agreed = SplitForm(formdata=None, data={name: form[name].data for name in ("rates", "rhythm", "first_due")})
    return _page(seen, "pay/offer.html", {"split": agreed.fresh()}, offer)


def _made(seen: DebtorVisit, form: Any) -> Any:
    """With the choices this debtor has; where there is one claim nobody is asked which."""
    if "claim" in form:
        choices = [SelectChoice(one.id.hex, pay_words.choice(one)) for one in pay_steps.objectable(seen)]
        form.claim.choices = choices
        if len(choices) < 2:
            del form.claim
    if "category" in form:
        form.category.choices = [SelectChoice(code, say(text)) for code, text in pay_words.CATEGORIES.items()]
    return form


def _filled(seen: DebtorVisit, page: DebtorPage, form: Any) -> Any:
    """Fresh, with what a sensible first answer would be where a day or sum is asked for."""
    form.fresh()
    if isinstance(form, SplitForm):
        form.rates.choices = pay_payment.rate_choices(page)
        form.first_due.data = min(_first_of_next_month(seen.today), page.last_first_due or seen.today)
    if isinstance(form, PromiseForm) and page.owed:
        form.amount.data = pay_payment.plain_amount(page.owed[0])
    return form


def _first_of_next_month(today: date) -> date:
    return date(today.year + today.month // 12, today.month % 12 + 1, 1)


def _put(form: Any, fault: Invalid) -> None:
    """Beside the field it is about."""
    for one in fault.facts.get("errors", []):
        name = str(one["path"]).strip("/")
        name = _OF_FIELD.get(name, name)
        target = (
            form[name] if name in form else next(field for field in form if field.name not in ("once", "csrf_token"))
        )
        text = str(one["message"])
        target.errors = [*target.errors, text if _is_ours(text) else pay_words.fault(name, fault)]


def _is_ours(text: str) -> bool:
    """Whether a step has already said it in the debtor's language."""
    return text[:1].isupper()


def _id(prefix: str, public: str) -> UUID:
    found = from_public(prefix, public)
    if found is None:
        raise NotFound
    return found


@blueprint.errorhandler(GatewayError)
def told_as_page(error: GatewayError) -> ResponseReturnValue:
    retry = {"Retry-After": str(error.facts["retry_after_s"])} if "retry_after_s" in error.facts else {}
    return render_template("pay/problem.html", error=error, text=pay_words.sentence(error)), error.status, retry


@blueprint.errorhandler(HTTPException)
def refused_by_flask(error: HTTPException) -> ResponseReturnValue:
    return told_as_page(TooLarge() if isinstance(error, RequestEntityTooLarge) else NotFound())


@blueprint.context_processor
def everywhere() -> dict[str, Any]:
    return {"public": to_public, "words": pay_words}
