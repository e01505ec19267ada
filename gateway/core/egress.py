"""Outgoing HTTP to addresses that users give: never into a private network, never for longer than we allow.

The name is resolved once per connection, every answer is checked, and the socket goes to an answer that was checked, so
a name server that changes its mind (DNS rebinding) gains nothing. TLS still verifies the name.
"""

import ipaddress
import os
import socket
import ssl
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import certifi
from urllib3 import BaseHTTPResponse, PoolManager, Timeout
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NameResolutionError, NewConnectionError

from gateway.core.errors import GatewayError

CONNECT_S = 3.0
READ_S = 10.0
EXCHANGE_S = 20.0
"""Name look-up excepted, the most that one exchange may take, however slowly the other side drips."""
MAX_URL = 2000

AddressInfo = tuple[Any, Any, int, str, Any]
Resolver = Callable[[str, int], list[AddressInfo]]

# Beyond what the standard library calls not global: ways to reach an IPv4 address through IPv6 (NAT64, 6to4, Teredo,
# IPv4-compatible, IPv4-translated), site-local IPv6, segment routing, addresses for documentation, the IETF block with a cloud's metadata service (192.0.0.192), and Azure's host (168.63.129.16).
_REFUSED = tuple(
    ipaddress.ip_network(network)
    for network in (
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "2002::/16",
        "2001::/32",
        "fec0::/10",
        "192.0.0.0/24",
        "192.88.99.0/24",
        "168.63.129.16/32",
        "::/96",
        "::ffff:0:0:0/96",
        "5f00::/16",
        "3fff::/20",
    )
)


class AddressRefused(GatewayError):
    """Outgoing calls may not go to this address."""

    status = 422


class UrlRefused(GatewayError):
    """This URL cannot be used for outgoing calls."""

    status = 422


def check_url(url: str, *, allow_private: bool = False) -> None:
    """Raise `UrlRefused` unless this is a plain https URL (http as well where private addresses are allowed).

    What its name leads to is checked when the connection is made.
    """
    schemes = ("https", "http") if allow_private else ("https",)
    if len(url) > MAX_URL or not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise UrlRefused(reason="malformed")
    try:
        parts, port = urlsplit(url), urlsplit(url).port
    except ValueError:
        raise UrlRefused(reason="malformed") from None
    if parts.scheme not in schemes:
        raise UrlRefused(reason="scheme")
    if not parts.hostname or port == 0:
        raise UrlRefused(reason="malformed")
    if parts.username is not None or parts.password is not None:
        raise UrlRefused(reason="credentials")


