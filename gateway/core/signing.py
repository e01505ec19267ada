"""Signed messages as the Standard Webhooks specification has them, with keys that can be rotated. Pure.

`v1` is HMAC-SHA-256 over `id.timestamp.body`, base64. While a key is being rotated a message carries one signature per
active key, and a receiver needs to know only one of them. https://www.standardwebhooks.com
"""

import base64
import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.core.errors import GatewayError

TOLERANCE = timedelta(minutes=5)
"""How far the clocks of sender and receiver may be apart."""
MIN_SECRET_BYTES = 24
MAX_SIGNATURES = 16
_PREFIX = "whsec_"


class BadSignature(GatewayError):
    """The signature does not prove who sent this message."""

    status = 401


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One secret; it signs and verifies from `created_at` until `retired_at`, where that is set."""

    kid: str
    secret: bytes
    created_at: datetime
    retired_at: datetime | None = None

    def __post_init__(self) -> None:
        if len(self.secret) < MIN_SECRET_BYTES:
            raise ValueError(f"a signing secret needs at least {MIN_SECRET_BYTES} bytes")

    def __repr__(self) -> str:
        return f"SigningKey({self.kid!r})"

    def active(self, now: datetime) -> bool:
        return self.created_at <= now and (self.retired_at is None or now < self.retired_at)


def secret_text(secret: bytes) -> str:
    """A secret as it is handed to a receiver: `whsec_…`."""
    return _PREFIX + base64.b64encode(secret).decode()


def active_keys(keys: Iterable[SigningKey], now: datetime) -> list[SigningKey]:
    """Those in force, the newest first."""
    return sorted((key for key in keys if key.active(now)), key=lambda key: key.created_at, reverse=True)


def sign(keys: Sequence[SigningKey], message_id: str, body: bytes, now: datetime) -> dict[str, str]:
    """The three headers of a signed message. Raises ValueError when no key is in force: nothing leaves unsigned."""
    active = active_keys(keys, now)[:MAX_SIGNATURES]
    if not active:
        raise ValueError("no signing key is in force")
    timestamp = str(int(now.timestamp()))
    content = _content(message_id, timestamp, body)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"v1,{_signature(key.secret, content)}" for key in active),
    }


def verify(keys: Sequence[SigningKey], headers: Mapping[str, str], body: bytes, now: datetime) -> SigningKey:
    """The key that signed an incoming message. Raises `BadSignature` with a `reason` otherwise.

    Every comparison takes the same time, however much of a signature is right.
    """
    lower = {name.lower(): value for name, value in headers.items()}
    message_id, timestamp = lower.get("webhook-id", ""), lower.get("webhook-timestamp", "")
    if not message_id or not lower.get("webhook-signature"):
        raise BadSignature(reason="missing-header")
    _check_time(timestamp, now)
    offered = _offered(lower["webhook-signature"])
    content = _content(message_id, timestamp, body)
    matching = [key for key in active_keys(keys, now) if _matches(_signature(key.secret, content), offered)]
    if not matching:
        raise BadSignature(reason="no-match")
    return matching[0]


def _content(message_id: str, timestamp: str, body: bytes) -> bytes:
    return _raw(f"{message_id}.{timestamp}.") + body


def _signature(secret: bytes, content: bytes) -> str:
    return base64.b64encode(hmac.digest(secret, content, "sha256")).decode()


def _check_time(timestamp: str, now: datetime) -> None:
    if not (timestamp.isascii() and timestamp.isdecimal() and len(timestamp) <= 12):
        raise BadSignature(reason="bad-timestamp")
    apart = int(timestamp) - now.timestamp()
    if abs(apart) > TOLERANCE.total_seconds():
        raise BadSignature(reason="too-new" if apart > 0 else "too-old")


def _offered(header: str) -> list[bytes]:
    """The `v1` signatures of a header; other versions are passed over, as the specification wants."""
    parts = header.split(" ", MAX_SIGNATURES)[:MAX_SIGNATURES]
    return [_raw(part[3:]) for part in parts if part.startswith("v1,")]


def _matches(expected: str, offered: list[bytes]) -> bool:
    return any(hmac.compare_digest(expected.encode(), one) for one in offered)


def _raw(text: str) -> bytes:
    """Bytes of a header, which may hold anything a stranger sent."""
    return text.encode("utf-8", "surrogatepass")
