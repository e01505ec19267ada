"""What came from the debtor's page, once per form."""

import sqlalchemy as sa
from alembic import op

revision: str = "0010"
down_revision: str | None = "0009"

MINE = "merchant_id = NULLIF(current_setting('kulanz.merchant_id', true), '')::uuid"
REFUSE = "EXECUTE FUNCTION kulanz_append_only()"


def upgrade() -> None:
    op.create_table(
        "debtor_act",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("buyer_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id", "buyer_id"],
            ["buyer.merchant_id", "buyer.id"],
            name=op.f("fk_debtor_act_merchant_id_buyer_id"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_debtor_act")),
    )
    op.create_index(op.f("ix_debtor_act_merchant_id_buyer_id_kind"), "debtor_act", ["merchant_id", "buyer_id", "kind"])
    op.execute("ALTER TABLE debtor_act ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE debtor_act FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY tenant ON debtor_act USING ({MINE}) WITH CHECK ({MINE})")
    op.execute("GRANT SELECT, INSERT ON debtor_act TO kulanz_web, kulanz_worker")
    op.execute(f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON debtor_act FOR EACH ROW {REFUSE}")
    op.execute(f"CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON debtor_act FOR EACH STATEMENT {REFUSE}")
    for trigger in ("append_only", "append_only_whole"):
        op.execute(f"ALTER TABLE debtor_act ENABLE ALWAYS TRIGGER {trigger}")
