"""Every policy version carries a digest of itself, which the anchors hold; versions saved before get theirs now."""

import json
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from alembic import op

from gateway.core import chain

revision: str = "0002"
down_revision: str | None = "0001"


def upgrade() -> None:
    """Fill the column with the append-only trigger set aside: this owner, in this transaction, only here."""
    op.add_column("policy_version", sa.Column("digest", sa.LargeBinary(), nullable=True))
    op.execute("ALTER TABLE policy_version NO FORCE ROW LEVEL SECURITY")  # an owner without superuser sees all rows so
    op.execute("ALTER TABLE policy_version DISABLE TRIGGER append_only")
    fill()
    op.execute("ALTER TABLE policy_version ENABLE ALWAYS TRIGGER append_only")
    op.execute("ALTER TABLE policy_version FORCE ROW LEVEL SECURITY")
    op.alter_column("policy_version", "digest", nullable=False)


def fill() -> None:
    connection = op.get_bind()
    rows = connection.execute(sa.text("SELECT * FROM policy_version WHERE digest IS NULL")).all()
    for row in rows:
        connection.execute(
            sa.text("UPDATE policy_version SET digest = :digest WHERE merchant_id = :merchant AND id = :id"),
            {"digest": digest_of(row), "merchant": row.merchant_id, "id": row.id},
        )


def digest_of(row: Any) -> bytes:
    """As `merchants/policies` did when this was written; spelled out, since that may go on."""
    body = json.dumps(exact(row.body), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    version = (row.merchant_id, row.id, row.shop_id, row.kind, row.version)
    return chain.digest("kulanz policy 1", *version, body, row.note, row.author, row.created_at)


def exact(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: exact(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [exact(inner) for inner in value]
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{Decimal(repr(value)).normalize() + 0:f}"
    return value
