"""Clients that say nothing, or stop in the middle, stop nobody else."""

import re
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection

import pytest

from tests.scenarios.processes import open_folder
from tests.scenarios.test_run import free_port, running

pytestmark = pytest.mark.slow
HEAD = b"POST /v1/decisions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
WITHHELD = HEAD + b"Content-Length: 10\r\n\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
LARGE = HEAD + b"Content-Length: 5000000\r\n\r\n"


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """A running installation with one web process of four threads."""
    with open_folder() as folder:
        number = free_port()
        with running(folder / "data", number) as (_, text):
            assert "Ctrl-C stops everything" in text, text
            yield number


@contextmanager
def held(port: int, times: int, data: bytes) -> Iterator[list[socket.socket]]:
    """So many connections that send this and no more."""
    with ExitStack() as stack:
        opened = []
        for _ in range(times):
            opened.append(stack.enter_context(socket.create_connection(("127.0.0.1", port))))
            opened[-1].sendall(data)
        time.sleep(0.3)
        yield opened


def health(port: int) -> tuple[int, float]:
    """Status, and seconds until it was there."""
    started = time.monotonic()
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/healthz")
    status = connection.getresponse().status
    connection.close()
    return status, time.monotonic() - started


def test_silent_sockets_and_withheld_bodies_leave_the_service_answering(port):
    """Sixteen that say nothing, sixteen in the middle of the head, sixteen in front of the body, uploads."""
    with ExitStack() as stack:
        for data in (b"", b"GET /hea", WITHHELD, CHUNKED, LARGE):
            stack.enter_context(held(port, 16, data))
        for _ in range(3):
            status, seconds = health(port)
            assert status == 200
            assert seconds < 2


def test_a_request_that_does_not_arrive_is_closed_after_ten_seconds(port):
    """So that silent sockets do not pile up."""
    with held(port, 2, WITHHELD) as opened:
        for one in opened:
            one.settimeout(14)
            assert one.recv(100) == b""


def test_a_request_in_pieces_and_one_behind_another_are_answered_on_one_connection(port):
    """Slow is not wrong: a head byte by byte, then two requests in one packet."""
    request = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
        for byte in request:
            client.sendall(bytes([byte]))
            time.sleep(0.005)
        assert answers(client, 1) == [200]
        client.sendall(request + request[:20])
        assert answers(client, 1) == [200]
        client.sendall(request[20:] + request)
        assert answers(client, 2) == [200, 200]


def answers(client: socket.socket, wanted: int) -> list[int]:
    """The status of so many answers, each read to the end of its body: a head may come without it."""
    read, found = b"", []
    while len(found) < wanted:
        head, end, rest = read.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        if not end or len(rest) < int(length[1]):
            more = client.recv(65536)
            assert more, read
            read += more
            continue
        found.append(int(head.split(b" ", 2)[1]))
        read = rest[int(length[1]) :]
    assert not read
    return found
