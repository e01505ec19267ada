"""`kulanz bank`: files taken by hand, a folder looked into, gaps told."""

import os
import time
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from gateway import commands_bank
from gateway.cli import main
from tests.builders import a_world

CSV = (
    '"Booking Date","Value Date","Partner Name","Partner Iban",Type,"Payment Reference","Account Name","Amount (EUR)"\n'
    '2026-01-05,2026-01-05,"Erika",DE02120300000000202051,"Credit Transfer",RE-1,Main,1119.5\n'
)


@pytest.fixture
def run(services):
    world = a_world(services)

    def command(*words):
        arguments = ["bank", *words]
        return CliRunner().invoke(main, arguments, obj=SimpleNamespace(services=services), catch_exceptions=False)

    command.merchant = world
    return command


def drop(folder, name, content, age_s=60):
    path = folder / name
    path.write_text(content)
    os.utime(path, (time.time() - age_s,) * 2)
    return path


def test_a_file_is_taken_by_hand(run, tmp_path):
    """Once; the second time says that it is known."""
    path = drop(tmp_path, "a.csv", CSV)
    assert '"new": 1' in run("take", str(path), "--json").output
    assert '"repeated": true' in run("take", str(path), "--json").output
    assert '"csv"' in run("statements", "--json").output
    assert run("gaps", "--json").output.strip() == "[]"


def test_a_watched_folder_sorts_what_it_finds(run, tmp_path):
    """Read to `taken`, unreadable to `refused` with the reason, unfinished and hidden left alone."""
    drop(tmp_path, "a.csv", CSV)
    drop(tmp_path, "b.csv", "nothing")
    drop(tmp_path, "c.csv", CSV, age_s=0)
    drop(tmp_path, ".d.csv", CSV)
    output = run("watch", str(tmp_path), "--once").output
    assert "a.csv: 1 new of 1" in output
    assert "b.csv: bank-file-unreadable" in output
    assert sorted(path.name for path in (tmp_path / "taken").iterdir()) == ["a.csv"]
    assert sorted(path.name for path in (tmp_path / "refused").iterdir()) == ["b.csv", "b.csv.reason.txt"]
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == [".d.csv", "c.csv"]


def test_a_file_of_a_name_known_before_does_not_replace_it(run, tmp_path):
    """Banks name every file alike."""
    for _ in range(2):
        drop(tmp_path, "a.csv", CSV)
        run("watch", str(tmp_path), "--once")
    assert sorted(path.name for path in (tmp_path / "taken").iterdir()) == ["a-1.csv", "a.csv"]


def test_the_oldest_is_taken_first(tmp_path):
    """So that statements follow each other."""
    new, old = drop(tmp_path, "a", "", 10), drop(tmp_path, "b", "", 100)
    assert commands_bank.waiting(tmp_path, time.time()) == [old, new]


def test_a_file_that_cannot_be_moved_keeps_no_other_waiting(run, tmp_path):
    """It is told, lies there still, and the next look finds that it was taken."""
    for name, content in (("a.csv", CSV), ("b.csv", CSV.replace("RE-1", "RE-2"))):
        drop(tmp_path, name, content)
    in_the_way = drop(tmp_path, "taken", "a file where the folder should be", age_s=0)
    output = run("watch", str(tmp_path), "--once").output
    assert "a.csv: File exists; tried again at the next look" in output
    assert "b.csv: File exists" in output
    in_the_way.unlink()
    assert "a.csv: 0 new of 1" in run("watch", str(tmp_path), "--once").output
    assert sorted(path.name for path in (tmp_path / "taken").iterdir()) == ["a.csv", "b.csv"]
