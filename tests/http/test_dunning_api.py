"""`/v1/dunning`: the policy's versions, what leaves in the coming days, pausing, calls."""

import copy
from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine

from gateway.core.ids import to_public
from gateway.law.tables import shipped
from gateway.receivables import nightly
from gateway.receivables.dunning_defaults import DEFAULT_DUNNING
from gateway.receivables.nightly import Night
from tests.claims import Book

NOW = datetime(2026, 9, 21, 8, tzinfo=UTC)


@pytest.fixture
def book(services):
    return Book(services)


@pytest.fixture
def client(app):
    return app.test_client()


@pytest.fixture(autouse=True)
def september():
    with time_machine.travel(NOW, tick=False) as clock:
        yield clock


def a_debt(book, **overrides):
    told = {"due_date": date(2026, 9, 15), "delivered_on": date(2026, 9, 1), "contract_date": date(2026, 8, 30)}
    return book.open(NOW, **(told | {"due_ground": "after-delivery"} | overrides))


def test_a_shop_without_a_policy_of_its_own_is_told_the_default(book, client):
    told = client.get("/v1/dunning/policies", headers=book.world.auth).json
    assert (told["live"], told["policies"]) == (0, [])
    assert told["document"] == DEFAULT_DUNNING


def test_a_policy_is_checked_kept_made_live_and_rolled_back(book, client, september):
    body = copy.deepcopy(DEFAULT_DUNNING)
    for days in (9, 12):
        body["tracks"][0]["steps"][0]["delay_days"] = days
        kept = client.post("/v1/dunning/policies", json={"document": body}, headers=book.world.auth)
        assert kept.status_code == 201, kept.json
        live = client.post(f"/v1/dunning/policies/{kept.json['policy']['id']}/live", json={}, headers=book.world.auth)
        assert live.json["stage"] == "live"
        september.shift(60)
    assert client.post("/v1/dunning/policies/rollback", json={}, headers=book.world.auth).json == {"live": 1}
    told = client.get("/v1/dunning/policies?limit=1", headers=book.world.auth).json
    assert (told["document"]["tracks"][0]["steps"][0]["delay_days"], told["next_cursor"]) == (9, "2")


def test_what_no_law_allows_is_refused_with_path_and_suggestion_and_nothing_is_kept(book, client):
    body = copy.deepcopy(DEFAULT_DUNNING)
    body["tracks"][0]["steps"][2] |= {"lump_sum": True, "fee_minor": 500}
    refused = client.post("/v1/dunning/policies", json={"document": body}, headers=book.world.auth)
    assert refused.status_code == 422
    paths = {one["path"] for one in refused.json["errors"]}
    assert {"/tracks/0/steps/2/lump_sum", "/tracks/0/steps/2/fee_minor"} <= paths
    assert client.get("/v1/dunning/policies", headers=book.world.auth).json["policies"] == []


def test_the_preview_tells_what_the_nights_then_do(book, client):
    a_debt(book)
    told = client.get("/v1/dunning/preview?days=60", headers=book.world.auth).json
    assert [(one["day"], one["step"]) for one in told["letters"]] == [
        ("2026-09-22", "reminder"),
        ("2026-10-06", "dunning-1"),
        ("2026-10-21", "dunning-2"),
        ("2026-11-05", "final"),
    ]
    assert told["complete"] is True
    only = client.get("/v1/dunning/preview?days=60&kind=final", headers=book.world.auth).json
    assert only["counts"] == {"final": 1}


def test_a_pause_is_told_as_the_reason_and_resuming_leaves_some_days(book, client):
    claim = to_public("clm", a_debt(book))
    paused = client.post(f"/v1/dunning/claims/{claim}/pause", json={}, headers=book.world.auth).json
    assert (paused["next"]["why_not"], paused["next"]["coming"]) == ("pause", None)
    resumed = client.post(f"/v1/dunning/claims/{claim}/resume", json={}, headers=book.world.auth).json
    assert (resumed["changed"], resumed["next"]["coming"]["day"]) == (True, "2026-09-24")


