"""Nothing that was promised is lost: workers are killed, drained and cut off from the database while they work.

Run as a program (`python test_worker_crash.py DATABASE_URL REDIS_URL`) this file is the worker that gets killed.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
import redis

from gateway import worker
from gateway.core.crypto import Keyring
from gateway.core.db import WORKER_ROLE, Database
from gateway.core.jobstore import Queue
from gateway.core.services import Services
from gateway.core.work import Backoff, NewJob, Task, enqueue_many
from gateway.core.workloop import Pace

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
LEASE_S = 1.0
JOBS = 300
KILLS = 6


def record(services, job):
    """Note the begin, work for 20 ms, note the end: each in a transaction of its own."""
    _note(services, job, "begin")
    time.sleep(0.02)
    _note(services, job, "end")


def _note(services, job, what):
    with services.db.connection(None) as connection:
        values = (job.args["n"], job.attempt, what, os.getpid())
        connection.exec_driver_sql("INSERT INTO diary VALUES (%s, %s, %s, %s)", values)


TASKS = [Task("record", record, backoff=Backoff(0.05, 0.5))]
PACE = Pace(lease_s=LEASE_S, poll_s=0.1, drain_s=5.0)


def main(database_url, redis_url):
    services = Services(
        db=Database(database_url, role=WORKER_ROLE, pool_size=8),
        cache=redis.Redis.from_url(redis_url),
        keyring=Keyring.parse(Keyring.generate()),
        public_url="http://kulanz.test",
        session_secret=b"only for tests, thirty-two bytes!",
    )
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    done = worker.run(services, TASKS, [], stop, queues=[Queue("default", 8)], pace=PACE)
    sys.exit(0 if done else 75)


@pytest.fixture
def diary(live_owner_url):
    """A table in which the handlers write what they did, seen by the owner."""
    with psycopg.connect(live_owner_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE diary (n int, attempt int, what text, pid int)")
        connection.execute("GRANT SELECT, INSERT ON diary TO kulanz_worker")
        yield connection


@pytest.fixture
def start(worker_db):
    """Starts worker processes; whatever is left of them ends with the test."""
    processes = []

    def one():
        command = [
            sys.executable,
            __file__,
            worker_db.url,
            os.environ.get("KULANZ_TEST_REDIS_URL", "redis://localhost"),
        ]
        processes.append(subprocess.Popen(command, env=os.environ | {"PYTHONPATH": str(ROOT)}))
        return processes[-1]

    yield one
    for process in processes:
        process.kill()
        process.wait()


def promise(db, number=JOBS):
    with db.transaction(None) as session:
        enqueue_many(session, "record", [NewJob(None, {"n": n}) for n in range(number)])


def count(diary, query):
    return diary.execute(query).fetchone()[0]


def until(condition, timeout_s=30.0):
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.02)


def test_no_job_is_lost_when_workers_are_killed_in_the_middle_of_their_work(live_db, diary, start):
    """Six kill -9 among two workers: every job ends, and only those that a killed worker held were begun again."""
    workers, killed = [start(), start()], set()
    until(lambda: count(diary, "SELECT count(*) FROM worker_beat") == 2)
    promise(live_db)
    for kill in range(KILLS):
        target = JOBS * (kill + 1) // (KILLS + 2)
        until(lambda target=target: count(diary, "SELECT count(*) FROM diary WHERE what = 'end'") >= target)
        victim = workers.pop(0)
        victim.kill()
        victim.wait()
        killed.add(victim.pid)
        workers.append(start())
    until(lambda: count(diary, "SELECT count(*) FROM job") == 0)
    assert count(diary, "SELECT count(DISTINCT n) FROM diary WHERE what = 'end'") == JOBS
    assert count(diary, "SELECT count(*) FROM job_dead") == 0
    begun = diary.execute(
        "SELECT array_agg(pid ORDER BY attempt) FROM diary WHERE what = 'begin' GROUP BY n"
    ).fetchall()
    assert {pid for (pids,) in begun for pid in pids[:-1]} <= killed


def test_a_worker_that_is_told_to_stop_leaves_nothing_half_done(live_db, diary, start):
    """SIGTERM: what began ends, what waits stays free, the process ends by itself with status 0."""
    process = start()
    promise(live_db)
    until(lambda: count(diary, "SELECT count(*) FROM diary") > 20)
    process.terminate()
    assert process.wait(10) == 0
    begun = count(diary, "SELECT count(*) FROM diary WHERE what = 'begin'")
    assert count(diary, "SELECT count(*) FROM diary WHERE what = 'end'") == begun
    assert count(diary, "SELECT count(*) FROM job WHERE worker IS NULL AND attempts = 0") == JOBS - begun


def test_a_worker_outlives_its_database(live_db, live_database, live_owner_url, diary, start):
    """PostgreSQL refuses everyone for two seconds in the middle of the work; afterwards every job is done."""
    process = start()
    promise(live_db)
    until(lambda: count(diary, "SELECT count(*) FROM diary WHERE what = 'end'") > 20)
    with shut(live_owner_url, live_database, spared=diary.info.backend_pid):
        time.sleep(2)
    until(lambda: count(diary, "SELECT count(*) FROM job") == 0)
    assert count(diary, "SELECT count(DISTINCT n) FROM diary WHERE what = 'end'") == JOBS
    assert process.poll() is None


@contextmanager
def shut(owner_url, database, spared):
    """While it lasts, the database accepts nobody; whoever was connected is thrown out."""
    with psycopg.connect(owner_url, dbname="postgres", autocommit=True) as owner:
        owner.execute(f"ALTER DATABASE {database} ALLOW_CONNECTIONS false")
        everyone = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> %s"
        owner.execute(everyone, (database, spared))
        yield
        owner.execute(f"ALTER DATABASE {database} ALLOW_CONNECTIONS true")


if __name__ == "__main__":
    main(*sys.argv[1:])
