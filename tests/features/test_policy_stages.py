"""Versions on trial: in the shadow, for a share of the buyers, live, and back again; each decision says who decided."""

import json

import pytest
from sqlalchemy import select

from gateway.checkout import backtests, versions
from gateway.checkout.documents import DEFAULT_CHECKOUT
from gateway.checkout.models import Backtest, Decision
from gateway.checkout.replay import replay_decision
from gateway.checkout.versions import Standing
from gateway.core import clock
from gateway.core.errors import Invalid
from gateway.core.ids import from_public
from gateway.core.work import Job
from gateway.merchants import policies
from gateway.merchants.policies import AlreadyLive, NothingToRollBackTo
from gateway.shops import shops
from gateway.shops.models import Order
from tests.builders import a_question, a_world

TWO = [{"id": "cheque", "kind": "invoice"}, {"id": "bacs", "kind": "prepayment"}]
NO_INVOICE = {"methods": {"invoice": {"enabled": False}}}


class Shop:
    """A shop whose policies are moved and whose checkout is asked."""

    def __init__(self, app, services, **facts) -> None:
        self.services, self.world = services, a_world(services, **facts)
        self._client = app.test_client()

    def transaction(self):
        return self.services.db.transaction(self.world.merchant_id)

    def save(self, body, kind="checkout"):
        """The version number of a new draft."""
        with self.transaction() as session:
            shop = shops.get(session, self.world.shop_id)
            document, _ = versions.save(session, shop, kind, body, "ada", "", clock.now())
        return document.version

    def move(self, version, stage, percent=None, kind="checkout"):
        with self.transaction() as session:
            document = policies.get(session, self.world.shop_id, kind, version)
            versions.move(session, document, Standing(stage, percent), clock.now(), "ada")

    def ask(self, **overrides):
        """The answer and the record of one decision."""
        answer = self._client.post("/v1/decisions", json=a_question(**overrides), headers=self.world.auth)
        assert answer.status_code == 201, answer.json
        decision_id = from_public("dec", answer.json["id"])
        with self.services.db.connection(self.world.merchant_id) as connection:
            record = connection.execute(select(Decision.record).where(Decision.id == decision_id)).scalar_one()
        return answer.json, json.loads(record)

    def replays(self, answer) -> bool:
        with self.services.db.connection(self.world.merchant_id) as connection:
            return replay_decision(connection, self.world.merchant_id, from_public("dec", answer["id"])).same


@pytest.fixture
def shop(app, services):
    return Shop(app, services)


def buyer(number) -> dict:
    """Somebody else each, from elsewhere: nobody's velocity adds to another's."""
    home = {"line1": f"Lange Reihe {number}", "postcode": "20099", "city": "Hamburg", "country": "DE"}
    return {
        "reference": f"cart-{number}",
        "buyer": {"email": f"buyer{number}@example.com", "language": "de"},
        "billing": home,
        "context": {"ip": f"198.51.100.{number}"},
    }


def shows_invoice(answer) -> bool:
    return any(offer["kind"] == "invoice" and offer["show"] for offer in answer["offers"])


def test_a_version_in_the_shadow_judges_every_order_and_changes_none(shop):
    """Its choice is recorded in short and can be made again."""
    version = shop.save(NO_INVOICE)
    shop.move(version, "shadow")
    answer, record = shop.ask()
    assert shows_invoice(answer)
    assert record["versions"]["policy"] == 0
    shadow = record["shadow"]
    assert (shadow["checkout"], shadow["economics"], shadow["outcome"]) == (version, 0, "review")
    assert "cheque" not in {method for method, _ in shadow["shown"]}
    assert shadow["contribution_minor"] <= max(offer["contribution_minor"] for offer in answer["offers"])
    assert shop.replays(answer)


def test_a_share_decides_for_the_same_buyers_every_time_and_for_more_when_it_grows(shop):
    """Half of them, then most of them; nobody who is in drops out."""
    version = shop.save(NO_INVOICE)
    shop.move(version, "share", 50)
    first = {number: shop.ask(**buyer(number)) for number in range(24)}
    inside = {number for number, (answer, _) in first.items() if not shows_invoice(answer)}
    assert 4 <= len(inside) <= 20
    for number, (answer, record) in first.items():
        share = record["share"]["checkout"]
        assert share["acts"] is (number in inside)
        assert (share["version"], share["live"], share["percent"]) == (version, 0, 50)
        assert record["versions"]["policy"] == (version if number in inside else 0)
        assert shop.replays(answer)
    again = {number for number in range(24) if not shows_invoice(shop.ask(**buyer(number))[0])}
    assert again == inside
    shop.move(version, "share", 90)
    more = {number for number in range(24) if not shows_invoice(shop.ask(**buyer(number))[0])}
    assert inside <= more
    assert len(more) > len(inside)


