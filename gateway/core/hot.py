"""Statements of hot paths: prepared once per connection, and sent together with what is to be said before and after.

Every round trip wakes two processes, which costs more than a short statement itself. So BEGIN waits for the first
statement, a statement that nobody waits for (`add`) waits for the next one, and COMMIT travels with the last. Values
travel as parameters in libpq's pipeline mode: the server neither parses them nor plans anything.
"""

import select
from collections.abc import Mapping
from datetime import datetime
from itertools import count
from operator import itemgetter
from typing import Any, NamedTuple, cast
from uuid import UUID

import psycopg
from psycopg import abc, pq
from psycopg.adapt import Transformer
from psycopg.pq.abc import PGresult
from sqlalchemy import Engine, event, text
from sqlalchemy.dialects.postgresql import psycopg as dialect
from sqlalchemy.engine import Connection
from sqlalchemy.sql import ClauseElement
from sqlalchemy.sql.compiler import SQLCompiler

_DIALECT = dialect.dialect(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]
_OPENING, _WAITING, _PREPARED = "kulanz.opening", "kulanz.waiting", "kulanz.prepared"
"""Where a connection keeps the words that open its transaction, the calls not sent yet, and what it has prepared."""
_GOOD = (pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK)
_PATIENCE_MS = 30_000
"""The server ends statements long before (`statement_timeout`): who is silent for longer is gone."""
_numbers = count()


class _Call(NamedTuple):
    """A prepared statement with its values as libpq takes them."""

    name: bytes
    values: list[bytes | None]
    formats: list[pq.Format]


