"""Returns of orders and what happened to them."""

import sqlalchemy as sa
from alembic import op

from gateway.core.db import secure

revision: str = "0016"
down_revision: str | None = "0015"

EVERYBODY = "kulanz_web, kulanz_worker"


def upgrade() -> None:
    create_returns()
    create_acts()
    for table in ("order_return", "order_return_act"):
        for statement in secure(table):
            op.execute(statement)
    op.execute(f"GRANT SELECT, INSERT, UPDATE ON order_return TO {EVERYBODY}")
    op.execute(f"GRANT SELECT, INSERT ON order_return_act TO {EVERYBODY}")
    refuse = "EXECUTE FUNCTION kulanz_append_only()"
    op.execute(f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON order_return_act FOR EACH ROW {refuse}")
    op.execute(f"CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON order_return_act FOR EACH STATEMENT {refuse}")
    for trigger in ("append_only", "append_only_whole"):
        op.execute(f"ALTER TABLE order_return_act ENABLE ALWAYS TRIGGER {trigger}")


def create_returns() -> None:
    op.create_table(
        "order_return",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        *(sa.Column(name, sa.Uuid(), nullable=False) for name in ("order_id", "shop_id", "buyer_id")),
        sa.Column("live", sa.Boolean(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("kind", "source", "external_id", "state")),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        *(
            sa.Column(name, sa.BigInteger(), server_default=sa.text("0"), nullable=False)
            for name in ("received_minor", "refunded_minor")
        ),
        sa.Column("announced_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expected_by", sa.Date(), nullable=False),
        sa.Column("withdraw_until", sa.Date(), nullable=True),
        sa.Column("in_time", sa.Boolean(), nullable=True),
        sa.Column("decide", sa.Boolean(), nullable=False),
        sa.Column("refund_until", sa.Date(), nullable=True),
        *(sa.Column(name, sa.DateTime(timezone=True), nullable=True) for name in ("received_at", "ended_at")),
        sa.Column("words_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind IN ('withdrawal', 'return', 'warranty', 'complaint')", name=op.f("ck_order_return_kind")
        ),
        sa.CheckConstraint(
            "state IN ('ANNOUNCED', 'RECEIVED', 'SETTLED', 'REFUSED', 'CANCELLED', 'EXPIRED')",
            name=op.f("ck_order_return_state"),
        ),
        sa.CheckConstraint(
            "LEAST(amount_minor, received_minor, refunded_minor) >= 0", name=op.f("ck_order_return_amounts")
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "order_id"],
            ["shop_order.merchant_id", "shop_order.id"],
            name=op.f("fk_order_return_merchant_id_order_id"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_order_return")),
    )
    index_returns()


def index_returns() -> None:
    table, announced = "order_return", sa.text("state = 'ANNOUNCED'")
    once = ["merchant_id", "order_id", "external_id"]
    op.create_index(op.f("ix_order_return_merchant_id_order_id_external_id"), table, once, unique=True)
    op.create_index(op.f("ix_order_return_merchant_id_shop_id_id"), table, ["merchant_id", "shop_id", "id"])
    of_buyer = ["merchant_id", "buyer_id"]
    op.create_index("ix_order_return_of_buyer", table, of_buyer, postgresql_where=announced)
    op.create_index("ix_order_return_expected", table, ["merchant_id", "expected_by"], postgresql_where=announced)


def create_acts() -> None:
    op.create_table(
        "order_return_act",
        *(sa.Column(name, sa.Uuid(), nullable=False) for name in ("merchant_id", "id", "return_id")),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("act", "external_id")),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=True),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("reason", "actor")),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id", "return_id"],
            ["order_return.merchant_id", "order_return.id"],
            name=op.f("fk_order_return_act_merchant_id_return_id"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_order_return_act")),
    )
    once = ["merchant_id", "return_id", "external_id"]
    op.create_index(
        op.f("ix_order_return_act_merchant_id_return_id_external_id"), "order_return_act", once, unique=True
    )
