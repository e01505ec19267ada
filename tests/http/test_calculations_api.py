"""`/v1/calculations` and `/v1/law`: the same answers as the command, and rows that only an operator's key may bring."""

import json

import pytest

from gateway.law.catalogue import CALCULATORS
from gateway.merchants.auth import OPERATOR_SCOPES, SCOPES
from tests.builders import a_world

RATE = (
    "table,key,valid_from,valid_to,value,source,certainty\n"
    "base-rate,DE,2027-01-01,2027-06-30,1.77,invented for this test,memory\n"
)


def post(app, world, path, body):
    return app.test_client().post(path, json=body, headers=world.auth)


@pytest.mark.parametrize("name", CALCULATORS)
def test_every_calculator_answers_its_example(app, services, name):
    answer = post(app, a_world(services), f"/v1/calculations/{name}", dict(CALCULATORS[name].example))
    assert answer.status_code == 200
    assert answer.json["working"]


def test_wrong_input_is_422_with_the_same_codes(app, services):
    world = a_world(services)
    usual = dict(CALCULATORS["default-interest"].example)
    for change, code in (
        ({"principal_minor": 1.5}, "invalid-input"),
        ({"country": "XX"}, "unknown-country"),
        ({"through": "2025-01-01"}, "contradictory-input"),
        ({"through": "2031-01-01"}, "rate-not-known"),
        ({"through": "9999-12-31"}, "rate-not-known"),
    ):
        answer = post(app, world, "/v1/calculations/default-interest", usual | change)
        assert (answer.status_code, answer.json["code"]) == (422, code)


def test_an_unknown_calculator_is_not_found(app, services):
    assert post(app, a_world(services), "/v1/calculations/horoscope", {}).status_code == 404


def test_a_key_without_the_scope_may_not_calculate(app, services):
    world = a_world(services, scopes=frozenset({"orders:read"}))
    answer = post(app, world, "/v1/calculations/reference", {"kind": "rf", "base": "INV1"})
    assert (answer.status_code, answer.json["code"]) == (403, "scope-missing")


def test_only_an_operators_key_brings_new_rows(app, services):
    """A merchant's own key holds at most SCOPES: he cannot change the law for everybody."""
    assert not OPERATOR_SCOPES & SCOPES
    assert post(app, a_world(services), "/v1/law/rows", {"csv": RATE}).status_code == 403


def test_rows_are_imported_and_read(app, services):
    world = a_world(services, scopes=SCOPES | OPERATOR_SCOPES)
    tried = post(app, world, "/v1/law/rows", {"csv": RATE, "dry_run": True})
    assert [row["value"] for row in tried.json["items"]] == ["1.77"]
    before = app.test_client().get("/v1/law/tables/base-rate", headers=world.auth).json
    assert len(post(app, world, "/v1/law/rows", {"csv": RATE}).json["items"]) == 1
    after = app.test_client().get("/v1/law/tables/base-rate", headers=world.auth).json
    assert len(after["items"]) == len(before["items"]) + 1
    assert after["version"] != before["version"]
    later = dict(CALCULATORS["default-interest"].example) | {"from": "2027-01-01", "through": "2027-01-31"}
    assert post(app, world, "/v1/calculations/default-interest", later).json["periods"][0]["rate_percent"] == "10.77"


def test_a_faulty_file_is_refused_with_its_lines(app, services):
    world = a_world(services, scopes=SCOPES | OPERATOR_SCOPES)
    answer = post(app, world, "/v1/law/rows", {"csv": RATE + "base-rate,DE,2027-01-01,2027-06-30,9,x,source\n"})
    assert (answer.status_code, answer.json["code"]) == (422, "bad-law-file")
    assert answer.json["errors"][0]["path"] == "line 3"


def test_an_unknown_table_is_not_found(app, services):
    answer = app.test_client().get("/v1/law/tables/horoscopes", headers=a_world(services).auth)
    assert (answer.status_code, answer.json["code"]) == (404, "table-unknown")


def test_the_documents_name_every_calculator(app):
    """With an example, so that a client can try it."""
    paths = json.loads(app.test_client().get("/openapi.json").data)["paths"]
    for name in CALCULATORS:
        assert paths[f"/v1/calculations/{name}"]["post"]["summary"]
