"""The command `kulanz`: every act of an operator, and one order decided for anybody."""

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from uuid import UUID

import click
import psycopg
from sqlalchemy.exc import OperationalError

from gateway import (
    __version__,
    audit,
    backup,
    commands_bank,
    commands_bureau,
    commands_buyers,
    commands_card,
    commands_claims,
    commands_decide,
    commands_desk,
    commands_dunning,
    commands_jobs,
    commands_law,
    commands_letters,
    commands_merchants,
    commands_model,
    commands_objections,
    commands_policy,
    commands_privacy,
    commands_provider,
    commands_replay,
    commands_shield,
    config,
    keys,
    migrate,
    wiring,
    worker,
)
from gateway.core import clock
from gateway.core.anchors import Trail
from gateway.core.db import WEB_ROLE, WORKER_ROLE, PrivilegedLogin
from gateway.core.errors import GatewayError
from gateway.core.rotation import WrappedColumn
from gateway.core.services import Services
from gateway.demo import seed
from gateway.embedded.environment import environment
from gateway.embedded.run import command as run_command
from gateway.shops import erasure


@dataclass
class Operator:
    """What commands work with; opened on first use, so that `--help` needs no database."""

    context: click.Context

    @cached_property
    def settings(self) -> config.Settings:
        """From the environment; what it leaves open comes from the embedded servers, until the command ends."""
        return config.load(self.context.with_resource(environment(os.environ, role=WORKER_ROLE)))

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

    @property
    def objections(self) -> Sequence[erasure.Objects]:
        return wiring.OBJECTIONS

    def merchant_ids(self) -> Iterable[UUID]:
        return wiring.merchant_ids(self.services.db)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
@click.pass_context
def main(context: click.Context) -> None:
    """Kulanz: which payment methods are safe to show, and what happens afterwards."""
    if context.obj is None:
        context.obj = Operator(context)


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


def seed_demo(settings: config.Settings, known: Mapping[str, str]) -> Mapping[str, str]:
    """The demo merchant for `kulanz run`, made or found."""
    opened = wiring.open_services(settings, role=WEB_ROLE)
    wiring.install_listeners()
    try:
        return seed.shown(seed.seed(opened, clock.now(), known))
    finally:
        opened.db.engine.dispose()
        opened.cache.close()


COMMANDS: tuple[click.Command, ...] = (
    run_command(seed_demo),
    backup.backup_command,
    backup.restore_command,
    audit.audit,
    keys.keys,
    commands_card.card,
    commands_card.facts,
    commands_model.model,
    commands_decide.decide_command,
    *commands_law.COMMANDS,
    commands_replay.replay_command,
    *commands_merchants.COMMANDS,
    *commands_desk.COMMANDS,
    *commands_policy.COMMANDS,
    *commands_dunning.COMMANDS,
    commands_bank.bank_group,
    commands_bureau.bureau,
    commands_objections.objections_group,
    commands_objections.plans_group,
    commands_buyers.buyer,
    commands_claims.claims_group,
    commands_privacy.privacy,
    commands_letters.letters,
    commands_provider.provider,
    commands_jobs.jobs,
    commands_shield.shield_group,
)
for _command in COMMANDS:
    main.add_command(_command)


def run() -> None:
    """Entry point: a GatewayError becomes one line and exit status 2."""
    try:
        main(standalone_mode=True)
    except GatewayError as error:
        click.echo(f"{error.code}: {error.detail or error.title}", err=True)
        for fault in error.facts.get("errors", []):
            click.echo("  " + ": ".join(filter(None, (fault["path"], fault["message"]))), err=True)
        sys.exit(2)
    except (config.SettingMissing, PrivilegedLogin) as error:
        click.echo(str(error), err=True)
        sys.exit(2)
    except (psycopg.OperationalError, OperationalError) as error:
        click.echo(migrate.complaint(error), err=True)
        sys.exit(2)
