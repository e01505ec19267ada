"""Stage 2: selections, connected bureaus, what they were asked and what it cost, and their answers.

Everything here is spelled out, since the models go on and this revision must not.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0005"
down_revision: str | None = "0004"

APPEND_ONLY = ["bureau_request", "bureau_result", "bureau_version", "selection"]
CHANGING = ["bureau_answer", "bureau_secret"]
EVERYBODY = "kulanz_web, kulanz_worker"
MINE = "merchant_id = NULLIF(current_setting('kulanz.merchant_id', true), '')::uuid"


def upgrade() -> None:
    connected()
    asked()
    selected()
    for table in APPEND_ONLY + CHANGING:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY tenant ON {table} USING ({MINE}) WITH CHECK ({MINE})")
    for table in CHANGING:
        op.execute(f"GRANT SELECT, INSERT, DELETE ON {table} TO {EVERYBODY}")
    for table in APPEND_ONLY:
        op.execute(f"GRANT SELECT, INSERT ON {table} TO {EVERYBODY}")
        refuse_changes(table)


def refuse_changes(table: str) -> None:
    """The owner is refused as well, in a restore too."""
    refuse = "EXECUTE FUNCTION kulanz_append_only()"
    op.execute(f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW {refuse}")
    op.execute(f"CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON {table} FOR EACH STATEMENT {refuse}")
    for trigger in ("append_only", "append_only_whole"):
        op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {trigger}")


def tenant(table: str) -> tuple[sa.Column[object], sa.Column[object], sa.PrimaryKeyConstraint]:
    return (
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f(f"pk_{table}")),
    )


def connected() -> None:
    op.create_table(
        "bureau_version",
        *tenant("bureau_version"),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("adapter", sa.Text(), nullable=False),
        sa.Column("live", sa.Boolean(), nullable=False),
        sa.Column("body", postgresql.JSONB(), nullable=False),
        sa.Column("removed", sa.Boolean(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint("merchant_id", "name", "version", name=op.f("uq_bureau_version_merchant_id_name_version")),
    )
    op.create_table(
        "bureau_secret",
        *tenant("bureau_secret"),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
    )


def asked() -> None:
    op.create_table(
        "bureau_request",
        *tenant("bureau_request"),
        sa.Column("decision_id", sa.Uuid(), nullable=False),
        sa.Column("shop_id", sa.Uuid(), nullable=False),
        sa.Column("buyer_id", sa.Uuid(), nullable=True),
        sa.Column("bureau", sa.Text(), nullable=False),
        sa.Column("bureau_version", sa.Integer(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deadline_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("cost_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("spent_minor", sa.BigInteger(), nullable=False),
        sa.UniqueConstraint("merchant_id", "decision_id", name=op.f("uq_bureau_request_merchant_id_decision_id")),
        sa.UniqueConstraint(
            "merchant_id",
            "bureau",
            "currency",
            "month",
            "seq",
            name=op.f("uq_bureau_request_merchant_id_bureau_currency_month_seq"),
        ),
    )
    op.create_index(op.f("ix_bureau_request_merchant_id_bureau_id"), "bureau_request", ["merchant_id", "bureau", "id"])
    op.create_index(op.f("ix_bureau_request_merchant_id_buyer_id"), "bureau_request", ["merchant_id", "buyer_id"])
    op.create_table(
        "bureau_result",
        *tenant("bureau_result"),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("took_ms", sa.Integer(), nullable=False),
        sa.Column("retry_at", sa.DateTime(timezone=True), nullable=True),
    )
    op.create_table(
        "bureau_answer",
        *tenant("bureau_answer"),
        sa.Column("buyer_id", sa.Uuid(), nullable=False),
        sa.Column("person", sa.LargeBinary(), nullable=False),
        sa.Column("bureau", sa.Text(), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
    )
    op.create_index(
        op.f("ix_bureau_answer_merchant_id_buyer_id_person_answered_at"),
        "bureau_answer",
        ["merchant_id", "buyer_id", "person", "answered_at"],
    )
    op.create_index(op.f("ix_bureau_answer_merchant_id_expires_at"), "bureau_answer", ["merchant_id", "expires_at"])


def selected() -> None:
    op.create_table(
        "selection",
        *tenant("selection"),
        sa.Column("decision_id", sa.Uuid(), nullable=False),
        sa.Column("shop_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("deposit_percent", sa.Integer(), nullable=False),
        sa.Column("deposit_minor", sa.BigInteger(), nullable=False),
        sa.Column("record", sa.Text(), nullable=False),
        sa.Column("decision_digest", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("ip_sealed", sa.LargeBinary(), nullable=True),
        sa.UniqueConstraint(
            "merchant_id", "decision_id", "method", name=op.f("uq_selection_merchant_id_decision_id_method")
        ),
    )
    op.create_index(op.f("ix_selection_merchant_id_shop_id_id"), "selection", ["merchant_id", "shop_id", "id"])
