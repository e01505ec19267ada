"""Tables of bank accounts: files as they came, statements, entries, answers to payments we ordered, mappings of CSV files."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from gateway.core.db import Base, Tenant

SOURCES = ("api", "desk", "folder")
FORMATS = ("camt.052", "camt.053", "camt.054", "pain.002", "mt940", "csv")


class BankFile(Tenant, Base):
    """One file, taken once: `digest` is keyed, so that it tells nothing of the content."""

    __tablename__ = "bank_file"
    __table_args__ = (
        UniqueConstraint("merchant_id", "live", "digest"),
        CheckConstraint("source IN ('api', 'desk', 'folder')", name="source"),
    )

    live: Mapped[bool]
    digest: Mapped[bytes]
    format: Mapped[str]
    source: Mapped[str]
    taken_by: Mapped[str]
    """Actor, as in the audit log."""
    taken_at: Mapped[datetime]
    size: Mapped[int] = mapped_column(BigInteger)
    entries: Mapped[int]
    """Entries or statuses in it."""
    new_entries: Mapped[int]
    """Of these not known before."""


class BankStatement(Tenant, Base):
    """One statement or notification of one account. The account is sealed with the merchant's key."""

    __tablename__ = "bank_statement"
    __table_args__ = (
        ForeignKeyConstraint(["merchant_id", "file_id"], ["bank_file.merchant_id", "bank_file.id"]),
        UniqueConstraint("merchant_id", "live", "digest"),
        Index(None, "merchant_id", "live", "account_digest", "to_on"),
    )

    file_id: Mapped[UUID]
    live: Mapped[bool]
    digest: Mapped[bytes]
    account_digest: Mapped[bytes]
    account_sealed: Mapped[bytes]
    format: Mapped[str]
    reference: Mapped[str]
    sequence: Mapped[int | None] = mapped_column(BigInteger)
    currency: Mapped[str]
    opening_minor: Mapped[int | None] = mapped_column(BigInteger)
    closing_minor: Mapped[int | None] = mapped_column(BigInteger)
    """Booked balances, negative when overdrawn."""
    from_on: Mapped[date | None]
    to_on: Mapped[date | None]
    entries: Mapped[int]


class BankEntryRow(Tenant, Base):
    """One payment on the account, once however many files tell it. What names the payer is sealed with the merchant's key."""

    __tablename__ = "bank_entry"
    __table_args__ = (
        ForeignKeyConstraint(["merchant_id", "statement_id"], ["bank_statement.merchant_id", "bank_statement.id"]),
        UniqueConstraint("merchant_id", "live", "key"),
        Index("ix_bank_entry_whole", "merchant_id", "group_key", postgresql_where=text("group_key IS NOT NULL")),
        Index(None, "merchant_id", "live", "booked_on", "id"),
        CheckConstraint("LEAST(amount_minor, booked_minor, charges_minor) >= 0", name="amounts"),
    )

    statement_id: Mapped[UUID]
    live: Mapped[bool]
    key: Mapped[bytes]
    group_key: Mapped[bytes | None]
    """The same for an entry told whole and for its parts."""
    parts: Mapped[int]
    """How many payments the entry itemises; 0 when it is told whole."""
    credit: Mapped[bool]
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    """The payment itself, without charges."""
    booked_minor: Mapped[int] = mapped_column(BigInteger)
    charges_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str]
    booked_on: Mapped[date]
    value_on: Mapped[date | None]
    status: Mapped[str]
    """`BOOK`; `PDNG` and `INFO` are not money yet."""
    reversal: Mapped[bool]
    returned: Mapped[bool]
    return_code: Mapped[str]
    code: Mapped[str]
    business_code: Mapped[str]
    payer_digest: Mapped[bytes | None]
    """Blind index of the other side's account."""
    details_sealed: Mapped[bytes]
    """Names, account, text and references."""
    itemised_at: Mapped[datetime | None]
    """When another file told the parts of this whole entry: they count from then on, it does not."""


class PaymentAnswer(Tenant, Base):
    """What the bank says of a payment we ordered (pain.002), once."""

    __tablename__ = "payment_answer"
    __table_args__ = (
        ForeignKeyConstraint(["merchant_id", "file_id"], ["bank_file.merchant_id", "bank_file.id"]),
        UniqueConstraint("merchant_id", "live", "digest"),
        Index(None, "merchant_id", "live", "end_to_end_id"),
    )

    file_id: Mapped[UUID]
    live: Mapped[bool]
    digest: Mapped[bytes]
    end_to_end_id: Mapped[str]
    """Ours; empty when a batch or file is judged as a whole."""
    status: Mapped[str]
    reason_code: Mapped[str]
    original_message_id: Mapped[str]
    payment_info_id: Mapped[str]
    amount_minor: Mapped[int | None] = mapped_column(BigInteger)
    currency: Mapped[str]
    told_at: Mapped[datetime]


class BankMappingRow(Tenant, Base):
    """A merchant's own mapping of his bank's CSV export."""

    __tablename__ = "bank_mapping"
    __table_args__ = (UniqueConstraint("merchant_id", "name"),)

    name: Mapped[str]
    document: Mapped[dict[str, Any]]
    saved_at: Mapped[datetime]
