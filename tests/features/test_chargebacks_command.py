"""`kulanz chargebacks`: what answering costs is set and counts."""

import json
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from gateway.chargebacks import terms
from gateway.cli import main
from tests.builders import a_world


@pytest.fixture
def run(services):
    a_world(services)

    def command(*words):
        return CliRunner().invoke(main, ["chargebacks", *words], obj=SimpleNamespace(services=services))

    return command


def test_terms_begin_with_the_documented_ones_and_are_set_part_by_part(run):
    """What is not named stays as it was."""
    assert json.loads(run("terms", "--json").output) == {"minutes": 30, "rate_minor": 4000, "fees": {}}
    run("terms", "--minutes", "20", "--fee", "stripe=2000")
    run("terms", "--rate", "5000", "--fee", "adyen=0")
    told = json.loads(run("terms", "--json").output)
    assert told == {"minutes": 20, "rate_minor": 5000, "fees": {"stripe": 2000, "adyen": 0}}


@pytest.mark.parametrize(
    "fee", ["stripe", "=5", "stripe=-1", "stripe=1.5", "stripe=\u0661", f"stripe={terms.MAX_FEE + 1}"]
)
def test_a_fee_that_is_none_is_refused(run, fee):
    """And nothing is changed."""
    assert run("terms", "--fee", fee).exit_code != 0
    assert json.loads(run("terms", "--json").output)["fees"] == {}


def test_an_empty_list_is_a_list(run):
    """Open and ended."""
    assert json.loads(run("list", "--json").output) == []
    assert json.loads(run("list", "--ended", "--json").output) == []
