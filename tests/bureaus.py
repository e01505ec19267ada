"""Bureaus for tests: the sandbox over real HTTP, a policy that asks it, decisions and choices through the API."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from gateway.checkout.documents import DEFAULT_CHECKOUT
from gateway.core import clock
from gateway.core.services import Services
from gateway.demo import sandbox
from gateway.merchants import policies
from gateway.risk.bureaus import Book, NewBureau
from tests.builders import World, a_question

NOTICE = {"kind": "notice", "text_version": "2026-11-de", "at": "2026-11-24T10:15:00+01:00", "ip": "198.51.100.7"}
POLICY = {
    "kinds": ["invoice"],
    "deadline_ms": 4_000,
    "cost_minor": 65,
    "decline_below": 250,
    "deposit_below": 500,
    "deposit_percent": 30,
}


@contextmanager
def a_sandbox() -> Iterator[str]:
    """The sandbox on a free port of this machine, and its address."""
    server = sandbox.Server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


def book(services: Services) -> Book:
    return Book.of(services)


def asks(services: Services, world: World, **changes: Any) -> None:
    """This shop asks a bureau from now on; `changes` are of the policy's block."""
    generous = {"loss_limit_bp": 5_000, "loss_limit_minor": 100_000}  # so that the menu itself asks for no deposit
    body, now = DEFAULT_CHECKOUT | generous | {"bureau": POLICY | changes}, clock.now()
    with services.db.transaction(world.merchant_id) as session:
        version = policies.save(session, world.shop_id, "checkout", body, "test", "", now)
        policies.activate(session, world.shop_id, "checkout", version, now)


def connect(services: Services, world: World, **changes: Any) -> None:
    """The sandbox is this merchant's bureau, or what `changes` say."""
    new = {"name": "sandbox", "adapter": "sandbox", "live": True, "body": {}} | changes
    with services.db.transaction(world.merchant_id) as session:
        book(services).connect(session, NewBureau(**new), "test", clock.now())


def decided(
    app: Any, world: World, last_name: str = "Neumann", postcode: str = "20099", **changes: Any
) -> dict[str, Any]:
    """A decision about a buyer of this name, as the API answered it."""
    question = a_question(context={})  # no IP and no phone in common: many of them are no card-testing
    question["buyer"] = {"first_name": "Nele", "last_name": last_name, "email": f"{last_name.lower()}@example.com"}
    question["billing"] |= {"postcode": postcode}
    answer = app.test_client().post("/v1/decisions", json=question | changes, headers=world.auth)
    assert answer.status_code == 201, answer.json
    return answer.json


def select(app: Any, world: World, decision: dict[str, Any], method: str = "cheque", **changes: Any) -> Any:
    """The choice of a method, as the API answered it. A change to None leaves the field out."""
    body = {"method": method, "total_minor": decision["total_minor"], "currency": decision["currency"], "proof": NOTICE}
    headers = world.auth | changes.pop("headers", {})
    body = {name: value for name, value in (body | changes).items() if value is not None}
    return app.test_client().post(f"/v1/decisions/{decision['id']}/selection", json=body, headers=headers)
