"""The same request twice is carried out once, also when both arrive at the same moment."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier, Event

import pytest
from sqlalchemy import select, text

from gateway.core.crypto import new_key
from gateway.core.errors import Invalid
from gateway.core.idempotency import (
    KEPT,
    Answer,
    IdempotencyConflict,
    IdempotencyKey,
    RequestInProgress,
    attempt,
    begin,
    finish,
    forget_expired,
)
from gateway.core.ids import new_id

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DATA_KEY = new_key()
BODY = b'{"total_minor": 12990}'
ANSWER = b'{"id": "dec_01", "buyer": "Anna Muster"}'


def an_attempt(merchant_id, key="order-4711", body=BODY, scope="shop1 POST /v1/decisions"):
    """A checkout that asks for a decision."""
    return attempt(merchant_id, DATA_KEY, scope, key, body)


def test_a_repeated_request_gets_the_first_answer(db, merchant_id):
    """Status and body come back byte for byte; in the row they are sealed and the key is only a hash."""
    this = an_attempt(merchant_id)
    with db.connection(merchant_id) as connection:
        assert begin(connection, this, NOW) is None
        finish(connection, this, 201, ANSWER)
    with db.connection(merchant_id) as connection:
        assert begin(connection, an_attempt(merchant_id), NOW + timedelta(hours=47)) == Answer(201, ANSWER)
        row = " ".join(map(str, connection.execute(select(IdempotencyKey.__table__)).one()))
        assert "Anna" not in row
        assert "order-4711" not in row


def test_a_session_serves_as_well_as_a_connection(db, merchant_id):
    """The desk's forms use the same guard."""
    this = an_attempt(merchant_id)
    with db.transaction(merchant_id) as session:
        assert begin(session, this, NOW) is None
        finish(session, this, 200, b"")
        assert begin(session, this, NOW) == Answer(200, b"")


def test_other_content_under_the_same_key_is_a_conflict(db, merchant_id):
    """The answer of one basket must never be given for another."""
    this = an_attempt(merchant_id)
    with db.connection(merchant_id) as connection:
        begin(connection, this, NOW)
        finish(connection, this, 201, ANSWER)
        with pytest.raises(IdempotencyConflict) as caught:
            begin(connection, an_attempt(merchant_id, body=b"{}"), NOW)
    assert (caught.value.status, caught.value.code) == (409, "idempotency-conflict")


def test_keys_of_two_scopes_and_two_merchants_do_not_meet(db, merchant_id):
    """Order 1 of one shop is not order 1 of another."""
    with db.connection(merchant_id) as connection:
        assert begin(connection, an_attempt(merchant_id), NOW) is None
        assert begin(connection, an_attempt(merchant_id, scope="shop2 POST /v1/decisions"), NOW) is None
    other = new_id()
    with db.connection(other) as connection:
        assert begin(connection, an_attempt(other), NOW) is None


def test_a_failed_request_may_be_tried_again(live_db, merchant_id):
    """What was rolled back has used no key."""
    this = an_attempt(merchant_id)

    def fails() -> None:
        with live_db.connection(merchant_id) as connection:
            begin(connection, this, NOW)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fails()
    with live_db.connection(merchant_id) as connection:
        assert begin(connection, this, NOW) is None


def test_a_key_past_its_time_is_a_new_key(db, merchant_id):
    """Also before the sweep has met it, and with other content."""
    with db.connection(merchant_id) as connection:
        begin(connection, an_attempt(merchant_id), NOW)
        finish(connection, an_attempt(merchant_id), 201, ANSWER)
        fresh = an_attempt(merchant_id, body=b"{}")
        assert begin(connection, fresh, NOW + KEPT) is None
        finish(connection, fresh, 200, b"2")
        assert begin(connection, fresh, NOW + KEPT) == Answer(200, b"2")


def test_a_request_that_left_no_answer_is_told_so(db, merchant_id):
    """A key without an answer never lets the same request run a second time."""
    with db.connection(merchant_id) as connection:
        begin(connection, an_attempt(merchant_id), NOW)
        with pytest.raises(RequestInProgress):
            begin(connection, an_attempt(merchant_id), NOW)