def test_somebody_nameless_is_placed_by_his_cart(shop):
    """One cart meets one policy, however often it asks."""
    shop.move(shop.save(NO_INVOICE), "share", 50)
    nameless = {"buyer": {}, "billing": None, "context": {}}
    asked = {name: value for name, value in nameless.items() if value is not None}
    seen = [shop.ask(**asked, reference="cart-7")[1]["share"]["checkout"]["point"] for _ in range(3)]
    other = shop.ask(**asked, reference="cart-8")[1]["share"]["checkout"]["point"]
    assert len(set(seen)) == 1
    assert other != seen[0]


def test_a_live_version_leaves_its_trial_and_rolling_back_ends_a_share_first(shop):
    """Each step is in the list of what came when."""
    one, two = shop.save(NO_INVOICE), shop.save({})
    shop.move(one, "shadow")
    shop.move(one, "live")
    shop.move(two, "share", 10)
    assert not shows_invoice(shop.ask()[0]) or shop.ask()[1]["share"]["checkout"]["acts"]
    with shop.transaction() as session:
        assert [trial.version for trial in policies.trials(session, shop.world.shop_id)] == [two]
        assert policies.rollback(session, shop.world.shop_id, "checkout", clock.now()) == one
        assert policies.trials(session, shop.world.shop_id) == []
        with pytest.raises(NothingToRollBackTo):
            policies.rollback(session, shop.world.shop_id, "checkout", clock.now())
        steps = [(s.version, s.stage, s.percent) for s in policies.activations(session, shop.world.shop_id, "checkout")]
    assert steps == [(two, "draft", None), (two, "share", 10), (one, "live", None), (one, "shadow", 0)]


def test_a_stage_holds_one_version_and_a_version_stands_in_one_stage(shop):
    """Whoever comes takes the place; what decides already is not tried."""
    one, two = shop.save(NO_INVOICE), shop.save({})
    shop.move(one, "shadow")
    shop.move(two, "shadow")
    shop.move(two, "share", 5)
    with shop.transaction() as session:
        found = [(trial.stage, trial.version) for trial in policies.trials(session, shop.world.shop_id)]
    assert found == [("share", two)]
    shop.move(two, "live")
    with pytest.raises(AlreadyLive):
        shop.move(two, "shadow")
    with pytest.raises(versions.NothingOnTrial):
        shop.move(one, "draft")
    with pytest.raises(Invalid):
        shop.move(one, "share")
    with pytest.raises(Invalid):
        shop.move(one, "shadow", 5)


def test_economics_are_tried_like_policies(shop):
    """Another margin in the shadow is another contribution, with the same policy."""
    version = shop.save({"margin_bp": 500}, kind="economics")
    shop.move(version, "shadow", kind="economics")
    answer, record = shop.ask()
    best = max(offer["contribution_minor"] for offer in answer["offers"] if offer["show"])
    assert (record["shadow"]["checkout"], record["shadow"]["economics"]) == (0, version)
    assert record["shadow"]["contribution_minor"] < best
    assert shop.replays(answer)


def test_a_shadow_that_does_not_compile_breaks_no_checkout(shop):
    """A document that got in some other way is recorded as what it is."""
    with shop.transaction() as session:
        version = policies.save(session, shop.world.shop_id, "checkout", {"limit": 1}, "", "", clock.now())
    shop.move(version, "shadow")
    answer, record = shop.ask()
    assert record["shadow"] == {"checkout": version, "economics": 0, "error": "invalid-input"}
    assert shop.replays(answer)


def test_the_ceiling_counts_what_the_whole_shop_has_open(shop):
    """Two other buyers owe 500 EUR by invoice and one 900 by card: 600 are the ceiling, 124.90 are asked for."""
    shop.move(shop.save({"shop_limit_minor": 60_000, "loss_limit_bp": 10_000}), "live")
    with shop.transaction() as session:
        _owing(session, shop, "invoice", 20_000)
        _owing(session, shop, "invoice", 30_000)
        _owing(session, shop, "card", 90_000)
    answer, record = shop.ask()
    invoice = next(offer for offer in answer["offers"] if offer["kind"] == "invoice")
    assert record["facts"]["shop_open_minor"] == 50_000
    assert (invoice["show"], invoice["deposit_percent"]) == (True, 30)
    assert "shop_limit" in {reason["code"] for reason in invoice["reasons"]}
    assert shop.replays(answer)


def test_without_a_ceiling_nothing_is_added_up(shop):
    """The sum is not even a fact then."""
    assert "shop_open_minor" not in shop.ask()[1]["facts"]