class HotStatement:
    """A statement that is planned once per connection and sent without SQLAlchemy.

    Rows are tuples and errors are psycopg's. A parameter whose type the statement does not show needs a CAST; a `str` is
    for text only.
    """

    def __init__(self, statement: ClauseElement) -> None:
        compiled = cast("SQLCompiler", statement.compile(dialect=_DIALECT))
        self._sql = str(compiled).encode()
        names = tuple(compiled.positiontup or ())
        self._names = names
        self._pick = itemgetter(*names) if len(names) > 1 else None

    def row(self, link: "Link", values: Mapping[str, Any]) -> tuple[Any, ...] | None:
        """Send what waits and this; its first row, or None."""
        found = self._loaded(link, values)
        return found.load_row(0, tuple) if found else None

    def rows(self, link: "Link", values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Send what waits and this; all its rows."""
        found = self._loaded(link, values)
        return found.load_rows(0, cast("PGresult", found.pgresult).ntuples, tuple) if found else []

    def _loaded(self, link: "Link", values: Mapping[str, Any]) -> "abc.Transformer | None":
        """What reads the rows of the answer, if there are any."""
        line = _line(link)
        result = line.send(self._call(line, values))
        if result is None or not result.ntuples:
            return None
        found: abc.Transformer = Transformer.from_context(line.driver)
        found.set_pgresult(result)
        return found

    def add(self, link: "Link", values: Mapping[str, Any]) -> None:
        """Send this before the next answer or with the end of the transaction, which then raise its errors."""
        line = _line(link)
        call = self._call(line, values)
        if _WAITING in line.info:
            line.info[_WAITING].append(call)
        else:  # somebody else began this transaction and will end it
            line.send(call)

    def _call(self, line: "_Line | Trips", values: Mapping[str, Any]) -> _Call:
        prepared: dict[HotStatement, bytes] = line.info.setdefault(_PREPARED, {})
        if (name := prepared.get(self)) is None:
            name = f"hot_{next(_numbers)}".encode()
            _checked(line.driver.pgconn.prepare(name, self._sql), line.driver)
            prepared[self] = name
        told = self._pick(values) if self._pick else [values[name] for name in self._names]
        kinds = [_KINDS[type(value)] for value in told]
        values_told = [kind.encode(value) for kind, value in zip(kinds, told, strict=True)]
        return _Call(name, values_told, [kind.format for kind in kinds])


class _Kind(NamedTuple):
    """How values of one Python type travel."""

    encode: Any
    format: pq.Format


def _array(values: list[Any]) -> bytes:
    """A list of bytes, ids or texts as PostgreSQL writes arrays."""
    return b"{" + b",".join(map(_element, values)) + b"}"


def _element(value: bytes | str | UUID) -> bytes:
    if isinstance(value, bytes):
        return b'"\\\\x' + value.hex().encode() + b'"'
    if isinstance(value, UUID):
        return str(value).encode()
    if "\0" in value:
        raise psycopg.DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes")
    return b'"' + value.replace("\\", "\\\\").replace('"', '\\"').encode() + b'"'


_KINDS: dict[type, _Kind] = {
    # binary where the bytes are at hand, and for text, in which a NUL must not end the value unnoticed
    UUID: _Kind(lambda value: value.bytes, pq.Format.BINARY),
    bytes: _Kind(lambda value: value, pq.Format.BINARY),
    str: _Kind(str.encode, pq.Format.BINARY),
    bool: _Kind(lambda value: b"t" if value else b"f", pq.Format.TEXT),
    int: _Kind(lambda value: b"%d" % value, pq.Format.TEXT),
    datetime: _Kind(lambda value: value.isoformat().encode(), pq.Format.TEXT),
    list: _Kind(_array, pq.Format.TEXT),
    type(None): _Kind(lambda _: None, pq.Format.TEXT),
}


class _Line(NamedTuple):
    """A driver's connection with what is remembered about it."""

    driver: "psycopg.Connection[Any]"
    info: dict[Any, Any]

    def send(self, *calls: _Call) -> PGresult | None:
        """Everything that waits, then these; the result of the last one. The first error ends the rest."""
        if words := self.info.get(_OPENING):
            self.info[_OPENING] = b""
            _checked(self.driver.pgconn.exec_(words), self.driver)
        waiting = self.info.get(_WAITING)
        if waiting:
            self.info[_WAITING] = []
        together = [*waiting, *calls] if waiting else calls
        return _piped(self.driver, together) if together else None


class Trips:
    """A tenant's connection on which each round trip is a transaction of its own. `Database.trips` opens it."""

    def __init__(self, driver: "psycopg.Connection[Any]", info: dict[Any, Any], merchant_id: UUID) -> None:
        self._line = _Line(driver, info)
        self._tenant = _TENANT._call(self._line, {"merchant": str(merchant_id)})  # noqa: SLF001 - one module
        info[_WAITING] = [self._tenant]

    def send(self, *calls: _Call) -> PGresult | None:
        """One trip: what waits and these. The next one names the tenant again."""
        try:
            return self._line.send(*calls)
        finally:
            self._line.info[_WAITING] = [self._tenant]

    def finish(self) -> None:
        """Send what still waits."""
        if len(self._line.info[_WAITING]) > 1:
            self.send()

    @property
    def driver(self) -> "psycopg.Connection[Any]":
        return self._line.driver

    @property
    def info(self) -> dict[Any, Any]:
        return self._line.info


Link = Connection | Trips
_TENANT = HotStatement(
    text(
        "SELECT set_config('kulanz.merchant_id', CAST(:merchant AS text), true),"
        " set_config('plan_cache_mode', 'force_generic_plan', true)"
    )
)
_COMMIT = HotStatement(text("COMMIT"))


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
        _line(connection).send()


def commit(connection: Connection) -> None:
    """Send what waits and COMMIT, unless nothing was ever said. Raises psycopg.Error; nothing was done then."""
    line = _line(connection)
    if line.info.get(_OPENING) and not line.info.get(_WAITING):
        return
    result = line.send(_COMMIT._call(line, {}))  # noqa: SLF001 - one module
    if result is None or result.command_status != b"COMMIT":
        raise psycopg.errors.InFailedSqlTransaction("the transaction had failed before")


def end(info: dict[Any, Any]) -> None:
    """Forget the transaction of the connection with this `info`, however it ended."""
    for name in (_OPENING, _WAITING):
        info.pop(name, None)


def is_lost(driver: "psycopg.Connection[Any]") -> bool:
    """Whether the server has hung up since: an idle connection has nothing to read, except that news."""
    if driver.closed:
        return True
    news = select.poll()
    news.register(driver.pgconn.socket, select.POLLIN)
    return bool(news.poll(0))


def _piped(driver: "psycopg.Connection[Any]", calls: "list[_Call] | tuple[_Call, ...]") -> PGresult | None:
    """One round trip in pipeline mode; a connection that did not come to its end is of no use any more."""
    pgconn = driver.pgconn
    try:
        pgconn.enter_pipeline_mode()
        for call in calls:
            pgconn.send_query_prepared(call.name, call.values, call.formats, pq.Format.BINARY)
        pgconn.pipeline_sync()
        last, failed = _answers(driver)
        pgconn.exit_pipeline_mode()
    except BaseException:
        driver.close()
        raise
    if failed is not None:
        raise psycopg.errors.error_from_result(failed)
    return last


def _answers(driver: "psycopg.Connection[Any]") -> tuple[PGresult | None, PGresult | None]:
    """The result of the last statement and the first error, once the server has told both to the end."""
    pgconn = driver.pgconn
    news = select.poll()
    news.register(pgconn.socket, select.POLLIN)
    last: PGresult | None = None
    failed: PGresult | None = None
    while True:
        while pgconn.is_busy():
            if not news.poll(_PATIENCE_MS):
                raise psycopg.OperationalError("the server is silent")
            pgconn.consume_input()
        result = pgconn.get_result()
        if result is None:
            if pgconn.status == pq.ConnStatus.BAD:
                raise psycopg.OperationalError("the connection is lost")
        elif result.status == pq.ExecStatus.PIPELINE_SYNC:
            return last, failed
        elif result.status in _GOOD:
            last = result
        elif failed is None:
            failed = result


def _checked(result: PGresult, driver: "psycopg.Connection[Any]") -> PGresult:
    if result.status in _GOOD:
        return result
    if driver.pgconn.status == pq.ConnStatus.BAD:
        raise psycopg.OperationalError("the connection is lost")
    raise psycopg.errors.error_from_result(result)


def _line(link: Link) -> _Line | Trips:
    """Who sends: trips themselves, or the driver under SQLAlchemy's connection."""
    if isinstance(link, Trips):
        return link
    return _Line(cast("psycopg.Connection[Any]", link.connection.driver_connection), link.info)
