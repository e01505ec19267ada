"""API keys at the desk: made and shown once, recognised by their first letters, revoked."""

from flask import redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session
from wtforms.fields.choices import SelectChoice

from gateway.admin import desk
from gateway.admin.forms import KeyForm
from gateway.admin.lists import end_of
from gateway.core import clock
from gateway.core.db import merchant_of
from gateway.core.ids import to_public
from gateway.core.pages import say
from gateway.merchants.auth import NewKey, create_key, revoke_key
from gateway.merchants.models import ApiKey
from gateway.shops import shops

MOST = 200


def index() -> ResponseReturnValue:
    return _page()


def create() -> ResponseReturnValue:
    """The secret is in the answer to this form and nowhere else: no redirect could carry it safely."""
    with desk.transaction() as session:
        form = _form(session)
    if not form.validate():
        return _page(form), 422
    now = clock.now()
    with desk.transaction() as session:
        shop = shops.get(session, desk.id_of("shp", form.shop.data))
        if shop.closed_at is not None:
            raise shops.ShopClosed
        new = NewKey(shop.id, shop.live, form.name.data, frozenset(form.scopes.data), end_of(form.expires_on.data))
        key, secret = create_key(session, new, now)
        desk.note(session, "key.created", "api_key", key.id, scopes=sorted(new.scopes), shop=to_public("shp", shop.id))
    return _page(secret=secret), 201


def revoke(key_id: str) -> ResponseReturnValue:
    id_ = desk.id_of("key", key_id)
    with desk.transaction() as session:
        revoke_key(session, id_, clock.now())
        desk.note(session, "key.revoked", "api_key", id_)
    desk.done(say("The key stops working within seconds."))
    return redirect(url_for("admin.keys"))


def _page(form: KeyForm | None = None, secret: str = "") -> str:
    with desk.transaction() as session:
        mine = ApiKey.merchant_id == merchant_of(session)
        keys = session.scalars(select(ApiKey).where(mine).order_by(ApiKey.id.desc()).limit(MOST)).all()
        names = {shop.id: shop for shop in shops.list_shops(session)}
        form = form or _form(session, empty=True)
    return render_template("admin/keys.html", form=form, keys=keys, shops=names, secret=secret, now=clock.now())


def _form(session: Session, *, empty: bool = False) -> KeyForm:
    form = KeyForm(formdata=None) if empty else KeyForm()
    if empty:
        form.scopes.data = ["decisions:read", "decisions:write"]
    open_ones = [shop for shop in shops.list_shops(session) if shop.closed_at is None]
    form.shop.choices = [SelectChoice(to_public("shp", shop.id), shop.name) for shop in open_ones]
    return form
