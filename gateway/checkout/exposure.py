"""What a shop has open with all its buyers in methods that let them pay later: read now and then, kept for seconds."""

from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gateway.checkout.methods import KINDS
from gateway.core.db import merchant_of
from gateway.shops.models import Order

KEPT_S = 30.0
"""How old the figure may be. A checkout does not wait for a sum over all open orders; the ceiling is overrun by at most
what is ordered within this time, in each web process anew."""
_LATER = [name for name, kind in KINDS.items() if kind.default]


def open_by_currency(session: Session, shop_id: UUID) -> dict[str, int]:
    """Open minor units by currency, over all orders of the shop that are paid afterwards."""
    rows = session.execute(
        select(Order.currency, func.sum(Order.open_minor))
        .where(
            Order.merchant_id == merchant_of(session),
            Order.shop_id == shop_id,
            Order.open_minor > 0,
            Order.kind.in_(_LATER),
        )
        .group_by(Order.currency),
    )
    return {currency: int(total) for currency, total in rows}
