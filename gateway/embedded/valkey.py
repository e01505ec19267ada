"""Valkey as a child: append-only file, private socket, no port. What it holds can be lost, so it never blocks a start."""

import logging
import shutil
import socket
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from urllib.parse import quote

from gateway.embedded.binaries import valkey_server
from gateway.embedded.children import Task
from gateway.embedded.place import Place

NAME = "valkey"
SETTINGS = MappingProxyType(
    {
        "port": "0",  # the socket is the only way in
        "unixsocketperm": "700",
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",  # the append-only file is enough
        "maxmemory": "512mb",
        "maxmemory-policy": "noeviction",  # a full cache is told, counters do not vanish one by one
        "daemonize": "no",
    },
)

log = logging.getLogger(__name__)


class Valkey:
    """The Valkey of one place."""

    name = NAME

    def __init__(self, place: Place, sockets: Path, settings: Mapping[str, str]) -> None:
        self.place = place
        self.sockets = sockets
        self.settings = {**SETTINGS, **settings}
        self.data = place.path / "valkey"

    def prepare(self) -> Task:
        """Make what is missing, clear away what a crash left, and say how to start."""
        program = valkey_server(self.place)
        self.place.folder("valkey")
        socket_path(self.sockets).unlink(missing_ok=True)
        settings = {**self.settings, "unixsocket": str(socket_path(self.sockets)), "dir": str(self.data)}
        options = [part for name, value in settings.items() for part in (f"--{name}", value)]
        return Task(
            name=NAME,
            command=(str(program), *options),
            log=self.place.log(NAME),
            account=self.place.account,
        )

    def answers(self) -> bool:
        return answers(self.sockets)

    def set_aside(self) -> None:
        """Put files that the server refuses to load out of the way: counters start anew, decisions go on."""
        aside = self.data.with_name("valkey.unreadable")
        shutil.rmtree(aside, ignore_errors=True)
        self.data.rename(aside)
        log.warning("valkey could not load its files; they are in %s and counters start anew", aside)


def socket_path(sockets: Path) -> Path:
    return sockets / "valkey.sock"


def redis_url(sockets: Path) -> str:
    return f"unix://{quote(str(socket_path(sockets)))}"


def answers(sockets: Path) -> bool:
    """Whether a server has loaded its data and answers here."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(5)
        try:
            connection.connect(str(socket_path(sockets)))
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False
