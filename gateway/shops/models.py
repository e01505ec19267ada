"""Tables of storefronts: shop, its signing keys and connections, buyers, orders and their events."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKeyConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from gateway.core.db import Base, Tenant


class Shop(Tenant, Base):
    """One storefront of a merchant on one platform. A test shop (`live` false) has data of its own."""

    __tablename__ = "shop"

    name: Mapped[str]
    platform: Mapped[str]
    live: Mapped[bool]
    currency: Mapped[str]
    country: Mapped[str]
    timezone: Mapped[str]
    language: Mapped[str]
    holds_orders: Mapped[bool]
    """Whether an order can wait for a deposit; if not, only 0 % and 100 % are offered."""
    created_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]


class ShopSigningKey(Tenant, Base):
    """A key that signs decision tokens of one shop; the newest that is not retired signs."""

    __tablename__ = "shop_signing_key"
    __table_args__ = (Index(None, "merchant_id", "shop_id", "kid", unique=True),)

    shop_id: Mapped[UUID]
    kid: Mapped[str]
    wrapped: Mapped[bytes]
    created_at: Mapped[datetime]
    retired_at: Mapped[datetime | None]


class Connection(Tenant, Base):
    """An address at which a shop platform or provider reaches us, with its secret wrapped."""

    __tablename__ = "connection"

    shop_id: Mapped[UUID]
    kind: Mapped[str]
    wrapped_secret: Mapped[bytes]
    created_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]


class ConnectionLookup(Base):
    """Tenant-free look-up: hash of the unguessable word in the URL leads to its connection."""

    __tablename__ = "connection_lookup"

    digest: Mapped[bytes] = mapped_column(primary_key=True)
    merchant_id: Mapped[UUID]
    connection_id: Mapped[UUID]


class Buyer(Tenant, Base):
    """A person or company seen by a shop. Erasing destroys the wrapped key, and with it what it sealed."""

    __tablename__ = "buyer"

    live: Mapped[bool]
    wrapped_key: Mapped[bytes | None]
    first_seen_at: Mapped[datetime]
    erased_at: Mapped[datetime | None]
    objected_at: Mapped[datetime | None]
    """Since when he objects to being assessed (Art. 21 GDPR); None while he does not."""


class BuyerIndex(Base):
    """Blind index: keyed hash of an e-mail, phone or address leads to the buyers who used it.

    One row per buyer says who he is (`identifies`); a digest identifies at most one buyer, so two first orders at once
    end with one buyer. The other rows link.
    """

    __tablename__ = "buyer_index"
    __table_args__ = (
        ForeignKeyConstraint(["merchant_id", "buyer_id"], ["buyer.merchant_id", "buyer.id"]),
        Index(None, "merchant_id", "buyer_id"),
        Index("uq_buyer_index_identity", "merchant_id", "digest", unique=True, postgresql_where=text("identifies")),
    )

    merchant_id: Mapped[UUID] = mapped_column(primary_key=True)
    digest: Mapped[bytes] = mapped_column(primary_key=True)
    buyer_id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    identifies: Mapped[bool]


class Order(Tenant, Base):
    """An order as the shop tells it. Amounts and times are the fold of its events."""

    __tablename__ = "shop_order"
    __table_args__ = (
        Index(None, "merchant_id", "shop_id", "reference", unique=True),
        Index(None, "merchant_id", "shop_id", "id"),
        Index(None, "merchant_id", "shop_id", "state", "id"),
        Index(None, "merchant_id", "buyer_id", "placed_at"),
        Index("ix_shop_order_owing", "merchant_id", "buyer_id", postgresql_where=text("open_minor > 0")),
        Index(
            "ix_shop_order_open_in_shop",
            "merchant_id",
            "shop_id",
            "currency",
            postgresql_where=text("open_minor > 0"),
            postgresql_include=["kind", "open_minor"],
        ),
        CheckConstraint(
            "LEAST(total_minor, paid_minor, refunded_minor, returned_minor, open_minor) >= 0",
            name="amounts",
        ),
        CheckConstraint("state IN ('PLACED', 'SHIPPED', 'DELIVERED', 'CANCELLED')", name="state"),
    )

    shop_id: Mapped[UUID]
    reference: Mapped[str]
    buyer_id: Mapped[UUID]
    decision_id: Mapped[UUID | None]
    method: Mapped[str]
    """The shop's own name of the payment method."""
    kind: Mapped[str]
    """Our kind of it, see DESIGN §1."""
    currency: Mapped[str]
    total_minor: Mapped[int] = mapped_column(BigInteger)
    paid_minor: Mapped[int] = mapped_column(BigInteger, default=0)
    refunded_minor: Mapped[int] = mapped_column(BigInteger, default=0)
    returned_minor: Mapped[int] = mapped_column(BigInteger, default=0)
    """Value of the goods that came back."""
    open_minor: Mapped[int] = mapped_column(BigInteger)
    """What the buyer has still to pay; nothing once cancelled."""
    state: Mapped[str]
    """Fulfilment: PLACED, SHIPPED, DELIVERED, CANCELLED."""
    placed_at: Mapped[datetime]
    due_at: Mapped[datetime | None]
    """End of the due date in the shop's time zone: what is unpaid then is late."""
    paid_at: Mapped[datetime | None]
    shipped_at: Mapped[datetime | None]
    delivered_at: Mapped[datetime | None]
    cancelled_at: Mapped[datetime | None]
    withdrawn_at: Mapped[datetime | None]
    delivery_digest: Mapped[bytes | None]
    """Blind index of the delivery address, to tell whether goods went there before; gone when the buyer is erased."""
    details_sealed: Mapped[bytes | None]
    """Items, addresses and buyer as told, sealed with the buyer's key."""
    updated_at: Mapped[datetime]


class OrderEvent(Tenant, Base):
    """What happened to an order, append-only; `external_id` makes a repeated message harmless."""

    __tablename__ = "order_event"
    __table_args__ = (
        ForeignKeyConstraint(["merchant_id", "order_id"], ["shop_order.merchant_id", "shop_order.id"]),
        Index(None, "merchant_id", "order_id", "external_id", unique=True),
    )

    order_id: Mapped[UUID]
    external_id: Mapped[str]
    event: Mapped[str]
    occurred_at: Mapped[datetime]
    amount_minor: Mapped[int | None] = mapped_column(BigInteger)
    buyer_id: Mapped[UUID | None]
    """Whose key sealed the facts, for an order may later turn out to be another buyer's; None after his erasure."""
    facts_sealed: Mapped[bytes | None]
    """Tracking and reasons as told."""
    received_at: Mapped[datetime]


class OrderDocument(Tenant, Base):
    """Which stored documents belong to an order (invoice, delivery proof)."""

    __tablename__ = "order_document"
    __table_args__ = (
        ForeignKeyConstraint(["merchant_id", "order_id"], ["shop_order.merchant_id", "shop_order.id"]),
        Index(None, "merchant_id", "order_id", "document_id", unique=True),
    )

    order_id: Mapped[UUID]
    document_id: Mapped[UUID]
    kind: Mapped[str]
    created_at: Mapped[datetime]
