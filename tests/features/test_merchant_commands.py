"""What an operator sets up at the machine: merchants, shops, keys, people, connections, endpoints."""

import json
from dataclasses import dataclass

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from gateway import commands_desk, commands_merchants, wiring
from gateway.command_line import NotOne
from gateway.core import clock
from gateway.core.errors import GatewayError, Invalid
from gateway.core.ids import from_public
from gateway.core.services import Services
from gateway.merchants import merchants, users
from gateway.merchants.auth import find_principal
from gateway.merchants.callbacks import EVENT_TYPES, EndpointUnknown
from gateway.merchants.login import authenticate
from gateway.merchants.models import UserEvent
from gateway.merchants.users import UserUnknown
from gateway.shops import connections

_GROUPS = (
    *(commands_merchants.merchant, commands_merchants.shop, commands_merchants.key),
    *(commands_desk.user, commands_desk.connection, commands_desk.callback),
)
GROUPS = {group.name: group for group in _GROUPS}


@dataclass
class Operator:
    """What `kulanz` hands to its commands."""

    services: Services


@pytest.fixture
def kulanz(services):
    """Type a command; `--json` answers come back decoded."""

    def run(group, *words, **typed):
        done = CliRunner().invoke(GROUPS[group], list(words), obj=Operator(services), **typed)
        if isinstance(done.exception, GatewayError):
            raise done.exception
        assert done.exit_code == 0, done.output
        return json.loads(done.output) if "--json" in words else done.output

    return run


@pytest.fixture
def set_up(kulanz):
    """A merchant with one live shop."""
    kulanz("merchant", "create", "Muster & Söhne")
    return kulanz("shop", "create", "Musterladen", "--live", "--platform", "woocommerce", "--holds-orders", "--json")


def test_the_first_five_commands_lead_to_a_working_key(kulanz, set_up, services):
    """With one merchant and one shop no ids need be typed."""
    made = kulanz("key", "create", "--name", "plugin", "--scope", "orders:write", "--json")
    principal = find_principal(services.db, made["key"])
    assert (principal.live, principal.scopes) == (True, {"orders:write"})
    listing = kulanz("key", "list")
    assert made["id"] in listing
    assert made["key"] not in listing
    kulanz("key", "revoke", made["id"])
    assert find_principal(services.db, made["key"]) is None
    assert "Musterladen" in kulanz("merchant", "show")
    assert "Muster & Söhne" in kulanz("merchant", "list")


def test_a_closed_merchant_is_still_rotated_proven_and_anchored_but_not_asked_about(kulanz, set_up, services):
    """Commands about one merchant mean the open one; those about all visit the closed one too."""
    other = merchants.create(services.db, services.keyring, "Beispiel AG", "CH", clock.now())
    with services.db.transaction(other) as session:
        merchants.close(session, clock.now())
    assert other in wiring.merchant_ids(services.db)
    assert "Musterladen" in kulanz("shop", "list")


def test_with_two_merchants_the_command_asks_whose(kulanz, set_up, services):
    """Nothing is guessed."""
    other = kulanz("merchant", "create", "Beispiel AG", "--country", "CH", "--json")
    done = CliRunner().invoke(GROUPS["shop"], ["list"], obj=Operator(services))
    assert (done.exit_code, NotOne("merchant", 2).message in done.output) == (1, True)
    assert kulanz("shop", "list", "--merchant", other["id"]) == "none\n"
    done = CliRunner().invoke(GROUPS["key"], ["create", "--merchant", other["id"]], obj=Operator(services))
    assert "there is no shop yet" in done.output
    done = CliRunner().invoke(GROUPS["shop"], ["list", "--merchant", "mer_x"], obj=Operator(services))
    assert (done.exit_code, "mer_x is no id" in done.output) == (2, True)


def test_mistakes_are_named_by_the_feature(kulanz):
    """The command line adds no rules of its own."""
    with pytest.raises(Invalid):
        kulanz("merchant", "create", "Muster", "--country", "XX")
    kulanz("merchant", "create", "Muster")
    with pytest.raises(Invalid):
        kulanz("shop", "create", "Laden", "--timezone", "Berlin")


def test_signing_keys_are_rotated_and_retired(kulanz, set_up):
    """First the new one signs, later the old one ends."""
    assert kulanz("shop", "rotate-key", "--json") == {"signs": "k2", "verify": ["k1", "k2"]}
    assert kulanz("shop", "rotate-key", "--retire", "k1", "--json") == {"signs": "k2", "verify": ["k2"]}


