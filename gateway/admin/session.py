"""Signing in and out, and setting a password by an invitation's link."""

import time
from urllib.parse import urlsplit
from uuid import UUID

from flask import Blueprint, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import logout_user
from flask_wtf.csrf import CSRFProtect

from gateway.admin import desk
from gateway.admin.forms import NewPasswordForm, SignInForm
from gateway.core import clock
from gateway.core.errors import GatewayError, Invalid, TooMany
from gateway.core.http import services
from gateway.core.limits import Limit, network_of
from gateway.core.pages import say
from gateway.merchants import login, merchants, users
from gateway.merchants.login import LoggedIn, LoginFailed

blueprint = Blueprint("login", __name__, url_prefix="/admin", template_folder="templates")
csrf = CSRFProtect()
TRIES = Limit("login", most=20, window_s=300)
"""Per address of the connection, whichever accounts are tried."""
GUESSES = Limit("guess", most=10, window_s=3600)
"""Per account and address: a stranger uses up his own tries at an account, not those of its owner."""
CHOOSE_WITHIN_S = 300
_INVITATION = f"{users.INVITE_PATH.removeprefix('/admin')}/<token>"


def guard() -> None:
    """Anybody may ask to come in; forms carry their proof, and nobody tries without end."""
    if request.method == "POST":
        TRIES.take(services().cache, network_of(request.remote_addr), clock.now().timestamp())
        csrf.protect()


@blueprint.get("/login")
def sign_in() -> ResponseReturnValue:
    return render_template("admin/login.html", form=SignInForm(), next=_next())


@blueprint.post("/login")
def check() -> ResponseReturnValue:
    """One answer for an unknown address, a wrong password and a locked account."""
    form = SignInForm()
    if not form.validate():
        return render_template("admin/login.html", form=form, next=_next()), 422
    try:
        _count_guess(form.email.data)
        desks = login.authenticate(services().db, services().keyring, form.email.data, form.password.data, clock.now())
    except (LoginFailed, TooMany):
        return render_template("admin/login.html", form=form, next=_next(), failed=True), 401
    if len(desks) > 1:
        return _ask_which(desks)
    return _enter(desks[0])


@blueprint.post("/login/desk")
def choose() -> ResponseReturnValue:
    """The second step of somebody who works for several merchants under one password."""
    offered, until = session.get("desks", {}), session.get("desks_until", 0)
    chosen = offered.get(request.form.get("desk", ""))
    if chosen is None or time.time() > until:
        return redirect(url_for("login.sign_in"))
    merchant_id, user_id, epoch = chosen.split(" ")
    with services().db.transaction(UUID(merchant_id)) as opened:
        user = users.find_logged_in(opened, services().keyring, UUID(user_id), int(epoch))
        name = merchants.get(opened).name
    if user is None:
        return redirect(url_for("login.sign_in"))
    desk.begin_session(user, name)
    return redirect(_next() or url_for("admin.home"))


@blueprint.get(_INVITATION)
def invitation(token: str) -> ResponseReturnValue:
    user = users.find_invited(services().db, services().keyring, token, clock.now())
    return render_template("admin/invitation.html", form=NewPasswordForm(), user=user)


@blueprint.post(_INVITATION)
def accept(token: str) -> ResponseReturnValue:
    form, now = NewPasswordForm(), clock.now()
    user = users.find_invited(services().db, services().keyring, token, now)
    if not form.validate():
        return render_template("admin/invitation.html", form=form, user=user), 422
    try:
        users.accept(services().db, services().keyring, token, form.password.data, now)
    except Invalid as fault:
        desk.put_faults(form, fault)
        return render_template("admin/invitation.html", form=form, user=user), 422
    desk.done(say("Your password is set. You can sign in now."))
    return redirect(url_for("login.sign_in"))


def sign_out() -> ResponseReturnValue:
    """Ends every session of the user: a copy of the cookie is worth nothing afterwards."""
    user = desk.who().user
    with desk.transaction() as opened:
        users.end_sessions(opened, services().keyring, user.id, clock.now(), user.actor)
    logout_user()
    session.clear()
    desk.done(say("You are signed out, on every device."))
    return redirect(url_for("login.sign_in"))


@blueprint.errorhandler(GatewayError)
def told_as_page(error: GatewayError) -> ResponseReturnValue:
    retry = {"Retry-After": str(error.facts["retry_after_s"])} if isinstance(error, TooMany) else {}
    return render_template("core/problem.html", error=error), error.status, retry


def _count_guess(email: str) -> None:
    """Known or not, every e-mail address is counted alike. Raises TooMany."""
    caller = f"{email.strip().casefold()} {network_of(request.remote_addr)}"
    GUESSES.take(services().cache, caller, clock.now().timestamp())


def _enter(found: LoggedIn) -> ResponseReturnValue:
    with services().db.transaction(found.merchant_id) as opened:
        name = merchants.get(opened).name
    desk.begin_session(found.user, name)
    return redirect(_next() or url_for("admin.home"))


def _ask_which(desks: tuple[LoggedIn, ...]) -> ResponseReturnValue:
    names = {}
    for number, found in enumerate(desks):
        with services().db.transaction(found.merchant_id) as opened:
            names[str(number)] = merchants.get(opened).name
    session["desks"] = {str(n): f"{one.merchant_id} {one.user_id} {one.epoch}" for n, one in enumerate(desks)}
    session["desks_until"] = time.time() + CHOOSE_WITHIN_S
    return render_template("admin/which_desk.html", names=names, next=_next())


def _next() -> str:
    """Where to go after signing in: a page of the desk, never anywhere else."""
    wanted = request.values.get("next", "")
    parts = urlsplit(wanted)
    ours = not parts.scheme and not parts.netloc and (parts.path == "/admin" or parts.path.startswith("/admin/"))
    again = parts.path in (url_for("login.sign_in"), url_for("admin.logout"))
    return wanted if ours and not again and "\\" not in wanted and wanted.isprintable() else ""
