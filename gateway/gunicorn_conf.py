"""How gunicorn serves the web application: threads behind a few processes, each with connections of its own.

Figures behind the numbers: docs/benchmarks.md. The program is loaded once, before the fork; services are opened after it,
so no connection is shared.
"""

import gc
import importlib
import os
from pathlib import Path
from typing import Any

from gateway.config import load

_settings = load()  # the name `config` would be taken for a setting of gunicorn
_memory = Path("/dev/shm")  # noqa: S108 - only a heartbeat file without a name lies there

bind = [f"[{_settings.host}]:{_settings.port}" if ":" in _settings.host else f"{_settings.host}:{_settings.port}"]
worker_class = "gateway.web_worker.PatientWorker"
workers = _settings.web_workers
threads = _settings.web_threads
keepalive = 30
timeout = 30
graceful_timeout = 25
max_requests = 50_000
max_requests_jitter = 5_000
preload_app = False
worker_tmp_dir = str(_memory) if os.access(_memory, os.W_OK) else None
control_socket_disable = True
accesslog = None
errorlog = "-"
proc_name = "kulanz"


def on_starting(server: Any) -> None:
    """Load the modules once for all workers, and keep them where a collection does not copy their pages."""
    gc.disable()
    importlib.import_module(server.app.app_uri.partition(":")[0])
    gc.freeze()
    gc.enable()


def post_worker_init(_worker: Any) -> None:
    """What the program itself is made of never becomes garbage: looking through it again and again cost each request."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
