"""`kulanz user|connection|callback`: who works at the desk, and who may call whom."""

from uuid import UUID

import click

from gateway.command_line import SHOP, Desk, Row, id_of, of_merchant
from gateway.core import clock
from gateway.core.ids import to_public
from gateway.merchants import callbacks, users
from gateway.merchants.models import Role
from gateway.merchants.users import NewUser
from gateway.shops import connections


@click.group()
def user() -> None:
    """People who work at the desk."""


_ROLE = click.Choice([role.value for role in Role])


@user.command("invite")
@click.argument("email")
@click.argument("name")
@click.option("--role", type=_ROLE, default=Role.CLERK.value, show_default=True)
@click.option("--language", default="de", show_default=True)
@of_merchant
def invite_user(desk: Desk, *, email: str, name: str, role: str, language: str) -> Row:
    """Invite somebody and print the link that lets him set a password within 72 hours.

    For a user who is there already, the link sets a new password.

    \b
    Example: kulanz user invite ada@example.com "Ada Byron" --role owner
    """
    keyring, now = desk.keyring, clock.now()
    known = _find_user(desk, email)
    if known is None:
        invitation = users.invite(desk.session, keyring, NewUser(email, name, Role(role), language), now)
    else:
        invitation = users.invite_again(desk.session, keyring, known, now)
    link = f"{desk.services.public_url}{users.INVITE_PATH}/{invitation.token}"
    return {"id": to_public("usr", invitation.user_id), "link": link, "until": invitation.until}


@user.command("list")
@of_merchant
def list_of_users(desk: Desk) -> list[Row]:
    """List users, disabled ones too.

    \b
    Example: kulanz user list
    """
    people = users.list_users(desk.session, desk.keyring, with_disabled=True)
    return [
        {
            "id": to_public("usr", each.id),
            "email": each.email,
            "name": each.name,
            "role": each.role.value,
            "last_login": each.last_login_at,
            "locked_until": each.locked_until,
            "disabled": each.disabled_at,
        }
        for each in people
    ]


@user.command("disable")
@click.argument("who")
@of_merchant
def disable_user(desk: Desk, *, who: str) -> Row:
    """End a user's access and sessions. WHO is an e-mail address or an id.

    \b
    Example: kulanz user disable ada@example.com
    """
    users.disable(desk.session, desk.keyring, _user(desk, who), clock.now())
    return {"user": who, "disabled": True}


@user.command("set-role")
@click.argument("who")
@click.argument("role", type=_ROLE)
@of_merchant
def set_role(desk: Desk, *, who: str, role: str) -> Row:
    """Give a user another role. WHO is an e-mail address or an id.

    \b
    Example: kulanz user set-role ada@example.com admin
    """
    users.set_role(desk.session, desk.keyring, _user(desk, who), Role(role), clock.now())
    return {"user": who, "role": role}


@user.command("set-password")
@click.argument("who")
@click.password_option()
@of_merchant
def set_password(desk: Desk, *, who: str, password: str) -> Row:
    """Set a user's password (asked for), which ends a lock-out. WHO is an e-mail address or an id.

    \b
    Example: kulanz user set-password ada@example.com
    """
    user_id = _user(desk, who)
    users.set_password(desk.session, desk.keyring, user_id, password, clock.now())
    return {"user": who, "password": "set"}


def _user(desk: Desk, who: str) -> UUID:
    found = _find_user(desk, who) if "@" in who else id_of("usr", who)
    if found is None:
        raise users.UserUnknown
    return found


def _find_user(desk: Desk, email: str) -> UUID | None:
    wanted = users.checked_email(email)
    people = users.list_users(desk.session, desk.keyring)
    return next((each.id for each in people if each.email == wanted), None)


@click.group()
def connection() -> None:
    """Addresses at which shops push their orders."""