def _owing(session, shop, kind, minor) -> None:
    now = clock.now()
    row = {"method": kind, "kind": kind, "currency": "EUR", "state": "PLACED", "placed_at": now, "updated_at": now}
    session.add(
        Order(
            merchant_id=shop.world.merchant_id,
            shop_id=shop.world.shop_id,
            reference=f"{kind}-{minor}",
            buyer_id=shop.world.shop_id,
            total_minor=minor,
            open_minor=minor,
            **row,
        )
    )


def test_a_drawn_sample_is_recorded_with_its_probability_and_replays(shop):
    """Of 60 orders that risk would refuse, three in a hundred are shown; the draw of each stands in its record."""
    body = {"explore": {"percent": 5, "max_minor": 50_000}, "methods": {"invoice": {"max_default": 0.0}}}
    shop.move(shop.save(body), "live")
    drawn = 0
    for number in range(40):
        answer, record = shop.ask(**buyer(number))
        told = record["choice"]["explored"]
        assert (told["draw"], told["propensity"]) == (record["draw"], 0.05)
        assert told["shown"] is (record["draw"] < 0.05) is shows_invoice(answer)
        drawn += told["shown"]
        assert shop.replays(answer)
    assert drawn <= 10


def test_who_edits_his_cart_draws_no_other_lot(shop):
    """Nor who writes his mailbox another way: swindlers would ask until they are drawn, and the sample were theirs."""
    shop.move(shop.save({"explore": {"percent": 5, "max_minor": 50_000}}), "live")
    asked = [
        buyer(1),
        buyer(1) | {"reference": "another-cart"},
        buyer(1) | {"total_minor": 9_990, "items": [], "shipping_minor": 0},
        buyer(1) | {"buyer": {"email": "Buyer1+again@example.com"}},
    ]
    assert len({shop.ask(**question)[1]["draw"] for question in asked}) == 1
    assert shop.ask(**buyer(2))[1]["draw"] != shop.ask(**buyer(1))[1]["draw"]


def test_the_merchants_words_reach_desk_and_buyer(shop):
    """The reason stands beside the rule, the buyer reads his sentence in his language."""
    rule = {
        "id": "new-dear",
        "when": {"field": "total_minor", "operator": ">", "value": 10_000},
        "then": {"action": "hide", "kinds": ["invoice"]},
        "reason": "zu teuer",
        "buyer_text": {"de": "Ab 100 € bitte Vorkasse.", "en": "From €100 please prepay."},
    }
    shop.move(shop.save({"rules": [rule]}), "live")
    answer, _ = shop.ask()
    invoice = next(offer for offer in answer["offers"] if offer["kind"] == "invoice")
    assert {"code": "rule:new-dear", "text": "Regel new-dear: zu teuer"} in invoice["reasons"]
    assert answer["notice"].endswith("Ab 100 € bitte Vorkasse.")
    english = shop.ask(buyer={"email": "ada@example.com", "language": "en"})[0]
    assert english["notice"].endswith("From €100 please prepay.")


def test_a_rule_with_days_replays_on_another_day(shop):
    """The day of the decision stands in its record."""
    rule = {
        "id": "long-ago",
        "when": {"field": "total_minor", "operator": ">", "value": 0},
        "then": {"action": "hide", "kinds": ["invoice"]},
        "valid_until": clock.now().date().replace(year=2090).isoformat(),
    }
    shop.move(shop.save({"rules": [rule]}), "live")
    answer, record = shop.ask()
    assert record["today"] == clock.local_date(clock.now(), "Europe/Berlin").isoformat()
    assert not shows_invoice(answer)
    assert shop.replays(answer)


# backtests


def started(shop, version, most=1_000, kind="checkout"):
    now = clock.now()
    with shop.transaction() as session:
        document = policies.get(session, shop.world.shop_id, kind, version)
        asked = backtests.Asked(now.replace(year=now.year - 1), now.replace(year=now.year + 1), most)
        return backtests.start(session, document, asked, "ada", now).id


def read(shop, id_) -> dict:
    with shop.transaction() as session:
        return versions.backtest_view(session.get(Backtest, (shop.world.merchant_id, id_)))


def job(shop, id_) -> Job:
    return Job(1, "default", backtests.TASK, shop.world.merchant_id, {"backtest": str(id_)}, 1)


