"""What an order says about its claim: when there is one, and what it must be told (pure)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from gateway.core.clock import local_date
from gateway.shops.lifecycle import OrderAct, OrderState
from gateway.shops.told import PaymentKind

CAUSE = "order-event:"
OWED_AFTER_DELIVERY = frozenset({PaymentKind.INVOICE})
OWED_WHEN_DUE_IS_TOLD = frozenset({PaymentKind.SEPA_DEBIT, PaymentKind.CASH_ON_DELIVERY, PaymentKind.OTHER})
"""Shops do not tell every card payment; only a day to pay says that these are owed to the shop itself."""


@dataclass(frozen=True, slots=True)
class EventSeen:
    """An event of the order."""

    id: UUID
    event: str
    external_id: str
    occurred_at: datetime
    amount_minor: int | None


@dataclass(frozen=True, slots=True)
class Less:
    """The order is worth less than its total, for this event and from its day on."""

    cause: str
    amount_minor: int
    day: date
    event: str


def is_owed(order: Any) -> bool:
    """Whether a claim is opened: delivered, not paid, and owed to the shop itself.

    Prepayment never is: nothing was delivered on credit. What a partner guarantees or lends is the partner's.
    """
    if order.state != OrderState.DELIVERED.value or order.open_minor <= 0:
        return False
    return order.kind in OWED_AFTER_DELIVERY or (order.kind in OWED_WHEN_DUE_IS_TOLD and order.due_at is not None)


def reductions(events: Iterable[EventSeen], total_minor: int, zone: str, budget_minor: int) -> list[Less]:
    """By how much each event lowers the price, not more than `budget_minor` together.

    Withdrawal, return and refund are told of the same goods one after the other: the largest of the three counts, as in
    the order itself. A cancelled order is worth nothing.
    """
    sums: dict[str, int] = {OrderAct.REFUNDED: 0, OrderAct.RETURNED: 0, OrderAct.WITHDRAWN: 0}
    found, so_far, limit = [], 0, min(total_minor, budget_minor)
    for event in in_order(events):
        if event.event in sums:
            sums[event.event] += total_minor if event.amount_minor is None else event.amount_minor
        elif event.event == OrderAct.CANCELLED:
            sums[OrderAct.WITHDRAWN] = total_minor
        reached = min(limit, max(sums.values()))
        if reached > so_far:
            day = local_date(event.occurred_at, zone)
            found.append(Less(f"{CAUSE}{event.id}", reached - so_far, day, event.event))
            so_far = reached
    return found


def in_order(events: Iterable[EventSeen]) -> Sequence[EventSeen]:
    return sorted(events, key=lambda event: (event.occurred_at, event.external_id))


def due_on(order: Any, delivered_on: date, zone: str, term_days: int) -> date:
    """The last day to pay: as the shop told it, else the shop's term after delivery."""
    return told_day(order, zone) or delivered_on + timedelta(days=term_days)


def told_day(order: Any, zone: str) -> date | None:
    """The last day to pay that the order names, if it names one."""
    return None if order.due_at is None else local_date(order.due_at - timedelta(microseconds=1), zone)


def debtor_of(details: Mapping[str, Any]) -> str:
    """A company or a VAT id makes a business customer, as the order's own description says."""
    buyer, billing = details.get("buyer", {}), details.get("billing", {})
    return "business" if buyer.get("company") or buyer.get("vat_id") or billing.get("company") else "consumer"


def country_of(details: Mapping[str, Any], otherwise: str) -> str:
    """Where the debtor lives; the region stays unknown, so only holidays of the whole country count."""
    for address in (details.get("billing", {}), details.get("delivery", {})):
        if address.get("country"):
            return str(address["country"])
    return otherwise


def language_of(details: Mapping[str, Any], otherwise: str) -> str:
    told = str(details.get("buyer", {}).get("language", "")).replace("_", "-").split("-")[0].lower()
    return told or otherwise
