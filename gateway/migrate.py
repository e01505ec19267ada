"""Bring a database to the newest schema, create the runtime roles and give them their rights."""

from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from psycopg import sql
from sqlalchemy.engine import make_url

from gateway.core.db import RUNTIME_ROLES, driver_url, new_engine

CONNECT_S = 10
LOCK_S = 15
"""A migration that cannot have a table for so long fails as a whole, before everything queues up behind it."""
_LOCK = 0x6B756C616E7A
"""Advisory lock: two hosts that start at once migrate one after the other."""


def alembic_config(owner_url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["url"] = driver_url(owner_url)
    return config


def upgrade(owner_url: str, revision: str = "head", runtime_url: str = "") -> None:
    """Upgrade to `revision`. The login of `runtime_url`, where it is another one, may then act as the runtime roles."""
    with connect(owner_url, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
        create_roles(connection)
        command.upgrade(alembic_config(owner_url), revision)
        _let_login_act(connection, runtime_url)


def current_revision(owner_url: str) -> str | None:
    """The revision this database is at; None before the first migration."""
    engine = new_engine(owner_url)
    try:
        with engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()
    finally:
        engine.dispose()


def head_revision() -> str:
    """The revision this program wants."""
    head = ScriptDirectory.from_config(alembic_config("")).get_current_head()
    if head is None:
        raise RuntimeError("there are no migrations")
    return head


def create_roles(connection: psycopg.Connection) -> None:
    """The runtime roles, where they are missing: nobody logs in as one of them."""
    known = {
        row[0]
        for row in connection.execute("SELECT rolname FROM pg_roles WHERE rolname = ANY(%s)", (list(RUNTIME_ROLES),))
    }
    for role in RUNTIME_ROLES:
        if role not in known:
            connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(role)))


def connect(owner_url: str, *, autocommit: bool = False) -> psycopg.Connection:
    """The owner's connection, outside of any pool. A server that does not answer is given up soon."""
    return psycopg.connect(libpq_url(owner_url), autocommit=autocommit, connect_timeout=CONNECT_S)


def complaint(error: Exception) -> str:
    """One line for people about what the driver raised; never a statement, nor its values."""
    cause = getattr(error, "orig", None) or error
    first = (str(cause).strip().splitlines() or [type(cause).__name__])[0]
    if isinstance(cause, psycopg.OperationalError) and cause.sqlstate is None:
        return f"unavailable: the database does not answer ({first})"
    return f"the database refused: {first}"


def libpq_url(url: str) -> str:
    """A database URL as PostgreSQL's own library and tools read it."""
    return driver_url(url).replace("postgresql+psycopg://", "postgresql://", 1)


def _let_login_act(connection: psycopg.Connection, runtime_url: str) -> None:
    """Make the runtime login a member of the runtime roles, without their rights until it says SET ROLE."""
    login = make_url(driver_url(runtime_url)).username if runtime_url else None
    if login is None or login in RUNTIME_ROLES:
        return
    owner = connection.execute("SELECT current_user").fetchone()
    if owner is not None and owner[0] == login:
        return
    for role in RUNTIME_ROLES:
        connection.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(role), sql.Identifier(login)))
