"""The worker: claims due jobs, runs them in threads, keeps their leases, and writes down how they ended.

One thread talks to the job table and never runs a handler; handlers run in as many threads as there are slots. When
PostgreSQL goes away the loop tries again with growing pauses and keeps what it still has to report.
"""

import queue
import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import psycopg
import structlog

from gateway.core import clock
from gateway.core.attempts import attempt_all, failed
from gateway.core.jobstore import JobStore, Queue, Result, connect
from gateway.core.schedule import Entry
from gateway.core.services import Services
from gateway.core.work import CHANNEL, Job, Retry, Task, error_label

log = structlog.get_logger("kulanz.work")

FIRST_REST_S = 0.02
"""After work was found the queue is looked at again this soon, then ever less often up to `poll_s`."""
GATHER_S = 0.003
"""While a queue is busy, slots that get free wait so long for others, to be filled by one claim together."""
UNKNOWN_TASK_S = 60.0
"""While a new version is rolled out an old worker may meet a task it does not know."""
MAX_SETTLE = 500

Meter = Callable[[Job, str, float], None]
"""Told of each attempt: the job, how it ended (`done`, `retry`, `dead`, `taken`; and `timeout`, `lost`), seconds it took."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How a worker spends its time, in seconds."""

    lease_s: float = 30.0
    poll_s: float = 1.0
    drain_s: float = 25.0


@dataclass(slots=True)
class _Lane:
    """A queue as this worker serves it."""

    queue: Queue
    free: int
    look_at: float = 0.0
    rest_s: float = FIRST_REST_S
    more: bool = False
    """The last look took all it could: half the slots free is reason enough to look again."""

    def is_due(self, now: float) -> bool:
        if not self.free:
            return False
        return now >= self.look_at or (self.more and self.free * 2 >= self.queue.slots)

    def looked(self, now: float, poll_s: float, found: int) -> None:
        """Decide when to look next: soon while there is work, ever less often while there is none."""
        self.more = found == self.free
        self.rest_s = FIRST_REST_S if found else min(poll_s, self.rest_s * 2)
        self.look_at = now + (GATHER_S if self.more else self.rest_s)

    def look_soon(self, after_s: float = 0.0) -> None:
        self.look_at, self.rest_s = min(self.look_at, time.monotonic() + after_s), FIRST_REST_S


@dataclass(frozen=True, slots=True)
class _Share:
    """What one slot works on: jobs of one task."""

    number: int
    jobs: tuple[Job, ...]
    lane: _Lane
    deadline: float


@dataclass(frozen=True, slots=True)
class _Ended:
    number: int
    results: list[Result]


@dataclass(frozen=True, slots=True)
class _Wake:
    queue: str


@dataclass(slots=True)
class _Clocks:
    """When the loop next does what it does from time to time (monotonic seconds)."""

    beat: float = 0.0
    tick: float = 0.0
    check: float = 0.0


@dataclass(slots=True)
class _State:
    running: dict[int, _Share] = field(default_factory=dict)
    finished: list[Result] = field(default_factory=list)
    shares: int = 0
    stuck: int = 0
    failures: int = 0

    def jobs(self) -> list[Job]:
        return [job for share in self.running.values() for job in share.jobs]


