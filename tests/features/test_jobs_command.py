"""Dead jobs are listed and get another chance at the machine."""

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from gateway.commands_jobs import jobs
from gateway.core import clock
from gateway.core.ids import new_id, to_public
from gateway.core.work import DeadJob

MERCHANT = new_id()


@pytest.fixture
def services(services, worker_db):
    """As the command line has them: with the worker's role, which alone may take from the dead."""
    return replace(services, db=worker_db)


@pytest.fixture
def kulanz(services):
    def run(*words):
        done = CliRunner().invoke(jobs, list(words), obj=SimpleNamespace(services=services))
        return json.loads(done.output) if "--json" in words and done.exit_code == 0 else done.output

    return run


@pytest.fixture
def three_dead(services):
    """Two deliveries, and one chore of no merchant."""
    facts = {"queue": "default", "args": {}, "attempts": 20, "last_error": "unexpected KeyError"}
    with services.db.transaction(None) as session:
        for number, task in enumerate(["outbox.deliver", "outbox.deliver", "history.anchor_all"], 1):
            owner = MERCHANT if number < 3 else None
            session.add(DeadJob(id=number, task=task, merchant_id=owner, created_at=clock.now(), **facts))


def living(services):
    with services.db.transaction(None) as session:
        return session.execute(text("SELECT task FROM job ORDER BY id")).scalars().all()


def test_dead_jobs_are_listed_with_what_they_died_of(kulanz, three_dead):
    """The newest first; no arguments of theirs."""
    rows = kulanz("dead", "--json")
    assert [row["id"] for row in rows] == [3, 2, 1]
    assert rows[1] | {"died": ""} == {
        "id": 2,
        "task": "outbox.deliver",
        "merchant": to_public("mer", MERCHANT),
        "attempts": 20,
        "error": "unexpected KeyError",
        "died": "",
    }
    assert kulanz("dead").splitlines()[0].split() == ["id", "task", "merchant", "attempts", "error", "died"]


def test_a_dead_job_lives_again_by_its_id_or_with_all_of_its_task(kulanz, three_dead, services):
    """And is no longer among the dead."""
    assert kulanz("replay", "3", "--json") == {"replayed": 1}
    assert living(services) == ["history.anchor_all"]
    assert kulanz("replay", "--task", "outbox.deliver", "--json") == {"replayed": 2}
    assert kulanz("replay", "3", "--json") == {"replayed": 0}
    assert (len(living(services)), kulanz("dead")) == (3, "none\n")


def test_nothing_is_replayed_without_saying_what(kulanz, three_dead, services):
    """Neither nothing nor both."""
    assert "give either ids or --task" in kulanz("replay")
    assert "give either" in kulanz("replay", "1", "--task", "outbox.deliver")
    assert living(services) == []
