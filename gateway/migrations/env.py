"""alembic's entry: run the migrations on the owner's connection, all of one upgrade in one transaction."""

from alembic import context
from sqlalchemy import create_engine, pool

from gateway.migrate import CONNECT_S, LOCK_S
from gateway.tables import metadata


def run() -> None:
    engine = create_engine(
        context.config.attributes["url"],
        poolclass=pool.NullPool,
        connect_args={"connect_timeout": CONNECT_S, "options": f"-c lock_timeout={LOCK_S}s"},
    )
    with engine.connect() as connection:
        context.configure(connection=connection, target_metadata=metadata, compare_server_default=False)
        with context.begin_transaction():
            context.run_migrations()


run()
