"""What leaves the house: queued with the business, delivered at least once, parked where it is seen, replayed."""

import http.server
import json
import threading
import time
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from gateway.core import clock, delivery, outbox
from gateway.core.channels import Endpoint, Mail
from gateway.core.crypto import new_key
from gateway.core.errors import NotFound, Refused, TooLarge
from gateway.core.ids import new_id, to_public
from gateway.core.jobstore import Queue
from gateway.core.outbox import Channel, Message
from gateway.core.signing import SigningKey
from gateway.core.work import Job, Retry
from gateway.core.workloop import Pace, Worker

DATA_KEY = new_key()
SECRET = SigningKey("k1", b"s" * 32, datetime(2026, 1, 1, tzinfo=UTC))
LETTER = Mail("erika@example.org", "Zahlungserinnerung", "Guten Tag").encode()


@pytest.fixture
def receiver():
    """A real HTTP server that answers the next of `statuses`, then 200."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            server.seen.append((self.headers["webhook-id"], body))
            status = server.statuses.pop(0) if server.statuses else 200
            self.send_response(status)
            self.send_header("content-length", "0")
            self.send_header("retry-after", server.retry_after)
            self.end_headers()

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        server.seen, server.statuses, server.retry_after = [], [], "0"
        server.url = f"http://127.0.0.1:{server.server_address[1]}/"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


class House:
    """A merchant with one endpoint, seen from the web (`queue`) and from the worker (`deliver`)."""

    def __init__(self, services, db, merchant_id, url):
        self.services, self.db, self.merchant_id, self.url = services, db, merchant_id, url
        self.task = delivery.delivery_task(lambda _session: DATA_KEY, self.resolve)

    def resolve(self, _session, reference):
        if reference != "end_1":
            raise NotFound
        return Endpoint(self.url, [SECRET])

    def queue(self, **changes):
        values = {"channel": Channel.HTTP, "destination": "end_1", "payload": b"{}", "live": True}
        message = Message(**({**values, "idempotency_key": str(new_id())} | changes))
        with self.db.transaction(self.merchant_id) as session:
            return outbox.queue(session, message, data_key=DATA_KEY, now=clock.now())

    def deliver(self, queued, key=None):
        args = {"message_id": str(queued.id)}
        self.task.handler(self.services, Job(1, "outbox", self.task.name, self.merchant_id, args, 1, key))

    def deliver_all(self, messages):
        jobs = [
            Job(n, "outbox", self.task.name, self.merchant_id, {"message_id": str(message.id)}, 1)
            for n, message in enumerate(messages)
        ]
        return self.task.together(self.services, jobs)

    def rows(self, query="SELECT * FROM outbox_message ORDER BY created_at", **values):
        with self.services.db.connection(self.merchant_id) as connection:
            return connection.execute(text(query), values).mappings().all()

    def state(self, queued):
        return self.rows("SELECT state FROM outbox_message WHERE id = :id", id=queued.id)[0]["state"]

    def call(self, act, *args):
        with self.db.transaction(self.merchant_id) as session:
            return act(session, *args)


@pytest.fixture
def house(services, db, merchant_id, receiver):
    return House(services, db, merchant_id, receiver.url)


@pytest.fixture
def live_house(services, live_db, worker_db, merchant_id, receiver):
    """The same with real commits, and with the worker's own role."""
    return House(replace(services, db=worker_db), live_db, merchant_id, receiver.url)


def test_a_message_leaves_once_and_is_known_by_its_id(house, receiver):
    """Queued with its job in one transaction; a second run of the job finds it sent."""
    queued = house.queue(payload=b'{"type":"claim.settled"}')
    (job,) = house.rows("SELECT queue, task, key, args FROM job")
    house.deliver(queued)
    house.deliver(queued)
    assert job["args"] == {"message_id": str(queued.id)}
    assert job["key"] == f"http:{house.merchant_id}:end_1"
    assert receiver.seen == [(to_public("msg", queued.id), b'{"type":"claim.settled"}')]
    (row,) = house.rows()
    assert (row["state"], row["attempts"], row["next_at"]) == ("sent", 1, None)
    assert row["sent_at"] is not None


