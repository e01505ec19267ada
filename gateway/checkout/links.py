"""Signed links that a buyer opens without an account: which decision, for what, until when (pure).

Nothing is stored for a link. Its code is an HMAC under a key derived from the merchant's index key for this purpose
only, so a link can be made for no other decision and for no other use, and it ends with the merchant, the date, and the
buyer's erasure.
"""

import base64
import binascii
import hmac
import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from gateway.core.crypto import derive

LASTS = timedelta(days=60)
COPY_LASTS = timedelta(days=7)
EXPLANATION, COPY = 1, 2
"""What a link is for: the explanation of a decision, or a copy of all data, asked for by its buyer."""
_BODY = struct.Struct(">B16s16sI")
_CODE_BYTES = 16
_LENGTH = _BODY.size + _CODE_BYTES


@dataclass(frozen=True, slots=True)
class Link:
    """What a link names. `subject` is a decision, or for a copy the request it answers."""

    use: int
    merchant_id: UUID
    subject: UUID
    until: datetime


def token(index_key: bytes, link: Link) -> str:
    """71 letters for an address: the link and its code."""
    body = _BODY.pack(link.use, link.merchant_id.bytes, link.subject.bytes, int(link.until.timestamp()))
    return base64.urlsafe_b64encode(body + _code(index_key, body)).decode().rstrip("=")


def read(text: str) -> Link | None:
    """What a token says, not proven yet; None for what is no token."""
    raw = _decoded(text)
    if raw is None:
        return None
    use, merchant, subject, until = _BODY.unpack(raw[: _BODY.size])
    return Link(use, UUID(bytes=merchant), UUID(bytes=subject), datetime.fromtimestamp(until, UTC))


def genuine(text: str, index_key: bytes) -> bool:
    """Whether this merchant's key made the token; whether its time has come is another question."""
    raw = _decoded(text)
    return raw is not None and hmac.compare_digest(raw[_BODY.size :], _code(index_key, raw[: _BODY.size]))


def until(created_at: datetime, lasts: timedelta) -> datetime:
    """When a link ends; whole seconds, so that the same decision has the same link each time."""
    return (created_at + lasts).replace(microsecond=0)


def _code(index_key: bytes, body: bytes) -> bytes:
    return hmac.digest(derive(index_key, "kulanz buyer link"), body, "sha256")[:_CODE_BYTES]


def _decoded(text: str) -> bytes | None:
    try:
        raw = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    except (ValueError, binascii.Error):
        return None
    canonical = base64.urlsafe_b64encode(raw).decode().rstrip("=") == text
    return raw if len(raw) == _LENGTH and canonical else None
