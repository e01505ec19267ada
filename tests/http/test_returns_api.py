"""Returns by the API: what they do to order, claim and the next decision."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from gateway.core import clock
from gateway.core.outbox import OutboxMessage
from gateway.core.work import Job
from gateway.merchants import policies
from gateway.receivables import claims, follow
from gateway.receivables.keys import Keys
from gateway.receivables.models import Claim, ClaimHold
from gateway.returns import effects, following
from gateway.returns.models import OrderReturn
from gateway.shops.models import Order
from tests.builders import a_question, a_world


class Shop:
    def __init__(self, client, services, world):
        self.client, self.services, self.world = client, services, world
        self.now = clock.now().replace(microsecond=0)  # told twice it is the same moment

    def post(self, path, body):
        return self.client.post(path, json=body, headers=self.world.auth)

    def order(self, reference="1001", *events, days=5, paid_minor=0):
        """100 EUR on invoice, delivered `days` ago."""
        now = clock.now()
        body = {
            "method": {"id": "cheque", "kind": "invoice"},
            "currency": "EUR",
            "total_minor": 10_000,
            "placed_at": (now - timedelta(days=days + 3)).isoformat(),
            "buyer": {"email": "ada@example.com"},
            "billing": {"line1": "Lange Reihe 7", "postcode": "20099", "city": "Hamburg", "country": "DE"},
        }
        assert self.client.put(f"/v1/orders/{reference}", json=body, headers=self.world.auth).status_code == 201
        told = [("delivered", None, days), *([("paid", paid_minor, days)] if paid_minor else []), *events]
        for number, (event, amount_minor, ago) in enumerate(told):
            self.event(reference, event, amount_minor, ago, f"e{number}")

    def event(self, reference, event, amount_minor, ago, name):
        body = {"event": event, "external_id": name, "occurred_at": (clock.now() - timedelta(days=ago)).isoformat()}
        body |= {"amount_minor": amount_minor} if amount_minor else {}
        answer = self.post(f"/v1/orders/{reference}/events", body)
        assert answer.status_code == 200, answer.json

    def announce(self, kind="return", reference="1001", ago=1, name="r1", **more):
        at = (self.now - timedelta(days=ago)).isoformat()
        told = {"order": reference, "external_id": name, "announced_at": at} | more
        if kind == "withdrawal":
            return self.post("/v1/returns/withdrawals", told)
        return self.post("/v1/returns", told | {"kind": kind})

    def act(self, return_id, act, name="a1", **more):
        at = (self.now - timedelta(hours=1)).isoformat()
        return self.post(f"/v1/returns/{return_id}/acts", {"act": act, "external_id": name, "occurred_at": at} | more)

    def transaction(self):
        return self.services.db.transaction(self.world.merchant_id)

    def rows(self, table):
        with self.transaction() as session:
            found = list(session.scalars(select(table).order_by(table.id)))
            session.expunge_all()
            return found

    def claim(self):
        """The order's claim as its events make it."""
        with self.transaction() as session:
            order = session.scalars(select(Order)).one()
            claim_id = follow.follow(session, Keys(self.services.keyring), order.id, clock.now())
            claim = claims.get(session, claim_id)
            session.expunge(claim)
            return claim

    def refold(self):
        with self.transaction() as session:
            for order in session.scalars(select(Order)).all():
                effects.refold(session, self.services.keyring, order.id, clock.now())


@pytest.fixture
def shop(app, services):
    return Shop(app.test_client(), services, a_world(services))


def test_an_announced_return_lets_the_claim_rest_until_the_goods_come(shop):
    """The hold ends with the receipt; the claim is lowered by what came."""
    shop.order()
    shop.claim()
    made = shop.announce(amount_minor=4_000)
    assert (made.status_code, made.json["state"]) == (201, "ANNOUNCED")
    hold = shop.rows(ClaimHold)[0]
    assert (hold.reason, hold.lifted_at, hold.until_on.isoformat()) == (
        "return_under_way",
        None,
        made.json["expected_by"],
    )
    received = shop.act(made.json["id"], "receive", amount_minor=3_000)
    assert (received.json["state"], received.json["received_minor"]) == ("SETTLED", 3_000)
    assert shop.rows(ClaimHold)[0].lifted_at is not None
    assert shop.claim().principal_minor == 7_000


def test_a_withdrawal_in_time_lowers_the_claim_at_once_and_is_confirmed(shop):
    shop.order()
    shop.claim()
    made = shop.announce("withdrawal", words="Ich widerrufe.")
    assert (made.json["in_time"], made.json["decide"]) == (True, False)
    assert made.json["refund_until"]
    assert shop.claim().state == "SETTLED"
    assert [row.idempotency_key for row in shop.rows(OutboxMessage) if row.channel == "email"]
    refused = shop.act(made.json["id"], "refuse")
    assert (refused.status_code, refused.json["code"]) == (409, "withdrawal-stands")


