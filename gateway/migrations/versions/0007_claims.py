"""Claims, their ledger, letters, plans and objections.

Everything here is spelled out, since the models go on and this revision must not.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0007"
down_revision: str | None = "0006"

APPEND_ONLY = ["debtor_feedback", "ledger_entry", "ledger_line"]
CHANGING = [
    "claim",
    "claim_hold",
    "claim_payment",
    "letter",
    "letter_claim",
    "print_batch",
    "instalment_plan",
    "instalment",
    "plan_claim",
    "objection",
    "objection_document",
    "call_task",
    "dunning_run",
]
EVERYBODY = "kulanz_web, kulanz_worker"
MINE = "merchant_id = NULLIF(current_setting('kulanz.merchant_id', true), '')::uuid"
BALANCED = """
    CREATE FUNCTION kulanz_ledger_balanced() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE one public.ledger_entry; id_ uuid; found integer; total numeric; other integer;
    BEGIN
        id_ := (to_jsonb(NEW) ->> CASE WHEN TG_TABLE_NAME = 'ledger_entry' THEN 'id' ELSE 'entry_id' END)::uuid;
        SELECT * INTO one FROM public.ledger_entry WHERE merchant_id = NEW.merchant_id AND id = id_;
        SELECT count(*), coalesce(sum(amount_minor), 0) INTO found, total
        FROM public.ledger_line WHERE merchant_id = NEW.merchant_id AND entry_id = id_;
        IF found IS DISTINCT FROM one.line_count::integer OR total <> 0 THEN
            RAISE EXCEPTION 'ledger entry % has % of % lines and does not balance by %', id_, found, one.line_count, total
                USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_balanced';
        END IF;
        IF one.reverses IS NOT NULL AND TG_TABLE_NAME = 'ledger_entry' THEN
            SELECT count(*) INTO other
            FROM public.ledger_entry e
            JOIN public.ledger_line l ON l.merchant_id = e.merchant_id AND l.entry_id = e.id
            JOIN public.ledger_line mine ON mine.merchant_id = e.merchant_id AND mine.entry_id = id_
                                        AND mine.account = l.account AND mine.amount_minor = -l.amount_minor
            WHERE e.merchant_id = one.merchant_id AND e.id = one.reverses AND e.claim_id = one.claim_id
              AND e.kind <> 'reversal' AND e.line_count = one.line_count;
            IF other <> found THEN
                RAISE EXCEPTION 'ledger entry % does not mirror the entry that it reverses', id_
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_balanced';
            END IF;
        END IF;
        RETURN NULL;
    END $$
