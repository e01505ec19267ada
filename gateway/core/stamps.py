"""A few bytes for an address, proven by a short HMAC under a key derived for one purpose (pure). Nothing is stored for them."""

import base64
import binascii
import hmac
from dataclasses import dataclass

from gateway.core.crypto import derive

_CODE_BYTES = 16


@dataclass(frozen=True, slots=True)
class Stamp:
    """What proves tokens of one purpose, whose body has so many bytes."""

    purpose: str
    size: int

    def token(self, key: bytes, body: bytes) -> str:
        """The body and its code, for an address."""
        return base64.urlsafe_b64encode(body + self._code(key, body)).decode().rstrip("=")

    def body(self, text: str) -> bytes | None:
        """What a token says, not proven yet; None for what is no token. Each has one spelling only."""
        raw = self._raw(text)
        return None if raw is None else raw[: self.size]

    def genuine(self, text: str, key: bytes) -> bool:
        """Whether this key made the token."""
        raw = self._raw(text)
        return raw is not None and hmac.compare_digest(raw[self.size :], self._code(key, raw[: self.size]))

    def _code(self, key: bytes, body: bytes) -> bytes:
        return hmac.digest(derive(key, self.purpose), body, "sha256")[:_CODE_BYTES]

    def _raw(self, text: str) -> bytes | None:
        try:
            raw = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
        except (ValueError, binascii.Error):
            return None
        canonical = base64.urlsafe_b64encode(raw).decode().rstrip("=") == text
        return raw if len(raw) == self.size + _CODE_BYTES and canonical else None
