"""A night that is killed at twenty random moments loses and doubles nothing.

Run as a program (`python test_dunning_killed.py DATABASE_URL MASTER_KEYS MERCHANT SEED`) this file is the night: it starts
the run in a process of its own, kills it, and starts it again, and at the end lets it finish.
"""

import os
import random
import signal
import sys
import time
from datetime import UTC, date, datetime
from uuid import UUID

import psycopg
import pytest

from gateway.core.crypto import Keyring
from gateway.core.db import WORKER_ROLE, Database
from gateway.core.services import Services
from gateway.law.tables import shipped
from gateway.merchants import policies
from gateway.receivables import nightly
from gateway.receivables.keys import Keys
from gateway.receivables.nightly import Night
from tests.claims import Book
from tests.scenarios.processes import python

pytestmark = pytest.mark.slow

KILLS, DEBTORS = 20, 240
DAY = date(2026, 9, 21)
NOW = datetime(2026, 9, 21, 1, tzinfo=UTC)
STEP = {"key": "d1", "kind": "dunning", "delay_days": 3, "interest": True, "lump_sum": True}
POLICY = {"tracks": [{"id": "all", "steps": [STEP]}]}


def night(url, master, merchant_id):
    database = Database(url, role=WORKER_ROLE, pool_size=2)
    nightly.run(database, merchant_id, Night(Keys(Keyring.parse(master)), shipped(), NOW, DAY))


def main(url, master, merchant, seed):
    """Two runs at once, killed after up to a third of a second each; what is left is finished undisturbed."""
    nightly.BATCH = 4  # so that a kill falls into the midst of one of many transactions
    dice, merchant_id, finished = random.Random(seed), UUID(merchant), 0
    for _ in range(KILLS):
        children = [start(url, master, merchant_id) for _ in range(2)]
        time.sleep(dice.uniform(0.02, 0.3))
        for child in children:
            os.kill(child, signal.SIGKILL)
            finished += os.waitpid(child, 0)[1] == 0
    night(url, master, merchant_id)
    sys.stdout.write(f"{KILLS * 2 - finished}\n")


def start(url, master, merchant_id):
    child = os.fork()
    if child == 0:
        try:
            night(url, master, merchant_id)
        finally:
            os._exit(0)
    return child


@pytest.fixture
def master():
    """Master keys that can be handed to another process."""
    return Keyring.generate()


@pytest.fixture
def book(live_db, cache, master):
    """240 companies, each with an overdue claim; interest and lump sum are due with the first letter."""
    services = Services(
        db=live_db,
        cache=cache,
        keyring=Keyring.parse(master),
        public_url="http://kulanz.test",
        session_secret=b"only for tests, thirty-two bytes!",
    )
    book = Book(services)
    opened = datetime(2026, 9, 1, 8, tzinfo=UTC)
    with book.transaction() as session:
        version = policies.save(session, book.world.shop_id, "dunning", POLICY, "test", "", opened)
        policies.activate(session, book.world.shop_id, "dunning", version, opened)
    told = {"due_ground": "after-delivery", "debtor": "business", "due_date": date(2026, 9, 15)}
    for _ in range(DEBTORS):
        book.open(opened, **told, delivered_on=date(2026, 9, 1), contract_date=date(2026, 8, 30))
    return book


def test_a_night_killed_at_twenty_moments_loses_and_doubles_nothing(book, live_owner_url, worker_db, master):
    seed = str(random.randrange(10**6))
    url, merchant = str(worker_db.url), str(book.world.merchant_id)
    with python(__file__, url, master, merchant, seed) as program:
        killed, errors = program.communicate(timeout=120)
    assert program.returncode == 0, errors
    assert int(killed) >= KILLS, "the runs were over before they were killed; make the night longer"
    with psycopg.connect(live_owner_url) as connection:
        once = {
            "letters": "SELECT count(*), count(DISTINCT buyer_id) FROM letter",
            "claims in letters": "SELECT count(*), count(DISTINCT claim_id) FROM letter_claim",
            "interest": "SELECT count(*), count(DISTINCT claim_id) FROM ledger_entry WHERE kind = 'interest'",
            "lump sums": "SELECT count(*), count(DISTINCT claim_id) FROM ledger_entry WHERE kind = 'lump_sum'",
            "jobs": "SELECT count(*), count(DISTINCT args) FROM job WHERE task = 'letters.release'",
            "due on": "SELECT count(*), count(*) FROM claim WHERE next_on > DATE '2026-09-21'",
        }
        for what, query in once.items():
            found = connection.execute(query).fetchone()
            assert found == (DEBTORS, DEBTORS), f"{what}: {found}, seed {seed}"
        told = connection.execute("SELECT seen, drafted, state FROM dunning_run").fetchone()
        assert told == (DEBTORS, DEBTORS, "DONE"), f"seed {seed}"


if __name__ == "__main__":
    main(*sys.argv[1:])
