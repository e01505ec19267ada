"""`kulanz letters`: an operator tells the sender, reads, takes back, prints and confirms."""

import json
import zipfile
from datetime import timedelta
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from gateway.commands_letters import letters as group
from gateway.core import clock
from gateway.core.ids import to_public
from gateway.core.work import Job
from gateway.law.tables import shipped
from gateway.receivables import letter_job, letters
from gateway.receivables.letter_model import Channel, Kind
from gateway.receivables.letters import Draft
from tests.builders import a_world
from tests.claims_made import SENDER, a_claim


@pytest.fixture
def world(services):
    return a_world(services)


@pytest.fixture
def kulanz(services, world):
    def run(*words):
        words = (*words, "--merchant", to_public("mer", world.merchant_id), "--json")
        done = CliRunner().invoke(group, list(words), obj=SimpleNamespace(services=services))
        return json.loads(done.output) if done.exit_code == 0 else done.output

    return run


def a_letter(services, world, *, laid_out=True):
    now = clock.now()
    with services.db.transaction(world.merchant_id) as session:
        owed = a_claim(session, services, world, now - timedelta(days=1))
        wanted = Draft(Kind.REMINDER, (owed.claim_id,), now, channel=Channel.POST)
        letter_id = letters.draft(session, wanted, shipped())
    if laid_out:
        job = Job(1, "default", letters.TASK, world.merchant_id, {"letter_id": str(letter_id)}, 1)
        letter_job.render_letter(services, job)
    return to_public("ltr", letter_id)


def tell_sender(kulanz):
    return kulanz("sender", *(word for pair in SENDER.items() for word in ("--set", "=".join(pair))))


def test_a_sender_is_told_field_by_field_and_every_fault_is_named(kulanz):
    assert "iban is needed" in kulanz("sender", "--set", "legal_name=Kaffeehaus Nord GmbH")
    assert tell_sender(kulanz)["iban"] == "DE89370400440532013000"
    assert kulanz("sender", "--set", "city=Kiel")["city"] == "Kiel"
    assert "is no valid IBAN" in kulanz("sender", "--set", "iban=DE12")


def test_a_letter_is_listed_shown_and_taken_back(services, world, kulanz):
    tell_sender(kulanz)
    letter_id = a_letter(services, world, laid_out=False)
    assert [row["id"] for row in kulanz("list")] == [letter_id]
    assert kulanz("cancel", letter_id)["state"] == "WITHDRAWN"
    assert kulanz("show", letter_id)["ended_why"] == "cancelled"


def test_paper_is_written_and_confirmed(services, world, kulanz, tmp_path):
    tell_sender(kulanz)
    letter_id = a_letter(services, world)
    batch = kulanz("print", "--out", str(tmp_path / "today.zip"))
    assert zipfile.ZipFile(tmp_path / "today.zip").namelist() == ["letters.csv", f"{letter_id}.pdf"]
    assert kulanz("confirm", batch["id"]) == {"sent": 1, "failed": 0}
    assert kulanz("pdf", letter_id, "--out", str(tmp_path / "one.pdf"))["bytes"] > 1000
    assert kulanz("returned", letter_id, "--why", "moved")["state"] == "BOUNCED"


def test_a_parked_letter_says_what_is_wrong(services, world, kulanz):
    letter_id = a_letter(services, world)
    (finding,) = kulanz("show", letter_id)["findings"]
    assert finding.startswith("missing /sender")
