"""Background work: enqueued with the business transaction, run at least once, limited, retried, and kept when it dies."""

import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import replace

import psycopg
import pytest
from sqlalchemy import text

from gateway.core.jobstore import JobStore, Queue, Result, Verdict
from gateway.core.schedule import Entry, Every
from gateway.core.work import (
    Backoff,
    Fail,
    NewJob,
    Retry,
    Task,
    enqueue,
    enqueue_many,
    postpone,
    replay_dead,
)
from gateway.core.workloop import Pace, Worker
from tests.conftest import copied_database

QUICK = Pace(lease_s=1.0, poll_s=0.05, drain_s=3.0)
AT_ONCE = Backoff(0.01, 0.02)
DEFAULT = Queue("default", 4)


@pytest.fixture(scope="module")
def live_database():
    """One database for all tests here; `emptied` clears it for each."""
    with copied_database() as name:
        yield name


@pytest.fixture(autouse=True)
def emptied(live_owner_url):
    """No test sees the jobs of another."""
    with psycopg.connect(live_owner_url, autocommit=True) as owner:
        owner.execute("DELETE FROM job; DELETE FROM job_dead; DELETE FROM schedule_tick; DELETE FROM worker_beat")


@pytest.fixture
def at_work(services, worker_db):
    """Runs a worker in this process for as long as a block lasts."""

    @contextmanager
    def working(tasks, *, queues=(DEFAULT,), schedule=(), pace=QUICK, meter=None):
        worker = Worker(
            replace(services, db=worker_db), tasks, queues=queues, schedule=schedule, pace=pace, meter=meter
        )
        stop, ended = threading.Event(), []
        thread = threading.Thread(target=lambda: ended.append(worker.run(stop)))
        thread.start()
        yield ended
        stop.set()
        thread.join(10)
        assert not thread.is_alive()

    return working


@pytest.fixture
def store(worker_db):
    """A second worker's hands, without its loop."""
    with_lease = JobStore(worker_db.url, worker_db.role, lease_s=0.2)
    yield with_lease
    with_lease.drop()


def until(condition, timeout_s=5.0):
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.01)
    raise AssertionError("did not happen in time")


def add(db, task="note", **job):
    with db.transaction(None) as session:
        return enqueue(session, task, **({"merchant_id": None, "args": {}} | job))


def jobs(db, where="true"):
    with db.connection(None) as connection:
        return connection.execute(text(f"SELECT * FROM job WHERE {where} ORDER BY id")).mappings().all()


def dead(db):
    with db.connection(None) as connection:
        return connection.execute(text("SELECT * FROM job_dead ORDER BY id")).mappings().all()


class Notes(list):
    """A task that writes down which jobs it was given."""

    def task(self, **settings):
        return Task("note", lambda _services, job: self.append(job), **({"backoff": AT_ONCE} | settings))


def test_a_job_runs_with_its_ids(live_db, at_work, merchant_id):
    """What was enqueued arrives, and nothing is left in the table."""
    seen = Notes()
    with at_work([seen.task()]):
        add(live_db, merchant_id=merchant_id, args={"claim_id": "clm_1", "step": 2})
        until(lambda: not jobs(live_db))
    assert [(job.merchant_id, job.args, job.attempt) for job in seen] == [
        (merchant_id, {"claim_id": "clm_1", "step": 2}, 1),
    ]


def test_a_transaction_that_is_rolled_back_leaves_no_job(live_db):
    """The job is part of the business transaction: both happen or neither."""
    with suppress(ZeroDivisionError), live_db.transaction(None) as session:
        enqueue(session, "note", merchant_id=None, args={})
        raise ZeroDivisionError
    assert jobs(live_db) == []


def test_a_job_that_waits_already_is_not_added_twice(live_db):
    """`unique` folds repeated requests for the same work into one."""
    assert add(live_db, unique="claim:7:step:2")
    assert add(live_db, unique="claim:7:step:2") is None
    assert add(live_db, unique="claim:8:step:2")
    assert len(jobs(live_db)) == 2


def test_many_jobs_are_added_at_once(live_db):
    """2,500 jobs in three statements, one of them a duplicate."""
    many = [NewJob(None, {"n": n}, unique=f"n:{n % 2499}", key="k") for n in range(2500)]
    with live_db.transaction(None) as session:
        assert enqueue_many(session, "note", many) == 2499
    assert len(jobs(live_db)) == 2499


def test_a_delayed_job_waits_for_its_time(live_db, at_work):
    """A third of a second means a third of a second."""
    seen, started = Notes(), time.monotonic()
    with at_work([seen.task()]):
        add(live_db, delay_s=0.33)
        until(lambda: seen)
    assert 0.33 <= time.monotonic() - started < 3


