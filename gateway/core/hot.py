"""Statements of hot paths: prepared once per connection, and sent together with what is to be said before and after.

Every round trip wakes two processes, which costs more than a short statement itself. So BEGIN waits for the first
statement, a statement that nobody waits for (`add`) waits for the next one, and COMMIT travels with the last.
"""

import select
from collections.abc import Mapping
from itertools import count
from typing import Any, cast

import psycopg
from psycopg import pq
from psycopg.adapt import Transformer
from psycopg.pq.abc import PGresult
from sqlalchemy import Engine, event
from sqlalchemy.dialects.postgresql import psycopg as dialect
from sqlalchemy.engine import Connection
from sqlalchemy.sql import ClauseElement
from sqlalchemy.sql.compiler import SQLCompiler

_DIALECT = dialect.dialect(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]
_OPENING, _WAITING, _PREPARED = "kulanz.opening", "kulanz.waiting", "kulanz.prepared"
"""Where a connection keeps the words that open its transaction, the calls not sent yet, and what it has prepared."""
_GOOD = (pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK)
_numbers = count()


class HotStatement:
    """A statement that is planned once per connection and sent without SQLAlchemy.

    Rows are tuples and errors are psycopg's. A parameter whose type the statement does not show needs a CAST.
    """

    def __init__(self, statement: ClauseElement) -> None:
        compiled = cast("SQLCompiler", statement.compile(dialect=_DIALECT))
        self._sql = str(compiled).encode()
        self._parameters = tuple(compiled.positiontup or ())

    def row(self, connection: Connection, values: Mapping[str, Any]) -> tuple[Any, ...] | None:
        """Send what waits and this; its first row, or None."""
        driver = _driver(connection)
        result = _send(connection, driver, self._call(connection, driver, values))
        if not result.ntuples:
            return None
        rows = Transformer.from_context(driver)
        rows.set_pgresult(result)
        return rows.load_row(0, tuple)

    def add(self, connection: Connection, values: Mapping[str, Any]) -> None:
        """Send this before the next answer or with COMMIT, which then raise its errors."""
        driver = _driver(connection)
        call = self._call(connection, driver, values)
        if _WAITING in connection.info:
            connection.info[_WAITING].append(call)
        else:  # somebody else began this transaction and will end it
            _send(connection, driver, call)

    def _call(self, connection: Connection, driver: "psycopg.Connection[Any]", values: Mapping[str, Any]) -> bytes:
        prepared: dict[HotStatement, bytes] = connection.info.setdefault(_PREPARED, {})
        if (name := prepared.get(self)) is None:
            name = f"hot_{next(_numbers)}".encode()
            _checked(driver.pgconn.prepare(name, self._sql), driver)
            prepared[self] = name
        if not self._parameters:
            return b"EXECUTE " + name
        quote = Transformer.from_context(driver)
        return b"EXECUTE %b(%b)" % (name, b",".join(_literal(quote, values[name]) for name in self._parameters))


def watch(engine: Engine) -> None:
    """Let statements that SQLAlchemy sends come after what waits."""
    event.listen(engine, "before_cursor_execute", lambda connection, *_: flush(connection))
    for name in ("rollback", "rollback_savepoint"):  # psycopg makes the server forget all it has prepared
        event.listen(engine, name, lambda connection, *_: connection.info.pop(_PREPARED, None))


def begin(connection: Connection, words: str) -> None:
    """Open a transaction by `words`. They are sent with its first statement, and never if there is none."""
    connection.info[_OPENING] = words.encode()
    connection.info[_WAITING] = []


def flush(connection: Connection) -> None:
    """Send what waits."""
    if connection.info.get(_OPENING) or connection.info.get(_WAITING):
        _send(connection, _driver(connection))


def commit(connection: Connection) -> None:
    """Send what waits and COMMIT, unless nothing was ever said. Raises psycopg.Error; nothing was done then."""
    if connection.info.get(_OPENING) and not connection.info.get(_WAITING):
        return
    result = _send(connection, _driver(connection), b"COMMIT")
    if result.command_status != b"COMMIT":
        raise psycopg.errors.InFailedSqlTransaction("the transaction had failed before")


def end(connection: Connection) -> None:
    """Forget the transaction, however it ended."""
    for name in (_OPENING, _WAITING):
        connection.info.pop(name, None)


def is_lost(connection: Connection) -> bool:
    """Whether the server has hung up since: an idle connection has nothing to read, except that news."""
    readable, _, _ = select.select([_driver(connection).pgconn.socket], [], [], 0)
    return bool(readable)


def _send(connection: Connection, driver: "psycopg.Connection[Any]", *calls: bytes) -> PGresult:
    """Everything at once; the result of the last call. The first error ends the rest."""
    info = connection.info
    words = [*filter(None, (info.get(_OPENING),)), *info.get(_WAITING, ()), *calls]
    if _WAITING in info:
        info[_OPENING], info[_WAITING] = b"", []
    return _checked(driver.pgconn.exec_(b";".join(words)), driver)


def _checked(result: PGresult, driver: "psycopg.Connection[Any]") -> PGresult:
    if result.status in _GOOD:
        return result
    if driver.pgconn.status == pq.ConnStatus.BAD:
        raise psycopg.OperationalError("the connection is lost")
    raise psycopg.errors.error_from_result(result)


def _driver(connection: Connection) -> "psycopg.Connection[Any]":
    return cast("psycopg.Connection[Any]", connection.connection.driver_connection)


def _literal(quote: Any, value: Any) -> bytes:
    """The value as the server reads it; of lists, those of bytes in short (psycopg takes ten times as long)."""
    if type(value) is list and value and type(value[0]) is bytes:
        return b"'{" + ",".join(f'"\\\\x{one.hex()}"' for one in value).encode() + b"}'"
    literal: bytes = quote.as_literal(value)
    return literal
