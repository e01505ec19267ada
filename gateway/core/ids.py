"""Ids: a UUIDv7 in the database (sortable by time), a prefixed base-32 word in the API (`dec_…`)."""

import os
import time
from datetime import datetime
from uuid import UUID

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford: no i, l, o, u
_VALUE = {letter: value for value, letter in enumerate(_ALPHABET)}
_LENGTH = 26
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]


def new_id() -> UUID:
    """A UUIDv7 (RFC 9562): 48 bits of milliseconds, 74 random bits."""
    millis = time.time_ns() // 1_000_000
    rand = int.from_bytes(os.urandom(10))
    value = (millis & (1 << 48) - 1) << 80 | 0x7 << 76 | (rand >> 68 & 0xFFF) << 64 | 0b10 << 62 | rand & (1 << 62) - 1
    return UUID(int=value)


def lowest_at(moment: datetime) -> UUID:
    """The lowest id that could have been made at this moment: where a range of time begins in an index over ids."""
    return UUID(int=max(0, int(moment.timestamp() * 1000)) << 80)


def to_public(prefix: str, value: UUID) -> str:
    """`dec_01jd…`: 26 letters that sort like the id itself."""
    number = value.int
    pairs = [_PAIRS[number >> shift & 1023] for shift in range(120, -1, -10)]
    return f"{prefix}_{''.join(pairs)}"


def from_public(prefix: str, text: str) -> UUID | None:
    """The id behind a public one, or None when it is not one of this kind."""
    head, _, word = text.partition("_")
    if head != prefix or len(word) != _LENGTH or word[0] > "7" or not set(word) <= _VALUE.keys():
        return None
    number = 0
    for letter in word:
        number = number << 5 | _VALUE[letter]
    return UUID(int=number)
