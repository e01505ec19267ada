"""The arithmetic of tamper evidence: canonical digests, the hash of a history entry, the leaves of an anchor."""

import hmac
import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Protocol
from uuid import UUID

from gateway.core.crypto import derive

DIGEST_BYTES = 32
Field = bytes | str | int | bool | UUID | datetime | None
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_LEAF = struct.Struct(">16sI32s")


def digest(label: str, *fields: Field) -> bytes:
    """SHA-256 over a label and typed, length-prefixed fields: different fields never spell the same bytes.

    Moments must be aware and count to the microsecond. Raises TypeError for other types, floats among them.
    """
    return sha256(b"".join([_framed(label), *map(_framed, fields)])).digest()


class EntryRow(Protocol):
    """What an entry's hash covers: a row just made, or a row just read."""

    merchant_id: UUID
    id: UUID
    subject_kind: str
    subject_id: UUID
    seq: int
    event: str
    actor: str
    at: datetime
    body: bytes
    prev_hash: bytes


class AnchorRow(Protocol):
    """What an anchor's hash covers."""

    merchant_id: UUID
    id: UUID
    no: int
    at: datetime
    source: str
    last_id: UUID | None
    leaves: bytes
    prev_hash: bytes


def genesis(merchant_id: UUID, subject_kind: str, subject_id: UUID) -> bytes:
    """Where the chain of a subject begins that carries no digest of its own."""
    return digest("kulanz history genesis 1", merchant_id, subject_kind, subject_id)


def entry_hash(row: EntryRow) -> bytes:
    """Covers every column and the hash before; the body counts as ciphertext, so erasing a key breaks nothing."""
    return digest(
        "kulanz history entry 1",
        row.merchant_id,
        row.id,
        row.subject_kind,
        row.subject_id,
        row.seq,
        row.event,
        row.actor,
        row.at,
        row.body,
        row.prev_hash,
    )


def anchor_genesis(merchant_id: UUID) -> bytes:
    """What the first anchor of a merchant follows."""
    return digest("kulanz anchor genesis 1", merchant_id)


def anchor_hash(row: AnchorRow) -> bytes:
    """Covers the packed leaves and the anchor before."""
    return digest(
        "kulanz anchor 1",
        row.merchant_id,
        row.id,
        row.no,
        row.at,
        row.source,
        row.last_id,
        row.leaves,
        row.prev_hash,
    )


def anchor_mac(key: bytes, hash_: bytes) -> bytes:
    """The merchant's key vouches for an anchor: who can only write to the database cannot make one."""
    return hmac.digest(derive(key, "kulanz history anchor"), hash_, "sha256")


@dataclass(frozen=True, slots=True)
class Leaf:
    """The state of one chain when it was anchored; `seq` 0 is the subject's own digest."""

    subject_id: UUID
    seq: int
    hash: bytes


def pack(leaves: Iterable[Leaf]) -> bytes:
    """52 bytes per leaf."""
    return b"".join(_LEAF.pack(leaf.subject_id.bytes, leaf.seq, leaf.hash) for leaf in leaves)


def unpack(packed: bytes) -> Iterator[Leaf]:
    """Raises ValueError when the bytes are not whole leaves."""
    if len(packed) % _LEAF.size:
        raise ValueError("not a whole number of leaves")
    return (Leaf(UUID(bytes=subject), seq, hash_) for subject, seq, hash_ in _LEAF.iter_unpack(packed))


def _framed(field: Field) -> bytes:
    tag, encoded = _ENCODE[type(field)]
    content = encoded(field)
    return tag + len(content).to_bytes(8) + content


def _integer(value: int) -> bytes:
    return str(value).encode()


def _moment(value: datetime) -> bytes:
    return _integer((value - _EPOCH) // _MICROSECOND)


class _Encoders(dict[type, tuple[bytes, Callable[..., bytes]]]):
    def __missing__(self, kind: type) -> tuple[bytes, Callable[..., bytes]]:
        raise TypeError(f"a digest does not cover {kind.__name__}")


_ENCODE = _Encoders(
    {
        type(None): (b"n", lambda _: b""),
        bool: (b"o", lambda value: b"1" if value else b"0"),
        bytes: (b"b", bytes),
        str: (b"s", lambda value: value.encode("utf-8", "surrogatepass")),
        int: (b"i", _integer),
        UUID: (b"u", lambda value: value.bytes),
        datetime: (b"t", _moment),
    },
)
