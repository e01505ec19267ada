"""Tables of the tenant: merchant, secrets, users, keys, policies, and the tenant-free look-ups."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from gateway.core.db import Base, Tenant


class Role(StrEnum):
    """What a user of the desk may do; each role includes the ones after it."""

    OWNER = "owner"
    ADMIN = "admin"
    CLERK = "clerk"
    READER = "reader"

    @property
    def rank(self) -> int:
        return list(Role).index(self)

    def includes(self, other: "Role") -> bool:
        return self.rank <= other.rank


class Merchant(Base):
    """Our customer, the tenant."""

    __tablename__ = "merchant"

    merchant_id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    country: Mapped[str]
    created_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]


class MerchantSecret(Base):
    """A key of the merchant, wrapped by the master key: `data` seals, `index` keys the blind indexes."""

    __tablename__ = "merchant_secret"

    merchant_id: Mapped[UUID] = mapped_column(primary_key=True)
    purpose: Mapped[str] = mapped_column(primary_key=True)
    wrapped: Mapped[bytes]


class User(Tenant, Base):
    """A person who works at the desk. Name and address are sealed with the merchant's data key."""

    __tablename__ = "desk_user"
    __table_args__ = (CheckConstraint("role IN ('owner', 'admin', 'clerk', 'reader')", name="role"),)

    email_sealed: Mapped[bytes]
    name_sealed: Mapped[bytes]
    role: Mapped[str]
    password_hash: Mapped[str | None]
    language: Mapped[str] = mapped_column(default="de")
    failed_logins: Mapped[int] = mapped_column(SmallInteger, default=0)
    locked_until: Mapped[datetime | None]
    session_epoch: Mapped[int] = mapped_column(default=1)
    """Raised to end every open session of this user."""
    invite_digest: Mapped[bytes | None]
    invite_until: Mapped[datetime | None]
    created_at: Mapped[datetime]
    last_login_at: Mapped[datetime | None]
    disabled_at: Mapped[datetime | None]


class Login(Base):
    """Tenant-free look-up: the keyed hash of an e-mail address leads to the users who log in with it."""

    __tablename__ = "login_lookup"

    email_digest: Mapped[bytes] = mapped_column(primary_key=True)
    merchant_id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID]


class ApiKey(Tenant, Base):
    """A scoped key of one shop. The secret itself is stored nowhere; its hash stands in the look-up."""

    __tablename__ = "api_key"
    __table_args__ = (Index(None, "merchant_id", "shop_id"),)

    shop_id: Mapped[UUID]
    name: Mapped[str]
    hint: Mapped[str]
    """The first letters, to recognise a key by: `kz_live_7Qx2…`."""
    scopes: Mapped[list[Any]]
    live: Mapped[bool]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class KeyLookup(Base):
    """Tenant-free look-up: SHA-256 of a key (256 random bits, so no salt is needed) leads to its row."""

    __tablename__ = "key_lookup"

    digest: Mapped[bytes] = mapped_column(primary_key=True)
    merchant_id: Mapped[UUID]
    key_id: Mapped[UUID]


class Installation(Base):
    """Secrets of the installation as a whole, wrapped: the key of the login look-up."""

    __tablename__ = "installation_secret"

    purpose: Mapped[str] = mapped_column(primary_key=True)
    wrapped: Mapped[bytes]


class PolicyVersion(Tenant, Base):
    """One version of a policy document of a shop. Never edited; the package that owns the kind validates it."""

    __tablename__ = "policy_version"
    __table_args__ = (Index(None, "merchant_id", "shop_id", "kind", "version", unique=True),)

    shop_id: Mapped[UUID]
    kind: Mapped[str]
    version: Mapped[int]
    body: Mapped[dict[str, Any]]
    note: Mapped[str] = mapped_column(default="")
    author: Mapped[str]
    created_at: Mapped[datetime]
    digest: Mapped[bytes]
    """Of everything above (`policies.digest`); anchored with the histories."""


class PolicyLive(Base):
    """Which version of a kind decides now in a shop. Rolling back is moving this pointer."""

    __tablename__ = "policy_live"
    __table_args__ = (
        ForeignKeyConstraint(
            ["merchant_id", "shop_id", "kind", "version"],
            [
                "policy_version.merchant_id",
                "policy_version.shop_id",
                "policy_version.kind",
                "policy_version.version",
            ],
        ),
    )

    merchant_id: Mapped[UUID] = mapped_column(primary_key=True)
    shop_id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int]
    since: Mapped[datetime]


class PolicyTrial(Base):
    """A version on trial: it judges in the shadow without acting, or decides for a share of the buyers."""

    __tablename__ = "policy_trial"
    __table_args__ = (
        CheckConstraint("stage IN ('shadow', 'share') AND percent BETWEEN 0 AND 100", name="stage"),
        ForeignKeyConstraint(
            ["merchant_id", "shop_id", "kind", "version"],
            [
                "policy_version.merchant_id",
                "policy_version.shop_id",
                "policy_version.kind",
                "policy_version.version",
            ],
        ),
    )

    merchant_id: Mapped[UUID] = mapped_column(primary_key=True)
    shop_id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    stage: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int]
    percent: Mapped[int]
    since: Mapped[datetime]


class PolicyActivation(Tenant, Base):
    """When which version came into which stage, append-only: what rolling back goes by."""

    __tablename__ = "policy_activation"
    __table_args__ = (Index(None, "merchant_id", "shop_id", "kind", "version"),)

    shop_id: Mapped[UUID]
    kind: Mapped[str]
    version: Mapped[int]
    author: Mapped[str]
    at: Mapped[datetime]
    stage: Mapped[str] = mapped_column(server_default="live")
    """`live`, `shadow`, `share`, or `draft` for what was taken back from a trial."""
    percent: Mapped[int | None]


class UserEvent(Tenant, Base):
    """What a user did at the desk, in order: the audit log."""

    __tablename__ = "user_event"
    __table_args__ = (Index(None, "merchant_id", "at"),)

    at: Mapped[datetime]
    actor: Mapped[str]
    action: Mapped[str]
    subject: Mapped[str]
    facts: Mapped[dict[str, Any]]


class CallbackEndpoint(Tenant, Base):
    """Where a merchant wants to be called, about what, and with which secrets we sign."""

    __tablename__ = "callback_endpoint"
    __table_args__ = (Index(None, "merchant_id", "disabled_at"),)

    url: Mapped[str]
    events: Mapped[list[Any]]
    wrapped_secret: Mapped[bytes]
    secret_since: Mapped[datetime]
    wrapped_previous: Mapped[bytes | None]
    previous_until: Mapped[datetime | None]
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]


class SenderProfile(Base):
    """Who letters of a merchant come from. Sealed with his data key: a sole trader's address is his own."""

    __tablename__ = "sender_profile"

    merchant_id: Mapped[UUID] = mapped_column(primary_key=True)
    body_sealed: Mapped[bytes]
    """JSON of `senders.Profile`."""
    changed_by: Mapped[str]
    changed_at: Mapped[datetime]
