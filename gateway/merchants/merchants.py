"""Merchants: founded with their keys, told apart by their id, and listed without looking into anybody's rows."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from babel import Locale
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from gateway.core import events
from gateway.core.crypto import Keyring
from gateway.core.db import Base, Database, merchant_of
from gateway.core.errors import Invalid
from gateway.core.ids import new_id
from gateway.merchants import secrets
from gateway.merchants.models import ApiKey, CallbackEndpoint, Login, Merchant, User
from gateway.merchants.secrets import MerchantUnknown

NAME_LENGTH = 200
COUNTRIES = frozenset(code for code in map(str, Locale("en").territories) if len(code) == 2 and code.isalpha()) - {"ZZ"}
"""ISO 3166-1 alpha-2, as CLDR has them."""


class MerchantDirectory(Base):
    """Tenant-free: which merchants there are, so that scheduled work and the operator can visit each. Ids only."""

    __tablename__ = "merchant_directory"

    merchant_id: Mapped[UUID] = mapped_column(primary_key=True)
    created_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]


@dataclass(frozen=True, slots=True)
class MerchantFacts:
    """A merchant as others see it."""

    id: UUID
    name: str
    country: str
    created_at: datetime
    closed_at: datetime | None


def create(db: Database, keyring: Keyring, name: str, country: str, now: datetime) -> UUID:
    """A new merchant in a transaction of its own: a tenant must be named before its first row can be written.

    Raises Invalid for an empty or long name and an unknown country.
    """
    merchant_id = new_id()
    with db.transaction(merchant_id) as session:
        found(session, keyring, name, country, now)
    return merchant_id


def found(session: Session, keyring: Keyring, name: str, country: str, now: datetime) -> None:
    """As `create`, in a transaction that was opened for the new id."""
    merchant_id, name = merchant_of(session), name.strip()
    if not 0 < len(name) <= NAME_LENGTH:
        raise Invalid.at("/name", f"has 1 to {NAME_LENGTH} letters")
    if country not in COUNTRIES:
        raise Invalid.at("/country", "is not an ISO 3166 code such as DE")
    session.add(Merchant(merchant_id=merchant_id, name=name, country=country, created_at=now))
    session.add(MerchantDirectory(merchant_id=merchant_id, created_at=now))
    secrets.create(session, keyring)


def get(session: Session) -> MerchantFacts:
    """The merchant of this transaction. Raises MerchantUnknown."""
    merchant = session.get(Merchant, merchant_of(session))
    if merchant is None:
        raise MerchantUnknown
    return MerchantFacts(merchant.merchant_id, merchant.name, merchant.country, merchant.created_at, merchant.closed_at)


def list_ids(db: Database, *, with_closed: bool = False) -> list[UUID]:
    """Every merchant of this installation, oldest first."""
    with db.transaction(None) as session:
        return ids_in(session, with_closed=with_closed)


def ids_in(session: Session, *, with_closed: bool = False) -> list[UUID]:
    """As `list_ids`, in a transaction without a tenant."""
    chosen = select(MerchantDirectory.merchant_id).order_by(MerchantDirectory.merchant_id)
    if not with_closed:
        chosen = chosen.where(MerchantDirectory.closed_at.is_(None))
    return list(session.scalars(chosen))


@dataclass(frozen=True, slots=True)
class MerchantClosed:
    """Published by `close`, each time."""

    at: datetime


def close(session: Session, now: datetime) -> None:
    """The merchant leaves, and nothing of it works any more. Closing twice changes nothing. Raises MerchantUnknown.

    Nobody comes in, by key, by password or by an open session; nobody is called; scheduled work ends.
    """
    merchant_id = merchant_of(session)
    for row in (session.get(Merchant, merchant_id), session.get(MerchantDirectory, merchant_id)):
        if row is None:
            raise MerchantUnknown
        row.closed_at = row.closed_at or now
    epoch = {"session_epoch": User.session_epoch + 1, "invite_digest": None}
    for table, column, more in (
        (ApiKey, "revoked_at", {}),
        (CallbackEndpoint, "disabled_at", {}),
        (User, "disabled_at", epoch),
    ):
        still_open = getattr(table, column).is_(None)
        session.execute(update(table).where(table.merchant_id == merchant_id, still_open).values({column: now, **more}))
    session.execute(delete(Login).where(Login.merchant_id == merchant_id))
    events.publish(session, MerchantClosed(now))
    session.flush()
