"""Values kept in the process for seconds, so that a hot path saves the round trip that would fetch them."""

import threading
import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Kept(Generic[K, V]):
    """What `fetch` answered, for at most `seconds`, for at most `size` keys; None is never kept."""

    def __init__(
        self, fetch: Callable[[K], V], *, seconds: float, size: int = 1000, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._fetch = fetch
        self._seconds = seconds
        self._size = size
        self._clock = clock
        self._kept: dict[K, tuple[float, V]] = {}
        self._lock = threading.Lock()

    def get(self, key: K) -> V:
        """The value, at most `seconds` old. Errors of `fetch` pass through and are not kept."""
        tick = self._clock()
        kept = self._kept.get(key)
        if kept is not None and tick - kept[0] < self._seconds:
            return kept[1]
        value = self._fetch(key)
        with self._lock:
            if len(self._kept) >= self._size:
                self._kept.clear()
            if value is None:
                self._kept.pop(key, None)
            else:
                self._kept[key] = tick, value
        return value