def test_a_shop_is_closed_only_when_confirmed(kulanz, set_up, services):
    """Its key stops working."""
    made = kulanz("key", "create", "--json")
    done = CliRunner().invoke(GROUPS["shop"], ["close", set_up["id"]], obj=Operator(services), input="n\n")
    assert done.exit_code == 1
    assert find_principal(services.db, made["key"])
    assert kulanz("shop", "close", set_up["id"], "--yes", "--json")["closed"]
    assert find_principal(services.db, made["key"]) is None


def test_people_are_invited_given_roles_and_shown_out(kulanz, set_up, services):
    """By their e-mail address."""
    link = kulanz("user", "invite", "ada@example.com", "Ada Byron", "--role", "owner", "--json")["link"]
    token = link.rpartition("/")[2]
    assert link.startswith(services.public_url + users.INVITE_PATH)
    users.accept(services.db, services.keyring, token, "six horses in the rain", clock.now())
    assert authenticate(services.db, services.keyring, "ada@example.com", "six horses in the rain", clock.now())
    kulanz("user", "invite", "grace@example.com", "Grace Hopper")
    again = kulanz("user", "invite", "Grace@example.com", "Grace Hopper", "--json")
    assert "usr_" in again["id"]
    kulanz("user", "set-role", "grace@example.com", "admin")
    typed = "another long password\nanother long password\n"
    assert "set" in kulanz("user", "set-password", "grace@example.com", input=typed)
    assert authenticate(services.db, services.keyring, "grace@example.com", "another long password", clock.now())
    kulanz("user", "disable", again["id"])
    assert "Grace Hopper" in kulanz("user", "list")
    with pytest.raises(UserUnknown):
        kulanz("user", "disable", "grace@example.com")


def test_a_connection_is_printed_once_and_closed(kulanz, set_up, services):
    """Address and secret are not listed again."""
    made = kulanz("connection", "create", "--json")
    word = made["address"].rpartition("/")[2]
    assert connections.find(services.db, services.keyring, word)
    listing = kulanz("connection", "list")
    assert made["id"] in listing
    assert word not in listing
    kulanz("connection", "close", made["id"])
    assert connections.find(services.db, services.keyring, word) is None


def test_an_endpoint_is_registered_changed_and_disabled(kulanz, set_up):
    """All events where none is named."""
    made = kulanz("callback", "create", "https://erp.example.com/kulanz", "--json")
    assert made["events"] == sorted(EVENT_TYPES)
    assert kulanz("callback", "rotate-secret", made["id"], "--json")["secret"] != made["secret"]
    kulanz("callback", "disable", made["id"])
    assert made["secret"] not in kulanz("callback", "list")
    with pytest.raises(EndpointUnknown):
        kulanz("callback", "disable", "cbe_00000000000000000000000000")


@pytest.mark.parametrize(
    ("group", "command"), [(group.name, name) for group in GROUPS.values() for name in group.commands]
)
def test_every_command_shows_an_example(group, command):
    """`--help` needs neither database nor settings."""
    shown = CliRunner().invoke(GROUPS[group], [command, "--help"])
    assert shown.exit_code == 0
    assert f"Example: kulanz {group} {command}" in shown.output


def test_what_an_operator_does_at_the_machine_stands_in_the_log(kulanz, set_up, services):
    """The merchant reads it at the desk, like the acts of his own people."""
    key = kulanz("key", "create", "--json")["id"]
    kulanz("key", "revoke", key)
    kulanz("shop", "rotate-key")
    kulanz("shop", "rotate-key", "--retire", "k1")
    kulanz("connection", "close", kulanz("connection", "create", "--json")["id"])
    endpoint = kulanz("callback", "create", "https://erp.example.com/kulanz", "--json")["id"]
    kulanz("callback", "rotate-secret", endpoint)
    kulanz("callback", "disable", endpoint)
    kulanz("shop", "close", set_up["id"], "--yes")
    (merchant_id,) = merchants.list_ids(services.db)
    with services.db.transaction(merchant_id) as session:
        acts = session.scalars(select(UserEvent).order_by(UserEvent.id)).all()
    assert {act.actor for act in acts} == {"operator"}
    assert [act.action for act in acts] == [
        "shop.created",
        "key.created",
        "key.revoked",
        "shop.key-rotated",
        "shop.key-retired",
        "connection.created",
        "connection.closed",
        "callback.created",
        "callback.secret-rotated",
        "callback.disabled",
        "shop.closed",
    ]
    assert acts[1].subject == f"api_key:{from_public('key', key)}"