@connection.command("create")
@SHOP
@click.option("--kind", type=click.Choice(connections.KINDS), default=connections.ORDERS, show_default=True)
@of_merchant
def create_connection(desk: Desk, *, shop: str, kind: str) -> Row:
    """Create an address and the secret its messages are signed with; both are printed this once.

    \b
    Example: kulanz connection create --kind orders
    """
    new = connections.create(desk.session, desk.keyring, desk.shop(shop), kind, clock.now())
    desk.note("connection.created", "connection", new.facts.id, kind=kind, shop=to_public("shp", new.facts.shop_id))
    address = f"{desk.services.public_url}/in/{new.word}"
    return {"id": to_public("con", new.facts.id), "address": address, "secret": new.secret}


@connection.command("list")
@of_merchant
def list_of_connections(desk: Desk) -> list[Row]:
    """List connections, without their addresses and secrets.

    \b
    Example: kulanz connection list
    """
    return [
        {
            "id": to_public("con", each.id),
            "shop": to_public("shp", each.shop_id),
            "kind": each.kind,
            "created": each.created_at,
            "closed": each.closed_at,
        }
        for each in connections.list_connections(desk.session)
    ]


@connection.command("close")
@click.argument("connection_id")
@of_merchant
def close_connection(desk: Desk, *, connection_id: str) -> Row:
    """Close a connection: nothing comes in there any more.

    \b
    Example: kulanz connection close con_01m80jtwssevksa7y719cbahm4
    """
    id_ = id_of("con", connection_id)
    connections.close(desk.session, id_, clock.now())
    desk.note("connection.closed", "connection", id_)
    return {"connection": connection_id, "closed": True}


@click.group()
def callback() -> None:
    """Endpoints of a merchant that are called when something happens."""


@callback.command("create")
@click.argument("url")
@click.option("--event", "events", multiple=True, help="May be given several times; all events when absent.")
@of_merchant
def create_callback(desk: Desk, *, url: str, events: tuple[str, ...]) -> Row:
    """Register an endpoint and print the secret that signs its messages, this once.

    \b
    Example: kulanz callback create https://erp.example.com/kulanz --event order.changed
    """
    endpoint, secret = callbacks.register(
        desk.session,
        desk.keyring,
        url,
        frozenset(events) or callbacks.EVENT_TYPES,
        clock.now(),
        allow_private=desk.services.allow_private_urls,
    )
    desk.note("callback.created", "callback_endpoint", endpoint.id, events=list(endpoint.events))
    return {"id": to_public("cbe", endpoint.id), "url": url, "events": endpoint.events, "secret": secret}


@callback.command("list")
@of_merchant
def list_callbacks(desk: Desk) -> list[Row]:
    """List endpoints, disabled ones too.

    \b
    Example: kulanz callback list
    """
    return [
        {
            "id": to_public("cbe", each.id),
            "url": each.url,
            "events": each.events,
            "created": each.created_at,
            "disabled": each.disabled_at,
        }
        for each in callbacks.list_endpoints(desk.session, with_disabled=True)
    ]


@callback.command("rotate-secret")
@click.argument("endpoint_id")
@of_merchant
def rotate_callback(desk: Desk, *, endpoint_id: str) -> Row:
    """Make and print a new secret; the old one signs beside it for a day.

    \b
    Example: kulanz callback rotate-secret cbe_01m80jtwssevksa7y719cbahm4
    """
    id_ = id_of("cbe", endpoint_id)
    secret = callbacks.rotate(desk.session, desk.keyring, id_, clock.now())
    desk.note("callback.secret-rotated", "callback_endpoint", id_)
    return {"id": endpoint_id, "secret": secret}


@callback.command("disable")
@click.argument("endpoint_id")
@of_merchant
def disable_callback(desk: Desk, *, endpoint_id: str) -> Row:
    """Call an endpoint no more.

    \b
    Example: kulanz callback disable cbe_01m80jtwssevksa7y719cbahm4
    """
    id_ = id_of("cbe", endpoint_id)
    callbacks.disable(desk.session, id_, clock.now())
    desk.note("callback.disabled", "callback_endpoint", id_)
    return {"callback": endpoint_id, "disabled": True}
