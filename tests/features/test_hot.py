"""Statements of hot paths: fewer round trips, the same promises."""

import os

import psycopg
import pytest
from sqlalchemy import text

from gateway.core.hot import HotStatement
from gateway.core.ids import new_id

ADD = HotStatement(
    text(
        "INSERT INTO list_entry (merchant_id, id, digest, kind, action, reason, value_sealed, author, created_at, live)"
        " VALUES (:merchant, :id, :digest, 'ip', 'block', :reason, '', '', now(), true)"
    )
)
COUNT = HotStatement(text("SELECT count(*), current_setting('kulanz.merchant_id') FROM list_entry"))
BAD = HotStatement(text("SELECT 1 / CAST(:divisor AS int)"))
READ_BACK = HotStatement(text("SELECT reason FROM list_entry WHERE digest = ANY(:digests)"))
ALL = HotStatement(text("SELECT reason, id FROM list_entry WHERE id = ANY(CAST(:ids AS uuid[])) ORDER BY reason"))


def an_entry(merchant_id, reason="why", digest=None):
    return {"merchant": merchant_id, "id": new_id(), "digest": digest or os.urandom(16), "reason": reason}


def count(db, merchant_id):
    with db.connection(merchant_id) as connection:
        return COUNT.row(connection, {})[0]


def test_what_was_added_is_committed_with_the_transaction(live_db, merchant_id):
    """Another transaction of the same tenant sees it."""
    with live_db.connection(merchant_id) as connection:
        ADD.add(connection, an_entry(merchant_id))
        ADD.add(connection, an_entry(merchant_id))
    with live_db.connection(merchant_id) as connection:
        assert COUNT.row(connection, {}) == (2, str(merchant_id))


def test_another_tenant_sees_and_writes_nothing(live_db, merchant_id):
    """Row-level security knows the tenant before the first statement."""
    with live_db.connection(merchant_id) as connection:
        ADD.add(connection, an_entry(merchant_id))
    assert count(live_db, new_id()) == 0
    with pytest.raises(psycopg.errors.InsufficientPrivilege), live_db.connection(new_id()) as connection:
        ADD.row(connection, an_entry(merchant_id))


def test_an_error_of_what_was_added_undoes_everything(live_db, merchant_id):
    """It comes to light with COMMIT, and nothing is stored."""
    with pytest.raises(psycopg.errors.DivisionByZero), live_db.connection(merchant_id) as connection:  # noqa: PT012 - the block ends with COMMIT
        ADD.add(connection, an_entry(merchant_id))
        BAD.add(connection, {"divisor": 0})
    assert count(live_db, merchant_id) == 0


def test_a_failed_transaction_that_nobody_ended_is_not_taken_for_committed(live_db, merchant_id):
    """PostgreSQL answers COMMIT with ROLLBACK then, without an error of its own."""
    with pytest.raises(psycopg.errors.InFailedSqlTransaction), live_db.connection(merchant_id) as connection:  # noqa: SIM117 - the outer one ends with COMMIT
        with pytest.raises(psycopg.errors.DivisionByZero):
            BAD.row(connection, {"divisor": 0})
    assert count(live_db, merchant_id) == 0


def test_an_exception_undoes_what_was_added(live_db, merchant_id):
    """What nobody waited for is not even sent."""
    with pytest.raises(KeyError), live_db.connection(merchant_id) as connection:  # noqa: PT012 - the block is a transaction
        COUNT.row(connection, {})
        ADD.add(connection, an_entry(merchant_id))
        raise KeyError
    assert count(live_db, merchant_id) == 0


def test_statements_of_sqlalchemy_come_in_their_turn(live_db, merchant_id):
    """In one transaction with hot ones, before and after."""
    with live_db.connection(merchant_id) as connection:
        assert connection.scalar(text("SELECT current_setting('kulanz.merchant_id')")) == str(merchant_id)
        ADD.add(connection, an_entry(merchant_id))
        assert connection.scalar(text("SELECT count(*) FROM list_entry")) == 1
        ADD.add(connection, an_entry(merchant_id))
    assert count(live_db, merchant_id) == 2


def test_a_transaction_in_which_nothing_is_said_is_never_begun(live_db, merchant_id):
    """No round trip at all."""
    with live_db.connection(merchant_id) as connection:
        status = connection.connection.driver_connection.info.transaction_status
    assert status == psycopg.pq.TransactionStatus.IDLE


