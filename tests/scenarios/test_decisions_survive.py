"""Servers die under load: callers get named answers, and no decision that was acknowledged is lost."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest
import requests
from sqlalchemy import text

from gateway import config, migrate, wiring
from gateway.core.crypto import Keyring
from gateway.core.db import WEB_ROLE, Database
from gateway.core.ids import from_public
from gateway.embedded import Engines
from tests.builders import a_question, a_world
from tests.scenarios.processes import open_folder, wait_until

pytestmark = pytest.mark.slow
PROJECT = Path(__file__).resolve().parents[2]
NAMED = {201, 503}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def house():
    """Durable servers, a migrated database, gunicorn with two processes, one merchant."""
    with open_folder() as folder:
        engines = Engines(folder / "data")
        addresses = engines.start()
        migrate.upgrade(addresses.database_owner_url)
        port = free_port()
        env = os.environ | {
            "DATABASE_URL": addresses.database_url_for(WEB_ROLE),
            "REDIS_URL": addresses.redis_url,
            "KULANZ_MASTER_KEYS": Keyring.generate(),
            "KULANZ_SESSION_SECRET": config.new_session_secret(),
            "PORT": str(port),
        }
        services = wiring.open_services(config.load(env), role=WEB_ROLE)
        world = a_world(services)
        command = [
            sys.executable,
            "-m",
            "gunicorn",
            "-k",
            "gateway.web_worker.PatientWorker",
            "-w",
            "2",
            "--threads",
            "4",
            "-b",
            f"127.0.0.1:{port}",
        ]
        web = subprocess.Popen([*command, "gateway.app:create_app()"], env=env, cwd=PROJECT, stdout=subprocess.DEVNULL)
        url = f"http://127.0.0.1:{port}"
        wait_until(lambda: answers(url))
        yield House(engines, url, world, addresses)
        web.terminate()
        web.wait(30)
        services.db.engine.dispose()
        engines.stop()


def answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/healthz", timeout=2).status_code == 200
    except requests.RequestException:
        return False


class House:
    def __init__(self, engines, url, world, addresses):
        self.engines, self.url, self.world, self.addresses = engines, url, world, addresses

    def child(self, name: str):
        return next(child for child in self.engines._children if child.task.name == name)

    def ask(self, number: int) -> requests.Response:
        question = a_question(reference=f"cart-{number}", buyer={"email": f"buyer{number % 50}@example.com"})
        return requests.post(f"{self.url}/v1/decisions", json=question, headers=self.world.auth, timeout=15)

    def load(self, seconds: float, disturb) -> tuple[list[str], Counter]:
        """Ask from eight threads for some seconds while `disturb` runs; the ids acknowledged and all statuses."""
        ids: list[str] = []
        seen: Counter = Counter()
        stop = time.monotonic() + seconds

        def caller(start: int) -> None:
            number = start
            while time.monotonic() < stop:
                answer = self.ask(number)
                seen[answer.status_code] += 1
                if answer.status_code == 201:
                    ids.append(answer.json()["id"])
                elif answer.status_code == 503:
                    assert answer.json()["code"] == "unavailable"
                    time.sleep(0.05)
                number += 8

        callers = [threading.Thread(target=caller, args=(start,)) for start in range(8)]
        for one in callers:
            one.start()
        disturb()
        for one in callers:
            one.join()
        return ids, seen

    def stored(self, ids: list[str]) -> int:
        database = Database(self.addresses.database_url_for(WEB_ROLE), role=WEB_ROLE, pool_size=1)
        with database.connection(self.world.merchant_id) as connection:
            found = connection.execute(
                text("SELECT count(*) FROM decision WHERE merchant_id = :m AND id = ANY(:ids)"),
                {"m": self.world.merchant_id, "ids": [from_public("dec", one) for one in ids]},
            ).scalar()
        database.engine.dispose()
        return found


def test_postgresql_is_killed_three_times_under_load(house):
    """Every 201 is in the database afterwards; every other answer is a 503 with a code; service comes back by itself."""

    def disturb() -> None:
        for _ in range(3):
            time.sleep(0.7)
            os.kill(house.child("postgres").process.pid, signal.SIGKILL)
            wait_until(lambda: not house.child("postgres").running)
            house.engines.tend()
            wait_until(lambda: tended(house) and answers(house.url))

    ids, seen = house.load(9, disturb)
    assert set(seen) <= NAMED, seen
    assert seen[201] > 100
    assert house.stored(ids) == len(ids)
    assert house.ask(1).status_code == 201


def tended(house) -> bool:
    house.engines.tend()
    return house.child("postgres").running


def test_the_cache_is_flushed_and_then_killed_under_load(house):
    """Counters start anew or are missing, and every checkout is answered with a decision all the same."""

    def disturb() -> None:
        cache = wiring.redis.Redis.from_url(house.addresses.redis_url)
        for _ in range(20):
            cache.flushall()
            time.sleep(0.05)
        os.kill(house.child("valkey").process.pid, signal.SIGKILL)

    ids, seen = house.load(4, disturb)
    assert set(seen) == {201}, seen
    body = house.ask(7).json()
    assert body["missing"]["velocity"]
    assert house.stored(ids) == len(ids)
    wait_until(lambda: restarted(house))
    wait_until(lambda: "velocity" not in house.ask(9).json()["missing"])


def restarted(house) -> bool:
    house.engines.tend()
    return house.child("valkey").running
