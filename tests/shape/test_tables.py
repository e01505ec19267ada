"""Every table belongs to a tenant or says why not, and the migrations make exactly the tables of the models."""

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from gateway.core.db import RUNTIME_ROLES, new_engine
from gateway.tables import APPEND_ONLY, TENANT_FREE, metadata, tenant_tables


def test_every_tenant_table_has_the_tenant_first_in_its_key():
    """The way to a database distributed by tenant stays open."""
    for name in tenant_tables():
        key = [column.name for column in metadata.tables[name].primary_key]
        assert key[0] == "merchant_id", name


def test_every_tenant_table_is_under_forced_row_level_security(owner_url):
    """Asked of the database itself, for reads and writes."""
    with psycopg.connect(owner_url) as connection:
        secured = {
            row[0]
            for row in connection.execute(
                "SELECT relname FROM pg_class c JOIN pg_policy p ON p.polrelid = c.oid"
                " WHERE relrowsecurity AND relforcerowsecurity AND polwithcheck IS NOT NULL AND polqual IS NOT NULL",
            )
        }
    assert secured == set(tenant_tables())


def test_tables_without_a_tenant_hold_ids_and_hashes_only():
    """No name, text or amount in them beyond what the queue itself needs."""
    allowed = {"task", "queue", "key", "uniq", "args", "last_error", "purpose", "name", "worker", "host"}
    public = {"law_row": {"table_name", "value", "source", "certainty", "imported_by"}}
    for name in TENANT_FREE:
        texts = {column.name for column in metadata.tables[name].c if str(column.type) in ("TEXT", "JSONB", "VARCHAR")}
        assert texts <= allowed | public.get(name, set()), name


@pytest.mark.parametrize("role", RUNTIME_ROLES)
def test_runtime_roles_cannot_rewrite_what_is_only_added_to(owner_url, role):
    """Histories, decisions and versions: SELECT and INSERT, nothing else; and no role owns anything."""
    with psycopg.connect(owner_url) as connection:
        rights = connection.execute(
            "SELECT table_name, privilege_type FROM information_schema.role_table_grants WHERE grantee = %s", (role,)
        ).fetchall()
        owned = connection.execute(
            "SELECT relname FROM pg_class WHERE relowner = (SELECT oid FROM pg_roles WHERE rolname = %s)", (role,)
        ).fetchall()
        flags = connection.execute(
            "SELECT rolsuper, rolbypassrls, rolcreaterole FROM pg_roles WHERE rolname = %s", (role,)
        ).fetchone()
    assert not owned
    assert flags == (False, False, False)
    for table in APPEND_ONLY:
        assert {right for name, right in rights if name == table} == {"SELECT", "INSERT"}, table


def test_migrations_and_models_agree(owner_url):
    """Autogenerate finds nothing to add or remove."""
    engine = new_engine(owner_url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": False})
        differences = compare_metadata(context, metadata)
    engine.dispose()
    assert not differences
