"""PostgreSQL: one engine per process and role, transactions that know their tenant, row-level security.

The edge opens `transaction(merchant_id)`; features flush, they never commit. The tenant travels as a
transaction-local setting that every policy of every tenant table compares with, so a forgotten WHERE shows
nothing instead of everything.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any, ClassVar, cast
from uuid import UUID

import psycopg
from sqlalchemy import Date, DateTime, Engine, LargeBinary, MetaData, Text, Uuid, create_engine, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy.pool import PoolProxiedConnection

from gateway.core import hot
from gateway.core.errors import Unavailable
from gateway.core.ids import new_id

TENANT_SETTING = "kulanz.merchant_id"
WEB_ROLE = "kulanz_web"
WORKER_ROLE = "kulanz_worker"
RUNTIME_ROLES = (WEB_ROLE, WORKER_ROLE)


class PrivilegedLogin(RuntimeError):
    """The runtime login could read every tenant's rows; the process must not start."""


class Base(DeclarativeBase):
    """All tables of all packages, with constraint names that migrations can rely on."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        },
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        str: Text(),
        bytes: LargeBinary(),
        UUID: Uuid(),
        datetime: DateTime(timezone=True),
        date: Date(),
        dict[str, Any]: JSONB(),
        list[Any]: JSONB(),
    }


class Tenant:
    """Mixin of every table that belongs to a merchant: the tenant stands first in the primary key."""

    merchant_id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-2)
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id, sort_order=-1)


def secure(table: str) -> list[str]:
    """The statements that put a tenant table under forced row-level security (used by migrations)."""
    mine = f"merchant_id = NULLIF(current_setting('{TENANT_SETTING}', true), '')::uuid"
    return [
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
        f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
        f"CREATE POLICY tenant ON {table} USING ({mine}) WITH CHECK ({mine})",
    ]


class Database:
    """The engine of one process under one unprivileged role.

    `url` is a SQLAlchemy or libpq URL. Connections are opened on first use, so that a pre-fork server shares none.
    """

    def __init__(self, url: str, *, role: str, pool_size: int = 4, statement_timeout_s: int = 15) -> None:
        self.url = url
        self.role = role
        options = (
            f"-c role={role} -c statement_timeout={statement_timeout_s}s -c lock_timeout=5s "
            "-c idle_in_transaction_session_timeout=60s -c timezone=UTC"
        )
        self.engine = new_engine(url, options=options, pool_size=pool_size, reset=False)
        hot.watch(self.engine)

    @contextmanager
    def connection(self, merchant_id: UUID | None, *, plans: str = "force_generic_plan") -> Iterator[Connection]:
        """One transaction as a plain connection, for prebuilt statements on hot paths.

        Their plans are made once per connection: planning the read of a decision anew takes twice its execution.
        Raises `Unavailable` when the database cannot be reached; nothing was done then.
        """
        connection = self._open()
        # A UUID's text cannot break out of the quotes.
        hot.begin(
            connection,
            f"BEGIN;SET LOCAL {TENANT_SETTING} = '{merchant_id or ''}';SET LOCAL plan_cache_mode = {plans}",
        )
        try:
            with connection.begin():  # SQLAlchemy's own note only: the driver is in autocommit, we say BEGIN
                yield connection
                hot.commit(connection)
        finally:
            hot.end(connection.info)
            connection.close()

    @contextmanager
    def trips(self, merchant_id: UUID) -> Iterator[hot.Trips]:
        """A connection for hot statements only, each round trip of which is a transaction of its own.

        The last trip sends what still waits. Raises `Unavailable` when the database cannot be reached; nothing was done
        then.
        """
        lent = self._lend()
        driver, info = cast("psycopg.Connection[Any]", lent.driver_connection), lent.info
        try:
            trips = hot.Trips(driver, info, merchant_id)
            yield trips
            trips.finish()
        finally:
            hot.end(info)
            if driver.closed:
                lent.invalidate()
            lent.close()

    @contextmanager
    def transaction(self, merchant_id: UUID | None) -> Iterator[Session]:
        """Everything inside happens, or none of it. Deferred constraints are asked before the end."""
        with self.connection(merchant_id, plans="auto") as connection:
            session = Session(connection, expire_on_commit=False, join_transaction_mode="rollback_only")
            session.info["merchant_id"] = merchant_id
            with session:
                yield session
                session.flush()
                connection.exec_driver_sql("SET CONSTRAINTS ALL IMMEDIATE")

    def _open(self) -> Connection:
        """A connection as SQLAlchemy has it. Raises `Unavailable`."""
        while True:
            try:
                connection = self.engine.connect()
            except DBAPIError as error:
                raise Unavailable("the database does not answer") from error
            if not hot.is_lost(cast("psycopg.Connection[Any]", connection.connection.driver_connection)):
                return connection
            connection.invalidate()
            connection.close()

    def _lend(self) -> PoolProxiedConnection:
        """A connection of the pool, another one for each that died there. Raises `Unavailable`."""
        while True:
            try:
                lent = self.engine.raw_connection()
            except DBAPIError as error:
                raise Unavailable("the database does not answer") from error
            if not hot.is_lost(cast("psycopg.Connection[Any]", lent.driver_connection)):
                return lent
            lent.invalidate()

    def ping(self) -> bool:
        """Whether the database answers now."""
        try:
            with self.connection(None) as connection:
                connection.execute(text("SELECT 1"))
        except (Unavailable, DBAPIError):
            return False
        return True

    def refuse_privileges(self) -> None:
        """Raise PrivilegedLogin when this login could bypass row-level security: start-up must not go on."""
        with self.connection(None) as connection:
            names = ", ".join(connection.execute(_PRIVILEGED).scalars())
        if names:
            raise PrivilegedLogin(
                f"the database login acts as {names}, which is a superuser, may bypass row-level security or owns "
                "tables; give DATABASE_URL an unprivileged login and keep the owner in DATABASE_OWNER_URL",
            )


_PRIVILEGED = text(
    """
    SELECT rolname FROM pg_roles r
    WHERE rolname IN (session_user, current_user)
      AND (rolsuper OR rolbypassrls OR EXISTS (
           SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
           WHERE c.relowner = r.oid AND c.relkind IN ('r', 'p') AND n.nspname = 'public'))
    """,
)


def new_engine(url: str, *, options: str = "", pool_size: int = 4, reset: bool = True) -> Engine:
    """An engine on psycopg whose driver stays in autocommit: BEGIN and COMMIT are said by us.

    Without `reset` a connection comes back to the pool as it is: whoever borrows ends what he began.
    """
    return create_engine(
        driver_url(url),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=5,
        pool_reset_on_return="rollback" if reset else None,
        connect_args={"autocommit": True, "connect_timeout": 3, "options": options},
    )


def driver_url(url: str) -> str:
    """`postgres://` and `postgresql://` as operators write them, with our driver named."""
    scheme, _, rest = url.partition("://")
    return f"postgresql+psycopg://{rest}" if scheme in ("postgres", "postgresql") else url


def merchant_of(session: Session) -> UUID:
    """The tenant of this transaction."""
    merchant_id: UUID | None = session.info.get("merchant_id")
    if merchant_id is None:
        raise RuntimeError("this transaction was opened without a tenant")
    return merchant_id
