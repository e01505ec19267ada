"""The foundation: every table of 0.1, row-level security, the rights of the runtime roles, append-only triggers.

Everything here is spelled out, since the models go on and this revision must not.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0001"
down_revision: str | None = None

TENANT = [
    "api_key",
    "buyer",
    "buyer_index",
    "callback_endpoint",
    "connection",
    "decision",
    "desk_user",
    "document",
    "history",
    "history_anchor",
    "idempotency_key",
    "inbox_message",
    "list_entry",
    "merchant",
    "merchant_secret",
    "notice",
    "order_document",
    "order_event",
    "outbox_message",
    "policy_activation",
    "policy_live",
    "policy_version",
    "shop",
    "shop_order",
    "shop_signing_key",
    "user_event",
]
TENANT_FREE = [
    "connection_lookup",
    "installation_secret",
    "job",
    "job_dead",
    "key_lookup",
    "login_lookup",
    "merchant_directory",
    "schedule_tick",
    "worker_beat",
]
APPEND_ONLY = [
    "decision",
    "history",
    "history_anchor",
    "order_event",
    "policy_activation",
    "policy_version",
    "user_event",
]
EVERYBODY = "kulanz_web, kulanz_worker"
MINE = "merchant_id = NULLIF(current_setting('kulanz.merchant_id', true), '')::uuid"
REFUSAL = """
CREATE FUNCTION kulanz_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are never changed or removed', TG_TABLE_NAME
          USING ERRCODE = 'insufficient_privilege';
