"""What tests of servers need: a folder other accounts can enter, programs in processes of their own, and waiting."""

import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]

ENGINES = """
import json, sys
from gateway.embedded import Engines
engines = Engines(sys.argv[1])
addresses = engines.start()
pids = {child.task.name: child.process.pid for child in engines._children}
place = str(engines.place.path)
print(json.dumps({"url": addresses.database_owner_url, "web": addresses.database_url_for("kulanz_web"),
                  "owner": addresses.owner, "pids": pids, "place": place}), flush=True)
sys.stdin.read()
engines.stop()
"""
"""Starts the servers in the folder it is told, says where they are, and stops them when its input closes."""


@contextmanager
def open_folder() -> Iterator[Path]:
    """A folder below the system's for temporary files that any account may pass through."""
    folder = Path(tempfile.mkdtemp(prefix="kulanz-test-"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        wait_until(lambda: _removed(folder))  # servers of a killed test still put their things away


def _removed(folder: Path) -> bool:
    shutil.rmtree(folder, ignore_errors=True)
    return not folder.exists()


@contextmanager
def python(*arguments: str, interpreter: str = sys.executable, **options) -> Iterator[subprocess.Popen]:
    """A Python program with our packages in a process of its own; killed at the end if it still runs."""
    packages = next(path for path in sys.path if path.endswith("site-packages"))
    env = {**os.environ, **options.pop("env", {}), "PYTHONPATH": f"{PROJECT}:{packages}"}
    process = subprocess.Popen(
        [interpreter, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=env,
        **{"cwd": "/", **options},
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            stream.close()


@contextmanager
def engines(folder: Path, **options) -> Iterator[tuple[subprocess.Popen, dict]]:
    """A process that has started the servers of a folder (or attached to them), and what it said."""
    with python("-c", ENGINES, str(folder), **options) as process:
        line = process.stdout.readline()
        yield process, json.loads(line or json.dumps({"error": process.stderr.read()}))


def end(process: subprocess.Popen) -> int:
    """Close its input and wait."""
    process.stdin.close()
    return process.wait(60)


def alive(pid: int) -> bool:
    """Whether a process runs; a dead one that nobody has fetched yet does not count."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until(what: Callable[[], bool], timeout_s: float = 20) -> None:
    deadline = time.monotonic() + timeout_s
    while not what():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)


def normal_account(modules: str) -> tuple[str, str] | None:
    """An account without rights and an interpreter it may run with these modules; None where there is no such pair."""
    names = [name for name in ("kulanz-test", "daemon", "games") if name in {entry.pw_name for entry in pwd.getpwall()}]
    own = f"python3.{sys.version_info.minor}"
    for interpreter in (sys.executable, f"/usr/bin/{own}", f"/usr/local/bin/{own}"):
        for name in names:
            if _runs_for(name, interpreter, modules):
                return name, interpreter
    return None


def _runs_for(name: str, interpreter: str, modules: str) -> bool:
    try:
        with python("-c", f"import {modules}", interpreter=interpreter, **as_account(name)) as process:
            return process.wait(60) == 0
    except OSError:
        return False


def as_account(name: str) -> dict:
    entry = pwd.getpwnam(name)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
