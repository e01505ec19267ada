"""The card-testing shield: counts payment attempts in Valkey and tells a decision what they say. Nothing else knows them.

Everything here may be lost at any time; then the counts start anew. Kept are times, keyed hashes and two bits per attempt,
for a day; of a shop how many attempts and declines there were, for a week.
"""

import hashlib
import time
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import redis
import structlog

from gateway.core.money import exponent
from gateway.risk import tries
from gateway.risk.tries import AUTHORISED, CARD_UNKNOWN, SMALL, Surge, Tally

log = structlog.get_logger(__name__)

SUBJECTS = {"ip": "ip", "device": "device", "card": "handle"}
"""Whose attempts are counted → the kind of the blind index, the one a decision uses."""
SMALL_MAJOR = 5
"""An amount up to this many euros, francs, dollars is small; testers take what nobody notices on his bill."""
SMALL_WITHOUT_DIGITS = 500
"""The same where a currency has no smaller unit (yen, won)."""
LATE_S = 86_400
"""Older attempts are acknowledged and not counted."""
PAUSE_S = 2.0
TOP = 20
SURGES = "shield:surges"
"""Where shops with a surge stand, so that the worker finds them: member `<merchant>:<shop>`, score its end."""
_SCRIPT = (Path(__file__).parent / "shield.lua").read_text()


@dataclass(frozen=True, slots=True)
class Watch:
    """What a decision asks for: the attempts of its subjects and the surge of its shop, read beside the velocity."""

    merchant_id: UUID
    shop_id: UUID
    digests: Mapping[str, bytes]
    """Blind indexes by kind; those of other kinds are not looked at."""

    @property
    def subjects(self) -> list[str]:
        return [subject for subject, kind in SUBJECTS.items() if kind in self.digests]

    @property
    def keys(self) -> list[str]:
        of_subjects = [_key(self.merchant_id, name, self.digests[SUBJECTS[name]].hex()) for name in self.subjects]
        return [*of_subjects, _key(self.merchant_id, "surge", self.shop_id.hex)]

    def facts(self, values: Sequence[bytes | None], now_s: float) -> dict[str, int]:
        """The facts from what stands under `keys`."""
        return tries.facts(self.subjects, values, now_s)


@dataclass(frozen=True, slots=True)
class PaymentAttempt:
    """One attempt to pay by card, as the shop or its provider reports it. Digests are blind indexes by kind."""

    merchant_id: UUID
    shop_id: UUID
    external_id: str
    basket: str
    """Reference of the cart or order; "" for none."""
    authorised: bool
    small: bool
    digests: Mapping[str, bytes]
    occurred_s: float


@dataclass(frozen=True, slots=True)
class Counted:
    """What became of a report: counted now, or counted before; until when the shop has a surge (0: none)."""

    new: bool
    surge_until_s: int


def is_small(amount_minor: int, currency: str) -> bool:
    """Whether an amount is one that card testers like."""
    digits = exponent(currency)
    return amount_minor <= (SMALL_MAJOR * 10**digits if digits else SMALL_WITHOUT_DIGITS)


class Shield:
    """The counters, for the threads of one process."""

    def __init__(self, cache: redis.Redis) -> None:
        self._cache = cache
        self._script = cache.register_script(_SCRIPT)
        self._closed_until = 0.0

    def count(self, attempt: PaymentAttempt, now_s: float) -> Counted | None:
        """Count it once, however often it is reported. None when the cache cannot answer now."""
        if time.monotonic() < self._closed_until:
            return None
        keys, args = _call_of(attempt, now_s)
        try:
            new, until_s = self._script(keys=keys, args=args)
            if until_s:
                self._cache.zadd(SURGES, {f"{attempt.merchant_id.hex}:{attempt.shop_id.hex}": until_s})
        except redis.RedisError as error:
            self._closed_until = time.monotonic() + PAUSE_S
            log.warning("shield unavailable", kind=type(error).__name__)
            return None
        return Counted(bool(new), int(until_s))


def _call_of(attempt: PaymentAttempt, now_s: float) -> tuple[list[str], list[Any]]:
    """Keys and arguments of the script. All keys of a merchant lie in one slot of a cluster."""
    of = attempt.merchant_id
    subjects = {name: attempt.digests[kind].hex() for name, kind in SUBJECTS.items() if kind in attempt.digests}
    report = f"{attempt.shop_id.hex}|{attempt.external_id}"
    card = _hash(subjects.get("card") or report)
    basket = _hash(f"{attempt.shop_id.hex}|{attempt.basket}") if attempt.basket else 0
    bits = AUTHORISED * attempt.authorised + SMALL * attempt.small + CARD_UNKNOWN * ("card" not in subjects)
    keys = [
        _key(of, "report", _digest(report)),
        _key(of, "try", _digest(f"{attempt.shop_id.hex}|{card}|{basket}|{attempt.authorised}")),
        _key(of, "shop", attempt.shop_id.hex),
        _key(of, "surge", attempt.shop_id.hex),
        _key(of, "declining", "all"),
        *(_key(of, name, digest) for name, digest in subjects.items()),
    ]
    named = [f"{name}:{digest}" for name, digest in subjects.items()]
    at_s = min(int(attempt.occurred_s), int(now_s))
    return keys, [int(now_s), at_s, card, basket, bits, *named]


@dataclass(frozen=True, slots=True)
class Standing:
    """A subject with declines, by the hash it is counted under."""

    subject: str
    digest: str
    hour: Tally
    day: Tally


def surge_of(cache: redis.Redis, merchant_id: UUID, shop_id: UUID, now_s: float) -> Surge | None:
    """The surge of a shop. Raises RedisError."""
    stored: Any = cache.get(_key(merchant_id, "surge", shop_id.hex))
    return tries.surge(stored, now_s)


def top(cache: redis.Redis, merchant_id: UUID, now_s: float, limit: int = TOP) -> list[Standing]:
    """Who has most declines that nothing explains, over all shops of the merchant. Raises RedisError."""
    members: Any = cache.zrevrange(_key(merchant_id, "declining", "all"), 0, 199)
    if not members:
        return []
    named = [member.decode().split(":", 1) for member in members]
    stored: Any = cache.mget([_key(merchant_id, subject, digest) for subject, digest in named])
    found = []
    for (subject, digest), value in zip(named, stored, strict=True):
        seen = tries.read(value)
        found.append(Standing(subject, digest, tries.tally(seen, now_s, 3600), tries.tally(seen, now_s, LATE_S)))
    found.sort(key=lambda one: (-one.hour.declines, -one.day.declines))
    return [one for one in found if one.day.declines][:limit]


def lift(cache: redis.Redis, merchant_id: UUID, subject: str, digest: str) -> bool:
    """Forget the attempts of one subject, or with `surge` and the shop's id its surge. Raises RedisError."""
    keys = [_key(merchant_id, subject, digest)]
    if subject == "surge":
        keys.append(_key(merchant_id, "shop", digest))
    gone = cache.delete(*keys)
    cache.zrem(_key(merchant_id, "declining", "all"), f"{subject}:{digest}")
    return bool(gone)


def _key(merchant_id: UUID, subject: str, name: str) -> str:
    return f"s:{{{merchant_id.hex}}}:{subject}:{name}"


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


def _hash(text: str) -> int:
    """32 bits to tell cards and baskets of one subject apart; never 0, which stands for none."""
    return zlib.crc32(text.encode()) or 1
