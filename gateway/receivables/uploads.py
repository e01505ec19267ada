"""Files a debtor sends as proof: what they are is told from their bytes, and kept sealed with his key."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from gateway.core import documents
from gateway.core.crypto import Keyring
from gateway.core.documents import File, Owner
from gateway.core.errors import Invalid
from gateway.core.media import told_from
from gateway.shops import buyers
from gateway.shops.buyers import BuyerErased

KINDS = ("application/pdf", "image/png", "image/jpeg", "image/heic")
MOST = 5


class UploadRefused(Invalid):
    """Only PDF, PNG, JPEG and HEIC files are taken, five at most, ten megabytes each."""

    code = "upload-refused"


def checked(files: Sequence[File]) -> list[File]:
    """The files with the kind their bytes have, whatever they are called. Raises UploadRefused."""
    if len(files) > MOST:
        raise UploadRefused(errors=[{"path": "/files", "message": f"are {MOST} at most"}])
    return [_checked(file) for file in files]


def keep(
    session: Session, keyring: Keyring, buyer_id: UUID, files: Sequence[File], purpose: str, now: datetime
) -> list[UUID]:
    """Store checked files under the buyer's key. Raises BuyerErased, UploadRefused, TooLarge, Invalid."""
    if not files:
        return []
    key = buyers.find_key(session, keyring, buyer_id, hold=True)
    if key is None:
        raise BuyerErased
    owner = Owner(buyer_id, key)
    return [documents.store(session, owner, file, purpose, now).id for file in checked(files)]


def _checked(file: File) -> File:
    kind = told_from(file.content, KINDS)
    if not kind:
        raise UploadRefused(errors=[{"path": "/files", "message": "is none of PDF, PNG, JPEG, HEIC"}])
    return replace(file, media_type=kind)
