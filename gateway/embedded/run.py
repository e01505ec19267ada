"""The command `kulanz run`: servers, schema, a demo merchant, web and worker, started and ended as one."""

import errno
import json
import os
import shlex
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from types import FrameType
from typing import Never

import click
import psycopg
from sqlalchemy.exc import SQLAlchemyError

from gateway import config, migrate
from gateway.core.db import WEB_ROLE, WORKER_ROLE
from gateway.core.errors import GatewayError
from gateway.embedded.children import Child, ChildFailed, Task
from gateway.embedded.engines import Addresses, Engines, StartTimeout
from gateway.embedded.environment import SANDBOX_URL, completed, given, secrets

Seed = Callable[[config.Settings, Mapping[str, str]], Mapping[str, str]]
"""Makes the demo merchant, or finds it. Takes what it returned on the last start (empty on the first) and returns
`api_key`, `admin_login`, `admin_password` and `example` (JSON of a decision request); kept in a private file."""
READY_TIMEOUT_S = 60.0
_TICK_S = 0.2
_DEMO = "demo"
_KULANZ = (sys.executable, "-c", "from gateway.cli import run; run()")
_SANDBOX = (sys.executable, "-m", "gateway.demo.sandbox")
_GUNICORN = (sys.executable, "-m", "gunicorn", "-c", "python:gateway.gunicorn_conf")


class PortTaken(GatewayError):
    """Another program uses the port."""

    status = 409


class SchemaOld(GatewayError):
    """The database needs a migration."""

    status = 503


class _Stop(BaseException):
    """We were asked to end."""


def command(seed: Seed | None = None) -> click.Command:
    """The click command; `seed` makes the demo merchant."""

    @click.command("run")
    @click.option("--demo/--no-demo", default=True, help="Make a demo merchant and print its key.")
    @click.option("--stop-with-parent", is_flag=True, help="End when the process that started us ends.")
    def run(*, demo: bool, stop_with_parent: bool) -> None:
        """Run everything on this machine: servers, schema, web and worker, until Ctrl-C.

        DATABASE_URL and REDIS_URL name real servers to use instead of the embedded ones.
        """
        parent = os.getppid() if stop_with_parent else None
        try:
            with _asked_to_stop():
                House(os.environ, parent).live(seed if demo else None)
        except (GatewayError, config.SettingMissing) as error:
            raise click.ClickException(str(error)) from error
        except (psycopg.Error, SQLAlchemyError) as error:
            raise click.ClickException(migrate.complaint(error)) from error

    return run


