"""Table of money that was taken back: each return once, with what followed from it."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from gateway.core.db import Base, Tenant


class Returned(Tenant, Base):
    """One return. Words of a bank or provider are kept only where they are a code: free text may name people."""

    __tablename__ = "returned_money"
    __table_args__ = (
        ForeignKeyConstraint(["merchant_id", "shop_id"], ["shop.merchant_id", "shop.id"]),
        ForeignKeyConstraint(["merchant_id", "claim_id"], ["claim.merchant_id", "claim.id"]),
        UniqueConstraint("merchant_id", "source", "external_id"),
        Index(None, "merchant_id", "order_id"),
        Index(None, "merchant_id", "claim_id"),
        Index(None, "merchant_id", "buyer_id"),
        CheckConstraint("did IN ('reversed', 'opened', 'waiting')", name="did"),
        CheckConstraint("amount_minor > 0 AND charges_minor >= 0", name="amounts"),
    )

    shop_id: Mapped[UUID]
    buyer_id: Mapped[UUID]
    order_id: Mapped[UUID | None]
    claim_id: Mapped[UUID | None]
    live: Mapped[bool]
    source: Mapped[str]
    """`bank` or `provider:<connection id>`."""
    external_id: Mapped[str]
    day: Mapped[date]
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    charges_minor: Mapped[int] = mapped_column(BigInteger)
    """The bank's fee, told to the merchant and not charged to anybody."""
    currency: Mapped[str]
    code: Mapped[str]
    reason: Mapped[str]
    dunning: Mapped[str]
    did: Mapped[str]
    """`waiting`: nothing is owed for it yet, since the order was not delivered, or no more."""
    taken_at: Mapped[datetime]
    undone_at: Mapped[datetime | None]
    """When the money had come again."""
