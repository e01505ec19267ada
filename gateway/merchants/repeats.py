"""Requests of a shop under an `Idempotency-Key`, inside the transaction of the edge: done once, told again."""

from collections.abc import Callable

from flask import Response, request
from sqlalchemy.orm import Session

from gateway.core import clock, idempotency
from gateway.core.http import answer, services
from gateway.merchants import secrets
from gateway.merchants.guards import current


def attempt(session: Session, scope: str, content: bytes) -> idempotency.Attempt | None:
    """This request of the calling shop by its key; None when it came without one. `content` makes it the same request."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    who, data_key = current(), secrets.get_key(session, services().keyring, "data")
    return idempotency.attempt(who.merchant_id, data_key, f"{who.shop_id} POST {scope}", key, content)


def once(session: Session, scope: str, content: bytes, status: int, act: Callable[[], bytes]) -> Response:
    """Do it and keep the answer, or answer what was answered before. For answers that hold nothing of a buyer."""
    this = attempt(session, scope, content)
    if this is None:
        return answer(act(), status)
    if (before := idempotency.begin(session, this, clock.now())) is not None:
        return answer(before.body, before.status)
    body = act()
    idempotency.finish(session, this, status, body)
    return answer(body, status)
