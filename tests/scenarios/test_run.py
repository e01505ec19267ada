"""`kulanz run` starts everything, says where it is, and leaves nothing behind, however it ends."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path

import psycopg
import pytest

from gateway.core.crypto import Keyring
from tests.scenarios.processes import (
    PROJECT,
    alive,
    as_account,
    normal_account,
    open_folder,
    python,
    wait_until,
)

pytestmark = pytest.mark.slow
KULANZ = "from gateway.cli import run; run()"


@pytest.fixture
def folder():
    with open_folder() as path:
        yield path / "data"


@pytest.fixture(scope="module")
def lived_in():
    """A data folder that has seen its first start."""
    with open_folder() as path:
        with running(path / "data", free_port()) as (process, text):
            assert "Ctrl-C stops everything" in text, text
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 0
        yield path / "data"


@pytest.fixture
def port() -> int:
    return free_port()


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def environment(folder: Path, port: int, **more: str) -> dict:
    """As a user's shell, without what the test run itself uses."""
    given = ("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL", "KULANZ_MASTER_KEYS", "KULANZ_SESSION_SECRET")
    for name in given:
        assert name not in os.environ
    return {"KULANZ_DATA_DIR": str(folder), "PORT": str(port), "KULANZ_WEB_WORKERS": "1", **more}


@contextmanager
def running(folder: Path, port: int, **options) -> Iterator[tuple[subprocess.Popen, str]]:
    """`kulanz run` in a process of its own, and what it printed until it was ready."""
    env = environment(folder, port, **options.pop("env", {}))
    with python("-c", KULANZ, "run", env=env, **options) as process:
        yield process, printed(process)
        if process.poll() is None:
            process.terminate()
            process.wait(60)


def printed(process: subprocess.Popen) -> str:
    """Everything up to the line to paste, or to the end of a run that failed."""
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith("curl "):
            return "".join(lines)
    return "".join(lines) + process.stderr.read()


def children_of(pid: int) -> dict[int, str]:
    """Everything below a process, with the command lines."""
    parents, below, found = {}, {pid}, {}
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    while added := {child for child, parent in parents.items() if parent in below and child not in below}:
        below |= added
    for child in below - {pid}:
        with suppress(OSError):
            found[child] = Path(f"/proc/{child}/cmdline").read_text().replace("\0", " ")
    return found


def child_named(pid: int, word: str) -> int:
    """The eldest of the children whose command line has this word; 0 where there is none."""
    return min((child for child, command in children_of(pid).items() if word in command), default=0)


def status_of(port: int, path: str = "/healthz") -> int:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except OSError:
        return 0
    finally:
        connection.close()


def key_in(text: str) -> str:
    return re.search(r"^  Key +(kz_test_\S+)$", text, re.MULTILINE)[1]


def test_the_printed_line_works_as_pasted_and_a_second_start_finds_its_data(folder, port):
    """Day one: a decision by copy and paste. Day two: the same key, the same decision under its id."""
    with running(folder, port) as (process, text):
        key = key_in(text)
        line = text.strip().splitlines()[-1]
        answer = json.loads(subprocess.run(line, shell=True, capture_output=True, check=True).stdout)
        assert answer["id"].startswith("dec_")
        assert answer["offers"]
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    with running(folder, port) as (_, text):
        assert key_in(text) == key
        connection = HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("GET", f"/v1/decisions/{answer['id']}", headers={"Authorization": f"Bearer {key}"})
        assert json.loads(connection.getresponse().read())["id"] == answer["id"]
        connection.close()


def test_every_printed_address_answers(lived_in, port):
    """API reference, demo shop and admin are where the output says."""
    with running(lived_in, port) as (_, text):
        paths = re.findall(rf"http://127\.0\.0\.1:{port}(/\S+)$", text, re.MULTILINE)
        assert set(paths) >= {"/v1", "/docs", "/demo", "/admin"}
        found = {path: status_of(port, path) for path in paths if path != "/v1"}
        assert {path: status for path, status in found.items() if status not in (200, 302, 308)} == {}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_request_to_end_stops_everything_and_counts_as_success(lived_in, port, number):
    """Ctrl-C, a service manager, a closed terminal."""
    with running(lived_in, port) as (process, _):
        children = children_of(process.pid)
        assert len(children) >= 5
        process.send_signal(number)
        assert process.wait(60) == 0
        assert [command for pid, command in children.items() if alive(pid)] == []
        assert status_of(port) == 0


