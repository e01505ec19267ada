"""How often lately: counters per e-mail, phone, address, IP, device and payment handle, in one round trip.

Valkey may lose everything at any time: then the counts are missing or start anew, and nothing else happens. After a
failure the next calls skip the cache for a moment instead of waiting for it each time.
"""

import hashlib
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import redis
import structlog
from redis.exceptions import NoScriptError

from gateway.risk.shield import Watch

log = structlog.get_logger(__name__)

SUBJECTS = ("email", "phone", "address", "ip", "device", "handle")
WINDOWS = {"1h": 3600, "24h": 86_400, "30d": 30 * 86_400}
PAUSE_S = 2.0
_SCRIPT = (Path(__file__).parent / "velocity.lua").read_text()


@dataclass(frozen=True, slots=True)
class Attempt:
    """What is counted: keyed hashes of the subjects, and the basket they came with."""

    merchant_id: UUID
    digests: Mapping[str, bytes]
    """Subject → blind index; absent subjects are not counted."""
    basket: bytes
    """What makes two questions one attempt; the same asked again does not count again."""
    watch: Watch | None = None
    """What the shield is asked in the same round trip."""


class Velocity:
    """The counters, for the threads of one process."""

    def __init__(self, cache: redis.Redis, clock: Callable[[], float] = time.monotonic) -> None:
        self._script = _Script(cache, _SCRIPT)
        self._clock = clock
        self._closed_until = 0.0

    def count(self, attempt: Attempt, now_s: float) -> dict[str, int] | None:
        """Count the attempt and tell how many other baskets came before, as `{"email_1h": 0, …}`.

        None when the cache cannot answer now.
        """
        subjects = [subject for subject in SUBJECTS if subject in attempt.digests]
        if not subjects:
            return {}
        if self._clock() < self._closed_until:
            return None
        keys = [_key(attempt.merchant_id, subject, attempt.digests[subject]) for subject in subjects]
        try:
            args = [int(now_s), _hash(attempt.basket), WINDOWS["30d"], *WINDOWS.values()]
            counts, beside = self._script.call(keys, args, attempt.watch.keys if attempt.watch else [])
        except redis.RedisError as error:
            self._closed_until = self._clock() + PAUSE_S
            log.warning("velocity unavailable", kind=type(error).__name__)
            return None
        names = [f"{subject}_{window}" for subject in subjects for window in WINDOWS]
        seen = attempt.watch.facts(beside, now_s) if attempt.watch else {}
        return dict(zip(names, counts, strict=True)) | seen


class _Script:
    """A Lua script on one connection per thread: the client's pool and its measurements double the time of a call."""

    def __init__(self, cache: redis.Redis, text: str) -> None:
        self._pool = cache.connection_pool
        self._text = text
        self._sha = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
        self._mine = threading.local()

    def call(self, keys: list[str], args: list[int], beside: list[str]) -> tuple[list[int], list[bytes | None]]:
        """The script's answer, and what stands under the keys `beside`, in one round trip. Raises RedisError."""
        words: tuple[int | str, ...] = (len(keys), *keys, *args)
        try:
            return self._ask(words, beside)
        except redis.ConnectionError:  # the server may have been started anew since the last call
            return self._ask(words, beside)

    def _ask(self, words: tuple[int | str, ...], beside: list[str]) -> tuple[list[int], list[bytes | None]]:
        connection = self._connection()
        calls = [("EVALSHA", self._sha, *words), *([("MGET", *beside)] if beside else [])]
        connection.send_packed_command(connection.pack_commands(calls))
        refusal: redis.ResponseError | None = None
        try:
            answer: list[int] = connection.read_response()
        except redis.ResponseError as error:  # the second answer has to be read all the same
            refusal = error
        values: list[bytes | None] = connection.read_response() if beside else []
        if isinstance(refusal, NoScriptError):
            connection.send_command("EVAL", self._text, *words)
            answer = connection.read_response()
        elif refusal is not None:
            raise refusal
        return answer, values

    def _connection(self) -> Any:
        """Connects when it is used and is not connected; after an error it is not."""
        if not hasattr(self._mine, "connection"):
            self._mine.connection = self._pool.get_connection()
        return self._mine.connection


def forget(cache: redis.Redis, merchant_id: UUID, digests: Iterable[bytes]) -> bool:
    """Delete the counters of these blind indexes; False when the cache cannot now: they then expire within 60 days."""
    keys = [_key(merchant_id, subject, digest) for digest in digests for subject in SUBJECTS]
    try:
        for start in range(0, len(keys), 600):
            cache.delete(*keys[start : start + 600])
    except redis.RedisError:
        return False
    return True


def _key(merchant_id: UUID, subject: str, digest: bytes) -> str:
    return f"v:{{{merchant_id.hex}}}:{subject}:{digest.hex()}"


def _hash(basket: bytes) -> int:
    """32 bits to recognise a basket by; never 0, which stands for none."""
    return zlib.crc32(basket) or 1
