"""The load generator: HTTP over kept connections from one process of its own, closed loop or at a fixed rate.

Closed: each connection sends its next request when the last is answered. Open: requests are due at even distances
whatever the server does, wait for a free connection if they must, and their time counts from when they were due. A
connection is renewed after some answers: which process of the server accepts one is luck, and luck must not decide.
"""

import json
import selectors
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

from bench import bodies

_MOST_PER_SECOND = 3_000
_PATIENCE_S = 20.0
_ANSWERS_PER_CONNECTION = 20


@dataclass(frozen=True)
class Load:
    """What to ask for. `rate` 0 is a closed loop; `count` ends it after that many requests.

    With a `path` signed messages are sent there, and `authorization` is the secret that signs them.
    """

    port: int
    authorization: str
    first: int
    seconds: float
    connections: int = 16
    rate: float = 0.0
    count: int = 0
    keyed: bool = False
    path: str = ""


@dataclass(frozen=True)
class Outcome:
    """What came of it. Times in milliseconds; errors are answers other than 2xx and broken connections."""

    requests: int
    errors: int
    per_second: float
    p50_ms: float
    p95_ms: float
    p99_ms: float


def run(load: Load) -> Outcome:
    """Run the load in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.load", json.dumps(asdict(load))],
        check=True,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).resolve().parents[1],
    )
    return Outcome(**json.loads(done.stdout))


class _Line:
    """One connection with at most one request under way."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._waiting_for = 0
        self._received = bytearray()
        self.sock = self._connected()
        self.due = 0.0
        self.answers = 0

    def send(self, request: bytes, due: float) -> None:
        self.due = due
        self._received.clear()
        self._waiting_for = 0
        self.sock.sendall(request)

    def receive(self) -> int:
        """The status of a complete answer, 0 while there is more to come. Raises ConnectionError."""
        part = self.sock.recv(65_536)
        if not part:
            raise ConnectionError
        self._received += part
        if not self._waiting_for:
            end = self._received.find(b"\r\n\r\n")
            if end < 0:
                return 0
            head = bytes(self._received[:end]).lower()
            length = head.partition(b"content-length:")[2].partition(b"\r\n")[0]
            self._waiting_for = end + 4 + int(length)
        return int(self._received[9:12]) if len(self._received) >= self._waiting_for else 0

    def renew(self) -> None:
        self.sock.close()
        self.sock = self._connected()
        self.answers = 0

    def _connected(self) -> socket.socket:
        sock = socket.create_connection(("127.0.0.1", self._port), timeout=_PATIENCE_S)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock


class _Run:
    """One measurement under way."""

    def __init__(self, load: Load, requests: list[bytes]) -> None:
        self._load = load
        self._requests = iter(requests)
        self._selector = selectors.DefaultSelector()
        self._lines = [_Line(load.port) for _ in range(load.connections)]
        for line in self._lines:
            self._selector.register(line.sock, selectors.EVENT_READ, line)
        for number, line in enumerate(self._lines):  # not all of them at once
            line.answers = number % _ANSWERS_PER_CONNECTION
        self._free = deque(self._lines)
        self._due: deque[float] = deque()
        self._times: list[float] = []
        self._errors = 0
        self._more = True

    def outcome(self) -> Outcome:
        began = time.perf_counter()
        ends = began + self._load.seconds
        schedule = self._schedule(began, ends)
        coming = next(schedule, None)
        while self._more or len(self._free) < len(self._lines):
            now = time.perf_counter()
            while coming is not None and coming <= now:
                self._due.append(coming)
                coming = next(schedule, None)
            if coming is None and self._load.rate and not self._due:
                self._more = False
            if now >= ends and not self._load.rate:
                self._more = False
            self._send(now)
            if coming is not None or len(self._free) < len(self._lines):
                self._receive(_PATIENCE_S if coming is None else max(0.0, coming - now))
        return self._summary(time.perf_counter() - began)

    def _schedule(self, began: float, ends: float) -> Iterator[float]:
        if self._load.rate:
            for number in range(int((ends - began) * self._load.rate)):
                yield began + number / self._load.rate

    def _send(self, now: float) -> None:
        while self._more and self._free and (self._due or not self._load.rate):
            request = next(self._requests, None)
            if request is None:
                self._more = False
                return
            self._free.popleft().send(request, self._due.popleft() if self._load.rate else now)

    def _receive(self, timeout_s: float) -> None:
        events = self._selector.select(timeout_s)
        if not events and timeout_s >= _PATIENCE_S:
            raise TimeoutError(f"no answer within {_PATIENCE_S} s")
        for key, _ in events:
            line = key.data
            try:
                status = line.receive()
            except ConnectionError:
                status = self._broken(line)
            if status:
                self._answered(line, status)

    def _answered(self, line: _Line, status: int) -> None:
        self._times.append(time.perf_counter() - line.due)
        self._errors += not 200 <= status < 300
        line.answers += 1
        if line.answers == _ANSWERS_PER_CONNECTION:
            self._renew(line)
        self._free.append(line)

    def _broken(self, line: _Line) -> int:
        """A server may close a connection that waits; closing one that is answered is an error."""
        self._renew(line)
        return 0 if line in self._free else 599

    def _renew(self, line: _Line) -> None:
        self._selector.unregister(line.sock)
        line.renew()
        self._selector.register(line.sock, selectors.EVENT_READ, line)

    def _summary(self, took_s: float) -> Outcome:
        times = sorted(self._times)
        at = [times[min(len(times) - 1, int(len(times) * share))] * 1000 for share in (0.5, 0.95, 0.99)]
        return Outcome(len(times), self._errors, len(times) / took_s, *at)


def main() -> None:
    """Make the requests, then measure; the answer goes to standard output as JSON."""
    load = Load(**json.loads(sys.argv[1]))
    most = load.count or int(load.seconds * (load.rate or _MOST_PER_SECOND)) + 1
    endless = (
        bodies.messages(load.path, load.authorization, load.first)
        if load.path
        else bodies.requests(load.authorization, load.first, keyed=load.keyed)
    )
    prepared = list(islice(endless, most))
    print(json.dumps(asdict(_Run(load, prepared).outcome())))


if __name__ == "__main__":
    main()
