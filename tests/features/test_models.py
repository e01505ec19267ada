"""Champion and challengers: every decision is scored by all, only the champion acts, and each can be made again."""

import json
from uuid import UUID

import psycopg
import pytest

from gateway.checkout.models import Decision
from gateway.checkout.replay import CardMissing, replay_decision
from gateway.core import clock
from gateway.core.errors import Invalid
from gateway.core.ids import from_public, new_id, to_public
from gateway.risk import card, champions, model_file
from gateway.risk.champions import (
    CHALLENGER,
    CHAMPION,
    RETIRED,
    Act,
    ModelNameTaken,
    ModelUnknown,
    NotProven,
    TooManyChallengers,
    TooManyModels,
)
from tests.builders import a_question, a_world

NOW = clock.now()
SURE = Act("anna", NOW, "we looked at it", force=True)


def a_file(name="shop-1", intercept=-3.0, **more) -> str:
    """The expert card with another base rate of default, under a name of its own."""
    raw = json.loads(card.shipped_text("expert-1")) | {"id": name} | more
    raw["outputs"]["default"]["intercept"] = intercept
    return model_file.dump(raw)


def a_report(gain, gain_error) -> dict:
    """What training says of itself."""
    learned = {"kind": "trees", "rows": 5000, "bads": 300, "metrics": {"gain": gain, "gain_error": gain_error}}
    return {
        "trained_on": "2026-11-24",
        "library": "lightgbm 4.7.0",
        "parameters": {"num_leaves": 8},
        "data_sha256": "0" * 64,
        "rows": 5000,
        "dates": ["2025-01-01", "2026-06-30"],
        "outputs": {"default": learned, "fraud": {"kind": "copied", "rows": 0, "bads": 0, "metrics": {}}},
    }


@pytest.fixture
def world(services):
    return a_world(services)


@pytest.fixture
def shop(services, world):
    """What one does to the models of the shop, each in a transaction of its own."""

    def act(what, *words):
        with services.db.transaction(world.merchant_id) as session:
            return getattr(champions, what)(session, world.shop_id, *words)

    return act


def asked(app, world, **overrides):
    answer = app.test_client().post("/v1/decisions", json=a_question(**overrides), headers=world.auth)
    assert answer.status_code == 201, answer.json
    return answer.json


def record_of(services, world, answer) -> dict:
    with services.db.transaction(world.merchant_id) as session:
        return json.loads(session.get(Decision, (world.merchant_id, from_public("dec", answer["id"]))).record)


def replayed(services, world, answer):
    with services.db.connection(world.merchant_id) as connection:
        return replay_decision(connection, world.merchant_id, from_public("dec", answer["id"]))


def test_challengers_are_scored_and_recorded_and_act_on_nothing(app, services, world, shop):
    """The menu is the champion's; what the others would have said stands beside it."""
    before = asked(app, world)
    for name, intercept in (("wary", 2.0), ("bold", -8.0)):
        made = shop("add", a_file(name, intercept), SURE)
        shop("assign", made.id, CHALLENGER, SURE)
    after = asked(app, world)
    assert after["offers"] == before["offers"]
    assert after["score"] == before["score"]
    said = {one["model"]: one for one in record_of(services, world, after)["challengers"]}
    assert set(said) == {"wary", "bold"}
    assert said["wary"]["default"] > after["score"]["default"] > said["bold"]["default"]
    assert said["wary"]["fraud"] == after["score"]["fraud"]
    assert "challengers" not in record_of(services, world, before)


def test_the_champion_acts_from_the_next_checkout_on(app, services, world, shop):
    """And is named in the answer; retired, the expert card acts again."""
    made = shop("add", a_file("wary", 2.0), SURE)
    shop("assign", made.id, CHAMPION, SURE)
    wary = asked(app, world)
    assert wary["versions"]["card"] == wary["score"]["card"] == "wary"
    assert wary["score"]["default"] > 0.5
    assert not [offer for offer in wary["offers"] if offer["kind"] == "invoice" and offer["show"]]
    shop("assign", made.id, RETIRED, SURE)
    assert asked(app, world)["versions"]["card"] == "expert-1"


def test_decisions_of_every_model_are_made_again_from_their_rows(app, services, world, shop):
    """Champions that were, challengers that are retired, and the expert before any of them."""
    answers = [asked(app, world)]
    first, second = (shop("add", a_file(name, base), SURE) for name, base in (("one", -2.0), ("two", -4.0)))
    for model, role in ((first, CHALLENGER), (first, CHAMPION), (second, CHAMPION), (first, RETIRED)):
        shop("assign", model.id, role, SURE)
        answers.append(asked(app, world))
    assert [one["versions"]["card"] for one in answers] == ["expert-1", "expert-1", "one", "two", "two"]
    for answer in answers:
        again = replayed(services, world, answer)
        assert again.same, again.differences
    assert [len(replayed(services, world, one).stored.get("challengers", [])) for one in answers] == [0, 1, 0, 1, 0]


