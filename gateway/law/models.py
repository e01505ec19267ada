"""Rows of the law that an operator imported: for the whole installation, only ever added to."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from gateway.core.db import Base
from gateway.core.ids import new_id


class LawRow(Base):
    """One imported row; the law is the same for every merchant, so it belongs to none."""

    __tablename__ = "law_row"
    __table_args__ = (
        UniqueConstraint("table_name", "key", "valid_from", "valid_to", postgresql_nulls_not_distinct=True),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    table_name: Mapped[str]
    key: Mapped[str]
    valid_from: Mapped[date]
    valid_to: Mapped[date | None]
    value: Mapped[str]
    source: Mapped[str]
    certainty: Mapped[str]
    imported_by: Mapped[str]
    """`system` for the command, `key:…` for the API."""
    created_at: Mapped[datetime]
