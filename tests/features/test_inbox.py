"""What comes into the house: stored once, answered, worked off exactly once, parked when it cannot be."""

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from gateway.core import clock, expiry, inbox
from gateway.core.crypto import new_key
from gateway.core.errors import NotFound, Refused
from gateway.core.ids import new_id
from gateway.core.inbox import Incoming, Proof, Stored
from gateway.core.work import Fail, Job

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DATA_KEY = new_key()
CONNECTION = new_id()
PAID = Incoming(
    CONNECTION,
    "stripe",
    "evt_1",
    Proof.SIGNED,
    {"Content-Type": "application/json", "Authorization": "Bearer secret", "Stripe-Version": "2026-10"},
    b'{"type":"charge.succeeded","email":"erika@example.org"}',
)


class Door:
    """One merchant's door and the worker behind it."""

    def __init__(self, services, merchant_id):
        self.services, self.merchant_id, self.now = services, merchant_id, NOW

    def store(self, message=PAID, **changes):
        with self.services.db.connection(self.merchant_id) as connection:
            incoming = replace(message, **changes)
            return inbox.store(connection, self.merchant_id, incoming, data_key=DATA_KEY, now=self.now)

    def handle(self, handler, number=0):
        """Run the job of the `number`th stored message."""
        task = inbox.handling_task(lambda _session: DATA_KEY, {"stripe": handler})
        task.handler(self.services, self.job(number))

    def job(self, number=0):
        rows = self.rows("SELECT id FROM inbox_message ORDER BY id")
        return Job(1, "inbox", inbox.TASK, self.merchant_id, {"message_id": str(rows[number]["id"])}, 12)

    def park(self, number=0):
        task = inbox.handling_task(lambda _session: DATA_KEY, {})
        task.on_dead(self.services, self.job(number), "unexpected KeyError")

    def rows(self, query="SELECT * FROM inbox_message ORDER BY id"):
        with self.services.db.connection(self.merchant_id) as connection:
            return connection.execute(text(query)).mappings().all()

    def call(self, act, *args):
        with self.services.db.transaction(self.merchant_id) as session:
            return act(session, *args)


@pytest.fixture
def door(services, merchant_id):
    return Door(services, merchant_id)


def nothing(_session):
    """An effect that leaves no trace."""


def test_a_signed_event_is_stored_once_with_one_job(door):
    """Providers repeat themselves; the second time is known."""
    assert [door.store(), door.store()] == [Stored.NEW, Stored.KNOWN]
    (row,) = door.rows()
    assert (row["state"], row["proof"], row["received_at"]) == ("received", "signed", NOW)
    assert len(door.rows("SELECT * FROM job WHERE task = 'inbox.handle'")) == 1


def test_the_same_event_id_of_another_connection_is_another_event(door):
    """Ids are the sender's own."""
    assert door.store() == door.store(connection_id=new_id()) == Stored.NEW


