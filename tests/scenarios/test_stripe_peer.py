"""Card payments against localstripe, a stateful stand-in for Stripe: what we ask of it, and its own signed messages."""

import importlib.util
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import replace

import pytest
import requests
from sqlalchemy import text
from werkzeug.serving import make_server

from gateway.app import create_app
from gateway.core import clock, inbox
from gateway.core.services import Services
from gateway.core.work import Job
from gateway.merchants import secrets
from gateway.payments import accounts, intake
from gateway.payments.accounts import NewAccount
from gateway.payments.calls import ProviderRefused
from gateway.payments.providers import ChargeWanted, RefundWanted
from tests.builders import a_world

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not importlib.util.find_spec("localstripe"), reason="localstripe is not installed"),
]
KEY, SECRET = "sk_test_only_for_tests", "whsec_only_for_tests_0001"
ON_LOOPBACK = """
import sys
from aiohttp import web
from localstripe.server import app
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None)
"""
"""Its own start function listens on every address of the machine."""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until(true, seconds=30):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := true():
            return found
        time.sleep(0.1)
    raise AssertionError("it did not come about")


@pytest.fixture
def localstripe(tmp_path):
    """Its address; it keeps what it knows in a folder that goes away."""
    port = free_port()
    place = {"cwd": tmp_path, "env": {"TMPDIR": str(tmp_path), "HOME": str(tmp_path), "PATH": ""}}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen([sys.executable, "-c", ON_LOOPBACK, str(port)], **place, **quiet)
    url = f"http://127.0.0.1:{port}"

    def answers():
        try:
            return requests.get(f"{url}/v1/customers", auth=(KEY, ""), timeout=2).ok
        except requests.ConnectionError:
            return False

    try:
        until(answers)
        yield url
    finally:
        process.kill()
        process.wait()


@contextmanager
def serving(app):
    """Our door on loopback."""
    server = make_server("127.0.0.1", 0, app)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def post(url, path, form):
    answer = requests.post(url + path, data=form, auth=(KEY, ""), timeout=5)
    assert answer.ok, answer.text
    return answer.json()


def test_a_card_payment_goes_round_from_our_request_to_stripes_message(live_db, cache, keyring, localstripe):
    """A stored card is charged, the signed message makes it a payment; a declined one fails; a refund is taken."""
    told = {"public_url": "http://kulanz.test", "session_secret": b"only for tests, thirty-two bytes!"}
    services = Services(db=live_db, cache=cache, keyring=keyring, **told, allow_private_urls=True)
    world = a_world(services, live=False)
    with live_db.transaction(world.merchant_id) as session:
        settings = {"webhook_secret": SECRET, "api_key": KEY, "api_url": localstripe}
        new = NewAccount(world.shop_id, "stripe", settings)
        made = accounts.connect(session, keyring, new, clock.now(), allow_private=True)
        account = accounts.open_account(session, keyring, made.facts.id, allow_private=True)
    customer = post(localstripe, "/v1/customers", {"email": "ada@example.com"})["id"]
    card = {"type": "card", "card[exp_month]": 12, "card[exp_year]": 2034, "card[cvc]": "123"}
    methods = {}
    for name, number in {"good": "4242424242424242", "declined": "4000000000000341"}.items():
        methods[name] = post(localstripe, "/v1/payment_methods", card | {"card[number]": number})["id"]
        post(localstripe, f"/v1/payment_methods/{methods[name]}/attach", {"customer": customer})
    provider = accounts.adapter("stripe")
    with serving(create_app(services)) as ours:
        hook = {"url": f"{ours}/in/stripe/{made.word}", "secret": SECRET}
        assert requests.post(f"{localstripe}/_config/webhooks/kulanz", json=hook, timeout=5).ok
        wanted = ChargeWanted("k1", "clm_1", customer, methods["good"], 12_490, "EUR", "")
        asked = provider.charge(account, wanted)
        assert asked.status == "succeeded"
        with pytest.raises(ProviderRefused) as refused:
            provider.charge(account, replace(wanted, key="k2", token=methods["declined"]))
        assert refused.value.facts["reason"] == "card_declined"
        until(lambda: len(work(services, world)) == 2)
    paid = stored(live_db, world, "SELECT external_id, state, captured_minor, reference, live FROM payment ORDER BY id")
    assert [tuple(row)[1:] for row in paid] == [("PAID", 12_490, "clm_1", False), ("FAILED", 0, "clm_1", False)]
    refunded = provider.refund(account, RefundWanted("k3", paid[0].external_id, paid[0].external_id, 490, "EUR"))
    assert refunded.status == "succeeded"


def stored(db, world, query):
    with db.connection(world.merchant_id) as connection:
        return connection.execute(text(query)).all()


def work(services, world):
    """Work off what came until now; the payments known then."""
    key_of = lambda session: secrets.get_key(session, services.keyring, "data")  # noqa: E731
    task = inbox.handling_task(key_of, intake.handlers())
    for row in stored(services.db, world, "SELECT id FROM inbox_message WHERE state = 'received'"):
        args = {"message_id": str(row.id)}
        task.handler(services, Job(1, "inbox", inbox.TASK, world.merchant_id, args, 1))
    return stored(services.db, world, "SELECT id FROM payment")
