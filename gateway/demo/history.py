"""What the invented buyers of the demo shop did before today, told through the real order commands (synthetic)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.demo.scenes import CURRENCY, PERSONAS, home
from gateway.shops.orders import Orders
from gateway.shops.told import BuyerTold, EventTold, ItemTold, MethodTold, OrderTold, PaymentKind

TERM = timedelta(days=14)
SYNTHETIC = "synthetic"


@dataclass(frozen=True, slots=True)
class Past:
    """One order: how many days ago, its value, and after how many days it was paid (None: not yet)."""

    persona: str
    days_ago: int
    total_minor: int
    paid_after: int | None
    returned_minor: int = 0


PASTS: tuple[Past, ...] = (
    Past("regular", 412, 8_990, 9),
    Past("regular", 268, 15_890, 12),
    Past("regular", 131, 24_790, 10, returned_minor=2_990),
    Past("regular", 47, 12_490, 13),
    Past("overdue", 230, 6_490, 16),
    Past("overdue", 48, 18_990, None),
    Past("company", 520, 64_900, 31),
    Past("company", 400, 41_200, 28),
    Past("company", 290, 88_700, 30),
    Past("company", 180, 37_450, 33),
    Past("company", 95, 59_900, 29),
    Past("company", 50, 46_300, 30),
)


def tell(orders: Orders, now: datetime) -> None:
    """Tell every past order and what became of it."""
    for number, past in enumerate(PASTS, 1):
        reference = f"SYN-{number:04d}"
        orders.put(reference, _told(past, now), now)
        for event in _events(past, reference, now):
            orders.add_event(reference, event, now)


def _told(past: Past, now: datetime) -> OrderTold:
    persona, placed_at = PERSONAS[past.persona], now - timedelta(days=past.days_ago)
    buyer, address = persona.buyer, home("DE", persona.house)
    return OrderTold(
        method=MethodTold("invoice", PaymentKind.INVOICE),
        currency=CURRENCY,
        total_minor=past.total_minor,
        placed_at=placed_at,
        due_date=(placed_at + TERM).date(),
        buyer=BuyerTold(
            email=buyer.email,
            phone=buyer.phone,
            first_name=buyer.first_name,
            last_name=buyer.last_name,
            company=buyer.company,
            vat_id=buyer.vat_id,
            customer_reference=SYNTHETIC,
            guest=buyer.guest,
            language="de",
        ),
        billing=address,
        delivery=address,
        items=(ItemTold(1, past.total_minor, sku=SYNTHETIC, name="synthetic order of the demo shop"),),
    )


def _events(past: Past, reference: str, now: datetime) -> Iterable[EventTold]:
    placed_at = now - timedelta(days=past.days_ago)
    yield EventTold("shipped", f"{reference}-shipped", placed_at + timedelta(days=1), facts={"carrier": "DHL"})
    yield EventTold("delivered", f"{reference}-delivered", placed_at + timedelta(days=3))
    if past.returned_minor:
        returned_at = placed_at + timedelta(days=8)
        yield EventTold("returned", f"{reference}-returned", returned_at, past.returned_minor)
    if past.paid_after is not None:
        paid_minor = past.total_minor - past.returned_minor
        yield EventTold("paid", f"{reference}-paid", placed_at + timedelta(days=past.paid_after), paid_minor)
