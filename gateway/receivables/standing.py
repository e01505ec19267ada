"""Which of an order's money counts, when shop and provider tell the same payments (pure).

What a shop and its provider tell of one order is taken to be the same money: the larger sum counts, less what was taken
back. So nothing is booked twice, whoever tells first.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Row:
    """A payment that is booked on the claim, or is to be."""

    key: str
    day: date
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Sums:
    """What was told of one order's money."""

    shop_minor: int
    """By the shop."""
    told_minor: int = 0
    """By providers, under the order's number."""
    linked_minor: int = 0
    """By providers, through pay links of the claim; booked apart."""
    back_minor: int = 0
    """Taken back of what was told under the order's number, or of a debit that the bank returned."""

    @property
    def wanted_minor(self) -> int:
        """What has to stand on the claim beside its pay links."""
        return max(0, max(self.shop_minor - self.linked_minor, self.told_minor) - self.back_minor)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be booked first and reversed then. `rest` is what no payment of the shop stands for."""

    book: tuple[Row, ...]
    """What is new and stands."""
    fresh: tuple[Row, ...]
    """All that is new, also what is to be dropped at once."""
    drop: tuple[Row, ...]
    rest: Row | None
    """None where what stands beside the shop's payments is right."""


def plan(standing: Sequence[Row], fresh: Sequence[Row], gone: Sequence[Row], beside_minor: int, wanted: Row) -> Plan:
    """The oldest payments of the shop go until no more stands than `wanted.amount_minor`; what is missing is one more row.

    `gone` were reversed before, `beside_minor` stands beside them by now, `wanted.day` counts where no day of the shop does.
    """
    kept, dropped = sorted([*standing, *fresh], key=lambda row: (row.day, row.key)), list[Row]()
    while kept and sum(row.amount_minor for row in kept) > wanted.amount_minor:
        dropped.append(kept.pop(0))
    left = wanted.amount_minor - sum(row.amount_minor for row in kept)
    day = max((row.day for row in [*gone, *dropped]), default=wanted.day)
    rest = Row(wanted.key, day, left) if left != beside_minor else None
    return Plan(tuple(row for row in fresh if row in kept), tuple(fresh), tuple(dropped), rest)


def unlike(told: Iterable[int], shop: Iterable[int]) -> int:
    """How much of what providers tell is in no payment of the shop with the same amount."""
    left = Counter(told) - Counter(shop)
    return sum(amount * times for amount, times in left.items())
