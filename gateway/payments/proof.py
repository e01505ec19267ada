"""Comparing signatures as providers make them: HMAC-SHA-256 over raw bytes, in constant time, whatever a header holds."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable

from gateway.core.inbox import MAX_EVENT_ID

MOST = 64
"""Signatures or keys that are compared for one message."""


def hex_of(secret: bytes, content: bytes) -> str:
    """HMAC-SHA-256 in hexadecimal."""
    return hmac.digest(secret, content, "sha256").hex()


def base64_of(secret: bytes, content: bytes) -> str:
    """HMAC-SHA-256 in base64."""
    return base64.b64encode(hmac.digest(secret, content, "sha256")).decode()


def matches(expected: Iterable[str], offered: Iterable[str]) -> bool:
    """Whether one of the expected signatures was offered."""
    there = [_raw(one) for one in list(offered)[:MOST]]
    return any(hmac.compare_digest(one.encode(), other) for one in list(expected)[:MOST] for other in there)


def unhex(text: str) -> bytes:
    """The bytes of a hexadecimal key; empty when it is none."""
    try:
        return binascii.unhexlify(text)
    except (binascii.Error, ValueError):
        return b""


def once(event_id: str, body: bytes | None = None) -> str:
    """The id under which a message is stored once, short enough for the inbox.

    Where only part of a message is proven the body belongs to it: somebody who writes another body under a known id must not
    keep the genuine one out.
    """
    told = f"{event_id}:{hashlib.sha256(body).hexdigest()[:32]}" if body is not None else event_id
    return told if len(told) <= MAX_EVENT_ID else f"sha256:{hashlib.sha256(told.encode()).hexdigest()}"


def _raw(text: str) -> bytes:
    """Bytes of a header, which may hold anything a stranger sent."""
    return text.encode("utf-8", "surrogatepass")
