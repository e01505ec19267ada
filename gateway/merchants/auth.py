"""API keys: made, stored as hashes, looked up, cached for seconds, and turned into a principal."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from gateway.core.db import Database, merchant_of
from gateway.core.errors import Forbidden, Invalid, NotFound, Unauthenticated
from gateway.core.ids import new_id
from gateway.core.kept import Kept
from gateway.merchants.models import ApiKey, KeyLookup

SHOP_SCOPES = frozenset(
    {
        *(f"{thing}:{act}" for thing in ("decisions", "orders") for act in ("read", "write")),
        "attempts:write",
        "calculations:write",
    }
)
"""What a shop needs to ask and to tell: what a key gets where nothing is said."""
SCOPES = SHOP_SCOPES | frozenset(
    {
        *(
            f"{thing}:{act}"
            for thing in (
                "policies",
                "models",
                "privacy",
                "claims",
                "letters",
                "dunning",
                "objections",
                "bank",
                "chargebacks",
                "returns",
            )
            for act in ("read", "write")
        ),
        "law:read",
    }
)
OPERATOR_SCOPES = frozenset({"law:write"})
"""What reaches beyond the merchant: given out by the operator's command, never at a merchant's desk."""
CACHE_S = 5.0
"""A revoked key works at most this long on a web worker that has just seen it."""
CACHE_SIZE = 10_000


class BadKey(Unauthenticated):
    """The API key is missing, unknown, expired or revoked."""


class ScopeMissing(Forbidden):
    """The key does not carry the scope that this call needs."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls: a key of one shop."""

    merchant_id: UUID
    shop_id: UUID
    key_id: UUID
    live: bool
    scopes: frozenset[str]
    expires_at: datetime | None

    def need(self, scope: str) -> None:
        """Raise ScopeMissing (403) unless the key carries `scope`."""
        if scope not in self.scopes:
            raise ScopeMissing(needed=scope)

    @property
    def actor(self) -> str:
        return f"key:{self.key_id}"


@dataclass(frozen=True, slots=True)
class NewKey:
    """What `create_key` is asked for."""

    shop_id: UUID
    live: bool
    name: str
    scopes: frozenset[str]
    expires_at: datetime | None = None


def digest_of(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def create_key(session: Session, new: NewKey, now: datetime, secret: str = "") -> tuple[ApiKey, str]:
    """A key and its secret, which is shown this once. Raises Invalid for an unknown scope."""
    if unknown := new.scopes - SCOPES - OPERATOR_SCOPES:
        raise Invalid.at("/scopes", f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(sorted(SCOPES))}")
    secret = secret or f"kz_{'live' if new.live else 'test'}_{secrets.token_urlsafe(32)}"
    key = ApiKey(
        merchant_id=merchant_of(session),
        id=new_id(),
        shop_id=new.shop_id,
        name=new.name,
        hint=secret[:12] + "…",
        scopes=sorted(new.scopes),
        live=new.live,
        created_at=now,
        expires_at=new.expires_at,
    )
    session.add(key)
    session.add(KeyLookup(digest=digest_of(secret), merchant_id=key.merchant_id, key_id=key.id))
    session.flush()
    return key, secret


def revoke_key(session: Session, key_id: UUID, now: datetime) -> None:
    """The key stops working within seconds. Raises NotFound."""
    revoked = session.execute(
        update(ApiKey)
        .where(ApiKey.merchant_id == merchant_of(session), ApiKey.id == key_id, ApiKey.revoked_at.is_(None))
        .values(revoked_at=now),
    )
    if not revoked.rowcount:  # type: ignore[attr-defined]
        raise NotFound("no such key, or revoked before")


def find_principal(db: Database, secret: str) -> Principal | None:
    """Who this secret belongs to, read from the database; None when it is unknown or revoked."""
    with db.connection(None) as connection:
        found = connection.execute(
            select(KeyLookup.merchant_id, KeyLookup.key_id).where(KeyLookup.digest == digest_of(secret)),
        ).first()
    if found is None:
        return None
    with db.connection(found.merchant_id) as connection:
        key = connection.execute(
            select(ApiKey.__table__).where(ApiKey.merchant_id == found.merchant_id, ApiKey.id == found.key_id),
        ).first()
    if key is None or key.revoked_at is not None:
        return None
    return Principal(key.merchant_id, key.shop_id, key.id, key.live, frozenset(key.scopes), key.expires_at)


class Principals:
    """Principals by their secret, kept for seconds: a look-up per call would cost two round trips."""

    def __init__(self, db: Database) -> None:
        self._kept: Kept[str, Principal | None] = Kept(
            lambda secret: find_principal(db, secret), seconds=CACHE_S, size=CACHE_SIZE
        )

    def authenticate(self, header: str | None, now: datetime) -> Principal:
        """The principal of an `Authorization: Bearer kz_…` header. Raises BadKey (401)."""
        scheme, _, secret = (header or "").partition(" ")
        if scheme.lower() != "bearer" or not secret.startswith("kz_") or len(secret) > 200:
            raise BadKey
        principal = self._kept.get(secret)
        if principal is None or (principal.expires_at is not None and principal.expires_at <= now):
            raise BadKey
        return principal