def test_a_claim_of_another_merchant_is_unknown(book, client, services):
    other = Book(services)
    claim = to_public("clm", a_debt(other))
    assert client.get(f"/v1/dunning/claims/{claim}/next", headers=book.world.auth).status_code == 404


def test_a_promise_on_the_phone_is_waited_for_and_told_once(book, client):
    claim = to_public("clm", a_debt(book))
    wish = {"claim": claim, "reference": "w-1", "wish": "0151 5550100, after six"}
    asked = client.post("/v1/dunning/calls", json=wish, headers=book.world.auth)
    assert (asked.status_code, asked.json["wish"]) == (201, wish["wish"])
    assert client.post("/v1/dunning/calls", json=wish, headers=book.world.auth).json["id"] == asked.json["id"]
    ended = {"outcome": "promised", "pay_on": "2026-09-30", "amount_minor": 10_000, "note": "pays on payday"}
    told = client.post(f"/v1/dunning/calls/{asked.json['id']}/outcome", json=ended, headers=book.world.auth)
    assert (told.status_code, told.json["state"], told.json["note"]) == (200, "DONE", "pays on payday")
    assert client.get(f"/v1/dunning/claims/{claim}/next", headers=book.world.auth).json["why_not"] == "promise"
    again = client.post(f"/v1/dunning/calls/{asked.json['id']}/outcome", json=ended, headers=book.world.auth)
    assert (again.status_code, again.json["code"]) == (409, "call-done")


def test_a_call_that_reached_nobody_is_tried_three_times(book, client):
    claim = to_public("clm", a_debt(book))
    client.post("/v1/dunning/calls", json={"claim": claim, "reference": "w"}, headers=book.world.auth)
    for tried in (1, 2, 3):
        (call,) = client.get("/v1/dunning/calls", headers=book.world.auth).json["calls"]
        assert call["tries"] == tried
        client.post(f"/v1/dunning/calls/{call['id']}/outcome", json={"outcome": "not_reached"}, headers=book.world.auth)
    assert client.get("/v1/dunning/calls", headers=book.world.auth).json["calls"] == []
    assert len(client.get("/v1/dunning/calls?state=DONE", headers=book.world.auth).json["calls"]) == 3


def test_a_step_that_is_a_call_waits_for_its_outcome_and_then_counts(book, client):
    step = {"key": "c", "kind": "call", "channel": "call", "delay_days": 3}
    body = {"tracks": [{"id": "all", "steps": [step, {"key": "d", "kind": "dunning", "delay_days": 7}]}]}
    kept = client.post("/v1/dunning/policies", json={"document": body}, headers=book.world.auth).json
    client.post(f"/v1/dunning/policies/{kept['policy']['id']}/live", json={}, headers=book.world.auth)
    claim = to_public("clm", a_debt(book))
    nightly.run(
        book.services.db, book.world.merchant_id, Night(book.keys, shipped(), NOW - timedelta(hours=6), NOW.date())
    )
    (call,) = client.get("/v1/dunning/calls", headers=book.world.auth).json["calls"]
    assert call["cause"].startswith("letter:")
    told = client.get(f"/v1/dunning/claims/{claim}/next", headers=book.world.auth).json
    assert told["why_not"] == "letter-under-way"
    client.post(f"/v1/dunning/calls/{call['id']}/outcome", json={"outcome": "reached"}, headers=book.world.auth)
    told = client.get(f"/v1/dunning/claims/{claim}/next", headers=book.world.auth).json
    assert (told["why_not"], told["coming"]["step"]) == ("deadline", "d")


def test_the_nights_are_told(book, client):
    a_debt(book)
    night = Night(book.keys, shipped(), datetime(2026, 9, 22, 1, tzinfo=UTC), date(2026, 9, 22))
    nightly.run(book.services.db, book.world.merchant_id, night)
    (run,) = client.get("/v1/dunning/runs", headers=book.world.auth).json["runs"]
    assert (run["day"], run["state"], run["seen"], run["drafted"]) == ("2026-09-22", "DONE", 1, 1)
