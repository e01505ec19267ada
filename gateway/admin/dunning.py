"""Dunning at the desk: the policy as a form, what leaves in the coming days, the calls to be made."""

from datetime import date
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from gateway.admin import desk, dunning_form, present
from gateway.admin.forms import ConfirmForm
from gateway.core import clock
from gateway.core.errors import GatewayError, Invalid, Refused
from gateway.core.http import services
from gateway.core.ids import to_public
from gateway.core.pages import say
from gateway.merchants import policies
from gateway.merchants.models import Role
from gateway.receivables import calls, days, dunning_lint, dunning_schema, dunning_versions, preview
from gateway.receivables.dunning_policy import CHANNELS, KINDS, OFFERS
from gateway.receivables.keys import Keys
from gateway.receivables.objections import CATEGORIES
from gateway.shops import shops
from gateway.shops.shops import ShopFacts

KIND = dunning_versions.KIND
SHOWN = 200
"""Letters on the preview's page; the API has more."""


def home() -> ResponseReturnValue:
    """The first open shop's dunning policy, or an empty state."""
    with desk.transaction() as session:
        known = [one for one in shops.list_shops(session) if one.closed_at is None]
    if not known:
        return render_template("admin/no_shop.html")
    return redirect(url_for("admin.dunning_policy", shop_id=to_public("shp", known[0].id)))


def show(shop_id: str) -> ResponseReturnValue:
    """The live policy; `?version=3` shows that one."""
    with desk.transaction() as session:
        shop = _shop(session, shop_id)
        version = _version(session, shop)
        body = dunning_versions.body_of(session, shop.id, version)
    return _page(shop, dunning_schema.load(body), version)


def save(shop_id: str) -> ResponseReturnValue:
    """Check; with `act=save` keep as a new version; with `act=live` let new claims follow it."""
    act = request.form.get("act", "check")
    with desk.transaction() as session:
        shop = _shop(session, shop_id)
        base = dunning_versions.body_of(session, shop.id, _base(session, shop))
    body = dunning_schema.load(base)
    try:
        body = dunning_form.edited(body, request.form)
        warnings = dunning_lint.check(body)
    except Invalid as fault:
        return _page(shop, body, None, faults=fault.facts["errors"]), 422
    if act == "check":
        return _page(shop, dunning_schema.load(body), None, warnings=warnings)
    version = _keep(shop, body, make_live=act == "live")
    said = (
        say("Claims that begin from now on follow version %(version)s.")
        if act == "live"
        else say("Version %(version)s is kept.")
    )
    desk.done(said % {"version": version})
    return redirect(url_for("admin.dunning_policy", shop_id=shop_id, version=version))


def make_live(shop_id: str, version: int) -> ResponseReturnValue:
    with desk.transaction() as session:
        shop = _shop(session, shop_id)
        policies.activate(session, shop.id, KIND, version, clock.now(), desk.who().user.actor)
        desk.note(session, "dunning-policy.activated", "shop", shop.id, version=version)
    desk.done(say("Claims that begin from now on follow version %(version)s.", version=version))
    return redirect(url_for("admin.dunning_policy", shop_id=shop_id))


def rollback(shop_id: str) -> ResponseReturnValue:
    """Let the version that was live before be live again."""
    try:
        with desk.transaction() as session:
            shop = _shop(session, shop_id)
            version = policies.rollback(session, shop.id, KIND, clock.now(), desk.who().user.actor)
            desk.note(session, "dunning-policy.rolled-back", "shop", shop.id, version=version)
    except Refused as error:
        flash(present.sentence(error), "warn")
    else:
        desk.done(say("Claims that begin from now on follow version %(version)s.", version=version))
    return redirect(url_for("admin.dunning_policy", shop_id=shop_id))


def coming() -> ResponseReturnValue:
    """What leaves in the coming days, with a filter."""
    asked = {name: request.args.get(name, "") for name in ("days", "kind", "channel")}
    count = int(asked["days"]) if asked["days"] in ("7", "14", "30", "60", "90") else preview.USUAL_DAYS
    kind = asked["kind"] if asked["kind"] in KINDS else ""
    channel = asked["channel"] if asked["channel"] in CHANNELS else ""
    with desk.transaction() as session:
        found = preview.preview(session, preview.Wanted(count, None, kind, channel, SHOWN), clock.now())
    chosen = {"days": count, "kind": kind, "channel": channel}
    return render_template("admin/dunning_preview.html", found=found, chosen=chosen, kinds=KINDS, channels=CHANNELS)


