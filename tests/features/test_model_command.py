"""`kulanz model` for a shop: add, challenge, promote, retire, list, history; and what it says without its extra."""

import importlib
import json
from dataclasses import dataclass

import pytest
from click.testing import CliRunner

from gateway import commands_model
from gateway.core.errors import GatewayError
from gateway.core.services import Services
from gateway.merchants.models import UserEvent
from gateway.risk import card, model_file
from gateway.risk.champions import ModelUnknown, NotProven
from tests.builders import a_world


@dataclass
class Operator:
    """What `kulanz` hands to its commands."""

    services: Services


@pytest.fixture
def world(services):
    return a_world(services)


@pytest.fixture
def kulanz(services, world, monkeypatch):
    monkeypatch.setattr("gateway.merchants.merchants.list_ids", lambda _: [world.merchant_id])

    def run(*words):
        done = CliRunner().invoke(commands_model.model, [*words], obj=Operator(services))
        if isinstance(done.exception, GatewayError):
            raise done.exception
        assert done.exit_code == 0, done.output
        return json.loads(done.output) if "--json" in words else done.output

    return run


@pytest.fixture
def file(tmp_path):
    raw = json.loads(card.shipped_text("expert-1")) | {"id": "ours"}
    raw["outputs"]["default"]["intercept"] = -3.0
    path = tmp_path / "ours.json"
    path.write_text(model_file.dump(raw))
    return path


def test_a_model_goes_from_file_to_champion_and_back(kulanz, file, services, world, tmp_path):
    """Each step is listed with who and why, and stands in the audit log."""
    assert kulanz("add", str(file), "--json")["role"] == "retired"
    assert kulanz("challenge", "ours", "--json")["role"] == "challenger"
    with pytest.raises(NotProven):
        kulanz("promote", "ours")
    assert kulanz("promote", "ours", "--force", "--reason", "pilot", "--json")["role"] == "champion"
    kulanz("add", "expert-1")
    kulanz("promote", "expert-1")
    assert {one["name"]: one["role"] for one in kulanz("list", "--json")} == {
        "ours": "challenger",
        "expert-1": "champion",
    }
    kulanz("retire", "expert-1", "--reason", "back again")
    roles = [(one["model"], one["role"], one["reason"]) for one in kulanz("history", "--json")]
    assert roles[0] == ("expert-1", "retired", "back again")
    assert ("ours", "champion", "pilot") in roles
    kulanz("file", "ours", "--out", str(tmp_path / "back.json"))
    assert (tmp_path / "back.json").read_text() == file.read_text()
    with services.db.transaction(world.merchant_id) as session:
        noted = [event.action for event in session.query(UserEvent).order_by(UserEvent.id)]
    assert noted.count("model.champion") == 2
    with pytest.raises(ModelUnknown):
        kulanz("retire", "nobody")


def test_forcing_needs_a_reason(kulanz, services):
    """Somebody will ask."""
    done = CliRunner().invoke(commands_model.model, ["promote", "ours", "--force"], obj=Operator(services))
    assert done.exit_code == 2


def test_an_additive_model_is_shown_point_by_point(kulanz):
    """As the score card's document is."""
    assert "| orders paid (`paid_orders`, count) |" in kulanz("show", "expert-1")
    assert "expert-1 is sound" in kulanz("check", str(card.CARDS / "expert-1.json"))


def test_training_without_its_extra_says_what_to_install(kulanz, monkeypatch, tmp_path):
    """One line, no trace of a program."""

    def missing(name):
        raise ModuleNotFoundError(name="lightgbm")

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(commands_model.TrainingMissing):
        kulanz("train", str(tmp_path / "x.csv"), "--id", "x")
