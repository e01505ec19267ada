"""`kulanz buyer`: what is stored about a person, and its erasure."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol
from uuid import UUID

import click
from sqlalchemy import func, select

from gateway.command_line import Desk, Row, id_of, of_merchant
from gateway.core import clock
from gateway.core.db import merchant_of
from gateway.core.ids import to_public
from gateway.core.services import Services
from gateway.merchants import secrets
from gateway.risk import velocity
from gateway.shops import buyers, erasure, identity
from gateway.shops.erasure import Objects
from gateway.shops.models import Buyer, Order


class BuyersContext(Protocol):
    """What these commands take from the command line's context; it opens services on first use."""

    @property
    def services(self) -> Services: ...

    @property
    def objections(self) -> Sequence[Objects]: ...


@click.group()
def buyer() -> None:
    """Buyers: what is stored about a person, and its erasure."""


def _of_one_buyer(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options that say which buyer; the command gets them as `email`, `buyer_id` and `test`."""
    email = click.option("--email", default="", help="His e-mail address.")
    by_id = click.option("--id", "buyer_id", default="", help="His id (buy_…).")
    test = click.option("--test", is_flag=True, help="With --email: the buyer of test shops.")
    return email(by_id(test(of_merchant(command))))


@buyer.command("show")
@_of_one_buyer
def show_buyer(desk: Desk, *, email: str, buyer_id: str, test: bool) -> Row:
    """Show what stands in the way of erasing a buyer, and how much there is of him.

    \b
    Example: kulanz buyer show --email ada@example.com
    """
    id_ = _find(desk, email, buyer_id, live=not test)
    return {**_row(desk, id_), **_objections(desk, id_)}


@buyer.command("erase")
@click.confirmation_option(prompt="What is sealed for him can never be read again. Erase him?")
@_of_one_buyer
def erase_buyer(desk: Desk, *, email: str, buyer_id: str, test: bool) -> Row:
    """Erase a buyer for good. Refused, with the date and the reasons, while somebody has to keep him.

    \b
    Example: kulanz buyer erase --email ada@example.com --yes
    Example: kulanz buyer erase --id buy_01m80jtwssevksa7y719cbahm4 --yes
    """
    id_ = _find(desk, email, buyer_id, live=not test)
    digests = buyers.digests_of(desk.session, id_)
    erasure.erase(desk.session, id_, clock.now(), _objects())
    desk.note("buyer.erased", "buyer", id_)
    forgotten = velocity.forget(desk.services.cache, merchant_of(desk.session), digests)
    return {**_row(desk, id_), "counters": "deleted" if forgotten else "expire within 60 days"}


def _objects() -> Sequence[Objects]:
    context: BuyersContext = click.get_current_context().obj
    return context.objections


def _find(desk: Desk, email: str, buyer_id: str, *, live: bool) -> UUID:
    """Raises BuyerUnknown, and click's error unless exactly one way is given."""
    if bool(email) == bool(buyer_id):
        raise click.UsageError("give either --email or --id")
    if buyer_id:
        return id_of("buy", buyer_id)
    index_key = secrets.get_key(desk.session, desk.keyring, "index")
    told = identity.Identity(email)
    found = buyers.find_buyer(desk.session, identity.digests(index_key, live=live, identity=told))
    if found is None:
        raise buyers.BuyerUnknown
    return found


def _row(desk: Desk, buyer_id: UUID) -> dict[str, Any]:
    row = desk.session.get(Buyer, (merchant_of(desk.session), buyer_id))
    if row is None:
        raise buyers.BuyerUnknown
    mine = Order.merchant_id == row.merchant_id, Order.buyer_id == buyer_id
    return {
        "id": to_public("buy", buyer_id),
        "live": row.live,
        "first_seen": row.first_seen_at,
        "orders": desk.session.scalar(select(func.count()).select_from(Order).where(*mine)),
        "erased": row.erased_at,
    }


def _objections(desk: Desk, buyer_id: UUID) -> dict[str, Any]:
    said = erasure.objections(desk.session, buyer_id, clock.now(), _objects())
    return {
        "kept_until": erasure.last_day(said),
        "kept_because": [each.reason for each in said],
    }
