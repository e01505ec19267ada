"""Requests of buyers: limited in number, each step in a chain, words that die with the key; and what an objection leaves."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import select

from gateway import wiring
from gateway.checkout import explanations
from gateway.checkout.models import Decision
from gateway.checkout.replay import replay_decision
from gateway.core import clock, history
from gateway.core.errors import Invalid, Refused
from gateway.core.ids import from_public
from gateway.merchants import policies, secrets
from gateway.privacy import answers, reviews, rights
from gateway.privacy.answers import Clerk
from gateway.privacy.rights import Answer, Kind, NewRequest
from gateway.shops.buyers import BuyerErased
from tests.builders import a_world
from tests.rights_visits import a_decision


@pytest.fixture
def world(services):
    return a_world(services)


@pytest.fixture
def decision(services, app, world):
    made = a_decision(app, world)
    with services.db.transaction(world.merchant_id) as session:
        return explanations.get(session, services.keyring, from_public("dec", made["id"])).row


def a_request(session, services, decision, **more):
    facts = {
        "kind": Kind.REVIEW,
        "shop_id": decision.shop_id,
        "buyer_id": decision.buyer_id,
        "live": True,
        "asked_by": "buyer",
        "proof": "postcode",
        "decision_id": decision.id,
        "words": {"text": "Warum?"},
    }
    return rights.ask(session, services.keyring, NewRequest(**(facts | more)), clock.now())


def test_each_step_is_a_link_of_the_request_s_chain(services, world, decision):
    """Who asked, who answered; ids and codes, never a word of his."""
    with services.db.transaction(world.merchant_id) as session:
        row = a_request(session, services, decision)
        rights.answer(session, services.keyring, row.id, Answer("upheld", "Darum.", "user:x"), clock.now())
        key = secrets.get_key(session, services.keyring, "data")
        lines = history.lines(session, row.id, key)
    steps = [(line.event, line.actor) for line in lines]
    assert steps == [("rights.review.asked", f"buyer:{decision.buyer_id}"), ("rights.review.answered", "user:x")]
    assert not any(word in json.dumps(line.body) for line in lines for word in ("Warum", "Darum"))


def test_a_request_ends_once_and_by_an_outcome_of_its_kind(services, world, decision):
    """A second answer is refused, whoever gives it."""
    with services.db.transaction(world.merchant_id) as session:
        row = a_request(session, services, decision)
        for outcome, text in (("erased", "x"), ("upheld", " "), ("upheld", "x" * 4001)):
            with pytest.raises(Invalid):
                rights.answer(session, services.keyring, row.id, Answer(outcome, text, "user:x"), clock.now())
        rights.answer(session, services.keyring, row.id, Answer("upheld", "Darum.", "user:x"), clock.now())
        with pytest.raises(Refused):
            rights.answer(session, services.keyring, row.id, Answer("granted", "Doch.", "user:y"), clock.now())


def test_a_buyer_has_at_most_ten_open_requests(app, services, world):
    """The desk is not flooded by one person."""
    made = [a_decision(app, world, reference=f"cart-{number}")["id"] for number in range(11)]
    with services.db.transaction(world.merchant_id) as session:
        rows = [explanations.get(session, services.keyring, from_public("dec", one)).row for one in made]
        for row in rows[:10]:
            a_request(session, services, row)
        with pytest.raises(rights.RequestsFull):
            a_request(session, services, rows[10])


def test_what_he_wrote_dies_with_his_key(services, world, decision):
    """The request stays, with kind, dates and outcome."""
    with services.db.transaction(world.merchant_id) as session:
        row = a_request(session, services, decision)
        clerk = Clerk(session, services, "operator", clock.now())
        answers.erase_buyer(clerk, decision.buyer_id)
        opened = rights.get(session, services.keyring, row.id)
        assert (opened.words, opened.readable, opened.row.state) == ({}, False, "withdrawn")
        with pytest.raises(BuyerErased):
            a_request(session, services, decision)


def test_a_decision_after_an_objection_knows_the_basket_only_and_replays(app, services, world, decision):
    """The record says why the rest is missing, so the same answer comes from it again; the old one replays as before."""
    with services.db.transaction(world.merchant_id) as session:
        answers.set_objection(Clerk(session, services, "operator", clock.now()), decision.buyer_id, objects=True)
    after = from_public("dec", a_decision(app, world)["id"])
    with services.db.connection(world.merchant_id) as connection:
        replayed = [replay_decision(connection, world.merchant_id, one) for one in (decision.id, after)]
        record = connection.execute(select(Decision.record).where(Decision.id == after)).scalar_one()
    assert [one.same for one in replayed] == [True, True]
    known = {name for name, value in json.loads(record)["facts"].items() if value is not None}
    basket = {"currency", "total_minor", "country", "b2b", "missing", "items", "pieces", "dearest_minor", "most_of_one"}
    assert known == basket | {"gift_card_percent", "digital_percent", "discount_percent"}


def test_another_buyer_of_the_same_phone_is_assessed_as_before(app, services, world, decision):
    """An objection is one person's."""
    with services.db.transaction(world.merchant_id) as session:
        answers.set_objection(Clerk(session, services, "operator", clock.now()), decision.buyer_id, objects=True)
    eve = {"email": "eve@example.com", "phone": "+49 40 36902345"}
    assert "profiling" not in a_decision(app, world, buyer=eve)["missing"]


def test_the_queue_holds_what_the_policy_wants_seen_for_thirty_days(app, services, world):
    """The oldest first; what nobody took up by then has been shipped or forgotten. A copy asked for does not take it up."""
    when = {"rules": [{"field": "total_minor", "operator": ">", "value": 1}]}
    rule = {"id": "look", "when": when, "then": {"action": "review"}}
    with services.db.transaction(world.merchant_id) as session:
        version = policies.save(session, world.shop_id, "checkout", {"rules": [rule]}, "t", "", clock.now())
        policies.activate(session, world.shop_id, "checkout", version, clock.now())
    made = [from_public("dec", a_decision(app, world, reference=f"cart-{number}")["id"]) for number in (1, 2)]
    with services.db.transaction(world.merchant_id) as session:
        first = explanations.get(session, services.keyring, made[0]).row
        a_request(session, services, first, kind=Kind.ACCESS)
        assert [row.id for row in reviews.waiting(session, clock.now())] == made
        assert reviews.waiting(session, clock.now() + timedelta(days=31)) == []
        reviews.take_up(session, services.keyring, made[0], "user:x", clock.now())
        assert [row.id for row in reviews.waiting(session, clock.now())] == made[1:]


def test_everything_scheduled_can_be_done(services):
    """The reminder of late answers among it."""
    names = {task.name for task in wiring.tasks(services)}
    assert {entry.task for entry in wiring.SCHEDULE} <= names
    assert "rights.remind_all" in names