END $$
"""


def upgrade() -> None:
    create_tables()
    op.execute(f"GRANT USAGE ON SCHEMA public TO {EVERYBODY}")
    op.execute(REFUSAL)
    for table in TENANT:
        secure(table)
    for table in TENANT + TENANT_FREE:
        grant(table)
    for table in APPEND_ONLY:
        refuse_changes(table)
    op.execute("ALTER TABLE document ALTER COLUMN content SET STORAGE EXTERNAL")
    op.execute(
        "ALTER TABLE job SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0)"
    )


def secure(table: str) -> None:
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY tenant ON {table} USING ({MINE}) WITH CHECK ({MINE})")


def grant(table: str) -> None:
    if table in ("job", "job_dead"):
        op.execute(f"GRANT SELECT, INSERT ON {table} TO kulanz_web")
        op.execute(f"GRANT ALL ON {table} TO kulanz_worker")
    elif table == "document":
        op.execute(f"GRANT SELECT, INSERT, DELETE ON {table} TO {EVERYBODY}")
    elif table in APPEND_ONLY:
        op.execute(f"GRANT SELECT, INSERT ON {table} TO {EVERYBODY}")
    else:
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {EVERYBODY}")


def refuse_changes(table: str) -> None:
    """The owner is refused as well."""
    refuse = "EXECUTE FUNCTION kulanz_append_only()"
    op.execute(f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW {refuse}")
    op.execute(f"CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON {table} FOR EACH STATEMENT {refuse}")
    op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER append_only")
    op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER append_only_whole")


def create_tables() -> None:
    op.create_table(
        "api_key",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("shop_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("hint", sa.Text(), nullable=False),
        sa.Column("scopes", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("live", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_api_key")),
    )
    op.create_index(op.f("ix_api_key_merchant_id_shop_id"), "api_key", ["merchant_id", "shop_id"], unique=False)
    op.create_table(
        "buyer",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("live", sa.Boolean(), nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=True),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_buyer")),
    )
    op.create_table(
        "callback_endpoint",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("events", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("wrapped_secret", sa.LargeBinary(), nullable=False),
        sa.Column("secret_since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("wrapped_previous", sa.LargeBinary(), nullable=True),
        sa.Column("previous_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_callback_endpoint")),
    )
    op.create_index(
        op.f("ix_callback_endpoint_merchant_id_disabled_at"),
        "callback_endpoint",
        ["merchant_id", "disabled_at"],
        unique=False,
    )
    op.create_table(
        "connection",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("shop_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("wrapped_secret", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_connection")),
    )
    op.create_table(
        "connection_lookup",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("connection_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_connection_lookup")),
    )
    op.create_table(
        "decision",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("shop_id", sa.Uuid(), nullable=False),
        sa.Column("buyer_id", sa.Uuid(), nullable=True),
        sa.Column("live", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("record", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("told_sealed", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_decision")),
    )
    op.create_index(op.f("ix_decision_merchant_id_buyer_id"), "decision", ["merchant_id", "buyer_id"], unique=False)
    op.create_index(
        op.f("ix_decision_merchant_id_shop_id_id"), "decision", ["merchant_id", "shop_id", "id"], unique=False
    )
    op.create_index(
        op.f("ix_decision_merchant_id_shop_id_reference"),
        "decision",
        ["merchant_id", "shop_id", "reference"],
        unique=False,
    )
    op.create_index(
        "ix_decision_not_allowed",
        "decision",
        ["merchant_id", "outcome", "id"],
        unique=False,
        postgresql_where=sa.text("outcome <> 'allow'"),
    )
    op.create_table(
        "desk_user",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("name_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("failed_logins", sa.SmallInteger(), nullable=False),
        sa.Column("locked_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("session_epoch", sa.Integer(), nullable=False),
        sa.Column("invite_digest", sa.LargeBinary(), nullable=True),
        sa.Column("invite_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_login_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("role IN ('owner', 'admin', 'clerk', 'reader')", name=op.f("ck_desk_user_role")),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_desk_user")),
    )
    op.create_table(
        "document",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("name", sa.LargeBinary(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_document")),
        sa.UniqueConstraint("merchant_id", "owner_id", "digest", name=op.f("uq_document_merchant_id_owner_id_digest")),
    )
    op.create_table(
        "history",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject_kind", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("prev_hash", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("seq > 0", name=op.f("ck_history_seq_positive")),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_history")),
        sa.UniqueConstraint("merchant_id", "subject_id", "seq", name=op.f("uq_history_merchant_id_subject_id_seq")),
    )
    op.create_table(
        "history_anchor",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("no", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("last_id", sa.Uuid(), nullable=True),
        sa.Column("leaves", sa.LargeBinary(), nullable=False),
        sa.Column("prev_hash", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_history_anchor")),
        sa.UniqueConstraint("merchant_id", "no", name=op.f("uq_history_anchor_merchant_id_no")),
    )
    op.create_table(
        "idempotency_key",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("request_digest", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=True),
        sa.Column("response", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_idempotency_key")),
    )
    op.create_index(
        op.f("ix_idempotency_key_merchant_id_expires_at"),
        "idempotency_key",
        ["merchant_id", "expires_at"],
        unique=False,
    )
    op.create_table(
        "inbox_message",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("connection_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("proof", sa.Text(), nullable=False),
        sa.Column("headers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "proof <> 'unverified' OR state = 'ignored'", name=op.f("ck_inbox_message_unverified_is_ignored")
        ),
        sa.CheckConstraint("proof IN ('signed', 'partly', 'hint', 'unverified')", name=op.f("ck_inbox_message_proof")),
        sa.CheckConstraint("state IN ('received', 'done', 'parked', 'ignored')", name=op.f("ck_inbox_message_state")),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_inbox_message")),
    )
    op.create_index("ix_inbox_message_expiry", "inbox_message", ["merchant_id", "expires_at"], unique=False)
    op.create_index(
        "ix_inbox_message_parked",
        "inbox_message",
        ["merchant_id", "received_at"],
        unique=False,
        postgresql_where=sa.text("state = 'parked'"),
    )
    op.create_index(
        "ix_inbox_message_unproven",
        "inbox_message",
        ["merchant_id", "connection_id"],
        unique=False,
        postgresql_where=sa.text("proof = 'unverified' OR (proof = 'hint' AND state = 'received')"),
    )
    op.create_index(
        "uq_inbox_message_event",
        "inbox_message",
        ["merchant_id", "connection_id", "event_id"],
        unique=True,
        postgresql_where=sa.text("proof IN ('signed', 'partly')"),
    )
    op.create_table(
        "installation_secret",
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("purpose", name=op.f("pk_installation_secret")),
    )
    op.create_table(
        "job",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("task", sa.Text(), nullable=False),
        sa.Column("merchant_id", sa.Uuid(), nullable=True),
        sa.Column("args", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("run_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("key", sa.Text(), nullable=True),
        sa.Column("uniq", sa.Text(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("worker", sa.Uuid(), nullable=True),
        sa.Column("slot", sa.BigInteger(), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job")),
    )
    op.create_index("ix_job_due", "job", ["queue", "run_at"], unique=False)
    op.create_index(
        "ix_job_running",
        "job",
        ["queue", "key", "slot"],
        unique=False,
        postgresql_where=sa.text("worker IS NOT NULL AND key IS NOT NULL"),
    )
    op.create_index(
        "ix_job_waiting",
        "job",
        ["queue", "key"],
        unique=False,
        postgresql_where=sa.text("worker IS NULL AND key IS NOT NULL"),
    )
    op.create_index("uq_job_uniq", "job", ["uniq"], unique=True, postgresql_where=sa.text("uniq IS NOT NULL"))
    op.create_table(
        "job_dead",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("task", sa.Text(), nullable=False),
        sa.Column("merchant_id", sa.Uuid(), nullable=True),
        sa.Column("args", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("key", sa.Text(), nullable=True),
        sa.Column("uniq", sa.Text(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("died_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job_dead")),
    )
    op.create_index(op.f("ix_job_dead_died_at"), "job_dead", ["died_at"], unique=False)
    op.create_table(
        "key_lookup",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("key_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_key_lookup")),
    )
    op.create_table(
        "list_entry",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("value_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("live", sa.Boolean(), nullable=False),
        sa.CheckConstraint("action IN ('block', 'allow')", name=op.f("ck_list_entry_action")),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_list_entry")),
    )
    op.create_index(
        op.f("ix_list_entry_merchant_id_digest_action"), "list_entry", ["merchant_id", "digest", "action"], unique=True
    )
    op.create_table(
        "login_lookup",
        sa.Column("email_digest", sa.LargeBinary(), nullable=False),
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("email_digest", "merchant_id", name=op.f("pk_login_lookup")),
    )
    op.create_table(
        "merchant",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("merchant_id", name=op.f("pk_merchant")),
    )
    op.create_table(
        "merchant_directory",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("merchant_id", name=op.f("pk_merchant_directory")),
    )
    op.create_table(
        "merchant_secret",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("merchant_id", "purpose", name=op.f("pk_merchant_secret")),
    )
    op.create_table(
        "notice",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("times", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_notice")),
    )
    op.create_index("ix_notice_desk", "notice", ["merchant_id", "created_at"], unique=False)
    op.create_index(
        "uq_notice_unread",
        "notice",
        ["merchant_id", "code", "subject"],
        unique=True,
        postgresql_where=sa.text("read_at IS NULL"),
    )
    op.create_table(
        "outbox_message",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("destination", sa.Text(), nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=True),
        sa.Column("live", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("parked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("live OR state = 'withheld'", name=op.f("ck_outbox_message_test_is_withheld")),
        sa.CheckConstraint(
            "state IN ('queued', 'sent', 'parked', 'cancelled', 'withheld')", name=op.f("ck_outbox_message_state")
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_outbox_message")),
        sa.UniqueConstraint(
            "merchant_id", "idempotency_key", name=op.f("uq_outbox_message_merchant_id_idempotency_key")
        ),
    )
    op.create_index(
        "ix_outbox_message_kept",
        "outbox_message",
        ["merchant_id", "created_at"],
        unique=False,
        postgresql_where=sa.text("payload IS NOT NULL"),
    )
    op.create_index(
        "ix_outbox_message_parked",
        "outbox_message",
        ["merchant_id", "parked_at"],
        unique=False,
        postgresql_where=sa.text("state = 'parked'"),
    )
    op.create_table(
        "policy_activation",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("shop_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_policy_activation")),
    )
    op.create_index(
        op.f("ix_policy_activation_merchant_id_shop_id_kind_version"),
        "policy_activation",
        ["merchant_id", "shop_id", "kind", "version"],
        unique=False,
    )
    op.create_table(
        "policy_version",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("shop_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_policy_version")),
    )
    op.create_index(
        op.f("ix_policy_version_merchant_id_shop_id_kind_version"),
        "policy_version",
        ["merchant_id", "shop_id", "kind", "version"],
        unique=True,
    )
    op.create_table(
        "schedule_tick",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("last", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_schedule_tick")),
    )
    op.create_table(
        "shop",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("live", sa.Boolean(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("timezone", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("holds_orders", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_shop")),
    )
    op.create_table(
        "shop_order",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("shop_id", sa.Uuid(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("buyer_id", sa.Uuid(), nullable=False),
        sa.Column("decision_id", sa.Uuid(), nullable=True),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("paid_minor", sa.BigInteger(), nullable=False),
        sa.Column("refunded_minor", sa.BigInteger(), nullable=False),
        sa.Column("returned_minor", sa.BigInteger(), nullable=False),
        sa.Column("open_minor", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("shipped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("delivery_digest", sa.LargeBinary(), nullable=True),
        sa.Column("details_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state IN ('PLACED', 'SHIPPED', 'DELIVERED', 'CANCELLED')", name=op.f("ck_shop_order_state")
        ),
        sa.CheckConstraint(
            "LEAST(total_minor, paid_minor, refunded_minor, returned_minor, open_minor) >= 0",
            name=op.f("ck_shop_order_amounts"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_shop_order")),
    )
    op.create_index(
        op.f("ix_shop_order_merchant_id_buyer_id_placed_at"),
        "shop_order",
        ["merchant_id", "buyer_id", "placed_at"],
        unique=False,
    )
    op.create_index(
        op.f("ix_shop_order_merchant_id_shop_id_id"), "shop_order", ["merchant_id", "shop_id", "id"], unique=False
    )
    op.create_index(
        op.f("ix_shop_order_merchant_id_shop_id_reference"),
        "shop_order",
        ["merchant_id", "shop_id", "reference"],
        unique=True,
    )
    op.create_index(
        op.f("ix_shop_order_merchant_id_shop_id_state_id"),
        "shop_order",
        ["merchant_id", "shop_id", "state", "id"],
        unique=False,
    )
    op.create_index(
        "ix_shop_order_owing",
        "shop_order",
        ["merchant_id", "buyer_id"],
        unique=False,
        postgresql_where=sa.text("open_minor > 0"),
    )
    op.create_table(
        "shop_signing_key",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("shop_id", sa.Uuid(), nullable=False),
        sa.Column("kid", sa.Text(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_shop_signing_key")),
    )
    op.create_index(
        op.f("ix_shop_signing_key_merchant_id_shop_id_kid"),
        "shop_signing_key",
        ["merchant_id", "shop_id", "kid"],
        unique=True,
    )
    op.create_table(
        "user_event",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_user_event")),
    )
    op.create_index(op.f("ix_user_event_merchant_id_at"), "user_event", ["merchant_id", "at"], unique=False)
    op.create_table(
        "worker_beat",
        sa.Column("worker", sa.Uuid(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("running", sa.Integer(), nullable=False),
        sa.Column("stuck", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("worker", name=op.f("pk_worker_beat")),
    )
    op.create_table(
        "buyer_index",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("buyer_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("identifies", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id", "buyer_id"],
            ["buyer.merchant_id", "buyer.id"],
            name=op.f("fk_buyer_index_merchant_id_buyer_id"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "digest", "buyer_id", name=op.f("pk_buyer_index")),
    )
    op.create_index(
        op.f("ix_buyer_index_merchant_id_buyer_id"), "buyer_index", ["merchant_id", "buyer_id"], unique=False
    )
    op.create_index(
        "uq_buyer_index_identity",
        "buyer_index",
        ["merchant_id", "digest"],
        unique=True,
        postgresql_where=sa.text("identifies"),
    )
    op.create_table(
        "order_document",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("document_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id", "order_id"],
            ["shop_order.merchant_id", "shop_order.id"],
            name=op.f("fk_order_document_merchant_id_order_id"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_order_document")),
    )
    op.create_index(
        op.f("ix_order_document_merchant_id_order_id_document_id"),
        "order_document",
        ["merchant_id", "order_id", "document_id"],
        unique=True,
    )
    op.create_table(
        "order_event",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=True),
        sa.Column("buyer_id", sa.Uuid(), nullable=True),
        sa.Column("facts_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id", "order_id"],
            ["shop_order.merchant_id", "shop_order.id"],
            name=op.f("fk_order_event_merchant_id_order_id"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_order_event")),
    )
    op.create_index(
        op.f("ix_order_event_merchant_id_order_id_external_id"),
        "order_event",
        ["merchant_id", "order_id", "external_id"],
        unique=True,
    )
    op.create_table(
        "policy_live",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("shop_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id", "shop_id", "kind", "version"],
            ["policy_version.merchant_id", "policy_version.shop_id", "policy_version.kind", "policy_version.version"],
            name=op.f("fk_policy_live_merchant_id_shop_id_kind_version"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "shop_id", "kind", name=op.f("pk_policy_live")),
    )
