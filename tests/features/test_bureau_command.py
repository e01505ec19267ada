"""`kulanz bureau`: connected, tried out, its cost; and what the demo merchant is given."""

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from gateway import cli
from gateway.core import clock
from gateway.demo.seed import DEMO_MERCHANT, seed
from gateway.merchants import policies
from gateway.risk import bureaus
from gateway.risk.bureau_models import BureauSecret, BureauVersion
from tests import bureaus as made
from tests.builders import a_world
from tests.pure.test_bureau_document import DOCUMENT


@pytest.fixture
def services(services):
    with made.a_sandbox() as url:
        yield replace(services, sandbox_url=url)


def kulanz(services, *words):
    return CliRunner().invoke(cli.main, ["bureau", *words], obj=SimpleNamespace(services=services))


def told(services, *words):
    result = kulanz(services, *words, "--json")
    assert result.exit_code == 0, result.output + str(result.exception)
    return json.loads(result.output)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "bureau.json"
    path.write_text(json.dumps(DOCUMENT))
    (tmp_path / "token").write_text("s3cret-token\n")
    return path


def test_a_bureau_is_connected_shown_and_removed_with_its_secret(services, file):
    """Versions stay; the secret is shown nowhere and destroyed with the removal."""
    a_world(services)
    secret = str(file.parent / "token")
    assert told(services, "add", "boni", str(file), "--secret-file", secret)["version"] == 1
    assert told(services, "add", "boni", str(file), "--secret-file", secret)["version"] == 2
    shown = kulanz(services, "show", "boni").output
    assert "bureau.example" in shown
    assert "s3cret" not in shown
    (listed,) = told(services, "list")
    assert (listed["name"], listed["for"]) == ("boni", "live shops")
    assert told(services, "remove", "boni")["removed"] is True
    assert told(services, "list") == []
    assert kulanz(services, "show", "boni").exception.code == "bureau-unknown"


def test_only_the_newest_secret_is_kept_and_never_in_clear(services, file):
    """Rotation destroys the old one; the stored one is sealed."""
    world = a_world(services)
    for _ in range(2):
        told(services, "add", "boni", str(file), "--secret-file", str(file.parent / "token"))
    with services.db.transaction(world.merchant_id) as session:
        (row,) = session.query(BureauSecret).all()
        assert b"s3cret" not in row.sealed
        assert session.query(BureauVersion).count() == 2
        assert made.book(services).configured(session, "boni").configured.secret == b"s3cret-token"


def test_a_faulty_file_is_refused_at_its_place(services, tmp_path):
    """Code and pointer, nothing saved."""
    a_world(services)
    path = tmp_path / "bureau.yaml"
    path.write_text("url: https://bureau.example\nauth: {kind: none}\n")
    error = kulanz(services, "add", "boni", str(path)).exception
    assert error.code == "invalid-input"
    assert {"/request", "/response"} <= {fault["path"] for fault in error.facts["errors"]}
    assert told(services, "list") == []


def test_a_bureau_outside_is_refused_for_test_shops(services, file):
    """Test shops send nothing outside."""
    a_world(services)
    error = kulanz(services, "add", "boni", str(file), "--test", "--secret-file", str(file.parent / "token")).exception
    assert error.facts["errors"][0]["path"] == "/url"


def test_a_bureau_can_be_tried_without_a_checkout(services, file):
    """The sandbox by name; of another one at least what would be sent."""
    a_world(services)
    told(services, "add", "sandbox", "--adapter", "sandbox", "--test")
    answer = told(services, "test", "sandbox", "--last-name", "Score420")
    assert (answer["outcome"], answer["score"]) == ("scored", 420)
    assert told(services, "test", "sandbox", "--postcode", "99902")["outcome"] == "error"
    told(services, "add", "boni", str(file), "--secret-file", str(file.parent / "token"))
    sent = told(services, "test", "boni", "--dry-run")
    assert json.loads(sent["body"])["person"]["lastName"] == "Mustermann"
    assert "s3cret" not in json.dumps(sent)


