"""Shops: storefronts of a merchant, each with the keys that sign its decision tokens."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import cast
from uuid import UUID
from zoneinfo import available_timezones

from babel import Locale
from sqlalchemy import Table, select, update
from sqlalchemy.orm import Session

from gateway.core.crypto import Keyring, new_key
from gateway.core.db import merchant_of
from gateway.core.errors import Invalid, NotFound, Refused
from gateway.core.ids import new_id
from gateway.core.money import currencies
from gateway.core.rotation import WrappedColumn
from gateway.merchants.merchants import COUNTRIES, MerchantClosed
from gateway.merchants.models import ApiKey
from gateway.shops.models import Connection, Shop, ShopSigningKey

NAME_LENGTH = 200
LANGUAGES = frozenset(code for code in map(str, Locale("en").languages) if len(code) == 2)
"""ISO 639-1, as CLDR has them."""


class Platform(StrEnum):
    """Where a shop runs."""

    WOOCOMMERCE = "woocommerce"
    SHOPIFY = "shopify"
    API = "api"
    DEMO = "demo"


class ShopUnknown(NotFound):
    """There is no such shop."""


class ShopClosed(Refused):
    """This shop is closed."""


class LastSigningKey(Refused):
    """The newest signing key of a shop cannot be retired; rotate first."""


@dataclass(frozen=True, slots=True)
class NewShop:
    """What a shop is created from. `holds_orders`: an order can wait until its deposit is paid."""

    name: str
    platform: str = Platform.API
    live: bool = False
    currency: str = "EUR"
    country: str = "DE"
    timezone: str = "Europe/Berlin"
    language: str = "de"
    holds_orders: bool = False


@dataclass(frozen=True, slots=True)
class ShopFacts:
    """A shop as others see it."""

    id: UUID
    name: str
    platform: str
    live: bool
    currency: str
    country: str
    timezone: str
    language: str
    holds_orders: bool
    created_at: datetime
    closed_at: datetime | None


@dataclass(frozen=True, slots=True)
class SigningKeys:
    """The keys of a shop that are not retired, by key id; `kid` names the one that signs."""

    kid: str
    keys: dict[str, bytes] = field(repr=False)


def create(session: Session, keyring: Keyring, new: NewShop, now: datetime) -> ShopFacts:
    """A shop with its first signing key `k1`. Raises Invalid with every fault."""
    _check(new)
    shop = Shop(
        merchant_id=merchant_of(session),
        id=new_id(),
        name=new.name.strip(),
        platform=new.platform,
        live=new.live,
        currency=new.currency,
        country=new.country,
        timezone=new.timezone,
        language=new.language,
        holds_orders=new.holds_orders,
        created_at=now,
    )
    session.add(shop)
    session.flush()
    _add_signing_key(session, keyring, shop.id, "k1", now)
    return _facts(shop)


def get(session: Session, shop_id: UUID) -> ShopFacts:
    """This shop, closed or not. Raises ShopUnknown."""
    return _facts(_row(session, shop_id))


def list_shops(session: Session) -> list[ShopFacts]:
    """All shops of the merchant, the oldest first."""
    rows = session.scalars(select(Shop).where(Shop.merchant_id == merchant_of(session)).order_by(Shop.id))
    return [_facts(row) for row in rows]


def close(session: Session, shop_id: UUID, now: datetime) -> None:
    """No more business here: its API keys are revoked and its connections end. Raises ShopUnknown."""
    shop = _row(session, shop_id)
    shop.closed_at = shop.closed_at or now
    for table, ended in ((ApiKey, {"revoked_at": now}), (Connection, {"closed_at": now})):
        still_open = getattr(table, next(iter(ended))).is_(None)
        mine = table.merchant_id == shop.merchant_id, table.shop_id == shop_id
        session.execute(update(table).where(*mine, still_open).values(**ended))
    session.flush()


def close_all(session: Session, closed: MerchantClosed) -> None:
    """Listener: with the merchant all his shops close."""
    for shop in list_shops(session):
        if shop.closed_at is None:
            close(session, shop.id, closed.at)


def signing_keys(session: Session, keyring: Keyring, shop_id: UUID) -> SigningKeys:
    """The keys that verify tokens of this shop; the newest signs. Raises ShopUnknown."""
    rows = _signing_rows(session, shop_id)
    if not rows:
        raise ShopUnknown
    keys = {row.kid: keyring.unwrap(row.wrapped, signing_context(shop_id, row.kid)) for row in rows}
    return SigningKeys(rows[-1].kid, keys)


def rotate_signing_key(session: Session, keyring: Keyring, shop_id: UUID, now: datetime) -> str:
    """A new key signs from now on, the others go on verifying; returns its id. Raises ShopUnknown or ShopClosed."""
    shop = session.get(Shop, (merchant_of(session), shop_id), with_for_update=True)
    if shop is None:
        raise ShopUnknown
    if shop.closed_at is not None:
        raise ShopClosed
    kids = session.scalars(
        select(ShopSigningKey.kid).where(
            ShopSigningKey.merchant_id == merchant_of(session), ShopSigningKey.shop_id == shop_id
        ),
    )
    kid = f"k{max(int(known[1:]) for known in kids) + 1}"
    _add_signing_key(session, keyring, shop_id, kid, now)
    return kid


def retire_signing_key(session: Session, shop_id: UUID, kid: str, now: datetime) -> None:
    """Tokens of this key verify no more. Raises ShopUnknown, or LastSigningKey for the one that signs."""
    rows = _signing_rows(session, shop_id)
    wanted = next((row for row in rows if row.kid == kid), None)
    if wanted is None:
        raise ShopUnknown(f"no signing key {kid} is in force in this shop")
    if wanted is rows[-1]:
        raise LastSigningKey(kid=kid)
    wanted.retired_at = now
    session.flush()


def signing_context(shop_id: UUID, kid: str) -> str:
    """The place a wrapped signing key belongs to."""
    return f"shop.signing_key:{shop_id}:{kid}"


WRAPPED = (
    WrappedColumn(
        cast("Table", ShopSigningKey.__table__), "wrapped", lambda row: signing_context(row.shop_id, row.kid)
    ),
)
"""For the rotation of master keys."""


def _signing_rows(session: Session, shop_id: UUID) -> list[ShopSigningKey]:
    """Those in force, in the order they were made."""
    rows = session.scalars(
        select(ShopSigningKey).where(
            ShopSigningKey.merchant_id == merchant_of(session),
            ShopSigningKey.shop_id == shop_id,
            ShopSigningKey.retired_at.is_(None),
        ),
    )
    return sorted(rows, key=lambda row: int(row.kid[1:]))


def _add_signing_key(session: Session, keyring: Keyring, shop_id: UUID, kid: str, now: datetime) -> None:
    wrapped = keyring.wrap(new_key(), signing_context(shop_id, kid))
    session.add(
        ShopSigningKey(merchant_id=merchant_of(session), shop_id=shop_id, kid=kid, wrapped=wrapped, created_at=now),
    )
    session.flush()


def _row(session: Session, shop_id: UUID) -> Shop:
    shop = session.get(Shop, (merchant_of(session), shop_id))
    if shop is None:
        raise ShopUnknown
    return shop


def _facts(shop: Shop) -> ShopFacts:
    return ShopFacts(*(getattr(shop, name) for name in ShopFacts.__slots__))


def _check(new: NewShop) -> None:
    rules = {
        "name": (0 < len(new.name.strip()) <= NAME_LENGTH, f"has 1 to {NAME_LENGTH} letters"),
        "platform": (new.platform in set(Platform), f"is one of {', '.join(Platform)}"),
        "currency": (new.currency in currencies(), "is an ISO 4217 code such as EUR"),
        "country": (new.country in COUNTRIES, "is an ISO 3166 code such as DE"),
        "timezone": (new.timezone in available_timezones(), "is an IANA zone such as Europe/Berlin"),
        "language": (new.language in LANGUAGES, "is an ISO 639 code such as de"),
    }
    faults = [{"path": f"/{name}", "message": message} for name, (holds, message) in rules.items() if not holds]
    if faults:
        raise Invalid(errors=faults)
