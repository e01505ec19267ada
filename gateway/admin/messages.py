"""Parked messages and notices at the desk: what did not get through, and what somebody should look at."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from uuid import UUID

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gateway.admin import connection_words, desk
from gateway.admin.desk import PageUnknown
from gateway.core import channels, clock, inbox, outbox
from gateway.core.channels import Notice
from gateway.core.db import merchant_of
from gateway.core.errors import Refused
from gateway.core.ids import to_public
from gateway.core.inbox import InboxMessage
from gateway.core.outbox import OutboxMessage
from gateway.core.pages import say
from gateway.payments import asking

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
        asked = asking.stuck(session, MOST, clock.now())
    return render_template(
        "admin/messages.html",
        leaving=leaving,
        coming=coming,
        asked=asked,
        most=MOST,
        why=connection_words.why,
        asked_for=connection_words.asked,
    )


def replay(direction: str, message_id: str) -> ResponseReturnValue:
    if direction not in REPLAYS:
        raise PageUnknown
    act, subject = REPLAYS[direction]
    id_ = desk.id_of("msg", message_id)

    def again(session: Session) -> None:
        act(session, id_)
        desk.note(session, "message.replayed", subject, id_)

    return _once(again, say("The message is under way again."))


def cancel(message_id: str) -> ResponseReturnValue:
    """A message that is to leave no more."""
    id_ = desk.id_of("msg", message_id)

    def drop(session: Session) -> None:
        outbox.cancel(session, id_)
        desk.note(session, "message.cancelled", "outbox_message", id_)

    return _once(drop, say("The message will not be sent."))


def replay_request(request_id: str) -> ResponseReturnValue:
    """Ask the provider again, because somebody looked."""
    id_ = desk.id_of("prq", request_id)

    def again(session: Session) -> None:
        asking.replay(session, id_, clock.now())
        desk.note(session, "provider_request.replayed", "provider_request", id_)

    return _once(again, say("The provider is asked again."))


def settle_request(request_id: str) -> ResponseReturnValue:
    """Somebody looked at the provider: it was carried out."""
    id_ = desk.id_of("prq", request_id)
    external_id = request.form.get("external_id", "").strip()[:255]

    def settle(session: Session) -> None:
        asking.settle(session, id_, external_id, clock.now())
        desk.note(session, "provider_request.settled", "provider_request", id_)

    return _once(settle, say("It is noted as carried out."))


def cancel_request(request_id: str) -> ResponseReturnValue:
    """It was not carried out, and is not to be asked for again."""
    id_ = desk.id_of("prq", request_id)

    def drop(session: Session) -> None:
        asking.cancel(session, id_, clock.now())
        desk.note(session, "provider_request.cancelled", "provider_request", id_)

    return _once(drop, say("The provider will not be asked again."))


def _once(act: Callable[[Session], None], told: str) -> ResponseReturnValue:
    """A second click, or a colleague's, finds it done and changes nothing."""
    try:
        with desk.transaction() as session:
            act(session)
    except Refused as refused:
        told = (
            say("Nothing was changed: somebody has dealt with it already.")
            if _late(refused)
            else say("Its content was erased in time; it cannot be sent again.")
        )
    desk.done(told)
    return redirect(url_for("admin.messages"))


def _late(refused: Refused) -> bool:
    return not isinstance(refused, outbox.ContentErased) and refused.facts.get("reason") != "erased"


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
