"""Bank accounts: files, statements, entries, answers to ordered payments, mappings of CSV exports."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0012"
down_revision: str | None = "0011"

EVERYBODY = "kulanz_web, kulanz_worker"
MINE = "merchant_id = NULLIF(current_setting('kulanz.merchant_id', true), '')::uuid"
APPEND_ONLY = ("bank_file", "bank_statement", "payment_answer")


def upgrade() -> None:
    files()
    statements()
    entries()
    answers()
    mappings()
    for table in (*APPEND_ONLY, "bank_entry", "bank_mapping"):
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY tenant ON {table} USING ({MINE}) WITH CHECK ({MINE})")
    for table in APPEND_ONLY:
        op.execute(f"GRANT SELECT, INSERT ON {table} TO {EVERYBODY}")
        refuse_changes(table)
    op.execute(f"GRANT SELECT, INSERT, UPDATE (status, itemised_at) ON bank_entry TO {EVERYBODY}")
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON bank_mapping TO {EVERYBODY}")


def refuse_changes(table: str) -> None:
    """The owner is refused as well, in a restore too."""
    refuse = "EXECUTE FUNCTION kulanz_append_only()"
    op.execute(f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW {refuse}")
    op.execute(f"CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON {table} FOR EACH STATEMENT {refuse}")
    for trigger in ("append_only", "append_only_whole"):
        op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {trigger}")


def files() -> None:
    op.create_table(
        "bank_file",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("live", sa.Boolean(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("taken_by", sa.Text(), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("new_entries", sa.Integer(), nullable=False),
        sa.CheckConstraint("source IN ('api', 'desk', 'folder')", name=op.f("ck_bank_file_source")),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_bank_file")),
        sa.UniqueConstraint("merchant_id", "live", "digest", name=op.f("uq_bank_file_merchant_id_live_digest")),
    )


def statements() -> None:
    op.create_table(
        "bank_statement",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("live", sa.Boolean(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("account_digest", sa.LargeBinary(), nullable=False),
        sa.Column("account_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("opening_minor", sa.BigInteger(), nullable=True),
        sa.Column("closing_minor", sa.BigInteger(), nullable=True),
        sa.Column("from_on", sa.Date(), nullable=True),
        sa.Column("to_on", sa.Date(), nullable=True),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id", "file_id"],
            ["bank_file.merchant_id", "bank_file.id"],
            name=op.f("fk_bank_statement_merchant_id_file_id"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_bank_statement")),
        sa.UniqueConstraint("merchant_id", "live", "digest", name=op.f("uq_bank_statement_merchant_id_live_digest")),
    )
    op.create_index(
        op.f("ix_bank_statement_merchant_id_live_account_digest_to_on"),
        "bank_statement",
        ["merchant_id", "live", "account_digest", "to_on"],
    )


def entries() -> None:
    op.create_table(
        "bank_entry",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("statement_id", sa.Uuid(), nullable=False),
        sa.Column("live", sa.Boolean(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("group_key", sa.LargeBinary(), nullable=True),
        sa.Column("parts", sa.Integer(), nullable=False),
        sa.Column("credit", sa.Boolean(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("booked_minor", sa.BigInteger(), nullable=False),
        sa.Column("charges_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("booked_on", sa.Date(), nullable=False),
        sa.Column("value_on", sa.Date(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reversal", sa.Boolean(), nullable=False),
        sa.Column("returned", sa.Boolean(), nullable=False),
        sa.Column("return_code", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("business_code", sa.Text(), nullable=False),
        sa.Column("payer_digest", sa.LargeBinary(), nullable=True),
        sa.Column("details_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("itemised_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("LEAST(amount_minor, booked_minor, charges_minor) >= 0", name=op.f("ck_bank_entry_amounts")),
        sa.ForeignKeyConstraint(
            ["merchant_id", "statement_id"],
            ["bank_statement.merchant_id", "bank_statement.id"],
            name=op.f("fk_bank_entry_merchant_id_statement_id"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_bank_entry")),
        sa.UniqueConstraint("merchant_id", "live", "key", name=op.f("uq_bank_entry_merchant_id_live_key")),
    )
    op.create_index(
        "ix_bank_entry_whole",
        "bank_entry",
        ["merchant_id", "group_key"],
        postgresql_where=sa.text("group_key IS NOT NULL"),
    )
    op.create_index(
        op.f("ix_bank_entry_merchant_id_live_booked_on_id"), "bank_entry", ["merchant_id", "live", "booked_on", "id"]
    )


def answers() -> None:
    op.create_table(
        "payment_answer",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("live", sa.Boolean(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("end_to_end_id", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason_code", sa.Text(), nullable=False),
        sa.Column("original_message_id", sa.Text(), nullable=False),
        sa.Column("payment_info_id", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id", "file_id"],
            ["bank_file.merchant_id", "bank_file.id"],
            name=op.f("fk_payment_answer_merchant_id_file_id"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_payment_answer")),
        sa.UniqueConstraint("merchant_id", "live", "digest", name=op.f("uq_payment_answer_merchant_id_live_digest")),
    )
    op.create_index(
        op.f("ix_payment_answer_merchant_id_live_end_to_end_id"),
        "payment_answer",
        ["merchant_id", "live", "end_to_end_id"],
    )


def mappings() -> None:
    op.create_table(
        "bank_mapping",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("document", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_bank_mapping")),
        sa.UniqueConstraint("merchant_id", "name", name=op.f("uq_bank_mapping_merchant_id_name")),
    )
