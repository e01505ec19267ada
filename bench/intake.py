"""Webhook intake over HTTP: verify, store once, answer; beside a Flask view with one committed INSERT of the same body."""

from bench.figures import Figure, Section
from bench.load import Outcome
from bench.stack import Stack, Web

_HOW = """Signed messages of one order each (Standard Webhooks), closed loop, 16 connections, a gunicorn of the same make for both.
Ours verifies the signature, seals body and headers, stores the message once with its job, and answers 202. Floor: a Flask
view that puts the body into a table by one committed INSERT (`bench/floors.py`)."""


def section(stack: Stack, rounds: int, seconds: float) -> Section:
    """Messages per second, ours and floor in turn."""
    with stack.web("gateway.app:create_app()") as ours, stack.web("bench.floors:intake()") as floor:
        for web in (ours, floor):
            _load(web, seconds=10.0, count=600)
        taken = [(_load(ours, seconds=seconds), _load(floor, seconds=seconds)) for _ in range(rounds)]
    rates = [[one[place].per_second for one in taken] for place in (0, 1)]
    errors = [float(ours.errors + floor.errors) for ours, floor in taken]
    return Section(
        "Webhook intake",
        _HOW,
        [
            Figure("verify, store once, answer", "messages/s", rates[0], rates[1], at_least=0.8),
            Figure("answers that were no 2xx", "", errors, orientation=0.0),
        ],
    )


def _load(web: Web, **wanted: float) -> Outcome:
    stack = web.stack
    return web.load(path=f"/in/{stack.word}", authorization=stack.signing_secret, **wanted)
