"""`kulanz backup` and `kulanz restore`: one file with a consistent copy of the database and a note that proves it whole.

The file is a ZIP of `database.dump` (PostgreSQL's custom format) and `manifest.json`. Master keys are never in it: whoever
finds the file alone reads ids, amounts and dates, but no name, address or bank account.
"""

import base64
import hashlib
import json
import os
import shutil
import subprocess
import threading
import zipfile
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, Any

import click
import psycopg
from alembic.script import ScriptDirectory
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from gateway import __version__, config, migrate, wiring
from gateway.core import clock
from gateway.core.crypto import Keyring, KeyUnknown, Tampered
from gateway.core.errors import GatewayError
from gateway.core.rotation import kids_everywhere
from gateway.embedded.binaries import postgres_folder
from gateway.embedded.environment import environment
from gateway.embedded.place import Place, PlaceUnusable

FORMAT = 1
DUMP, MANIFEST = "database.dump", "manifest.json"
_CHUNK = 1 << 20
_KEY_CHECK = "kulanz backup"
_MANIFEST_BYTES = 1_000_000
_LAST_WORDS = 50
"""Lines of a tool's complaints that are kept."""


class BackupDamaged(GatewayError):
    """The file is not a whole backup."""

    status = 422


class BackupTooNew(GatewayError):
    """The backup was made by a newer version of Kulanz; restore it with that version."""

    status = 409


class DatabaseNotEmpty(GatewayError):
    """The database holds tables already; restore into an empty one."""

    status = 409


class KeysDoNotFit(GatewayError):
    """The master keys of this installation do not open the backup."""

    status = 409


class KeysMissing(GatewayError):
    """Data in this database is wrapped under a master key that is not configured here."""

    status = 409


class FileUnwritable(GatewayError):
    """The file cannot be written."""

    status = 409


class FileThere(GatewayError):
    """There is a file of that name already."""

    status = 409


