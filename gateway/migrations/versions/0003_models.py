"""Models of a shop: the files, which one is champion or challenger, and who decided that when."""

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"

EVERYBODY = "kulanz_web, kulanz_worker"
MINE = "merchant_id = NULLIF(current_setting('kulanz.merchant_id', true), '')::uuid"


def upgrade() -> None:
    create_tables()
    for table in ("score_model", "model_role", "model_role_change"):
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY tenant ON {table} USING ({MINE}) WITH CHECK ({MINE})")
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON model_role TO {EVERYBODY}")
    for table in ("score_model", "model_role_change"):
        op.execute(f"GRANT SELECT, INSERT ON {table} TO {EVERYBODY}")
        refuse_changes(table)


def refuse_changes(table: str) -> None:
    """The owner is refused as well."""
    refuse = "EXECUTE FUNCTION kulanz_append_only()"
    op.execute(f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW {refuse}")
    op.execute(f"CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON {table} FOR EACH STATEMENT {refuse}")
    op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER append_only")
    op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER append_only_whole")


def create_tables() -> None:
    op.create_table(
        "score_model",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("shop_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_score_model")),
    )
    op.create_index(
        op.f("ix_score_model_merchant_id_shop_id_name"), "score_model", ["merchant_id", "shop_id", "name"], unique=True
    )
    op.create_table(
        "model_role",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("shop_id", sa.Uuid(), nullable=False),
        sa.Column("model_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("role IN ('champion', 'challenger')", name=op.f("ck_model_role_role")),
        sa.ForeignKeyConstraint(
            ["merchant_id", "model_id"],
            ["score_model.merchant_id", "score_model.id"],
            name=op.f("fk_model_role_merchant_id_model_id"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "shop_id", "model_id", name=op.f("pk_model_role")),
    )
    op.create_index(
        "uq_model_role_champion",
        "model_role",
        ["merchant_id", "shop_id"],
        unique=True,
        postgresql_where=sa.text("role = 'champion'"),
    )
    op.create_table(
        "model_role_change",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("shop_id", sa.Uuid(), nullable=False),
        sa.Column("model_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("role IN ('champion', 'challenger', 'retired')", name=op.f("ck_model_role_change_role")),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_model_role_change")),
    )
    op.create_index(
        op.f("ix_model_role_change_merchant_id_shop_id_model_id"),
        "model_role_change",
        ["merchant_id", "shop_id", "model_id"],
        unique=False,
    )
