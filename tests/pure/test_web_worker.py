"""What a thread of the web server gets to see: whole requests."""

import pytest

from gateway.web_worker import MAX_GATHERED_BYTES, MAX_HEAD_BYTES, Lane, lane

HEAD = b"POST /v1/decisions HTTP/1.1\r\nHost: x\r\n"


@pytest.mark.parametrize(
    "received",
    [b"", b"G", HEAD, HEAD + b"Content-Length: 10\r\n\r\n", HEAD + b"content-length:  10 \r\n\r\n123456789"],
)
def test_a_request_that_has_not_arrived_waits_outside_of_the_threads(received):
    """No byte, a part of the head, a head without its body, a part of the body."""
    assert lane(received) is Lane.WAIT


@pytest.mark.parametrize(
    "received", [b"GET /healthz HTTP/1.1\r\n\r\n", HEAD + b"Content-Length: 2\r\n\r\n{}", HEAD + b"\r\nGET / HTTP/1.1"]
)
def test_a_whole_request_is_answered(received):
    """With or without a body, with or without the next one behind it."""
    assert lane(received) is Lane.ANSWER


@pytest.mark.parametrize(
    "received",
    [
        HEAD + b"Content-Length: %d\r\n\r\n" % (MAX_GATHERED_BYTES + 1),
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n",
        HEAD + b"Expect: 100-continue\r\nContent-Length: 10\r\n\r\n",
        b"\r\n\r\nGET / HTTP/1.1\r\n",
        b"\r\nGET / HTTP/1.1\r\n\r\n",
        b"x" * (MAX_HEAD_BYTES + 1),
    ],
)
def test_what_cannot_be_gathered_has_threads_of_its_own(received):
    """Uploads, bodies without a length, clients that wait for an invitation, and heads that are none."""
    assert lane(received) is Lane.UPLOAD