class ToolFailed(GatewayError):
    """PostgreSQL's own tool could not do it."""

    status = 503


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup says about itself."""

    format: int
    version: str
    """Of the program that made it."""
    schema: str
    """Revision of the tables."""
    made_at: str
    tables: Mapping[str, int]
    """Rows of each table, counted in the same snapshot."""
    dump_sha256: str
    key_id: str
    key_check: str
    """A random key wrapped under the current master key: who can open it has the right one."""
    keys_in_use: list[str] = field(default_factory=list)
    """Ids of the master keys that data in it is wrapped under."""

    @property
    def rows(self) -> int:
        return sum(self.tables.values())


@click.command("backup")
@click.argument("file", type=click.Path(path_type=Path))
def backup_command(file: Path) -> None:
    """Write a consistent copy of the database to FILE, while everything runs.

    The master keys are not in it. Keep them apart, and safe: without them the copy cannot be read.
    """
    with environment(os.environ) as env:
        settings = config.load(env)
        config.require(settings, "database_owner_url", "master_keys")
        made = backup(settings.database_owner_url, Keyring.parse(settings.master_keys), file, clock.now())
    size_mb = file.stat().st_size / 1e6
    click.echo(f"{file}: {made.rows} rows of {len(made.tables)} tables, schema {made.schema}, {size_mb:.1f} MB")
    needed = ", ".join(made.keys_in_use or [made.key_id])
    click.echo(
        f"Not in it: master keys (KULANZ_MASTER_KEYS; in use: {needed}). Keep them in another place than this file."
    )


@click.command("restore")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
def restore_command(file: Path) -> None:
    """Fill an empty database from FILE and bring it to the newest schema.

    KULANZ_MASTER_KEYS must hold the keys of the installation the backup was made of.
    """
    manifest = read_manifest(file)
    with environment(os.environ) as env:
        settings = config.load(env)
        config.require(settings, "database_owner_url", "master_keys")
        restore(settings, Keyring.parse(settings.master_keys), file)
    click.echo(f"{manifest.rows} rows of {len(manifest.tables)} tables from {manifest.made_at} are in the database,")
    click.echo(f"schema {migrate.head_revision()}. `kulanz audit verify` proves the histories whole.")


def backup(owner_url: str, keyring: Keyring, file: Path, now: datetime) -> Manifest:
    """Write one snapshot of the database; the file appears whole or not at all, readable for us only.

    The owner must be allowed to see every row (superuser or BYPASSRLS). Raises `FileThere`, `FileUnwritable`, `KeysMissing` or
    `ToolFailed`.
    """
    if file.exists():
        raise FileThere(f"{file} exists; a backup never overwrites")
    draft = file.with_name(f"{file.name}.part")
    try:
        with _snapshot(owner_url) as (connection, snapshot), _private(draft) as out:
            manifest = _write(out, connection, snapshot, owner_url, keyring, now)
            out.flush()
            os.fsync(out.fileno())
        draft.rename(file)
    except OSError as error:
        raise FileUnwritable(f"{file}: {error.strerror}") from error
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
    return manifest


def restore(settings: config.Settings, keyring: Keyring, file: Path) -> Manifest:
    """Fill an empty database, all or nothing, and migrate it to the newest schema.

    Raises `BackupDamaged`, `BackupTooNew`, `KeysDoNotFit` or `DatabaseNotEmpty` before anything is written.
    """
    manifest = read_manifest(file)
    _check_whole(file, manifest)
    _check_schema(manifest)
    _check_keys(manifest, keyring)
    owner_url = settings.database_owner_url
    with migrate.connect(owner_url, autocommit=True) as connection:
        _check_empty(connection)
        migrate.create_roles(connection)
        program = _program("pg_restore", connection)
    _load(program, owner_url, file)
    with migrate.connect(owner_url) as connection:
        if (found := _counts(connection)) != manifest.tables:
            raise BackupDamaged(f"row counts differ after the restore: {_differences(manifest.tables, found)}")
    migrate.upgrade(owner_url, runtime_url=settings.database_url)
    return manifest


def read_manifest(file: Path) -> Manifest:
    """What the backup says about itself. Raises `BackupDamaged`."""
    try:
        with zipfile.ZipFile(file) as archive, archive.open(MANIFEST) as member:
            found: dict[str, Any] = json.loads(member.read(_MANIFEST_BYTES))
        if found["format"] > FORMAT:
            raise BackupTooNew
        return Manifest(**found)
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError, EOFError) as error:
        raise BackupDamaged(f"{file} is no backup of Kulanz, or not all of it is there") from error


def _write(
    out: IO[bytes], connection: psycopg.Connection, snapshot: str, owner_url: str, keyring: Keyring, now: datetime
) -> Manifest:
    in_use = kids_everywhere(connection, wiring.WRAPPED)
    _check_configured(in_use, keyring, KeysMissing)
    with zipfile.ZipFile(out, "w") as archive:
        with archive.open(DUMP, "w", force_zip64=True) as member:
            digest = _dump(_program("pg_dump", connection), owner_url, snapshot, member)
        manifest = Manifest(
            format=FORMAT,
            version=__version__,
            schema=_schema(connection),
            made_at=now.isoformat(timespec="seconds"),
            tables=_counts(connection),
            dump_sha256=digest,
            key_id=keyring.current,
            key_check=base64.b64encode(keyring.wrap(os.urandom(32), _KEY_CHECK)).decode(),
            keys_in_use=in_use,
        )
        archive.writestr(MANIFEST, json.dumps(asdict(manifest), indent=1))
    return manifest


@contextmanager
def _snapshot(owner_url: str) -> Iterator[tuple[psycopg.Connection, str]]:
    """A transaction that sees one moment, and the name by which pg_dump sees the same."""
    with migrate.connect(owner_url) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        row = connection.execute("SELECT pg_export_snapshot()").fetchone()
        if row is None:
            raise ToolFailed("PostgreSQL gave no snapshot")
        yield connection, row[0]


def _dump(program: Path, owner_url: str, snapshot: str, out: IO[bytes]) -> str:
    """Stream the dump; its SHA-256."""
    digest = hashlib.sha256()
    options = ["--format=custom", "--no-owner", f"--snapshot={snapshot}", "--lock-wait-timeout=60s"]
    with _tool(program, owner_url, options) as process:
        while chunk := _pipe(process.stdout).read(_CHUNK):
            digest.update(chunk)
            out.write(chunk)
    return digest.hexdigest()


def _load(program: Path, owner_url: str, file: Path) -> None:
    options = ["--single-transaction", "--exit-on-error", "--no-owner"]
    with (
        zipfile.ZipFile(file) as archive,
        archive.open(DUMP) as member,
        _tool(program, owner_url, options) as process,
        suppress(BrokenPipeError),  # the tool gave up; its status and words follow
        _pipe(process.stdin) as sink,
    ):
        shutil.copyfileobj(member, sink, _CHUNK)


@contextmanager
def _tool(program: Path, owner_url: str, options: list[str]) -> Iterator["subprocess.Popen[bytes]"]:
    """PostgreSQL's tool with its pipes. Raises `ToolFailed` with its last words."""
    parameters = conninfo_to_dict(migrate.libpq_url(owner_url))
    password = str(parameters.pop("password", "") or "")
    env = {**os.environ, **({"PGPASSWORD": password} if password else {})}  # not for the list of processes
    command = [str(program), *options, f"--dbname={make_conninfo('', **parameters)}"]
    with subprocess.Popen(  # noqa: S603 - our own command line
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env
    ) as process:
        words: deque[bytes] = deque(maxlen=_LAST_WORDS)
        # Read beside the data: a tool that warns a lot would otherwise wait for us to listen while we wait for data.
        listener = threading.Thread(target=words.extend, args=(_pipe(process.stderr),), daemon=True)
        listener.start()
        yield process
        for pipe in (process.stdin, process.stdout):
            _pipe(pipe).close()
        listener.join()
    if process.returncode:
        raise ToolFailed(f"{program.name} failed: {b''.join(words).decode(errors='replace').strip()[-800:]}")


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise RuntimeError("a pipe was asked for")
    return pipe


