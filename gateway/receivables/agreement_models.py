"""Tables of what debtor and merchant say to each other: instalment plans, objections, feedback, calls."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKeyConstraint, Index, SmallInteger, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from gateway.core.db import Base, Tenant


class InstalmentPlan(Tenant, Base):
    """A free agreement to pay in parts, over one or more claims of a debtor."""

    __tablename__ = "instalment_plan"
    __table_args__ = (
        ForeignKeyConstraint(["merchant_id", "buyer_id"], ["buyer.merchant_id", "buyer.id"]),
        Index(None, "merchant_id", "buyer_id", "id"),
        Index("ix_instalment_plan_next", "merchant_id", "next_on", postgresql_where=text("state = 'RUNNING'")),
        CheckConstraint("state IN ('RUNNING', 'WARNED', 'LAPSED', 'FULFILLED', 'ENDED')", name="state"),
    )

    buyer_id: Mapped[UUID]
    live: Mapped[bool]
    currency: Mapped[str]
    total_minor: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[str]
    agreed_by: Mapped[str]
    agreed_at: Mapped[datetime]
    grace_days: Mapped[int] = mapped_column(SmallInteger)
    next_on: Mapped[date | None]
    """When the plan must be looked at next."""
    warned_on: Mapped[date | None]
    """When the notice that it falls left."""
    ended_at: Mapped[datetime | None]


class Instalment(Base):
    """One rate of a plan."""

    __tablename__ = "instalment"
    __table_args__ = (
        ForeignKeyConstraint(["merchant_id", "plan_id"], ["instalment_plan.merchant_id", "instalment_plan.id"]),
        CheckConstraint("amount_minor > 0", name="amount"),
    )

    merchant_id: Mapped[UUID] = mapped_column(primary_key=True)
    plan_id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    due_date: Mapped[date]
    amount_minor: Mapped[int] = mapped_column(BigInteger)


class PlanClaim(Base):
    """A claim that a plan covers, with what it owed when the plan was agreed."""

    __tablename__ = "plan_claim"
    __table_args__ = (
        ForeignKeyConstraint(["merchant_id", "plan_id"], ["instalment_plan.merchant_id", "instalment_plan.id"]),
        ForeignKeyConstraint(["merchant_id", "claim_id"], ["claim.merchant_id", "claim.id"]),
        Index(None, "merchant_id", "claim_id"),
    )

    merchant_id: Mapped[UUID] = mapped_column(primary_key=True)
    plan_id: Mapped[UUID] = mapped_column(primary_key=True)
    claim_id: Mapped[UUID] = mapped_column(primary_key=True)
    total_minor: Mapped[int] = mapped_column(BigInteger)


class Objection(Tenant, Base):
    """The debtor disputes a claim, or part of it. Dunning, interest notices and bureau notices rest until decided."""

    __tablename__ = "objection"
    __table_args__ = (
        ForeignKeyConstraint(["merchant_id", "claim_id"], ["claim.merchant_id", "claim.id"]),
        Index(None, "merchant_id", "claim_id", "id"),
        Index("ix_objection_open", "merchant_id", "due_on", "id", postgresql_where=text("state = 'OPEN'")),
        CheckConstraint("state IN ('OPEN', 'ACCEPTED', 'REJECTED', 'WITHDRAWN')", name="state"),
        CheckConstraint("finding IN ('justified', 'partly', 'pretext', 'unclear')", name="finding"),
    )

    claim_id: Mapped[UUID]
    buyer_id: Mapped[UUID]
    live: Mapped[bool]
    category: Mapped[str]
    amount_minor: Mapped[int | None] = mapped_column(BigInteger)
    """The disputed part; None for all of it."""
    words_sealed: Mapped[bytes | None]
    channel: Mapped[str]
    state: Mapped[str]
    raised_by: Mapped[str]
    raised_at: Mapped[datetime]
    due_on: Mapped[date]
    answer_sealed: Mapped[bytes | None]
    credit_minor: Mapped[int | None] = mapped_column(BigInteger)
    finding: Mapped[str | None]
    grounds_sealed: Mapped[bytes | None]
    decided_by: Mapped[str | None]
    decided_at: Mapped[datetime | None]


class ObjectionDocument(Base):
    """Proof the debtor uploaded."""

    __tablename__ = "objection_document"
    __table_args__ = (ForeignKeyConstraint(["merchant_id", "objection_id"], ["objection.merchant_id", "objection.id"]),)

    merchant_id: Mapped[UUID] = mapped_column(primary_key=True)
    objection_id: Mapped[UUID] = mapped_column(primary_key=True)
    document_id: Mapped[UUID] = mapped_column(primary_key=True)
    added_at: Mapped[datetime]


class DebtorFeedback(Tenant, Base):
    """What the debtor thinks of how he was dunned, 1 (bad) to 5 (good)."""

    __tablename__ = "debtor_feedback"
    __table_args__ = (
        Index(None, "merchant_id", "at"),
        CheckConstraint("grade BETWEEN 1 AND 5", name="grade"),
    )

    buyer_id: Mapped[UUID]
    letter_id: Mapped[UUID | None]
    grade: Mapped[int] = mapped_column(SmallInteger)
    words_sealed: Mapped[bytes | None]
    at: Mapped[datetime]


class CallTask(Tenant, Base):
    """Somebody is to phone the debtor: because the policy says so, or because he asked."""

    __tablename__ = "call_task"
    __table_args__ = (
        ForeignKeyConstraint(["merchant_id", "buyer_id"], ["buyer.merchant_id", "buyer.id"]),
        UniqueConstraint("merchant_id", "cause"),
        Index("ix_call_task_open", "merchant_id", "due_on", "id", postgresql_where=text("state = 'OPEN'")),
        CheckConstraint("state IN ('OPEN', 'DONE', 'DROPPED')", name="state"),
    )

    shop_id: Mapped[UUID]
    buyer_id: Mapped[UUID]
    live: Mapped[bool]
    cause: Mapped[str]
    """`letter:…` or `asked:…`: one task for each."""
    letter_id: Mapped[UUID | None]
    due_on: Mapped[date]
    wish_sealed: Mapped[bytes | None]
    """Number and time the debtor named, sealed with his key."""
    state: Mapped[str]
    outcome: Mapped[str | None]
    """`reached`, `promised`, `objected`, `not_reached`, `wrong_number`, `refused`."""
    note_sealed: Mapped[bytes | None]
    done_by: Mapped[str | None]
    done_at: Mapped[datetime | None]


class DunningRun(Base):
    """One night of one merchant: what was looked at and what was drafted. A second run of a day adds nothing."""

    __tablename__ = "dunning_run"
    __table_args__ = (CheckConstraint("state IN ('RUNNING', 'DONE')", name="state"),)

    merchant_id: Mapped[UUID] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    state: Mapped[str]
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    seen: Mapped[int] = mapped_column(server_default=text("0"))
    drafted: Mapped[int] = mapped_column(server_default=text("0"))


class DebtorAct(Tenant, Base):
    """What came from the debtor's page, once per form: its id is the form's own, so a form sent twice counts once.

    Two kinds are the merchant's: `links_revoked` (no link made before it opens anything) and `seen` (the id is that of the
    hold which somebody has looked at).
    """

    __tablename__ = "debtor_act"
    __table_args__ = (
        ForeignKeyConstraint(["merchant_id", "buyer_id"], ["buyer.merchant_id", "buyer.id"]),
        Index(None, "merchant_id", "buyer_id", "kind"),
    )

    buyer_id: Mapped[UUID]
    kind: Mapped[str]
    actor: Mapped[str]
    at: Mapped[datetime]
