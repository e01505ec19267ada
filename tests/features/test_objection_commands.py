"""`kulanz objections` and `kulanz plans` at the machine: listed, shown, answered once, advanced, and their limits set."""

import json
from datetime import timedelta
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from gateway.commands_objections import objections_group, plans_group
from gateway.core import clock
from gateway.core.ids import new_id, to_public
from gateway.receivables import objections, plans
from gateway.receivables.agreement_models import InstalmentPlan, Objection
from gateway.receivables.letter_models import Letter
from gateway.receivables.objections import NewObjection
from gateway.receivables.plans import Wish
from tests.builders import a_world
from tests.debtors import Debtor

ANSWER = ("--text", "Zugestellt.", "--finding", "unclear", "--grounds", "Tracking")


@pytest.fixture
def debtor(services):
    return Debtor(services, a_world(services))


@pytest.fixture
def kulanz(services, debtor):
    def run(group, *words, fails=False, world=None, **options):
        told = (*words, "--merchant", to_public("mer", (world or debtor.world).merchant_id), "--json")
        result = CliRunner().invoke(
            group, told, obj=SimpleNamespace(services=services), catch_exceptions=fails, **options
        )
        assert (result.exit_code != 0) == fails, result.output
        return None if fails else json.loads(result.stdout)

    return run


@pytest.fixture
def objection(debtor, services):
    new = NewObjection(debtor.owes(), "defective", "key:test", "api", words="kaputt")
    with debtor.transaction() as session:
        return to_public("obj", objections.lodge(session, services.keyring, new, clock.now()).id)


@pytest.fixture
def plan(debtor, services):
    today = clock.now().date()
    wish = Wish((debtor.owes(9_000),), 3, today + timedelta(days=7))
    with debtor.transaction() as session:
        return to_public("pln", plans.agree(session, services.keyring, wish, "buyer:test", clock.now(), today).row.id)


def test_an_objection_is_listed_shown_and_answered_once(debtor, kulanz, objection):
    assert [one["id"] for one in kulanz(objections_group, "list")] == [objection]
    shown = kulanz(objections_group, "show", objection)
    assert (shown["state"], shown["words"]) == ("OPEN", "kaputt")
    assert kulanz(objections_group, "answer", objection, "rejected", *ANSWER)["state"] == "REJECTED"
    assert kulanz(objections_group, "show", objection)["answer"] == "Zugestellt."
    assert kulanz(objections_group, "list") == []
    assert len(kulanz(objections_group, "list", "--state", "REJECTED")) == 1
    kulanz(objections_group, "answer", objection, "accepted", *ANSWER, fails=True)
    assert [row.kind for row in debtor.rows(Letter)] == ["objection_received", "objection_answer"]


def test_a_part_is_credited_and_more_than_is_owed_is_not(debtor, kulanz, objection):
    kulanz(objections_group, "answer", objection, "accepted", *ANSWER, "--credit", "99999999", fails=True)
    assert debtor.rows(Objection)[0].state == "OPEN"
    kulanz(objections_group, "answer", objection, "accepted", *ANSWER, "--credit", "2490")
    assert debtor.claim(debtor.rows(Objection)[0].claim_id).principal_minor == 10_000


def test_ids_of_others_and_of_nobody_are_refused(services, debtor, kulanz, objection, plan):
    other = a_world(services)
    for group, id_ in ((objections_group, objection), (plans_group, plan)):
        kulanz(group, "show", id_, world=other, fails=True)
        assert kulanz(group, "list", world=other) == []
        for wrong in ("nonsense", to_public("obj", new_id()), to_public("pln", new_id())):
            kulanz(group, "show", wrong, fails=True)
    kulanz(objections_group, "answer", objection, "rejected", *ANSWER, world=other, fails=True)
    assert debtor.rows(Objection)[0].state == "OPEN"


def test_plans_are_listed_shown_and_advanced(debtor, kulanz, plan):
    """Nothing is due today, so nothing is done, twice."""
    assert [one["id"] for one in kulanz(plans_group, "list")] == [plan]
    assert kulanz(plans_group, "list", "--ended") == []
    shown = kulanz(plans_group, "show", plan)
    assert shown["state"] == "RUNNING"
    assert len([name for name in shown if name[0].isdecimal()]) == 3
    for _ in range(2):
        assert kulanz(plans_group, "advance") == []
    assert debtor.rows(InstalmentPlan)[0].state == "RUNNING"


def test_limits_are_shown_and_set_and_a_wrong_file_changes_nothing(debtor, kulanz):
    shop = ("--shop", to_public("shp", debtor.world.shop_id))
    assert kulanz(plans_group, "limits", *shop)["max_rates"] == 12
    assert kulanz(plans_group, "limits", "-", *shop, input='{"max_rates": 6}')["max_rates"] == 6
    kulanz(plans_group, "limits", "-", *shop, input='{"max_rates": 6000, "fee": 5}', fails=True)
    after = kulanz(plans_group, "limits", *shop)
    assert (after["max_rates"], after["version"]) == (6, 1)
