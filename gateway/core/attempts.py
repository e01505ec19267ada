"""One attempt at a job: runs the handler, whatever it may do, and says how it ended. In a thread of the worker."""

import time
from collections.abc import Sequence
from dataclasses import replace

import structlog

from gateway.core.jobstore import Result, Verdict
from gateway.core.services import Services
from gateway.core.work import Ends, Fail, Job, Retry, Task, error_label

log = structlog.get_logger("kulanz.work")


def attempt_all(services: Services, task: Task, jobs: Sequence[Job]) -> list[Result]:
    """One attempt at each of some jobs of one task, whatever comes of it."""
    return [_take_over(services, task, result) for result in _results(services, task, jobs)]


def _results(services: Services, task: Task, jobs: Sequence[Job]) -> list[Result]:
    # Attempts beyond the limit: those before did not even live to say how they failed.
    spent = [Result(job, Verdict.DEAD, error="attempts-exhausted") for job in jobs if job.attempt > task.max_attempts]
    alive = [job for job in jobs if job.attempt <= task.max_attempts]
    started = time.monotonic()
    if task.together and alive:
        ends = list(zip(alive, _attempt_together(services, task, alive), strict=True))
        seconds = (time.monotonic() - started) / len(alive)
        return spent + [_result(task, job, end, seconds) for job, end in ends]
    return spent + [_timed(services, task, job) for job in alive]


def _timed(services: Services, task: Task, job: Job) -> Result:
    started = time.monotonic()
    end = _attempt(services, task, job)
    return _result(task, job, end, time.monotonic() - started)


def _attempt(services: Services, task: Task, job: Job) -> Exception | None:
    try:
        task.handler(services, job)
    except Exception as error:  # noqa: BLE001 - a handler may fail in any way, and the job must not be lost for it
        return error
    return None


def _attempt_together(services: Services, task: Task, jobs: list[Job]) -> Ends:
    try:
        return task.together(services, jobs) if task.together else []
    except Exception as error:  # noqa: BLE001 - as above
        return [error] * len(jobs)


def _result(task: Task, job: Job, end: Exception | None, seconds: float) -> Result:
    if end is None:
        return Result(job, Verdict.DONE, seconds=seconds)
    if isinstance(end, Fail):
        return Result(job, Verdict.DEAD, error=f"{end.reason} Fail", seconds=seconds)
    if isinstance(end, Retry):
        return replace(failed(job, task, f"{end.reason} Retry", end.after_s), seconds=seconds)
    _report(task, job, end)
    return replace(failed(job, task, error_label(end)), seconds=seconds)


def failed(job: Job, task: Task, error: str, after_s: float | None = None) -> Result:
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
