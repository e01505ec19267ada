"""Whoever changes the same thing at the same time does it one after the other: locks that end with the transaction."""

from hashlib import sha256
from uuid import UUID

from sqlalchemy import BigInteger, bindparam, func, select
from sqlalchemy.orm import Session


def take(session: Session, label: str, id_: UUID) -> None:
    """Wait for one's turn at `label` of this id; two things that share a number by chance only wait for each other.

    A statement of its own: only the next one's snapshot shows what the transaction before has written.
    """
    number = int.from_bytes(sha256(label.encode() + id_.bytes).digest()[:8], signed=True)
    session.execute(_LOCK, {"number": number})


_LOCK = select(func.pg_advisory_xact_lock(bindparam("number", type_=BigInteger)))