def test_a_rolled_back_transaction_sends_nothing(house):
    """Neither message nor job remains."""
    message = Message(Channel.HTTP, "end_1", b"{}", "once", live=True)
    with suppress(ZeroDivisionError), house.db.transaction(house.merchant_id) as session:
        outbox.queue(session, message, data_key=DATA_KEY, now=clock.now())
        raise ZeroDivisionError
    assert (house.rows(), house.rows("SELECT * FROM job")) == ([], [])


def test_the_same_message_is_queued_once(house):
    """The idempotency key tells; the caller gets the message that is there."""
    first, second = house.queue(idempotency_key="claim:7:step:2"), house.queue(idempotency_key="claim:7:step:2")
    assert (first.new, second.new, second.id) == (True, False, first.id)
    assert len(house.rows("SELECT * FROM job")) == 1


def test_a_message_of_a_test_shop_is_withheld(house, receiver):
    """It is written down, has no job, and no worker would send it."""
    queued = house.queue(live=False)
    house.deliver(queued)
    assert (house.state(queued), house.rows("SELECT * FROM job"), receiver.seen) == ("withheld", [], [])


def test_the_content_is_sealed_in_the_database(house):
    """An e-mail names a person; the row does not."""
    house.queue(channel=Channel.EMAIL, destination="", payload=LETTER)
    (row,) = house.rows()
    assert b"erika" not in bytes(row["payload"])
    assert "erika" not in str({name: value for name, value in row.items() if name != "payload"})


def test_a_message_that_is_too_large_is_refused(house):
    """Five megabytes; larger files go by reference."""
    with pytest.raises(TooLarge):
        house.queue(payload=b"x" * (outbox.MAX_PAYLOAD + 1))


def test_a_failed_delivery_is_counted_and_tried_again_later(house, receiver):
    """The pause grows from ten seconds; the error is a code."""
    receiver.statuses = [500, 400]
    queued = house.queue()
    for pause_s in (10.0, 20.0):
        with pytest.raises(Retry) as later:
            house.deliver(queued)
        assert 0.8 * pause_s <= later.value.after_s <= 1.2 * pause_s
    (row,) = house.rows()
    assert (row["state"], row["attempts"], row["last_error"]) == ("queued", 2, "http-400")
    house.deliver(queued)
    assert house.state(queued) == "sent"


def test_a_receiver_that_asks_for_time_gets_it(house, receiver):
    """Retry-After beats a shorter pause."""
    receiver.statuses, receiver.retry_after = [429], "1800"
    with pytest.raises(Retry) as later:
        house.deliver(house.queue())
    assert later.value.after_s == 1800


def test_when_an_endpoint_is_down_everything_for_it_waits_and_nothing_else(live_house, receiver):
    """A 503 puts off the queue of this endpoint at once; a 400 is about one message only."""
    receiver.statuses = [503]
    first = live_house.queue()
    for _ in range(20):
        live_house.queue()
    live_house.queue(channel=Channel.EMAIL, destination="", payload=LETTER)
    with pytest.raises(Retry):
        live_house.deliver(first, key=f"http:{live_house.merchant_id}:end_1")
    due = live_house.rows("SELECT key FROM job WHERE run_at <= now()")
    assert [row["key"] for row in due] == ["email"]


def test_several_messages_for_one_endpoint_leave_in_a_row(house, receiver):
    """One look at the endpoint serves all of them; each has an end of its own."""
    receiver.statuses = [200, 410, 400, 200]
    messages = [house.queue() for _ in range(4)]
    ends = house.deliver_all(messages)
    assert [house.state(message) for message in messages] == ["sent", "parked", "queued", "sent"]
    assert [type(end) for end in ends] == [type(None), type(None), Retry, type(None)]
    assert [message_id for message_id, _ in receiver.seen] == [to_public("msg", message.id) for message in messages]