def call_list() -> ResponseReturnValue:
    """The calls that are open, or those that ended."""
    state = "DONE" if request.args.get("state") == "done" else "OPEN"
    with desk.transaction() as session:
        found = calls.list_calls(session, Keys(services().keyring), state, 100)
    today = days.today("DE", clock.now())
    return render_template(
        "admin/calls.html", found=found, state=state, outcomes=calls.OUTCOMES, categories=CATEGORIES, today=today
    )


def end_call(call_id: str) -> ResponseReturnValue:
    """Write down how a call ended; what speaks against it stands on the next page."""
    if not ConfirmForm().validate():
        return redirect(url_for("admin.calls"))
    try:
        with desk.transaction() as session:
            task_id = desk.id_of("cal", call_id)
            calls.finish(session, Keys(services().keyring), task_id, _outcome(), clock.now())
            desk.note(session, "call.ended", "call_task", task_id, outcome=request.form.get("outcome", ""))
    except Invalid as fault:
        flash("; ".join(str(one["message"]) for one in fault.facts["errors"]), "warn")
    except GatewayError as error:
        flash(present.sentence(error), "warn")
    else:
        desk.done(say("The call is written down."))
    return redirect(url_for("admin.calls"))


def drop_call(call_id: str) -> ResponseReturnValue:
    """The call is not to be made."""
    try:
        with desk.transaction() as session:
            task_id = desk.id_of("cal", call_id)
            calls.drop(session, Keys(services().keyring), task_id, desk.who().user.actor, clock.now())
            desk.note(session, "call.dropped", "call_task", task_id)
    except Refused as error:
        flash(present.sentence(error), "warn")
    else:
        desk.done(say("The call is dropped."))
    return redirect(url_for("admin.calls"))


def _outcome() -> calls.Outcome:
    day = request.form.get("pay_on", "").strip()
    return calls.Outcome(
        outcome=request.form.get("outcome", ""),
        actor=desk.who().user.actor,
        note=request.form.get("note", "").strip()[:1000],
        pay_on=_day(day) if day else None,
        category=request.form.get("category", "other"),
    )


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise Invalid.at("/pay_on", "is no day") from error


def _keep(shop: ShopFacts, body: dict[str, Any], *, make_live: bool) -> int:
    note, actor, now = request.form.get("note", "")[:300], desk.who().user.actor, clock.now()
    with desk.transaction() as session:
        version = dunning_versions.save(session, shop.id, body, actor, note, now).document.version
        desk.note(session, "dunning-policy.saved", "shop", shop.id, version=version)
        if make_live:
            policies.activate(session, shop.id, KIND, version, now, actor)
            desk.note(session, "dunning-policy.activated", "shop", shop.id, version=version)
    return version


def _page(
    shop: ShopFacts,
    body: dict[str, Any],
    version: int | None,
    *,
    faults: list[dict[str, str]] | None = None,
    warnings: list[dict[str, str]] | None = None,
) -> str:
    """`version` is the one shown, 0 the shipped default, None what somebody is editing."""
    with desk.transaction() as session:
        read = {
            "shops": [one for one in shops.list_shops(session) if one.closed_at is None],
            "live": dunning_versions.live_version(session, shop.id),
            "versions": policies.history(session, shop.id, KIND, limit=50),
            "base": _base(session, shop),
        }
    return render_template(
        "admin/dunning.html",
        shop=shop,
        body=body,
        version=version,
        faults=faults,
        warnings=warnings,
        posted=request.form,
        may_edit=desk.who().may(Role.ADMIN),
        choices=dunning_form.CHOICES,
        offers=OFFERS,
        kinds=KINDS,
        confirm=ConfirmForm(formdata=None),
        **read,
    )


def _shop(session: Session, shop_id: str) -> ShopFacts:
    return shops.get(session, desk.id_of("shp", shop_id))


def _version(session: Session, shop: ShopFacts) -> int:
    return _number(request.args.get("version", ""), dunning_versions.live_version(session, shop.id))


def _base(session: Session, shop: ShopFacts) -> int:
    """The version that is edited: the form says which it began with."""
    asked = request.form.get("base", "") or request.args.get("version", "")
    return _number(asked, dunning_versions.live_version(session, shop.id))


def _number(text: str, usual: int) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 9 else usual
