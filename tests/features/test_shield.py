"""Card testing is stopped within a dozen cards, and nobody honest loses a payment method to it."""

import json
import random
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
import redis
import time_machine
from click.testing import CliRunner

from gateway import cli, commands_shield
from gateway.admin import words
from gateway.checkout import documents
from gateway.checkout.shield_rules import SHIELD_RULES
from gateway.core.channels import Notice
from gateway.core.errors import Invalid
from gateway.core.ids import to_public
from gateway.merchants import policies
from gateway.risk import shield, surges
from tests.builders import a_question, a_world

START = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
METHODS = [
    {"id": "stripe", "kind": "card"},
    {"id": "stripe-3ds", "kind": "card_3ds"},
    {"id": "paypal", "kind": "paypal"},
    {"id": "bacs", "kind": "prepayment"},
]


class Shop:
    """A shop that asks at every checkout and reports every payment, on a clock of its own."""

    def __init__(self, app, services):
        self.services = services
        self.world = a_world(services)
        self.client = app.test_client()
        self.reports = 0

    def kinds(self, ip, basket, total_minor=12_000, **context):
        """The kinds of cards that no rule of the shield hides; the score has reasons of its own."""
        question = a_question(
            reference=basket,
            total_minor=total_minor,
            items=[],
            shipping_minor=0,
            buyer={"email": f"{basket}@example.com"},
            context={"ip": ip} | context,
            methods=METHODS,
        )
        answer = self.client.post("/v1/decisions", json=question, headers=self.world.auth)
        assert answer.status_code == 201, answer.json
        return {offer["kind"] for offer in answer.json["offers"] if not _hidden(offer)} & {"card", "card_3ds"}

    def report(self, card, outcome, **told):
        self.reports += 1
        body = {
            "external_id": f"pi_{self.reports}",
            "method_kind": "card",
            "amount_minor": 12_000,
            "currency": "EUR",
            "outcome": outcome,
            "card_fingerprint": card,
            "occurred_at": datetime.now(UTC).isoformat(),
        } | told
        body = {name: value for name, value in body.items() if value is not None}
        answer = self.client.post("/v1/payment-attempts", json=body, headers=self.world.auth)
        assert answer.status_code == 202, answer.json
        return answer.json

    def pay(self, ip, basket, card, outcome, **told):
        """One honest or dishonest attempt: what was shown decides whether there is one."""
        shown = self.kinds(ip, basket, told.get("amount_minor", 12_000))
        if shown:
            kind = "card" if "card" in shown else "card_3ds"
            self.report(card, outcome, ip=ip, reference=basket, method_kind=kind, **told)
        return shown


def _hidden(offer):
    return not offer["show"] and any(reason["code"].startswith("rule:shield-") for reason in offer["reasons"])


@pytest.fixture
def shop(app, services):
    with time_machine.travel(START, tick=False) as clock:
        made = Shop(app, services)
        made.clock = clock
        yield made


def attack(shop, addresses, cards, every_s, **told):
    """How many cards got through before `card`, and before any card method, was taken away; and how often they came back."""
    tried, without_3ds = 0, None
    for number in range(cards):
        shown = shop.pay(addresses(number), f"attack-{number}", f"stolen-{number}", "declined", **told)
        if "card" not in shown and without_3ds is None:
            without_3ds = tried
        tried += bool(shown)
        shop.clock.shift(timedelta(seconds=every_s))
    return without_3ds, tried


def test_five_hundred_cards_from_one_address_end_after_a_dozen(shop):
    """Six cards, then 3-D Secure is demanded; twelve, then no card method is left to test with."""
    without_3ds, tried = attack(shop, lambda _: "203.0.113.9", 500, every_s=2)
    assert (without_3ds, tried) == (6, 12)


def test_a_whole_network_of_ipv6_addresses_is_one_address(shop):
    """A customer has a /64; changing the last half changes nothing."""
    assert attack(shop, lambda number: f"2001:db8:1:2::{number + 1:x}", 60, every_s=2) == (6, 12)


def test_five_hundred_cards_from_two_hundred_addresses_end_after_ten(shop):
    """No address stands out; the shop's own rate of declines does. A quarter of an hour later one more gets through."""
    without_3ds, tried = attack(shop, lambda n: f"203.0.{n % 200}.7", 500, every_s=2, amount_minor=100)
    assert (without_3ds, tried) == (10, 11)


