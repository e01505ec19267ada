"""Tables of letters: what is to leave, for which claims, by which way, and the daily print batch."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKeyConstraint, Index, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from gateway.core.db import Base, Tenant

LETTER_STATES = ("DRAFTED", "PARKED", "QUEUED", "PRINTING", "SENT", "BOUNCED", "WITHDRAWN")
CHANNELS = ("email", "post", "callback", "call")


class Letter(Tenant, Base):
    """One letter to one debtor, over one or more of his claims.

    DRAFTED until `release_at` (the undo window), then rendered, checked and QUEUED (e-mail, callback) or PRINTING (post)
    and SENT when the other side took it. PARKED: the check found it unlawful or incomplete. WITHDRAWN: undone, or its
    reason fell away. BOUNCED: it came back, and the step it stood for is undone.
    """

    __tablename__ = "letter"
    __table_args__ = (
        ForeignKeyConstraint(["merchant_id", "buyer_id"], ["buyer.merchant_id", "buyer.id"]),
        Index(
            "uq_letter_dunning_day",
            "merchant_id",
            "buyer_id",
            "day",
            unique=True,
            postgresql_where=text("origin = 'dunning' AND state <> 'WITHDRAWN'"),
        ),
        Index(None, "merchant_id", "state", "id"),
        Index(None, "merchant_id", "buyer_id", "id"),
        Index("ix_letter_batch", "merchant_id", "batch_id", postgresql_where=text("batch_id IS NOT NULL")),
        Index("ix_letter_message", "merchant_id", "message_id", postgresql_where=text("message_id IS NOT NULL")),
        CheckConstraint(
            "state IN ('DRAFTED', 'PARKED', 'QUEUED', 'PRINTING', 'SENT', 'BOUNCED', 'WITHDRAWN')", name="state"
        ),
        CheckConstraint("channel IN ('email', 'post', 'callback', 'call')", name="channel"),
    )

    shop_id: Mapped[UUID]
    buyer_id: Mapped[UUID]
    live: Mapped[bool]
    origin: Mapped[str]
    """`dunning` (the nightly run: one per debtor and day) or `event` (confirmation, answer, plan)."""
    kind: Mapped[str]
    """`reminder`, `dunning`, `final`, `plan`, `plan_lapsed`, `objection_received`, `objection_answer`, `receipt`, …"""
    step: Mapped[str]
    """Key of the policy's step; empty where none."""
    channel: Mapped[str]
    fallback: Mapped[str | None]
    """Channel to take when this one bounces."""
    language: Mapped[str]
    tone: Mapped[str]
    state: Mapped[str]
    day: Mapped[date]
    """For which it was written, in the debtor's calendar."""
    deadline: Mapped[date | None]
    policy_id: Mapped[UUID | None]
    drafted_at: Mapped[datetime]
    release_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    """When it was withdrawn or bounced."""
    ended_why: Mapped[str | None]
    """Code."""
    findings: Mapped[list[Any] | None]
    """Of the lawfulness check, when it was parked."""
    document_id: Mapped[UUID | None]
    """The PDF exactly as sent."""
    mail_id: Mapped[UUID | None]
    """The e-mail exactly as sent (document: JSON of subject, text and HTML)."""
    message_id: Mapped[UUID | None]
    """Of the outbox."""
    batch_id: Mapped[UUID | None]
    extra: Mapped[dict[str, Any] | None]
    """What this kind needs beyond the claims (plan id, objection id); ids and codes only."""


class LetterClaim(Base):
    """A claim in a letter, with the figures it states."""

    __tablename__ = "letter_claim"
    __table_args__ = (
        ForeignKeyConstraint(["merchant_id", "letter_id"], ["letter.merchant_id", "letter.id"]),
        ForeignKeyConstraint(["merchant_id", "claim_id"], ["claim.merchant_id", "claim.id"]),
        Index(None, "merchant_id", "claim_id"),
    )

    merchant_id: Mapped[UUID] = mapped_column(primary_key=True)
    letter_id: Mapped[UUID] = mapped_column(primary_key=True)
    claim_id: Mapped[UUID] = mapped_column(primary_key=True)
    level: Mapped[int] = mapped_column(SmallInteger)
    """Dunning level this letter is for the claim; 0 where it is none."""
    total_minor: Mapped[int] = mapped_column(BigInteger)
    figures: Mapped[dict[str, Any]]
    """`figures.LetterFigures` as JSON: amounts, dates and ground, no personal data."""


class PrintBatch(Tenant, Base):
    """The letters of a day that leave on paper; they are dated when it is confirmed."""

    __tablename__ = "print_batch"
    __table_args__ = (
        Index(None, "merchant_id", "day"),
        CheckConstraint("state IN ('MADE', 'CONFIRMED')", name="state"),
    )

    day: Mapped[date]
    state: Mapped[str]
    letter_count: Mapped[int]
    document_id: Mapped[UUID | None]
    made_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]
    confirmed_by: Mapped[str | None]
