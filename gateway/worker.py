"""The worker process: serves every queue until SIGTERM, then finishes what runs."""

import signal
import sys
import threading
from collections.abc import Sequence
from types import FrameType

from gateway.core.jobstore import Queue
from gateway.core.schedule import Entry
from gateway.core.services import Services
from gateway.core.work import Task
from gateway.core.workloop import Meter, Pace, Worker

QUEUES = (Queue("default", 4), Queue("inbox", 4), Queue("outbox", 8, key_limit=4, batch=8))
"""What one process serves. The pool of `services.db` should hold as many connections as there are slots."""
SLOTS = sum(queue.slots for queue in QUEUES)


def run(  # noqa: PLR0913 - what a worker is made of
    services: Services,
    tasks: Sequence[Task],
    schedule: Sequence[Entry],
    stop: threading.Event,
    *,
    queues: Sequence[Queue] = QUEUES,
    pace: Pace | None = None,
    meter: Meter | None = None,
) -> bool:
    """Work until `stop` is set. False when the process should be replaced because its threads hang."""
    return Worker(services, tasks, queues=queues, schedule=schedule, pace=pace, meter=meter).run(stop)


def serve(services: Services, tasks: Sequence[Task], schedule: Sequence[Entry]) -> None:
    """`run` as the main thread of a process: SIGTERM and SIGINT drain it, the exit status tells of hanging threads."""
    stop = threading.Event()

    def drain(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, drain)
    sys.exit(0 if run(services, tasks, schedule, stop) else 75)