@dataclass(slots=True)
class House:
    """Everything that runs under one command."""

    env: Mapping[str, str]
    parent: int | None
    """The process to end with; None: with none."""
    children: list[Child] = field(default_factory=list)
    _began: float = field(default_factory=time.monotonic)

    def live(self, seed: Seed | None) -> None:
        """Start, say where, tend, and end in order: web, worker, servers. Returns when asked to stop."""
        settings = config.load(self.env)
        engines = Engines(settings.data_dir)
        try:
            engines.claim()
            with _listening(settings.host, settings.port) as door, _sandbox(settings, wanted=seed is not None) as side:
                self._start(engines, Doors(door, side), seed)
                while self.parent in (None, os.getppid()):
                    self._tend(engines)
                    time.sleep(_TICK_S)
        except _Stop:
            pass
        finally:
            self._end(engines)

    def _start(self, engines: Engines, doors: "Doors", seed: Seed | None) -> None:
        kept = secrets(self.env, engines.place, fresh=_fresh(self.env))
        addresses = engines.start(without=given(self.env)) if len(given(self.env)) < 2 else None
        told = {**kept, "KULANZ_DATA_DIR": str(engines.place.path), **doors.told}
        env = completed({**self.env, **told}, addresses, WEB_ROLE)
        settings = config.load(env)
        _bring_up_to_date(settings, env)
        env.pop("DATABASE_OWNER_URL", None)  # web and worker have no use for it
        self._start_children(engines, doors, env)
        shown = _seeded(engines, settings, seed) if seed else {}  # while the web server loads
        self._await_web(settings)
        self._start_worker(engines, env, addresses)
        engines.announce(state="ready", url=settings.public_url, sandbox=settings.sandbox_url)
        _say(_welcome(settings, shown, engines, time.monotonic() - self._began))

    def _start_children(self, engines: Engines, doors: "Doors", env: Mapping[str, str]) -> None:
        web = (*_GUNICORN, "--bind", f"fd://{doors.web.fileno()}", "gateway.app:create_app()")
        log, held = engines.place.log, (engines.family_fd,)
        tasks = [Task("web", web, log("web"), env=env, pass_fds=(*held, doors.web.fileno()), cwd=None)]
        if doors.sandbox is not None:
            number = doors.sandbox.fileno()
            command = (*_SANDBOX, "--fd", str(number))
            tasks.insert(0, Task("sandbox", command, log("sandbox"), pass_fds=(*held, number), cwd=None))
        for task in tasks:
            self._start_child(task)

    def _start_worker(self, engines: Engines, env: Mapping[str, str], addresses: Addresses | None) -> None:
        """After the web server: whoever waits for the first answer does not wait for both to load."""
        worker_env = completed({**env, "DATABASE_URL": self.env.get("DATABASE_URL", "")}, addresses, WORKER_ROLE)
        command, log = (*_KULANZ, "worker"), engines.place.log("worker")
        self._start_child(
            Task("worker", command, log, env=worker_env, pass_fds=(engines.family_fd,), cwd=None), place=0
        )

    def _start_child(self, task: Task, place: int | None = None) -> None:
        """`place` in the list, from whose end they are stopped."""
        child = Child(task)
        self.children.insert(len(self.children) if place is None else place, child)
        child.start()

    def _await_web(self, settings: config.Settings) -> None:
        deadline = time.monotonic() + READY_TIMEOUT_S
        while not _healthy(settings.host, settings.port):
            for child in self.children:
                if not child.running:
                    raise ChildFailed(f"{child.task.name} did not start, {child.last_words(40)}")
            if time.monotonic() > deadline:
                raise StartTimeout(f"the web server does not answer, {self.children[-1].last_words()}")
            time.sleep(0.05)

    def _tend(self, engines: Engines) -> None:
        engines.tend()
        for child in self.children:
            if child.tend():
                _say(f"{child.task.name} had ended and was started again; see {child.task.log}")

    def _end(self, engines: Engines) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)  # we are at it
        if self.children:
            engines.announce(state="stopping")
            _say("\nStopping.")
        while self.children:
            self.children.pop().stop()
        engines.stop()


@dataclass(frozen=True, slots=True)
class Doors:
    """The sockets we listen on: the web server's, and the sandbox's where one is started."""

    web: socket.socket
    sandbox: socket.socket | None

    @property
    def told(self) -> dict[str, str]:
        """What the other children must know."""
        if self.sandbox is None:
            return {}
        return {SANDBOX_URL: f"http://127.0.0.1:{self.sandbox.getsockname()[1]}"}


