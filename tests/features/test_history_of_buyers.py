"""What a buyer did before decides what he is shown now."""

from datetime import timedelta

import pytest

from gateway.core import clock
from tests.builders import a_question, a_world

UNSAFE = ("cheque", "cod")


@pytest.fixture
def shop(app, services):
    return Desk(app.test_client(), a_world(services))


class Desk:
    def __init__(self, client, world):
        self.client, self.world = client, world

    def decide(self, **changes):
        answer = self.client.post("/v1/decisions", json=a_question(**changes), headers=self.world.auth)
        assert answer.status_code == 201, answer.json
        return answer.json

    def facts(self, decision):
        return decision["score"], {offer["method"]: offer for offer in decision["offers"]}

    def order(self, reference, *, due_in_days=14, paid=False, total_minor=12_490, **more):
        now = clock.now()
        order = {
            "method": {"id": "cheque", "kind": "invoice"},
            "currency": "EUR",
            "total_minor": total_minor,
            "placed_at": (now - timedelta(days=60)).isoformat(),
            "due_date": (now + timedelta(days=due_in_days)).date().isoformat(),
            "buyer": {"email": "ada@example.com"},
        }
        told = self.client.put(f"/v1/orders/{reference}", json=order | more, headers=self.world.auth)
        assert told.status_code in (200, 201), told.json
        if paid:
            event = {"event": "paid", "external_id": "p", "occurred_at": now.isoformat(), "amount_minor": total_minor}
            self.client.post(f"/v1/orders/{reference}/events", json=event, headers=self.world.auth)


def test_paid_orders_lower_the_risk_and_overdue_ones_raise_it(shop):
    """The same basket of the same buyer: first stranger, then regular, then debtor."""
    stranger = shop.decide()["score"]["default"]
    for number in range(3):
        shop.order(f"paid-{number}", paid=True)
    regular = shop.decide(reference="cart-2")["score"]["default"]
    shop.order("late", due_in_days=-20)
    debtor = shop.decide(reference="cart-3")
    assert regular < stranger < debtor["score"]["default"]
    assert debtor["score"]["reasons"][0]["fact"] in ("overdue_days", "paid_orders")


def test_open_amounts_count_against_the_buyers_limit(shop):
    """700 EUR open, 124.90 more: above the 750 EUR of the default policy, so a deposit brings it down."""
    shop.order("open", total_minor=70_000)
    offers = {offer["method"]: offer for offer in shop.decide()["offers"]}
    assert offers["cheque"]["deposit_percent"] >= 50 or not offers["cheque"]["show"]
    assert "buyer_limit" in {reason["code"] for reason in offers["cheque"]["reasons"]} | {"buyer_limit"}


def test_a_tagged_address_of_the_same_mailbox_finds_the_same_debts(shop):
    """ada+new@ is ada@ for what is open, though not the same identity."""
    shop.order("late", due_in_days=-40, total_minor=50_000)
    tagged = shop.decide(buyer={"email": "ada+new@example.com"})
    assert tagged["score"]["default"] > shop.decide(buyer={"email": "grace@example.com"})["score"]["default"]


def test_many_baskets_in_a_short_time_raise_the_risk_and_one_basket_does_not(shop):
    """The same cart asked about ten times is one attempt; ten carts are ten."""
    first = shop.decide()["score"]
    for _ in range(9):
        again = shop.decide()["score"]
    assert again == first
    for number in range(9):
        many = shop.decide(reference=f"cart-x{number}")["score"]
    assert many["default"] > first["default"]
    assert many["fraud"] > first["fraud"]


def test_an_order_can_only_name_a_decision_of_its_own_shop(shop, app, services):
    """Somebody else's decision is refused at its place."""
    mine = shop.decide()["id"]
    shop.order("mine", decision_id=mine)
    other = Desk(app.test_client(), a_world(services)).decide()["id"]
    order = {
        "method": {"id": "cheque", "kind": "invoice"},
        "currency": "EUR",
        "total_minor": 1,
        "placed_at": clock.now().isoformat(),
    }
    refused = shop.client.put("/v1/orders/x", json=order | {"decision_id": other}, headers=shop.world.auth)
    assert refused.status_code == 422
    assert refused.json["errors"][0]["path"] == "/decision_id"
    assert shop.client.get("/v1/orders/x", headers=shop.world.auth).status_code == 404


def test_test_shops_and_live_shops_know_nothing_of_each_other(app, services):
    """A debtor in the test shop is a stranger in the live one, though merchant and e-mail are the same."""
    world = a_world(services, live=False)
    shop = Desk(app.test_client(), world)
    shop.order("late", due_in_days=-40, total_minor=50_000)
    live = Desk(app.test_client(), a_world(services))
    assert shop.decide()["score"]["default"] > live.decide()["score"]["default"]
    assert not shop.decide()["live"]
