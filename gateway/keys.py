"""`kulanz keys`: make a master key, wrap every data key under the newest one, see which are still in use."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol
from uuid import UUID

import click

from gateway.core.crypto import Keyring
from gateway.core.rotation import WrappedColumn, kids_in_use, rewrap_batch
from gateway.core.services import Services


class KeysContext(Protocol):
    """What these commands take from the command line's context; it opens services on first use."""

    @property
    def services(self) -> Services: ...

    @property
    def wrapped_columns(self) -> Sequence[WrappedColumn]: ...

    def merchant_ids(self) -> Iterable[UUID]: ...


@click.group()
def keys() -> None:
    """Master keys: make, rotate, see which are in use."""


@keys.command("new")
@click.argument("kid", default="k1")
def new_command(kid: str) -> None:
    """Print a new master key named KID; put it first in KULANZ_MASTER_KEYS."""
    try:
        click.echo(Keyring.generate(kid))
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="KID") from error


@keys.command("rotate")
@click.pass_obj
def rotate_command(context: KeysContext) -> None:
    """Wrap every data key under the first key of KULANZ_MASTER_KEYS. Can be stopped and started again at any time."""
    for wrapped in context.wrapped_columns:
        number = sum(_rewrapped(context, wrapped, merchant_id) for merchant_id in _tenants(context, wrapped))
        click.echo(f"{wrapped.table.name}.{wrapped.column}: {number} wrapped under {context.services.keyring.current}")


@keys.command("status")
@click.pass_obj
def status_command(context: KeysContext) -> None:
    """Count the data keys under each master key; one that wraps none may be dropped from KULANZ_MASTER_KEYS."""
    in_use: Counter[str] = Counter(dict.fromkeys(context.services.keyring.kids, 0))
    for wrapped in context.wrapped_columns:
        for merchant_id in _tenants(context, wrapped):
            with context.services.db.transaction(merchant_id) as session:
                in_use.update(kids_in_use(session, wrapped))
    for kid, number in in_use.items():
        known = "" if kid in context.services.keyring.kids else " (not configured!)"
        current = " (current)" if kid == context.services.keyring.current else ""
        click.echo(f"{kid}: {number}{current}{known}")


def _tenants(context: KeysContext, wrapped: WrappedColumn) -> Iterator[UUID | None]:
    if wrapped.tenant:
        yield from context.merchant_ids()
    else:
        yield None


def _rewrapped(context: KeysContext, wrapped: WrappedColumn, merchant_id: UUID | None) -> int:
    """One transaction per batch, so that rotation never holds a lock for long."""
    total = 0
    after: Sequence[Any] = ()
    while True:
        with context.services.db.transaction(merchant_id) as session:
            done = rewrap_batch(session, context.services.keyring, wrapped, after)
        if not done:
            return total
        total, after = total + len(done), done[-1]
