"""A call with one deadline for everything: name look-up, connection, answer. Who waits is never kept longer.

The call runs beside the waiting thread, since neither a name server nor a bureau that drips bytes lets itself be hurried. A
late one is cut off by the watchdog of `core/egress`; its answer is not used.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress

import structlog

from gateway.risk.bureau import Answer

log = structlog.get_logger(__name__)

AT_ONCE = 16
"""Calls of one process; one that hangs in a name look-up holds its place until the system gives up."""

Ask = Callable[[float], Answer]
"""An adapter's question, given the seconds it has."""


class Caller:
    """The calls of one process."""

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._places = threading.BoundedSemaphore(at_once)

    @property
    def full(self) -> bool:
        """Whether a call could not be made now: better known before it is reserved and paid for."""
        if free := self._places.acquire(blocking=False):
            self._places.release()
        return not free

    def call(self, ask: Ask, deadline_s: float) -> Answer:
        """The answer, or `timeout` after `deadline_s`, or `error` for whatever was raised. Raises nothing."""
        if not self._places.acquire(blocking=False):
            return Answer("error", detail="too many calls under way")
        heard: Future[Answer] = Future()
        thread = threading.Thread(target=self._run, args=(ask, deadline_s, heard), daemon=True, name="kulanz-bureau")
        thread.start()
        try:
            return heard.result(deadline_s)
        except TimeoutError:
            return Answer("timeout", detail="no answer within the deadline")

    def _run(self, ask: Ask, deadline_s: float, heard: "Future[Answer]") -> None:
        try:
            answer = ask(deadline_s)
        except Exception as error:  # noqa: BLE001 - an adapter may be anybody's; what it raises is one outcome
            log.warning("bureau failed", kind=type(error).__name__)
            answer = Answer("error", detail=type(error).__name__)
        finally:
            self._places.release()
        with suppress(InvalidStateError):
            heard.set_result(answer)
