"""Chargebacks: each with state and deadline, evidence, answers, fraud warnings, and a merchant's terms."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from gateway.core.db import secure

revision: str = "0015"
down_revision: str | None = "0014"

EVERYBODY = "kulanz_web, kulanz_worker"


def upgrade() -> None:
    create_chargeback()
    create_chargeback_evidence()
    create_chargeback_answer()
    create_fraud_warning()
    create_chargeback_terms()
    for table in ("chargeback", "chargeback_evidence", "chargeback_answer", "fraud_warning", "chargeback_terms"):
        for statement in secure(table):
            op.execute(statement)
    for table in ("chargeback", "chargeback_terms"):
        op.execute(f"GRANT SELECT, INSERT, UPDATE ON {table} TO {EVERYBODY}")
    op.execute(f"GRANT SELECT, INSERT, DELETE ON chargeback_evidence TO {EVERYBODY}")
    for table in ("chargeback_answer", "fraud_warning"):
        op.execute(f"GRANT SELECT, INSERT ON {table} TO {EVERYBODY}")
        refuse_changes(table)


def refuse_changes(table: str) -> None:
    """The owner is refused as well, in a restore too."""
    refuse = "EXECUTE FUNCTION kulanz_append_only()"
    op.execute(f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW {refuse}")
    op.execute(f"CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON {table} FOR EACH STATEMENT {refuse}")
    for trigger in ("append_only", "append_only_whole"):
        op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {trigger}")


def create_chargeback() -> None:
    op.create_table(
        "chargeback",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("connection_id", sa.Uuid(), nullable=False),
        sa.Column("shop_id", sa.Uuid(), nullable=False),
        sa.Column("live", sa.Boolean(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=True),
        sa.Column("buyer_id", sa.Uuid(), nullable=True),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("network", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("network_code", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("fraud", sa.Boolean(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_source", sa.Text(), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("statement_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("request_id", sa.Uuid(), nullable=True),
        sa.Column("trouble", sa.Text(), nullable=False),
        sa.Column("submitted_round", sa.Integer(), nullable=True),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("claim_decision", sa.Text(), nullable=False),
        sa.Column("claim_reason", sa.Text(), nullable=False),
        sa.Column("claim_actor", sa.Text(), nullable=False),
        sa.Column("claim_id", sa.Uuid(), nullable=True),
        sa.Column("noticed_days", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("amount_minor >= 0", name=op.f("ck_chargeback_amount")),
        sa.CheckConstraint(
            "category IN ('fraud', 'not_received', 'not_as_described', 'duplicate', 'credit_not_processed', 'cancelled_recurring', 'processing', 'other')",
            name=op.f("ck_chargeback_category"),
        ),
        sa.CheckConstraint("claim_decision IN ('', 'open', 'leave')", name=op.f("ck_chargeback_claim_decision")),
        sa.CheckConstraint("kind IN ('card', 'wallet', 'direct_debit', 'other')", name=op.f("ck_chargeback_kind")),
        sa.CheckConstraint("outcome IN ('won', 'lost', 'accepted', 'expired')", name=op.f("ck_chargeback_outcome")),
        sa.CheckConstraint(
            "state IN ('INQUIRY', 'NEEDS_RESPONSE', 'PREPARED', 'SENDING', 'SUBMITTED', 'ACCEPTING', 'ACCEPTED', 'WON', 'LOST', 'EXPIRED')",
            name=op.f("ck_chargeback_state"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "buyer_id"],
            ["buyer.merchant_id", "buyer.id"],
            name=op.f("fk_chargeback_merchant_id_buyer_id"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "order_id"],
            ["shop_order.merchant_id", "shop_order.id"],
            name=op.f("fk_chargeback_merchant_id_order_id"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "payment_id"],
            ["payment.merchant_id", "payment.id"],
            name=op.f("fk_chargeback_merchant_id_payment_id"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_chargeback")),
        sa.UniqueConstraint(
            "merchant_id", "payment_id", "external_id", name=op.f("uq_chargeback_merchant_id_payment_id_external_id")
        ),
    )
    op.create_index(
        op.f("ix_chargeback_buyer"),
        "chargeback",
        ["merchant_id", "buyer_id"],
        postgresql_where=sa.text("buyer_id IS NOT NULL"),
    )
    op.create_index(
        op.f("ix_chargeback_merchant_id_shop_id_opened_at"), "chargeback", ["merchant_id", "shop_id", "opened_at"]
    )
    op.create_index(op.f("ix_chargeback_merchant_id_state_due_at"), "chargeback", ["merchant_id", "state", "due_at"])
    op.create_index(
        op.f("ix_chargeback_order"),
        "chargeback",
        ["merchant_id", "order_id"],
        postgresql_where=sa.text("order_id IS NOT NULL"),
    )


def create_chargeback_evidence() -> None:
    op.create_table(
        "chargeback_evidence",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("chargeback_id", sa.Uuid(), nullable=False),
        sa.Column("piece", sa.Text(), nullable=False),
        sa.Column("document_id", sa.Uuid(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id", "chargeback_id"],
            ["chargeback.merchant_id", "chargeback.id"],
            name=op.f("fk_chargeback_evidence_merchant_id_chargeback_id"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_chargeback_evidence")),
        sa.UniqueConstraint(
            "merchant_id",
            "chargeback_id",
            "piece",
            "document_id",
            name=op.f("uq_chargeback_evidence_merchant_id_chargeback_id_piece_document_id"),
        ),
    )


def create_chargeback_answer() -> None:
    op.create_table(
        "chargeback_answer",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("chargeback_id", sa.Uuid(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("way", sa.Text(), nullable=False),
        sa.Column("buyer_id", sa.Uuid(), nullable=True),
        sa.Column("body_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("request_id", sa.Uuid(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("way IN ('provider', 'self')", name=op.f("ck_chargeback_answer_way")),
        sa.ForeignKeyConstraint(
            ["merchant_id", "chargeback_id"],
            ["chargeback.merchant_id", "chargeback.id"],
            name=op.f("fk_chargeback_answer_merchant_id_chargeback_id"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_chargeback_answer")),
        sa.UniqueConstraint(
            "merchant_id",
            "chargeback_id",
            "round",
            "attempt",
            name=op.f("uq_chargeback_answer_merchant_id_chargeback_id_round_attempt"),
        ),
    )


def create_fraud_warning() -> None:
    op.create_table(
        "fraud_warning",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("connection_id", sa.Uuid(), nullable=False),
        sa.Column("shop_id", sa.Uuid(), nullable=False),
        sa.Column("live", sa.Boolean(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("network", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("actionable", sa.Boolean(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id", "payment_id"],
            ["payment.merchant_id", "payment.id"],
            name=op.f("fk_fraud_warning_merchant_id_payment_id"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_fraud_warning")),
        sa.UniqueConstraint(
            "merchant_id", "payment_id", "external_id", name=op.f("uq_fraud_warning_merchant_id_payment_id_external_id")
        ),
    )
    op.create_index(
        op.f("ix_fraud_warning_merchant_id_shop_id_occurred_at"),
        "fraud_warning",
        ["merchant_id", "shop_id", "occurred_at"],
    )


def create_chargeback_terms() -> None:
    op.create_table(
        "chargeback_terms",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("body", postgresql.JSONB(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_chargeback_terms")),
    )
