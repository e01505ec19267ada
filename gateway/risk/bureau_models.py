"""Tables of the bureaus: what is connected, what was asked and what it cost, and the answers that are still true."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from gateway.core.db import Base, Tenant


class BureauVersion(Tenant, Base):
    """One version of the configuration of one bureau; the newest of its name counts, and a removal is a version too."""

    __tablename__ = "bureau_version"
    __table_args__ = (UniqueConstraint("merchant_id", "name", "version"),)

    name: Mapped[str]
    version: Mapped[int]
    adapter: Mapped[str]
    live: Mapped[bool]
    """Whether it is asked for live shops; the others are for test shops."""
    body: Mapped[dict[str, Any]]
    removed: Mapped[bool]
    author: Mapped[str]
    created_at: Mapped[datetime]


class BureauSecret(Tenant, Base):
    """The secret of the newest version, sealed with the merchant's key; `id` is the version's. Older ones are destroyed."""

    __tablename__ = "bureau_secret"

    sealed: Mapped[bytes]


class BureauRequest(Tenant, Base):
    """A call, written down before it is made: a crash leaves it here without a result, visible and paid for."""

    __tablename__ = "bureau_request"
    __table_args__ = (
        UniqueConstraint("merchant_id", "decision_id"),
        UniqueConstraint("merchant_id", "bureau", "currency", "month", "seq"),
        Index(None, "merchant_id", "bureau", "id"),
        Index(None, "merchant_id", "buyer_id"),
    )

    decision_id: Mapped[UUID]
    """At most one call per decision, whoever asks at once."""
    shop_id: Mapped[UUID]
    buyer_id: Mapped[UUID | None]
    bureau: Mapped[str]
    bureau_version: Mapped[int]
    asked_at: Mapped[datetime]
    deadline_at: Mapped[datetime]
    month: Mapped[date]
    """The first day of the month it is counted in (UTC)."""
    seq: Mapped[int]
    cost_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str]
    spent_minor: Mapped[int] = mapped_column(BigInteger)
    """What the month has cost with this call."""


class BureauResult(Tenant, Base):
    """What became of a call; `id` is the request's. What it said about the buyer is not here."""

    __tablename__ = "bureau_result"

    outcome: Mapped[str]
    detail: Mapped[str]
    answered_at: Mapped[datetime]
    took_ms: Mapped[int]
    retry_at: Mapped[datetime | None]


class BureauAnswer(Tenant, Base):
    """An answer that is still true, sealed with the buyer's key; deleted when it is too old, or the buyer is erased."""

    __tablename__ = "bureau_answer"
    __table_args__ = (
        Index(None, "merchant_id", "buyer_id", "person", "answered_at"),
        Index(None, "merchant_id", "expires_at"),
    )

    buyer_id: Mapped[UUID]
    person: Mapped[bytes]
    """Blind index of name and address: an answer about somebody else at the same mailbox is none about him."""
    bureau: Mapped[str]
    answered_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    sealed: Mapped[bytes]