class Worker:
    """Serves queues until told to stop. One instance runs once, in one thread."""

    def __init__(
        self,
        services: Services,
        tasks: Sequence[Task],
        *,
        queues: Sequence[Queue],
        schedule: Sequence[Entry] = (),
        pace: Pace | None = None,
        meter: Meter | None = None,
    ) -> None:
        self._services, self._schedule = services, tuple(schedule)
        self._tasks = {task.name: task for task in tasks}
        self._pace, self._meter = pace or Pace(), meter or _unmeasured
        self._lanes = {one.name: _Lane(one, one.slots) for one in queues}
        self._refuse_unserved(tasks)
        self._store = JobStore(services.db.url, services.db.role, self._pace.lease_s)
        self._events: queue.SimpleQueue[_Ended | _Wake] = queue.SimpleQueue()
        self._shares: queue.SimpleQueue[_Share | None] = queue.SimpleQueue()
        self._state, self._clocks = _State(), _Clocks()
        self._slots = sum(lane.free for lane in self._lanes.values())
        self._started_at = clock.now()

    def _refuse_unserved(self, tasks: Sequence[Task]) -> None:
        wanted = {task.queue for task in tasks} | {entry.queue for entry in self._schedule}
        if missing := wanted - self._lanes.keys():
            raise ValueError(f"no queue is served under the name {', '.join(sorted(missing))}")

    def run(self, stop: threading.Event) -> bool:
        """Work until `stop` is set, then finish what runs, at most for `drain_s`, and give back the rest.

        False when so many threads hang in handlers that the process ought to be replaced.
        """
        for _ in range(self._slots):
            self._start_thread()
        threading.Thread(target=self._listen, args=(stop,), daemon=True, name="kulanz-listen").start()
        while not stop.is_set() and self._state.stuck < self._slots:
            self._turn(self._patience(), self._work)
        self._drain()
        return self._state.stuck < self._slots

    def _turn(self, patience_s: float, act: Callable[[], None]) -> None:
        """Wait for something to happen, then act; a lost database is met with growing pauses."""
        self._collect(patience_s)
        try:
            act()
            self._state.failures = 0
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            self._lost_database(error)

    def _lost_database(self, error: Exception) -> None:
        self._store.drop()
        self._state.failures += 1
        pause_s = min(5.0, 0.1 * 2 ** min(self._state.failures, 10)) * random.uniform(0.5, 1.0)  # noqa: S311 - load
        log.warning("work.database_lost", error=error_label(error), pause_s=round(pause_s, 2))
        time.sleep(pause_s)

    def _work(self) -> None:
        now = time.monotonic()
        self._settle()
        self._check_running(now)
        self._beat(now)
        self._tick(now)
        for lane in self._lanes.values():
            if lane.is_due(now):
                self._claim(lane, now)

    def _patience(self) -> float:
        """Seconds until there is something to do that nobody will tell us of."""
        if self._state.failures or self._state.finished:
            return 0.0
        looks = [lane.look_at for lane in self._lanes.values() if lane.free]
        return max(0.0, min([*looks, self._clocks.beat, self._clocks.tick, self._clocks.check]) - time.monotonic())

    def _collect(self, patience_s: float) -> None:
        """Take what happened: the first event may be waited for, more are taken as they lie there."""
        try:
            self._note(self._events.get(timeout=min(patience_s, self._pace.poll_s)))
            for _ in range(MAX_SETTLE):
                self._note(self._events.get_nowait())
        except queue.Empty:
            return

    def _note(self, event: _Ended | _Wake) -> None:
        if isinstance(event, _Wake):
            if lane := self._lanes.get(event.queue):
                lane.look_soon()
        elif share := self._state.running.pop(event.number, None):
            self._end(share, event.results)
        else:  # it was given up as timed out, and its thread replaced
            self._state.stuck -= 1
            self._shares.put(None)

    def _end(self, share: _Share, results: list[Result]) -> None:
        share.lane.free += 1
        if share.lane.queue.key_limit:
            share.lane.look_soon(GATHER_S)  # a job of the same key may have been passed over
        self._state.finished += results
        for result in results:
            self._meter(result.job, str(result.verdict), result.seconds)

    def _settle(self) -> None:
        if self._state.finished:
            self._store.settle(self._state.finished)
            self._state.finished = []

    def _claim(self, lane: _Lane, now: float) -> None:
        groups = self._store.claim(lane.queue, lane.free)
        lane.looked(now, self._pace.poll_s, len(groups))
        for jobs in groups:
            limit_s = self._tasks.get(jobs[0].task, _NO_TASK).timeout_s * len(jobs)
            self._state.shares += 1
            share = _Share(self._state.shares, jobs, lane, now + limit_s)
            self._state.running[share.number] = share
            lane.free -= 1
            self._shares.put(share)

    def _check_running(self, now: float) -> None:
        """A thread cannot be ended from outside: its job goes to another attempt and its slot to a new thread."""
        if now < self._clocks.check:
            return
        self._clocks.check = now + min(1.0, self._pace.lease_s / 3)
        for share in list(self._state.running.values()):
            if now > share.deadline:
                del self._state.running[share.number]
                self._abandon(share)

    def _abandon(self, share: _Share) -> None:
        task = self._tasks.get(share.jobs[0].task, _NO_TASK)
        for job in share.jobs:
            log.error("work.timeout", task=job.task, job=job.id, attempt=job.attempt)
            self._meter(job, "timeout", task.timeout_s)
        self._end(share, [failed(job, task, "timeout") for job in share.jobs])
        self._state.stuck += 1
        self._start_thread()

    def _beat(self, now: float) -> None:
        if now < self._clocks.beat:
            return
        self._clocks.beat = now + self._pace.lease_s / 3
        self._store.beat(self._started_at, len(self._state.running), self._state.stuck)
        held = self._store.prolong([job.id for job in self._state.jobs()])
        for job in self._state.jobs():
            if job.id not in held:  # its end will change nothing; the other attempt counts
                self._meter(job, "lost", 0.0)

    def _tick(self, now: float) -> None:
        if self._schedule and now >= self._clocks.tick:
            self._clocks.tick = now + min(self._store.tick(self._schedule), 30.0)
        elif not self._schedule:
            self._clocks.tick = now + 30.0

    def _drain(self) -> None:
        end = time.monotonic() + self._pace.drain_s
        while self._state.running and time.monotonic() < end:
            self._turn(0.2, self._wind_down)
        self._turn(0.0, self._let_go)
        for _ in range(self._slots + self._state.stuck):
            self._shares.put(None)
        self._store.drop()

    def _wind_down(self) -> None:
        now = time.monotonic()
        self._settle()
        self._check_running(now)
        self._beat(now)

    def _let_go(self) -> None:
        self._settle()
        self._store.give_back([job.id for job in self._state.jobs()])
        self._store.leave()

    def _start_thread(self) -> None:
        threading.Thread(target=self._serve, daemon=True, name="kulanz-slot").start()

    def _serve(self) -> None:
        while share := self._shares.get():
            task = self._tasks.get(share.jobs[0].task, _NO_TASK)
            self._events.put(_Ended(share.number, attempt_all(self._services, task, share.jobs)))

    def _listen(self, stop: threading.Event) -> None:
        """Turn notifications into events. Without them work is found by polling, so failures here only cost time."""
        failures = 0
        while not stop.is_set():
            try:
                with connect(self._services.db.url, self._services.db.role) as connection:
                    connection.execute(f"LISTEN {CHANNEL}")
                    failures = 0
                    while not stop.is_set():
                        for notice in connection.notifies(timeout=1.0, stop_after=1):
                            self._events.put(_Wake(notice.payload))
            except (psycopg.OperationalError, psycopg.InterfaceError):
                failures += 1
                stop.wait(min(5.0, 0.1 * 2**failures))


def _unknown(_services: Services, _job: Job) -> None:
    raise Retry(UNKNOWN_TASK_S, "unknown-task")


def _unmeasured(job: Job, outcome: str, seconds: float) -> None:
    """The meter of a worker that nobody measures."""


_NO_TASK = Task("", _unknown, timeout_s=UNKNOWN_TASK_S)