def test_a_killed_run_is_followed_by_the_next_at_once(lived_in, port):
    """Kill -9, and again, without waiting: same port, same folder, same data."""
    keys = set()
    for _ in range(3):
        with running(lived_in, port) as (process, text):
            keys.add(key_in(text))
            assert status_of(port) == 200
            process.kill()
            process.wait(10)
    assert len(keys) == 1


def test_killing_make_ends_everything(lived_in, port):
    """`make run` is our parent; when it is killed nobody would stop us."""
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {KULANZ!r}, 'run', '--stop-with-parent'])"
    with python("-c", parent, env=environment(lived_in, port)) as process:
        printed(process)
        children = children_of(process.pid)
        process.kill()
        with running(lived_in, port):
            assert status_of(port) == 200
            assert [pid for pid in children if alive(pid)] == []


def test_a_taken_port_is_told_before_anything_is_started(folder):
    """The port, what to set, exit status 1; no servers, no data."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with running(folder, port) as (process, text):
            assert process.wait(30) == 1
            assert f"port {port} on 127.0.0.1 is taken" in text
            assert "PORT=" in text
            assert "Traceback" not in text
    assert not (folder / "pg").exists()


def test_a_second_run_in_one_folder_is_told_where_the_first_is(lived_in, port):
    """Not "port taken", not two servers on one folder."""
    with running(lived_in, port), running(lived_in, port + 1) as (second, text):
        assert second.wait(30) == 1
        assert "already runs" in text
        assert f"http://127.0.0.1:{port}" in text
        assert status_of(port) == 200


def test_a_crashed_web_server_worker_or_database_is_started_again(lived_in, port):
    """Kill -9 of each child under a living supervisor."""
    with running(lived_in, port) as (process, _):
        for word in ("gunicorn", "run() worker", "bin/postgres", "valkey-server"):
            victim = child_named(process.pid, word)
            os.kill(victim, signal.SIGKILL)
            wait_until(lambda gone=victim: not alive(gone))
            wait_until(lambda word=word: child_named(process.pid, word) != 0)
            wait_until(lambda: status_of(port) == 200)


@pytest.fixture
def servers(live_owner_url) -> dict:
    """Real servers, as an operator names them: a migrated database and a cache."""
    with psycopg.connect(live_owner_url, autocommit=True) as connection:
        # Roles belong to the whole server: without INHERIT the other tests' web role gains nothing by this.
        connection.execute("GRANT kulanz_worker TO kulanz_web WITH INHERIT FALSE")
    return {
        "DATABASE_URL": live_owner_url.replace("postgres@", "kulanz_web@"),
        "DATABASE_OWNER_URL": live_owner_url,
        "REDIS_URL": os.environ["KULANZ_TEST_REDIS_URL"],
    }


def test_real_servers_are_used_where_the_environment_names_them(folder, port, servers):
    """DATABASE_URL and REDIS_URL: nothing embedded is started, everything else is the same."""
    with running(folder, port, env={**servers, "KULANZ_MASTER_KEYS": Keyring.generate()}) as (process, text):
        assert key_in(text)
        assert status_of(port) == 200
        commands = " ".join(children_of(process.pid).values())
        assert "gunicorn" in commands
        assert "bin/postgres" not in commands
        assert "valkey" not in commands
    assert not (folder / "pg").exists()


def test_a_real_database_with_data_is_never_given_new_keys(folder, port, servers):
    """A forgotten KULANZ_MASTER_KEYS is told; the start is refused."""
    with running(folder, port, env=servers) as (process, text):
        assert process.wait(30) == 1
        assert "KULANZ_MASTER_KEYS" in text
    assert not (folder / "secrets.json").exists()


def test_a_database_that_does_not_answer_is_told_in_one_line(folder, port, servers):
    """Not a stack trace."""
    gone = {**servers, "DATABASE_OWNER_URL": "postgresql://nobody@127.0.0.1:1/none"}
    with running(folder, port, env=gone) as (process, text):
        assert process.wait(30) == 1
        assert "unavailable: the database does not answer" in text
        assert "Traceback" not in text


def test_a_link_printed_beside_a_running_gateway_leads_to_it(lived_in, port):
    """The address is that of the run that lends its servers; what the shell says wins."""
    words = ("user", "invite", "ada@example.com", "Ada Byron")
    with running(lived_in, port):
        assert f"http://127.0.0.1:{port}/" in kulanz(lived_in, *words, PORT="")
        assert "https://pay.example/" in kulanz(lived_in, *words, PORT="", KULANZ_PUBLIC_URL="https://pay.example")
        assert "http://127.0.0.1:1/" in kulanz(lived_in, *words)


def test_secrets_are_private_and_never_made_anew_over_existing_data(lived_in, port):
    """Losing the file of keys must not turn into new keys that open nothing."""
    secrets = lived_in / "secrets.json"
    assert secrets.stat().st_mode & 0o777 == 0o600
    assert (lived_in / "demo.json").stat().st_mode & 0o777 == 0o600
    secrets.rename(lived_in / "put_away")
    try:
        with running(lived_in, port) as (process, text):
            assert process.wait(30) == 1
            assert "secrets.json is not there" in text
            assert not secrets.exists()
    finally:
        (lived_in / "put_away").rename(secrets)


def test_a_normal_user_runs_everything(folder, port):
    """No part needs root."""
    if os.geteuid() != 0:
        with running(folder, port):
            assert status_of(port) == 200
        return
    if (found := normal_account("gateway.wiring")) is None:
        pytest.skip("no account without rights can run Python with our packages here")
    account, interpreter = found
    folder.mkdir(mode=0o700)
    os.chown(folder, as_account(account)["user"], as_account(account)["group"])
    with running(folder, port, interpreter=interpreter, **as_account(account)) as (process, text):
        assert key_in(text)
        owners = {Path(f"/proc/{pid}").stat().st_uid for pid in children_of(process.pid)}
        assert owners == {as_account(account)["user"]}
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0


def test_make_says_plainly_that_python_is_missing(tmp_path):
    """Not "command not found" from the middle of a recipe."""
    for name in ("make", "sh", "test", "echo"):
        if found := shutil.which(name):
            (tmp_path / name).symlink_to(found)
    done = subprocess.run(
        ["make", "run"], cwd=PROJECT, env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert "Python 3.11 or newer is needed" in done.stderr


def test_what_was_backed_up_from_a_running_installation_runs_from_a_new_folder(lived_in, folder, port, tmp_path):
    """Backup while everything runs, keys carried apart, restore into a new folder, histories proven whole."""
    file = tmp_path / "installation.kulanz"
    with running(lived_in, port):
        assert "Keep them in another place" in kulanz(lived_in, "backup", str(file))
    folder.mkdir(mode=0o711)
    with pytest.raises(subprocess.CalledProcessError, match="exit status 2"):
        kulanz(folder, "restore", str(file))  # keys of its own were made, and they open nothing
    shutil.copy(lived_in / "secrets.json", folder / "secrets.json")
    assert "rows of" in kulanz(folder, "restore", str(file))
    kulanz(folder, "audit", "verify")
    with running(folder, port) as (_, text):
        answer = subprocess.run(text.strip().splitlines()[-1], shell=True, capture_output=True, check=True).stdout
        assert json.loads(answer)["offers"]


def kulanz(folder: Path, *arguments: str, **settings: str) -> str:
    """What a command prints; raises where it fails."""
    with python("-c", KULANZ, *arguments, env={**environment(folder, 1), **settings}) as process:
        output, errors = process.stdout.read(), process.stderr.read()
        if process.wait(60):
            raise subprocess.CalledProcessError(process.returncode, arguments, output, errors)
        return output
