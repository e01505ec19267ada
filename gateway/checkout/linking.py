"""An order may name the decision it was placed under: it must be a decision of the same shop."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.checkout.models import Decision
from gateway.core.db import merchant_of
from gateway.core.errors import Invalid
from gateway.shops.events import OrderChanged, OrderPlaced


def check_decision(session: Session, event: OrderPlaced | OrderChanged) -> None:
    """Listener: raises Invalid (and so refuses the order) when the named decision is not one of this shop."""
    if event.decision_id is None:
        return
    found = session.scalar(
        select(Decision.id).where(
            Decision.merchant_id == merchant_of(session),
            Decision.id == event.decision_id,
            Decision.shop_id == event.shop_id,
        ),
    )
    if found is None:
        raise Invalid.at("/decision_id", "is not a decision of this shop")
