"""Payments as providers tell them: accounts, payments, their events."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0011"
down_revision: str | None = "0010"

EVERYBODY = "kulanz_web, kulanz_worker"
MINE = "merchant_id = NULLIF(current_setting('kulanz.merchant_id', true), '')::uuid"


def upgrade() -> None:
    create_accounts()
    create_payments()
    create_events()
    create_requests()
    for table in ("provider_account", "payment", "payment_event", "provider_request"):
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY tenant ON {table} USING ({MINE}) WITH CHECK ({MINE})")
    for table in ("provider_account", "payment", "provider_request"):
        op.execute(f"GRANT SELECT, INSERT, UPDATE ON {table} TO {EVERYBODY}")
    op.execute(f"GRANT SELECT, INSERT ON payment_event TO {EVERYBODY}")
    refuse_changes("payment_event")


def refuse_changes(table: str) -> None:
    """The owner is refused as well, in a restore too."""
    refuse = "EXECUTE FUNCTION kulanz_append_only()"
    op.execute(f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW {refuse}")
    op.execute(f"CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON {table} FOR EACH STATEMENT {refuse}")
    for trigger in ("append_only", "append_only_whole"):
        op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {trigger}")


def create_accounts() -> None:
    op.create_table(
        "provider_account",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("settings", postgresql.JSONB(), nullable=False),
        sa.Column("secrets_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id", "id"],
            ["connection.merchant_id", "connection.id"],
            name=op.f("fk_provider_account_merchant_id_id"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_provider_account")),
    )


def create_payments() -> None:
    op.create_table(
        "payment",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("connection_id", sa.Uuid(), nullable=False),
        sa.Column("shop_id", sa.Uuid(), nullable=False),
        sa.Column("live", sa.Boolean(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("order_reference", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("captured_minor", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("refunded_minor", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("returned_minor", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("lost_minor", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "LEAST(captured_minor, refunded_minor, returned_minor, lost_minor) >= 0", name=op.f("ck_payment_amounts")
        ),
        sa.CheckConstraint(
            "state IN ('PENDING', 'AUTHORISED', 'PAID', 'FAILED', 'CANCELLED', 'RETURNED')",
            name=op.f("ck_payment_state"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "connection_id"],
            ["connection.merchant_id", "connection.id"],
            name=op.f("fk_payment_merchant_id_connection_id"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_payment")),
        sa.UniqueConstraint(
            "merchant_id", "connection_id", "external_id", name=op.f("uq_payment_merchant_id_connection_id_external_id")
        ),
    )
    named = sa.text("reference <> ''")
    op.create_index("ix_payment_reference", "payment", ["merchant_id", "reference"], postgresql_where=named)
    op.create_index(
        "ix_payment_order",
        "payment",
        ["merchant_id", "shop_id", "order_reference"],
        postgresql_where=sa.text("order_reference <> ''"),
    )


def create_events() -> None:
    op.create_table(
        "payment_event",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("connection_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("proven", sa.Boolean(), nullable=False),
        sa.Column("facts", postgresql.JSONB(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id", "payment_id"],
            ["payment.merchant_id", "payment.id"],
            name=op.f("fk_payment_event_merchant_id_payment_id"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_payment_event")),
        sa.UniqueConstraint(
            "merchant_id", "connection_id", "key", name=op.f("uq_payment_event_merchant_id_connection_id_key")
        ),
    )
    op.create_index(op.f("ix_payment_event_merchant_id_payment_id"), "payment_event", ["merchant_id", "payment_id"])
    op.create_index(
        op.f("ix_payment_event_merchant_id_connection_id_item"),
        "payment_event",
        ["merchant_id", "connection_id", "item"],
    )


def create_requests() -> None:
    op.create_table(
        "provider_request",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("connection_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("body_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind IN ('refund', 'charge', 'evidence', 'accept_dispute')", name=op.f("ck_provider_request_kind")
        ),
        sa.CheckConstraint(
            "state IN ('QUEUED', 'SENDING', 'DONE', 'REFUSED', 'UNCERTAIN', 'PARKED')",
            name=op.f("ck_provider_request_state"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "connection_id"],
            ["connection.merchant_id", "connection.id"],
            name=op.f("fk_provider_request_merchant_id_connection_id"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_provider_request")),
        sa.UniqueConstraint(
            "merchant_id", "idempotency_key", name=op.f("uq_provider_request_merchant_id_idempotency_key")
        ),
    )
    op.create_index(
        "ix_provider_request_stuck",
        "provider_request",
        ["merchant_id", "created_at"],
        postgresql_where=sa.text("state IN ('UNCERTAIN', 'PARKED')"),
    )
