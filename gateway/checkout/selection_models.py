"""The table of selections: what a buyer's choice was answered, written once and never changed."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from gateway.core.db import Base, Tenant


class Selection(Tenant, Base):
    """The stored answer of stage 2: one per decision and method, however often it is asked."""

    __tablename__ = "selection"
    __table_args__ = (
        UniqueConstraint("merchant_id", "decision_id", "method"),
        Index(None, "merchant_id", "shop_id", "id"),
    )

    decision_id: Mapped[UUID]
    shop_id: Mapped[UUID]
    created_at: Mapped[datetime]
    method: Mapped[str]
    answer: Mapped[str]
    """`confirmed`, `deposit` or `choose_another`."""
    deposit_percent: Mapped[int]
    deposit_minor: Mapped[int] = mapped_column(BigInteger)
    record: Mapped[str]
    """JSON, kept as the text it was written in, since `digest` is over that text."""
    decision_digest: Mapped[bytes]
    """The digest of the decision: this selection is the next link after it."""
    digest: Mapped[bytes]
    """SHA-256 over the row (`selection_records.digest`), the decision's digest included."""
    ip_sealed: Mapped[bytes | None]
    """Where the buyer agreed or was told, sealed with his key."""
