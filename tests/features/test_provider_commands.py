"""`kulanz provider`: an operator connects a payment provider, rotates its secrets, closes it."""

import json
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from gateway.commands_provider import provider
from gateway.core.errors import GatewayError, Invalid
from gateway.core.ids import to_public
from gateway.payments.providers import installed
from gateway.shops.connections import ConnectionUnknown
from tests.builders import a_world

SECRETS = (
    "webhook_secret=whsec_only_for_tests_0001\nwebhook_secret=whsec_the_next_one_0002\n\napi_key=rk_live_12345678\n"
)


@pytest.fixture
def kulanz(services):
    world = a_world(services)

    def run(*words, secrets=""):
        words = (*words, "--merchant", to_public("mer", world.merchant_id), "--json")
        done = CliRunner().invoke(provider, list(words), obj=SimpleNamespace(services=services), input=secrets)
        if isinstance(done.exception, GatewayError):
            raise done.exception
        assert done.exit_code == 0, done.output
        return json.loads(done.output)

    return run


def test_a_provider_is_connected_changed_and_closed(kulanz):
    """The address is shown once, secrets never."""
    made = kulanz("connect", "stripe", "--secrets-file", "-", secrets=SECRETS)
    assert "/in/stripe/" in made["address"]
    listed = kulanz("list")
    assert (listed[0]["provider"], listed[0]["secrets"]) == ("stripe", ["api_key", "webhook_secret"])
    assert made["address"].rpartition("/")[2] not in json.dumps(listed)
    changed = kulanz("change", made["id"], "--secrets-file", "-", secrets="api_key=\n")
    assert changed["secrets"] == ["webhook_secret"]
    kulanz("close", made["id"])
    assert kulanz("list")[0]["closed"] is not None
    with pytest.raises(ConnectionUnknown):
        kulanz("close", "con_01m80jtwssevksa7y719cbahm4")


def test_what_is_no_secret_may_stand_on_the_command_line(kulanz):
    """A line that is no setting is named without being shown."""
    secrets = f"hmac_key={'0f' * 32}\n"
    made = kulanz("connect", "adyen", "--set", "merchant_account=Muster", "--secrets-file", "-", secrets=secrets)
    assert kulanz("list")[0]["settings"] == ["merchant_account=Muster"]
    assert made["id"].startswith("con_")
    with pytest.raises(Invalid) as invalid:
        kulanz("connect", "stripe", "--secrets-file", "-", secrets="whsec_without_a_name\n")
    assert "whsec" not in json.dumps(invalid.value.facts)


def test_every_installed_provider_says_what_it_needs():
    """In words, with a pattern that its own kind of value fits."""
    done = CliRunner().invoke(provider, ["kinds", "--json"])
    rows = json.loads(done.output)
    assert {row["provider"] for row in rows} == set(installed())
    assert all(row["what"] for row in rows)
