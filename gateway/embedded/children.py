"""Processes that end with us, however we end, and that are started again when they end by themselves."""

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from gateway.core.errors import GatewayError
from gateway.embedded.place import Account

PAUSES_S = (0.2, 1.0, 2.0, 5.0, 10.0)
"""Waits before the restarts; when they are used up, the child is given up."""
STEADY_S = 60.0
"""Who ran this long starts over with the first pause."""
HAS_PDEATHSIG = sys.platform == "linux"
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if HAS_PDEATHSIG else None


class ChildFailed(GatewayError):
    """A part of the service does not stay up."""

    status = 503


@dataclass(frozen=True, slots=True)
class Task:
    """How to run one child."""

    name: str
    command: tuple[str, ...]
    log: Path
    account: Account | None = None
    env: Mapping[str, str] | None = None
    """None: our own environment."""
    pass_fds: tuple[int, ...] = ()
    """Descriptors that the child keeps open; one of them may carry the lock by which a next start knows it lives."""
    stop_signal: signal.Signals = signal.SIGTERM
    last_signal: signal.Signals = signal.SIGKILL
    stop_timeout_s: float = 40.0
    cwd: str | None = "/"


@dataclass(slots=True)
class Child:
    """One running task. Start it in the main thread: Linux ends children with the thread that made them."""

    task: Task
    process: "subprocess.Popen[bytes] | None" = None
    failures: int = 0
    _started_at: float = 0.0
    _restart_at: float | None = None
    _lifeline: IO[bytes] | None = field(default=None, repr=False)

    def start(self) -> None:
        """Start the program once."""
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("children are started by the main thread, whose end is theirs too")
        self._started_at, self._restart_at = time.monotonic(), None
        with self.task.log.open("ab") as log:
            if HAS_PDEATHSIG:
                self.process = _start_bound(self.task, log)
            else:
                self.process, self._lifeline = start_kept(self.task, log)

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def tend(self) -> bool:
        """Start again what has ended, after a pause; True when it was started. Raises `ChildFailed` in the end."""
        if self.running:
            return False
        now = time.monotonic()
        if self._restart_at is None:
            self._restart_at = now + self._next_pause(now)
        if now < self._restart_at:
            return False
        self.start()
        return True

    def _next_pause(self, now: float) -> float:
        if now - self._started_at > STEADY_S:
            self.failures = 0
        if self.failures == len(PAUSES_S):
            raise ChildFailed(f"{self.task.name} ended {self.failures + 1} times, {self.last_words()}")
        self.failures += 1
        return PAUSES_S[self.failures - 1]

    def stop(self) -> None:
        """End the program: politely, and by force when its time is over."""
        if self.process is None:
            return
        for number, timeout_s in ((self.task.stop_signal, self.task.stop_timeout_s), (self.task.last_signal, 10.0)):
            if self.process.poll() is not None:
                break
            self.process.send_signal(number)
            try:
                self.process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                continue
        if self._lifeline:
            self._lifeline.close()

    def last_words(self, lines: int = 12) -> str:
        """The end of the log, for a message to the operator."""
        text = self.task.log.read_text(errors="replace").splitlines()[-lines:]
        return f"the end of {self.task.log}:\n" + "\n".join(f"  {line}" for line in text)


def _start_bound(task: Task, log: IO[bytes]) -> "subprocess.Popen[bytes]":
    """A direct child that the kernel signals when we are gone."""
    account = task.account.as_popen() if task.account else {}
    bind = _binding(task.stop_signal)
    return subprocess.Popen(  # noqa: S603 - our own command lines
        task.command,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        env=task.env,
        cwd=task.cwd,
        pass_fds=task.pass_fds,
        start_new_session=True,  # Ctrl-C in the terminal is for us alone; we stop them in order
        preexec_fn=bind,  # noqa: PLW1509 - two system calls; it must run after the change of account
        **account,
    )


def _binding(number: signal.Signals) -> Callable[[], None]:
    parent = os.getpid()

    def bind() -> None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)  # type: ignore[union-attr]
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        if os.getppid() != parent:  # we died between fork and here
            os.kill(os.getpid(), signal.SIGKILL)

    return bind


def start_kept(task: Task, log: IO[bytes]) -> "tuple[subprocess.Popen[bytes], IO[bytes]]":
    """The program below a keeper that watches a pipe, and our end of the pipe: keep it open."""
    uid, gid = (task.account.uid, task.account.gid) if task.account else (-1, -1)
    keeper = (sys.executable, "-I", "-S", str(Path(__file__).with_name("keeper.py")))
    process = subprocess.Popen(  # noqa: S603 - our own command lines
        (*keeper, str(int(task.stop_signal)), str(uid), str(gid), *task.command),
        stdin=subprocess.PIPE,
        stdout=log,
        stderr=log,
        env=task.env,
        cwd=task.cwd,
        pass_fds=task.pass_fds,
        start_new_session=True,
    )
    if process.stdin is None:
        raise RuntimeError("a pipe was asked for")
    return process, process.stdin
