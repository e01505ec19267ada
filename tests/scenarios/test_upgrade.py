"""A database that was filled under the first revision comes to the newest one with every row."""

import os
import secrets

import psycopg
import pytest
from psycopg import sql

from gateway import migrate, wiring
from gateway.app import create_app
from gateway.core import clock
from gateway.core.anchors import anchor
from gateway.core.db import WEB_ROLE, WORKER_ROLE, Database
from gateway.core.services import Services
from gateway.core.verification import verify
from gateway.merchants import policies
from gateway.tables import metadata
from tests.builders import a_question, a_world
from tests.conftest import _url_of

pytestmark = pytest.mark.slow


@pytest.fixture
def empty_database():
    """The URLs of an empty database: of its owner, who is no superuser, and of the server's superuser."""
    name, owner = f"test_{secrets.token_hex(6)}", f"owner_{secrets.token_hex(6)}"
    with psycopg.connect(os.environ["KULANZ_TEST_OWNER_URL"], autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        connection.execute(f"CREATE ROLE {owner} NOLOGIN")
        connection.execute(f"GRANT ALL ON DATABASE {name} TO {owner}")
        url = _url_of(name)
        with psycopg.connect(url, autocommit=True) as inside:
            inside.execute(f"GRANT ALL ON SCHEMA public TO {owner} WITH GRANT OPTION")
        yield f"{url}&options=-crole%3D{owner}", url
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
        connection.execute(f"DROP ROLE {owner}")


def fill(services: Services):
    """A merchant with a decision, an order, policies in two versions and an anchored history."""
    world = a_world(services)
    app = create_app(services)
    client = app.test_client()
    made = client.post("/v1/decisions", json=a_question(), headers=world.auth).json
    order = {
        "method": {"id": "cheque", "kind": "invoice"},
        "currency": "EUR",
        "total_minor": 12_490,
        "placed_at": clock.now().isoformat(),
        "buyer": {"email": "ada@example.com"},
        "decision_id": made["id"],
    }
    assert client.put("/v1/orders/1001", json=order, headers=world.auth).status_code == 201
    with services.db.transaction(world.merchant_id) as session:
        for limit in (0.1, -0.0):
            body = {"methods": {"invoice": {"max_default": limit}}}
            version = policies.save(session, world.shop_id, "checkout", body, "somebody", "", clock.now())
            policies.activate(session, world.shop_id, "checkout", version, clock.now())
    return world


def copied(source: psycopg.Connection, target: psycopg.Connection) -> dict[str, int]:
    """Every row of the tables that the target has, in the columns that it has; how many each."""
    target.execute("SET session_replication_role = replica")  # parents and children in any order
    counts = {}
    for table in sorted(metadata.tables):
        known = target.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_name = %s AND is_identity = 'NO'", (table,)
        ).fetchall()
        if not known:  # a table of a later revision
            continue
        columns = sql.SQL(", ").join(sql.Identifier(name) for (name,) in known)
        there = sql.SQL("COPY (SELECT {} FROM {}) TO STDOUT").format(columns, sql.Identifier(table))
        here = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table), columns)
        with source.cursor().copy(there) as out, target.cursor().copy(here) as into:
            for chunk in out:
                into.write(chunk)
        counts[table] = target.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))).fetchone()[0]
    target.execute("SET session_replication_role = origin")
    return counts


def test_a_filled_database_is_upgraded_by_an_owner_without_privileges(
    empty_database, live_db, live_owner_url, cache, keyring
):
    """First revision, filled, upgraded: nothing is lost, the audit is whole, and decisions go on."""
    owner_url, superuser_url = empty_database
    world = fill(services_on(live_db, cache, keyring))
    migrate.upgrade(owner_url, "0001")
    assert migrate.current_revision(owner_url) == "0001"
    with psycopg.connect(live_owner_url) as source, psycopg.connect(superuser_url) as target:
        before = copied(source, target)
    assert {"decision", "shop_order", "policy_version", "buyer", "history"} - {t for t, n in before.items() if n} <= {
        "history"
    }

    migrate.upgrade(owner_url)
    assert migrate.current_revision(owner_url) == migrate.head_revision()
    with psycopg.connect(superuser_url) as connection:
        after = {table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in before}
        forced = connection.execute(
            "SELECT relforcerowsecurity FROM pg_class WHERE relname = 'policy_version'"
        ).fetchone()
    assert after == before
    assert forced == (True,)
    works_on(world, superuser_url, cache, keyring)


def works_on(world, superuser_url, cache, keyring) -> None:
    """The upgraded database answers, audits itself, and still refuses to change what is append-only."""
    head, _, tail = superuser_url.partition("@")
    databases = [
        Database(f"{head.rpartition('/')[0]}/{role}@{tail}", role=role, pool_size=2) for role in (WEB_ROLE, WORKER_ROLE)
    ]
    web, worker = (services_on(database, cache, keyring) for database in databases)
    answer = create_app(web).test_client().post("/v1/decisions", json=a_question(reference="new"), headers=world.auth)
    assert answer.status_code == 201
    assert answer.json["versions"]["policy"] == 2
    with worker.db.transaction(world.merchant_id) as session:
        trail = wiring.trail(worker)
        anchor(session, trail, clock.now())
        report = verify(session, trail)
    assert (report.faults, report.origins) == ([], 4)
    with psycopg.connect(superuser_url) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("UPDATE policy_version SET note = 'x'")
    for database in databases:
        database.engine.dispose()


def services_on(database: Database, cache, keyring) -> Services:
    return Services(
        db=database, cache=cache, keyring=keyring, public_url="http://kulanz.test", session_secret=b"x" * 32
    )


def test_upgrading_twice_changes_nothing(live_owner_url):
    """Two hosts that start at once migrate one after the other."""
    migrate.upgrade(live_owner_url)
    assert migrate.current_revision(live_owner_url) == migrate.head_revision()
