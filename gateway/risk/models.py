"""Tables of risk: the merchant's own block and allow lists."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Index
from sqlalchemy.orm import Mapped

from gateway.core.db import Base, Tenant


class ListEntry(Tenant, Base):
    """An e-mail, phone, address, IP, device, handle or mail domain that the merchant blocks or trusts.

    Only the keyed hash of the value is kept for looking up; the value itself is sealed for the desk.
    """

    __tablename__ = "list_entry"
    __table_args__ = (
        Index(None, "merchant_id", "digest", "action", unique=True),
        CheckConstraint("action IN ('block', 'allow')", name="action"),
    )

    digest: Mapped[bytes]
    kind: Mapped[str]
    action: Mapped[str]
    reason: Mapped[str]
    value_sealed: Mapped[bytes]
    author: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    live: Mapped[bool]
