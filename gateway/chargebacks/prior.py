"""Earlier orders of the same buyer that nobody disputed: what Visa's Compelling Evidence 3.0 asks for (pure).

Two of them, 120 to 365 days before the dispute, with two matching elements each, one of them the device or the address of the
connection. We keep neither of those two per order in clear, so a match is told of the account and the delivery address, and
whether the rule is met is left to the provider.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

MIN_DAYS, MAX_DAYS, WANTED = 120, 365, 2


@dataclass(frozen=True, slots=True)
class PriorOrder:
    """An earlier order as far as it is compared."""

    reference: str
    placed_at: datetime
    paid: bool
    disputed: bool
    same_account: bool
    same_address: bool


@dataclass(frozen=True, slots=True)
class PriorEvidence:
    """The orders that count and what matched in all of them."""

    orders: tuple[PriorOrder, ...]
    matched: tuple[str, ...]

    @property
    def enough(self) -> bool:
        return len(self.orders) >= WANTED and bool(self.matched)


def prior_evidence(orders: Iterable[PriorOrder], disputed_at: datetime) -> PriorEvidence:
    """The newest undisputed, paid orders of the window, and the elements that are the same in all of them."""
    fitting = [
        one
        for one in orders
        if one.paid and not one.disputed and MIN_DAYS <= (disputed_at - one.placed_at).days <= MAX_DAYS
    ]
    best = sorted(fitting, key=lambda one: (not one.same_address, -one.placed_at.timestamp()))[:WANTED]
    matched = []
    if best and all(one.same_account for one in best):
        matched.append("account")
    if best and all(one.same_address for one in best):
        matched.append("delivery_address")
    return PriorEvidence(tuple(best), tuple(matched))
