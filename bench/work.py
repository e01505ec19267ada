"""Measures background work: jobs per second, delivery against plain requests, intake against one committed INSERT.

    python -m bench.work OWNER_URL     one JSON line per row; the database is filled and emptied again

`OWNER_URL` names a migrated database whose login may act as both runtime roles. Each figure is the median of `ROUNDS`
interleaved rounds of product and floor.
"""

import base64
import http.server
import json
import multiprocessing
import statistics
import sys
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import psycopg
import redis
import requests

from gateway.core import clock, delivery, inbox, outbox
from gateway.core.channels import Endpoint
from gateway.core.crypto import Keyring, new_key
from gateway.core.db import WEB_ROLE, WORKER_ROLE, Database
from gateway.core.ids import new_id
from gateway.core.inbox import Incoming, Proof
from gateway.core.jobstore import Queue
from gateway.core.outbox import Channel, Message
from gateway.core.services import Services
from gateway.core.signing import SigningKey, sign, verify
from gateway.core.work import NewJob, Task, enqueue_many
from gateway.core.workloop import Worker

ROUNDS = 5
DATA_KEY = new_key()
BODY = json.dumps({"type": "claim.settled", "data": {"id": "clm_1", "text": "x" * 400}}).encode()


def services(url: str, role: str, pool_size: int = 20) -> Services:
    return Services(
        db=Database(url, role=role, pool_size=pool_size),
        cache=redis.Redis(),
        keyring=Keyring.parse(Keyring.generate()),
        public_url="http://kulanz.test",
        session_secret=b"only for measurements",
        allow_private_urls=True,
    )


def report(row: str, figure: list[float], floor: list[float], budget: float, unit: str) -> dict[str, Any]:
    """One line of the report: medians and their ratio."""
    a, b = statistics.median(figure), statistics.median(floor)
    return {
        "row": row,
        "figure": round(a, 1),
        "floor": round(b, 1),
        "unit": unit,
        "ratio": round(a / b, 2),
        "budget": budget,
    }


@contextmanager
def working(at_hand: Services, tasks: list[Task], queues: list[Queue]):
    """A worker in a thread of this process."""
    stop = threading.Event()
    thread = threading.Thread(target=Worker(at_hand, tasks, queues=queues).run, args=(stop,))
    thread.start()
    yield
    stop.set()
    thread.join()


