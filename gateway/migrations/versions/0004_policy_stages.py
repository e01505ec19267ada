"""Policies on trial: versions in the shadow or on a share of traffic, backtests, and the index of open orders of a shop."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0004"
down_revision: str | None = "0003"

EVERYBODY = "kulanz_web, kulanz_worker"
MINE = "merchant_id = NULLIF(current_setting('kulanz.merchant_id', true), '')::uuid"


def upgrade() -> None:
    op.add_column("policy_activation", sa.Column("stage", sa.Text(), nullable=False, server_default="live"))
    op.add_column("policy_activation", sa.Column("percent", sa.Integer(), nullable=True))
    create_trial()
    create_backtest()
    for table in ("policy_trial", "policy_backtest"):
        secure(table)
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {EVERYBODY}")
    op.create_index(
        "ix_shop_order_open_in_shop",
        "shop_order",
        ["merchant_id", "shop_id", "currency"],
        postgresql_where=sa.text("open_minor > 0"),
        postgresql_include=["kind", "open_minor"],
    )


def secure(table: str) -> None:
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY tenant ON {table} USING ({MINE}) WITH CHECK ({MINE})")


def create_trial() -> None:
    op.create_table(
        "policy_trial",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("shop_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("percent", sa.Integer(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("stage IN ('shadow', 'share') AND percent BETWEEN 0 AND 100", name="ck_policy_trial_stage"),
        sa.ForeignKeyConstraint(
            ["merchant_id", "shop_id", "kind", "version"],
            ["policy_version.merchant_id", "policy_version.shop_id", "policy_version.kind", "policy_version.version"],
            name=op.f("fk_policy_trial_merchant_id_shop_id_kind_version"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "shop_id", "kind", "stage", name=op.f("pk_policy_trial")),
    )


def create_backtest() -> None:
    op.create_table(
        "policy_backtest",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("shop_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("from_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("most", sa.Integer(), nullable=False),
        sa.Column("cursor", sa.Uuid(), nullable=True),
        sa.Column("result", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state IN ('waiting', 'running', 'done', 'failed')", name="ck_policy_backtest_state"),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_policy_backtest")),
    )
    op.create_index(
        op.f("ix_policy_backtest_merchant_id_shop_id_kind_version"),
        "policy_backtest",
        ["merchant_id", "shop_id", "kind", "version"],
    )