def test_a_failing_job_is_tried_again_and_its_error_names_no_person(live_db, at_work):
    """The third attempt succeeds; between them only class and code are written down."""
    attempts, errors = [], []

    def handler(services, job):
        attempts.append(job.attempt)
        errors.extend(row["last_error"] for row in jobs(services.db))
        if job.attempt < 3:
            raise KeyError("Erika Mustermann")

    with at_work([Task("note", handler, backoff=AT_ONCE)]):
        add(live_db)
        until(lambda: not jobs(live_db))
    assert attempts == [1, 2, 3]
    assert errors == [None, "unexpected KeyError", "unexpected KeyError"]


def test_a_job_that_fails_every_time_dies_and_is_kept(live_db, at_work):
    """After the limit it lies where the operator finds it."""

    def handler(_services, _job):
        raise ValueError

    with at_work([Task("note", handler, max_attempts=3, backoff=AT_ONCE)]):
        number = add(live_db, args={"claim_id": "clm_1"})
        until(lambda: dead(live_db))
    (corpse,) = dead(live_db)
    assert (corpse["id"], corpse["attempts"], corpse["last_error"]) == (number, 3, "unexpected ValueError")
    assert jobs(live_db) == []


def test_a_feature_may_take_over_what_a_dead_job_left_undone(live_db, at_work):
    """Then the job is gone; where taking over fails as well, it is kept."""
    told = []

    def take_over(_services, job, error):
        told.append((job.args["n"], error))
        if job.args["n"] == 2:
            raise ValueError

    with at_work([Task("note", _never, on_dead=take_over)]):
        add(live_db, args={"n": 1})
        add(live_db, args={"n": 2})
        until(lambda: not jobs(live_db))
    assert sorted(told) == [(1, "never Fail"), (2, "never Fail")]
    assert [corpse["args"] for corpse in dead(live_db)] == [{"n": 2}]


def test_a_handler_may_give_up_or_ask_for_another_time(live_db, at_work):
    """`Fail` kills at once, `Retry` says when."""

    def handler(_services, job):
        raise Fail("gone") if job.args["fate"] == "fail" else Retry(3600, "rate-limited")

    with at_work([Task("note", handler)]):
        add(live_db, args={"fate": "fail"})
        add(live_db, args={"fate": "retry"})
        until(lambda: dead(live_db) and jobs(live_db, "last_error IS NOT NULL"))
    assert [row["last_error"] for row in dead(live_db)] == ["gone Fail"]
    (waiting,) = jobs(live_db, "run_at > now() + interval '59 minutes' AND worker IS NULL")
    assert waiting["last_error"] == "rate-limited Retry"


def test_the_operator_gives_a_dead_job_a_new_life(live_db, worker_db, at_work):
    """A replayed job starts with all its attempts."""
    seen = Notes()
    with at_work([Task("note", _never, max_attempts=1)]):
        add(live_db)
        until(lambda: dead(live_db))
    with worker_db.transaction(None) as session:
        assert replay_dead(session, [dead(live_db)[0]["id"]]) == 1
    with at_work([seen.task()]):
        until(lambda: seen)
    assert seen[0].attempt == 1
    assert dead(live_db) == []


def _never(_services, _job):
    raise Fail("never")


def test_at_most_the_limit_of_one_key_runs_at_a_time_over_two_workers(live_db, at_work):
    """Twenty jobs of one endpoint with room for sixteen: never more than two at once, and others are not held up."""
    busy, peak, others, lock = [0], [0], [], threading.Lock()

    def handler(_services, job):
        if job.key != "endpoint:1":
            others.append(time.monotonic())
            return
        with lock:
            busy[0] += 1
            peak[0] = max(peak[0], busy[0])
        time.sleep(0.03)
        with lock:
            busy[0] -= 1

    limited = (Queue("default", 8, key_limit=2),)
    with live_db.transaction(None) as session:
        enqueue_many(session, "note", [NewJob(None, {}, key="endpoint:1")] * 20)
        enqueue_many(session, "note", [NewJob(None, {}, key="endpoint:2"), NewJob(None, {})])
    task = Task("note", handler)
    started = time.monotonic()
    with at_work([task], queues=limited), at_work([task], queues=limited):
        until(lambda: not jobs(live_db))
    assert peak == [2]
    assert max(others) - started < 0.3


