"""`kulanz privacy`: an operator sees what is due, answers, copies, corrects, notes an objection, erases."""

import io
import json
import zipfile
from datetime import timedelta
from types import SimpleNamespace

import pytest
import time_machine
from click.testing import CliRunner
from sqlalchemy import select

from gateway import wiring
from gateway.commands_privacy import privacy
from gateway.core import clock
from gateway.core.errors import GatewayError
from gateway.core.ids import to_public
from gateway.merchants.models import UserEvent
from gateway.shops.buyers import BuyerErased, BuyerUnknown
from gateway.shops.models import Buyer, BuyerIndex
from tests.builders import a_world
from tests.rights_visits import a_decision, mails

ADA = "ada@example.com"


@pytest.fixture
def world(services, app):
    world = a_world(services)
    a_decision(app, world)
    return world


@pytest.fixture
def kulanz(services, world):
    def run(*words):
        operator = SimpleNamespace(services=services, objections=wiring.OBJECTIONS)
        words = (*words, "--merchant", to_public("mer", world.merchant_id), "--json")
        done = CliRunner().invoke(privacy, list(words), obj=operator)
        if isinstance(done.exception, GatewayError):
            raise done.exception
        return json.loads(done.output) if done.exit_code == 0 else done.output

    return run


def the(services, world, table):
    with services.db.transaction(world.merchant_id) as session:
        return list(session.scalars(select(table)))


def test_what_is_due_is_listed_by_deadline(app, services, kulanz, world):
    """`--due` shows the last week before a deadline, and what is late."""
    decision = a_decision(app, world)
    body = {"kind": "review", "decision_id": decision["id"], "text": "Warum?"}
    made = app.test_client().post("/v1/privacy/requests", json=body, headers=world.auth).json
    assert [row["id"] for row in kulanz("list")] == [made["id"]]
    assert kulanz("list", "--due") == []
    with time_machine.travel(clock.now() + timedelta(days=27)):
        assert [row["id"] for row in kulanz("list", "--due")] == [made["id"]]
    assert kulanz("show", made["id"])["text"] == "Warum?"
    assert kulanz("answer", made["id"], "grant-once", "--text", "Gern.")["outcome"] == "granted"
    assert kulanz("list") == []
    assert [row["outcome"] for row in kulanz("list", "--all")] == ["granted"]


def test_everything_known_of_a_buyer_goes_into_a_new_file_that_only_its_owner_reads(kulanz, services, world, tmp_path):
    """And the log says that it was made."""
    out = tmp_path / "ada.zip"
    told = kulanz("export", ADA, "--out", str(out))
    assert (told["decisions"], told["orders"], told["complete"]) == (1, 0, True)
    assert out.stat().st_mode & 0o777 == 0o600
    with zipfile.ZipFile(io.BytesIO(out.read_bytes())) as archive:
        assert sorted(archive.namelist()) == ["data.html", "data.json"]
        assert ADA in archive.read("data.html").decode()
    assert [event.action for event in the(services, world, UserEvent)] == ["buyer.copied"]
    assert "is there already" in kulanz("export", ADA, "--out", str(out))


def test_an_objection_is_stored_and_ended(kulanz, services, world):
    """On the buyer, with a request each and a letter each."""
    assert kulanz("object", ADA)["outcome"] == "noted"
    assert the(services, world, Buyer)[0].objected_at is not None
    assert kulanz("object", ADA, "--end")["outcome"] == "ended"
    assert the(services, world, Buyer)[0].objected_at is None
    assert len(mails(services, world)) == 2


def test_a_buyer_is_corrected_field_by_field(kulanz, services, world):
    """The right phone number leads to him."""
    before = {bytes(row.digest) for row in the(services, world, BuyerIndex) if row.kind == "phone"}
    assert kulanz("correct", ADA, "--set", "phone=+49 40 36902399")["outcome"] == "corrected"
    after = {bytes(row.digest) for row in the(services, world, BuyerIndex) if row.kind == "phone"}
    assert after
    assert after.isdisjoint(before)
    assert "field=value" in kulanz("correct", ADA, "--set", "phone")


def test_a_buyer_is_erased_and_written_to(kulanz, services, world):
    """His requests end with him."""
    assert kulanz("erase", ADA, "--yes")["outcome"] == "erased"
    assert the(services, world, Buyer)[0].wrapped_key is None
    assert "gelöscht" in mails(services, world)[0][0].body
    with pytest.raises(BuyerUnknown):
        kulanz("erase", ADA, "--yes")
    with pytest.raises(BuyerErased):
        kulanz("object", to_public("buy", the(services, world, Buyer)[0].id))


def test_live_and_test_buyers_are_different_people(kulanz):
    """`--test` looks among the others."""
    with pytest.raises(BuyerUnknown):
        kulanz("object", ADA, "--test")
