"""Tables of risk: the merchant's own block and allow lists, his models and the part each plays in a shop."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

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


class ScoreModel(Tenant, Base):
    """A model file of a shop, kept for good: decisions that it scored can always be made again."""

    __tablename__ = "score_model"
    __table_args__ = (Index(None, "merchant_id", "shop_id", "name", unique=True),)

    shop_id: Mapped[UUID]
    name: Mapped[str]
    """The `id` in the file."""
    content_hash: Mapped[str]
    """The hash in the file; decisions name it."""
    body: Mapped[str]
    """The file, as the text it was given in."""
    author: Mapped[str]
    created_at: Mapped[datetime]
    digest: Mapped[bytes]
    """Of everything above (`champions.digest`); anchored with the histories."""


class ModelRole(Base):
    """Which model is champion or challenger in a shop now. Rolling back is moving this pointer."""

    __tablename__ = "model_role"
    __table_args__ = (
        ForeignKeyConstraint(["merchant_id", "model_id"], ["score_model.merchant_id", "score_model.id"]),
        CheckConstraint("role IN ('champion', 'challenger')", name="role"),
        Index(
            "uq_model_role_champion",
            "merchant_id",
            "shop_id",
            unique=True,
            postgresql_where=text("role = 'champion'"),
        ),
    )

    merchant_id: Mapped[UUID] = mapped_column(primary_key=True)
    shop_id: Mapped[UUID] = mapped_column(primary_key=True)
    model_id: Mapped[UUID] = mapped_column(primary_key=True)
    role: Mapped[str]
    since: Mapped[datetime]


class ModelRoleChange(Tenant, Base):
    """Who gave which model which part, when and why: append-only."""

    __tablename__ = "model_role_change"
    __table_args__ = (
        Index(None, "merchant_id", "shop_id", "model_id"),
        CheckConstraint("role IN ('champion', 'challenger', 'retired')", name="role"),
    )

    shop_id: Mapped[UUID]
    model_id: Mapped[UUID]
    role: Mapped[str]
    author: Mapped[str]
    reason: Mapped[str]
    at: Mapped[datetime]
