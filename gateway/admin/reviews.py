"""Reviews at the desk: what buyers ask for and what policies want looked at, each with the decision beside it."""

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

from flask import current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from gateway.admin import desk
from gateway.admin.forms import AnswerForm
from gateway.checkout import api, explanations
from gateway.checkout.explain_api import link_of, url_of
from gateway.core import clock
from gateway.core.errors import GatewayError, Invalid
from gateway.core.http import services
from gateway.core.ids import to_public
from gateway.core.pages import language, say
from gateway.merchants import secrets, users
from gateway.privacy import answers, reviews, rights
from gateway.privacy.answers import Clerk
from gateway.privacy.reviews import Verdict
from gateway.privacy.rights import State, Wanted
from gateway.shops import shops

PAGE = 100


def index() -> ResponseReturnValue:
    """Open requests by deadline and decisions that wait for a person; with `?state=answered` those that have ended."""
    state = State.ANSWERED if request.args.get("state") == State.ANSWERED else State.OPEN
    before = desk.cursor("rig") if state is State.ANSWERED else None
    with desk.transaction() as session:
        rows = rights.list_requests(session, Wanted(state=state, before=before), PAGE)
        waiting = reviews.waiting(session, clock.now()) if state is State.OPEN else []
        names = {shop.id: shop.name for shop in shops.list_shops(session)}
    older = to_public("rig", rows[-1].id) if state is State.ANSWERED and len(rows) == PAGE else None
    shown = {"rows": rows, "waiting": waiting, "shops": names, "state": state, "now": clock.now()}
    return render_template("admin/reviews.html", **shown, next_url=desk.next_url(older))


def open_count() -> int:
    """For the menu; counted up to 100."""
    with desk.transaction() as session:
        return rights.count_open(session)


def show(request_id: str) -> ResponseReturnValue:
    return _page(desk.id_of("rig", request_id), AnswerForm(formdata=None))


def take_up(decision_id: str) -> ResponseReturnValue:
    """A decision becomes a request; one that already is leads to it."""
    id_, keyring = desk.id_of("dec", decision_id), services().keyring
    with desk.transaction() as session:
        known = rights.list_requests(session, Wanted(decision_id=id_), 1)
        row = known[0] if known else reviews.take_up(session, keyring, id_, desk.who().user.actor, clock.now())
    return redirect(url_for("admin.review", request_id=to_public("rig", row.id)))


def answer(request_id: str) -> ResponseReturnValue:
    """What a clerk may decide."""
    return _end(request_id, _BY_CLERK)


def erase(request_id: str) -> ResponseReturnValue:
    """Erasing a buyer is for admins."""
    return _end(request_id, {"erased": lambda clerk, id_, form: answers.erase(clerk, id_, form.text.data)})


Ending = Callable[[Clerk, UUID, AnswerForm], object]


def _review(grant: str) -> Ending:
    def end(clerk: Clerk, id_: UUID, form: AnswerForm) -> object:
        verdict = Verdict(grant, form.text.data, clerk.actor, form.days.data or 14)
        return reviews.decide(clerk.session, clerk.services.keyring, id_, verdict, clerk.now)

    return end


def _sent(clerk: Clerk, id_: UUID, form: AnswerForm) -> object:
    row = rights.locked(clerk.session, id_)
    return clerk.end(row, "sent", form.text.data, clerk.reach(row))


_BY_CLERK: dict[str, Ending] = {
    "upheld": _review(""),
    "granted-once": _review(reviews.ONCE),
    "granted-list": _review(reviews.LIST),
    "corrected": lambda clerk, id_, form: answers.correct(clerk, id_, form.text.data),
    "noted": lambda clerk, id_, form: answers.note_objection(clerk, id_, form.text.data),
    "sent": _sent,
    "refused": lambda clerk, id_, form: answers.refuse(clerk, id_, form.text.data),
}


def _end(request_id: str, endings: dict[str, Ending]) -> ResponseReturnValue:
    id_, form = desk.id_of("rig", request_id), AnswerForm()
    ending = endings.get(request.form.get("act", ""))
    if ending is None or not form.validate():
        return _page(id_, form), 422
    objects = current_app.extensions["kulanz.objections"]
    try:
        with desk.transaction() as session:
            ending(Clerk(session, services(), desk.who().user.actor, clock.now(), objects), id_, form)
    except Invalid as fault:
        desk.put_faults(form, fault)
        return _page(id_, form), 422
    except GatewayError as error:
        return _page(id_, form, refused=error), error.status
    desk.done(say("The answer is given. The buyer is written to where his address is known."))
    return redirect(url_for("admin.review", request_id=request_id))


def _page(id_: UUID, form: AnswerForm, refused: GatewayError | None = None) -> str:
    with desk.transaction() as session:
        opened = rights.get(session, services().keyring, id_)
        shop = shops.get(session, opened.row.shop_id)
        if not form.is_submitted():
            form.days.data = rights.settings_of(session, shop.id).grant_days
        people = users.list_users(session, services().keyring, with_disabled=True)
        beside = _beside(session, opened.row.decision_id)
        kept = _kept(session, opened.row)
    return render_template(
        "admin/review.html",
        opened=opened,
        row=opened.row,
        shop=shop,
        form=form,
        refused=refused,
        names={user.actor: user.name for user in people},
        now=clock.now(),
        kept=kept,
        **beside,
    )


def _beside(session: Session, decision_id: UUID | None) -> dict[str, Any]:
    """The decision as it was answered, its explanation as the buyer reads it, and his link."""
    if decision_id is None:
        return {"decision": None, "told": None, "answered": None, "explained": None, "link": ""}
    known = explanations.get(session, services().keyring, decision_id)
    columns = {column.name: getattr(known.row, column.name) for column in known.row.__table__.columns}
    link = link_of(known)
    usable = not known.erased and link.until > clock.now()
    index_key = secrets.get_key(session, services().keyring, "index")
    return {
        "decision": known.row,
        "told": known.told,
        "answered": api.answer(columns, json.loads(known.row.record), language()),
        "explained": explanations.explanation(session, known.row, language()),
        "link": url_of(services(), index_key, link) if usable else "",
    }


def _kept(session: Session, row: rights.RightsRequest) -> GatewayError | None:
    if row.kind != rights.Kind.ERASURE or row.buyer_id is None or row.state != State.OPEN:
        return None
    objects = current_app.extensions["kulanz.objections"]
    return answers.why_kept(Clerk(session, services(), "", clock.now(), objects), row.buyer_id)
