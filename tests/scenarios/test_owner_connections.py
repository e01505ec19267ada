"""Backups and migrations do not hang: not on a tool that talks a lot, not on a table that somebody holds."""

import secrets
import time

import psycopg
import pytest
from sqlalchemy.exc import OperationalError

from gateway import backup, migrate

pytestmark = pytest.mark.slow


@pytest.fixture
def old_url(owner_url):
    """The owner's address of a database at the first revision."""
    name = f"old_{secrets.token_hex(6)}"
    with psycopg.connect(owner_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        url = owner_url.partition("@/")[0] + f"@/{name}?" + owner_url.partition("?")[2]
        migrate.upgrade(url, "0001")
        yield url
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def a_tool(folder, script):
    """A program that stands for pg_dump."""
    program = folder / "pg_dump"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o700)
    return program


def test_a_dump_that_warns_a_lot_before_its_data_does_not_block_itself(owner_url, tmp_path):
    """A pipe holds 64 KB: its complaints are read beside its data, and only the last are kept."""
    loud = a_tool(
        tmp_path, 'i=0; while [ $i -lt 4000 ]; do echo "warning: number $i of many" >&2; i=$((i+1)); done; exit 3'
    )
    with pytest.raises(backup.ToolFailed, match="number 3999"), backup._tool(loud, owner_url, []) as process:
        assert process.stdout.read() == b""


def test_a_migration_gives_up_a_table_that_somebody_holds(old_url, monkeypatch):
    """Everybody who wants the table would queue up behind it; nothing of the upgrade remains."""
    monkeypatch.setattr(migrate, "LOCK_S", 1)
    with psycopg.connect(old_url) as holder:
        holder.execute("LOCK TABLE policy_version IN ACCESS SHARE MODE")
        started = time.monotonic()
        with pytest.raises(OperationalError, match="lock timeout"):
            migrate.upgrade(old_url)
        assert time.monotonic() - started < 10
    assert migrate.current_revision(old_url) == "0001"
    migrate.upgrade(old_url)
    assert migrate.current_revision(old_url) == migrate.head_revision()
