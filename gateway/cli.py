"""The command `kulanz`: every act of an operator, and calculations for anybody."""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from uuid import UUID

import click

from gateway import __version__, config, migrate, wiring, worker
from gateway.core.anchors import Trail
from gateway.core.db import WORKER_ROLE
from gateway.core.errors import GatewayError
from gateway.core.rotation import WrappedColumn
from gateway.core.services import Services


@dataclass
class Operator:
    """What commands work with; opened on first use, so that `--help` needs no database."""

    settings: config.Settings

    @cached_property
    def services(self) -> Services:
        opened = wiring.open_services(self.settings, role=WORKER_ROLE, pool_size=worker.SLOTS + 2)
        opened.db.refuse_privileges()
        wiring.install_listeners()
        return opened

    @cached_property
    def trail(self) -> Trail:
        return wiring.trail(self.services)

    @property
    def wrapped_columns(self) -> Sequence[WrappedColumn]:
        return wiring.WRAPPED

    def merchant_ids(self) -> Iterable[UUID]:
        return wiring.merchant_ids(self.services.db)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
@click.pass_context
def main(context: click.Context) -> None:
    """Kulanz: which payment methods are safe to show, and what happens afterwards."""
    if context.obj is None:
        context.obj = Operator(config.load())


@main.command("migrate")
@click.pass_obj
def migrate_command(operator: Operator) -> None:
    """Bring the database to the newest schema (uses DATABASE_OWNER_URL)."""
    config.require(operator.settings, "database_owner_url")
    migrate.upgrade(operator.settings.database_owner_url, runtime_url=operator.settings.database_url)
    click.echo(f"database is at {migrate.head_revision()}")


@main.command("worker")
@click.pass_obj
def worker_command(operator: Operator) -> None:
    """Serve the queues and the schedule until SIGTERM."""
    wiring.configure_logging(operator.settings.log_level)
    worker.serve(operator.services, wiring.tasks(operator.services), wiring.SCHEDULE)


for _command in wiring.COMMANDS:
    main.add_command(_command)


def run() -> None:
    """Entry point: a GatewayError becomes one line and exit status 2."""
    try:
        main(standalone_mode=True)
    except GatewayError as error:
        click.echo(f"{error.code}: {error.detail or error.title}", err=True)
        for fault in error.facts.get("errors", []):
            click.echo(f"  {fault['path']}: {fault['message']}", err=True)
        sys.exit(2)
