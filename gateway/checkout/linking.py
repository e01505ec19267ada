"""An order may name the decision it was placed under: it must be a decision of the same shop."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.checkout.models import Decision
from gateway.core import clock
from gateway.core.channels import post_notice
from gateway.core.db import merchant_of
from gateway.core.errors import Invalid
from gateway.core.ids import to_public
from gateway.shops.events import OrderChanged, OrderPlaced


def check_decision(session: Session, event: OrderPlaced | OrderChanged) -> None:
    """Listener: raises Invalid (and so refuses the order) when the named decision is not one of this shop.

    An order of another buyer or for more than was decided is a fact all the same; the desk gets a notice of it.
    """
    if event.decision_id is None:
        return
    decision = session.execute(
        select(Decision.buyer_id, Decision.currency, Decision.total_minor).where(
            Decision.merchant_id == merchant_of(session),
            Decision.id == event.decision_id,
            Decision.shop_id == event.shop_id,
        ),
    ).one_or_none()
    if decision is None:
        raise Invalid.at("/decision_id", "is not a decision of this shop")
    if differences := _differences(decision, event):
        order = to_public("ord", event.order_id)
        facts = {"order": order, "decision": to_public("dec", event.decision_id), "differs": differences}
        post_notice(session, "order-differs-from-decision", order, facts, clock.now())


def _differences(decision: Any, event: OrderPlaced | OrderChanged) -> list[str]:
    found = {
        "buyer": decision.buyer_id is not None and decision.buyer_id != event.buyer_id,
        "currency": decision.currency != event.currency,
        "amount": event.total_minor > decision.total_minor,
    }
    return [name for name, differs in found.items() if differs]
