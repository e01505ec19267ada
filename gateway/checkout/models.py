"""Tables of the checkout: decisions, written once and never changed."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from gateway.core.db import Base, Tenant

ASKS_FOR_REVIEW = "strpos(record, '\"review\"\\:true') > 0"
"""A person should look at it: found in the record as `records.to_text` writes it, so that no row is written twice."""


class Decision(Tenant, Base):
    """The stored answer of one checkout. `record` holds facts, score, choice and versions, without personal data."""

    __tablename__ = "decision"
    __table_args__ = (
        Index(None, "merchant_id", "shop_id", "id"),
        Index(None, "merchant_id", "buyer_id"),
        Index(None, "merchant_id", "shop_id", "reference"),
        Index("ix_decision_not_allowed", "merchant_id", "outcome", "id", postgresql_where=text("outcome <> 'allow'")),
        Index("ix_decision_review", "merchant_id", "id", postgresql_where=text(ASKS_FOR_REVIEW)),
    )

    shop_id: Mapped[UUID]
    buyer_id: Mapped[UUID | None]
    live: Mapped[bool]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    reference: Mapped[str]
    currency: Mapped[str]
    total_minor: Mapped[int] = mapped_column(BigInteger)
    outcome: Mapped[str]
    token: Mapped[str]
    record: Mapped[str]
    """JSON, kept as the text it was written in, since `digest` is over that text."""
    digest: Mapped[bytes]
    """SHA-256 over the row (`records.digest`): the first link of this decision's history."""
    told_sealed: Mapped[bytes | None]
    """What the shop told of buyer, addresses and connection, sealed with the buyer's key."""


class Backtest(Tenant, Base):
    """A policy version judged over stored decisions: what is asked, how far it is, and what was found."""

    __tablename__ = "policy_backtest"
    __table_args__ = (
        Index(None, "merchant_id", "shop_id", "kind", "version"),
        CheckConstraint("state IN ('waiting', 'running', 'done', 'failed')", name="state"),
    )

    shop_id: Mapped[UUID]
    kind: Mapped[str]
    version: Mapped[int]
    state: Mapped[str]
    author: Mapped[str]
    from_at: Mapped[datetime]
    until_at: Mapped[datetime]
    most: Mapped[int]
    """How many decisions at most, the newest first."""
    cursor: Mapped[UUID | None]
    """The oldest decision judged so far: where a run that was cut off goes on."""
    result: Mapped[dict[str, Any]]
    error: Mapped[str | None]
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
