"""Policies at the desk: what decides now, its versions, and a form that saves only what passed every check."""

import json
from typing import Any
from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from gateway.admin import desk, present
from gateway.admin.desk import PageUnknown
from gateway.admin.forms import BacktestForm, ConfirmForm, PolicyForm, StageForm
from gateway.admin.places import line_of
from gateway.checkout import backtests, documents, stages, versions
from gateway.checkout.versions import Checked, Standing
from gateway.core import clock
from gateway.core.errors import GatewayError, Invalid, Refused
from gateway.core.http import services
from gateway.core.ids import to_public
from gateway.core.pages import say
from gateway.core.strict_json import decode_json
from gateway.merchants import policies
from gateway.merchants.models import Role
from gateway.merchants.users import DeskUser
from gateway.shops import shops
from gateway.shops.shops import ShopFacts

KINDS = tuple(documents.COMPILERS)


def home() -> ResponseReturnValue:
    """The first open shop's checkout policy, or an empty state."""
    with desk.transaction() as session:
        known = shops.list_shops(session)
    shop = next((one for one in known if one.closed_at is None), None)
    if shop is None:
        return render_template("admin/no_shop.html")
    return redirect(url_for("admin.policy", shop_id=_public(shop), kind=KINDS[0]))


def show(shop_id: str, kind: str) -> ResponseReturnValue:
    """The live document; `?version=3` shows that one."""
    with desk.transaction() as session:
        shop = shop_of(session, shop_id, kind)
        version = _version(session, shop, kind)
        body = documents.DEFAULTS[kind] if version == 0 else policies.get(session, shop.id, kind, version).body
    form = PolicyForm(formdata=None, body=_text(body), note="")
    return _page(shop, kind, form, version)


def save(shop_id: str, kind: str) -> ResponseReturnValue:
    """Check; with `act=save` keep as a new version; with `act=activate` let it decide from now on."""
    form, act = PolicyForm(), request.form.get("act", "check")
    with desk.transaction() as session:
        shop = shop_of(session, shop_id, kind)
    found = _check(shop, form, kind) if form.validate() else None
    if found is None:
        return _page(shop, kind, form, None), 422
    body, checked = found
    if act == "check":
        return _page(shop, kind, form, None, passed=checked)
    version = _keep(shop, kind, body, form.note.data, activate=act == "activate")
    said = say("Version %(version)s decides from now on.") if act == "activate" else say("Version %(version)s is kept.")
    desk.done(said % {"version": version})
    return redirect(url_for("admin.policy", shop_id=shop_id, kind=kind, version=version))


def activate(shop_id: str, kind: str, version: int) -> ResponseReturnValue:
    with desk.transaction() as session:
        shop = shop_of(session, shop_id, kind)
        _activate(session, shop.id, kind, version)
    desk.done(say("Version %(version)s decides from now on.", version=version))
    return redirect(url_for("admin.policy", shop_id=shop_id, kind=kind))


def stage(shop_id: str, kind: str, version: int) -> ResponseReturnValue:
    """Put a version into the stage of the form; what speaks against it stands on the next page."""
    form = StageForm()
    if form.validate():
        to = form.stage.data
        percent = form.percent.data if to == stages.SHARE else None
        try:
            _move(shop_id, kind, version, Standing(to, percent))
        except Invalid:
            flash(say("Say for how many percent of the buyers, from 1 to 99."), "warn")
        except Refused as error:
            flash(present.sentence(error), "warn")
        else:
            desk.done(say("Version %(version)s: %(stage)s.", version=version, stage=present.stage_label(to)))
    return redirect(url_for("admin.policy", shop_id=shop_id, kind=kind, version=version))


def rollback(shop_id: str, kind: str) -> ResponseReturnValue:
    """End a running share, or let the version that was live before decide again."""
    try:
        with desk.transaction() as session:
            shop = shop_of(session, shop_id, kind)
            version = policies.rollback(session, shop.id, kind, clock.now(), desk.who().user.actor)
            desk.note(session, "policy.rolled-back", "shop", shop.id, kind=kind, version=version)
    except Refused as error:
        flash(present.sentence(error), "warn")
    else:
        desk.done(say("Version %(version)s decides from now on.", version=version))
    return redirect(url_for("admin.policy", shop_id=shop_id, kind=kind))