def test_a_connection_the_server_closed_is_replaced_unnoticed(live_db, live_owner_url, merchant_id):
    """A restart of the database costs nobody an error who comes after it."""
    assert count(live_db, merchant_id) == 0
    with psycopg.connect(live_owner_url, autocommit=True) as owner:
        owner.execute(
            "SELECT pg_terminate_backend(pid, 2000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    assert count(live_db, merchant_id) == 0


def test_after_a_rollback_statements_are_prepared_again(live_db, merchant_id):
    """The driver makes the server forget them."""
    for _ in range(7):  # the driver prepares what it has seen five times, and forgets it with everything else
        with live_db.connection(merchant_id) as connection:
            connection.scalar(text("SELECT 1"))
            COUNT.row(connection, {})
    with pytest.raises(KeyError), live_db.connection(merchant_id) as connection:  # noqa: PT012 - the block is a transaction
        COUNT.row(connection, {})
        raise KeyError
    with live_db.connection(merchant_id) as connection:
        with connection.begin_nested() as inner:
            COUNT.row(connection, {})
            inner.rollback()
        assert COUNT.row(connection, {}) == (0, str(merchant_id))


@pytest.mark.parametrize("value", ["", "it's", "back\\slash", "a;b--c", "%s %(x)s", "$1", "ä€😀", '\n\t"', "E'\\x00'"])
def test_values_arrive_as_they_were(live_db, merchant_id, value):
    """Whatever they look like."""
    digest = os.urandom(16)
    with live_db.connection(merchant_id) as connection:
        ADD.add(connection, an_entry(merchant_id, value, digest))
        assert READ_BACK.row(connection, {"digests": [b"\\", digest]}) == (value,)
        assert READ_BACK.row(connection, {"digests": []}) is None


def test_each_trip_commits_what_it_brings(live_db, merchant_id):
    """Nobody says BEGIN: what goes together happens together, and others see it at once."""
    with live_db.trips(merchant_id) as trips:
        ADD.add(trips, an_entry(merchant_id))
        assert COUNT.row(trips, {}) == (1, str(merchant_id))
        assert count(live_db, merchant_id) == 1
        ADD.add(trips, an_entry(merchant_id))
    assert count(live_db, merchant_id) == 2


def test_each_trip_knows_its_tenant_and_the_next_borrower_does_not(live_db, merchant_id):
    """The setting ends with the trip; the pooled connection shows nothing to who names no tenant."""
    with live_db.trips(merchant_id) as trips:
        ADD.add(trips, an_entry(merchant_id))
        COUNT.row(trips, {})
        other = trips.driver.execute("SELECT current_setting('kulanz.merchant_id', true), count(*) FROM list_entry")
        assert other.fetchone() == ("", 0)
        assert COUNT.row(trips, {}) == (1, str(merchant_id))
    with live_db.trips(new_id()) as trips:
        assert COUNT.row(trips, {})[0] == 0
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            ADD.row(trips, an_entry(merchant_id))


def test_a_trip_that_fails_does_nothing_and_the_connection_serves_on(live_db, merchant_id):
    """An error undoes its own trip, not those before."""
    with live_db.trips(merchant_id) as trips:
        ADD.add(trips, an_entry(merchant_id))
        assert COUNT.row(trips, {})[0] == 1
        ADD.add(trips, an_entry(merchant_id))
        with pytest.raises(psycopg.errors.DivisionByZero):
            BAD.row(trips, {"divisor": 0})
        assert COUNT.row(trips, {})[0] == 1


def test_an_exception_between_trips_sends_nothing_more(live_db, merchant_id):
    """What waited is forgotten."""
    with pytest.raises(KeyError), live_db.trips(merchant_id) as trips:  # noqa: PT012 - the block ends with a trip
        ADD.add(trips, an_entry(merchant_id))
        raise KeyError
    assert count(live_db, merchant_id) == 0


def test_a_connection_that_dies_between_trips_is_an_error_and_leaves_the_pool(live_db, live_owner_url, merchant_id):
    """The next who comes gets another one."""
    with pytest.raises(psycopg.OperationalError), live_db.trips(merchant_id) as trips:  # noqa: PT012 - the second trip fails
        assert COUNT.row(trips, {})[0] == 0
        with psycopg.connect(live_owner_url, autocommit=True) as owner:
            owner.execute("SELECT pg_terminate_backend(%s, 2000)", (trips.driver.info.backend_pid,))
        COUNT.row(trips, {})
    with live_db.trips(merchant_id) as trips:
        assert COUNT.row(trips, {})[0] == 0


def test_text_with_a_nul_is_refused_and_never_cut_short(live_db, merchant_id):
    """As a value and in a list."""
    with live_db.trips(merchant_id) as trips, pytest.raises(psycopg.errors.CharacterNotInRepertoire):
        ADD.row(trips, an_entry(merchant_id, "before\0after"))


def test_many_rows_are_read_by_a_list_of_ids(live_db, merchant_id):
    """All of them, in order; none is an empty list."""
    entries = [an_entry(merchant_id, reason) for reason in ("b", "a")]
    with live_db.trips(merchant_id) as trips:
        for entry in entries:
            ADD.add(trips, entry)
        wanted = {"ids": [entry["id"] for entry in entries]}
        assert ALL.rows(trips, wanted) == [("a", entries[1]["id"]), ("b", entries[0]["id"])]
        assert ALL.rows(trips, {"ids": [new_id()]}) == []


def test_a_connection_that_came_back_closed_is_replaced_unnoticed(live_db, merchant_id):
    """However it got into the pool, nobody is served by it again."""
    for _ in range(2):
        lent = live_db.engine.raw_connection()
        lent.driver_connection.close()
        lent.close()
        assert count(live_db, merchant_id) == 0
        lent = live_db.engine.raw_connection()
        lent.driver_connection.close()
        lent.close()
        with live_db.trips(merchant_id) as trips:
            assert COUNT.row(trips, {})[0] == 0