def test_what_a_challenger_said_is_part_of_what_is_made_again(app, services, world, shop, monkeypatch):
    """A challenger that cannot be had is told, and one that would say something else is a difference."""
    made = shop("add", a_file("one", -2.0), SURE)
    shop("assign", made.id, CHALLENGER, SURE)
    answer = asked(app, world)
    own = champions.find_card

    def other(connection, merchant_id, shop_id, name, digest):
        return (
            model_file.load(a_file("one", -1.0))
            if name == "one"
            else own(connection, merchant_id, shop_id, name, digest)
        )

    monkeypatch.setattr("gateway.checkout.replay.find_card", other)
    paths = {difference.path for difference in replayed(services, world, answer).differences}
    assert paths == {"/challengers/0/default", "/challengers/0/digest"}
    monkeypatch.setattr("gateway.checkout.replay.find_card", lambda *words: own(*words) if words[3] != "one" else None)
    with pytest.raises(CardMissing):
        replayed(services, world, answer)


def test_the_champion_before_stays_as_challenger_where_there_is_room(shop):
    """So that the two can be compared; a third challenger has no room."""
    one, two, three, four = (shop("add", a_file(name), SURE) for name in ("one", "two", "three", "four"))
    shop("assign", one.id, CHAMPION, SURE)
    shop("assign", two.id, CHALLENGER, SURE)
    assert shop("assign", two.id, CHAMPION, SURE).role == CHAMPION
    assert shop("roles") == {two.id: CHAMPION, one.id: CHALLENGER}
    shop("assign", three.id, CHALLENGER, SURE)
    with pytest.raises(TooManyChallengers):
        shop("assign", four.id, CHALLENGER, SURE)
    shop("assign", four.id, CHAMPION, SURE)
    assert shop("roles") == {four.id: CHAMPION, one.id: CHALLENGER, three.id: CHALLENGER}
    history = shop("changes")
    assert [(one.name, one.role) for one in history[:2]] == [("four", CHAMPION), ("two", RETIRED)]
    assert (history[0].author, history[0].reason) == ("anna", "we looked at it")


@pytest.mark.parametrize(
    ("report", "good"),
    [(None, False), (a_report(0.01, 0.02), False), (a_report(-0.01, 0.001), False), (a_report(0.01, 0.004), True)],
    ids=["no report", "within chance", "worse", "better"],
)
def test_a_model_becomes_champion_when_it_is_better_by_more_than_chance(shop, report, good):
    """Or when somebody says so, which stands in the history."""
    made = shop("add", a_file("new", report=report) if report else a_file("new"), SURE)
    shop("assign", made.id, CHALLENGER, Act("anna", NOW))
    if good:
        assert shop("assign", made.id, CHAMPION, Act("anna", NOW)).role == CHAMPION
    else:
        with pytest.raises(NotProven):
            shop("assign", made.id, CHAMPION, Act("anna", NOW))
        assert shop("roles") == {made.id: CHALLENGER}


def test_a_file_is_kept_once_and_a_name_means_one_model(shop):
    """The same again is the same; other numbers need another name; what is no model for a checkout is refused."""
    made = shop("add", a_file("one"), SURE)
    assert shop("add", a_file("one"), SURE).id == made.id
    with pytest.raises(ModelNameTaken):
        shop("add", a_file("one", -9.0), SURE)
    free = json.loads(a_file("free")) | {"domain": "free", "outputs": {}}
    for bad in ("{}", json.dumps(free), a_file("one").replace("-3.0", "-3.1")):
        with pytest.raises(Invalid):
            shop("add", bad, SURE)
    assert [one.name for one in shop("list_models")] == ["one"]
    with pytest.raises(ModelUnknown):
        shop("assign", new_id(), CHAMPION, SURE)


def test_another_shop_and_another_merchant_see_nothing_of_it(services, shop, world):
    """A model belongs to one shop."""
    made = shop("add", a_file("one"), SURE)
    other = a_world(services)
    with services.db.transaction(other.merchant_id) as session, pytest.raises(ModelUnknown):
        champions.get(session, other.shop_id, made.id)
    with services.db.transaction(world.merchant_id) as session:
        assert champions.list_models(session, new_id()) == []


def test_a_stored_model_that_this_program_cannot_read_breaks_no_checkout(app, services, world, shop, monkeypatch):
    """The expert card acts in its place, and the record says so."""
    made = shop("add", a_file("one", 2.0), SURE)
    shop("assign", made.id, CHAMPION, SURE)

    def refuses(_):
        raise Invalid.at("/format", "must be model-2")

    champions._readable.cache_clear()
    monkeypatch.setattr(champions, "load", refuses)
    answer = asked(app, world)
    assert answer["versions"]["card"] == "expert-1"
    assert replayed(services, world, answer).same
    champions._readable.cache_clear()


@pytest.mark.parametrize("table", ["score_model", "model_role_change"])
def test_models_and_their_history_are_never_removed(live_owner_url, table):
    """By nobody, the owner included."""
    with psycopg.connect(live_owner_url) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(f"TRUNCATE {table} CASCADE")


