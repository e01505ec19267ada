"""Rotation of master keys: every data key ends under the current one, and nothing is lost on the way."""

from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from sqlalchemy import Column, LargeBinary, MetaData, Table, Text, Uuid, select, text

from gateway.core.crypto import Keyring, KeyUnknown, Tampered, new_key
from gateway.core.db import RUNTIME_ROLES, new_engine, secure
from gateway.core.ids import new_id
from gateway.core.rotation import BATCH, WrappedColumn, kids_in_use, rewrap_batch
from gateway.keys import keys

FIRST, SECOND = Keyring.generate("k1"), Keyring.generate("key-2026")
BEFORE, AFTER = Keyring.parse(FIRST), Keyring.parse(f"{SECOND},{FIRST}")

OWN = MetaData()
BUYERS = Table(
    "test_buyer",
    OWN,
    Column("merchant_id", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("wrapped", LargeBinary),
)
SECRETS = Table("test_secret", OWN, Column("purpose", Text, primary_key=True), Column("wrapped", LargeBinary))


def buyer_context(row) -> str:
    """The place of a buyer's key."""
    return f"buyer.key:{row.merchant_id}:{row.id}"


OF_BUYERS = WrappedColumn(BUYERS, "wrapped", buyer_context)
OF_ALL = WrappedColumn(SECRETS, "wrapped", lambda row: f"secret:{row.purpose}")


@pytest.fixture
def keys_db(live_owner_url, worker_db):
    """A database with a tenant table and a tenant-free one that hold wrapped keys."""
    engine = new_engine(live_owner_url)
    with engine.begin() as connection:
        OWN.create_all(connection)
        for statement in secure("test_buyer"):
            connection.exec_driver_sql(statement)
        connection.exec_driver_sql(f"GRANT ALL ON test_buyer, test_secret TO {', '.join(RUNTIME_ROLES)}")
    engine.dispose()
    return worker_db


def add_buyers(database, merchant_id, number=5, keyring=BEFORE):
    """Buyers with data keys, and one whose key was erased; id → data key."""
    made = {new_id(): new_key() for _ in range(number)}
    rows = [
        {"merchant_id": merchant_id, "id": id_, "wrapped": keyring.wrap(key, f"buyer.key:{merchant_id}:{id_}")}
        for id_, key in made.items()
    ]
    with database.transaction(merchant_id) as session:
        session.execute(BUYERS.insert(), [*rows, {"merchant_id": merchant_id, "id": new_id(), "wrapped": None}])
    return made


def all_opened(database, merchant_id, keyring):
    """Data keys by id, opened now."""
    with database.transaction(merchant_id) as session:
        rows = session.execute(select(BUYERS).where(BUYERS.c.wrapped.is_not(None))).all()
    return {row.id: keyring.unwrap(row.wrapped, buyer_context(row)) for row in rows}


def run_keys(database, *arguments, keyring=AFTER, merchants=(), columns=(OF_BUYERS, OF_ALL)):
    """`kulanz keys …` with the context that the command line would give it."""
    operator = SimpleNamespace(
        services=SimpleNamespace(db=database, keyring=keyring),
        wrapped_columns=columns,
        merchant_ids=lambda: merchants,
    )
    return CliRunner().invoke(keys, arguments, obj=operator)


def test_after_rotation_the_old_master_key_can_be_dropped(keys_db):
    """Two merchants, a tenant-free table, several batches; erased keys stay erased."""
    merchants = [new_id(), new_id()]
    made = {
        merchant: add_buyers(keys_db, merchant, number)
        for merchant, number in zip(merchants, (5, BATCH + 1), strict=True)
    }
    login = {"purpose": "login", "wrapped": BEFORE.wrap(new_key(), "secret:login")}
    with keys_db.transaction(None) as session:
        session.execute(SECRETS.insert(), login)
    before = run_keys(keys_db, "status", merchants=merchants)
    assert before.output == "key-2026: 0 (current)\nk1: 507\n"
    rotated = run_keys(keys_db, "rotate", merchants=merchants)
    assert rotated.output == (
        "test_buyer.wrapped: 506 wrapped under key-2026\ntest_secret.wrapped: 1 wrapped under key-2026\n"
    )
    assert run_keys(keys_db, "status", merchants=merchants).output == "key-2026: 507 (current)\nk1: 0\n"
    without_old = Keyring.parse(SECOND)
    assert all(all_opened(keys_db, merchant, without_old) == made[merchant] for merchant in merchants)


def test_rotation_may_be_stopped_between_two_batches(keys_db, merchant_id):
    """Half rotated, every key opens; the second run does the rest and a third finds nothing."""
    made = add_buyers(keys_db, merchant_id)
    done = []
    for _ in range(4):
        with keys_db.transaction(merchant_id) as session:
            done.append([id_ for _, id_ in rewrap_batch(session, AFTER, OF_BUYERS, limit=2)])
        assert all_opened(keys_db, merchant_id, AFTER) == made
    assert [len(batch) for batch in done] == [2, 2, 1, 0]
    assert [id_ for batch in done for id_ in batch] == sorted(made)


def test_rotation_goes_on_where_a_batch_ended(keys_db, merchant_id):
    """It never looks again at rows it has passed, so that a large table is read once."""
    ids = sorted(add_buyers(keys_db, merchant_id))
    with keys_db.transaction(merchant_id) as session:
        done = rewrap_batch(session, AFTER, OF_BUYERS, after=(merchant_id, ids[2]))
    assert done == [[merchant_id, ids[3]], [merchant_id, ids[4]]]


def test_a_key_erased_during_rotation_stays_erased(keys_db, merchant_id):
    """The new form is written only where the old one still stands."""
    add_buyers(keys_db, merchant_id, number=1)

    def erased_meanwhile(row) -> str:
        with keys_db.transaction(merchant_id) as session:
            session.execute(BUYERS.update().values(wrapped=None))
        return buyer_context(row)

    with keys_db.transaction(merchant_id) as session:
        assert rewrap_batch(session, AFTER, WrappedColumn(BUYERS, "wrapped", erased_meanwhile))
    assert all_opened(keys_db, merchant_id, AFTER) == {}


def test_a_missing_master_key_stops_rotation_and_is_named(keys_db, merchant_id):
    """Nothing is overwritten; the status shows which key is in use without being configured."""
    made = add_buyers(keys_db, merchant_id)
    alone = Keyring.parse(SECOND)
    result = run_keys(keys_db, "rotate", keyring=alone, merchants=[merchant_id])
    assert isinstance(result.exception, KeyUnknown)
    assert all_opened(keys_db, merchant_id, BEFORE) == made
    status = run_keys(keys_db, "status", keyring=alone, merchants=[merchant_id])
    assert status.output == "key-2026: 0 (current)\nk1: 5 (not configured!)\n"


@pytest.mark.parametrize("damaged", [r"'\x'", r"'\x00'", r"'\x1140'", r"'\x11026b'", r"'\x0102030405'"])
def test_a_damaged_wrapped_key_stops_rotation(keys_db, merchant_id, damaged):
    """It cannot be wrapped anew, and nobody finds out years later."""
    add_buyers(keys_db, merchant_id, number=1)
    with keys_db.transaction(merchant_id) as session:
        session.execute(text(f"UPDATE test_buyer SET wrapped = {damaged} WHERE wrapped IS NOT NULL"))
    with keys_db.transaction(merchant_id) as session:
        assert sum(kids_in_use(session, OF_BUYERS).values()) == 1
        with pytest.raises((Tampered, KeyUnknown)):
            rewrap_batch(session, AFTER, OF_BUYERS)


def test_a_new_master_key_is_printed_ready_for_use():
    """`kulanz keys new k7` needs no database; a bad id is refused."""
    made = CliRunner().invoke(keys, ["new", "k7"])
    assert Keyring.parse(made.output).current == "k7"
    assert CliRunner().invoke(keys, ["new", "my key"]).exit_code == 2
