"""The audit log at the desk: who did what, the newest first."""

from flask import render_template
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from gateway.admin import desk
from gateway.core.db import merchant_of
from gateway.core.http import services
from gateway.core.ids import to_public
from gateway.merchants import users
from gateway.merchants.models import UserEvent

PAGE = 100


def index() -> ResponseReturnValue:
    before = desk.cursor("act")
    with desk.transaction() as session:
        chosen = select(UserEvent).where(UserEvent.merchant_id == merchant_of(session))
        if before is not None:
            chosen = chosen.where(UserEvent.id < before)
        rows = session.scalars(chosen.order_by(UserEvent.id.desc()).limit(PAGE + 1)).all()
        people = users.list_users(session, services().keyring, with_disabled=True)
    older = to_public("act", rows[PAGE - 1].id) if len(rows) > PAGE else None
    names = {user.actor: user.name for user in people}
    return render_template("admin/log.html", events=rows[:PAGE], names=names, next_url=desk.next_url(older))