def test_an_attack_amid_ordinary_trade_is_noticed_all_the_same(shop):
    """Twenty honest payments before and one for every fourth card. Who paid here before keeps his cards all along."""
    paid_before(shop, "regular@example.com")
    trade(shop, 20, seed=1)
    spread = 0
    for number in range(200):
        if number % 4 == 0:
            shop.report(f"honest-{number}", "authorised", ip=f"198.51.100.{number}", reference=f"honest-{number}")
        spread += bool(shop.pay(f"203.0.{number}.7", f"a-{number}", f"s-{number}", "declined", amount_minor=100))
        shop.clock.shift(timedelta(seconds=3))
    assert spread == 11
    assert shop.kinds("192.0.2.5", "regular") == {"card", "card_3ds"}
    assert shop.kinds("192.0.2.5", "stranger") == {"card_3ds"}


def paid_before(shop, email):
    """An order of a month ago, delivered and paid."""
    order = {
        "method": {"id": "stripe", "kind": "card"}, "currency": "EUR", "total_minor": 9_000, "buyer": {"email": email},
        "placed_at": "2026-10-20T10:00:00Z", "items": [{"quantity": 1, "unit_minor": 9_000}],
    }  # fmt: skip
    paid = {"event": "paid", "external_id": "p", "occurred_at": "2026-10-20T10:05:00Z", "amount_minor": 9_000}
    assert shop.client.put("/v1/orders/old", json=order, headers=shop.world.auth).status_code == 201
    assert shop.client.post("/v1/orders/old/events", json=paid, headers=shop.world.auth).status_code == 200


def trade(shop, buyers, seed, ip=None, every_s=20):
    """Buyers of a good day: one in eight is declined at first and pays with another card."""
    chance = random.Random(seed)
    hidden = 0
    for number in range(buyers):
        at, basket = ip or f"198.51.{number % 250}.10", f"good-{seed}-{number}"
        hidden += shop.kinds(at, basket) != {"card", "card_3ds"}
        if chance.random() < 0.125:
            shop.report(
                f"short-{seed}-{number}", "declined", ip=at, reference=basket, decline_class="insufficient_funds"
            )
        shop.report(f"fine-{seed}-{number}", "authorised", ip=at, reference=basket)
        shop.clock.shift(timedelta(seconds=every_s))
    return hidden


def test_on_a_sale_day_an_office_of_thirty_behind_one_address_keeps_its_cards(shop):
    """And so does the colleague among them who needs four tries."""
    assert trade(shop, 15, seed=2, ip="192.0.2.1") == 0
    for number in range(4):
        assert shop.pay("192.0.2.1", "colleague", f"mistyped-{number}", "declined") == {"card", "card_3ds"}
    assert shop.pay("192.0.2.1", "colleague", "right-at-last", "authorised") == {"card", "card_3ds"}
    assert trade(shop, 15, seed=3, ip="192.0.2.1") == 0
    assert shield.surge_of(shop.services.cache, shop.world.merchant_id, shop.world.shop_id, now(shop)) is None


def now(shop):
    return datetime.now(UTC).timestamp()


def test_a_carriers_address_with_hundreds_of_customers_keeps_its_cards(shop):
    """Many declines of many cards, but most payments go through."""
    assert trade(shop, 150, seed=4, ip="192.0.2.200", every_s=5) == 0


def test_who_retries_one_card_at_one_basket_keeps_his_cards(shop):
    """Without ever succeeding: a blocked card is no attack."""
    for _ in range(12):
        assert shop.pay("192.0.2.50", "stubborn", "blocked-card", "declined") == {"card", "card_3ds"}


def test_a_device_that_changes_its_address_is_recognised(shop):
    """Five cards within a day, whatever network they come through."""
    for number in range(9):
        shop.report(
            f"s-{number}", "declined", ip=f"203.0.113.{number}", device_id="d-1", device_consent=True,
            reference=f"b-{number}",
        )  # fmt: skip
    assert shop.kinds("192.0.2.77", "next", device_id="d-1", device_consent=True) == {"card_3ds"}
    assert shop.kinds("192.0.2.77", "other", device_id="d-2", device_consent=True) == {"card", "card_3ds"}


def test_after_an_hour_the_address_has_its_cards_back(shop):
    """The shield is held for a while, not for good."""
    attack(shop, lambda _: "203.0.113.9", 15, every_s=2)
    assert shop.kinds("203.0.113.9", "later") == set()
    shop.clock.shift(timedelta(hours=2))
    assert shop.kinds("203.0.113.9", "later") == {"card", "card_3ds"}


def test_a_merchant_trusts_his_own_office_and_can_do_without_the_shield(shop):
    """The allow list passes; a policy without these rules has no shield."""
    attack(shop, lambda _: "203.0.113.9", 15, every_s=2)
    with shop.services.db.transaction(shop.world.merchant_id) as session:
        version = policies.save(session, shop.world.shop_id, "checkout", {"rules": []}, "test", "", START)
        policies.activate(session, shop.world.shop_id, "checkout", version, START)
    assert shop.kinds("203.0.113.9", "open") == {"card", "card_3ds"}