"""
"""The tables are named with their schema, or a temporary table could stand in for them; an entry that the transaction can no
longer see is refused too."""


def upgrade() -> None:
    claims()
    letters()
    agreements()
    for table in APPEND_ONLY + CHANGING:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY tenant ON {table} USING ({MINE}) WITH CHECK ({MINE})")
    for table in CHANGING:
        op.execute(f"GRANT SELECT, INSERT, UPDATE ON {table} TO {EVERYBODY}")
    for table in APPEND_ONLY:
        op.execute(f"GRANT SELECT, INSERT ON {table} TO {EVERYBODY}")
        refuse_changes(table)
    balance()


def refuse_changes(table: str) -> None:
    """The owner is refused as well, in a restore too."""
    refuse = "EXECUTE FUNCTION kulanz_append_only()"
    op.execute(f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW {refuse}")
    op.execute(f"CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON {table} FOR EACH STATEMENT {refuse}")
    for trigger in ("append_only", "append_only_whole"):
        op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {trigger}")


def balance() -> None:
    """Deferred to the end of the transaction, where an entry and all its lines are there."""
    op.execute(BALANCED)
    for table in ("ledger_entry", "ledger_line"):
        op.execute(
            f"CREATE CONSTRAINT TRIGGER ledger_balanced AFTER INSERT ON {table} DEFERRABLE INITIALLY DEFERRED "
            "FOR EACH ROW EXECUTE FUNCTION kulanz_ledger_balanced()",
        )
        op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER ledger_balanced")


def claims() -> None:

    op.create_table(
        "claim",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("shop_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=True),
        sa.Column("buyer_id", sa.Uuid(), nullable=False),
        sa.Column("live", sa.Boolean(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Uuid(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("debtor", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("invoice_number", sa.Text(), nullable=False),
        sa.Column("invoice_date", sa.Date(), nullable=True),
        sa.Column("contract_date", sa.Date(), nullable=False),
        sa.Column("delivered_on", sa.Date(), nullable=True),
        sa.Column("due_date", sa.Date(), nullable=False),
        sa.Column("due_ground", sa.Text(), nullable=False),
        sa.Column("consumer_notice", sa.Boolean(), nullable=False),
        sa.Column("default_from", sa.Date(), nullable=True),
        sa.Column("default_ground", sa.Text(), nullable=True),
        sa.Column("default_cause", sa.Text(), nullable=True),
        sa.Column("interest_from", sa.Date(), nullable=True),
        sa.Column("interest_through", sa.Date(), nullable=True),
        sa.Column("principal_minor", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("costs_minor", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("interest_minor", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("credit_minor", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("level", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("next_on", sa.Date(), nullable=True),
        sa.Column("waiting_since", sa.Date(), nullable=True),
        sa.Column("policy_id", sa.Uuid(), nullable=True),
        sa.Column("contact_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("debtor IN ('consumer', 'business')", name=op.f("ck_claim_debtor")),
        sa.CheckConstraint(
            "kind IN ('order', 'returned_payment', 'chargeback', 'subscription', 'other')", name=op.f("ck_claim_kind")
        ),
        sa.CheckConstraint(
            "state IN ('OPEN', 'DUNNING', 'INSTALMENTS', 'DISPUTED', 'PRECOLLECTION', 'COLLECTION', 'SOLD', 'SETTLED', 'WRITTEN_OFF')",
            name=op.f("ck_claim_state"),
        ),
        sa.CheckConstraint(
            "LEAST(principal_minor, costs_minor, interest_minor, credit_minor) >= 0", name=op.f("ck_claim_amounts")
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "buyer_id"], ["buyer.merchant_id", "buyer.id"], name=op.f("fk_claim_merchant_id_buyer_id")
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "shop_id"], ["shop.merchant_id", "shop.id"], name=op.f("fk_claim_merchant_id_shop_id")
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_claim")),
        sa.UniqueConstraint("merchant_id", "reference", name=op.f("uq_claim_merchant_id_reference")),
    )
    op.create_index(op.f("ix_claim_merchant_id_buyer_id_id"), "claim", ["merchant_id", "buyer_id", "id"], unique=False)
    op.create_index(op.f("ix_claim_merchant_id_state_id"), "claim", ["merchant_id", "state", "id"], unique=False)
    op.create_index(
        "ix_claim_next",
        "claim",
        ["merchant_id", "next_on", "buyer_id"],
        unique=False,
        postgresql_where=sa.text("next_on IS NOT NULL"),
    )
    op.create_index("uq_claim_source", "claim", ["merchant_id", "kind", "source_id"], unique=True)
    op.create_table(
        "claim_hold",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("claim_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("until_on", sa.Date(), nullable=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=True),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("set_by", sa.Text(), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lifted_by", sa.Text(), nullable=True),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "reason IN ('probable_payment', 'promise', 'deferral', 'return_under_way', 'hardship', 'pause', 'insolvency', 'death', 'guardianship')",
            name=op.f("ck_claim_hold_reason"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "claim_id"],
            ["claim.merchant_id", "claim.id"],
            name=op.f("fk_claim_hold_merchant_id_claim_id"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_claim_hold")),
    )
    op.create_index(
        "ix_claim_hold_running",
        "claim_hold",
        ["merchant_id", "claim_id"],
        unique=False,
        postgresql_where=sa.text("lifted_at IS NULL"),
    )
    op.create_table(
        "claim_payment",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("claim_id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("paid_on", sa.Date(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("purpose_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reversed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_claim_payment_amount")),
        sa.ForeignKeyConstraint(
            ["merchant_id", "claim_id"],
            ["claim.merchant_id", "claim.id"],
            name=op.f("fk_claim_payment_merchant_id_claim_id"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_claim_payment")),
        sa.UniqueConstraint(
            "merchant_id",
            "source",
            "external_id",
            "claim_id",
            name=op.f("uq_claim_payment_merchant_id_source_external_id_claim_id"),
        ),
    )
    op.create_index(
        op.f("ix_claim_payment_merchant_id_claim_id_paid_on"),
        "claim_payment",
        ["merchant_id", "claim_id", "paid_on"],
        unique=False,
    )
    op.create_table(
        "ledger_entry",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("claim_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("value_date", sa.Date(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("reverses", sa.Uuid(), nullable=True),
        sa.Column("line_count", sa.SmallInteger(), nullable=False),
        sa.Column("working", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("booked_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("(kind = 'reversal') = (reverses IS NOT NULL)", name=op.f("ck_ledger_entry_reversal")),
        sa.CheckConstraint(
            "kind IN ('opening', 'fee', 'lump_sum', 'interest', 'payment', 'credit', 'write_off', 'refund', 'reversal')",
            name=op.f("ck_ledger_entry_kind"),
        ),
        sa.CheckConstraint("line_count >= 2", name=op.f("ck_ledger_entry_line_count")),
        sa.ForeignKeyConstraint(
            ["merchant_id", "claim_id"],
            ["claim.merchant_id", "claim.id"],
            name=op.f("fk_ledger_entry_merchant_id_claim_id"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_ledger_entry")),
        sa.UniqueConstraint("merchant_id", "claim_id", "seq", name=op.f("uq_ledger_entry_merchant_id_claim_id_seq")),
    )
    op.create_index(
        "uq_ledger_entry_reverses",
        "ledger_entry",
        ["merchant_id", "reverses"],
        unique=True,
        postgresql_where=sa.text("reverses IS NOT NULL"),
    )
    op.create_table(
        "ledger_line",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "account IN ('principal', 'costs', 'interest', 'debtor_credit', 'sales', 'cost_income', 'interest_income', 'bank', 'credits', 'bad_debt')",
            name=op.f("ck_ledger_line_account"),
        ),
        sa.CheckConstraint("amount_minor <> 0", name=op.f("ck_ledger_line_amount")),
        sa.ForeignKeyConstraint(
            ["merchant_id", "entry_id"],
            ["ledger_entry.merchant_id", "ledger_entry.id"],
            name=op.f("fk_ledger_line_merchant_id_entry_id"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "entry_id", "account", name=op.f("pk_ledger_line")),
    )


def letters() -> None:

    op.create_table(
        "letter",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("shop_id", sa.Uuid(), nullable=False),
        sa.Column("buyer_id", sa.Uuid(), nullable=False),
        sa.Column("live", sa.Boolean(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("fallback", sa.Text(), nullable=True),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("tone", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("deadline", sa.Date(), nullable=True),
        sa.Column("policy_id", sa.Uuid(), nullable=True),
        sa.Column("drafted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("release_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_why", sa.Text(), nullable=True),
        sa.Column("findings", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("document_id", sa.Uuid(), nullable=True),
        sa.Column("message_id", sa.Uuid(), nullable=True),
        sa.Column("batch_id", sa.Uuid(), nullable=True),
        sa.Column("extra", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.CheckConstraint("channel IN ('email', 'post', 'callback', 'call')", name=op.f("ck_letter_channel")),
        sa.CheckConstraint(
            "state IN ('DRAFTED', 'PARKED', 'QUEUED', 'PRINTING', 'SENT', 'BOUNCED', 'WITHDRAWN')",
            name=op.f("ck_letter_state"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "buyer_id"], ["buyer.merchant_id", "buyer.id"], name=op.f("fk_letter_merchant_id_buyer_id")
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_letter")),
    )
    op.create_index(
        "ix_letter_batch",
        "letter",
        ["merchant_id", "batch_id"],
        unique=False,
        postgresql_where=sa.text("batch_id IS NOT NULL"),
    )
    op.create_index(
        op.f("ix_letter_merchant_id_buyer_id_id"), "letter", ["merchant_id", "buyer_id", "id"], unique=False
    )
    op.create_index(op.f("ix_letter_merchant_id_state_id"), "letter", ["merchant_id", "state", "id"], unique=False)
    op.create_index(
        "ix_letter_message",
        "letter",
        ["merchant_id", "message_id"],
        unique=False,
        postgresql_where=sa.text("message_id IS NOT NULL"),
    )
    op.create_index(
        "uq_letter_dunning_day",
        "letter",
        ["merchant_id", "buyer_id", "day"],
        unique=True,
        postgresql_where=sa.text("origin = 'dunning' AND state <> 'WITHDRAWN'"),
    )
    op.create_table(
        "letter_claim",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("letter_id", sa.Uuid(), nullable=False),
        sa.Column("claim_id", sa.Uuid(), nullable=False),
        sa.Column("level", sa.SmallInteger(), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("figures", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id", "claim_id"],
            ["claim.merchant_id", "claim.id"],
            name=op.f("fk_letter_claim_merchant_id_claim_id"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "letter_id"],
            ["letter.merchant_id", "letter.id"],
            name=op.f("fk_letter_claim_merchant_id_letter_id"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "letter_id", "claim_id", name=op.f("pk_letter_claim")),
    )
    op.create_index(
        op.f("ix_letter_claim_merchant_id_claim_id"), "letter_claim", ["merchant_id", "claim_id"], unique=False
    )
    op.create_table(
        "print_batch",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("letter_count", sa.Integer(), nullable=False),
        sa.Column("document_id", sa.Uuid(), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("confirmed_by", sa.Text(), nullable=True),
        sa.CheckConstraint("state IN ('MADE', 'CONFIRMED')", name=op.f("ck_print_batch_state")),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_print_batch")),
    )
    op.create_index(op.f("ix_print_batch_merchant_id_day"), "print_batch", ["merchant_id", "day"], unique=False)


def agreements() -> None:

    op.create_table(
        "instalment_plan",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("buyer_id", sa.Uuid(), nullable=False),
        sa.Column("live", sa.Boolean(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("agreed_by", sa.Text(), nullable=False),
        sa.Column("agreed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("grace_days", sa.SmallInteger(), nullable=False),
        sa.Column("next_on", sa.Date(), nullable=True),
        sa.Column("warned_on", sa.Date(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('RUNNING', 'WARNED', 'LAPSED', 'FULFILLED', 'ENDED')", name=op.f("ck_instalment_plan_state")
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "buyer_id"],
            ["buyer.merchant_id", "buyer.id"],
            name=op.f("fk_instalment_plan_merchant_id_buyer_id"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_instalment_plan")),
    )
    op.create_index(
        op.f("ix_instalment_plan_merchant_id_buyer_id_id"),
        "instalment_plan",
        ["merchant_id", "buyer_id", "id"],
        unique=False,
    )
    op.create_index(
        "ix_instalment_plan_next",
        "instalment_plan",
        ["merchant_id", "next_on"],
        unique=False,
        postgresql_where=sa.text("state = 'RUNNING'"),
    )
    op.create_table(
        "instalment",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("plan_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("due_date", sa.Date(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_instalment_amount")),
        sa.ForeignKeyConstraint(
            ["merchant_id", "plan_id"],
            ["instalment_plan.merchant_id", "instalment_plan.id"],
            name=op.f("fk_instalment_merchant_id_plan_id"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "plan_id", "number", name=op.f("pk_instalment")),
    )
    op.create_table(
        "plan_claim",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("plan_id", sa.Uuid(), nullable=False),
        sa.Column("claim_id", sa.Uuid(), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id", "claim_id"],
            ["claim.merchant_id", "claim.id"],
            name=op.f("fk_plan_claim_merchant_id_claim_id"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "plan_id"],
            ["instalment_plan.merchant_id", "instalment_plan.id"],
            name=op.f("fk_plan_claim_merchant_id_plan_id"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "plan_id", "claim_id", name=op.f("pk_plan_claim")),
    )
    op.create_index(op.f("ix_plan_claim_merchant_id_claim_id"), "plan_claim", ["merchant_id", "claim_id"], unique=False)
    op.create_table(
        "objection",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("claim_id", sa.Uuid(), nullable=False),
        sa.Column("buyer_id", sa.Uuid(), nullable=False),
        sa.Column("live", sa.Boolean(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=True),
        sa.Column("words_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("raised_by", sa.Text(), nullable=False),
        sa.Column("raised_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("answer_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("credit_minor", sa.BigInteger(), nullable=True),
        sa.Column("finding", sa.Text(), nullable=True),
        sa.Column("grounds_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "finding IN ('justified', 'partly', 'pretext', 'unclear')", name=op.f("ck_objection_finding")
        ),
        sa.CheckConstraint("state IN ('OPEN', 'ACCEPTED', 'REJECTED', 'WITHDRAWN')", name=op.f("ck_objection_state")),
        sa.ForeignKeyConstraint(
            ["merchant_id", "claim_id"],
            ["claim.merchant_id", "claim.id"],
            name=op.f("fk_objection_merchant_id_claim_id"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_objection")),
    )
    op.create_index(
        op.f("ix_objection_merchant_id_claim_id_id"), "objection", ["merchant_id", "claim_id", "id"], unique=False
    )
    op.create_index(
        "ix_objection_open",
        "objection",
        ["merchant_id", "due_on", "id"],
        unique=False,
        postgresql_where=sa.text("state = 'OPEN'"),
    )
    op.create_table(
        "objection_document",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("objection_id", sa.Uuid(), nullable=False),
        sa.Column("document_id", sa.Uuid(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id", "objection_id"],
            ["objection.merchant_id", "objection.id"],
            name=op.f("fk_objection_document_merchant_id_objection_id"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "objection_id", "document_id", name=op.f("pk_objection_document")),
    )
    op.create_table(
        "debtor_feedback",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("buyer_id", sa.Uuid(), nullable=False),
        sa.Column("letter_id", sa.Uuid(), nullable=True),
        sa.Column("grade", sa.SmallInteger(), nullable=False),
        sa.Column("words_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("grade BETWEEN 1 AND 5", name=op.f("ck_debtor_feedback_grade")),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_debtor_feedback")),
    )
    op.create_index(op.f("ix_debtor_feedback_merchant_id_at"), "debtor_feedback", ["merchant_id", "at"], unique=False)
    op.create_table(
        "call_task",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("shop_id", sa.Uuid(), nullable=False),
        sa.Column("buyer_id", sa.Uuid(), nullable=False),
        sa.Column("live", sa.Boolean(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("letter_id", sa.Uuid(), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("wish_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("note_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("done_by", sa.Text(), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state IN ('OPEN', 'DONE', 'DROPPED')", name=op.f("ck_call_task_state")),
        sa.ForeignKeyConstraint(
            ["merchant_id", "buyer_id"],
            ["buyer.merchant_id", "buyer.id"],
            name=op.f("fk_call_task_merchant_id_buyer_id"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_call_task")),
        sa.UniqueConstraint("merchant_id", "cause", name=op.f("uq_call_task_merchant_id_cause")),
    )
    op.create_index(
        "ix_call_task_open",
        "call_task",
        ["merchant_id", "due_on", "id"],
        unique=False,
        postgresql_where=sa.text("state = 'OPEN'"),
    )
    op.create_table(
        "dunning_run",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("seen", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("drafted", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint("state IN ('RUNNING', 'DONE')", name=op.f("ck_dunning_run_state")),
        sa.PrimaryKeyConstraint("merchant_id", "day", name=op.f("pk_dunning_run")),
    )
