"""Imported rows of the law: installation-wide, only added to."""

import sqlalchemy as sa
from alembic import op

revision: str = "0008"
down_revision: str | None = "0007"

TABLE = "law_row"


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("table_name", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("certainty", sa.Text(), nullable=False),
        sa.Column("imported_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_law_row")),
        sa.UniqueConstraint(
            "table_name",
            "key",
            "valid_from",
            "valid_to",
            name=op.f("uq_law_row_table_name_key_valid_from_valid_to"),
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.execute(f"GRANT SELECT, INSERT ON {TABLE} TO kulanz_web, kulanz_worker")
