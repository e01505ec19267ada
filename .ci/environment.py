"""Makes `.venv` for `make`: once, and anew when pyproject.toml, the interpreter or the folder has changed.

    python3 .ci/environment.py          what `make run` needs
    python3 .ci/environment.py dev      and what tests and lint need
    python3 .ci/environment.py train    and what trains models; with KULANZ_CI=1 always, since its tests must run there

Needs nothing but Python 3.11; two calls at once wait for each other; a finished environment needs no network.
"""
# ruff: noqa: INP001, S603 - a program of its own, running our own commands

import fcntl
import hashlib
import os
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
DEFINITION = PROJECT / "pyproject.toml"
VENV = PROJECT / ".venv"
STEPS = {"run": ".", "dev": ".[dev]", "train": ".[train]"}


def main(*steps: str) -> None:
    """Bring the environment up to date, step by step."""
    with DEFINITION.open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _is_ours():
            _create()
        for step in steps:
            _install(step)
        _compile()


def _is_ours() -> bool:
    """Whether the environment runs and was made in this folder: programs in it know their place."""
    note, python = VENV / "place", VENV / "bin" / "python"
    if not note.exists() or note.read_text() != str(PROJECT):
        return False
    return subprocess.run([python, "-c", ""], check=False, capture_output=True).returncode == 0


def _create() -> None:
    _say(f"Making .venv with Python {sys.version.split()[0]} ...")
    if subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)], check=False).returncode:
        sys.exit("Python's module venv does not work here; on Debian and Ubuntu: apt install python3-venv")
    (VENV / "place").write_text(str(PROJECT))


def _install(step: str) -> None:
    stamp, wanted = VENV / f"{step}.stamp", hashlib.sha256(DEFINITION.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    _say(f"Installing {STEPS[step]} ...")
    pip = [str(VENV / "bin" / "python"), "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
    env = {**os.environ, "PIP_ROOT_USER_ACTION": "ignore"}
    if subprocess.run([*pip, "-e", STEPS[step]], cwd=PROJECT, env=env, check=False).returncode:
        sys.exit("pip could not install the packages named above; this step needs the network, once")
    stamp.write_text(wanted)


def _compile() -> None:
    """The byte code of what has changed: four processes that start at once would each compile all of it."""
    python = str(VENV / "bin" / "python")
    subprocess.run([python, "-m", "compileall", "-q", "gateway"], cwd=PROJECT, check=False)


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asked = {*sys.argv[1:], *(["train"] if os.environ.get("KULANZ_CI") == "1" else [])}
    main("run", *(step for step in ("dev", "train") if step in asked))
