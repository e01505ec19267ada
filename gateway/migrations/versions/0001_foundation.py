"""Foundation."""

from alembic import op

from gateway.tables import metadata, protection

revision: str = "0001"
down_revision: str | None = None


def upgrade() -> None:
    metadata.create_all(op.get_bind())
    for statement in protection():
        op.execute(statement)
