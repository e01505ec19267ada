"""The demo merchant: made once, found again, and its invented buyers are judged by their invented past."""

from gateway.checkout.decide import Checkout
from gateway.core import clock
from gateway.demo import scenes
from gateway.demo.seed import DEMO_MERCHANT, example, find_shop, seed, shown
from gateway.merchants import users
from gateway.merchants.auth import Principal, find_principal
from tests.builders import a_world


def decided(services, demo, scene):
    who = Principal(demo.merchant_id, demo.shop_id, demo.shop_id, live=False, scopes=frozenset(), expires_at=None)
    checkout = Checkout(services)
    ready = checkout.prepare(who, scenes.question(scene, "de"), clock.now())
    with services.db.connection(demo.merchant_id) as connection:
        return checkout.decide(connection, ready)


def test_a_second_start_finds_what_the_first_made(services):
    """Same shop, same key, same password; nothing is told twice."""
    first = seed(services, clock.now())
    again = seed(services, clock.now(), shown(first))
    assert (again.shop_id, again.api_key, again.admin_password) == (first.shop_id, first.api_key, first.admin_password)
    assert find_principal(services.db, again.api_key).shop_id == first.shop_id


def test_lost_secrets_are_replaced_and_the_data_stays(services):
    """Whoever deletes the private file gets a new key and a new password for the same shop."""
    first = seed(services, clock.now())
    again = seed(services, clock.now())
    assert again.shop_id == first.shop_id
    assert again.api_key != first.api_key
    assert again.admin_password != first.admin_password
    assert find_principal(services.db, again.api_key).merchant_id == DEMO_MERCHANT
    with services.db.transaction(DEMO_MERCHANT) as session:
        assert [user.email for user in users.list_users(session, services.keyring)] == ["admin@demo.example"]


def test_without_a_demo_merchant_there_is_no_demo_shop(services):
    """Another merchant's shops are not taken for it."""
    a_world(services, platform="demo")
    with services.db.transaction(DEMO_MERCHANT) as session:
        assert find_shop(session) is None


def test_the_invented_buyers_are_known_by_their_past(services):
    """Who paid is trusted, who owes is asked for money first, who is blocked sees safe methods only."""
    demo = seed(services, clock.now())
    answers = {name: decided(services, demo, scenes.Scene(persona=name)) for name in scenes.PERSONAS}
    facts = {name: answer.judged.case.facts for name, answer in answers.items()}
    risk = {name: answer.judged.score.default for name, answer in answers.items()}
    assert facts["first"].orders == 0
    assert facts["regular"].paid_orders == 4
    assert facts["company"].paid_orders == 6
    assert facts["overdue"].overdue_minor == 18_990
    assert facts["overdue"].overdue_days > 30
    assert facts["blocked"].listed == "block"
    assert facts["disposable"].email_disposable
    assert risk["company"] < risk["first"] < risk["overdue"]
    assert risk["regular"] < risk["first"] < risk["disposable"]
    outcomes = {name: answer.judged.choice.outcome for name, answer in answers.items()}
    assert outcomes["regular"] == "allow"
    assert outcomes["blocked"] == "decline"


def test_trying_things_out_is_not_taken_for_many_attempts(services):
    """All visitors share the invented buyers; their tries must not raise the counters."""
    demo = seed(services, clock.now())
    for pieces in range(1, 6):
        answer = decided(services, demo, scenes.Scene(pieces=pieces))
    assert answer.judged.case.facts.email_1h == 0
    assert answer.judged.case.facts.address_24h == 0


def test_the_example_of_the_curl_line_is_answered(app, services):
    """What `kulanz run` prints works as pasted."""
    demo = seed(services, clock.now())
    key = {"Authorization": f"Bearer {demo.api_key}"}
    answer = app.test_client().post("/v1/decisions", json=example(), headers=key)
    assert answer.status_code == 201, answer.json
