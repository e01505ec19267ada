"""The system under test: servers with durable defaults in a temporary folder, a seeded shop, gunicorn processes."""

import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from http.client import HTTPResponse
from itertools import count
from pathlib import Path
from shutil import rmtree
from uuid import UUID

import psycopg
import redis

from bench import bodies, floors, processes
from bench.load import Load, Outcome, run
from gateway import migrate
from gateway.core import clock
from gateway.core.crypto import Keyring
from gateway.core.db import WEB_ROLE, Database
from gateway.core.ids import new_id
from gateway.core.services import Services
from gateway.embedded import Addresses, Engines
from gateway.merchants import merchants
from gateway.merchants.auth import SCOPES, NewKey, create_key
from gateway.merchants.secrets import MerchantKeys
from gateway.shops import buyers, connections, identity, shops
from gateway.shops.identity import Address, Identity

WORKERS, THREADS = 2, 4
ROOT = Path(__file__).resolve().parents[1]
_GUNICORN = (sys.executable, "-m", "gunicorn", "-c", "python:gateway.gunicorn_conf")
_ORDERS_PER_BUYER = 6
_serials = count(1_000, 50_000)


@dataclass
class Web:
    """One gunicorn that serves."""

    port: int
    process: subprocess.Popen[bytes]
    stack: "Stack"
    shared: bool = True
    """Whether its requests reach PostgreSQL and Valkey, whose time then counts."""

    def load(self, **wanted: float | bool | str) -> Outcome:
        """Requests that no other load has sent."""
        return run(Load(**{"port": self.port, "authorization": self.stack.secret, "first": next(_serials)} | wanted))

    def warm(self) -> None:
        self.load(seconds=10.0, count=600)

    def measured(self, **wanted: float | bool) -> tuple[Outcome, float]:
        """The outcome, and CPU microseconds per request over web server, database and cache."""
        roots = [self.process.pid, *(self.stack.engine_pids() if self.shared else ())]
        before = processes.cpu_s(processes.family(*roots))
        outcome = self.load(**wanted)
        used_s = processes.cpu_s(processes.family(*roots)) - before
        return outcome, 1e6 * used_s / outcome.requests

    def worker_memory(self) -> tuple[float, float]:
        """Resident and proportional MB of the largest worker."""
        workers = processes.family(self.process.pid) - {self.process.pid}
        return max(processes.memory_mb(pid) for pid in workers)


@dataclass
class Stack:
    """Both servers, the database with one shop in it, and what a web process needs to know."""

    folder: Path
    addresses: Addresses
    env: dict[str, str]
    merchant_id: UUID = field(default_factory=new_id)
    shop_id: UUID | None = None
    secret: str = ""
    word: str = ""
    signing_secret: str = ""
    """Of the connection that takes messages under `/in/<word>`."""

    @contextmanager
    def web(self, application: str, *, workers: int = WORKERS, shared: bool = True) -> Iterator[Web]:
        """Gunicorn with this application, answering."""
        port = free_port()
        env = self.env | {"PORT": str(port), "KULANZ_WEB_WORKERS": str(workers)}
        log = (self.folder / f"web-{port}.log").open("wb")
        with subprocess.Popen([*_GUNICORN, application], cwd=ROOT, env=env, stdout=log, stderr=log) as process:
            try:
                self._await(port, process, Path(log.name))
                yield Web(port, process, self, shared)
            finally:
                process.terminate()
                process.wait(30)
                log.close()

    def engine_pids(self) -> set[int]:
        """PostgreSQL's and Valkey's processes: children of ours."""
        mine = processes.family(os.getpid())
        return processes.named("postgres", mine) | processes.named("valkey", mine)

    def services(self) -> Services:
        """Services of this process over the servers of the stack."""
        return Services(
            db=Database(self.env["DATABASE_URL"], role=WEB_ROLE),
            cache=redis.Redis.from_url(self.env["REDIS_URL"], socket_timeout=0.25, socket_connect_timeout=0.25),
            keyring=Keyring.parse(self.env["KULANZ_MASTER_KEYS"]),
            public_url="http://127.0.0.1",
            session_secret=self.env["KULANZ_SESSION_SECRET"].encode(),
        )

    def owner(self) -> psycopg.Connection:
        """The database as its owner, whom row-level security does not bind."""
        return psycopg.connect(self.addresses.database_owner_url, autocommit=True)

    def _await(self, port: int, process: subprocess.Popen[bytes], log: Path) -> None:
        deadline = time.monotonic() + 30
        while process.poll() is None and time.monotonic() < deadline:
            with suppress(OSError):
                ask(port, bodies.request(self.secret, b"{}"))
                return
            time.sleep(0.05)
        raise RuntimeError(f"gunicorn did not start:\n{log.read_text()[-3000:]}")