def test_the_rest_of_a_row_is_not_tried_once_the_endpoint_is_down(house, receiver):
    """The first failure speaks for them; they keep all their tries."""
    receiver.statuses = [200, 503]
    ends = house.deliver_all([house.queue() for _ in range(4)])
    assert len(receiver.seen) == 2
    assert [row["attempts"] for row in house.rows()] == [1, 1, 0, 0]
    assert ends[0] is None
    assert [end.reason for end in ends[1:]] == ["http-503", "endpoint-down", "endpoint-down"]


def test_after_the_limit_a_message_is_parked_and_the_desk_is_told(house, receiver):
    """Sixteen tries, then it lies where an admin sees it; replayed, it has all its tries again."""
    receiver.statuses = [500] * delivery.LIMIT
    queued = house.queue()
    for _ in range(delivery.LIMIT - 1):
        with pytest.raises(Retry):
            house.deliver(queued)
    house.deliver(queued)
    (row,) = house.rows()
    assert (row["state"], row["attempts"], row["last_error"]) == ("parked", delivery.LIMIT, "http-500")
    (notice,) = house.rows("SELECT code, subject, facts FROM notice")
    assert (notice["code"], notice["subject"]) == ("outbox-parked", "http:end_1")
    assert notice["facts"] == {"message_id": to_public("msg", queued.id), "channel": "http", "error": "http-500"}
    house.call(outbox.replay, queued.id)
    assert len(house.rows("SELECT * FROM job WHERE uniq IS NOT NULL")) == 1
    house.deliver(queued)
    assert house.state(queued) == "sent"
    with pytest.raises(Refused):
        house.call(outbox.replay, queued.id)


@pytest.mark.parametrize(
    ("status", "destination", "url", "error"),
    [
        (410, "end_1", None, "http-410"),
        (200, "end_gone", None, "not-found"),
        (200, "end_1", "https://127.0.0.1/", "private-address"),
        (200, "end_1", "http://shop.example/", "scheme"),
    ],
)
def test_what_can_never_arrive_is_parked_at_once(house, receiver, status, destination, url, error):
    """A closed endpoint, one that is gone, one inside our own network."""
    receiver.statuses = [status]
    if url:
        house.url, house.services = url, replace(house.services, allow_private_urls=False)
    queued = house.queue(destination=destination)
    house.deliver(queued)
    (row,) = house.rows()
    assert (row["state"], row["last_error"]) == ("parked", error)


def test_an_e_mail_without_a_mail_server_waits_parked(house):
    """The operator sets one up and replays."""
    queued = house.queue(channel=Channel.EMAIL, destination="", payload=LETTER)
    house.deliver(queued)
    assert house.rows()[0]["last_error"] == "mail-not-configured"


def test_a_cancelled_message_is_not_sent(house, receiver):
    """Cancelling is final, and what is sent cannot be cancelled."""
    queued, sent = house.queue(), house.queue()
    house.call(outbox.cancel, queued.id)
    house.deliver(queued)
    house.deliver(sent)
    assert (house.state(queued), len(receiver.seen)) == ("cancelled", 1)
    for message, act in ((sent, outbox.cancel), (queued, outbox.replay)):
        with pytest.raises(Refused):
            house.call(act, message.id)
    with pytest.raises(NotFound):
        house.call(outbox.cancel, new_id())


def test_a_message_whose_job_dies_of_a_bug_is_parked(house):
    """It must not stay queued with nobody to send it."""
    queued = house.queue()
    job = Job(1, "outbox", "outbox.deliver", house.merchant_id, {"message_id": str(queued.id)}, 64)
    house.task.on_dead(house.services, job, "unexpected KeyError")
    (row,) = house.rows()
    assert (row["state"], row["last_error"]) == ("parked", "crashed")


