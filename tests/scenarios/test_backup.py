"""A backup brings everything back: every row, every right, every chain; a damaged or foreign one is refused."""

import json
import secrets
import threading
import zipfile
from datetime import UTC, datetime

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from gateway import backup, config, migrate
from gateway.core.anchors import Trail
from gateway.core.crypto import Keyring
from gateway.core.db import WEB_ROLE, Database
from gateway.core.history import Entry, append, lines
from gateway.core.ids import new_id
from gateway.core.verification import verify
from gateway.merchants import merchants
from gateway.merchants.auth import SCOPES, NewKey, create_key, find_principal
from gateway.merchants.secrets import get_keys

pytestmark = pytest.mark.slow
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
KEY = NewKey(shop_id=new_id(), name="till", scopes=SCOPES, live=False)


@pytest.fixture
def empty_url(owner_url):
    """The owner's address of a database without a single table."""
    name = f"empty_{secrets.token_hex(6)}"
    with psycopg.connect(owner_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield owner_url.partition("@/")[0] + f"@/{name}?" + owner_url.partition("?")[2]
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def filled(live_db, keyring):
    """Two merchants, each with a key and a history of five entries."""
    found = {}
    for name in ("Weinhandlung Süd", "Fahrrad Nord"):
        merchant_id, subject_id = merchants.create(live_db, keyring, name, "DE", NOW), new_id()
        with live_db.transaction(merchant_id) as session:
            key = get_keys(session, keyring).data
            for number in range(5):
                append(session, Entry("user", subject_id, "UserSignedIn", "worker", NOW, {"number": number}), key)
        found[merchant_id] = subject_id
    return found


@pytest.fixture
def database(empty_url):
    """The restored database as the web server sees it."""
    opened = Database(empty_url.replace("postgres@", f"{WEB_ROLE}@"), role=WEB_ROLE)
    yield opened
    opened.engine.dispose()


def settings(url: str) -> config.Settings:
    return config.load({"DATABASE_URL": url, "DATABASE_OWNER_URL": url})


def fingerprint(url: str) -> dict:
    """Every table with its number of rows and a hash over all of them."""
    with psycopg.connect(url) as connection:
        return {
            table: connection.execute(
                f"SELECT count(*), md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {table} t"
            ).fetchone()
            for table in backup._tables(connection)
        }


def rights(url: str) -> list:
    """Who may do what, and which tables are closed to other tenants."""
    with psycopg.connect(url) as connection:
        tables = connection.execute(
            """SELECT relname, relacl::text, relrowsecurity, relforcerowsecurity FROM pg_class
               WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace ORDER BY 1"""
        ).fetchall()
        policies = connection.execute("SELECT tablename, policyname, qual, with_check FROM pg_policies ORDER BY 1, 2")
        return [tables, policies.fetchall()]


def test_everything_comes_back_in_a_new_database(live_owner_url, empty_url, database, keyring, filled, tmp_path):
    """Rows, hashes of their contents, rights and policies are the same; histories are whole and readable."""
    made = backup.backup(live_owner_url, keyring, tmp_path / "monday.kulanz", NOW)
    restored = backup.restore(settings(empty_url), keyring, tmp_path / "monday.kulanz")
    assert restored == made
    assert fingerprint(empty_url) == fingerprint(live_owner_url)
    assert rights(empty_url) == rights(live_owner_url)
    assert made.tables["merchant"] == 2
    assert made.tables["history"] == 10
    for merchant_id, subject_id in filled.items():
        with database.transaction(merchant_id) as session:
            report = verify(session, Trail(lambda opened: get_keys(opened, keyring).data))
            assert report.entries == 5
            assert report.faults == []
            assert [line.body for line in lines(session, subject_id, get_keys(session, keyring).data)] == [
                {"number": number} for number in range(5)
            ]


def test_the_restored_database_keeps_tenants_apart(live_owner_url, empty_url, database, keyring, filled, tmp_path):
    """Row-level security is part of the backup, not an afterthought."""
    backup.backup(live_owner_url, keyring, tmp_path / "file", NOW)
    backup.restore(settings(empty_url), keyring, tmp_path / "file")
    database.refuse_privileges()
    with database.connection(None) as connection:
        assert connection.execute(text("SELECT count(*) FROM history")).scalar() == 0
    with database.connection(next(iter(filled))) as connection:
        assert connection.execute(text("SELECT count(*) FROM history")).scalar() == 5
    refused = pytest.raises(DBAPIError, match=r"permission denied|append-only")
    with refused, database.connection(next(iter(filled))) as connection:
        connection.execute(text("DELETE FROM history"))


def test_a_backup_is_one_moment_also_while_others_write(live_owner_url, empty_url, live_db, keyring, filled, tmp_path):
    """A transaction of two rows is in the backup whole or not at all."""
    merchant_id = next(iter(filled))
    written, stop = [], threading.Event()

    def write() -> None:
        while not stop.is_set():
            with live_db.transaction(merchant_id) as session:
                for _ in range(2):
                    create_key(session, KEY, NOW)
            written.append(1)

    writer = threading.Thread(target=write)
    writer.start()
    made = backup.backup(live_owner_url, keyring, tmp_path / "file", NOW)
    stop.set()
    writer.join()
    assert made.tables["api_key"] % 2 == 0
    assert made.tables["api_key"] == made.tables["key_lookup"]
    assert written
    backup.restore(settings(empty_url), keyring, tmp_path / "file")  # compares rows with the counts of the snapshot


def test_the_file_is_private_and_holds_neither_keys_nor_names(live_owner_url, keyring, filled, tmp_path):
    """Master keys stay where they are; the manifest holds numbers."""
    file = tmp_path / "file"
    backup.backup(live_owner_url, keyring, file, NOW)
    assert file.stat().st_mode & 0o777 == 0o600
    with zipfile.ZipFile(file) as archive:
        assert sorted(archive.namelist()) == ["database.dump", "manifest.json"]
        manifest = json.loads(archive.read("manifest.json"))
    assert manifest["schema"] == migrate.head_revision()
    assert manifest["version"]
    assert not list(tmp_path.glob("*.part"))


def test_a_backup_never_overwrites_another(live_owner_url, keyring, tmp_path):
    """Yesterday's backup is not the place for today's mistake."""
    (tmp_path / "file").write_text("yesterday")
    with pytest.raises(backup.FileThere):
        backup.backup(live_owner_url, keyring, tmp_path / "file", NOW)
    assert (tmp_path / "file").read_text() == "yesterday"


@pytest.fixture
def file(live_owner_url, keyring, filled, tmp_path):
    """A good backup."""
    backup.backup(live_owner_url, keyring, tmp_path / "file", NOW)
    return tmp_path / "file"


def assert_untouched(url: str) -> None:
    with psycopg.connect(url) as connection:
        assert backup._tables(connection) == []


@pytest.mark.parametrize("place", [0.1, 0.5, 0.9, 0.9999])
def test_a_backup_with_one_changed_byte_is_refused(file, empty_url, keyring, place):
    """Wherever the byte lies in dump and manifest; nothing is written."""
    content = bytearray(file.read_bytes())
    with zipfile.ZipFile(file) as archive:  # its directory, behind both, has bytes that mean nothing
        content[int(archive.start_dir * place)] ^= 0xFF
    file.write_bytes(content)
    with pytest.raises(backup.BackupDamaged):
        backup.restore(settings(empty_url), keyring, file)
    assert_untouched(empty_url)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_a_backup_that_was_cut_off_is_refused(file, empty_url, keyring, share):
    """A full disk, a broken transfer."""
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(backup.BackupDamaged):
        backup.restore(settings(empty_url), keyring, file)
    assert_untouched(empty_url)


def rewrite(file, **changes) -> None:
    """The same backup with another manifest."""
    with zipfile.ZipFile(file) as archive:
        dump, manifest = archive.read("database.dump"), json.loads(archive.read("manifest.json"))
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("database.dump", dump)
        archive.writestr("manifest.json", json.dumps({**manifest, **changes}))


def test_a_dump_that_is_not_the_one_described_is_refused(file, empty_url, keyring):
    """The checksum ties both together."""
    rewrite(file, dump_sha256="0" * 64)
    with pytest.raises(backup.BackupDamaged, match="checksum"):
        backup.restore(settings(empty_url), keyring, file)
    assert_untouched(empty_url)


@pytest.mark.parametrize("change", [{"schema": "9999"}, {"format": 2}])
def test_a_backup_of_a_newer_version_is_refused(file, empty_url, keyring, change):
    """An older program does not guess what newer tables mean."""
    rewrite(file, **change)
    with pytest.raises(backup.BackupTooNew):
        backup.restore(settings(empty_url), keyring, file)
    assert_untouched(empty_url)


def test_a_database_with_tables_is_not_overwritten(file, live_owner_url, keyring):
    """Restore is no way to lose what is there."""
    before = fingerprint(live_owner_url)
    with pytest.raises(backup.DatabaseNotEmpty):
        backup.restore(settings(live_owner_url), keyring, file)
    assert fingerprint(live_owner_url) == before


def test_keys_that_do_not_open_the_backup_are_told_before_anything_is_written(file, empty_url):
    """Another installation's keys, also when they carry the same id."""
    for stranger in (Keyring.generate("k1"), Keyring.generate("k2")):
        with pytest.raises(backup.KeysDoNotFit, match="KULANZ_MASTER_KEYS"):
            backup.restore(settings(empty_url), Keyring.parse(stranger), file)
    assert_untouched(empty_url)


def test_a_backup_is_refused_where_a_key_that_is_in_use_is_not_configured(live_owner_url, filled, tmp_path):
    """A shell with half of KULANZ_MASTER_KEYS would otherwise make a copy that nobody can vouch for."""
    with pytest.raises(backup.KeysMissing, match="KULANZ_MASTER_KEYS"):
        backup.backup(live_owner_url, Keyring.parse(Keyring.generate("k9")), tmp_path / "file", NOW)
    assert list(tmp_path.iterdir()) == []


def test_a_backup_after_half_a_rotation_needs_both_keys(live_owner_url, empty_url, live_db, tmp_path):
    """The manifest names every master key that is in use, and a restore wants all of them."""
    old, new = Keyring.generate("k7"), Keyring.generate("k8")
    merchants.create(live_db, Keyring.parse(old), "Weinhandlung Süd", "DE", NOW)
    merchants.create(live_db, both := Keyring.parse(f"{new},{old}"), "Fahrrad Nord", "DE", NOW)
    made = backup.backup(live_owner_url, both, tmp_path / "file", NOW)
    assert (made.key_id, made.keys_in_use) == ("k8", ["k7", "k8"])
    with pytest.raises(backup.KeysDoNotFit, match="k7"):
        backup.restore(settings(empty_url), Keyring.parse(new), tmp_path / "file")
    assert_untouched(empty_url)
    assert backup.restore(settings(empty_url), both, tmp_path / "file") == made


def test_a_folder_that_is_not_there_is_told(live_owner_url, keyring, tmp_path):
    """In one line, not as a stack trace."""
    with pytest.raises(backup.FileUnwritable, match="No such file or directory"):
        backup.backup(live_owner_url, keyring, tmp_path / "none" / "file", NOW)


def test_a_restore_that_fails_half_way_leaves_nothing(file, empty_url, keyring, monkeypatch):
    """All tables or none."""
    with psycopg.connect(empty_url, autocommit=True) as connection:
        connection.execute("CREATE VIEW policy_live AS SELECT 1")  # takes the name of a table to come
        with pytest.raises(backup.ToolFailed, match="already exists"):
            backup.restore(settings(empty_url), keyring, file)
    assert_untouched(empty_url)


def test_keys_of_shops_still_work_after_a_restore(live_owner_url, empty_url, live_db, database, keyring, tmp_path):
    """A shop notices nothing."""
    merchant_id = merchants.create(live_db, keyring, "Weinhandlung Süd", "DE", NOW)
    with live_db.transaction(merchant_id) as session:
        _, secret = create_key(session, KEY, NOW)
    backup.backup(live_owner_url, keyring, tmp_path / "file", NOW)
    backup.restore(settings(empty_url), keyring, tmp_path / "file")
    assert find_principal(database, secret).merchant_id == merchant_id
