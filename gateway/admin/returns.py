"""Returns at the desk: what is to come back and by when, and what became of it."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.admin import desk, present
from gateway.admin.forms import ReturnForm
from gateway.core import clock
from gateway.core.clock import local_date
from gateway.core.db import merchant_of
from gateway.core.errors import GatewayError, Invalid
from gateway.core.http import services
from gateway.core.ids import new_id, to_public
from gateway.core.money import written_minor
from gateway.core.pages import TIMEZONE, say
from gateway.returns.lifecycle import LIFECYCLE, ReturnAct, ReturnState
from gateway.returns.models import OrderReturn
from gateway.returns.returns import Returns, ReturnUnknown, Told
from gateway.shops import shops
from gateway.shops.models import Order

PAGE = 50
ACTS = (ReturnAct.RECEIVE, ReturnAct.SETTLE, ReturnAct.ACCEPT, ReturnAct.REFUSE, ReturnAct.CANCEL)


def index() -> ResponseReturnValue:
    """The newest first, of one state or of all."""
    state = request.args.get("state", "")
    mine = [OrderReturn.amount_minor > 0]
    mine += [OrderReturn.state == state] if state in set(ReturnState) else []
    if (before := desk.cursor("ret")) is not None:
        mine.append(OrderReturn.id < before)
    with desk.transaction() as session:
        wanted = select(OrderReturn, Order.reference).join(Order, Order.id == OrderReturn.order_id)
        own = OrderReturn.merchant_id == merchant_of(session), Order.merchant_id == merchant_of(session)
        rows = session.execute(wanted.where(*own, *mine).order_by(OrderReturn.id.desc()).limit(PAGE)).all()
    older = to_public("ret", rows[-1][0].id) if len(rows) == PAGE else None
    today, states = local_date(clock.now(), TIMEZONE), list(ReturnState)
    shown = {"rows": rows, "today": today, "states": states, "state": state, "next_url": desk.next_url(older)}
    return render_template("admin/returns.html", **shown)


def show(return_id: str) -> ResponseReturnValue:
    with desk.transaction() as session:
        mine, row = _found(session, return_id)
        acts, words = mine.history(row), mine.words(row)
        order = session.get(Order, (row.merchant_id, row.order_id))
        shop_id = to_public("shp", row.shop_id)
    state = ReturnState(row.state)
    allowed = [act for act in ACTS if LIFECYCLE.allows(state, act) and _makes_sense(row, act)]
    told = {"acts": acts, "words": words, "order": order, "shop_id": shop_id, "allowed": allowed}
    return render_template("admin/return.html", row=row, form=ReturnForm(formdata=None), **told)


def act(return_id: str) -> ResponseReturnValue:
    """Receive, settle, accept, refuse or cancel, with the reason."""
    form, wanted = ReturnForm(), request.form.get("act", "")
    try:
        if wanted not in ACTS or not form.validate():
            raise ReturnUnknown
        with desk.transaction() as session:
            mine, row = _found(session, return_id)
            text = (form.amount.data or "").strip()
            amount_minor = written_minor(text, row.currency) if text else None
            if text and not amount_minor:
                raise Invalid.at("/amount", "is an amount such as 12.50")
            reason, now = form.reason.data or "", clock.now()
            who = desk.who().user.actor
            mine.tell(row.id, Told(ReturnAct(wanted), f"desk:{new_id()}", now, who, amount_minor, reason), now)
            desk.note(session, f"return.{wanted}", "return", row.id)
    except GatewayError as error:
        flash(present.sentence(error), "warn")
        return redirect(url_for("admin.return_", return_id=return_id))
    desk.done(say("The return is brought up to date."))
    return redirect(url_for("admin.return_", return_id=return_id))


def _makes_sense(row: OrderReturn, act: ReturnAct) -> bool:
    if row.source == "order":
        return False
    if act == ReturnAct.ACCEPT:
        return row.decide
    if act == ReturnAct.RECEIVE:
        return row.received_minor < row.amount_minor
    return act == ReturnAct.SETTLE or row.kind != "withdrawal" or row.decide


def _found(session: Session, public: str) -> tuple[Returns, OrderReturn]:
    row = session.get(OrderReturn, (merchant_of(session), desk.id_of("ret", public)))
    if row is None:
        raise ReturnUnknown
    return Returns(session, services().keyring, shops.get(session, row.shop_id)), row
