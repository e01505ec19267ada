"""History: append-only, and in order however many write at once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Barrier

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from gateway.core.anchors import Trail
from gateway.core.crypto import Tampered, new_key
from gateway.core.errors import Unavailable
from gateway.core.history import Entry, append, lines
from gateway.core.ids import new_id
from gateway.core.verification import verify

KEY = new_key()
TRAIL = Trail(key_of=lambda _: KEY)


def an_entry(subject_id, event="Opened", **body) -> Entry:
    """Something that happened to a claim."""
    return Entry("claim", subject_id, event, "user:anna", datetime(2026, 11, 22, 12, tzinfo=UTC), body)


def test_entries_are_read_in_order_and_open_with_their_key(db, merchant_id):
    """Without the key the events remain and the bodies stay closed."""
    subject = new_id()
    with db.transaction(merchant_id) as session:
        for event in ("Opened", "ReminderSent", "Settled"):
            append(session, an_entry(subject, event, name="Anna Muster"), KEY)
        assert [(line.seq, line.event) for line in lines(session, subject, KEY)] == [
            (1, "Opened"),
            (2, "ReminderSent"),
            (3, "Settled"),
        ]
        assert lines(session, subject, KEY, after_seq=1, limit=1)[0].body == {"name": "Anna Muster"}
        assert [line.body for line in lines(session, subject, None)] == [None] * 3
        with pytest.raises(Tampered):
            lines(session, subject, new_key())
        assert "Muster" not in str(session.execute(text("SELECT * FROM history")).all())


def test_eight_writers_on_one_subject_make_one_chain(worker_db, merchant_id):
    """They queue up; no number is given twice and none is left out."""
    subject, together = new_id(), Barrier(8)

    def write(number: int) -> None:
        together.wait()
        for _ in range(5):
            with worker_db.transaction(merchant_id) as session:
                append(session, an_entry(subject, f"By{number}"), KEY)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(write, range(8)))
    with worker_db.transaction(merchant_id) as session:
        assert [line.seq for line in lines(session, subject, KEY)] == list(range(1, 41))
        report = verify(session, TRAIL)
    assert (report.sound, report.entries, report.subjects) == (True, 40, 1)


def test_a_rolled_back_entry_leaves_no_hole(worker_db, merchant_id):
    """The number goes to whoever commits next."""
    subject = new_id()

    def fails() -> None:
        with worker_db.transaction(merchant_id) as session:
            append(session, an_entry(subject), KEY)
            raise Unavailable

    with pytest.raises(Unavailable):
        fails()
    with worker_db.transaction(merchant_id) as session:
        assert append(session, an_entry(subject), KEY).seq == 1


@pytest.mark.parametrize("statement", ["UPDATE history SET event = 'x'", "DELETE FROM history", "TRUNCATE history"])
def test_the_database_refuses_to_change_history(worker_db, merchant_id, live_owner_url, statement):
    """Runtime roles lack the right, and the owner meets a trigger, also when he plays a replica."""
    with worker_db.transaction(merchant_id) as session:
        append(session, an_entry(new_id()), KEY)
    with worker_db.transaction(merchant_id) as session, pytest.raises(ProgrammingError), session.begin_nested():
        session.execute(text(statement))
    with psycopg.connect(live_owner_url, autocommit=True) as owner:
        for role in ("origin", "replica"):
            owner.execute(f"SET session_replication_role = {role}")
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="never changed or removed"):
                owner.execute(statement)


def test_a_chain_must_start_on_a_whole_digest(db, merchant_id):
    """A wrong start is a programmer's mistake and is refused at once."""
    with db.transaction(merchant_id) as session, pytest.raises(ValueError, match="SHA-256"):
        append(session, an_entry(new_id()), KEY, start=b"short")
