"""`kulanz returns`: goods that come back."""

import click
from sqlalchemy import select

from gateway.command_line import SHOP, Desk, Row, id_of, of_merchant
from gateway.core.db import merchant_of
from gateway.core.ids import to_public
from gateway.core.money import Money
from gateway.returns.lifecycle import ReturnState
from gateway.returns.models import OrderReturn
from gateway.returns.returns import Returns, ReturnUnknown
from gateway.shops import shops

MAX_ROWS = 100


@click.group("returns")
def returns_group() -> None:
    """Goods that come back: expected, received, settled."""


@returns_group.command("list")
@click.option("--state", type=click.Choice(list(ReturnState)), default="ANNOUNCED")
@SHOP
@of_merchant
def list_returns(desk: Desk, *, state: str, shop: str) -> list[Row]:
    """List returns of a shop, the newest first.

    \b
    Example: kulanz returns list
    """
    mine = Returns(desk.session, desk.keyring, shops.get(desk.session, desk.shop(shop)))
    return [_row(row) for row in mine.list_returns(state, None, MAX_ROWS)]


@returns_group.command("show")
@click.argument("return_id")
@of_merchant
def show_return(desk: Desk, *, return_id: str) -> Row:
    """Show a return with what happened to it.

    \b
    Example: kulanz returns show ret_01m80jtwssevksa7y719cbahm4
    """
    mine = OrderReturn.merchant_id == merchant_of(desk.session), OrderReturn.id == id_of("ret", return_id)
    row = desk.session.scalars(select(OrderReturn).where(*mine)).one_or_none()
    if row is None:
        raise ReturnUnknown
    found = Returns(desk.session, desk.keyring, shops.get(desk.session, row.shop_id))
    acts = {f"{one.occurred_at:%Y-%m-%d %H:%M} {one.act}": one.reason or one.actor for one in found.history(row)}
    return {**_row(row), "words": found.words(row), **acts}


def _row(row: OrderReturn) -> Row:
    return {
        "id": to_public("ret", row.id),
        "order": to_public("ord", row.order_id),
        "kind": row.kind,
        "state": row.state,
        "amount": Money(row.amount_minor, row.currency).format(),
        "received": Money(row.received_minor, row.currency).format(),
        "announced_at": row.announced_at,
        "expected_by": row.expected_by,
        "in_time": row.in_time,
        "decide": row.decide,
        "refund_until": row.refund_until,
    }
