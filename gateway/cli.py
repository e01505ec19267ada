"""The command `kulanz`: every act of an operator, and calculations for anybody."""

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from uuid import UUID

import click

from gateway import __version__, config, migrate, wiring
from gateway.core.errors import GatewayError
from gateway.core.services import Services


@dataclass
class Operator:
    """What commands work with; opened on first use, so that `--help` needs no database."""

    settings: config.Settings

    @cached_property
    def services(self) -> Services:
        opened = wiring.open_services(self.settings, role="kulanz_worker")
        opened.db.refuse_privileges()
        wiring.install_listeners()
        return opened

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
