"""gunicorn's threaded worker, except that no thread waits for a client: a request goes to one when it has arrived.

The main loop gathers head and body of an ordinary request, so clients that say nothing or stop in the middle cost a
socket each and no thread. What cannot be gathered (uploads, bodies without a length) has two threads of its own.
"""

import re
import selectors
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from enum import Enum
from functools import partial
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker

ARRIVAL_S = 10.0
"""From the connection or the first byte of a later request until all of it is here."""
STALL_S = 10.0
"""How long one read or one write in a thread may take."""
UPLOAD_S = 120.0
"""From hand-over to answer of what is read in a thread."""
UPLOAD_THREADS = 2
MAX_HEAD_BYTES = 64 * 1024
MAX_GATHERED_BYTES = 256 * 1024
"""Of a body; a longer one is read in a thread of the uploads."""
_READ_BYTES = 64 * 1024
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,18})[ \t]*\r\n", re.IGNORECASE)
_UNGATHERED = re.compile(rb"\r\n(?:transfer-encoding|expect)[ \t]*:", re.IGNORECASE)


class Lane(Enum):
    """What to do with a connection, by what has arrived on it."""

    WAIT = "wait"
    ANSWER = "answer"
    UPLOAD = "upload"


def lane(received: bytes | bytearray) -> Lane:
    """ANSWER only for a request that gunicorn can read to its end without asking the socket for more."""
    end = received.find(b"\r\n\r\n")
    if end < 0:
        return Lane.WAIT if len(received) <= MAX_HEAD_BYTES else Lane.UPLOAD
    head = bytes(received[: end + 2])
    if end == 0 or head.startswith(b"\r\n") or _UNGATHERED.search(head):
        return Lane.UPLOAD
    found = _LENGTH.search(head)
    length = int(found[1]) if found else 0
    if len(received) >= end + 4 + length:
        return Lane.ANSWER
    return Lane.WAIT if length <= MAX_GATHERED_BYTES else Lane.UPLOAD


class Connection(TConn):  # type: ignore[misc] # gunicorn ships no types
    """A connection, and what has arrived of its next request."""

    def __init__(self, cfg: Any, sock: socket.socket, client: Any, server: Any) -> None:
        super().__init__(cfg, sock, client, server)
        self.data_ready = True  # a thread never waits for the first byte
        self.received = bytearray()
        self.deadline: float | None = None

    def init(self) -> None:
        """Called in the thread before each request, the socket being made blocking just before."""
        super().init()
        self.sock.settimeout(STALL_S)
        if self.received:
            self.parser.unreader.unread(bytes(self.received))
            self.received.clear()


class PatientWorker(ThreadWorker):  # type: ignore[misc] # gunicorn ships no types
    """Everything here runs in the main loop; `handle`, in the threads, is gunicorn's."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.uploads: dict[Connection, float] = {}
        self._next_sweep = 0.0

    @classmethod
    def check_config(cls, cfg: Any, log: Any) -> None:
        """TLS would have to be spoken before anything can be gathered."""
        super().check_config(cfg, log)
        if cfg.is_ssl:
            raise ValueError("this worker speaks no TLS: end it in a proxy in front")

    def init_process(self) -> None:
        self.upload_pool = ThreadPoolExecutor(max_workers=UPLOAD_THREADS)
        super().init_process()

    def accept(self, listener: socket.socket) -> None:
        try:
            client, address = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return  # another process was faster, or the client is gone
        self.nr_conns += 1
        self.enqueue_req(Connection(self.cfg, client, address, listener.getsockname()))

    def enqueue_req(self, conn: Connection) -> None:
        """Read what is there, without waiting, and go on by what has arrived."""
        try:
            if not self._read(conn):
                self._drop(conn)
                return
        except OSError:
            self._drop(conn)
            return
        match lane(conn.received):
            case Lane.WAIT:
                self._wait(conn)
            case Lane.ANSWER:
                self._submit(conn, self.tpool)
            case Lane.UPLOAD:
                self.uploads[conn] = time.monotonic() + UPLOAD_S
                self._submit(conn, self.upload_pool)

    def _read(self, conn: Connection) -> bool:
        """False when the client has hung up."""
        conn.sock.settimeout(0)
        if conn.parser is not None:  # bytes that followed the request before
            conn.received += conn.parser.unreader.take_buffered()
            if lane(conn.received) is Lane.ANSWER:
                return True
        try:
            data = conn.sock.recv(_READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return True
        conn.received += data
        return bool(data)

    def _wait(self, conn: Connection) -> None:
        if conn.deadline is None:
            conn.deadline = time.monotonic() + ARRIVAL_S
        conn.timeout = conn.deadline
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self.on_pending_socket_readable, conn))

    def _submit(self, conn: Connection, pool: ThreadPoolExecutor) -> None:
        conn.deadline = None
        done = pool.submit(self.handle, conn)
        done.add_done_callback(lambda result: self.method_queue.defer(self.finish_request, conn, result))

    def finish_request(self, conn: Connection, fs: Any) -> None:
        self.uploads.pop(conn, None)
        super().finish_request(conn, fs)

    def murder_pending(self) -> None:
        """Once a second: close what has not arrived in time, cut off uploads that take too long."""
        now = time.monotonic()
        if now < self._next_sweep:
            return
        self._next_sweep = now + 1.0
        for conn in [one for one in self.pending_conns if one.timeout <= now]:
            self.pending_conns.remove(conn)
            self.poller.unregister(conn.sock)
            self._drop(conn)
        for conn in [one for one, deadline in self.uploads.items() if deadline <= now]:
            with suppress(OSError):
                conn.sock.shutdown(socket.SHUT_RDWR)  # its thread wakes up and ends it

    def _drop(self, conn: Connection) -> None:
        self.nr_conns -= 1
        conn.close()