def test_eight_at_the_same_moment_are_stored_once(services, live_db, merchant_id):
    """Races are decided by the database."""
    door = Door(replace(services, db=live_db), merchant_id)
    results, start = [], threading.Barrier(8)

    def knock():
        start.wait()
        results.append(door.store())

    threads = [threading.Thread(target=knock) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [Stored.KNOWN] * 7 + [Stored.NEW]
    assert len(door.rows("SELECT * FROM job")) == 1


def test_nothing_personal_and_no_credential_is_readable_in_the_row(door):
    """The body is sealed, and of the headers only those on the list are kept."""
    door.store()
    (row,) = door.rows()
    assert row["headers"] == {"content-type": "application/json"}
    assert b"erika" not in bytes(row["body"])


def test_an_adapter_may_ask_for_more_headers(door):
    """What its handler needs, by name."""
    with door.services.db.connection(door.merchant_id) as connection:
        keep = frozenset({"stripe-version"})
        inbox.store(connection, door.merchant_id, PAID, data_key=DATA_KEY, now=NOW, keep_headers=keep)
    assert door.rows()[0]["headers"]["stripe-version"] == "2026-10"


def test_an_unverified_message_never_claims_an_event_id(door):
    """Somebody who guesses the next event id cannot make us ignore the real one."""
    assert door.store(proof=Proof.UNVERIFIED) == Stored.NEW
    assert door.store() == Stored.NEW
    forged, real = door.rows()
    assert (forged["state"], real["state"]) == ("ignored", "received")
    assert len(door.rows("SELECT * FROM job")) == 1


def test_unverified_messages_cannot_fill_the_database(door):
    """Fifty per connection are kept, for two days."""
    results = [door.store(proof=Proof.UNVERIFIED, event_id=str(n)) for n in range(52)]
    assert results == [Stored.NEW] * 50 + [Stored.FULL] * 2
    assert door.store(proof=Proof.UNVERIFIED, connection_id=new_id()) == Stored.NEW
    assert door.call(inbox.expire, NOW + timedelta(hours=49)) == 51
    assert door.rows() == []


def test_every_hint_counts(door):
    """A pointer to the same payment may mean something new each time, so none is dropped as known."""
    assert [door.store(proof=Proof.HINT, event_id="tr_7") for _ in range(3)] == [Stored.NEW] * 3
    assert len(door.rows("SELECT * FROM job")) == 3


def test_an_endless_event_id_is_refused(door):
    """It would not fit the index."""
    with pytest.raises(Refused):
        door.store(event_id="x" * 300)


def test_the_handler_gets_the_message_in_the_clear_and_its_effect_happens_once(door):
    """The second run finds the message done."""
    seen = []

    def handler(_services, message):
        seen.append((message.event_id, message.proof, message.body, message.received_at))
        return lambda session: seen.append(session.info["merchant_id"])

    door.store()
    door.handle(handler)
    door.handle(handler)
    assert seen == [("evt_1", Proof.SIGNED, PAID.body, NOW), door.merchant_id]
    (row,) = door.rows()
    assert (row["state"], row["attempts"]) == ("done", 1)


def test_two_attempts_at_the_same_time_have_one_effect(door):
    """A worker that lost its lease comes late: the mark stands in the same transaction as the effect."""
    effects = []

    def handler(_services, _message):
        door.handle(lambda _services, _message: effects.append)  # the other attempt overtakes this one
        return effects.append

    door.store()
    door.handle(handler)
    assert len(effects) == 1


def test_an_effect_that_fails_leaves_the_message_waiting(door):
    """Effect and mark are rolled back together, and the job is tried again."""

    def effect(session):
        session.execute(text("SELECT 1"))
        raise KeyError

    door.store()
    with pytest.raises(KeyError):
        door.handle(lambda _services, _message: effect)
    assert door.rows()[0]["state"] == "received"


def test_a_message_without_meaning_for_us_is_ignored(door):
    """The handler says so by returning nothing to do."""
    door.store()
    door.handle(lambda _services, _message: None)
    assert door.rows()[0]["state"] == "ignored"


def test_a_message_of_a_kind_that_nobody_handles_fails_for_good(door):
    """It is parked rather than tried for hours."""
    door.store(kind="fax")
    with pytest.raises(Fail):
        door.handle(lambda _services, _message: nothing)


def test_what_cannot_be_handled_is_parked_told_and_replayed(door):
    """An admin sees it, somebody repairs the cause, and it runs again."""
    door.store()
    door.park()
    (row,) = door.rows()
    assert (row["state"], row["attempts"], row["last_error"]) == ("parked", 12, "unexpected KeyError")
    (notice,) = door.rows("SELECT code, subject, facts FROM notice")
    assert (notice["code"], notice["subject"]) == ("inbox-parked", str(CONNECTION))
    assert notice["facts"]["kind"] == "stripe"
    door.call(inbox.replay, row["id"])
    assert len(door.rows("SELECT * FROM job WHERE uniq IS NOT NULL")) == 1
    door.handle(lambda _services, _message: nothing)
    assert door.rows()[0]["state"] == "done"
    with pytest.raises(Refused):
        door.call(inbox.replay, row["id"])
    with pytest.raises(NotFound):
        door.call(inbox.replay, new_id())


def test_bodies_expire_and_the_event_stays_known(door):
    """After thirty days nobody can read the message; a repetition is still recognised; after 400 days it is forgotten."""
    door.store()
    assert door.call(inbox.expire, NOW + timedelta(days=31)) == 0, "what still waits is kept"
    door.handle(lambda _services, _message: nothing)
    assert door.call(inbox.expire, NOW + timedelta(days=29)) == 0
    assert door.call(inbox.expire, NOW + timedelta(days=31)) == 1
    assert door.call(inbox.expire, NOW + timedelta(days=31)) == 0
    (row,) = door.rows()
    assert (row["body"], row["headers"]) == (None, {})
    assert door.store() == Stored.KNOWN
    assert door.call(inbox.expire, NOW + timedelta(days=401)) == 1
    assert door.rows() == []


def test_an_erased_message_cannot_be_replayed(door):
    """There is nothing left to handle."""
    door.store()
    door.park()
    door.call(inbox.expire, NOW + timedelta(days=31))
    with pytest.raises(Refused):
        door.call(inbox.replay, door.rows()[0]["id"])


def test_the_nightly_sweep_visits_every_merchant(door, services):
    """One job per merchant, each erasing in small bites."""
    door.now = clock.now() - timedelta(days=40)
    door.store(proof=Proof.UNVERIFIED)
    sweep, expire = expiry.expiry_tasks(lambda _session: [door.merchant_id, new_id()])
    sweep.handler(services, Job(1, "default", sweep.name, None, {}, 1))
    jobs = door.rows("SELECT merchant_id FROM job WHERE task = 'messages.expire'")
    assert len(jobs) == 2
    for job in jobs:
        expire.handler(services, Job(2, "default", expire.name, job["merchant_id"], {}, 1))
    assert door.rows() == []
