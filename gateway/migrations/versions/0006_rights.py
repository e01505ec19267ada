"""Rights of buyers: their requests with deadline and answer, their objection, and the index of decisions to be reviewed."""

import sqlalchemy as sa
from alembic import op

revision: str = "0006"
down_revision: str | None = "0005"

EVERYBODY = "kulanz_web, kulanz_worker"
MINE = "merchant_id = NULLIF(current_setting('kulanz.merchant_id', true), '')::uuid"
KINDS = "kind IN ('review', 'correction', 'objection', 'access', 'erasure')"
TABLE = "rights_request"


def upgrade() -> None:
    create_requests()
    op.execute(f"ALTER TABLE {TABLE} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {TABLE} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY tenant ON {TABLE} USING ({MINE}) WITH CHECK ({MINE})")
    op.execute(f"GRANT SELECT, INSERT, UPDATE ON {TABLE} TO {EVERYBODY}")
    op.add_column("buyer", sa.Column("objected_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_decision_review",
        "decision",
        ["merchant_id", "id"],
        postgresql_where=sa.text("strpos(record, '\"review\"\\:true') > 0"),
    )


def create_requests() -> None:
    op.create_table(
        TABLE,
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("shop_id", sa.Uuid(), nullable=False),
        sa.Column("buyer_id", sa.Uuid(), nullable=True),
        sa.Column("decision_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("live", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("proof", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("words_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("answer_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_by", sa.Text(), nullable=True),
        sa.CheckConstraint("state IN ('open', 'answered', 'withdrawn')", name=op.f("ck_rights_request_state")),
        sa.CheckConstraint(KINDS, name=op.f("ck_rights_request_kind")),
        sa.CheckConstraint("(state = 'open') = (answered_at IS NULL)", name=op.f("ck_rights_request_answered")),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_rights_request")),
    )
    is_open = sa.text("state = 'open'")
    op.create_index("ix_rights_request_due", TABLE, ["merchant_id", "due_at", "id"], postgresql_where=is_open)
    op.create_index(op.f("ix_rights_request_merchant_id_buyer_id_id"), TABLE, ["merchant_id", "buyer_id", "id"])
    op.create_index(op.f("ix_rights_request_merchant_id_decision_id"), TABLE, ["merchant_id", "decision_id"])
