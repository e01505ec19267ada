"""Users at the desk: invited by a link, given another role, disabled."""

from flask import redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from gateway.admin import desk, present
from gateway.admin.forms import InviteForm, RoleForm
from gateway.core import clock
from gateway.core.errors import Invalid
from gateway.core.http import services
from gateway.core.pages import say
from gateway.merchants import users
from gateway.merchants.models import Role
from gateway.merchants.users import EmailTaken, Invitation, NewUser


def index() -> ResponseReturnValue:
    return _page(InviteForm())


def invite() -> ResponseReturnValue:
    """The link is in the answer to this form and nowhere else."""
    form = InviteForm()
    if not form.validate():
        return _page(form), 422
    new = NewUser(form.email.data, form.name.data, Role(form.role.data), form.language.data)
    try:
        with desk.transaction() as session:
            invitation = users.invite(session, services().keyring, new, clock.now(), desk.who().user.actor)
    except Invalid as fault:
        desk.put_faults(form, fault)
        return _page(form), 422
    except EmailTaken as taken:
        form.email.errors = [present.sentence(taken)]
        return _page(form), 409
    return _page(InviteForm(formdata=None), invitation), 201


def invite_again(user_id: str) -> ResponseReturnValue:
    id_ = desk.id_of("usr", user_id)
    with desk.transaction() as session:
        invitation = users.invite_again(session, services().keyring, id_, clock.now(), desk.who().user.actor)
    return _page(InviteForm(formdata=None), invitation), 201


def set_role(user_id: str) -> ResponseReturnValue:
    form, id_ = RoleForm(), desk.id_of("usr", user_id)
    if not form.validate():
        return _page(InviteForm(formdata=None)), 422
    role = Role(form.role.data)
    with desk.transaction() as session:
        users.set_role(session, services().keyring, id_, role, clock.now(), actor=desk.who().user.actor)
    desk.done(say("The role is changed; the user signs in again."))
    return redirect(url_for("admin.people"))


def disable(user_id: str) -> ResponseReturnValue:
    id_ = desk.id_of("usr", user_id)
    with desk.transaction() as session:
        users.disable(session, services().keyring, id_, clock.now(), desk.who().user.actor)
    desk.done(say("The user cannot sign in any more."))
    return redirect(url_for("admin.people"))


def _page(form: InviteForm, invitation: Invitation | None = None) -> str:
    with desk.transaction() as session:
        found = users.list_users(session, services().keyring, with_disabled=True)
    link = url_for("login.invitation", token=invitation.token) if invitation else ""
    return render_template(
        "admin/people.html",
        form=form,
        users=found,
        roles=form.role.choices,
        link=f"{services().public_url}{link}" if link else "",
        until=invitation.until if invitation else None,
        now=clock.now(),
        may_edit=desk.who().may(Role.OWNER),
    )
