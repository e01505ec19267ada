"""Table of what providers are asked for: refunds, charges, answers to disputes."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped

from gateway.core.db import Base, Tenant


class ProviderRequest(Tenant, Base):
    """One request to a provider and what became of it."""

    __tablename__ = "provider_request"
    __table_args__ = (
        ForeignKeyConstraint(["merchant_id", "connection_id"], ["connection.merchant_id", "connection.id"]),
        UniqueConstraint("merchant_id", "idempotency_key"),
        CheckConstraint("kind IN ('refund', 'charge', 'evidence', 'accept_dispute')", name="kind"),
        CheckConstraint("state IN ('QUEUED', 'SENDING', 'DONE', 'REFUSED', 'UNCERTAIN', 'PARKED')", name="state"),
        Index(
            "ix_provider_request_stuck",
            "merchant_id",
            "created_at",
            postgresql_where=text("state IN ('UNCERTAIN', 'PARKED')"),
        ),
    )

    connection_id: Mapped[UUID]
    kind: Mapped[str]
    idempotency_key: Mapped[str]
    """Also told to the provider: asking again is not asking twice."""
    cause: Mapped[str]
    """Reference of what it is asked for (`claim:…`, `chargeback:…`, `return:…`)."""
    body_sealed: Mapped[bytes]
    """What is asked for as JSON, sealed with the merchant's data key."""
    state: Mapped[str]
    external_id: Mapped[str]
    """The provider's id of what it made of it."""
    answer: Mapped[str]
    """The provider's word, or the code of the error."""
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
