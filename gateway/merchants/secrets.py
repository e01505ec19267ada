"""Keys of a merchant (`data` seals, `index` blinds) and of the installation, wrapped in the database, briefly in memory."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast
from uuid import UUID

from sqlalchemy import Table, bindparam, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from gateway.core.crypto import Keyring, new_key
from gateway.core.db import Database, merchant_of
from gateway.core.errors import NotFound
from gateway.core.kept import Kept
from gateway.core.rotation import WrappedColumn
from gateway.merchants.models import Installation, MerchantSecret

PURPOSES = ("data", "index")
CACHE_S = 60.0
"""How long a worker may use keys it has read; a closed or re-keyed merchant is noticed after this."""
CACHE_SIZE = 1000


class MerchantUnknown(NotFound):
    """There is no such merchant."""


@dataclass(frozen=True, slots=True)
class Keys:
    """A merchant's keys in clear; they never appear in a log or a traceback."""

    data: bytes = field(repr=False)
    index: bytes = field(repr=False)


def create(session: Session, keyring: Keyring) -> None:
    """Give the tenant of this transaction its keys, once in its life."""
    merchant_id = merchant_of(session)
    for purpose in PURPOSES:
        wrapped = keyring.wrap(new_key(), _context(merchant_id, purpose))
        session.add(MerchantSecret(merchant_id=merchant_id, purpose=purpose, wrapped=wrapped))
    session.flush()


def get_key(session: Session, keyring: Keyring, purpose: str) -> bytes:
    """The tenant's key for `data` or `index`. Raises MerchantUnknown."""
    merchant_id = merchant_of(session)
    wrapped = session.scalar(
        select(MerchantSecret.wrapped).where(
            MerchantSecret.merchant_id == merchant_id, MerchantSecret.purpose == purpose
        ),
    )
    if wrapped is None:
        raise MerchantUnknown
    return keyring.unwrap(wrapped, _context(merchant_id, purpose))


def get_keys(session: Session, keyring: Keyring) -> Keys:
    """Both keys of the tenant of this transaction. Raises MerchantUnknown."""
    rows = session.execute(_KEYS, {"merchant": merchant_of(session)}).all()
    return _keys(keyring, merchant_of(session), {row.purpose: row.wrapped for row in rows})


def installation_key(session: Session, keyring: Keyring, purpose: str) -> bytes:
    """The installation's key for a purpose, made when it is first asked for; two that ask at once get the same one."""
    find = select(Installation.wrapped).where(Installation.purpose == purpose)
    wrapped = session.scalar(find)
    if wrapped is None:
        made = insert(Installation).values(
            purpose=purpose, wrapped=keyring.wrap(new_key(), _installation_context(purpose))
        )
        session.execute(made.on_conflict_do_nothing())
        wrapped = session.scalars(find).one()
    return keyring.unwrap(wrapped, _installation_context(purpose))


class MerchantKeys:
    """Keys by merchant for the hot path, kept for a minute: reading and unwrapping them would cost a round trip."""

    def __init__(self, db: Database, keyring: Keyring, clock: Callable[[], float] = time.monotonic) -> None:
        self._db = db
        self._keyring = keyring
        self._kept: Kept[UUID, Keys] = Kept(self._read, seconds=CACHE_S, size=CACHE_SIZE, clock=clock)

    def get(self, merchant_id: UUID) -> Keys:
        """The keys of this merchant. Raises MerchantUnknown, or Unavailable when they must be read and cannot be."""
        return self._kept.get(merchant_id)

    def _read(self, merchant_id: UUID) -> Keys:
        with self._db.connection(merchant_id) as connection:
            rows = connection.execute(_KEYS, {"merchant": merchant_id}).all()
        return _keys(self._keyring, merchant_id, {row.purpose: row.wrapped for row in rows})


_KEYS = select(MerchantSecret.purpose, MerchantSecret.wrapped).where(
    MerchantSecret.merchant_id == bindparam("merchant")
)


def _keys(keyring: Keyring, merchant_id: UUID, wrapped: dict[str, bytes]) -> Keys:
    if not wrapped.keys() >= set(PURPOSES):
        raise MerchantUnknown
    return Keys(*(keyring.unwrap(wrapped[purpose], _context(merchant_id, purpose)) for purpose in PURPOSES))


def _context(merchant_id: UUID, purpose: str) -> str:
    return f"merchant.{purpose}:{merchant_id}"


def _installation_context(purpose: str) -> str:
    return f"installation.{purpose}"


WRAPPED = (
    WrappedColumn(
        cast("Table", MerchantSecret.__table__), "wrapped", lambda row: _context(row.merchant_id, row.purpose)
    ),
    WrappedColumn(cast("Table", Installation.__table__), "wrapped", lambda row: _installation_context(row.purpose)),
)
"""For the rotation of master keys."""
