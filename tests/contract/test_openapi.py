"""The whole specification against generated requests: never a 500, always what the documents say."""

import json
from copy import deepcopy
from typing import Any

import pytest
import redis
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode, openapi
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)
from schemathesis.specs.openapi.schemas import OpenApiSchema

from gateway.app import create_app
from gateway.core.crypto import Keyring
from gateway.core.db import Database
from gateway.core.services import Services
from tests.builders import a_question, a_world

CHECKS = [
    not_a_server_error,
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
    ignored_auth,
    unsupported_method,
]


def specification() -> dict[str, Any]:
    """As a client reads it; making the application opens no connection."""
    database = Database("postgresql://nobody@/nowhere", role="kulanz_web")
    unopened = Services(database, redis.Redis(), Keyring.parse(Keyring.generate()), "http://kulanz.test", b"x" * 32)
    spec: dict[str, Any] = create_app(unopened).test_client().get("/openapi.json").json
    return spec


SPEC = specification()


def operations() -> list[tuple[str, str]]:
    """Every method and path of the specification."""
    return [(method, path) for path, item in SPEC["paths"].items() for method in item if method != "parameters"]


def alone(app: Flask, path: str) -> OpenApiSchema:
    """The specification with this path only: reading all of it takes longer than the requests."""
    schema = openapi.from_dict(deepcopy({**SPEC, "paths": {path: SPEC["paths"][path]}}))
    schema.app = app
    return schema


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["valid", "invalid"])
@pytest.mark.parametrize(("method", "path"), operations())
def test_every_operation_keeps_its_contract(app, services, method, path, mode):
    """Generated valid and invalid input: named answers only, of the documented status and shape."""
    world = a_world(services)
    operation = alone(app, path)[path][method]

    @settings(max_examples=15, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=mode))
    def holds(case):
        case.call_and_validate(headers=world.auth, checks=CHECKS)

    try:
        holds()
    except Unsatisfiable:
        assert mode is GenerationMode.NEGATIVE  # nothing of this operation can be wrong


def test_the_specification_is_openapi_3_1_and_names_the_key(app):
    """A client can be generated from it."""
    spec = app.test_client().get("/openapi.json").json
    assert spec["openapi"].startswith("3.1")
    assert spec["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
    assert "/v1/decisions" in spec["paths"]


def post(app, world, body, **headers):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return app.test_client().post(
        "/v1/decisions", data=raw, headers=world.auth | {"Content-Type": "application/json"} | headers
    )


BROKEN = [
    (b"", 400, "missing-body"),
    (b"{", 400, "not-json"),
    (b"\xff\xfe", 400, "not-json"),
    (b'{"total_minor": NaN}', 400, "not-json"),
    (b'{"currency": "EUR", "currency": "USD"}', 400, "not-json"),
    (b'{"currency": ' + b"9" * 5000 + b"}", 400, "not-json"),
    (b"[" * 100_000, 400, "not-json"),
    (b'{"a":' * 200 + b"1" + b"}" * 200, 422, "invalid-input"),
    (b"[]", 422, "invalid-input"),
    (b"null", 422, "invalid-input"),
    (b'"text"', 422, "invalid-input"),
    (b" " * 300_000 + b"{}", 413, "body-too-large"),
    (b"x" * 12_000_000, 413, None),
    (json.dumps(a_question(reference="\ud800")).encode(), 422, "invalid-input"),
    (json.dumps(a_question(reference="a\0b")).encode(), 422, "invalid-input"),
]


@pytest.mark.parametrize(("raw", "status", "code"), BROKEN, ids=range(len(BROKEN)))
def test_unreadable_requests_get_a_problem_with_a_code(app, services, raw, status, code):
    """Not JSON, too large, too deep, not text: 4xx, never a 500."""
    answer = post(app, a_world(services), raw)
    assert answer.status_code == status, answer.data[:300]
    assert answer.content_type == "application/problem+json"
    assert code in (None, answer.json["code"])


BUYER = a_question()["buyer"]
FAULTS = [
    ({"currency": "XXY"}, "/currency"),
    ({"currency": "USD"}, "/currency"),
    ({"total_minor": "12490"}, "/total_minor"),
    ({"total_minor": 124.5}, "/total_minor"),
    ({"total_minor": -1}, "/total_minor"),
    ({"total_minor": 10**18}, "/total_minor"),
    ({"total_minor": 99}, "/total_minor"),
    ({"unknown": 1}, "/unknown"),
    ({"context": {"device_consent": "yes"}}, "/context/device_consent"),
    ({"buyer": {"guest": 1}}, "/buyer/guest"),
    ({"buyer": BUYER | {"email": "not an address"}}, "/buyer/email"),
    ({"buyer": BUYER | {"gender": "f"}}, "/buyer/gender"),
    ({"billing": {"country": "Germany"}}, "/billing/country"),
    ({"context": {"ip": "999.1.1.1"}}, "/context/ip"),
    ({"context": {"device_id": "abc"}}, "/context/device_id"),
    ({"methods": []}, "/methods"),
    ({"methods": [{"id": "a", "kind": "crypto"}]}, "/methods/0/kind"),
    ({"methods": [{"id": "a", "kind": "invoice"}, {"id": "a", "kind": "card"}]}, "/methods"),
    ({"methods": [{"id": "a", "kind": "instalments"}]}, "/methods"),
    ({"items": [{"quantity": 0, "unit_minor": 1}]}, "/items/0/quantity"),
    ({"items": [{"quantity": 1, "unit_minor": 1}] * 501}, "/items"),
]


@pytest.mark.parametrize(("change", "path"), FAULTS, ids=[path + str(n) for n, (_, path) in enumerate(FAULTS)])
def test_mistyped_and_contradictory_questions_are_refused_at_their_place(app, services, change, path):
    """The offending path as JSON pointer; nothing is recorded."""
    answer = post(app, a_world(services), a_question(**change))
    assert answer.status_code == 422, answer.json
    assert answer.json["code"] == "invalid-input"
    assert path in {fault["path"] for fault in answer.json["errors"]}


def test_wrong_keys_scopes_media_types_and_methods_are_named(app, services):
    """401 without or with a wrong key, 403 without the scope, 415, 405."""
    world = a_world(services, scopes=frozenset({"decisions:read"}))
    client = app.test_client()
    assert client.post("/v1/decisions", json={}).json["code"] == "bad-key"
    assert client.post("/v1/decisions", json={}, headers={"Authorization": "Bearer kz_live_x"}).status_code == 401
    assert post(app, world, a_question()).json["code"] == "scope-missing"
    full = a_world(services)
    assert post(app, full, a_question(), **{"Content-Type": "text/plain"}).json["code"] == "wrong-media-type"
    assert client.delete("/v1/decisions", headers=full.auth).status_code == 405
    assert client.get("/v1/decisions/dec_nonsense", headers=full.auth).json["code"] == "decision-unknown"


def test_the_same_request_twice_is_one_decision(app, services):
    """Idempotency-Key: same content, same answer; other content, 409."""
    world = a_world(services)
    first = post(app, world, a_question(), **{"Idempotency-Key": "abc"})
    again = post(app, world, a_question(), **{"Idempotency-Key": "abc"})
    assert (first.status_code, first.data) == (again.status_code, again.data)
    other = post(app, world, a_question(reference="cart-2"), **{"Idempotency-Key": "abc"})
    assert other.json["code"] == "idempotency-conflict"
    assert post(app, world, a_question(), **{"Idempotency-Key": "x" * 300}).status_code == 422
