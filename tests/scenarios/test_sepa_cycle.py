"""A cycle of SEPA direct debits against a bank on this machine: ordered, refused, paid, given back, read from its own files."""

import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from datetime import UTC, date, datetime

import pytest
import requests

from gateway.core import clock
from gateway.payments import bank, bank_files, sepa
from gateway.payments.bank import Arrival
from gateway.payments.bank_models import BankEntryRow, PaymentAnswer
from gateway.payments.sepa import Debit, Message, Ours
from tests.builders import a_world

pytest.importorskip("mockbank", reason="mock-bank of PyPI is not installed")

OURS = Ours("ACME Corporation", "NL41MOCK0000000001", "MOCKNL2A", "DE98ZZZ09999999999")


@contextmanager
def a_bank():
    """The bank, at nine on a Monday in November 2026, on a free port of the loopback."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mockbank", "--port", str(port), "--clock", "2026-11-23T09:00", "-q"]
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield Bank(f"http://127.0.0.1:{port}")
    finally:
        running.terminate()
        running.wait(timeout=10)


class Bank:
    def __init__(self, url):
        self.url = url
        for _ in range(200):
            if self.answers():
                return
            time.sleep(0.05)
        raise AssertionError("the bank did not start")

    def answers(self):
        try:
            return requests.get(f"{self.url}/_mock/health", timeout=2).ok
        except requests.ConnectionError:
            return False

    def post(self, path, **more):
        answer = requests.post(f"{self.url}{path}", timeout=10, **more)
        assert answer.ok, answer.text
        return answer.json()

    def messages(self):
        """Everything sent so far, as files."""
        found = requests.get(f"{self.url}/_mock/messages", timeout=10).json()
        sent = found["messages"] if isinstance(found, dict) else found
        return [
            one["body"].encode()
            for one in sent
            if one["type"][:8] in ("camt.053", "camt.054", "pain.002") and one["account"] in ("ACME", None)
        ]


def debits():
    return [
        Debit(
            f"RE-2026-{n:04}",
            1000 + n,
            f"Kunde {n}",
            "DE89370400440532013000",
            f"MND{n}",
            date(2026, 1, 5),
            date(2026, 11, 24),
            bic="COBADEFFXXX",
        )
        for n in range(4)
    ]


@pytest.mark.slow
def test_debits_are_paid_refused_and_given_back_and_every_file_tells_the_same(services):
    """Day 0 ordered, one refused; day 1 three paid; day 2 two given back: booked once each, whatever file says so."""
    world = a_world(services)

    def take(files):
        for content in files:
            contents = bank_files.read(content)
            with services.db.transaction(world.merchant_id) as session:
                bank.take(session, services.keyring, contents, Arrival(content, "folder", True, "test"), clock.now())

    with a_bank() as there:
        order = sepa.direct_debits(OURS, debits(), Message("KZ-CYCLE-1", datetime(2026, 11, 23, 8, tzinfo=UTC)))
        assert there.post("/payments", data=order, headers={"Content-Type": "application/xml"})["accepted"] == 4
        there.post("/_mock/collections/RE-2026-0003/refuse", json={"reason": "AC01"})
        there.post("/_mock/advance?days=2")
        there.post("/_mock/collections/RE-2026-0001/refuse", json={"reason": "MD06"})
        there.post("/_mock/collections/RE-2026-0002/refuse", json={"reason": "AM04"})
        there.post("/_mock/advance?days=3")
        files = there.messages()
    take(files)
    take(reversed(files))
    with services.db.transaction(world.merchant_id) as session:
        mine = BankEntryRow.merchant_id == world.merchant_id
        rows = [(row.credit, row.amount_minor, row.return_code) for row in session.query(BankEntryRow).filter(mine)]
        answers = {
            (row.end_to_end_id, row.status, row.reason_code)
            for row in session.query(PaymentAnswer).filter(PaymentAnswer.merchant_id == world.merchant_id)
        }
    assert sorted(rows) == [
        (False, 1001, "MD06"),
        (False, 1002, "AM04"),
        (True, 1000, ""),
        (True, 1001, ""),
        (True, 1002, ""),
    ]
    assert ("RE-2026-0003", "RJCT", "AC01") in answers
