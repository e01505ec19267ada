"""Tables of payments: a merchant's accounts at providers, payments, and what was told of them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from gateway.core.db import Base, Tenant


class ProviderAccount(Tenant, Base):
    """What a connection of kind `provider:…` needs beside its address; its id is the connection's."""

    __tablename__ = "provider_account"
    __table_args__ = (ForeignKeyConstraint(["merchant_id", "id"], ["connection.merchant_id", "connection.id"]),)

    settings: Mapped[dict[str, Any]]
    """What is no secret."""
    secrets_sealed: Mapped[bytes | None]
    """The secrets as JSON, sealed with the merchant's data key; NULL once the connection was closed."""
    updated_at: Mapped[datetime]


class Payment(Tenant, Base):
    """One payment at a provider. State and amounts are the fold of its events."""

    __tablename__ = "payment"
    __table_args__ = (
        ForeignKeyConstraint(["merchant_id", "connection_id"], ["connection.merchant_id", "connection.id"]),
        UniqueConstraint("merchant_id", "connection_id", "external_id"),
        Index("ix_payment_reference", "merchant_id", "reference", postgresql_where=text("reference <> ''")),
        Index(
            "ix_payment_order",
            "merchant_id",
            "shop_id",
            "order_reference",
            postgresql_where=text("order_reference <> ''"),
        ),
        CheckConstraint("LEAST(captured_minor, refunded_minor, returned_minor, lost_minor) >= 0", name="amounts"),
        CheckConstraint(
            "state IN ('PENDING', 'AUTHORISED', 'PAID', 'FAILED', 'CANCELLED', 'RETURNED')",
            name="state",
        ),
    )

    connection_id: Mapped[UUID]
    shop_id: Mapped[UUID]
    live: Mapped[bool]
    provider: Mapped[str]
    external_id: Mapped[str]
    """The provider's id of the payment."""
    reference: Mapped[str]
    """Ours, where the payment was begun by us; empty otherwise."""
    order_reference: Mapped[str]
    """The shop's number of the order, where the provider knows it."""
    method: Mapped[str]
    currency: Mapped[str]
    """Empty until an amount was told."""
    state: Mapped[str]
    captured_minor: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    refunded_minor: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    returned_minor: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    lost_minor: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    """Lost in disputes."""
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class PaymentEvent(Tenant, Base):
    """One fact of a payment, append-only; `key` makes a repeated message harmless."""

    __tablename__ = "payment_event"
    __table_args__ = (
        ForeignKeyConstraint(["merchant_id", "payment_id"], ["payment.merchant_id", "payment.id"]),
        UniqueConstraint("merchant_id", "connection_id", "key"),
        Index(None, "merchant_id", "payment_id"),
        Index(None, "merchant_id", "connection_id", "item"),
    )

    payment_id: Mapped[UUID]
    connection_id: Mapped[UUID]
    key: Mapped[str]
    kind: Mapped[str]
    item: Mapped[str]
    """The provider's id of what the fact is about: a capture, a refund, a dispute."""
    sequence: Mapped[int] = mapped_column(BigInteger)
    """The highest wins among facts about one item."""
    amount_minor: Mapped[int | None] = mapped_column(BigInteger)
    currency: Mapped[str]
    occurred_at: Mapped[datetime]
    proven: Mapped[bool]
    facts: Mapped[dict[str, Any]]
    """What this kind of fact has beside: codes, reason, stage, deadline."""
    message_id: Mapped[UUID | None]
    """The inbox message that told it."""
    received_at: Mapped[datetime]