def test_old_content_is_erased_and_the_record_stays(house):
    """After thirty days nobody can read the letter any more; what still waits is kept."""
    sent, waiting = house.queue(), house.queue()
    house.deliver(sent)
    later = clock.now() + outbox.KEPT + timedelta(minutes=1)
    assert house.call(outbox.expire, later) == 1
    assert house.call(outbox.expire, later) == 0
    assert {row["id"]: row["payload"] is None for row in house.rows()} == {sent.id: True, waiting.id: False}


def test_a_parked_message_that_was_erased_says_so(house, receiver):
    """It cannot be replayed into nothing."""
    receiver.statuses = [410]
    queued = house.queue()
    house.deliver(queued)
    house.call(outbox.expire, clock.now() + outbox.KEPT + timedelta(minutes=1))
    with pytest.raises(outbox.ContentErased):
        house.call(outbox.replay, queued.id)
    assert (house.state(queued), house.rows()[0]["last_error"]) == ("parked", "http-410")


def test_a_replayed_message_no_longer_shows_its_old_error(house, receiver):
    """The desk would read it as the fault of the new tries."""
    receiver.statuses = [410]
    queued = house.queue()
    house.deliver(queued)
    house.call(outbox.replay, queued.id)
    assert (house.state(queued), house.rows()[0]["last_error"]) == ("queued", None)


def test_a_message_that_cannot_be_opened_does_not_hold_up_the_others(house, receiver):
    """It is parked at once as unreadable; what shares its batch is delivered."""
    before, broken, after = house.queue(), house.queue(), house.queue()
    seal = "UPDATE outbox_message SET payload = payload || 'x'::bytea WHERE id = :id"
    with house.db.transaction(house.merchant_id) as session:
        session.execute(text(seal), {"id": broken.id})
    assert house.deliver_all([before, broken, after]) == [None, None, None]
    assert [house.state(one) for one in (before, broken, after)] == ["sent", "parked", "sent"]
    assert [row["last_error"] for row in house.rows() if row["id"] == broken.id] == ["unreadable"]


@pytest.mark.parametrize("payload", [b"no json", b"[]", b"{}", b'{"attachments": 1}', b'{"attachments": [], "x": 1}'])
def test_an_e_mail_that_cannot_be_decoded_is_parked_at_once(house, payload):
    """Another try would read the same."""
    queued = house.queue(channel=Channel.EMAIL, destination="", payload=payload)
    house.deliver(queued)
    assert (house.state(queued), house.rows()[0]["last_error"]) == ("parked", "unreadable")


def test_another_merchant_sees_nothing_of_it(house, receiver):
    """Row-level security: the job of one merchant cannot open the message of another."""
    queued = house.queue()
    house.merchant_id = new_id()
    house.deliver(queued)
    assert (house.rows(), receiver.seen) == ([], [])


def test_the_worker_delivers_what_the_web_queued(live_house, receiver):
    """End to end: forty messages, two of which fail at first, through a running worker."""
    receiver.statuses = [200] * 10 + [400, 422]
    quick = replace(live_house.task, together=_at_once(live_house.task.together))
    worker = Worker(
        live_house.services, [quick], queues=[Queue("outbox", 6, key_limit=3, batch=4)], pace=Pace(poll_s=0.05)
    )
    stop = threading.Event()
    thread = threading.Thread(target=worker.run, args=(stop,))
    thread.start()
    messages = [live_house.queue(payload=json.dumps({"n": n}).encode()) for n in range(40)]
    end = time.monotonic() + 10
    while time.monotonic() < end and live_house.rows("SELECT 1 FROM outbox_message WHERE state <> 'sent'"):
        time.sleep(0.02)
    stop.set()
    thread.join()
    assert {message_id for message_id, _ in receiver.seen} == {to_public("msg", message.id) for message in messages}
    assert len(receiver.seen) == 42
    assert live_house.rows("SELECT * FROM job") == []


def _at_once(together):
    """The task with its pauses taken out."""

    def impatient(services, jobs):
        return [end and Retry(0.01, end.reason) for end in together(services, jobs)]

    return impatient
