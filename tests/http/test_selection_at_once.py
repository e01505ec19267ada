"""Several choices of one decision at once: one asks, the others wait for its answer, and it is paid once."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import select

from gateway.app import create_app
from gateway.core.services import Services
from gateway.risk.bureau_call import Caller
from gateway.risk.bureau_models import BureauRequest, BureauResult
from tests import bureaus as made
from tests.builders import a_world


@pytest.fixture
def services(live_db, cache, keyring):
    with made.a_sandbox() as url:
        yield Services(
            db=live_db,
            cache=cache,
            keyring=keyring,
            public_url="http://kulanz.test",
            session_secret=b"only for tests, thirty-two bytes!",
            sandbox_url=url,
            threads=8,
        )


@pytest.fixture
def app(services):
    return create_app(services)


@pytest.fixture
def shop(services):
    world = a_world(services)
    made.asks(services, world, kinds=["invoice", "cash_on_delivery"])
    made.connect(services, world)
    return world


def all_of(services, shop, table):
    with services.db.transaction(shop.merchant_id) as session:
        return list(session.scalars(select(table)))


def test_choices_at_once_share_one_call(app, services, shop):
    """Three arrivals of the same choice and one of another method, while the bureau takes its time."""
    decision = made.decided(app, shop, "Langsam", "20099")
    with ThreadPoolExecutor(4) as pool:
        methods = ["cheque", "cheque", "cheque", "cod"]
        answers = list(pool.map(lambda method: made.select(app, shop, decision, method), methods))
    assert [answer.status_code for answer in answers] == [201] * 4
    assert len({answer.data for answer in answers[:3]}) == 1
    assert {answer.json["bureau"]["outcome"] for answer in answers} == {"scored"}
    assert len(all_of(services, shop, BureauRequest)) == len(all_of(services, shop, BureauResult)) == 1


def test_who_waits_for_a_call_that_hangs_is_answered_within_the_deadline_too(app, services, shop):
    """Both get the policy's answer to a time-out."""
    made.asks(services, shop, kinds=["invoice", "cash_on_delivery"], deadline_ms=400, on={"timeout": "deposit"})
    decision = made.decided(app, shop, "Hang")
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda method: made.select(app, shop, decision, method), ["cheque", "cod"]))
    assert {(answer.json["answer"], answer.json["bureau"]["outcome"]) for answer in answers} == {("deposit", "timeout")}
    assert len(all_of(services, shop, BureauRequest)) == 1


def test_bureaus_that_hang_keep_half_of_the_threads_at_most(services, shop):
    """The other choices are answered at once by the policy, unasked and unpaid: menus are decided all the while."""
    app = create_app(replace(services, threads=4))
    made.asks(services, shop, deadline_ms=1_500, on={"timeout": "refuse", "error": "deposit"})
    decisions = [made.decided(app, shop, "Hang", f"2009{n}", reference=f"cart-{n}") for n in range(4)]

    def timed(decision):
        began = time.monotonic()
        return made.select(app, shop, decision).json["bureau"]["outcome"], time.monotonic() - began < 1.0

    with ThreadPoolExecutor(4) as pool:
        told = sorted(pool.map(timed, decisions))
    assert told == [("error", True), ("error", True), ("timeout", False), ("timeout", False)]
    assert len(all_of(services, shop, BureauRequest)) == 2
    again = made.decided(app, shop, "Score900", reference="cart-9")
    assert made.select(app, shop, again).json["bureau"]["outcome"] == "scored"


def test_calls_that_hang_of_others_speak_against_nobodys_bureau(app, services, shop, monkeypatch):
    """Every place is taken by look-ups of names that never end: nothing is reserved, paid or counted as broken."""
    monkeypatch.setattr(app.extensions["kulanz.selections"], "_caller", Caller(at_once=0))
    made.asks(services, shop, on={"error": "deposit"})
    for number in range(3):
        decision = made.decided(app, shop, f"Score90{number}", f"2010{number}", reference=f"cart-{number}")
        assert made.select(app, shop, decision).json["bureau"]["outcome"] == "error"
    assert not all_of(services, shop, BureauRequest)
    monkeypatch.undo()
    decision = made.decided(app, shop, "Score909", "20109", reference="cart-9")
    assert made.select(app, shop, decision).json["bureau"]["outcome"] == "scored"


def test_who_finds_no_place_to_wait_is_told_to_come_again(services, shop):
    """Eight clicks on a choice that a bureau ponders are one call, and no eight threads."""
    app = create_app(replace(services, threads=4))
    decision = made.decided(app, shop, "Langsam", "20099")
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: made.select(app, shop, decision), range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 201, 503, 503]
    assert made.select(app, shop, decision).status_code == 201
    assert len(all_of(services, shop, BureauRequest)) == 1


def test_a_budget_is_not_spent_twice_by_calls_at_once(app, services, shop):
    """Money for one call, four buyers at the same moment."""
    made.asks(services, shop, budget_minor_per_month=65, on={"budget": "deposit"})
    decisions = [made.decided(app, shop, f"Score90{n}") for n in range(4)]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda decision: made.select(app, shop, decision), decisions))
    outcomes = sorted(answer.json["bureau"]["outcome"] for answer in answers)
    assert outcomes == ["budget", "budget", "budget", "scored"]


def test_no_transaction_is_open_while_a_bureau_is_asked(app, services, shop, monkeypatch):
    """The house rule: reserve, commit, call, record."""
    open_now = []
    selections = app.extensions["kulanz.selections"]
    real = selections._caller.call

    def watched(ask, deadline_s):
        open_now.append(services.db.engine.pool.checkedout())
        return real(ask, deadline_s)

    monkeypatch.setattr(selections._caller, "call", watched)
    assert made.select(app, shop, made.decided(app, shop)).json["bureau"]["outcome"] == "scored"
    assert open_now == [0]