def ask(port: int, request: bytes) -> bytes:
    """One request on a connection of its own, and the body of its answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as sock:
        sock.sendall(request)
        answer = HTTPResponse(sock)
        answer.begin()
        return answer.read()


@contextmanager
def started() -> Iterator[Stack]:
    """Servers, schema, a shop with a past, and the tables of the floors."""
    folder = Path(tempfile.mkdtemp(prefix="kulanz-bench-"))
    folder.chmod(0o711)
    try:
        with Engines(folder / "engines") as addresses:
            stack = Stack(folder, addresses, _environment(folder, addresses))
            migrate.upgrade(addresses.database_owner_url)
            _seed(stack)
            yield stack
    finally:
        rmtree(folder, ignore_errors=True)


def _environment(folder: Path, addresses: Addresses) -> dict[str, str]:
    return os.environ | {
        "DATABASE_URL": addresses.database_url_for(WEB_ROLE),
        "REDIS_URL": addresses.redis_url,
        "KULANZ_MASTER_KEYS": Keyring.generate(),
        "KULANZ_SESSION_SECRET": secrets.token_urlsafe(48),
        "KULANZ_WEB_THREADS": str(THREADS),
        floors.ANSWER_FILE: str(folder / "answer.json"),
    }


def _seed(stack: Stack) -> None:
    services, now = stack.services(), clock.now()
    with services.db.transaction(stack.merchant_id) as session:
        merchants.found(session, services.keyring, "Muster & Söhne", "DE", now)
        shop = shops.create(
            session, services.keyring, shops.NewShop(name="Musterladen", live=True, holds_orders=True), now
        )
        _, stack.secret = create_key(session, NewKey(shop.id, shop.live, "bench", SCOPES), now)
        door = connections.create(session, services.keyring, shop.id, connections.ORDERS, now)
    stack.shop_id, stack.word, stack.signing_secret = shop.id, door.word, door.secret
    index_key = MerchantKeys(services.db, services.keyring).get(stack.merchant_id).index
    with services.db.connection(stack.merchant_id) as connection:
        for number in range(bodies.KNOWN_BUYERS):
            told = bodies.address(number)
            who = Identity(bodies.known_email(number), bodies.known_phone(number), Address(**told), Address(**told))
            links = identity.digests(index_key, live=True, identity=who)
            new = buyers.new_buyer(services.keyring, stack.merchant_id, links, live=True, now=now - timedelta(days=400))
            connection.execute(buyers.CREATE_BUYER, new.params)
    services.db.engine.dispose()
    with stack.owner() as connection:
        connection.execute(_ORDERS, {"merchant": stack.merchant_id, "shop": shop.id, "each": _ORDERS_PER_BUYER})
        connection.execute(floors.TABLES)
        connection.execute("VACUUM ANALYZE")


_ORDERS = """
INSERT INTO shop_order (merchant_id, id, shop_id, reference, buyer_id, method, kind, currency, total_minor, paid_minor,
    refunded_minor, returned_minor, open_minor, state, placed_at, due_at, shipped_at, updated_at)
SELECT %(merchant)s, uuidv7(), %(shop)s, 'past-' || b.id || '-' || n, b.id, 'cheque', 'invoice', 'EUR', 5000 + 700 * n,
    CASE WHEN n > 1 THEN 5000 + 700 * n ELSE 0 END, 0, CASE WHEN n = 3 THEN 900 ELSE 0 END,
    CASE WHEN n > 1 THEN 0 ELSE 5000 + 700 * n END, 'DELIVERED',
    now() - n * interval '40 days', now() - n * interval '40 days' + interval '14 days',
    now() - n * interval '40 days' + interval '2 days', now()
FROM buyer b, generate_series(1, %(each)s) n WHERE b.merchant_id = %(merchant)s
"""


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port
