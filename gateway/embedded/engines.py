"""Both servers of one data folder behind one lock: the first process starts them, others attach."""

import fcntl
import os
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import IO

from gateway.core.errors import GatewayError
from gateway.embedded import postgres, valkey
from gateway.embedded.children import Child, ChildFailed, Task
from gateway.embedded.place import Place, settle, socket_folder

PATIENCE_S = 2.0
"""How long a process that wants the folder for itself watches whether its owner is stopping."""
_TICK_S = 0.02


class InUse(GatewayError):
    """Another process runs the servers of this data folder."""

    status = 409


class StartTimeout(GatewayError):
    """The embedded servers did not answer in time."""

    status = 503


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the servers are. `owner` tells whether they end with this process."""

    sockets: Path
    owner: bool

    @property
    def database_owner_url(self) -> str:
        """The database as the role that owns its tables: for migrations and backups."""
        return postgres.postgres_url(self.sockets)

    def database_url_for(self, role: str) -> str:
        """The database as an unprivileged role."""
        return postgres.postgres_url(self.sockets, role)

    @property
    def redis_url(self) -> str:
        return valkey.redis_url(self.sockets)


class Engines:
    """PostgreSQL and Valkey in a data folder. Use it in the main thread, as a context manager or with start and stop.

    `postgres` and `valkey` are settings that win over ours.
    """

    def __init__(
        self,
        folder: Path | str,
        *,
        postgres: Mapping[str, str] | None = None,
        valkey: Mapping[str, str] | None = None,
    ) -> None:
        self._folder = Path(folder)
        self._settings = (postgres or {}, valkey or {})
        self._place: Place | None = None
        self._lock: IO[str] | None = None
        self._family: IO[str] | None = None
        self._children: list[Child] = []

    def __enter__(self) -> Addresses:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def place(self) -> Place:
        """The settled folder, also before the start."""
        if self._place is None:
            self._place = settle(self._folder)
        return self._place

    @property
    def family_fd(self) -> int:
        """A descriptor to hand to every child: as long as one lives, the next start waits for it."""
        if self._family is None:
            raise RuntimeError("only the process that runs the servers has children")
        return self._family.fileno()

    def claim(self, *, timeout_s: float = 120) -> None:
        """Take the folder for ourselves and wait until nothing of an earlier run lives. Raises `InUse`."""
        deadline = time.monotonic() + timeout_s
        patience_ends = time.monotonic() + PATIENCE_S
        while not self._take_lock():
            state = self.place.recall("engines")
            if state.get("state") != "stopping" and time.monotonic() > patience_ends:
                raise InUse(f"Kulanz already runs from {self.place.path}, {_described(state)}", **state)
            _wait(deadline, f"{self.place.path}, {_described(state)}")
        self._outlive_the_last_run(deadline)

    def start(self, *, without: Collection[str] = (), timeout_s: float = 120) -> Addresses:
        """Start the servers, or find those another process runs. `without` names servers that are not wanted.

        Raises `PlaceUnusable`, `ChildFailed` or `StartTimeout`; nothing is left running then.
        """
        deadline = time.monotonic() + timeout_s
        while self._lock is None and not self._take_lock():
            state = self.place.recall("engines")
            if found := _attached(state, without):
                return found
            _wait(deadline, f"servers of another process in {self.place.path}, {_described(state)}")
        try:
            return self._start(without, deadline)
        except BaseException:
            self.stop()
            raise

    def tend(self) -> None:
        """Restart what has crashed. Raises `ChildFailed` for what does not stay up."""
        for child in self._children:
            child.tend()

    def announce(self, **facts: str) -> None:
        """Leave word for other processes that look at this folder."""
        known = self.place.recall("engines")
        self.place.remember("engines", {**known, "pid": str(os.getpid()), **facts})

    def stop(self) -> None:
        """End the servers we started; attached processes just let go."""
        if self._lock is None:
            return
        if self._children:
            self.announce(state="stopping")
        for child in self._children:
            child.stop()
        self._children.clear()
        self.place.forget("engines")
        for file in (self._family, self._lock):
            if file:
                file.close()
        self._family = self._lock = None

    def _take_lock(self) -> bool:
        self._lock = _try_lock(self.place.file("lock"))
        return self._lock is not None

    def _start(self, without: Collection[str], deadline: float) -> Addresses:
        place = self.place
        self._outlive_the_last_run(deadline)
        self.announce(state="starting")
        sockets = socket_folder(place)
        cache = None if valkey.NAME in without else valkey.Valkey(place, sockets, self._settings[1])
        database = None if postgres.NAME in without else postgres.Postgres(place, sockets, self._settings[0])
        if cache:
            self._run(cache.prepare())  # loads while initdb runs
        if database:
            self._run(database.prepare())
            self._await(database, deadline)
            database.complete()
        if cache:
            self._await_cache(cache, deadline)
        self.announce(state="ready", sockets=str(sockets))
        return Addresses(sockets, owner=True)

    def _outlive_the_last_run(self, deadline: float) -> None:
        """Children of a killed run hold this lock until they have ended: their sockets and files are theirs so long."""
        if self._family is None:
            self.place.forget("engines")
        path = self.place.file("children.lock")
        while self._family is None:
            self._family = _try_lock(path)
            if self._family is None:
                _wait(deadline, f"processes of an earlier run in {self.place.path} to end")

    def _run(self, task: Task) -> Child:
        child = Child(replace(task, pass_fds=(*task.pass_fds, self.family_fd)))
        child.start()
        self._children.append(child)
        return child

    def _await_cache(self, cache: valkey.Valkey, deadline: float) -> None:
        try:
            self._await(cache, deadline)
        except ChildFailed:
            self._drop(cache.name)
            cache.set_aside()
            self._run(cache.prepare())
            self._await(cache, deadline)

    def _await(self, server: "postgres.Postgres | valkey.Valkey", deadline: float) -> None:
        child = next(child for child in self._children if child.task.name == server.name)
        while not server.answers():
            if not child.running:
                raise ChildFailed(f"{server.name} did not start, {child.last_words()}")
            _wait(deadline, f"{server.name}, {child.last_words()}")

    def _drop(self, name: str) -> None:
        self._children = [child for child in self._children if child.task.name != name]


def _try_lock(path: Path) -> IO[str] | None:
    file = path.open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


def _attached(state: Mapping[str, str], without: Collection[str]) -> Addresses | None:
    if state.get("state") != "ready" or "sockets" not in state:
        return None
    sockets = Path(state["sockets"])
    answers = {postgres.NAME: postgres.answers, valkey.NAME: valkey.answers}
    present = all(answer(sockets) for name, answer in answers.items() if name not in without)
    return Addresses(sockets, owner=False) if present else None


def _described(state: Mapping[str, str]) -> str:
    where = f" at {state['url']}" if "url" in state else ""
    return f"process {state.get('pid', 'of unknown id')}{where}"


def _wait(deadline: float, what: str) -> None:
    if time.monotonic() > deadline:
        raise StartTimeout(f"waited too long for {what}")
    time.sleep(_TICK_S)
