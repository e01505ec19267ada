"""From `kulanz run` in an empty folder to the first answered decision."""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from shutil import rmtree

from bench import bodies
from bench.figures import Figure, Section
from bench.stack import ROOT, ask, free_port

_KULANZ = (sys.executable, "-c", "from gateway.cli import run; run()", "run")
_KEY = re.compile(rb"kz_test_[\w-]+")
_PATIENCE_S = 60.0


def section(rounds: int) -> Section:
    """Servers made and started, schema, demo merchant, web and worker, one decision."""
    subprocess.run([sys.executable, "-m", "compileall", "-q", "gateway"], cwd=ROOT, check=True)  # as `make environment`
    values = [_first_decision_s() for _ in range(rounds)]
    how = "`kulanz run` with an empty data folder, the environment being installed, until a decision came back."
    return Section("Start", how, [Figure("to the first decision", "s", values, orientation=6.0)])


def _first_decision_s() -> float:
    folder = Path(tempfile.mkdtemp(prefix="kulanz-bench-"))
    folder.chmod(0o711)
    port = free_port()
    env = os.environ | {"PORT": str(port), "KULANZ_DATA_DIR": str(folder / "data")}
    began = time.monotonic()
    with subprocess.Popen(_KULANZ, cwd=ROOT, env=env, stdout=subprocess.PIPE) as process:
        try:
            key = _printed_key(process)
            return _answered(port, key, began) - began
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(_PATIENCE_S)
            rmtree(folder, ignore_errors=True)


def _printed_key(process: "subprocess.Popen[bytes]") -> str:
    for line in process.stdout or ():
        if found := _KEY.search(line):
            return found[0].decode()
    raise RuntimeError("kulanz run ended without printing a key")


def _answered(port: int, key: str, began: float) -> float:
    while time.monotonic() - began < _PATIENCE_S:
        with suppress(OSError):
            if b'"token"' in ask(port, next(bodies.requests(key, 2))):
                return time.monotonic()
        time.sleep(0.02)
    raise TimeoutError("no decision came back")
