"""Connections at the desk: which platforms and providers call, what came of it lately; connect, rotate, try, close."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gateway.admin import connection_words, desk
from gateway.admin.desk import PageUnknown
from gateway.core import clock
from gateway.core.db import merchant_of
from gateway.core.errors import GatewayError, Invalid
from gateway.core.http import services
from gateway.core.ids import to_public
from gateway.core.inbox import InboxMessage, Proof, State
from gateway.core.pages import say
from gateway.payments import accounts
from gateway.payments.accounts import Connected, NewAccount
from gateway.payments.providers import KIND, Provider
from gateway.shops import connections, shops

NEWEST = 5_000
"""Messages that are looked at for the counts."""
DAYS = 7
MOST = 500


def index() -> ResponseReturnValue:
    """Every connection of the merchant, the open ones first."""
    with desk.transaction() as session:
        found = connections.list_connections(session)[:MOST]
        rows = sorted(found, key=lambda one: (one.closed_at is not None, one.id))
        lately = counts(session, clock.now())
        names = {shop.id: shop for shop in shops.list_shops(session)}
    return render_template(
        "admin/connections.html",
        rows=rows,
        lately=lately,
        shops=names,
        days=DAYS,
        kinds=sorted(accounts.adapters()),
    )


def counts(session: Session, now: datetime) -> Mapping[UUID, Mapping[str, Any]]:
    """By connection, of the newest messages of a week: when the last came, how many were proven, refused, parked."""
    mine = InboxMessage.merchant_id == merchant_of(session)
    columns = InboxMessage.connection_id, InboxMessage.received_at, InboxMessage.proof, InboxMessage.state
    newest = select(*columns).where(mine).order_by(InboxMessage.id.desc()).limit(NEWEST).subquery()
    one = newest.c
    asked = select(
        one.connection_id,
        func.max(one.received_at).label("last"),
        func.count().filter(one.proof.in_((Proof.SIGNED, Proof.PARTLY))).label("verified"),
        func.count().filter(one.proof == Proof.HINT).label("hints"),
        func.count().filter(one.proof == Proof.UNVERIFIED).label("unverified"),
        func.count().filter(one.state == State.PARKED).label("parked"),
    ).where(one.received_at > now - timedelta(days=DAYS))
    rows = session.execute(asked.group_by(one.connection_id)).mappings()
    return {row["connection_id"]: dict(row) for row in rows}


def new(provider: str) -> ResponseReturnValue:
    """The form of one provider."""
    return _form(_adapter(provider))


def create(provider: str) -> ResponseReturnValue:
    """The address is in the answer to this form and nowhere else: no redirect could carry it safely."""
    one = _adapter(provider)
    try:
        with desk.transaction() as session:
            wanted = NewAccount(desk.id_of("shp", request.form.get("shop", "")), one.name, _told(one))
            made = accounts.connect(session, services().keyring, wanted, clock.now(), allow_private=_private())
            named = {"kind": made.facts.kind, "shop": to_public("shp", made.facts.shop_id)}
            desk.note(session, "connection.created", "connection", made.facts.id, **named)
    except Invalid as fault:
        return _form(one, fault), 422
    return _page(made.facts.id, address=f"{services().public_url}/in/{one.name}/{made.word}"), 201


def show(connection_id: str) -> ResponseReturnValue:
    return _page(desk.id_of("con", connection_id))


def change(connection_id: str) -> ResponseReturnValue:
    """What was left empty stays as it is."""
    id_ = desk.id_of("con", connection_id)
    try:
        with desk.transaction() as session:
            one = accounts.adapter(accounts.get_account(session, id_).provider)
            told = _told(one)
            if told:
                accounts.change(session, services().keyring, id_, told, clock.now(), allow_private=_private())
                desk.note(session, "connection.changed", "connection", id_, settings=sorted(told))
    except Invalid as fault:
        return _page(id_, fault=fault), 422
    desk.done(
        say("The connection works with the new settings within seconds.") if told else say("Nothing was entered.")
    )
    return redirect(url_for("admin.connection", connection_id=connection_id))


def close(connection_id: str) -> ResponseReturnValue:
    id_ = desk.id_of("con", connection_id)
    with desk.transaction() as session:
        facts = connections.get(session, id_)
        if facts.closed_at is None:
            shut = accounts.close if facts.kind.startswith(KIND) else connections.close
            shut(session, id_, clock.now())
            desk.note(session, "connection.closed", "connection", id_)
    desk.done(say("The connection is closed: nothing comes in there any more, and its secrets are erased."))
    return redirect(url_for("admin.connections"))


def test(connection_id: str) -> ResponseReturnValue:
    """Ask the provider something harmless, outside of any transaction."""
    id_ = desk.id_of("con", connection_id)
    private = services().allow_private_urls
    with desk.transaction() as session:
        one = accounts.adapter(accounts.get_account(session, id_).provider)
        account = accounts.open_account(session, services().keyring, id_, allow_private=private)
    if one.check is None:
        raise PageUnknown
    try:
        one.check(account)
    except GatewayError as error:
        return _page(id_, failed=connection_words.why(error.code) or error.title)
    desk.done(say("The provider answered: the key works."))
    return redirect(url_for("admin.connection", connection_id=connection_id))


def _private() -> bool:
    return services().allow_private_urls


def _adapter(name: str) -> Provider:
    found = accounts.adapters().get(name)
    if found is None:
        raise PageUnknown
    return found


def _told(one: Provider) -> dict[str, str]:
    """What was entered. Spaces around it come from copying."""
    entered = {setting.name: request.form.get(setting.name, "").strip() for setting in one.settings}
    return {name: value for name, value in entered.items() if value}


def _faults(fault: Invalid | None) -> dict[str, str]:
    found = fault.facts.get("errors", []) if fault else []
    return {str(each["path"]).rpartition("/")[2]: say(str(each["message"]).partition(":")[0]) for each in found}


def _form(one: Provider, fault: Invalid | None = None) -> str:
    """Values that are no secret are shown again, secrets never."""
    with desk.transaction() as session:
        open_shops = [shop for shop in shops.list_shops(session) if shop.closed_at is None]
    plain = {setting.name: request.form.get(setting.name, "") for setting in one.settings if not setting.secret}
    return render_template(
        "admin/connection_new.html",
        provider=one,
        shops=open_shops,
        chosen=request.form.get("shop", ""),
        faults=_faults(fault),
        plain=plain,
        where=connection_words.where,
    )


def _page(id_: UUID, *, address: str = "", fault: Invalid | None = None, failed: str = "") -> str:
    with desk.transaction() as session:
        facts = connections.get(session, id_)
        account = _account(session, facts.kind, id_)
        shop = shops.get(session, facts.shop_id)
        lately = counts(session, clock.now()).get(id_)
    return render_template(
        "admin/connection.html",
        facts=facts,
        account=account,
        provider=accounts.adapters().get(account.provider) if account else None,
        shop=shop,
        lately=lately,
        days=DAYS,
        address=address,
        faults=_faults(fault),
        failed=failed,
        where=connection_words.where,
    )


def _account(session: Session, kind: str, id_: UUID) -> Connected | None:
    return accounts.get_account(session, id_) if kind.startswith(KIND) else None
