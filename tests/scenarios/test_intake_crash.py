"""Workers are killed in the middle of providers' messages: every payment is there, once.

Run as a program (`python test_intake_crash.py DATABASE_URL REDIS_URL KEYS`) this file is the worker that gets killed.
"""

import hashlib
import hmac
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psycopg
import pytest
import redis

from gateway import worker
from gateway.app import create_app
from gateway.core import clock, inbox
from gateway.core.crypto import Keyring
from gateway.core.db import WORKER_ROLE, Database
from gateway.core.jobstore import Queue
from gateway.core.services import Services
from gateway.core.workloop import Pace
from gateway.merchants import secrets
from gateway.payments import accounts, intake
from gateway.payments.accounts import NewAccount
from tests.builders import a_world

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
SECRET = "whsec_only_for_tests_0001"
MESSAGES = 150
KILLS = 4
PACE = Pace(lease_s=1.0, poll_s=0.1, drain_s=5.0)


def services_over(db, redis_url, keys):
    return Services(
        db=db,
        cache=redis.Redis.from_url(redis_url),
        keyring=Keyring.parse(keys),
        public_url="http://kulanz.test",
        session_secret=b"only for tests, thirty-two bytes!",
        allow_private_urls=True,
    )


def main(database_url, redis_url, keys):
    services = services_over(Database(database_url, role=WORKER_ROLE, pool_size=4), redis_url, keys)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    task = inbox.handling_task(lambda session: secrets.get_key(session, services.keyring, "data"), intake.handlers())
    worker.run(services, [task], [], stop, queues=[Queue(inbox.QUEUE, 4)], pace=PACE)


def a_charge(number, id_):
    charge = {"id": f"ch_{number}", "status": "succeeded", "captured": True, "amount_captured": 1000 + number}
    event = {"id": id_, "type": "charge.succeeded", "created": 1_790_000_000, "livemode": True}
    return json.dumps(event | {"data": {"object": charge | {"currency": "eur"}}}).encode()


def test_a_worker_killed_in_the_middle_of_messages_loses_and_doubles_nothing(live_db, worker_db, live_owner_url):
    """Four kill -9; every charge told by two events is one payment of its amount, and every message is done."""
    keys, redis_url = Keyring.generate(), os.environ["KULANZ_TEST_REDIS_URL"]
    services = services_over(live_db, redis_url, keys)
    world = a_world(services)
    with live_db.transaction(world.merchant_id) as session:
        new = NewAccount(world.shop_id, "stripe", {"webhook_secret": SECRET})
        word = accounts.connect(session, services.keyring, new, clock.now()).word
    client = create_app(services).test_client()
    for number in range(MESSAGES):
        for id_ in (f"evt_{number}_a", f"evt_{number}_b"):
            body, stamp = a_charge(number, id_), str(int(clock.now().timestamp()))
            mac = hmac.new(SECRET.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
            answer = client.post(f"/in/stripe/{word}", data=body, headers={"Stripe-Signature": f"t={stamp},v1={mac}"})
            assert answer.status_code == 200
    command = [sys.executable, __file__, worker_db.url, redis_url, keys]
    with psycopg.connect(live_owner_url, autocommit=True) as owner:
        count = lambda query: owner.execute(query).fetchone()[0]  # noqa: E731
        done = "SELECT count(*) FROM inbox_message WHERE state = 'done'"
        for kill in range(KILLS + 1):
            process = subprocess.Popen(command, env=os.environ | {"PYTHONPATH": str(ROOT)})
            target = 2 * MESSAGES * (kill + 1) // (KILLS + 1)
            try:
                until(lambda target=target: count(done) >= target)
            finally:
                process.kill()
                process.wait()
        assert count("SELECT count(*) FROM inbox_message WHERE state <> 'done'") == 0
        assert count("SELECT count(*) FROM job_dead") == 0
        assert count("SELECT count(*) FROM payment WHERE state = 'PAID'") == MESSAGES
        assert count("SELECT sum(captured_minor) FROM payment") == sum(1000 + number for number in range(MESSAGES))
        assert count("SELECT count(*) FROM payment_event") == 2 * MESSAGES


def until(condition, timeout_s=60.0):
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.02)


if __name__ == "__main__":
    main(*sys.argv[1:])
