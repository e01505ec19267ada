"""Letters through a real worker to a real mail server: each arrives once, also when the worker is killed in between.

Run as a program (`python test_letters_leave.py DATABASE_URL REDIS_URL KEYRING MAIL_URL PLACE`) this file is that worker.
It stops for ever where the letter is laid out and nothing is queued yet, if PLACE says so.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes, policy
from pathlib import Path

import pytest
import redis
from aiosmtpd.controller import Controller
from sqlalchemy import select

from gateway import wiring, worker
from gateway.core import clock
from gateway.core.crypto import Keyring
from gateway.core.db import WORKER_ROLE, Database
from gateway.core.ids import to_public
from gateway.core.jobstore import Queue
from gateway.core.services import Services
from gateway.core.workloop import Pace
from gateway.law.tables import shipped
from gateway.receivables import letter_job, letters
from gateway.receivables.letter_model import Kind
from gateway.receivables.letter_models import Letter
from gateway.receivables.letters import Draft
from tests.builders import a_world
from tests.claims_made import ADA as _ADA
from tests.claims_made import a_claim, a_sender

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
PACE = Pace(lease_s=1.0, poll_s=0.05, drain_s=5.0)
QUEUES = [Queue("default", 2), Queue("inbox", 1), Queue("outbox", 2, key_limit=2, batch=4)]


def main(database_url, redis_url, keyring, mail_url, place):
    """The worker; with a PLACE it writes there that it has laid a letter out, and waits to be killed."""
    services = Services(
        db=Database(database_url, role=WORKER_ROLE, pool_size=8),
        cache=redis.Redis.from_url(redis_url),
        keyring=Keyring.parse(keyring),
        public_url="http://kulanz.test",
        session_secret=b"only for tests, thirty-two bytes!",
        mail_url=mail_url,
        mail_from="post@kulanz.example",
    )
    if place:
        real = letter_job.lay_out

        def laid_then_stuck(gathered):
            laid = real(gathered)
            Path(place).write_text("laid out")
            time.sleep(3600)
            return laid

        letter_job.lay_out = laid_then_stuck
    wiring.install_listeners()
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    done = worker.run(services, wiring.tasks(services), [], stop, queues=QUEUES, pace=PACE)
    sys.exit(0 if done else 75)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Mailbox:
    """Keeps what it is sent; refuses addresses of nowhere."""

    def __init__(self):
        self.messages = []

    async def handle_RCPT(self, _server, _session, envelope, address, _options):  # noqa: N802 - aiosmtpd's name
        if address.endswith("@nowhere.example"):
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server, _session, envelope):  # noqa: N802 - as above
        self.messages.append((envelope.rcpt_tos, message_from_bytes(envelope.content, policy=policy.default)))
        return "250 OK"


@pytest.fixture
def mailbox():
    box = Mailbox()
    controller = Controller(box, hostname="127.0.0.1", port=free_port())
    controller.start()
    box.url = f"smtp://127.0.0.1:{controller.port}"
    yield box
    controller.stop()


@pytest.fixture
def house(live_db, cache):
    """A merchant in a database with real commits, and the keys his worker needs."""
    text = Keyring.generate()
    services = Services(
        db=live_db,
        cache=cache,
        keyring=Keyring.parse(text),
        public_url="http://kulanz.test",
        session_secret=b"only for tests, thirty-two bytes!",
    )
    return services, text, a_world(services)


@pytest.fixture
def start(worker_db, house, mailbox):
    processes = []

    def one(place=""):
        words = [worker_db.url, os.environ["KULANZ_TEST_REDIS_URL"], house[1], mailbox.url, str(place)]
        command = [sys.executable, __file__, *words]
        processes.append(subprocess.Popen(command, env=os.environ | {"PYTHONPATH": str(ROOT)}))
        return processes[-1]

    yield one
    for process in processes:
        process.kill()
        process.wait()


def draft(house, reference="1001", **buyer):
    services, _, world = house
    now = clock.now()
    with services.db.transaction(world.merchant_id) as session:
        a_sender(session, services, now)
        order = {"buyer": replace(_ADA, **buyer)} if buyer else {}
        owed = a_claim(session, services, world, now - timedelta(days=1), reference=reference, order=order)
        return letters.draft(session, Draft(Kind.REMINDER, (owed.claim_id,), now), shipped())


def letter(house, letter_id):
    services, _, world = house
    with services.db.transaction(world.merchant_id) as session:
        return letters.get(session, letter_id)


def until(condition, timeout_s=120.0):
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.05)


def test_a_worker_killed_between_layout_and_queue_leaves_one_letter_not_two(house, start, mailbox, tmp_path):
    letter_id, place = draft(house), tmp_path / "laid"
    stuck = start(place)
    until(place.exists)
    assert letter(house, letter_id).state == "DRAFTED"
    stuck.kill()
    stuck.wait()
    start()
    until(lambda: letter(house, letter_id).state == "SENT")
    ((to, mail),) = mailbox.messages
    assert to == ["ada@example.com"]
    assert mail["Subject"] == "Zahlungserinnerung: Rechnung R-1001"
    (attached,) = mail.iter_attachments()
    assert attached.get_filename() == f"{to_public('ltr', letter_id)}.pdf"
    assert attached.get_content().startswith(b"%PDF-")
    assert {part.get_content_type() for part in mail.walk()} >= {"text/plain", "text/html", "application/pdf"}


def test_an_address_that_is_none_comes_back_and_the_letter_goes_by_post(house, start, mailbox):
    letter_id = draft(house, reference="1002", email="gone@nowhere.example")
    start()
    until(lambda: letter(house, letter_id).state == "BOUNCED")
    services, _, world = house
    again = select(Letter.state, Letter.channel).where(Letter.id != letter_id)

    def printed():
        with services.db.transaction(world.merchant_id) as session:
            return [tuple(row) for row in session.execute(again)]

    until(lambda: printed() == [("PRINTING", "post")])
    assert letter(house, letter_id).ended_why == "smtp-550"
    assert mailbox.messages == []


if __name__ == "__main__":
    main(*sys.argv[1:])
