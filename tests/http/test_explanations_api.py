"""`GET /v1/decisions/{id}/explanation` and the buyer's link: of this shop's decisions only, in the buyer's language."""

import json
from datetime import timedelta

import time_machine
from sqlalchemy import select

from gateway.checkout.models import Decision
from gateway.core import clock
from gateway.core.ids import from_public, new_id, to_public
from gateway.shops import erasure
from tests.builders import a_world
from tests.rights_visits import RISKY, a_decision, a_link


def explanation(app, world, decision, query=""):
    return app.test_client().get(f"/v1/decisions/{decision['id']}/explanation{query}", headers=world.auth)


def test_a_buyer_who_got_no_invoice_is_told_why_in_his_language(app, services):
    """Result, methods, facts in groups, what would have changed it, versions."""
    world = a_world(services)
    decision = a_decision(app, world, **RISKY)
    told = explanation(app, world, decision).json
    assert (told["decision_id"], told["language"], told["live"]) == (decision["id"], "de", True)
    assert [group["group"] for group in told["groups"]] == ["basket", "told", "history", "velocity"]
    assert told["summary"].startswith("Nicht angeboten wurde")
    assert told["versions"] == decision["versions"]
    assert told["what_would_change"], "smaller orders are offered more"
    english = explanation(app, world, decision, "?language=en").json
    assert english["summary"].startswith("Not offered")


def test_an_explanation_names_nobody(app, services):
    """It is made of facts, which hold no personal data."""
    world = a_world(services)
    text = json.dumps(explanation(app, world, a_decision(app, world)).json)
    assert not any(word in text for word in ("ada@", "Lange Reihe", "36902345", "198.51"))


def test_what_the_shop_knows_of_itself_is_no_part_of_it(app, services):
    """How much all its buyers owe it, and how many cards are declined at its till, is no data of this buyer."""
    world = a_world(services)
    decision = a_decision(app, world)
    assert "shop_decline_surge" in recorded_facts(services, world, decision)
    facts = [fact["fact"] for group in explanation(app, world, decision).json["groups"] for fact in group["facts"]]
    assert facts
    assert not [fact for fact in facts if fact.startswith("shop_")]


def recorded_facts(services, world, decision):
    with services.db.connection(world.merchant_id) as connection:
        row = connection.execute(select(Decision.record).where(Decision.id == from_public("dec", decision["id"])))
        return json.loads(row.scalar_one())["facts"]


def test_another_shop_and_an_unknown_decision_are_not_found(app, services):
    """404 alike; a language that we do not speak is 422."""
    world, other = a_world(services), a_world(services)
    decision = a_decision(app, world)
    assert explanation(app, other, decision).json["code"] == "decision-unknown"
    assert explanation(app, world, {"id": to_public("dec", new_id())}).status_code == 404
    assert explanation(app, world, {"id": "dec_x"}).status_code == 404
    assert explanation(app, world, decision, "?language=fr").status_code == 422


def test_the_shop_gets_one_link_per_decision_until_it_ends(app, services):
    """The same each time; 60 days; not after the buyer's erasure."""
    world = a_world(services)
    decision = a_decision(app, world)
    path = a_link(app, world, decision)
    assert path == a_link(app, world, decision)
    assert path.startswith("/why/")
    client, url = app.test_client(), f"/v1/decisions/{decision['id']}/explanation-link"
    with time_machine.travel(clock.now() + timedelta(days=61)):
        assert client.post(url, headers=world.auth).json["code"] == "explanation-gone"
    assert client.post(url, headers=a_world(services).auth).status_code == 404


def test_an_erased_buyer_has_no_link_any_more(app, services):
    """What was decided stays, who he was is gone."""
    world = a_world(services)
    decision = a_decision(app, world)
    with services.db.transaction(world.merchant_id) as session:
        buyer_id = session.connection().exec_driver_sql("SELECT id FROM buyer").scalar_one()
        erasure.erase(session, buyer_id, clock.now(), ())
    url = f"/v1/decisions/{decision['id']}/explanation-link"
    assert app.test_client().post(url, headers=world.auth).status_code == 410
    assert explanation(app, world, decision).status_code == 200
