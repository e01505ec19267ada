"""`kulanz provider`: a merchant's accounts at payment providers, and what each provider wants to know."""

from collections.abc import Sequence
from typing import IO

import click

from gateway.command_line import (
    AS_JSON,
    MERCHANT,
    SHOP,
    Desk,
    OperatorContext,
    Row,
    id_of,
    of_merchant,
    open_desk,
    tell,
)
from gateway.core import clock
from gateway.core.errors import Invalid
from gateway.core.ids import to_public
from gateway.payments import accounts, asking
from gateway.payments.accounts import NewAccount
from gateway.payments.providers import NotOffered, Provider

SECRETS = click.option(
    "--secrets-file",
    type=click.File(),
    help="Lines of NAME=VALUE, - for standard input; a name may stand on several lines (rotation).",
)
SETTINGS = click.option("--set", "told", multiple=True, metavar="NAME=VALUE", help="A setting that is no secret.")


@click.group()
def provider() -> None:
    """Payment providers: connected, changed, closed."""


@provider.command("kinds")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def kinds(*, as_json: bool) -> None:
    """List the providers that can be connected, with their settings and what each can be asked for.

    \b
    Example: kulanz provider kinds
    """
    rows = [row for name in sorted(accounts.adapters()) for row in _described(accounts.adapter(name))]
    tell(rows, as_json=as_json)


def _described(one: Provider) -> list[Row]:
    return [
        {
            "provider": one.name,
            "setting": setting.name,
            "secret": setting.secret,
            "required": setting.required,
            "several": setting.many,
            "what": setting.words,
        }
        for setting in one.settings
    ]


@provider.command("connect")
@click.argument("name")
@SHOP
@SETTINGS
@SECRETS
@of_merchant
def connect(desk: Desk, *, name: str, shop: str, told: Sequence[str], secrets_file: IO[str] | None) -> Row:
    """Connect the provider NAME and print the address it must call, this once.

    \b
    Example: kulanz provider connect stripe --secrets-file secrets.txt
    Example: kulanz provider connect adyen --set merchant_account=Musterladen --secrets-file -
    """
    new = NewAccount(desk.shop(shop), name, _settings(told, secrets_file))
    private = desk.services.allow_private_urls
    made = accounts.connect(desk.session, desk.keyring, new, clock.now(), allow_private=private)
    named = {"kind": made.facts.kind, "shop": to_public("shp", made.facts.shop_id)}
    desk.note("connection.created", "connection", made.facts.id, **named)
    address = f"{desk.services.public_url}/in/{name}/{made.word}"
    return {"id": to_public("con", made.facts.id), "address": address}


@provider.command("list")
@of_merchant
def list_of_providers(desk: Desk) -> list[Row]:
    """List the connected providers, without addresses and secrets.

    \b
    Example: kulanz provider list
    """
    return [_row(each) for each in accounts.list_accounts(desk.session)]


def _row(each: accounts.Connected) -> Row:
    return {
        "id": to_public("con", each.connection.id),
        "shop": to_public("shp", each.connection.shop_id),
        "provider": each.provider,
        "settings": [f"{name}={value}" for name, value in each.settings.items()],
        "secrets": each.secret_names,
        "changed": each.updated_at,
        "closed": each.connection.closed_at,
    }


@provider.command("change")
@click.argument("connection_id")
@SETTINGS
@SECRETS
@of_merchant
def change(desk: Desk, *, connection_id: str, told: Sequence[str], secrets_file: IO[str] | None) -> Row:
    """Change settings of a connection; what is not named stays, an empty value removes.

    \b
    Example: kulanz provider change con_01m80jtwssevksa7y719cbahm4 --secrets-file -
    """
    id_, settings = id_of("con", connection_id), _settings(told, secrets_file)
    private = desk.services.allow_private_urls
    accounts.change(desk.session, desk.keyring, id_, settings, clock.now(), allow_private=private)
    desk.note("connection.changed", "connection", id_, settings=sorted(settings))
    return _row(accounts.get_account(desk.session, id_))


@provider.command("close")
@click.argument("connection_id")
@of_merchant
def close(desk: Desk, *, connection_id: str) -> Row:
    """Take nothing more from this provider and forget its secrets.

    \b
    Example: kulanz provider close con_01m80jtwssevksa7y719cbahm4
    """
    id_ = id_of("con", connection_id)
    accounts.close(desk.session, id_, clock.now())
    desk.note("connection.closed", "connection", id_)
    return {"connection": connection_id, "closed": True}


@provider.command("test")
@click.argument("connection_id")
@MERCHANT
@AS_JSON
@click.pass_obj
def test(operator: OperatorContext, connection_id: str, merchant: str, *, as_json: bool) -> None:
    """Ask the provider for something harmless, to see whether the key works.

    \b
    Example: kulanz provider test con_01m80jtwssevksa7y719cbahm4
    """
    id_ = id_of("con", connection_id)
    with open_desk(operator, merchant) as desk:
        one = accounts.adapter(accounts.get_account(desk.session, id_).provider)
        private = desk.services.allow_private_urls
        account = accounts.open_account(desk.session, desk.keyring, id_, allow_private=private)
    if one.check is None:
        raise NotOffered
    one.check(account)  # after the transaction: the provider may take its time
    tell({"connection": connection_id, "works": True}, as_json=as_json)


@provider.command("requests")
@of_merchant
def requests_command(desk: Desk) -> list[Row]:
    """List what providers were asked for and somebody must look at.

    \b
    Example: kulanz provider requests
    """
    names = ("kind", "cause", "state", "answer", "created_at")
    found = asking.stuck(desk.session, 100, clock.now())
    return [{"id": to_public("prq", row.id)} | {name: getattr(row, name) for name in names} for row in found]


@provider.command("request")
@click.argument("request_id")
@click.argument("act", type=click.Choice(("replay", "settle", "cancel")))
@click.option("--external-id", default="", help="The provider's id of what it made of it (settle).")
@of_merchant
def request_command(desk: Desk, *, request_id: str, act: str, external_id: str) -> Row:
    """Ask again (replay), or note that it was carried out (settle) or is not to be (cancel).

    \b
    Example: kulanz provider request prq_01m80jtwssevksa7y719cbahm4 settle --external-id re_1
    """
    id_, now = id_of("prq", request_id), clock.now()
    if act == "replay":
        asking.replay(desk.session, id_, now)
    elif act == "settle":
        asking.settle(desk.session, id_, external_id[:255], now)
    else:
        asking.cancel(desk.session, id_, now)
    done = {"replay": "replayed", "settle": "settled", "cancel": "cancelled"}[act]
    desk.note(f"provider_request.{done}", "provider_request", id_)
    return {"request": request_id, "done": done}


def _settings(told: Sequence[str], secrets_file: IO[str] | None) -> dict[str, str]:
    """By name; a name that comes again has several values. Raises Invalid for a line without `=`, never showing it."""
    lines = [*told, *(line.strip() for line in secrets_file or ())]
    found: dict[str, str] = {}
    for line in filter(None, lines):
        name, mark, value = line.partition("=")
        if not mark:
            raise Invalid.at("/settings", "has a line without =")
        found[name] = f"{found[name]}\n{value}" if name in found else value
    return found
