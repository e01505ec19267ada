"""Keys and sealed fields: master keys that rotate wrap data keys, data keys seal fields, index keys make look-ups blind.

Everything is AES-256-GCM with a random 96-bit nonce. The `context` names the place a value belongs to (`buyer.email:<id>`)
and is authenticated with it, so a blob moved to another row or column does not open. One key may seal 2^32 values at
random nonces (NIST SP 800-38D); a data key belongs to one buyer or one merchant and stays far below.
"""

import base64
import binascii
import hmac
import os
import re
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gateway.core.errors import GatewayError

KEY_BYTES = 32
INDEX_BYTES = 16
_NONCE_BYTES = 12
_TAG_BYTES = 16
_SEALED = b"\x01"
"""First byte of a sealed value: version 1, AES-256-GCM."""
_WRAPPED = 0x11
"""First byte of a wrapped key: version 1 of that form, so the two kinds cannot be taken for each other."""
_KID = re.compile(r"[A-Za-z0-9._-]{1,32}", re.ASCII)


class KeyUnknown(GatewayError):
    """A key is needed that this installation was not started with."""

    status = 503


class Tampered(GatewayError):
    """A stored secret does not open: it was changed, moved, or sealed under another key."""

    status = 500


def new_key() -> bytes:
    """A random 256-bit key."""
    return os.urandom(KEY_BYTES)


def seal(key: bytes, plaintext: bytes, context: str) -> bytes:
    """Encrypt and authenticate a value for one place: version ‖ nonce ‖ ciphertext ‖ tag (29 bytes longer)."""
    nonce = os.urandom(_NONCE_BYTES)
    return _SEALED + nonce + _cipher(key).encrypt(nonce, plaintext, _SEALED + context.encode())


def unseal(key: bytes, blob: bytes, context: str) -> bytes:
    """The value sealed for this place under this key. Raises `Tampered` otherwise."""
    if blob[:1] != _SEALED:
        raise Tampered
    return _open(key, blob[1:], _SEALED + context.encode())


def blind_index(index_key: bytes, kind: str, value: str) -> bytes:
    """16 bytes to look a value up by without storing it; equal only for equal key, kind and value.

    The caller normalises: upper case and spaces count here.
    """
    message = f"{len(kind)}:{kind}{value}".encode("utf-8", "surrogatepass")
    return hmac.digest(index_key, message, "sha256")[:INDEX_BYTES]


@lru_cache(maxsize=1024)
def derive(key: bytes, purpose: str) -> bytes:
    """A 256-bit sub-key for one purpose (HKDF-SHA256, RFC 5869); no sub-key tells about the key or another one."""
    return HKDF(SHA256(), KEY_BYTES, None, purpose.encode()).derive(key)


class Keyring:
    """The master keys of an installation: the first wraps, all of them unwrap."""

    __slots__ = ("_keys", "current")

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        if not keys:
            raise ValueError("a keyring needs at least one key")
        self._keys = MappingProxyType({kid: derive(key, "kulanz key wrapping") for kid, key in keys.items()})
        self.current = next(iter(keys))

    @classmethod
    def parse(cls, text: str) -> "Keyring":
        """Read `k2:<base64 of 32 bytes>,k1:<base64>`; the first is current.

        Raises ValueError that names the faulty entry and never shows a key.
        """
        keys: dict[str, bytes] = {}
        for number, entry in enumerate(text.split(","), 1):
            kid, _, encoded = entry.strip().partition(":")
            if not _KID.fullmatch(kid):
                raise ValueError(f"master key {number} needs an id of letters, digits and ._- before a colon")
            if kid in keys:
                raise ValueError(f"master key id {kid} appears twice")
            keys[kid] = _decoded(kid, encoded)
        return cls(keys)

    @staticmethod
    def generate(kid: str = "k1") -> str:
        """A new key for a new installation or a rotation, in the form that `parse` reads. Raises ValueError for a bad id."""
        if not _KID.fullmatch(kid):
            raise ValueError("a master key id has 1 to 32 letters, digits and ._-")
        return f"{kid}:{base64.b64encode(new_key()).decode()}"

    @property
    def kids(self) -> tuple[str, ...]:
        """Ids of all known keys, the current one first."""
        return tuple(self._keys)

    @property
    def mark(self) -> bytes:
        """The bytes that everything wrapped under the current key begins with."""
        return bytes((_WRAPPED, len(self.current))) + self.current.encode()

    def __repr__(self) -> str:
        return f"Keyring({', '.join(self._keys)})"

    def wrap(self, key: bytes, context: str) -> bytes:
        """A data key under the current master key: version, length of kid, kid, nonce, ciphertext and tag."""
        nonce = os.urandom(_NONCE_BYTES)
        master = _cipher(self._keys[self.current])
        return self.mark + nonce + master.encrypt(nonce, key, self.mark + context.encode())

    def unwrap(self, blob: bytes, context: str) -> bytes:
        """The data key wrapped for this place. Raises `KeyUnknown` or `Tampered`."""
        kid = self.kid_of(blob)
        master = self._keys.get(kid)
        if master is None:
            raise KeyUnknown(f"master key {kid} is not among the configured keys", kid=kid)
        header = blob[: 2 + len(kid)]
        return _open(master, blob[len(header) :], header + context.encode())

    def kid_of(self, blob: bytes) -> str:
        """Which master key wrapped this. Raises `Tampered` when the blob is no wrapped key."""
        kid = blob[2 : 2 + blob[1]].decode("ascii", "replace") if len(blob) > 2 and blob[0] == _WRAPPED else ""
        if not _KID.fullmatch(kid):
            raise Tampered
        return kid

    def rewrap(self, blob: bytes, context: str) -> bytes:
        """The same data key under the current master key; the blob itself when it already is."""
        if self.kid_of(blob) == self.current:
            return blob
        return self.wrap(self.unwrap(blob, context), context)


@lru_cache(maxsize=256)
def _cipher(key: bytes) -> AESGCM:
    # The key schedule costs more than sealing a short field; objects are immutable and shared by threads.
    if len(key) != KEY_BYTES:
        raise ValueError(f"a key has {KEY_BYTES} bytes")
    return AESGCM(key)


def _open(key: bytes, blob: bytes, associated: bytes) -> bytes:
    if len(blob) < _NONCE_BYTES + _TAG_BYTES:
        raise Tampered
    try:
        return _cipher(key).decrypt(blob[:_NONCE_BYTES], blob[_NONCE_BYTES:], associated)
    except InvalidTag:
        raise Tampered from None


def _decoded(kid: str, encoded: str) -> bytes:
    try:
        key = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise ValueError(f"master key {kid} is not the base64 of {KEY_BYTES} bytes")
    return key
