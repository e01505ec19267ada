"""Connections: an unguessable address at which a shop's platform reaches us, with the secret that proves who calls."""

import hashlib
import secrets as random
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast
from uuid import UUID

from sqlalchemy import Table, select
from sqlalchemy.orm import Session

from gateway.core.crypto import Keyring, new_key
from gateway.core.db import Database, merchant_of
from gateway.core.errors import Invalid, NotFound
from gateway.core.ids import new_id
from gateway.core.rotation import WrappedColumn
from gateway.core.signing import secret_text
from gateway.shops import shops
from gateway.shops.models import Connection, ConnectionLookup

ORDERS = "orders"
"""The shop pushes Standard Webhooks of its orders."""
KINDS = (ORDERS,)
PROVIDER = "provider:"
"""With a name behind it: a payment provider calls. Which there are, and what they need, is known above."""
WORD_LENGTH = 43
"""Of 32 random bytes in base64url."""


class ConnectionUnknown(NotFound):
    """There is no such connection."""


@dataclass(frozen=True, slots=True)
class ConnectionFacts:
    """A connection as others see it."""

    id: UUID
    shop_id: UUID
    kind: str
    created_at: datetime
    closed_at: datetime | None


@dataclass(frozen=True, slots=True)
class NewConnection:
    """A connection just made. `word` ends the address (`/in/<word>`), `secret` signs; both are shown this once."""

    facts: ConnectionFacts
    word: str = field(repr=False)
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class OpenConnection:
    """What stands behind a word: whose connection, and the secret that a message must be signed with."""

    merchant_id: UUID
    id: UUID
    shop_id: UUID
    kind: str
    created_at: datetime
    secret: bytes = field(repr=False)


def create(session: Session, keyring: Keyring, shop_id: UUID, kind: str, now: datetime) -> NewConnection:
    """An address for one shop. Raises Invalid for an unknown kind, ShopUnknown, ShopClosed."""
    if kind not in KINDS and not kind.startswith(PROVIDER):
        raise Invalid.at("/kind", f"is one of {', '.join(KINDS)}")
    if shops.get(session, shop_id).closed_at is not None:
        raise shops.ShopClosed
    connection_id, word, secret = new_id(), random.token_urlsafe(32), new_key()
    row = Connection(
        merchant_id=merchant_of(session),
        id=connection_id,
        shop_id=shop_id,
        kind=kind,
        wrapped_secret=keyring.wrap(secret, _context(connection_id)),
        created_at=now,
    )
    session.add(row)
    session.add(
        ConnectionLookup(digest=_digest(word), merchant_id=row.merchant_id, connection_id=connection_id),
    )
    session.flush()
    return NewConnection(_facts(row), word, secret_text(secret))


def find(db: Database, keyring: Keyring, word: str) -> OpenConnection | None:
    """The open connection that this word leads to."""
    if len(word) != WORD_LENGTH or not word.isascii():
        return None
    with db.connection(None) as connection:
        found = connection.execute(
            select(ConnectionLookup.merchant_id, ConnectionLookup.connection_id).where(
                ConnectionLookup.digest == _digest(word)
            ),
        ).first()
    if found is None:
        return None
    with db.transaction(found.merchant_id) as session:
        row = session.get(Connection, (found.merchant_id, found.connection_id))
        if row is None or row.closed_at is not None:
            return None
        secret = keyring.unwrap(row.wrapped_secret, _context(row.id))
        return OpenConnection(row.merchant_id, row.id, row.shop_id, row.kind, row.created_at, secret)


def get(session: Session, connection_id: UUID) -> ConnectionFacts:
    """A connection, closed or not. Raises ConnectionUnknown."""
    return _facts(_row(session, connection_id))


def list_connections(session: Session) -> list[ConnectionFacts]:
    """All connections of the merchant, the oldest first."""
    mine = select(Connection).where(Connection.merchant_id == merchant_of(session))
    return [_facts(row) for row in session.scalars(mine.order_by(Connection.id))]


def close(session: Session, connection_id: UUID, now: datetime) -> None:
    """Nothing comes in here any more; closing twice changes nothing. Raises ConnectionUnknown."""
    row = _row(session, connection_id)
    row.closed_at = row.closed_at or now
    session.flush()


def _row(session: Session, connection_id: UUID) -> Connection:
    row = session.get(Connection, (merchant_of(session), connection_id))
    if row is None:
        raise ConnectionUnknown
    return row


def _facts(row: Connection) -> ConnectionFacts:
    return ConnectionFacts(row.id, row.shop_id, row.kind, row.created_at, row.closed_at)


def _digest(word: str) -> bytes:
    return hashlib.sha256(word.encode()).digest()


def _context(connection_id: UUID) -> str:
    return f"connection.secret:{connection_id}"


WRAPPED = (WrappedColumn(cast("Table", Connection.__table__), "wrapped_secret", lambda row: _context(row.id)),)
"""For the rotation of master keys."""
