"""`kulanz run` and `kulanz migrate`: they start before the product is loaded, which takes longer than a server."""

from collections.abc import Mapping
from typing import Protocol

import click

from gateway import config, migrate
from gateway.command_table import resolve
from gateway.embedded.run import command as run_command

SEED = "gateway.commands_worker:seed_demo"
"""Loaded while web and worker load."""


class OperatorSettings(Protocol):
    """What `migrate` takes from the command line's context."""

    @property
    def settings(self) -> config.Settings: ...


@click.command("migrate")
@click.pass_obj
def migrate_command(operator: OperatorSettings) -> None:
    """Bring the database to the newest schema (uses DATABASE_OWNER_URL)."""
    config.require(operator.settings, "database_owner_url")
    migrate.upgrade(operator.settings.database_owner_url, runtime_url=operator.settings.database_url)
    click.echo(f"database is at {migrate.head_revision()}")


def _seed_demo(settings: config.Settings, known: Mapping[str, str]) -> Mapping[str, str]:
    made: Mapping[str, str] = resolve(SEED)(settings, known)
    return made


run = run_command(_seed_demo)
