"""Tables of chargebacks: each with its state and deadline, the evidence for it, the answers given, warnings, a merchant's terms."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from gateway.core.db import Base, Tenant


class Chargeback(Tenant, Base):
    """One dispute of one payment. State, stage and deadline follow from what the provider tells and what people do."""

    __tablename__ = "chargeback"
    __table_args__ = (
        ForeignKeyConstraint(["merchant_id", "payment_id"], ["payment.merchant_id", "payment.id"]),
        ForeignKeyConstraint(["merchant_id", "order_id"], ["shop_order.merchant_id", "shop_order.id"]),
        ForeignKeyConstraint(["merchant_id", "buyer_id"], ["buyer.merchant_id", "buyer.id"]),
        UniqueConstraint("merchant_id", "payment_id", "external_id"),
        Index(None, "merchant_id", "state", "due_at"),
        Index(None, "merchant_id", "shop_id", "opened_at"),
        Index("ix_chargeback_buyer", "merchant_id", "buyer_id", postgresql_where=text("buyer_id IS NOT NULL")),
        Index("ix_chargeback_order", "merchant_id", "order_id", postgresql_where=text("order_id IS NOT NULL")),
        CheckConstraint(
            "state IN ('INQUIRY', 'NEEDS_RESPONSE', 'PREPARED', 'SENDING', 'SUBMITTED', 'ACCEPTING', 'ACCEPTED', 'WON', "
            "'LOST', 'EXPIRED')",
            name="state",
        ),
        CheckConstraint("kind IN ('card', 'wallet', 'direct_debit', 'other')", name="kind"),
        CheckConstraint(
            "category IN ('fraud', 'not_received', 'not_as_described', 'duplicate', 'credit_not_processed', "
            "'cancelled_recurring', 'processing', 'other')",
            name="category",
        ),
        CheckConstraint("outcome IN ('won', 'lost', 'accepted', 'expired')", name="outcome"),
        CheckConstraint("claim_decision IN ('', 'open', 'leave')", name="claim_decision"),
        CheckConstraint("amount_minor >= 0", name="amount"),
    )

    payment_id: Mapped[UUID]
    connection_id: Mapped[UUID]
    shop_id: Mapped[UUID]
    live: Mapped[bool]
    order_id: Mapped[UUID | None]
    buyer_id: Mapped[UUID | None]
    provider: Mapped[str]
    external_id: Mapped[str]
    """The provider's id of the dispute."""
    kind: Mapped[str]
    network: Mapped[str]
    """`visa`, `mastercard`, …; empty where nobody says."""
    state: Mapped[str]
    stage: Mapped[str]
    """`inquiry`, `chargeback`, `pre_arbitration`, `arbitration`, or the provider's word."""
    round: Mapped[int]
    """0 inquiry, 1 chargeback, 2 pre-arbitration, 3 arbitration: an answer counts for its round only."""
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str]
    reason: Mapped[str]
    """The provider's word."""
    network_code: Mapped[str]
    category: Mapped[str]
    """Ours, from reason and code."""
    fraud: Mapped[bool]
    opened_at: Mapped[datetime]
    told_at: Mapped[datetime]
    """Of the newest word of the provider."""
    due_at: Mapped[datetime | None]
    due_source: Mapped[str]
    """`provider`, `default` (from the dated table) or empty."""
    closed_at: Mapped[datetime | None]
    outcome: Mapped[str | None]
    statement_sealed: Mapped[bytes | None]
    """What the merchant says himself, sealed; gone when the buyer is erased."""
    request_id: Mapped[UUID | None]
    """The provider request under way, or the last one."""
    trouble: Mapped[str]
    """`REFUSED` or `UNCERTAIN` with the provider's word; empty when all is well."""
    submitted_round: Mapped[int | None]
    """For which round evidence was handed in."""
    submitted_at: Mapped[datetime | None]
    claim_decision: Mapped[str]
    """What a loss leads to: `open` a civil claim, `leave` it; empty until it is decided."""
    claim_reason: Mapped[str]
    claim_actor: Mapped[str]
    claim_id: Mapped[UUID | None]
    noticed_days: Mapped[int | None]
    """Days before the deadline of the last notice of this deadline; 0 when its passing was told."""
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class ChargebackEvidence(Tenant, Base):
    """A document that proves one piece of the merchant's case. The document is sealed with the merchant's key."""

    __tablename__ = "chargeback_evidence"
    __table_args__ = (
        ForeignKeyConstraint(["merchant_id", "chargeback_id"], ["chargeback.merchant_id", "chargeback.id"]),
        UniqueConstraint("merchant_id", "chargeback_id", "piece", "document_id"),
    )

    chargeback_id: Mapped[UUID]
    piece: Mapped[str]
    document_id: Mapped[UUID]
    actor: Mapped[str]
    created_at: Mapped[datetime]


class ChargebackAnswer(Tenant, Base):
    """What was handed in for a round, as it was, append-only. At most one of an attempt: nobody submits twice."""

    __tablename__ = "chargeback_answer"
    __table_args__ = (
        ForeignKeyConstraint(["merchant_id", "chargeback_id"], ["chargeback.merchant_id", "chargeback.id"]),
        UniqueConstraint("merchant_id", "chargeback_id", "round", "attempt"),
        CheckConstraint("way IN ('provider', 'self')", name="way"),
    )

    chargeback_id: Mapped[UUID]
    round: Mapped[int]
    attempt: Mapped[int]
    way: Mapped[str]
    buyer_id: Mapped[UUID | None]
    """Whose key sealed the body; None: the merchant's."""
    body_sealed: Mapped[bytes]
    """Fields and pieces as JSON."""
    request_id: Mapped[UUID | None]
    actor: Mapped[str]
    created_at: Mapped[datetime]


class FraudWarning(Tenant, Base):
    """The card network reported a payment as fraudulent, whether or not a dispute follows. Append-only."""

    __tablename__ = "fraud_warning"
    __table_args__ = (
        ForeignKeyConstraint(["merchant_id", "payment_id"], ["payment.merchant_id", "payment.id"]),
        UniqueConstraint("merchant_id", "payment_id", "external_id"),
        Index(None, "merchant_id", "shop_id", "occurred_at"),
    )

    payment_id: Mapped[UUID]
    connection_id: Mapped[UUID]
    shop_id: Mapped[UUID]
    live: Mapped[bool]
    external_id: Mapped[str]
    network: Mapped[str]
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str]
    reason: Mapped[str]
    actionable: Mapped[bool]
    """Whether a refund now can still prevent the dispute."""
    occurred_at: Mapped[datetime]
    created_at: Mapped[datetime]


class ChargebackTerms(Tenant, Base):
    """What a merchant's work costs and what a loss leads to; its id is the merchant's."""

    __tablename__ = "chargeback_terms"

    body: Mapped[dict[str, Any]]
    updated_at: Mapped[datetime]
    actor: Mapped[str]