def test_a_backtest_says_which_menus_change_and_what_that_is_worth(shop, monkeypatch):
    """Nine orders up to 90 EUR and three dear ones; without invoices above 100 EUR three menus are others."""
    monkeypatch.setattr(backtests, "BITE", 5)
    bold = {"loss_limit_bp": 10_000, "loss_limit_minor": 100_000}
    shop.move(shop.save(bold), "live")
    some = {"items": [], "shipping_minor": 0, "methods": TWO}
    for number in range(9):
        shop.ask(**buyer(number), **some, total_minor=(number + 1) * 1_000)
    dear = [shop.ask(**buyer(number), **some, total_minor=25_000)[0] for number in range(9, 12)]
    id_ = started(shop, shop.save(bold | {"methods": {"invoice": {"max_minor": 10_000}}}))
    backtests.run(shop.services, job(shop, id_))
    view = read(shop, id_)
    result = view["result"]
    assert (view["state"], view["done"], result["judged"], result["changed"]) == ("done", 12, 12, 3)
    assert result["kinds"]["invoice"] == {"opened": 0, "closed": 3, "deposit_up": 0, "deposit_down": 0}
    assert {one["decision"] for one in result["sample"]} == {answer["id"] for answer in dear}
    assert {method for method, _ in result["sample"][0]["before"]} - {
        method for method, _ in result["sample"][0]["after"]
    } == {"cheque"}
    sums = result["contribution"]["EUR"]
    assert sums["after_minor"] - sums["before_minor"] == sum(one["delta_minor"] for one in result["sample"])
    assert sums["after_minor"] < sums["before_minor"]
    amounts = result["segments"]["amount"]
    assert {band: (cell["judged"], cell["changed"]) for band, cell in amounts.items()} == {
        "0-50": (4, 0),
        "50-100": (5, 0),
        "250-500": (3, 3),
    }
    assert result["segments"]["buyer"]["new"]["judged"] == 12
    assert result["segments"]["country"]["DE"]["changed"] == 3
    assert result["errors"] == {}


def test_a_backtest_that_is_cut_off_goes_on_where_it_was(shop, monkeypatch):
    """Each bite commits its figures with the place it came to; run again, nothing counts twice."""
    monkeypatch.setattr(backtests, "BITE", 4)
    for number in range(10):
        shop.ask(**buyer(number))
    id_ = started(shop, shop.save(NO_INVOICE))
    with shop.transaction() as session:
        assert backtests.bite(session, id_, clock.now())
    assert (read(shop, id_)["state"], read(shop, id_)["done"]) == ("running", 4)
    backtests.run(shop.services, job(shop, id_))
    backtests.run(shop.services, job(shop, id_))
    assert (read(shop, id_)["state"], read(shop, id_)["result"]["judged"]) == ("done", 10)


def test_a_backtest_takes_the_newest_decisions_up_to_its_limit(shop):
    """The last two of four."""
    answers = [shop.ask(**buyer(number))[0]["id"] for number in range(4)]
    id_ = started(shop, shop.save(NO_INVOICE), most=2)
    backtests.run(shop.services, job(shop, id_))
    view = read(shop, id_)
    assert (view["state"], view["done"]) == ("done", 2)
    assert {one["decision"] for one in view["result"]["sample"]} == set(answers[2:])


def test_the_same_policy_changes_nothing(shop):
    """Whatever was decided by the defaults is decided by the defaults again, and worth the same."""
    for number in range(5):
        shop.ask(**buyer(number))
    id_ = started(shop, shop.save(DEFAULT_CHECKOUT))
    backtests.run(shop.services, job(shop, id_))
    result = read(shop, id_)["result"]
    assert (result["judged"], result["changed"], result["sample"]) == (5, 0, [])
    assert result["contribution"]["EUR"]["before_minor"] == result["contribution"]["EUR"]["after_minor"]


def test_figures_are_backtested_by_their_own_measure(shop):
    """With a margin of 5 % both menus are valued by it: worth less than then, before and after alike."""
    stored = shop.ask()[0]
    id_ = started(shop, shop.save({"margin_bp": 500}, kind="economics"), kind="economics")
    backtests.run(shop.services, job(shop, id_))
    sums = read(shop, id_)["result"]["contribution"]["EUR"]
    assert sums["before_minor"] < max(o["contribution_minor"] for o in stored["offers"] if o["show"])
    assert sums["after_minor"] >= sums["before_minor"]


def test_only_three_backtests_of_a_shop_wait_at_a_time(shop):
    """Whoever asks for more is told to wait."""
    version = shop.save(NO_INVOICE)
    for _ in range(backtests.MOST_UNFINISHED):
        started(shop, version)
    with pytest.raises(backtests.BacktestsWaiting):
        started(shop, version)


def test_a_backtest_whose_job_died_says_so(shop):
    """Nobody waits for ever."""
    id_ = started(shop, shop.save(NO_INVOICE))
    backtests.give_up(shop.services, job(shop, id_), "timeout")
    assert (read(shop, id_)["state"], read(shop, id_)["error"]) == ("failed", "timeout")


def test_a_draft_is_tried_on_the_newest_decisions_when_it_is_saved(shop):
    """Would have changed 3 of 3."""
    for number in range(3):
        shop.ask(**buyer(number))
    with shop.transaction() as session:
        facts = shops.get(session, shop.world.shop_id)
        checked = versions.check(session, facts, "checkout", NO_INVOICE, clock.now())
    assert checked.dry_run == {"judged": 3, "changed": 3, "errors": 0}
