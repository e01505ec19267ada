"""Parked messages and notices at the desk: what did not get through, and what somebody should look at."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from uuid import UUID

from flask import redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gateway.admin import desk
from gateway.admin.desk import PageUnknown
from gateway.core import channels, clock, inbox, outbox
from gateway.core.channels import Notice
from gateway.core.db import merchant_of
from gateway.core.ids import to_public
from gateway.core.inbox import InboxMessage
from gateway.core.outbox import OutboxMessage
from gateway.core.pages import say

MOST = 100
REPLAYS: Mapping[str, tuple[Callable[[Session, UUID], None], str]] = MappingProxyType(
    {"out": (outbox.replay, "outbox_message"), "in": (inbox.replay, "inbox_message")}
)


def index() -> ResponseReturnValue:
    """The oldest parked messages of both directions; when they are dealt with, the next ones show."""
    with desk.transaction() as session:
        merchant_id = merchant_of(session)
        leaving = session.scalars(
            select(OutboxMessage)
            .where(OutboxMessage.merchant_id == merchant_id, OutboxMessage.state == outbox.State.PARKED)
            .order_by(OutboxMessage.parked_at)
            .limit(MOST)
        ).all()
        coming = session.scalars(
            select(InboxMessage)
            .where(InboxMessage.merchant_id == merchant_id, InboxMessage.state == inbox.State.PARKED)
            .order_by(InboxMessage.received_at)
            .limit(MOST)
        ).all()
    return render_template("admin/messages.html", leaving=leaving, coming=coming, most=MOST)


def replay(direction: str, message_id: str) -> ResponseReturnValue:
    if direction not in REPLAYS:
        raise PageUnknown
    act, subject = REPLAYS[direction]
    id_ = desk.id_of("msg", message_id)
    with desk.transaction() as session:
        act(session, id_)
        desk.note(session, "message.replayed", subject, id_)
    desk.done(say("The message is under way again."))
    return redirect(url_for("admin.messages"))


def cancel(message_id: str) -> ResponseReturnValue:
    """A message that is to leave no more."""
    id_ = desk.id_of("msg", message_id)
    with desk.transaction() as session:
        outbox.cancel(session, id_)
        desk.note(session, "message.cancelled", "outbox_message", id_)
    desk.done(say("The message will not be sent."))
    return redirect(url_for("admin.messages"))


def notices() -> ResponseReturnValue:
    with desk.transaction() as session:
        mine = Notice.merchant_id == merchant_of(session), Notice.read_at.is_(None)
        unread = session.scalars(select(Notice).where(*mine).order_by(Notice.created_at.desc()).limit(MOST)).all()
    return render_template("admin/notices.html", notices=unread, most=MOST)


def read_notice(notice_id: str) -> ResponseReturnValue:
    id_ = desk.id_of("ntc", notice_id)
    with desk.transaction() as session:
        if channels.read_notice(session, id_, clock.now()):
            desk.note(session, "notice.read", "notice", id_)
    return redirect(url_for("admin.notices"))


def unread_count() -> int:
    """For the menu; counted up to 100."""
    with desk.transaction() as session:
        mine = Notice.merchant_id == merchant_of(session), Notice.read_at.is_(None)
        some = select(Notice.id).where(*mine).limit(MOST).subquery()
        return session.scalar(select(func.count()).select_from(some)) or 0


def public_id(row: OutboxMessage | InboxMessage) -> str:
    return to_public("msg", row.id)