def _program(name: str, connection: psycopg.Connection) -> Path:
    """A tool that is no older than the server and speaks its way: the wheel's knows no TLS, the machine's may be old."""
    major = connection.info.server_version // 10_000
    candidates = [Path(found)] if (found := shutil.which(name)) else []
    if not connection.pgconn.ssl_in_use:
        with suppress(PlaceUnusable):  # there is not a wheel for every machine
            candidates.insert(0, postgres_folder(Place(Path(), None)) / name)
    for candidate in candidates:
        told = subprocess.run([candidate, "--version"], capture_output=True, text=True, check=False)  # noqa: S603 - as above
        if told.returncode == 0 and int(told.stdout.split()[2].split(".")[0]) >= major:
            return candidate
    raise ToolFailed(f"{name} {major} or newer is needed and was not found; install postgresql-client-{major}")


def _schema(connection: psycopg.Connection) -> str:
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    if row is None:
        raise ToolFailed("the database was never migrated")
    return str(row[0])


def _tables(connection: psycopg.Connection) -> list[str]:
    """Tables that hold rows, outside of extensions."""
    rows = connection.execute(
        """
        SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
          AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
        ORDER BY 1
        """,
    )
    return [row[0] for row in rows]


def _counts(connection: psycopg.Connection) -> dict[str, int]:
    counts = {}
    for table in _tables(connection):
        query = sql.SQL(f"SELECT count(*) FROM {table}")  # noqa: S608 - the name comes quoted from PostgreSQL
        counts[table] = connection.execute(query).fetchall()[0][0]
    return counts


def _differences(expected: Mapping[str, int], found: Mapping[str, int]) -> str:
    names = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
    return ", ".join(f"{name} {expected.get(name)} → {found.get(name)}" for name in names)


def _check_whole(file: Path, manifest: Manifest) -> None:
    digest = hashlib.sha256()
    try:
        with zipfile.ZipFile(file) as archive, archive.open(DUMP) as member:
            while chunk := member.read(_CHUNK):
                digest.update(chunk)
    except (zipfile.BadZipFile, KeyError, EOFError) as error:
        raise BackupDamaged(f"{file} is damaged: {error}") from error
    if digest.hexdigest() != manifest.dump_sha256:
        raise BackupDamaged(f"{file} is damaged: the checksum of {DUMP} differs")


def _check_schema(manifest: Manifest) -> None:
    script = ScriptDirectory.from_config(migrate.alembic_config(""))
    if manifest.schema not in {revision.revision for revision in script.walk_revisions()}:
        raise BackupTooNew(f"made by Kulanz {manifest.version} with schema {manifest.schema}; this is {__version__}")


def _check_keys(manifest: Manifest, keyring: Keyring) -> None:
    try:
        keyring.unwrap(base64.b64decode(manifest.key_check), _KEY_CHECK)
    except (KeyUnknown, Tampered) as error:
        raise KeysDoNotFit(
            f"set KULANZ_MASTER_KEYS to the keys of the installation the backup was made of ({manifest.key_id})",
        ) from error

    _check_configured(manifest.keys_in_use, keyring, KeysDoNotFit)


def _check_configured(in_use: Sequence[str], keyring: Keyring, problem: type[GatewayError]) -> None:
    """A copy whose keys are not all at hand is no copy of the personal data."""
    if missing := [kid for kid in in_use if kid not in keyring.kids]:
        raise problem(f"add to KULANZ_MASTER_KEYS: {', '.join(missing)}; configured: {', '.join(keyring.kids)}")


def _check_empty(connection: psycopg.Connection) -> None:
    if tables := _tables(connection):
        raise DatabaseNotEmpty(f"it holds {len(tables)} tables, {tables[0]} among them", tables=len(tables))


def _private(path: Path) -> IO[bytes]:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")
