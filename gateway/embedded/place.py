"""Where the embedded servers live: a folder their account can reach, with locks, logs, sockets and secrets."""

import fcntl
import hashlib
import json
import os
import pwd
import secrets
import stat
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.core.errors import GatewayError

LONGEST_SOCKET_FOLDER = 88
"""A socket's whole path fits in 104 bytes on macOS (108 on Linux); the longest name in the folder takes 15."""
ELSEWHERE = Path("/var/lib/kulanz")
"""Home of data whose asked folder is closed to the server account (a clone below root's private home)."""
SERVER_ACCOUNTS = ("kulanz", "nobody")
"""As root, servers run as the first of these that exists."""
OPEN_TO_PASS = 0o711
PRIVATE = 0o700
LOG_BYTES = 10_000_000
LOGS_KEPT = 3


class PlaceUnusable(GatewayError):
    """The data folder cannot be used."""

    status = 503


@dataclass(frozen=True, slots=True)
class Account:
    """An operating system account that servers run as."""

    name: str
    uid: int
    gid: int

    def as_popen(self) -> dict[str, Any]:
        """Arguments that make `subprocess` run a program as this account."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


@dataclass(frozen=True, slots=True)
class Place:
    """A settled data folder. `account` is None where servers run as ourselves."""

    path: Path
    account: Account | None

    def as_popen(self) -> dict[str, Any]:
        return self.account.as_popen() if self.account else {}

    def folder(self, name: str) -> Path:
        """A private folder of the server account, made where it is missing."""
        path = self.path / name
        try:
            path.mkdir(mode=PRIVATE, exist_ok=True)
        except PermissionError as error:
            raise PlaceUnusable(_not_ours(self.path), path=str(self.path)) from error
        if self.account and path.stat().st_uid != self.account.uid:
            os.chown(path, self.account.uid, self.account.gid)
        return path

    def file(self, name: str) -> Path:
        """A private file of whoever owns the place, made where it is missing."""
        path = self.path / name
        path.parent.mkdir(mode=PRIVATE, exist_ok=True)
        try:
            path.touch(mode=0o600)
        except PermissionError as error:
            raise PlaceUnusable(_not_ours(self.path), path=str(self.path)) from error
        self._give_to_owner(path.parent)
        self._give_to_owner(path)
        return path

    def log(self, name: str) -> Path:
        """The log file of one process. One that has grown large makes room for a new one."""
        path = self.file(f"log/{name}.log")
        if path.stat().st_size > LOG_BYTES:
            for number in range(LOGS_KEPT - 1, 0, -1):
                older = path.with_suffix(f".log.{number}")
                if older.exists():
                    older.rename(path.with_suffix(f".log.{number + 1}"))
            path.rename(path.with_suffix(".log.1"))
        return self.file(f"log/{name}.log")

    def remember(self, name: str, values: Mapping[str, str]) -> None:
        """Store values in a private JSON file, whole or not at all."""
        draft = self.file(f"{name}.json.new")
        with draft.open("w") as file:
            json.dump(dict(values), file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        draft.rename(self.path / f"{name}.json")

    def recall(self, name: str) -> dict[str, str]:
        """What was stored under this name; empty where nothing was."""
        try:
            found: dict[str, str] = json.loads((self.path / f"{name}.json").read_text())
        except FileNotFoundError:
            return {}
        except (ValueError, PermissionError) as error:
            raise PlaceUnusable(f"{self.path / name}.json cannot be read: {error}") from error
        return found

    def forget(self, name: str) -> None:
        (self.path / f"{name}.json").unlink(missing_ok=True)

    def _give_to_owner(self, path: Path) -> None:
        # Root may run what a normal user has set up; that user must be able to run it again.
        owner = self.path.stat()
        if os.geteuid() == 0 and owner.st_uid != path.stat().st_uid:
            os.chown(path, owner.st_uid, owner.st_gid)


def settle(folder: Path) -> Place:
    """The place for the asked data folder. Raises `PlaceUnusable`.

    As root, a folder that the server account cannot reach is replaced by one below `/var/lib/kulanz`: opening other
    people's folders is not ours to do.
    """
    folder = Path(os.path.realpath(folder))
    _make(folder)
    place = Place(folder, _server_account(folder))
    if place.account is None or _reaches(place.account, folder):
        return place
    path = _elsewhere(folder)
    return Place(path, _server_account(path))


def our_name() -> str:
    """The account this process runs as. PostgreSQL knows accounts by name only."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        raise PlaceUnusable(
            f"this process runs as user id {os.geteuid()}, which has no name on this machine; PostgreSQL needs one",
        ) from None


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Only one process at a time is inside."""
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def socket_folder(place: Place) -> Path:
    """A private folder for sockets: in the place, or where its path is too long for a socket in a folder for such."""
    if len(os.fsencode(place.path / "run")) <= LONGEST_SOCKET_FOLDER:
        return place.folder("run")
    name = "kulanz-" + hashlib.sha256(os.fsencode(place.path)).hexdigest()[:12]
    for parent in _socket_parents(place):
        if len(os.fsencode(parent / name)) <= LONGEST_SOCKET_FOLDER and _keeps_names(parent):
            return _private(parent / name, place.account)
    raise PlaceUnusable(f"{place.path} is too long a path for sockets and no folder for temporary files is safe")


def _make(folder: Path) -> None:
    if folder.is_dir():
        return
    mode = OPEN_TO_PASS if os.geteuid() == 0 else PRIVATE
    try:
        folder.mkdir(mode=mode, parents=True, exist_ok=True)
        folder.chmod(mode)  # ours, just made: root's umask may have closed it to the server account
    except OSError as error:
        raise PlaceUnusable(f"{folder} cannot be made: {error.strerror}", path=str(folder)) from error


def _server_account(folder: Path) -> Account | None:
    """As root: the owner of the data that is there, or the first account made for servers."""
    if os.geteuid() != 0:
        our_name()
        return None
    data = folder / "pg"
    owner = data.stat().st_uid if data.is_dir() else 0
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    for entry in (*(e for e in known.values() if owner and e.pw_uid == owner), *map(known.get, SERVER_ACCOUNTS)):
        if entry is not None:
            return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
    raise PlaceUnusable(f"servers do not run as root and there is no account {' or '.join(SERVER_ACCOUNTS)}")


def _reaches(account: Account, folder: Path) -> bool:
    command = ["/bin/sh", "-c", 'cd "$0"', str(folder)]
    return subprocess.run(command, cwd="/", capture_output=True, check=False, **account.as_popen()).returncode == 0  # noqa: S603 - fixed command


def _elsewhere(folder: Path) -> Path:
    """The folder below /var/lib/kulanz that belongs to the asked one.

    A note in each names the other, so that a moved clone finds its data and a copied clone does not share it.
    """
    note = folder / "place"
    try:
        with held(folder / "place.lock"):
            path = _noted(note)
            if path is None or not _belongs(path, folder):
                path = ELSEWHERE / secrets.token_hex(6)
                for made in (ELSEWHERE, path):
                    _make(made)
            (path / "folder").write_text(str(folder))
            note.write_text(str(path))
    except OSError as error:
        raise PlaceUnusable(
            f"{folder} is closed to the server account and {ELSEWHERE} cannot be used: {error}"
        ) from error
    return path


def _noted(note: Path) -> Path | None:
    return Path(note.read_text().strip()) if note.exists() else None


def _belongs(path: Path, folder: Path) -> bool:
    try:
        origin = Path((path / "folder").read_text())
    except OSError:
        return False
    return origin == folder or not (origin / "place").exists()


def _socket_parents(place: Place) -> list[Path]:
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    own = [Path(runtime)] if runtime and place.account is None else []  # closed to any other account
    return [*own, Path(tempfile.gettempdir()), Path("/tmp")]  # noqa: S108 - names there are checked for their owner


def _keeps_names(parent: Path) -> bool:
    """Whether nobody else can rename what we make there."""
    try:
        mode = parent.stat().st_mode
    except OSError:
        return False
    return bool(mode & stat.S_ISVTX) or not mode & (stat.S_IWOTH | stat.S_IWGRP)


def _private(folder: Path, account: Account | None) -> Path:
    folder.mkdir(mode=PRIVATE, exist_ok=True)
    found = folder.lstat()
    if account and stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid():
        os.chown(folder, account.uid, account.gid, follow_symlinks=False)
        found = folder.lstat()
    owner = account.uid if account else os.geteuid()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner or found.st_mode & 0o077:
        raise PlaceUnusable(f"{folder} exists and is not a private folder of ours; remove it", path=str(folder))
    return folder


def _not_ours(path: Path) -> str:
    try:
        owner = pwd.getpwuid(path.stat().st_uid).pw_name
    except (KeyError, OSError):
        owner = "another account"
    return f"{path} belongs to {owner}; run as that account or name another folder in KULANZ_DATA_DIR"
