"""How often one caller may do one thing: counted in the cache for all processes, and by each for itself while it is away."""

import hashlib
import ipaddress
import threading
import time
from dataclasses import dataclass, field

import redis

from gateway.core.errors import TooMany

PAUSE_S = 2.0
"""How long the cache is left alone after it failed: asking it in vain costs time."""
KEPT_CALLERS = 10_000
"""Callers one process remembers while the cache is away; with more, it starts anew."""


def network_of(address: str | None) -> str:
    """Whom an address counts for: itself, and in IPv6 its /64, for one customer has that many addresses."""
    try:
        ip = ipaddress.ip_address((address or "").partition("%")[0])
    except ValueError:
        return address or ""
    if isinstance(ip, ipaddress.IPv4Address):
        return str(ip)
    return str(ip.ipv4_mapped or ipaddress.IPv6Network((ip, 64), strict=False))


@dataclass(slots=True)
class _Local:
    """Counts of one process in the window that runs."""

    window: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, caller: str, window: int) -> int:
        with self.lock:
            if window != self.window or len(self.counts) >= KEPT_CALLERS:
                self.window, self.counts = window, {}
            self.counts[caller] = count = self.counts.get(caller, 0) + 1
            return count


class Limit:
    """At most `most` times per `window_s` seconds for each caller, in fixed windows."""

    def __init__(self, name: str, most: int, window_s: int) -> None:
        self.name = name
        self.most = most
        self.window_s = window_s
        self._local = _Local()
        self._closed_until = 0.0

    def take(self, cache: redis.Redis, caller: str, now_s: float) -> None:
        """Count one more. Raises TooMany (429) with the seconds to wait when it is too much."""
        window = int(now_s) // self.window_s
        name = hashlib.blake2b(caller.encode(), digest_size=12).hexdigest()
        count = self._add(cache, f"limit:{self.name}:{window}:{name}") or self._local.add(name, window)
        if count > self.most:
            raise TooMany(retry_after_s=self.window_s - int(now_s) % self.window_s)

    def _add(self, cache: redis.Redis, key: str) -> int:
        """The count in the cache; 0 while it is away."""
        if time.monotonic() < self._closed_until:
            return 0
        pipe = cache.pipeline(transaction=False)
        pipe.incr(key)
        pipe.expire(key, self.window_s)
        try:
            count: int = pipe.execute()[0]
        except redis.RedisError:
            self._closed_until = time.monotonic() + PAUSE_S
            return 0
        return count