def test_a_report_that_comes_twice_counts_once_and_a_late_one_where_it_belongs(shop):
    """The answer says which of it was so."""
    first = {"ip": "203.0.113.9", "reference": "b", "external_id": "pi_same"}
    assert shop.report("c", "declined", **first)["counted"] is True
    assert shop.report("c", "declined", **first) == {"external_id": "pi_same", "counted": False, "why": "told-before"}
    two_hours = (START - timedelta(hours=2)).isoformat()
    two_days = (START - timedelta(days=2)).isoformat()
    assert shop.report("d", "declined", ip="203.0.113.9", reference="b", occurred_at=two_hours)["counted"]
    assert shop.report("e", "declined", ip="203.0.113.9", reference="b", occurred_at=two_days)["why"] == "too-late"
    (standing,) = [one for one in top(shop) if one.subject == "ip"]
    assert (standing.hour.declines, standing.day.declines) == (1, 2)


def top(shop):
    return shield.top(shop.services.cache, shop.world.merchant_id, now(shop))


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({"method_kind": "invoice"}, "not-a-card"),
        ({"outcome": "challenged"}, "not-an-outcome"),
        ({"outcome": "failed", "decline_class": "technical"}, "no-decline"),
        ({"outcome": "declined", "decline_class": "cancelled_by_buyer"}, "no-decline"),
    ],
)
def test_what_is_no_declined_card_is_acknowledged_and_not_counted(shop, told, why):
    """A provider that is down is no attack."""
    answer = shop.report("c", told.pop("outcome", "declined"), ip="203.0.113.9", reference="b", **told)
    assert answer["why"] == why
    assert top(shop) == []


def test_a_webhook_that_knows_only_the_order_counts_for_the_connection_of_its_checkout(shop):
    """The provider does not know the buyer's address; the decision does."""
    shop.kinds("203.0.113.9", "cart-7")
    assert shop.report("c", "declined", reference="cart-7")["counted"]
    assert {one.subject for one in top(shop)} == {"ip", "card"}


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"card_fingerprint": "4242 4242 4242 4242"}, "/card_fingerprint"),
        ({"card_fingerprint": None, "card_bin": "424242"}, "/card_last4"),
        ({"ip": "999.1.1.1"}, "/ip"),
        ({"reference": None}, "/reference"),
        ({"decision": "dec_nonsense"}, "/decision"),
        ({"device_id": "d"}, "/device_id"),
        ({"outcome": "authorised", "decline_class": "stolen"}, "/decline_class"),
        ({"occurred_at": "2026-11-24T13:00:00Z"}, "/occurred_at"),
        ({"occurred_at": "2026-11-24T12:00:00"}, "/occurred_at"),
        ({"currency": "XXY"}, "/currency"),
        ({"amount_minor": 1.5}, "/amount_minor"),
        ({"colour": "red"}, "/colour"),
    ],
)
def test_a_wrong_report_is_refused_at_its_place(shop, change, path):
    """Above all a card number, which must never get here."""
    body = {
        "external_id": "pi", "method_kind": "card", "amount_minor": 100, "currency": "EUR", "outcome": "declined",
        "card_fingerprint": "fp", "reference": "b", "occurred_at": START.isoformat(),
    } | change  # fmt: skip
    body = {name: value for name, value in body.items() if value is not None}
    answer = shop.client.post("/v1/payment-attempts", json=body, headers=shop.world.auth)
    assert answer.status_code == 422, answer.json
    assert path in {fault["path"] for fault in answer.json["errors"]}


def test_a_decision_of_another_shop_is_unknown(shop, services):
    """Nothing is learnt about it, not even that it is there."""
    body = {"decision": to_public("dec", shop.world.shop_id), "external_id": "x", "method_kind": "card",
            "amount_minor": 1, "currency": "EUR", "outcome": "declined", "occurred_at": START.isoformat()}  # fmt: skip
    answer = shop.client.post("/v1/payment-attempts", json=body, headers=shop.world.auth)
    assert (answer.status_code, answer.json["code"]) == (404, "decision-unknown")


def test_the_scope_of_reports_is_its_own(app, services):
    """A webhook's key need not be able to decide or to tell orders."""
    world = a_world(services, scopes=frozenset({"orders:write"}))
    answer = app.test_client().post("/v1/payment-attempts", json={}, headers=world.auth)
    assert (answer.status_code, answer.json["needed"]) == (403, "attempts:write")


