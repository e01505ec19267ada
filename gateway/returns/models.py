"""Tables of returns: one row per return of an order, and what happened to it."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKeyConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from gateway.core.db import Base, Tenant


class OrderReturn(Tenant, Base):
    """Goods of an order that come back. State, amounts and times are the fold of its acts and of what the order says."""

    __tablename__ = "order_return"
    __table_args__ = (
        ForeignKeyConstraint(["merchant_id", "order_id"], ["shop_order.merchant_id", "shop_order.id"]),
        Index(None, "merchant_id", "order_id", "external_id", unique=True),
        Index(None, "merchant_id", "shop_id", "id"),
        Index("ix_order_return_of_buyer", "merchant_id", "buyer_id", postgresql_where=text("state = 'ANNOUNCED'")),
        Index("ix_order_return_expected", "merchant_id", "expected_by", postgresql_where=text("state = 'ANNOUNCED'")),
        CheckConstraint("kind IN ('withdrawal', 'return', 'warranty', 'complaint')", name="kind"),
        CheckConstraint(
            "state IN ('ANNOUNCED', 'RECEIVED', 'SETTLED', 'REFUSED', 'CANCELLED', 'EXPIRED')", name="state"
        ),
        CheckConstraint("LEAST(amount_minor, received_minor, refunded_minor) >= 0", name="amounts"),
    )

    order_id: Mapped[UUID]
    shop_id: Mapped[UUID]
    buyer_id: Mapped[UUID]
    live: Mapped[bool]
    kind: Mapped[str]
    source: Mapped[str]
    """`api`, `desk`, `command`, or `order`: made of what the shop told of the order itself."""
    external_id: Mapped[str]
    state: Mapped[str]
    currency: Mapped[str]
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    """Value of the goods as announced."""
    received_minor: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    refunded_minor: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    announced_at: Mapped[datetime]
    expected_by: Mapped[date]
    """Until then a claim rests for it."""
    withdraw_until: Mapped[date | None]
    """Last day of the right of withdrawal, where it is known."""
    in_time: Mapped[bool | None]
    """Of a withdrawal; None where there is no period to check by."""
    decide: Mapped[bool]
    """The merchant has to say whether he accepts it."""
    refund_until: Mapped[date | None]
    """§ 357 (1) BGB, of a withdrawal; he may wait for the goods."""
    received_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    words_sealed: Mapped[bytes | None]
    """The buyer's words, sealed with his key."""
    made_at: Mapped[datetime]


class ReturnHistory(Tenant, Base):
    """What was told of a return, append-only; `external_id` makes a repeated message harmless."""

    __tablename__ = "order_return_act"
    __table_args__ = (
        ForeignKeyConstraint(["merchant_id", "return_id"], ["order_return.merchant_id", "order_return.id"]),
        Index(None, "merchant_id", "return_id", "external_id", unique=True),
    )

    return_id: Mapped[UUID]
    act: Mapped[str]
    external_id: Mapped[str]
    occurred_at: Mapped[datetime]
    amount_minor: Mapped[int | None] = mapped_column(BigInteger)
    reason: Mapped[str]
    actor: Mapped[str]
    received_at: Mapped[datetime]
