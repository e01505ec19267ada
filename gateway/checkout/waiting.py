"""How many threads of a process may wait for bureaus at once: the others belong to the checkouts.

Without a bound, bureaus that hang as long as their deadline allows would take every thread of every process, and no menu
would be decided meanwhile, for any merchant.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Place:
    """One selection's claim to a thread that waits: taken when it has to wait, given back when it is answered."""

    def __init__(self, room: threading.BoundedSemaphore) -> None:
        self._room = room
        self.taken = False

    def take(self) -> bool:
        """Whether it may wait. Never waits for that itself."""
        self.taken = self.taken or self._room.acquire(blocking=False)
        return self.taken


class WaitingRoom:
    """Places for half of the threads of a process, at least one."""

    def __init__(self, threads: int) -> None:
        self._room = threading.BoundedSemaphore(max(1, threads // 2))

    @contextmanager
    def place(self) -> Iterator[Place]:
        """A place to take when it is needed."""
        place = Place(self._room)
        try:
            yield place
        finally:
            if place.taken:
                self._room.release()