def test_of_requests_that_race_one_runs_and_the_others_get_its_answer(live_db, merchant_id):
    """Eight threads, one key: one decision."""
    together, ran = Barrier(8), []

    def request(number: int) -> bytes:
        together.wait()
        with live_db.connection(merchant_id) as connection:
            answer = begin(connection, an_attempt(merchant_id), NOW)
            if answer:
                return answer.body
            ran.append(number)
            body = f"decided by {number}".encode()
            finish(connection, an_attempt(merchant_id), 201, body)
            return body

    with ThreadPoolExecutor(8) as threads:
        answers = set(threads.map(request, range(8)))
    assert len(ran) == 1
    assert answers == {f"decided by {ran[0]}".encode()}


def test_when_the_first_of_two_racing_requests_fails_the_second_runs(live_db, merchant_id):
    """The one that waited takes over; nothing is lost with the first."""
    begun = Event()

    def fails() -> None:
        with live_db.connection(merchant_id) as connection:
            begin(connection, an_attempt(merchant_id), NOW)
            begun.set()
            wait_for_a_waiter(live_db)
            raise RuntimeError

    with ThreadPoolExecutor(1) as thread:
        first = thread.submit(fails)
        begun.wait(5)
        with live_db.connection(merchant_id) as connection:
            assert begin(connection, an_attempt(merchant_id), NOW) is None
        assert isinstance(first.exception(), RuntimeError)


def test_a_duplicate_of_a_slow_request_is_asked_to_come_back(live_db, merchant_id):
    """It waits no longer than the lock time-out and is then told what is going on."""
    with live_db.connection(merchant_id) as connection:
        begin(connection, an_attempt(merchant_id), NOW)
        with pytest.raises(RequestInProgress) as caught:
            impatient(live_db, merchant_id)
    assert caught.value.status == 409


@pytest.mark.parametrize("key", ["", " ", " a", "a ", "a" * 256, "schlüssel", "a\nb", "a\x7f"])
def test_a_malformed_key_is_refused(key, merchant_id):
    """1 to 255 printable ASCII characters; HTTP would strip a space at either end."""
    with pytest.raises(Invalid) as caught:
        an_attempt(merchant_id, key=key)
    assert caught.value.facts["errors"][0]["path"] == "/headers/Idempotency-Key"


@pytest.mark.parametrize("key", ["1", "a" * 255, "order 4711", "8e03978e-40d5-43e8-bc93-6894a57f9324", "!~"])
def test_a_well_formed_key_is_accepted(key, merchant_id):
    """UUIDs, order numbers, whatever the client has."""
    assert an_attempt(merchant_id, key=key).id


def test_the_sweep_takes_what_is_past_its_time_in_portions(db, merchant_id):
    """Younger keys and other merchants' stay."""
    other = new_id()
    with db.transaction(other) as session:
        begin(session, an_attempt(other), NOW)
    with db.transaction(merchant_id) as session:
        for number in range(5):
            begin(session, an_attempt(merchant_id, key=f"old-{number}"), NOW)
        begin(session, an_attempt(merchant_id, key="young"), NOW + timedelta(hours=1))
        swept = [forget_expired(session, NOW + KEPT, limit=2) for _ in range(4)]
        assert swept == [2, 2, 1, 0]
        with pytest.raises(RequestInProgress):
            begin(session, an_attempt(merchant_id, key="young"), NOW + KEPT)
    with db.transaction(other) as session:
        assert forget_expired(session, NOW + KEPT) == 1


def impatient(database, merchant_id) -> None:
    """Begin the same request with a lock time-out of 50 ms instead of five seconds."""
    with database.connection(merchant_id) as connection:
        connection.execute(text("SET LOCAL lock_timeout = '50ms'"))
        begin(connection, an_attempt(merchant_id), NOW)


def wait_for_a_waiter(database) -> None:
    """Return once another connection waits for a lock (at most five seconds)."""
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted AND pid <> pg_backend_pid()")
    for _ in range(500):
        with database.connection(None) as connection:
            if connection.scalar(waiting):
                return
            connection.execute(text("SELECT pg_sleep(0.01)"))
    raise AssertionError("nobody waited")
