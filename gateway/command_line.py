"""What the commands of `kulanz` share: choosing a merchant and shop, printing rows for people or as JSON."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import update_wrapper
from typing import Any, Protocol
from uuid import UUID

import click
from sqlalchemy.orm import Session

from gateway.core import clock
from gateway.core.crypto import Keyring
from gateway.core.ids import from_public
from gateway.core.services import Services
from gateway.merchants import audit, merchants
from gateway.shops import shops

Row = Mapping[str, Any]

AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
MERCHANT = click.option("--merchant", default="", help="Id of the merchant (mer_…); not needed when one is open.")
SHOP = click.option("--shop", default="", help="Id of the shop (shp_…); not needed when there is one.")


class OperatorContext(Protocol):
    """What commands take from the command line's context; it opens services on first use."""

    @property
    def services(self) -> Services: ...


class NotOne(click.ClickException):
    """A command was not told which one it is about, and there is not exactly one."""

    def __init__(self, thing: str, number: int) -> None:
        if number:
            super().__init__(f"there are {number}: give --{thing}, see `kulanz {thing} list`")
        else:
            super().__init__(f"there is no {thing} yet: see `kulanz {thing} create --help`")


@dataclass(frozen=True, slots=True)
class Desk:
    """One merchant's transaction in which a command works."""

    services: Services
    session: Session

    @property
    def keyring(self) -> Keyring:
        return self.services.keyring

    def note(self, action: str, subject_kind: str, subject_id: UUID, **facts: Any) -> None:
        """Write what the operator did into the audit log. Facts hold no personal data."""
        act = audit.Act(audit.SYSTEM, action, subject_kind, subject_id, facts)
        audit.record(self.session, self.keyring, act, clock.now())

    def shop(self, public: str) -> UUID:
        """The named shop, or the only open one of the merchant. Raises ShopUnknown and NotOne."""
        if public:
            return shops.get(self.session, id_of("shp", public)).id
        return _only("shop", [each.id for each in shops.list_shops(self.session) if each.closed_at is None])


def of_merchant(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command a `Desk`, and options to say whose and how to print what it returns."""

    def run(operator: OperatorContext, /, merchant: str, *, as_json: bool, **options: Any) -> None:
        with open_desk(operator, merchant) as desk:
            answer = command(desk, **options)
        tell(answer, as_json=as_json)

    update_wrapper(run, command)
    return MERCHANT(AS_JSON(click.pass_obj(run)))


def id_of(prefix: str, public: str) -> UUID:
    """The id behind `prefix_…`. Raises click's error for a wrong parameter."""
    found = from_public(prefix, public)
    if found is None:
        raise click.BadParameter(f"{public} is no id: one is {prefix}_ and 26 letters and digits")
    return found


def tell(rows: Row | Sequence[Row], *, as_json: bool) -> None:
    """One thing as lines, several as a table, or either as JSON."""
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2, default=_plain))
    elif isinstance(rows, Mapping):
        width = max(map(len, rows))
        for name, value in rows.items():
            click.echo(f"{name.replace('_', ' '):{width}}  {_plain(value)}")
    else:
        _table(rows)


@contextmanager
def open_desk(operator: OperatorContext, merchant: str) -> Iterator[Desk]:
    """The transaction of a merchant: the named one, or the only one that is open."""
    merchant_id = id_of("mer", merchant) if merchant else _only("merchant", merchants.list_ids(operator.services.db))
    with operator.services.db.transaction(merchant_id) as session:
        merchants.get(session)
        yield Desk(operator.services, session)


def _only(thing: str, found: Sequence[UUID]) -> UUID:
    if len(found) != 1:
        raise NotOne(thing, len(found))
    return found[0]


def _table(rows: Sequence[Row]) -> None:
    if not rows:
        click.echo("none")
        return
    cells = [list(rows[0]), *([_plain(value) for value in row.values()] for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    for line in cells:
        click.echo("  ".join(f"{cell:{width}}" for cell, width in zip(line, widths, strict=True)).rstrip())


def _plain(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds").replace("+00:00", "Z")
    return " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
