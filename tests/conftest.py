"""Real servers for every test: an embedded PostgreSQL and Valkey, started once per run in a temporary folder."""

import gc
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from pathlib import Path

import psycopg
import pytest
import redis
from argon2 import PasswordHasher
from flask import Config
from hypothesis import HealthCheck, settings
from sqlalchemy.engine import Connection

from gateway import migrate
from gateway.app import attach, create_app
from gateway.core.crypto import Keyring
from gateway.core.db import TENANT_SETTING, WEB_ROLE, WORKER_ROLE, Database
from gateway.core.ids import new_id
from gateway.core.services import Services
from gateway.embedded import Engines
from gateway.merchants import passwords

SHARED = Path(__file__).resolve().parents[2] / "shared"
settings.register_profile("kulanz", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("kulanz")  # a busy machine is no fault of the code
FAST_POSTGRES = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def pytest_configure(config: pytest.Config) -> None:
    """Start the servers in the controlling process; xdist's workers are told where they are."""
    if hasattr(config, "workerinput"):
        return
    config.stash[_ENGINES] = engines = Engines(_folder(), postgres=FAST_POSTGRES)
    addresses = engines.start()
    os.environ["KULANZ_TEST_OWNER_URL"] = addresses.database_owner_url
    os.environ["KULANZ_TEST_REDIS_URL"] = addresses.redis_url
    with psycopg.connect(addresses.database_owner_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE template_kulanz")
    migrate.upgrade(_url_of("template_kulanz"))


def pytest_collection_finish() -> None:
    """What was imported stays to the end: looking through all of it again and again for refuse takes time only."""
    gc.collect()
    gc.freeze()


def pytest_unconfigure(config: pytest.Config) -> None:
    if engines := config.stash.get(_ENGINES, None):
        engines.stop()
        shutil.rmtree(engines.place.path.parent, ignore_errors=True)


_ENGINES = pytest.StashKey[Engines]()


def _folder() -> Path:
    """Below the system's folder for temporary files, where an unprivileged server account may go."""
    folder = Path(tempfile.mkdtemp(prefix="kulanz-test-"))
    folder.chmod(0o711)
    return folder / "engines"


def _url_of(database: str, role: str = "") -> str:
    """The test server's URL with another database, and another login where given."""
    head, _, query = os.environ["KULANZ_TEST_OWNER_URL"].partition("?")
    scheme, _, place = head.partition("://")
    login, _, _ = place.partition("@")
    return f"{scheme}://{role or login}@/{database}?{query}"


@contextmanager
def copied_database() -> Iterator[str]:
    """The name of a new database with the newest schema; dropped afterwards."""
    name = f"test_{secrets.token_hex(6)}"
    with psycopg.connect(os.environ["KULANZ_TEST_OWNER_URL"], autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template_kulanz STRATEGY FILE_COPY")
        try:
            yield name
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def database_name() -> Iterator[str]:
    """One database per test process."""
    with copied_database() as name:
        yield name


@pytest.fixture(scope="session")
def owner_url(database_name: str) -> str:
    """The owner's address of the shared test database (bypasses row-level security: it is a superuser here)."""
    return _url_of(database_name)


@pytest.fixture(scope="session")
def web_database(database_name: str) -> Iterator[Database]:
    database = Database(_url_of(database_name, WEB_ROLE), role=WEB_ROLE, pool_size=2)
    yield database
    database.engine.dispose()


class RolledBack(Database):
    """A Database whose every transaction is a savepoint of one outer transaction that never commits."""

    def __init__(self, connection: Connection) -> None:
        self.url = str(connection.engine.url)
        self.engine = connection.engine
        self.role = WEB_ROLE
        self._outer = connection

    @contextmanager
    def connection(self, merchant_id, **_):
        with self._outer.begin_nested():
            self._outer.exec_driver_sql(f"SET LOCAL {TENANT_SETTING} = '{merchant_id or ''}'")
            yield self._outer

    def trips(self, merchant_id):
        return self.connection(merchant_id)


@pytest.fixture
def db(web_database: Database) -> Iterator[Database]:
    """The database of most tests: what they write is rolled back."""
    connection = web_database.engine.connect()
    transaction = connection.begin()
    connection.connection.driver_connection.execute("BEGIN")
    yield RolledBack(connection)
    transaction.rollback()
    connection.close()


@pytest.fixture
def live_database() -> Iterator[str]:
    """The name of a database of this test's own, for tests that commit, use threads or kill things."""
    with copied_database() as name:
        yield name


@pytest.fixture
def live_owner_url(live_database: str) -> str:
    return _url_of(live_database)


@pytest.fixture
def live_db(live_database: str) -> Iterator[Database]:
    """A Database with real commits as the web role."""
    database = Database(_url_of(live_database, WEB_ROLE), role=WEB_ROLE, pool_size=8)
    yield database
    database.engine.dispose()


@pytest.fixture
def worker_db(live_database: str) -> Iterator[Database]:
    """As `live_db`, as the worker role."""
    database = Database(_url_of(live_database, WORKER_ROLE), role=WORKER_ROLE, pool_size=8)
    yield database
    database.engine.dispose()


@pytest.fixture
def cache() -> Iterator["redis.Redis[bytes]"]:
    """The test Valkey, emptied before and after."""
    url = os.environ["KULANZ_TEST_REDIS_URL"]
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
    client = redis.Redis.from_url(url, db=number)
    client.flushdb()
    yield client
    client.flushdb()
    client.close()


@pytest.fixture(autouse=True)
def quick_hashes() -> Iterator[None]:
    """Hashes at the lowest cost: what is tested is who may come in, not how long it takes."""
    passwords._dummy.cache_clear()
    with (
        pytest.MonkeyPatch.context() as patch
    ):  # one of its own: what tests patch must be undone before other fixtures end
        patch.setattr(passwords, "_HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        yield


@pytest.fixture(scope="session")
def keyring() -> Keyring:
    return Keyring.parse(Keyring.generate())


@pytest.fixture
def merchant_id():
    """A tenant's id without a merchant behind it, for tests of plumbing."""
    return new_id()


@pytest.fixture
def services(db, cache, keyring) -> Services:
    """Services over the rolled-back database."""
    return Services(
        db=db,
        cache=cache,
        keyring=keyring,
        public_url="http://kulanz.test",
        session_secret=b"only for tests, thirty-two bytes!",
        allow_private_urls=True,
    )


@pytest.fixture(scope="session")
def built(keyring):
    """The application as it is without services that answer: routes and templates are read once per test process."""
    unopened = Services(Database("postgresql://nobody@/nowhere", role=WEB_ROLE), redis.Redis(), keyring, "", b"")
    return create_app(unopened)


@pytest.fixture
def app(built, services):
    """The web application over the rolled-back database: its own settings and keepings, routes and templates as built."""
    application = copy(built)
    application.config = Config(built.config.root_path, built.config)
    application.extensions = dict(built.extensions)
    application.view_functions = dict(built.view_functions)
    attach(application, services)
    return application
