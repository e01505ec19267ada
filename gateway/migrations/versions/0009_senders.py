"""Who letters come from, and the e-mail of a letter as it was sent."""

import sqlalchemy as sa
from alembic import op

revision: str = "0009"
down_revision: str | None = "0008"
MINE = "merchant_id = NULLIF(current_setting('kulanz.merchant_id', true), '')::uuid"


def upgrade() -> None:
    op.create_table(
        "sender_profile",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("body_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("merchant_id", name=op.f("pk_sender_profile")),
    )
    op.execute("ALTER TABLE sender_profile ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE sender_profile FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY tenant ON sender_profile USING ({MINE}) WITH CHECK ({MINE})")
    op.execute("GRANT SELECT, INSERT, UPDATE ON sender_profile TO kulanz_web")
    op.execute("GRANT SELECT ON sender_profile TO kulanz_worker")
    op.add_column("letter", sa.Column("mail_id", sa.Uuid(), nullable=True))