def is_public(address: str) -> bool:
    """Whether an IP address is one of the open internet."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    return ip.is_global and not ip.is_multicast and not any(ip in network for network in _REFUSED)


def system_resolver(host: str, port: int) -> list[AddressInfo]:
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)


class Guard:
    """Decides which addresses may be called."""

    def __init__(self, *, allow_private: bool, resolve: Resolver = system_resolver) -> None:
        self.allow_private = allow_private
        self._resolve = resolve

    def addresses(self, host: str, port: int) -> list[AddressInfo]:
        """What a name leads to. Raises `AddressRefused` when one of its addresses is private, socket.gaierror."""
        found = self._resolve(host.strip("[]"), port)
        if not self.allow_private and not all(is_public(info[4][0]) for info in found):
            raise AddressRefused(reason="private-address")
        return found


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: the status, headers by lower-case name, and the body; not `whole` when there was more of it."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    whole: bool


class SafePool(PoolManager):
    """Connections of one process, shared by its threads; every new one is checked, and TLS verifies its name.

    `identity` is a client certificate and its key in PEM, for servers that ask for one. Raises ssl.SSLError for a bad one.
    """

    def __init__(
        self, guard: Guard, *, ca_file: str | None = None, per_host: int = 8, identity: bytes | None = None
    ) -> None:
        self.guard = guard
        context = ssl.create_default_context(cafile=ca_file or certifi.where())
        if identity is not None:
            _identify(context, identity)
        super().__init__(num_pools=200, maxsize=per_host, ssl_context=context)
        self.pool_classes_by_scheme = _pools(guard)

    def post(self, url: str, headers: Mapping[str, str], body: bytes, max_answer_bytes: int) -> tuple[int, str]:
        """One POST without redirects or repetition: status and Retry-After.

        Of the answer so much is read that the connection can be used again; a longer one costs the connection. Raises
        `UrlRefused`, `AddressRefused`, ValueError, urllib3's errors and OSError.
        """
        response = self._send("POST", url, headers, body, Timeout(connect=CONNECT_S, read=READ_S))
        _read_away(response, max_answer_bytes)
        return response.status, response.headers.get("retry-after", "")

    def exchange(
        self,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
        *,
        max_answer_bytes: int,
        timeout_s: float,
        method: str = "POST",
    ) -> Reply:
        """One request without redirects or repetition, and what was answered, to the limit; cut off after `timeout_s`.

        Raises what `post` raises.
        """
        with WATCHDOG.limit(timeout_s):
            response = self._send(method, url, headers, body, Timeout(connect=timeout_s, read=timeout_s))
            try:
                read = response.read(max_answer_bytes + 1)
            except BaseException:
                response.close()
                raise
        whole = len(read) <= max_answer_bytes
        if not whole:
            response.close()
        response.release_conn()
        named = {name.lower(): value for name, value in response.headers.items()}
        return Reply(response.status, named, read[:max_answer_bytes], whole)

    def _send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, timeout: Timeout
    ) -> BaseHTTPResponse:
        check_url(url, allow_private=self.guard.allow_private)
        return self.urlopen(
            method,
            url,
            redirect=False,
            retries=False,
            body=body or None,
            headers=headers,
            timeout=timeout,
            preload_content=False,
            decode_content=False,
        )


def _identify(context: ssl.SSLContext, identity: bytes) -> None:
    """The standard library takes certificates from files only: a private one, for a moment."""
    with tempfile.NamedTemporaryFile(prefix="kulanz-") as file:  # only its owner may read it
        file.write(identity)
        file.flush()
        context.load_cert_chain(file.name)


def _read_away(response: BaseHTTPResponse, max_bytes: int) -> None:
    """The status is known, so nothing that happens here matters but to the connection."""
    try:
        response.read(max_bytes)
        finished = not response.read(1)
    except (HTTPError, OSError):
        finished = False
    if not finished:
        response.close()
    response.release_conn()


class Watchdog:
    """Ends exchanges that take too long in total.

    Time-outs of sockets start anew with every byte; a receiver that sends one byte every nine seconds would hold a
    thread for hours.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[int, tuple[float, list[socket.socket]]] = {}
        self._pid = 0

    @contextmanager
    def limit(self, seconds: float) -> Iterator[None]:
        """Whatever this thread has connected by then is cut off after `seconds`."""
        self._start()
        with self._lock:
            self._open[threading.get_ident()] = (time.monotonic() + seconds, [])
        try:
            yield
        finally:
            with self._lock:
                del self._open[threading.get_ident()]

    def attach(self, handle: socket.socket) -> None:
        """This socket belongs to what the calling thread does now."""
        with self._lock:
            if exchange := self._open.get(threading.get_ident()):
                exchange[1].append(handle)

    def _start(self) -> None:
        """One thread per process, also after a fork."""
        if self._pid != os.getpid():
            self._pid = os.getpid()
            threading.Thread(target=self._watch, daemon=True, name="kulanz-watchdog").start()

    def _watch(self) -> None:
        while True:
            time.sleep(0.25)
            with self._lock:
                for deadline, handles in self._open.values():
                    if time.monotonic() > deadline:
                        _cut(handles)


def _cut(handles: list[socket.socket]) -> None:
    for handle in handles:
        with suppress(OSError):
            handle.shutdown(socket.SHUT_RDWR)


WATCHDOG = Watchdog()
"""Of this process."""


def _pools(guard: Guard) -> dict[str, type[HTTPConnectionPool]]:
    """Connection pools whose connections ask this guard. urllib3 offers no narrower place than `_new_conn`."""

    class Plain(_Guarded):
        pass

    class Secure(_Guarded, HTTPSConnection):
        pass

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    Plain.guard = Secure.guard = guard
    return {"http": PlainPool, "https": SecurePool}


class _Guarded(HTTPConnection):
    """A connection to an address that was checked, with a handle by which the watchdog can end it."""

    guard: Guard
    handle: socket.socket | None = None

    def _new_conn(self) -> socket.socket:
        try:
            found = self.guard.addresses(self._dns_host, self.port)
        except (socket.gaierror, UnicodeError) as error:
            reason = error if isinstance(error, socket.gaierror) else socket.gaierror(str(error))
            raise NameResolutionError(self.host, self, reason) from error
        connected = self._dial(found)
        self.handle = connected.dup()  # TLS takes over the first one; both are the same connection
        WATCHDOG.attach(self.handle)
        return connected

    def _dial(self, found: list[AddressInfo]) -> socket.socket:
        failure: OSError = OSError("the name has no address")
        for family, kind, protocol, _, address in found[:4]:
            attempt = socket.socket(family, kind, protocol)
            try:
                for option in self.socket_options or ():
                    attempt.setsockopt(*option)
                attempt.settimeout(self.timeout if isinstance(self.timeout, int | float) else CONNECT_S)
                attempt.connect(address)
            except OSError as error:
                attempt.close()
                failure = error
            else:
                return attempt
        if isinstance(failure, TimeoutError):
            raise ConnectTimeoutError(self, "the connection timed out") from failure
        raise NewConnectionError(self, "the connection failed") from failure

    def request(self, *args: Any, **kwargs: Any) -> None:
        if self.handle is not None:
            WATCHDOG.attach(self.handle)
        super().request(*args, **kwargs)

    def close(self) -> None:
        super().close()
        if self.handle is not None:
            self.handle.close()
            self.handle = None
