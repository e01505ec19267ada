"""Files in the database: sealed under their owner's key and stored once however often they come."""

import hmac
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import cast
from uuid import UUID

from sqlalchemy import CursorResult, UniqueConstraint, delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from gateway.core.crypto import Tampered, derive, seal, unseal
from gateway.core.db import Base, Tenant, merchant_of
from gateway.core.errors import NotFound
from gateway.core.ids import new_id
from gateway.core.media import checked, clean_name


class Document(Tenant, Base):
    """One file. Serve it as an attachment with `nosniff`: it came from outside."""

    __tablename__ = "document"
    __table_args__ = (UniqueConstraint("merchant_id", "owner_id", "digest"),)

    owner_id: Mapped[UUID]
    """Whose key seals it: a buyer, or the merchant himself."""
    purpose: Mapped[str]
    """What it is kept for: `invoice`, `delivery_proof`, `letter`."""
    media_type: Mapped[str]
    size: Mapped[int]
    """Bytes of the content in clear."""
    digest: Mapped[bytes]
    """HMAC of the content under the owner's key: it tells nothing without it, and nothing after erasure."""
    name: Mapped[bytes]
    content: Mapped[bytes] = mapped_column(deferred=True, deferred_raiseload=True)
    created_at: Mapped[datetime]


@dataclass(frozen=True, slots=True)
class Owner:
    """Who a document belongs to, with the data key that dies with him."""

    id: UUID
    key: bytes


@dataclass(frozen=True, slots=True)
class File:
    """A file as it came: `media_type` is what the sender says it is."""

    content: bytes
    media_type: str
    name: str


def store(session: Session, owner: Owner, file: File, purpose: str, now: datetime) -> Document:
    """Keep a file. The same content of the same owner is kept once: the first row comes back, with its name and purpose.

    Raises `TooLarge` beyond 10 MB and `Invalid` when the content is not what its media type says.
    """
    media_type, name = checked(file.content, file.media_type), clean_name(file.name)
    merchant_id, id_, digest = merchant_of(session), new_id(), _digest(owner, file.content)
    session.execute(
        insert(Document)
        .values(
            merchant_id=merchant_id,
            id=id_,
            owner_id=owner.id,
            purpose=purpose,
            media_type=media_type,
            size=len(file.content),
            digest=digest,
            name=seal(owner.key, name.encode(), _context("name", merchant_id, id_)),
            content=seal(owner.key, file.content, _context("content", merchant_id, id_)),
            created_at=now,
        )
        .on_conflict_do_nothing(index_elements=["merchant_id", "owner_id", "digest"]),
    )
    same = select(Document).where(
        Document.merchant_id == merchant_id, Document.owner_id == owner.id, Document.digest == digest
    )
    return session.scalars(same).one()


def get(session: Session, id_: UUID) -> Document:
    """The facts of a document without its content. Raises `NotFound`."""
    document = session.get(Document, (merchant_of(session), id_))
    if document is None:
        raise NotFound(thing="document")
    return document


def load(session: Session, owner: Owner, id_: UUID) -> bytes:
    """The content in clear. Raises `NotFound` for another owner's document and `Tampered`."""
    merchant_id = merchant_of(session)
    row = session.execute(
        select(Document.content, Document.digest).where(
            Document.merchant_id == merchant_id, Document.id == id_, Document.owner_id == owner.id
        ),
    ).one_or_none()
    if row is None:
        raise NotFound(thing="document")
    content = unseal(owner.key, row.content, _context("content", merchant_id, id_))
    if not hmac.compare_digest(_digest(owner, content), row.digest):
        raise Tampered
    return content


def name_of(document: Document, key: bytes) -> str:
    """The file name in clear. Raises `Tampered`."""
    return unseal(key, document.name, _context("name", document.merchant_id, document.id)).decode()


def forget(session: Session, ids: Collection[UUID]) -> int:
    """Erasure only: remove documents for good and return how many there were."""
    mine = delete(Document).where(Document.merchant_id == merchant_of(session), Document.id.in_(ids))
    return cast("CursorResult[()]", session.execute(mine)).rowcount


def _digest(owner: Owner, content: bytes) -> bytes:
    return hmac.digest(derive(owner.key, "kulanz document digest"), content, "sha256")


def _context(field: str, merchant_id: UUID, id_: UUID) -> str:
    return f"document.{field}:{merchant_id}:{id_}"
