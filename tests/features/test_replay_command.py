"""`kulanz replay FILE` as it is typed: results, errors, exit status, and no database unless a shop is named."""

import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway import cli
from gateway.core import clock
from gateway.core.ids import to_public
from gateway.merchants import policies
from tests.builders import a_world
from tests.conftest import SHARED

ROOT = Path(__file__).resolve().parents[2]
MAPPING = {
    "columns": {"id": "id", "total_minor": "total_minor", "chance": "score.fraud", "fraud": "outcome.fraud"},
    "constants": {"currency": "EUR", "score.default": 0, "score.return": 0, "facts.country": "DE"},
    "methods": [{"id": "invoice", "kind": "invoice"}, {"id": "bank", "kind": "prepayment"}],
}
ORDERS = "id,total_minor,chance,fraud\n=1+1,12000,0.01,0\nb,9000,0.9,1\nc,x,0.1,0\n"


class NoServices:
    """A command line without a database: touching it is an error."""

    @property
    def services(self):
        raise AssertionError("a replay of a file needs no database")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "orders.csv").write_text(ORDERS)
    (tmp_path / "mapping.json").write_text(json.dumps(MAPPING))
    return tmp_path


def run(folder, *words, obj=None):
    words = [
        str(folder / word) if (folder / word).exists() or word.endswith((".csv", ".json")) else word for word in words
    ]
    return CliRunner().invoke(cli.main, ["replay", *words], obj=obj or NoServices(), catch_exceptions=True)


def test_a_file_is_replayed_with_results_and_errors_beside_it(folder):
    """The bad row is named by line, the formula is text, the summary counts both."""
    done = run(folder, "orders.csv", "--mapping", "mapping.json", "--out", "out.csv", "--errors", "errors.csv")
    assert (done.exit_code, done.exception) == (0, None), done.output
    assert "2 rows replayed, 1 bad" in done.output
    result = list(csv.DictReader((folder / "out.csv").read_text().splitlines()))
    assert [(row["line"], row["id"], row["method"]) for row in result] == [
        ("2", "'=1+1", "invoice"),
        ("3", "b", "bank"),
    ]
    assert list(csv.reader((folder / "errors.csv").read_text().splitlines()))[1] == [
        "4",
        "c",
        "total_minor",
        "must be a whole number",
    ]


def test_the_summary_is_there_for_programs(folder):
    """As JSON, in minor units."""
    done = run(folder, "orders.csv", "--mapping", "mapping.json", "--json", "--limit", "2", "--segment", "country")
    told = json.loads(done.stdout)
    assert (told["rows"], told["bad_rows"], told["currency"], told["segments"]["DE"]["rows"]) == (2, 0, "EUR", 2)


def test_a_run_without_one_good_row_fails(folder):
    """A wrong mapping must not look like a success."""
    (folder / "orders.csv").write_text("id,total_minor,chance,fraud\na,x,0.1,0\n")
    done = run(folder, "orders.csv", "--mapping", "mapping.json")
    assert done.exception.code == "nothing-replayed"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["absent.csv", "--mapping", "mapping.json"], "replay-file-unreadable"),
        (["orders.csv", "--mapping", "absent.json"], "file-unreadable"),
        (["orders.csv", "--mapping", "mapping.json", "--model", "absent.json"], "file-unreadable"),
        (["orders.csv"], "invalid-input"),
        (["orders.csv", "--mapping", "mapping.json", "--segment", "colour"], "invalid-input"),
        (["orders.csv", "--mapping", "mapping.json", "--out", "orders.csv"], "invalid-input"),
        (["orders.csv", "--mapping", "mapping.json", "--out", "x.csv", "--errors", "x.csv"], "invalid-input"),
        (["orders.csv", "--mapping", "mapping.json", "--out", "absent/x.csv"], "result-unwritable"),
        (["dec_nonsense"], "decision-of-nobody"),
    ],
)
def test_what_cannot_be_done_is_named(folder, words, code):
    """And what is read is never written over."""
    done = run(folder, *words)
    assert getattr(done.exception, "code", done.exception) == code, done.output
    assert (folder / "orders.csv").read_text() == ORDERS


def test_the_policy_of_a_shop_decides_when_it_is_named(folder, services):
    """No invoice there, so none in the replay."""
    world = a_world(services)
    with services.db.transaction(world.merchant_id) as session:
        body = {"methods": {"invoice": {"enabled": False}}}
        version = policies.save(session, world.shop_id, "checkout", body, "test", "", clock.now())
        policies.activate(session, world.shop_id, "checkout", version, clock.now())

    class Here:
        def __init__(self):
            self.services = services

        def merchant_ids(self):
            return [world.merchant_id]

    shop = to_public("shp", world.shop_id)
    done = run(folder, "orders.csv", "--mapping", "mapping.json", "--shop", shop, "--json", obj=Here())
    told = json.loads(done.stdout)
    assert told["kinds"]["invoice"]["reasons"] == {"switched_off": 2}
    assert told["versions"]["policy"] == "1"


DATA = SHARED / "data" / "bnpp_credit_fraud_skrub.zip"


@pytest.mark.slow
@pytest.mark.skipif(not DATA.is_file(), reason="needs ../shared/data/bnpp_credit_fraud_skrub.zip")
def test_the_baskets_of_the_readme_are_replayed_as_it_says(folder):
    """Half of the way from the best single method to perfect foresight, predicted within a per cent, by honest scores."""
    pytest.importorskip("lightgbm", reason="needs the extra that trains models")
    scores = folder / "bnpp.csv"
    subprocess.run([sys.executable, "-m", "bench.bnpp", str(scores)], cwd=ROOT, check=True, capture_output=True)
    shutil.copytree(ROOT / "examples" / "replay", folder / "replay")
    words = [f"--{name}={folder}/replay/bnpp-{name}.yaml" for name in ("mapping", "policy", "economics")]
    told = json.loads(run(folder, str(scores), *words, "--json").stdout)
    found = told["contribution"]
    assert (told["rows"], told["best_single"]) == (92_790, "card")
    assert found["everything"]["realised_minor"] / 92_790 == pytest.approx(11_926, abs=1)
    assert found["of_the_way_best_offer"] >= 0.50
    assert abs(found["predicted_off"]) <= 0.01
