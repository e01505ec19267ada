"""Money that was taken back, each return once; claims are found by their order."""

import sqlalchemy as sa
from alembic import op

from gateway.core.db import secure

revision: str = "0014"
down_revision: str | None = "0013"

TABLE = "returned_money"


def upgrade() -> None:
    returned_money()
    for column in ("order_id", "claim_id", "buyer_id"):
        op.create_index(op.f(f"ix_returned_money_merchant_id_{column}"), TABLE, ["merchant_id", column])
    with_order = sa.text("order_id IS NOT NULL")
    op.create_index("ix_claim_order", "claim", ["merchant_id", "order_id"], postgresql_where=with_order)
    for statement in secure(TABLE):
        op.execute(statement)
    op.execute(f"GRANT SELECT, INSERT, UPDATE (claim_id, did, undone_at) ON {TABLE} TO kulanz_web, kulanz_worker")


def returned_money() -> None:
    op.create_table(
        TABLE,
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("shop_id", sa.Uuid(), nullable=False),
        sa.Column("buyer_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=True),
        sa.Column("claim_id", sa.Uuid(), nullable=True),
        sa.Column("live", sa.Boolean(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("charges_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("dunning", sa.Text(), nullable=False),
        sa.Column("did", sa.Text(), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("did IN ('reversed', 'opened', 'waiting')", name=op.f("ck_returned_money_did")),
        sa.CheckConstraint("amount_minor > 0 AND charges_minor >= 0", name=op.f("ck_returned_money_amounts")),
        sa.ForeignKeyConstraint(
            ["merchant_id", "shop_id"],
            ["shop.merchant_id", "shop.id"],
            name=op.f("fk_returned_money_merchant_id_shop_id"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "claim_id"],
            ["claim.merchant_id", "claim.id"],
            name=op.f("fk_returned_money_merchant_id_claim_id"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_returned_money")),
        sa.UniqueConstraint(
            "merchant_id", "source", "external_id", name=op.f("uq_returned_money_merchant_id_source_external_id")
        ),
    )
