"""Who may pass: one guard per blueprint, chosen in the table of `wiring`. Guards return None to let a request in."""

from flask import current_app, g, request

from gateway.core import clock
from gateway.core.errors import NotFound
from gateway.merchants.auth import Principal, Principals

READS = frozenset({"GET", "HEAD", "OPTIONS"})


def public() -> None:
    """Anybody. The route itself must not touch a tenant's data without a proof of its own."""


def closed() -> None:
    """Nobody: a blueprint that nobody put into the table does not exist."""
    raise NotFound


def api_key() -> None:
    """A key of a shop, with the scope `<blueprint>:read` or `<blueprint>:write`."""
    keys: Principals = current_app.extensions["kulanz.keys"]
    principal = keys.authenticate(request.headers.get("Authorization"), clock.now())
    principal.need(f"{request.blueprint}:{'read' if request.method in READS else 'write'}")
    g.principal = principal


def current() -> Principal:
    """Whoever the guard `api_key` let in."""
    principal: Principal = g.principal
    return principal