def clear(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("TRUNCATE job, job_dead, outbox_message, inbox_message, notice")
        connection.execute("VACUUM ANALYZE job")


# --- jobs per second -------------------------------------------------------------------------------------------------


def jobs_per_second(url: str, number: int = 6000, slots: int = 20) -> float:
    """No-op jobs that one worker takes, runs and removes per second; the floor is the bare loop below."""
    left = [number]
    done = threading.Event()

    def count(_services: Services, _job: Any) -> None:
        left[0] -= 1  # under the interpreter's lock; a lost count would only end in the time-out
        if left[0] <= 0:
            done.set()

    at_hand = services(url, WORKER_ROLE)
    with at_hand.db.transaction(None) as session:
        enqueue_many(session, "noop", [NewJob(None, {"n": n}) for n in range(number)])
    started = time.monotonic()
    with working(at_hand, [Task("noop", count)], [Queue("default", slots)]):
        done.wait(60)
        seconds = time.monotonic() - started
    at_hand.db.engine.dispose()
    return number / seconds


def bare_loop_per_second(url: str, number: int = 6000, batch: int = 20) -> float:
    """The floor: one connection that claims twenty rows, does nothing, and deletes them."""
    at_hand = services(url, WORKER_ROLE)
    with at_hand.db.transaction(None) as session:
        enqueue_many(session, "noop", [NewJob(None, {"n": n}) for n in range(number)])
    at_hand.db.engine.dispose()
    claim = """WITH mine AS (SELECT id FROM job WHERE queue = 'default' AND run_at <= now() ORDER BY run_at LIMIT %s
        FOR UPDATE SKIP LOCKED) UPDATE job SET run_at = now() + interval '30 s', attempts = attempts + 1 FROM mine
        WHERE job.id = mine.id RETURNING job.id"""
    options = f"-c role={WORKER_ROLE} -c synchronous_commit=off"
    started = time.monotonic()
    with psycopg.connect(url, autocommit=True, options=options) as connection:
        while ids := [row[0] for row in connection.execute(claim, (batch,))]:
            connection.execute("DELETE FROM job WHERE id = ANY(%s)", (ids,))
    return number / (time.monotonic() - started)


def bench_jobs(url: str) -> dict[str, Any]:
    figures, floors = [], []
    for _ in range(ROUNDS):
        clear(url)
        figures.append(jobs_per_second(url))
        clear(url)
        floors.append(bare_loop_per_second(url))
    return report("no-op jobs, one worker, 20 slots", figures, floors, 0.30, "jobs/s")


# --- delivery --------------------------------------------------------------------------------------------------------


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        self.wfile.flush()

    def log_message(self, *_: Any) -> None:
        """A quiet receiver."""


class _Receiver(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def _receive(port: Any) -> None:
    server = _Receiver(("127.0.0.1", 0), _Handler)
    port.send(server.server_address[1])
    server.serve_forever()


@contextmanager
def receiver():
    """A local receiver in a process of its own."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(target=_receive, args=(there,), daemon=True)
    process.start()
    yield f"http://127.0.0.1:{here.recv()}/hook"
    process.kill()
    process.join()


def deliveries_per_second(url: str, to: str, number: int = 1500, slots: int = 8) -> float:
    """Queued messages that leave per second, everything included but queueing."""
    merchant_id, at_hand = new_id(), services(url, WORKER_ROLE)
    key = SigningKey("k1", b"s" * 32, clock.now())
    for n in range(number):
        with at_hand.db.transaction(merchant_id) as session:
            message = Message(Channel.HTTP, "end_1", BODY, f"m{n}", live=True)
            outbox.queue(session, message, data_key=DATA_KEY, now=clock.now())
    task = delivery.delivery_task(lambda _session: DATA_KEY, lambda _session, _reference: Endpoint(to, [key]))
    started = time.monotonic()
    with working(at_hand, [task], [Queue("outbox", slots, key_limit=slots, batch=8)]):
        _until_sent(at_hand, merchant_id)
        seconds = time.monotonic() - started
    at_hand.db.engine.dispose()
    return number / seconds


def _until_sent(at_hand: Services, merchant_id: UUID) -> None:
    while True:
        with at_hand.db.connection(merchant_id) as connection:
            if not connection.exec_driver_sql("SELECT 1 FROM outbox_message WHERE state = 'queued' LIMIT 1").first():
                return
        time.sleep(0.02)


def plain_requests_per_second(to: str, number: int = 1500, threads: int = 8) -> float:
    """The floor: as many threads, each with a requests session that posts in a loop."""

    def loop() -> None:
        with requests.Session() as session:
            for _ in range(number // threads):
                session.post(to, data=BODY, headers={"content-type": "application/json"}, timeout=(3, 10))

    started = time.monotonic()
    running = [threading.Thread(target=loop) for _ in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    return number // threads * threads / (time.monotonic() - started)


def bench_delivery(url: str) -> dict[str, Any]:
    figures, floors = [], []
    with receiver() as to:
        for _ in range(ROUNDS):
            clear(url)
            floors.append(plain_requests_per_second(to))
            figures.append(deliveries_per_second(url, to))
    return report("outbox delivery, 8 at a time", figures, floors, 0.60, "messages/s")


# --- intake ----------------------------------------------------------------------------------------------------------


def _in_threads(number: int, threads: int, one: Callable[[int], None]) -> float:
    def loop(first: int) -> None:
        for n in range(first, number, threads):
            one(n)

    started = time.monotonic()
    running = [threading.Thread(target=loop, args=(first,)) for first in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    return number / (time.monotonic() - started)


def intakes_per_second(url: str, number: int = 2000, threads: int = 4) -> float:
    """Signed messages verified and stored with their job, one transaction each."""
    at_hand, merchant_id, connection_id = services(url, WEB_ROLE, threads), new_id(), new_id()
    key = SigningKey("k1", b"s" * 32, clock.now())

    def one(n: int) -> None:
        now = clock.now()
        headers = signed[n]
        verify([key], headers, BODY, now)
        message = Incoming(connection_id, "kulanz", headers["webhook-id"], Proof.SIGNED, headers, BODY)
        with at_hand.db.connection(merchant_id) as connection:
            inbox.store(connection, merchant_id, message, data_key=DATA_KEY, now=now)

    signed = [sign([key], f"evt_{n}", BODY, clock.now()) for n in range(number)]
    rate = _in_threads(number, threads, one)
    at_hand.db.engine.dispose()
    return rate


def inserts_per_second(url: str, number: int = 2000, threads: int = 4) -> float:
    """The floor: the same body in one committed INSERT."""
    at_hand = services(url, WEB_ROLE, threads)
    text = base64.b64encode(BODY).decode()

    def one(_n: int) -> None:
        with at_hand.db.connection(None) as connection:
            values = ("bench", "none", json.dumps({"body": text}))
            connection.exec_driver_sql(
                "INSERT INTO job (queue, task, args, run_at) VALUES (%s, %s, %s::jsonb, now())", values
            )

    rate = _in_threads(number, threads, one)
    at_hand.db.engine.dispose()
    return rate


def bench_intake(url: str) -> dict[str, Any]:
    figures, floors = [], []
    for _ in range(ROUNDS):
        clear(url)
        figures.append(intakes_per_second(url))
        floors.append(inserts_per_second(url))
    clear(url)
    return report("intake without the web framework, 4 threads", figures, floors, 0.50, "messages/s")


def main(url: str) -> None:
    for bench in (bench_jobs, bench_delivery, bench_intake):
        print(json.dumps(bench(url)), flush=True)
    clear(url)


if __name__ == "__main__":
    main(sys.argv[1])