def test_models_cost_no_statement_of_their_own_once_they_are_compiled(app, services, world, shop, monkeypatch):
    """Which models play a part comes with the one read; a file is fetched once per process."""
    made = shop("add", a_file("one"), SURE)
    shop("assign", made.id, CHALLENGER, SURE)
    fetched = []
    fetch = champions._BODIES.rows
    monkeypatch.setattr(champions._BODIES, "rows", lambda *told: fetched.append(1) or fetch(*told))
    for _ in range(3):
        assert asked(app, world)
    assert fetched == [1]


def test_a_process_keeps_so_many_panels_and_no_more(services, world, shop, monkeypatch):
    """The oldest goes; a shop that comes again is compiled again."""
    monkeypatch.setattr(champions, "PANELS_KEPT", 3)
    parts = [{str(shop("add", a_file(f"m-{n}"), SURE).id): CHAMPION} for n in range(4)]
    panels = champions.Panels()
    with services.db.connection(world.merchant_id) as connection:
        for place, models in enumerate((*parts, parts[0], {})):
            of = world.merchant_id, UUID(int=place % 4)
            panel = panels.get(connection, of, models)
            assert panel is panels.get(connection, of, models)
    assert panel.cards == (card.expert(),)
    assert len(panels._kept) == 3


def test_a_shop_that_moves_its_parts_about_keeps_one_panel(services, world, shop):
    """A compiled panel may take tens of megabytes: the one before is of no use to anybody."""
    parts = [{str(shop("add", a_file(f"m-{n}"), SURE).id): CHAMPION} for n in range(3)]
    panels, of = champions.Panels(), (world.merchant_id, world.shop_id)
    with services.db.connection(world.merchant_id) as connection:
        for models in parts * 2:
            assert panels.get(connection, of, models).champion == f"m-{parts.index(models)}"
    assert len(panels._kept) == 1


EARLIER = "541bc38e3a53c5029492c993772a835d315f776d6b159f9e8da01ac2c407a8ec"


def test_decisions_that_name_the_expert_card_in_its_earlier_form_find_it(services, world):
    """Its digest was that of another file which scores the same."""
    with services.db.connection(world.merchant_id) as connection:
        found = champions.find_card(connection, world.merchant_id, world.shop_id, "expert-1", EARLIER)
        assert found is card.expert()
        assert champions.find_card(connection, world.merchant_id, world.shop_id, "expert-1", "0" * 64) is None


def post(app, world, path, body, **headers):
    raw = body if isinstance(body, str | bytes) else json.dumps(body)
    return app.test_client().post(
        f"/v1/models{path}", data=raw, headers=world.auth | {"Content-Type": "application/json"} | headers
    )


def test_the_api_adds_lists_and_gives_parts(app, services, world):
    """A file in, a part given, and the list says who acts."""
    added = post(app, world, "", a_file("one"), **{"Idempotency-Key": "a"})
    again = post(app, world, "", a_file("one"), **{"Idempotency-Key": "a"})
    assert (added.status_code, added.data) == (again.status_code, again.data) == (201, added.data)
    path = f"/{added.json['id']}/role"
    assert post(app, world, path, {"role": "champion"}).json["code"] == "not-proven"
    given = post(app, world, path, {"role": "champion", "force": True, "reason": "pilot"})
    assert (given.status_code, given.json["role"]) == (200, "champion")
    items = app.test_client().get("/v1/models", headers=world.auth).json["items"]
    assert [(one["name"], one["role"], one["proven"]) for one in items] == [("one", "champion", False)]
    assert asked(app, world)["versions"]["card"] == "one"


def test_the_api_names_what_is_wrong(app, services, world):
    """At its place, with a code; without the scope nothing at all."""
    broken = post(app, world, "", a_file("one").replace("-3.4", "1e999").replace("-3.0", "1e999"))
    assert (broken.status_code, broken.json["code"]) == (422, "invalid-input")
    assert post(app, world, "", b"\xff").status_code == 422
    assert post(app, world, "", b"x" * 1_100_000).json["code"] == "model-too-large"
    assert post(app, world, "", "{}", **{"Content-Type": "text/plain"}).json["code"] == "wrong-media-type"
    missing = to_public("mod", new_id())
    assert post(app, world, f"/{missing}/role", {"role": "champion"}).json["code"] == "model-unknown"
    assert post(app, world, "/x/role", {"role": "champion"}).status_code == 404
    assert post(app, world, f"/{missing}/role", {"role": "king"}).json["errors"][0]["path"] == "/role"
    narrow = a_world(services, scopes=frozenset({"decisions:write"}))
    assert post(app, narrow, "", a_file("one")).json["code"] == "scope-missing"


def test_the_files_of_a_shop_stay_readable_at_once(shop, monkeypatch):
    """Whoever lists the models reads every file: two hundred of a megabyte would be a minute of everybody's time."""
    monkeypatch.setattr(champions, "MAX_KEPT_BYTES", 2 * len(a_file()) + 100)
    shop("add", a_file("one"), SURE)
    shop("add", a_file("two"), SURE)
    with pytest.raises(TooManyModels):
        shop("add", a_file("three"), SURE)
