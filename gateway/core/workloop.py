"""The worker: claims due jobs, runs them in threads, keeps their leases, and writes down how they ended.

One thread talks to the job table and never runs a handler; handlers run in as many threads as there are slots. When
PostgreSQL goes away the loop tries again with growing pauses and keeps what it still has to report.
"""

import queue
import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import psycopg
import structlog

from gateway.core import clock
from gateway.core.jobstore import JobStore, Queue, Result, Verdict, connect
from gateway.core.schedule import Entry
from gateway.core.services import Services
from gateway.core.work import CHANNEL, Fail, Job, Retry, Task, error_label

log = structlog.get_logger("kulanz.work")

FIRST_REST_S = 0.02
"""After work was found the queue is looked at again this soon, then ever less often up to `poll_s`."""
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

    def rest(self, now: float, poll_s: float, *, found: bool) -> None:
        self.rest_s = FIRST_REST_S if found else min(poll_s, self.rest_s * 2)
        self.look_at = now + self.rest_s

    def look_now(self) -> None:
        self.look_at, self.rest_s = 0.0, FIRST_REST_S


@dataclass(frozen=True, slots=True)
class _Running:
    job: Job
    lane: _Lane
    deadline: float


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
    running: dict[tuple[int, int], _Running] = field(default_factory=dict)
    finished: list[Result] = field(default_factory=list)
    stuck: int = 0
    failures: int = 0


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
        self._events: queue.SimpleQueue[Result | _Wake] = queue.SimpleQueue()
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
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
            if lane.free and now >= lane.look_at:
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

    def _note(self, event: Result | _Wake) -> None:
        if isinstance(event, _Wake):
            if lane := self._lanes.get(event.queue):
                lane.look_now()
        elif running := self._state.running.pop((event.job.id, event.job.attempt), None):
            self._end(running, event)
        else:  # it was given up as timed out, and its thread replaced
            self._state.stuck -= 1
            self._jobs.put(None)

    def _end(self, running: _Running, result: Result) -> None:
        running.lane.free += 1
        if running.lane.queue.key_limit and running.job.key is not None:
            running.lane.look_now()  # a job of the same key may have been passed over
        self._state.finished.append(result)
        self._meter(result.job, str(result.verdict), result.seconds)

    def _settle(self) -> None:
        if self._state.finished:
            self._store.settle(self._state.finished)
            self._state.finished = []

    def _claim(self, lane: _Lane, now: float) -> None:
        jobs = self._store.claim(lane.queue, lane.free)
        if len(jobs) < lane.free:
            lane.rest(now, self._pace.poll_s, found=bool(jobs))
        else:
            lane.look_at = 0.0
        for job in jobs:
            task = self._tasks.get(job.task)
            deadline = now + (task.timeout_s if task else UNKNOWN_TASK_S)
            self._state.running[job.id, job.attempt] = _Running(job, lane, deadline)
            lane.free -= 1
            self._jobs.put(job)

    def _check_running(self, now: float) -> None:
        """A thread cannot be ended from outside: its job goes to another attempt and its slot to a new thread."""
        if now < self._clocks.check:
            return
        self._clocks.check = now + min(1.0, self._pace.lease_s / 3)
        for identity, running in list(self._state.running.items()):
            if now > running.deadline:
                del self._state.running[identity]
                self._abandon(running)

    def _abandon(self, running: _Running) -> None:
        task = self._tasks.get(running.job.task)
        log.error("work.timeout", task=running.job.task, job=running.job.id, attempt=running.job.attempt)
        result = _failed(running.job, task or _NO_TASK, "timeout")
        self._end(running, result)
        self._meter(running.job, "timeout", task.timeout_s if task else UNKNOWN_TASK_S)
        self._state.stuck += 1
        self._start_thread()

    def _beat(self, now: float) -> None:
        if now < self._clocks.beat:
            return
        self._clocks.beat = now + self._pace.lease_s / 3
        self._store.beat(self._started_at, len(self._state.running), self._state.stuck)
        held = self._store.prolong([job_id for job_id, _ in self._state.running])
        for (job_id, _), running in self._state.running.items():
            if job_id not in held:  # its end will change nothing; the other attempt counts
                self._meter(running.job, "lost", 0.0)

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
            self._jobs.put(None)
        self._store.drop()

    def _wind_down(self) -> None:
        now = time.monotonic()
        self._settle()
        self._check_running(now)
        self._beat(now)

    def _let_go(self) -> None:
        self._settle()
        self._store.give_back([job_id for job_id, _ in self._state.running])
        self._store.leave()

    def _start_thread(self) -> None:
        threading.Thread(target=self._serve, daemon=True, name="kulanz-slot").start()

    def _serve(self) -> None:
        while job := self._jobs.get():
            started = time.monotonic()
            result = self._attempt(job)
            self._events.put(replace(result, seconds=time.monotonic() - started))

    def _attempt(self, job: Job) -> Result:
        task = self._tasks.get(job.task, _NO_TASK)
        return _take_over(self._services, task, _run(self._services, task, job))

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


def _run(services: Services, task: Task, job: Job) -> Result:
    """One attempt, whatever comes of it."""
    if job.attempt > task.max_attempts:  # the attempts before did not even live to say how they failed
        return Result(job, Verdict.DEAD, error="attempts-exhausted")
    try:
        task.handler(services, job)
    except Retry as retry:
        return _failed(job, task, f"{retry.reason} Retry", retry.after_s)
    except Fail as fail:
        return Result(job, Verdict.DEAD, error=f"{fail.reason} Fail")
    except Exception as error:  # noqa: BLE001 - a handler may fail in any way, and the job must not be lost for it
        _report(task, job, error)
        return _failed(job, task, error_label(error))
    return Result(job, Verdict.DONE)


def _failed(job: Job, task: Task, error: str, after_s: float | None = None) -> Result:
    if job.attempt >= task.max_attempts:
        return Result(job, Verdict.DEAD, error=error)
    return Result(job, Verdict.RETRY, task.backoff.delay_s(job.attempt) if after_s is None else after_s, error)


def _take_over(services: Services, task: Task, result: Result) -> Result:
    """A dead job is done when its feature has taken over; when that fails it is kept among the dead."""
    if result.verdict is not Verdict.DEAD or task.on_dead is None:
        return result
    try:
        task.on_dead(services, result.job, result.error or "")
    except Exception as error:  # noqa: BLE001 - as in _run
        _report(task, result.job, error)
        return result
    return replace(result, verdict=Verdict.TAKEN)


def _report(task: Task, job: Job, error: Exception) -> None:
    """Where it happened, never the message: it may quote a row."""
    frames, trace = [], error.__traceback__
    while trace:
        frames.append(f"{trace.tb_frame.f_code.co_qualname}:{trace.tb_lineno}")
        trace = trace.tb_next
    log.error("work.failed", task=task.name, job=job.id, attempt=job.attempt, error=error_label(error), at=frames[-5:])


def _unknown(_services: Services, _job: Job) -> None:
    raise Retry(UNKNOWN_TASK_S, "unknown-task")


def _unmeasured(job: Job, outcome: str, seconds: float) -> None:
    """The meter of a worker that nobody measures."""


_NO_TASK = Task("", _unknown)