def test_an_idempotency_key_answers_what_was_answered_before(shop):
    """And refuses other content."""
    body = {"external_id": "pi", "method_kind": "card", "amount_minor": 100, "currency": "EUR", "outcome": "declined",
            "reference": "b", "ip": "203.0.113.9", "occurred_at": START.isoformat()}  # fmt: skip
    headers = shop.world.auth | {"Idempotency-Key": "k"}
    answers = [shop.client.post("/v1/payment-attempts", json=body, headers=headers) for _ in range(2)]
    assert answers[0].data == answers[1].data
    assert answers[0].json["counted"] is True
    other = shop.client.post("/v1/payment-attempts", json=body | {"amount_minor": 1}, headers=headers)
    assert other.json["code"] == "idempotency-conflict"


def notices(shop):
    with shop.services.db.transaction(shop.world.merchant_id) as session:
        return [(one.code, one.times) for one in session.query(Notice).order_by(Notice.created_at)]


def test_the_desk_hears_of_a_surge_once_when_it_starts_and_once_when_it_ends(shop):
    """Not per attempt and not per round of the worker."""
    attack(shop, lambda n: f"203.0.{n}.7", 30, every_s=2, amount_minor=100)
    for _ in range(3):
        surges.watch(shop.services, datetime.now(UTC))
    assert notices(shop) == [("card-testing-started", 1)]
    shop.clock.shift(timedelta(minutes=20))
    for _ in range(3):
        surges.watch(shop.services, datetime.now(UTC))
    assert notices(shop) == [("card-testing-started", 1), ("card-testing-ended", 1)]
    assert all(words.NOTICES[code] for code, _ in notices(shop))


def test_losing_all_counters_in_the_middle_costs_accuracy_only(shop):
    """The attack has to be seen again; nothing fails."""
    attack(shop, lambda _: "203.0.113.9", 15, every_s=2)
    shop.services.cache.flushdb()
    assert shop.kinds("203.0.113.9", "after") == {"card", "card_3ds"}
    assert attack(shop, lambda _: "203.0.113.9", 30, every_s=2) == (6, 12)


def test_without_the_cache_reports_are_acknowledged_and_checkouts_answered(shop, monkeypatch):
    """The facts are missing, the rules do not hold, and the policy says what that means."""

    def away(*_, **__):
        raise redis.ConnectionError

    monkeypatch.setattr(redis.connection.AbstractConnection, "connect", away)
    shop.services.cache.connection_pool.disconnect()
    assert shop.report("c", "declined", ip="203.0.113.9", reference="b")["why"] == "counters-away"
    assert shop.kinds("203.0.113.9", "b") == {"card", "card_3ds"}


@pytest.fixture
def kulanz(shop):
    """Type a command of the shield for this merchant."""

    def typed(*words, of_merchant=True):
        who = ["--merchant", to_public("mer", shop.world.merchant_id), "--json"] if of_merchant else []
        done = CliRunner().invoke(cli.main, ["shield", *words, *who], obj=SimpleNamespace(services=shop.services))
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        return json.loads(done.output)

    return typed


def test_the_operator_sees_who_it_is_and_can_let_somebody_off(shop, kulanz):
    """By hash, for nothing else is kept."""
    assert kulanz("status") == []
    attack(shop, lambda n: f"203.0.{n}.7", 10, every_s=2)
    attack(shop, lambda _: "203.0.113.9", 15, every_s=2)
    surge, address, *_ = kulanz("status")
    assert surge["subject"] == f"surge:{to_public('shp', shop.world.shop_id)}"
    assert surge["declined_percent"] >= 20
    assert (address["subject"][:3], address["cards_1h"], address["declined_percent"]) == ("ip:", 12, 100)
    for subject in (surge["subject"], address["subject"]):
        assert kulanz("lift", subject) == {"subject": subject, "lifted": True}
    assert shop.kinds("203.0.113.9", "again") == {"card", "card_3ds"}
    with pytest.raises(Invalid):
        kulanz("lift", "everybody")


def test_the_operator_is_told_when_the_counters_do_not_answer(shop, kulanz, monkeypatch):
    """Nothing there is not the same as nobody there."""

    def away(*_, **__):
        raise redis.ConnectionError

    monkeypatch.setattr(redis.connection.AbstractConnection, "connect", away)
    shop.services.cache.connection_pool.disconnect()
    for typed in (["status"], ["lift", "ip:00"]):
        with pytest.raises(commands_shield.CountersAway):
            kulanz(*typed)


def test_the_rules_to_copy_are_the_rules_that_are_shipped(kulanz):
    """What `kulanz shield rules` prints goes into a policy as it is."""
    assert kulanz("rules", of_merchant=False) == SHIELD_RULES == documents.DEFAULT_CHECKOUT["rules"]
    documents.compile_policy({"rules": SHIELD_RULES}, 1)
    assert all(rule["reason"] for rule in SHIELD_RULES)
