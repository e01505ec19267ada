"""Signed links that a debtor opens without an account: whose page at which merchant, made when, good until when (pure).

Every letter carries one. Its code is an HMAC under a key derived from the merchant's index key for this purpose only. It
names ids, nothing personal; it ends with its date, with a revocation of all links made before, and with the buyer.
"""

import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from gateway.core.stamps import Stamp

LASTS = timedelta(days=180)
"""A letter is answered late more often than never; the second fact protects what the link opens."""
_VERSION = 1
_BODY = struct.Struct(">B16s16sII")
_STAMP = Stamp("kulanz debtor link", _BODY.size)


@dataclass(frozen=True, slots=True)
class DebtorLink:
    """What a link names."""

    merchant_id: UUID
    buyer_id: UUID
    made_at: datetime
    until: datetime


def link(public_url: str, index_key: bytes, merchant_id: UUID, buyer_id: UUID, made_at: datetime) -> str:
    """The address for a letter. The same letter has the same link each time it is rendered: `made_at` is its own."""
    return f"{public_url}/pay/{token(index_key, new(merchant_id, buyer_id, made_at))}"


def new(merchant_id: UUID, buyer_id: UUID, made_at: datetime, lasts: timedelta = LASTS) -> DebtorLink:
    """A link that ends after `lasts`; whole seconds."""
    made = made_at.replace(microsecond=0)
    return DebtorLink(merchant_id, buyer_id, made, made + lasts)


def token(index_key: bytes, named: DebtorLink) -> str:
    """76 letters for an address: the link and its code."""
    made, until = int(named.made_at.timestamp()), int(named.until.timestamp())
    body = _BODY.pack(_VERSION, named.merchant_id.bytes, named.buyer_id.bytes, made, until)
    return _STAMP.token(index_key, body)


def read(text: str) -> DebtorLink | None:
    """What a token says, not proven yet; None for what is no token."""
    body = _STAMP.body(text)
    if body is None:
        return None
    version, merchant, buyer, made, until = _BODY.unpack(body)
    if version != _VERSION:
        return None
    return DebtorLink(UUID(bytes=merchant), UUID(bytes=buyer), _moment(made), _moment(until))


def genuine(text: str, index_key: bytes) -> bool:
    """Whether this merchant's key made the token; whether its time has come is another question."""
    return _STAMP.genuine(text, index_key)


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