def test_jobs_of_one_key_may_be_done_together(live_db, at_work):
    """Up to four of them in one go, each with an end of its own; a failure of the whole is a failure of each."""
    rows = []

    def together(_services, jobs):
        rows.append([job.args["n"] for job in jobs])
        if len(rows) == 1:
            raise ValueError
        return [Fail("odd") if job.args["n"] % 2 else None for job in jobs]

    with live_db.transaction(None) as session:
        enqueue_many(session, "note", [NewJob(None, {"n": n}, key="endpoint:1") for n in range(6)])
    queues = (Queue("default", 2, key_limit=1, batch=4),)
    with at_work([Task("note", _never, together=together, backoff=AT_ONCE)], queues=queues):
        until(lambda: not jobs(live_db))
    assert rows[0] == [0, 1, 2, 3]
    assert sorted(n for row in rows[1:] for n in row) == list(range(6))
    assert sorted(corpse["args"]["n"] for corpse in dead(live_db)) == [1, 3, 5]


def test_the_backlog_of_a_failing_endpoint_is_put_off_in_one_go(live_db, worker_db):
    """A thousand jobs of its key move, those of others stay."""
    with live_db.transaction(None) as session:
        enqueue_many(session, "note", [NewJob(None, {}, key="down")] * 1000)
        enqueue_many(session, "note", [NewJob(None, {}, key="up"), NewJob(None, {}, key="down", delay_s=7200)])
    with worker_db.transaction(None) as session:
        assert postpone(session, "default", "down", 600) == 1000
        assert postpone(session, "default", "down", 600) == 0
    assert [row["key"] for row in jobs(live_db, "run_at <= now()")] == ["up"]


def test_a_long_job_keeps_its_lease(live_db, at_work):
    """A job of three leases runs once, although another worker looks for work all the time."""
    seen = Notes()

    def handler(_services, job):
        seen.append(job)
        time.sleep(0.9)

    pace = Pace(lease_s=0.3, poll_s=0.05)
    with at_work([Task("note", handler)], pace=pace), at_work([Task("note", handler)], pace=pace):
        add(live_db)
        until(lambda: not jobs(live_db))
    assert len(seen) == 1


def test_a_worker_that_lost_its_lease_can_no_longer_change_the_job(live_db, worker_db, store):
    """The attempt is the fence: the late end of the first attempt counts for nothing."""
    add(live_db)
    ((late,),) = store.claim(DEFAULT, 1)
    time.sleep(0.25)
    ((current,),) = store.claim(DEFAULT, 1)
    assert (late.id, late.attempt, current.attempt) == (current.id, 1, 2)
    for verdict in Verdict:
        store.settle([Result(late, verdict, 60.0, "late")])
    (row,) = jobs(live_db)
    assert (row["attempts"], row["last_error"]) == (2, None)
    other = JobStore(worker_db.url, worker_db.role, lease_s=1.0)
    other.settle([Result(current, Verdict.DONE)])
    other.drop()
    assert len(jobs(live_db)) == 1
    store.settle([Result(current, Verdict.DONE)])
    assert jobs(live_db) == []


def test_a_job_that_kills_its_worker_every_time_is_not_run_for_ever(live_db, worker_db, store, at_work):
    """Two claims that never ended count as attempts; the third finds the limit reached."""
    seen = Notes()
    add(live_db)
    for _ in range(2):
        assert store.claim(DEFAULT, 1)
        store.connection.execute("UPDATE job SET run_at = now()")
    with at_work([seen.task(max_attempts=2)]):
        until(lambda: dead(live_db))
    assert seen == []
    assert dead(live_db)[0]["last_error"] == "attempts-exhausted"


def test_a_handler_that_hangs_loses_its_job_and_not_the_slot(live_db, at_work):
    """The job is tried again elsewhere, the slot gets a new thread, and what the old one says no longer counts."""
    hang, outcomes = threading.Event(), []

    def handler(_services, job):
        if job.attempt == 1:
            hang.wait(10)

    task = Task("note", handler, timeout_s=0.2, backoff=AT_ONCE)
    with at_work([task], queues=(Queue("default", 2),), meter=lambda _job, end, _s: outcomes.append(end)) as ended:
        add(live_db)
        until(lambda: not jobs(live_db))
        hang.set()
        add(live_db, delay_s=0.1)
        until(lambda: outcomes.count("done") == 1)
    assert ended == [True]
    assert outcomes[:2] == ["timeout", "retry"]


def test_a_worker_whose_every_thread_hangs_asks_to_be_replaced(live_db, at_work):
    """Threads cannot be ended from outside, a process can."""
    hang = threading.Event()
    task = Task("note", lambda _services, _job: hang.wait(10), timeout_s=0.1, backoff=Backoff(60, 60))
    with at_work([task], queues=(Queue("default", 1),)) as ended:
        add(live_db)
        until(lambda: ended)
        hang.set()
    assert ended == [False]
    assert jobs(live_db)[0]["last_error"] == "timeout"


