"""The invented credit bureau that `kulanz run` starts: real HTTP on this machine, every answer by script (synthetic).

Whoever asks by name or postcode decides what comes back; see docs/bureau.md. It knows no real person, and keeps nothing.

    python -m gateway.demo.sandbox --port 8010
"""

import argparse
import hashlib
import json
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType
from typing import Any

MAX_BODY = 64 * 1024
AT_ONCE = 32
HANG_S = 30.0
SLOW_S = 0.8
SCORES: Mapping[str, int] = MappingProxyType(
    {"stamm": 910, "neumann": 640, "offermann": 180, "sperling": 90, "contor": 870},
)
"""The buyers of the demo shop. `Score420` as last name is answered by 420; anybody else gets a number from his name."""
SCRIPTS: Mapping[str, str] = MappingProxyType(
    {
        "99901": "hang",
        "99902": "fail",
        "99903": "garbage",
        "99904": "busy",
        "99905": "unknown",
        "99906": "mistaken",
        "99907": "slow",
        "99908": "drip",
        "99909": "huge",
        "99910": "elsewhere",
        "hang": "hang",
        "fehler": "fail",
        "unsinn": "garbage",
        "gedrosselt": "busy",
        "unbekannt": "unknown",
        "weg": "unknown",
        "verwechselt": "mistaken",
        "langsam": "slow",
        "tropf": "drip",
        "riese": "huge",
        "umleitung": "elsewhere",
    },
)
"""Postcode, or last name in lower case → what the bureau does."""


class Bureau(BaseHTTPRequestHandler):
    """One request. Answers are closed after each, so that no script spoils the next."""

    server_version, sys_version = "kulanz-sandbox", ""
    timeout = 10
    server: "Server"

    def do_GET(self) -> None:
        """Say that we are here."""
        self.say(200, {"bureau": "sandbox", "scripts": dict(SCRIPTS)})

    def do_POST(self) -> None:
        """Answer by script."""
        if not self.server.places.acquire(blocking=False):
            self.say(503, {"error": "too many at once"})
            return
        try:
            self._answer()
        finally:
            self.server.places.release()

    def _answer(self) -> None:
        asked = self._read()
        if asked is None or self.path != "/bureau":
            self.say(400 if asked is None else 404, {"error": "POST a JSON object to /bureau"})
            return
        with suppress(OSError):  # who does not wait for a slow answer has hung up
            _DO[script_of(asked)](self, asked)

    def _read(self) -> dict[str, Any] | None:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > MAX_BODY:
            return None
        try:
            asked = json.loads(self.rfile.read(int(length)))
        except ValueError:
            return None
        return asked if isinstance(asked, dict) else None

    def say(self, status: int, body: Any, **headers: str) -> None:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(raw)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class' name
        """Nothing is kept of what was asked."""


class Server(ThreadingHTTPServer):
    """On a socket of its own or one that was handed down."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], handed: socket.socket | None = None) -> None:
        super().__init__(address, Bureau, bind_and_activate=handed is None)
        self.places = threading.BoundedSemaphore(AT_ONCE)
        if handed is not None:
            self.socket.close()
            self.socket = handed
            self.server_address = handed.getsockname()


def script_of(asked: Mapping[str, Any]) -> str:
    """What is done with a request."""
    name, postcode = str(_at(asked, "person", "last_name")).lower(), str(_at(asked, "address", "postcode"))
    return SCRIPTS.get(postcode) or SCRIPTS.get(name) or "answer"


def score_of(asked: Mapping[str, Any]) -> int:
    """0 to 1000, the same for the same person."""
    name = str(_at(asked, "person", "last_name") or _at(asked, "person", "company")).lower()
    if name.startswith("score") and name[5:].isdecimal():
        return min(1000, int(name[5:]))
    if name.partition(" ")[0] in SCORES:
        return SCORES[name.partition(" ")[0]]
    return 400 + hashlib.sha256(name.encode()).digest()[0] * 2


def _at(asked: Mapping[str, Any], part: str, name: str) -> Any:
    inner = asked.get(part)
    return inner.get(name, "") if isinstance(inner, dict) else ""


def _answer(request: Bureau, asked: Mapping[str, Any], **changes: Any) -> None:
    told = {
        "reference": asked.get("reference", ""),
        "found": True,
        "score": score_of(asked),
        "person": asked.get("person", {}),
        "address": asked.get("address", {}),
    }
    request.say(200, told | changes)


def _mistaken(request: Bureau, asked: Mapping[str, Any]) -> None:
    _answer(request, asked, person={"first_name": "Erika", "last_name": "Musterfrau"}, address={"postcode": "12345"})


def _slow(request: Bureau, asked: Mapping[str, Any]) -> None:
    time.sleep(SLOW_S)
    _answer(request, asked)


def _hang(request: Bureau, asked: Mapping[str, Any]) -> None:
    time.sleep(HANG_S)
    _answer(request, asked)


def _drip(request: Bureau, _: Mapping[str, Any]) -> None:
    request.send_response(200)
    request.send_header("Content-Length", "600")
    request.end_headers()
    until = time.monotonic() + HANG_S
    while time.monotonic() < until:
        request.wfile.write(b" ")
        time.sleep(0.1)


_DO: Mapping[str, Callable[[Bureau, Mapping[str, Any]], None]] = MappingProxyType(
    {
        "answer": _answer,
        "hang": _hang,
        "fail": lambda request, _: request.say(500, {"error": "out of order"}),
        "garbage": lambda request, _: request.say(200, b"<html>Wartung</html>"),
        "busy": lambda request, _: request.say(429, {"error": "too many requests"}, Retry_After="5"),
        "unknown": lambda request, asked: _answer(request, asked, found=False, score=None, person={}, address={}),
        "mistaken": _mistaken,
        "slow": _slow,
        "drip": _drip,
        "huge": lambda request, _: request.say(200, b'{"found": true, "filler": "' + b"x" * 1_000_000 + b'"}'),
        "elsewhere": lambda request, _: request.say(302, {}, Location="/somewhere"),
    },
)


def serve(port: int = 0, handed: socket.socket | None = None) -> None:
    """Answer on 127.0.0.1 until the process ends."""
    with Server(("127.0.0.1", port), handed) as server:
        sys.stdout.write(f"sandbox bureau on http://127.0.0.1:{server.server_address[1]}\n")
        sys.stdout.flush()
        server.serve_forever()


def main() -> None:
    """The command line of the module."""
    parser = argparse.ArgumentParser(prog="python -m gateway.demo.sandbox")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--fd", type=int, help="a listening socket that was handed down")
    options = parser.parse_args()
    with suppress(KeyboardInterrupt):
        serve(options.port, None if options.fd is None else socket.socket(fileno=options.fd))


if __name__ == "__main__":
    main()