def test_the_meter_and_the_calls_can_be_read(app, services):
    """What the month has cost, and what each call came to."""
    world = a_world(services)
    made.asks(services, world)
    made.connect(services, world)
    for name in ("Score700", "Fehler", "Unbekannt"):
        made.select(app, world, made.decided(app, world, name))
    (month,) = told(services, "cost")
    assert (month["calls"], month["cost"], month["scored"], month["failed"]) == (3, "1.95 EUR", 1, 1)
    assert month["calls"] == sum(month[name] for name in ("scored", "no_hit", "failed", "lost"))
    calls = told(services, "calls", "sandbox")
    assert [call["outcome"] for call in calls] == ["no_hit", "error", "scored"]


def test_without_a_sandbox_there_is_nothing_to_connect_it_to(services):
    """An installation for production runs none."""
    bare = replace(services, sandbox_url="")
    a_world(bare)
    error = kulanz(bare, "add", "sandbox", "--adapter", "sandbox", "--test").exception
    assert error.facts["errors"][0]["path"] == "/adapter"


def test_the_demo_merchant_asks_the_sandbox(services):
    """Made once; a policy that somebody saved since is not touched."""
    demo = seed(services, clock.now())
    with services.db.transaction(DEMO_MERCHANT) as session:
        assert [each.name for each in bureaus.list_bureaus(session)] == ["sandbox"]
        assert policies.find_live(session, demo.shop_id, "checkout").body["bureau"]["kinds"] == [
            "invoice",
            "sepa_debit",
        ]
        bureaus.remove(session, "sandbox", "test", clock.now())
    seed(services, clock.now(), {"api_key": demo.api_key})
    with services.db.transaction(DEMO_MERCHANT) as session:
        assert bureaus.list_bureaus(session) == []
        assert policies.find_live(session, demo.shop_id, "checkout").version == 1


def test_a_visitor_of_the_demo_shop_places_his_order(app, services):
    """With JavaScript and without: confirmed, with a deposit, or please another method."""
    seed(services, clock.now())
    visitor = app.test_client()

    def placed(persona, method, **more):
        page = visitor.post("/demo", data={"persona": persona}).text
        decision = page.partition('name="decision" value="')[2].partition('"')[0]
        form = {"persona": persona, "decision": decision, "method": method, "notice": "1"} | more
        return visitor.post("/demo/order", data=form, headers={"X-Requested-With": "fetch"})

    assert "placed-confirmed" in placed("regular", "invoice").json["placed"]
    assert "placed-confirmed" in placed("overdue", "prepay").json["placed"]
    page = visitor.post("/demo", data={"persona": "regular"}).text
    decision = page.partition('name="decision" value="')[2].partition('"')[0]
    whole = visitor.post("/demo/order", data={"persona": "regular", "decision": decision, "method": "invoice"})
    assert "Bestellung aufgeben" in whole.text
    assert "placed-" in whole.text
    assert (
        visitor.post("/demo/order", data={"persona": "regular", "decision": "x", "method": "card"}).status_code == 404
    )


def test_decide_goes_on_to_the_choice(services, tmp_path):
    """`--select` shows the answer of stage 2 below the menu, or beside it as JSON."""
    world = a_world(services)
    made.asks(services, world)
    made.connect(services, world)
    question = made.a_question(buyer={"email": "a@example.com", "last_name": "Score300"}, context={})
    (tmp_path / "question.json").write_text(json.dumps(question))
    words = ["decide", str(tmp_path / "question.json"), "--key", world.secret, "--select", "cheque"]
    shown = CliRunner().invoke(cli.main, words, obj=SimpleNamespace(services=services))
    assert "Chosen: cheque  deposit  30 % = 37.47 EUR" in shown.output, shown.exception
    told = CliRunner().invoke(cli.main, [*words, "--format", "json"], obj=SimpleNamespace(services=services))
    assert json.loads(told.output)["selection"]["answer"] == "deposit"