def test_a_worker_that_is_told_to_stop_finishes_what_runs_and_takes_nothing_new(live_db, at_work):
    """Draining: the running job ends, the waiting one waits for the next worker."""
    begun, seen = threading.Event(), []

    def handler(_services, job):
        begun.set()
        time.sleep(0.4)
        seen.append(job.id)

    with at_work([Task("note", handler)], queues=(Queue("default", 1),)):
        first, second = add(live_db), add(live_db)
        begun.wait(5)
    assert seen == [first]
    assert [(row["id"], row["attempts"], row["worker"]) for row in jobs(live_db)] == [(second, 0, None)]


def test_what_does_not_end_in_time_is_given_back(live_db, at_work):
    """The next worker may have it at once, without waiting for the lease."""
    begun, hang = threading.Event(), threading.Event()

    def handler(_services, _job):
        begun.set()
        hang.wait(10)

    with at_work([Task("note", handler)], pace=Pace(lease_s=30.0, poll_s=0.1, drain_s=0.2)):
        add(live_db)
        begun.wait(5)
    hang.set()
    assert len(jobs(live_db, "run_at <= now() AND worker IS NULL AND last_error = 'interrupted'")) == 1


def test_a_task_of_a_newer_version_waits_for_a_newer_worker(live_db, at_work):
    """During a roll-out an old worker puts off what it does not know."""
    with at_work([Notes().task()]):
        add(live_db, task="from-the-future")
        until(lambda: jobs(live_db, "last_error = 'unknown-task Retry'"))
    assert dead(live_db) == []


def test_a_task_on_a_queue_that_nobody_serves_is_refused_at_start(at_work):
    """A wrong queue name is found before the first job is lost in it."""
    with pytest.raises(ValueError, match="letters"), at_work([Notes().task(queue="letters")]):
        pass


def test_the_schedule_enqueues_each_tick_once_over_two_workers(live_db, at_work):
    """Two workers, one tick a second: after a good second one job ran, not two."""
    seen = Notes()
    schedule = [Entry("note", Every(1))]
    with at_work([seen.task()], schedule=schedule), at_work([seen.task()], schedule=schedule):
        time.sleep(1.3)
    assert len(seen) == 1


def test_two_workers_that_tick_at_the_same_moment_enqueue_once(live_db, worker_db):
    """Ten times the same race, always one job."""
    stores = [JobStore(worker_db.url, worker_db.role, lease_s=1.0) for _ in range(2)]
    entry, start = Entry("sweep", Every(3600)), threading.Barrier(2)
    stores[0].tick([entry])

    def tick(store):
        start.wait()
        store.tick([entry])

    for _ in range(10):
        stores[0].connection.execute("DELETE FROM job; UPDATE schedule_tick SET last = last - interval '2 hours'")
        threads = [threading.Thread(target=tick, args=(store,)) for store in stores]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(jobs(live_db)) == 1
    for store in stores:
        store.drop()


def test_a_tick_adds_nothing_while_the_last_one_still_waits(live_db, store):
    """A sweep that takes longer than its interval does not pile up."""
    entry = Entry("sweep", Every(1), name="sweep.hourly")
    store.tick([entry])
    for _ in range(2):
        store.connection.execute("UPDATE schedule_tick SET last = last - interval '1 hour'")
        assert store.tick([entry]) == 1.0
    assert [row["task"] for row in jobs(live_db)] == ["sweep"]


def test_a_waiting_worker_is_woken_at_once(live_db, at_work):
    """A job starts long before the next poll."""
    seen = Notes()
    with at_work([seen.task()], pace=Pace(poll_s=5.0)):
        time.sleep(0.3)
        started = time.monotonic()
        add(live_db)
        until(lambda: seen)
    assert time.monotonic() - started < 2


def test_a_running_worker_shows_a_sign_of_life(live_db, worker_db, at_work):
    """The health check asks when a worker was last seen; one that stopped is gone from the list."""

    def alive():
        with worker_db.connection(None) as connection:
            return connection.execute(text("SELECT host, pid FROM worker_beat")).all()

    with at_work([Notes().task()]):
        until(alive)
    assert alive() == []


def test_the_web_role_can_neither_take_nor_remove_jobs(live_db):
    """A request may enqueue and look, nothing else."""
    add(live_db)
    for statement in ("UPDATE job SET run_at = now()", "DELETE FROM job", "DELETE FROM job_dead"):
        with pytest.raises(Exception, match="permission denied"), live_db.connection(None) as connection:
            connection.execute(text(statement))


def test_pauses_between_attempts_double_up_to_a_limit():
    """2, 4, 8 … seconds, at most an hour, a fifth to either side."""
    backoff = Backoff(2.0, 3600.0)
    assert [backoff.delay_s(n, spread=0.5) for n in (1, 2, 3, 12, 1000)] == [2.0, 4.0, 8.0, 3600.0, 3600.0]
    assert [backoff.delay_s(1, spread=edge) for edge in (0.0, 1.0)] == pytest.approx([1.6, 2.4])