def _move(shop_id: str, kind: str, version: int, to: Standing) -> None:
    with desk.transaction() as session:
        shop = shop_of(session, shop_id, kind)
        document = policies.get(session, shop.id, kind, version)
        versions.move(session, document, to, clock.now(), desk.who().user.actor)
        desk.note(session, "policy.staged", "shop", shop.id, kind=kind, version=version, stage=to.stage)


def _check(shop: ShopFacts, form: PolicyForm, kind: str) -> tuple[dict[str, Any], Checked] | None:
    """The document when it is sound, with what was found; otherwise None, with every fault on the form."""
    text = form.body.data
    try:
        body = decode_json(text.encode())
        versions.CHECKS.take(services().cache, shop.id.hex, clock.now().timestamp())
        with desk.transaction() as session:
            return body, versions.check(session, shop, kind, body, clock.now())
    except Invalid as fault:
        form.form_errors.extend(_at_its_place(text, one) for one in fault.facts["errors"])
    except GatewayError as error:
        form.form_errors.append(str(error))
    return None


def _at_its_place(text: str, fault: dict[str, str]) -> str:
    """A fault with the line of the text that it is about."""
    told = f"{fault['path']}: {fault['message']}"
    line = line_of(text, fault["path"])
    if line is None:
        return told
    return say("Line %(number)s, %(told)s ( %(line)s )", number=line.number, told=told, line=line.text)


def _keep(shop: ShopFacts, kind: str, body: dict[str, Any], why: str, *, activate: bool) -> int:
    with desk.transaction() as session:
        version = policies.save(session, shop.id, kind, body, desk.who().user.actor, why or "", clock.now())
        desk.note(session, "policy.saved", "shop", shop.id, kind=kind, version=version)
        if activate:
            _activate(session, shop.id, kind, version)
    return version


def _activate(session: Session, shop_id: UUID, kind: str, version: int) -> None:
    user: DeskUser = desk.who().user
    policies.activate(session, shop_id, kind, version, clock.now(), user.actor)
    desk.note(session, "policy.activated", "shop", shop_id, kind=kind, version=version)


def _page(shop: ShopFacts, kind: str, form: PolicyForm, version: int | None, *, passed: Checked | None = None) -> str:
    """`version` is the one shown, 0 the shipped default, None what somebody is editing."""
    with desk.transaction() as session:  # ended before the page is made: the page's frame opens one of its own
        acting = next(one for one in versions.acting(session, shop.id) if one["kind"] == kind)
        read = {
            "shops": [one for one in shops.list_shops(session) if one.closed_at is None],
            "live": acting["live"],
            "acting": acting,
            "standing": {number: at for (of, number), at in versions.standings(session, shop.id).items() if of == kind},
            "versions": policies.history(session, shop.id, kind, limit=50),
            "activations": policies.activations(session, shop.id, kind, limit=10),
            "backtests": _backtests(session, shop, kind, version),
        }
    return render_template(
        "admin/policy.html",
        shop=shop,
        kind=kind,
        kinds=KINDS,
        form=form,
        confirm=ConfirmForm(formdata=None),
        stage_form=StageForm(formdata=None),
        backtest_form=BacktestForm(formdata=None),
        version=version,
        passed=passed,
        may_edit=desk.who().may(Role.ADMIN),
        **read,
    )


def _backtests(session: Session, shop: ShopFacts, kind: str, version: int | None) -> list[dict[str, Any]]:
    if not version:
        return []
    document = policies.get(session, shop.id, kind, version)
    return [versions.backtest_view(row) for row in backtests.newest(session, document, limit=5)]


def shop_of(session: Session, shop_id: str, kind: str) -> ShopFacts:
    """The shop of an address, when there is such a kind of document. Raises PageUnknown."""
    if kind not in KINDS:
        raise PageUnknown
    return shops.get(session, desk.id_of("shp", shop_id))


def _version(session: Session, shop: ShopFacts, kind: str) -> int:
    asked = request.args.get("version", "")
    if asked.isascii() and asked.isdecimal() and len(asked) < 9:
        return int(asked)
    return policies.live_versions(session, shop.id).get(kind, 0)


def _public(shop: ShopFacts) -> str:
    return to_public("shp", shop.id)


def _text(body: dict[str, Any]) -> str:
    return json.dumps(body, ensure_ascii=False, indent=2)