@contextmanager
def _asked_to_stop() -> Iterator[None]:
    """Ctrl-C, a polite kill and a closed terminal all mean: end in order."""

    def stop(_number: int, _frame: FrameType | None) -> Never:
        raise _Stop

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    with suppress(_Stop):
        yield


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    """The listening socket, opened before anything is started and handed to gunicorn. Raises `PortTaken`."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise PortTaken(f"KULANZ_HOST={host} is no address of this machine: {error.strerror}") from error
    with socket.socket(family, kind, protocol) as door:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            door.bind(address)
            door.listen(2048)
        except OSError as error:
            raise PortTaken(_why_not(error, host, port), host=host, port=port) from error
        yield door


@contextmanager
def _sandbox(settings: config.Settings, *, wanted: bool) -> Iterator[socket.socket | None]:
    """The sandbox's socket, next to the web server's port where that is free; None where one runs already."""
    if not wanted or settings.sandbox_url:
        yield None
        return
    with socket.socket() as door:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            door.bind(("127.0.0.1", settings.port + 1))
        except (OSError, OverflowError):
            door.bind(("127.0.0.1", 0))
        door.listen(64)
        yield door


def _why_not(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} on {host} is taken by another program; stop it or choose another: PORT={port + 1} make run"
    if error.errno == errno.EACCES:
        return f"port {port} is reserved for root; choose one above 1023: PORT=8000 make run"
    return f"cannot listen on {host}:{port} (KULANZ_HOST, PORT): {error.strerror}"


def _bring_up_to_date(settings: config.Settings, env: Mapping[str, str]) -> None:
    """Migrate where we may: the embedded database, or with an owner's login."""
    if env.get("DATABASE_OWNER_URL"):
        migrate.upgrade(settings.database_owner_url, runtime_url=settings.database_url)
    elif migrate.current_revision(settings.database_url) != migrate.head_revision():
        raise SchemaOld("run `kulanz migrate` with DATABASE_OWNER_URL set, or set it for `kulanz run`")


def _fresh(env: Mapping[str, str]) -> bool | None:
    """Whether the operator's own database was never migrated; None where it is the embedded one."""
    owner_url = config.load(env).database_owner_url
    return migrate.current_revision(owner_url) is None if owner_url else None


def _seeded(engines: Engines, settings: config.Settings, seed: Seed) -> Mapping[str, str]:
    known = engines.place.recall(_DEMO)
    shown = seed(settings, known)
    if shown != known:
        engines.place.remember(_DEMO, shown)
    return shown


def _healthy(host: str, port: int) -> bool:
    connection = HTTPConnection(_reachable(host), port, timeout=5)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _reachable(host: str) -> str:
    """An address to ask ourselves at: 0.0.0.0 is one to listen on only."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - a key to look up


def _welcome(settings: config.Settings, shown: Mapping[str, str], engines: Engines, took_s: float) -> str:
    url = settings.public_url
    rows = [("API", f"{url}/v1"), ("Reference", f"{url}/docs"), ("Demo shop", f"{url}/demo")]
    if shown:
        rows.append(
            ("After the sale", f"{url}/demo/mailbox   a night passes, letters leave, debtors answer, money comes")
        )
    rows.append(("Admin", f"{url}/admin"))
    if "admin_login" in shown:
        rows.append(("  sign in as", f"{shown['admin_login']}   {shown['admin_password']}"))
    if settings.sandbox_url:
        rows.append(("Sandbox", f"{settings.sandbox_url}   an invented credit bureau, see docs/bureau.md"))
    if "api_key" in shown:
        rows.append(("Key", shown["api_key"]))
    rows += [("Data", str(engines.place.path)), ("Logs", str(engines.place.path / "log"))]
    table = "\n".join(f"  {name:<16}{value}" for name, value in rows)
    return f"\nKulanz is ready ({took_s:.1f} s). Ctrl-C stops everything.\n\n{table}\n{_curl(settings, shown)}"


def _curl(settings: config.Settings, shown: Mapping[str, str]) -> str:
    """One line that works as pasted, in any shell."""
    if not {"api_key", "example"} <= shown.keys():
        return ""
    base = f"http://{_reachable(settings.host)}:{settings.port}"
    body = shlex.quote(json.dumps(json.loads(shown["example"]), separators=(",", ":"), ensure_ascii=False))
    headers = f"-H 'Authorization: Bearer {shown['api_key']}' -H 'Content-Type: application/json'"
    key = '-H "Idempotency-Key: try-$(date +%s)"'
    return f"\nAsk for a decision:\n\ncurl -sS {base}/v1/decisions {headers} {key} -d {body}\n"


def _say(text: str) -> None:
    with suppress(OSError):  # whoever read our output may be gone; that must not keep us from ending in order
        click.echo(text)
