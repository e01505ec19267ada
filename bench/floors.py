"""What our figures are compared with: the least programs that could be said to do the same, under the same gunicorn."""

import hashlib
import json
import os
import uuid
from functools import cache
from pathlib import Path
from typing import Any

import redis
from flask import Flask, Response, request
from psycopg_pool import ConnectionPool

from gateway.checkout.schemas import CheckoutSchema

TABLES = """
CREATE TABLE floor_buyer (digest bytea PRIMARY KEY, buyer_id uuid NOT NULL);
INSERT INTO floor_buyer SELECT sha256(n::text::bytea), gen_random_uuid() FROM generate_series(1, 10000) n;
CREATE TABLE floor_message (id uuid PRIMARY KEY, at timestamptz NOT NULL, body bytea NOT NULL);
CREATE TABLE floor_answer (id uuid PRIMARY KEY, at timestamptz NOT NULL, reference text NOT NULL, answer text NOT NULL);
GRANT SELECT ON floor_buyer TO kulanz_web;
GRANT SELECT, INSERT ON floor_answer, floor_message TO kulanz_web;
"""
ANSWER_FILE = "BENCH_ANSWER"
"""Names the file that holds the answer every floor gives: one that the real decision gave."""


def decision() -> Flask:
    """Parse the JSON, one Valkey round trip, one indexed SELECT, one committed INSERT, dump the answer."""
    app, answer = Flask(__name__), _answer()
    cached = redis.Redis.from_url(os.environ["REDIS_URL"])

    @app.post("/v1/decisions")
    def decide() -> Response:
        asked = request.get_json()
        digest = hashlib.sha256(asked["buyer"]["email"].encode()).digest()
        cached.incr(f"floor:{digest.hex()}")
        text = json.dumps(answer)
        with _pool().connection() as connection:
            connection.execute("SELECT buyer_id FROM floor_buyer WHERE digest = %s", (digest,)).fetchone()
            connection.execute(
                "INSERT INTO floor_answer (id, at, reference, answer) VALUES (%s, now(), %s, %s)",
                (uuid.uuid4(), asked["reference"], text),
            )
        return Response(text, 201, content_type="application/json")

    return app


def intake() -> Flask:
    """Put the body into a table by one committed INSERT."""
    app = Flask(__name__)

    @app.post("/in/<word>")
    def receive(word: str) -> Response:  # noqa: ARG001 - the path names it
        with _pool().connection() as connection:
            connection.execute(
                "INSERT INTO floor_message (id, at, body) VALUES (%s, now(), %s)", (uuid.uuid4(), request.get_data())
            )
        return Response(status=202)

    return app


def echo() -> Flask:
    """The request through the real schemas and back: marshmallow load, marshmallow dump."""
    app, schema = Flask(__name__), CheckoutSchema()

    @app.post("/v1/decisions")
    def repeat() -> Response:
        asked = schema.load(request.get_json())
        return Response(json.dumps(schema.dump(asked)), 201, content_type="application/json")

    return app


def hello() -> Flask:
    """Nothing but Flask."""
    app = Flask(__name__)

    @app.post("/v1/decisions")
    def greet() -> Response:
        return Response("{}", 201, content_type="application/json")

    return app


@cache
def _pool() -> ConnectionPool[Any]:
    """Opened after the fork, one connection per thread as ours."""
    return ConnectionPool(os.environ["DATABASE_URL"], min_size=1, max_size=4, open=True)


def _answer() -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(Path(os.environ[ANSWER_FILE]).read_text())
    return answer
