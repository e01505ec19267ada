"""In which order payments of a claim count: § 367 BGB, or § 497 BGB for consumer credit."""

import sqlalchemy as sa
from alembic import op

revision: str = "0013"
down_revision: str | None = "0012"


def upgrade() -> None:
    op.add_column("claim", sa.Column("allocation", sa.Text(), server_default=sa.text("'bgb-367'"), nullable=False))
    op.create_check_constraint(op.f("ck_claim_allocation"), "claim", "allocation IN ('bgb-367', 'bgb-497')")
