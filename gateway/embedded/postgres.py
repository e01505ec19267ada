"""PostgreSQL as a child: a cluster made whole or not at all, peer authentication, private socket, roles and database."""

import os
import shutil
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from urllib.parse import quote

import psycopg
from psycopg import sql

from gateway.core.db import RUNTIME_ROLES
from gateway.embedded.binaries import postgres_folder, postgres_major
from gateway.embedded.children import HAS_PDEATHSIG, Task
from gateway.embedded.place import Place, PlaceUnusable, our_name

NAME = "postgres"
DATABASE = "kulanz"
OWNER = "postgres"
SETTINGS = MappingProxyType(
    {
        "listen_addresses": "",  # the socket is the only way in
        "unix_socket_permissions": "0700",
        "max_connections": "100",
        "shared_buffers": "256MB",  # these five suit two cores and a few GB of memory
        "work_mem": "8MB",
        "max_wal_size": "1GB",
        "checkpoint_timeout": "15min",
        "random_page_cost": "1.1",
        "wal_compression": "on",
        "fsync": "on",
        "synchronous_commit": "on",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_line_prefix": "%m [%p] %q%u@%d ",
        "log_error_verbosity": "terse",  # DETAIL quotes rows, and rows hold names and addresses
        "log_min_error_statement": "panic",  # so do statements
    },
)
_MAP = "kulanz"
_PORT = "5432"


class Postgres:
    """The PostgreSQL of one place."""

    name = NAME

    def __init__(self, place: Place, sockets: Path, settings: Mapping[str, str]) -> None:
        self.place = place
        self.sockets = sockets
        self.settings = {**SETTINGS, **settings}
        self.data = place.path / "pg"

    def url(self, role: str = OWNER, database: str = DATABASE) -> str:
        """Where this role finds this database."""
        return postgres_url(self.sockets, role, database)

    def prepare(self) -> Task:
        """Make what is missing, clear away what a crash left, and say how to start."""
        programs = postgres_folder(self.place)
        if not (self.data / "PG_VERSION").exists():
            self._create(programs)
        self._check_version()
        self._write_access()
        self._clear_leftovers()
        options = [part for name, value in self.settings.items() for part in ("-c", f"{name}={value}")]
        command = (str(programs / "postgres"), "-D", str(self.data), "-k", str(self.sockets), *options)
        return Task(
            name=NAME,
            command=command,
            log=self.place.log(NAME),
            account=self.place.account,
            stop_signal=signal.SIGINT,  # "fast": open transactions are rolled back, then a checkpoint
            last_signal=signal.SIGQUIT,  # "immediate": recovery on the next start
            stop_timeout_s=60,
        )

    def answers(self) -> bool:
        return answers(self.sockets)

    def complete(self) -> None:
        """The database and the logins of the runtime, where they are missing."""
        with psycopg.connect(self.url(database=OWNER), autocommit=True, connect_timeout=5) as connection:
            can_login: dict[str, bool] = dict(
                connection.execute("SELECT rolname, rolcanlogin FROM pg_roles").fetchall()
            )
            for role in RUNTIME_ROLES:
                verb = "ALTER" if role in can_login else "CREATE"
                if not can_login.get(role):
                    connection.execute(sql.SQL(f"{verb} ROLE {{}} LOGIN").format(sql.Identifier(role)))
            found = connection.execute("SELECT FROM pg_database WHERE datname = %s", (DATABASE,))
            if not found.rowcount:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))

    def _create(self, programs: Path) -> None:
        """A new cluster under another name first: a half-made one never stands where the data belongs."""
        draft = self.place.path / "pg.new"
        shutil.rmtree(draft, ignore_errors=True)
        self.place.folder("pg.new")
        locale = ("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
        access = (f"--username={OWNER}", "--auth-local=peer", "--auth-host=reject")
        sync = ("--no-sync",) if self.settings["fsync"] == "off" else ()
        command = (str(programs / "initdb"), f"--pgdata={draft}", "--no-instructions", *locale, *access, *sync)
        done = subprocess.run(  # noqa: S603 - our own binary
            command, cwd="/", capture_output=True, text=True, check=False, **self.place.as_popen()
        )
        if done.returncode:
            raise PlaceUnusable(f"initdb failed in {self.place.path}: {(done.stderr or done.stdout).strip()[-800:]}")
        draft.rename(self.data)

    def _check_version(self) -> None:
        found, ours = (self.data / "PG_VERSION").read_text().strip(), postgres_major()
        if found != ours:
            raise PlaceUnusable(
                f"{self.data} was written by PostgreSQL {found}, this program brings {ours}; back up with the version "
                "before and restore into a new data folder (docs/operations.md, Upgrade)",
            )

    def _write_access(self) -> None:
        """Operating system accounts and the roles each may take. There are no passwords and no trust."""
        accounts = {our_name(), "root"}
        if self.place.account and self.place.account.name != "nobody":
            accounts.add(self.place.account.name)
        roles = (OWNER, *RUNTIME_ROLES)
        lines = [f'{_MAP} "{account}" {role}' for account in sorted(accounts) for role in roles]
        self._write("pg_ident.conf", "\n".join(lines))
        self._write("pg_hba.conf", f"local all all peer map={_MAP}")

    def _write(self, name: str, text: str) -> None:
        draft = self.data / f"{name}.new"
        draft.write_text(f"# written at each start\n{text}\n")
        if self.place.account:
            os.chown(draft, self.place.account.uid, self.place.account.gid)
        draft.rename(self.data / name)

    def _clear_leftovers(self) -> None:
        """After kill -9 or a power cut the pid file may name any process. No server of ours runs: we hold the locks."""
        note = self.data / "postmaster.pid"
        if note.exists():
            pid = note.read_text().split("\n", 1)[0].strip()
            if _works_in(pid, self.data):
                raise PlaceUnusable(
                    f"process {pid} is a PostgreSQL on {self.data} that we did not start; stop it first"
                )
            note.unlink()
        for name in (f".s.PGSQL.{_PORT}.lock", f".s.PGSQL.{_PORT}"):
            (self.sockets / name).unlink(missing_ok=True)


def postgres_url(sockets: Path, role: str = OWNER, database: str = DATABASE) -> str:
    return f"postgresql://{role}@/{database}?host={quote(str(sockets))}"


def answers(sockets: Path) -> bool:
    """Whether a server takes connections here (one in recovery refuses them)."""
    try:
        psycopg.connect(postgres_url(sockets, database=OWNER), connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True


def _works_in(pid: str, data: Path) -> bool:
    """Whether this process is a PostgreSQL server on this folder (it makes it its working folder)."""
    if HAS_PDEATHSIG:
        try:
            return Path(f"/proc/{pid}/cwd").readlink() == data
        except OSError:
            return False
    told = subprocess.run(["/bin/ps", "-o", "command=", "-p", pid], capture_output=True, text=True, check=False)  # noqa: S603 - fixed command
    return str(data) in told.stdout