def test_a_late_withdrawal_waits_for_the_merchants_decision(shop):
    """Dunning rests meanwhile, nothing is credited; accepted, everything is."""
    shop.order(days=60)
    shop.claim()
    made = shop.announce("withdrawal").json
    assert (made["in_time"], made["decide"], shop.claim().principal_minor) == (False, True, 10_000)
    assert shop.rows(ClaimHold)[0].reason == "return_under_way"
    accepted = shop.act(made["id"], "accept").json
    assert (accepted["decide"], shop.claim().state) == (False, "SETTLED")


def test_what_is_told_twice_happens_once_and_other_content_is_refused(shop):
    shop.order()
    first, again = shop.announce(amount_minor=4_000), shop.announce(amount_minor=4_000)
    assert first.json["id"] == again.json["id"]
    assert shop.announce("complaint").json["code"] == "return-contradicts"
    for _ in range(2):
        assert shop.act(first.json["id"], "receive").json["received_minor"] == 4_000
    assert len(shop.rows(OrderReturn)) == 1


def test_an_order_never_comes_back_for_more_than_it_is_worth(shop):
    shop.order()
    made = shop.announce(amount_minor=6_000).json
    assert shop.announce(name="r2", amount_minor=6_000).json["code"] == "return-exceeds-order"
    assert shop.act(made["id"], "receive", amount_minor=6_001).json["code"] == "return-exceeds-order"
    assert shop.announce(name="r3", amount_minor=4_000).status_code == 201


def test_what_a_shop_tells_of_the_order_moves_an_announced_return(shop):
    """Paid before, so the return is received first and settled with the refund."""
    shop.order(paid_minor=10_000)
    made = shop.announce(amount_minor=4_000).json
    shop.event("1001", "returned", 4_000, 0, "back")
    shop.refold()
    assert [(row.state, row.received_minor) for row in shop.rows(OrderReturn)] == [("RECEIVED", 4_000)]
    shop.event("1001", "refunded", 4_000, 0, "money")
    shop.refold()
    assert [row.state for row in shop.rows(OrderReturn)] == ["SETTLED"]
    read = shop.client.get(f"/v1/returns/{made['id']}", headers=shop.world.auth)
    assert read.json["refunded_minor"] == 4_000


def test_a_shop_that_tells_only_order_events_has_its_return_too(shop):
    shop.order("1001", ("returned", 2_500, 0), paid_minor=10_000)
    shop.refold()
    shop.refold()
    assert [(row.source, row.state, row.amount_minor) for row in shop.rows(OrderReturn)] == [
        ("order", "RECEIVED", 2_500)
    ]


def test_goods_that_never_came_end_the_rest(shop):
    shop.order(days=60)
    shop.claim()
    shop.announce(ago=40, amount_minor=4_000)
    with shop.transaction() as session:
        (late,) = following.overdue(session, clock.now())
    (work,) = [task.handler for task in following.TASKS if task.name == "returns.expire"]
    for _ in range(2):
        work(shop.services, Job(1, "default", "returns.expire", shop.world.merchant_id, {}, 1))
    with shop.transaction() as session:
        assert following.overdue(session, clock.now()) == []
        following.expire(session, shop.services.keyring, late, clock.now())  # a second time changes nothing
    assert shop.rows(OrderReturn)[0].state == "EXPIRED"


def test_invoice_only_below_a_return_rate_of_forty_percent(shop):
    """Two of three deliveries came back: 66 %. With two more kept ones it is 40 %, with another 33 %."""
    rule = {
        "id": "returns",
        "when": {"field": "return_count_percent", "operator": ">=", "value": 40},
        "then": {"action": "hide", "kinds": ["invoice"]},
    }
    with shop.transaction() as session:
        now = clock.now()
        version = policies.save(session, shop.world.shop_id, "checkout", {"rules": [rule]}, "test", "", now)
        policies.activate(session, shop.world.shop_id, "checkout", version, now)

    def invoice(reference):
        answer = shop.post("/v1/decisions", a_question(reference=reference)).json
        return next(offer for offer in answer["offers"] if offer["method"] == "cheque")

    shop.order("1", ("returned", 10_000, 1), ("refunded", 10_000, 1), paid_minor=10_000)
    shop.order("2", ("returned", 5_000, 1), ("refunded", 5_000, 1), paid_minor=10_000)
    assert invoice("two")["show"]  # two deliveries say nothing yet
    shop.order("3", paid_minor=10_000)
    assert not invoice("three")["show"]
    for number in (4, 5, 6):
        shop.order(str(number), paid_minor=10_000)
    assert invoice("six")["show"]


def test_another_shop_does_not_see_a_return(shop, app, services):
    shop.order()
    made = shop.announce(amount_minor=4_000).json
    other = a_world(services)
    assert app.test_client().get(f"/v1/returns/{made['id']}", headers=other.auth).json["code"] == "return-unknown"


def test_the_order_and_its_claims_are_of_one_opinion(shop):
    """Whatever returns did, they told the order; the claim follows from that alone."""
    shop.order()
    shop.claim()
    shop.act(shop.announce(amount_minor=4_000).json["id"], "receive")
    order, claim = shop.rows(Order)[0], shop.rows(Claim)[0]
    assert (order.returned_minor, order.open_minor, claim.principal_minor) == (4_000, 6_000, 6_000)
