"""What commands work with: settings, services and the tables of `wiring`; loaded when a command first asks for it."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from uuid import UUID

import click
import psycopg
from sqlalchemy.exc import OperationalError

from gateway import config, migrate, wiring, worker
from gateway.core.anchors import Trail
from gateway.core.db import WORKER_ROLE, PrivilegedLogin
from gateway.core.rotation import WrappedColumn
from gateway.core.services import Services
from gateway.embedded.environment import environment
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


def complaint(error: BaseException) -> str | None:
    """One line about what an operator can mend; None for what is a fault of the program."""
    if isinstance(error, config.SettingMissing | PrivilegedLogin):
        return str(error)
    return migrate.complaint(error) if isinstance(error, psycopg.OperationalError | OperationalError) else None
