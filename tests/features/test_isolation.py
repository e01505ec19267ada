"""Two merchants can never read or touch each other's rows, whatever a query forgets."""

import psycopg
import pytest
from sqlalchemy import text

from gateway.app import create_app
from gateway.core import clock
from gateway.core.db import TENANT_SETTING, WEB_ROLE, Database
from gateway.core.services import Services
from gateway.tables import tenant_tables
from tests.builders import a_question, a_world


@pytest.fixture
def two(live_db, cache, keyring):
    """Two merchants with a decision each, on one pool of one connection."""
    database = Database(live_db.url, role=WEB_ROLE, pool_size=1)
    services = Services(
        db=database, cache=cache, keyring=keyring, public_url="http://kulanz.test", session_secret=b"x" * 32
    )
    client = create_app(services).test_client()
    worlds = a_world(services), a_world(services)
    for world in worlds:
        assert client.post("/v1/decisions", json=a_question(), headers=world.auth).status_code == 201
    yield services, client, worlds
    database.engine.dispose()


def test_raw_sql_on_a_pooled_connection_sees_only_its_own_tenant(two):
    """The same connection, one tenant after the other, no WHERE: every table answers with own rows only."""
    services, _, worlds = two
    for world in (*worlds, *worlds):
        with services.db.connection(world.merchant_id) as connection:
            for table in tenant_tables():
                owners = connection.execute(text(f"SELECT DISTINCT merchant_id FROM {table}")).scalars().all()
                assert set(owners) <= {world.merchant_id}, table
            assert connection.execute(text("SELECT count(*) FROM decision")).scalar() == 1


def test_without_a_tenant_nothing_is_seen(two):
    """Also right after a transaction of a tenant on the same pooled connection, which leaves an empty setting behind."""
    services, _, worlds = two
    with services.db.connection(worlds[0].merchant_id):
        pass
    with services.db.connection(None) as connection:
        for table in tenant_tables():
            assert connection.execute(text(f"SELECT count(*) FROM {table}")).scalar() == 0, table


def test_a_tenant_can_neither_write_nor_change_rows_of_another(two):
    """INSERT is refused by the policy's check, UPDATE and DELETE find nothing."""
    services, _, (mine, theirs) = two
    row = {"id": theirs.shop_id, "m": theirs.merchant_id, "now": clock.now()}
    with pytest.raises(Exception, match="row-level security"), services.db.connection(mine.merchant_id) as connection:
        connection.execute(
            text("INSERT INTO merchant (merchant_id, name, country, created_at) VALUES (:m, 'x', 'DE', :now)"), row
        )
    with services.db.connection(mine.merchant_id) as connection:
        assert connection.execute(text("UPDATE shop SET name = 'x' WHERE merchant_id = :m"), row).rowcount == 0
        assert connection.execute(text("DELETE FROM buyer WHERE merchant_id = :m"), row).rowcount == 0


def test_a_key_cannot_read_a_decision_of_another_merchant_by_its_id(two):
    """The id is right, the tenant is not: 404, as for any unknown id."""
    _, client, (mine, theirs) = two
    made = client.post("/v1/decisions", json=a_question(), headers=theirs.auth).json["id"]
    assert client.get(f"/v1/decisions/{made}", headers=theirs.auth).status_code == 200
    assert client.get(f"/v1/decisions/{made}", headers=mine.auth).json["code"] == "decision-unknown"


def test_the_runtime_login_cannot_lift_the_policy(two):
    """Neither by turning row security off nor by becoming somebody else."""
    services, _, _ = two
    with psycopg.connect(services.db.url.replace("postgresql+psycopg", "postgresql"), autocommit=True) as connection:
        connection.execute(f"SET {TENANT_SETTING} = ''")
        for attempt in (
            "SET ROLE postgres",
            "ALTER TABLE decision DISABLE ROW LEVEL SECURITY",
            "DROP POLICY tenant ON decision",
            "ALTER ROLE kulanz_web BYPASSRLS",
            "SET session_authorization = postgres",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(attempt)
        connection.execute("SET row_security = off")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT count(*) FROM decision")
    services.db.refuse_privileges()


def test_start_up_refuses_a_login_that_could_bypass_the_policies(live_owner_url):
    """A superuser as DATABASE_URL is an error before the first request."""
    database = Database(live_owner_url, role=WEB_ROLE, pool_size=1)
    with pytest.raises(RuntimeError, match="superuser"):
        database.refuse_privileges()
    database.engine.dispose()
