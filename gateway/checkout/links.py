"""Signed links that a buyer opens without an account: which decision, for what, until when (pure).

Nothing is stored for a link. Its code is an HMAC under a key derived from the merchant's index key for this purpose
only, so a link can be made for no other decision and for no other use, and it ends with the merchant, the date, and the
buyer's erasure.
"""

import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from gateway.core.stamps import Stamp

LASTS = timedelta(days=60)
COPY_LASTS = timedelta(days=7)
EXPLANATION, COPY = 1, 2
"""What a link is for: the explanation of a decision, or a copy of all data, asked for by its buyer."""
_BODY = struct.Struct(">B16s16sI")
_STAMP = Stamp("kulanz buyer link", _BODY.size)


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
    return _STAMP.token(index_key, body)


def read(text: str) -> Link | None:
    """What a token says, not proven yet; None for what is no token."""
    body = _STAMP.body(text)
    if body is None:
        return None
    use, merchant, subject, until = _BODY.unpack(body)
    return Link(use, UUID(bytes=merchant), UUID(bytes=subject), datetime.fromtimestamp(until, UTC))


def genuine(text: str, index_key: bytes) -> bool:
    """Whether this merchant's key made the token; whether its time has come is another question."""
    return _STAMP.genuine(text, index_key)


def until(created_at: datetime, lasts: timedelta) -> datetime:
    """When a link ends; whole seconds, so that the same decision has the same link each time."""
    return (created_at + lasts).replace(microsecond=0)
