"""A merchant's terms, compiled: limits per kind, rules, table, ceilings, sampling, and what absence means (pure)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from gateway.checkout.bureau_policy import BureauPolicy
from gateway.checkout.rules import Lookup, Rule, lookup
from gateway.risk.facts import Facts


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one kind. None means no limit; amounts in minor units of the order's currency."""

    enabled: bool = True
    min_minor: int | None = None
    max_minor: int | None = None
    countries: frozenset[str] | None = None
    b2b: str = "both"
    """`both`, `only` (companies only) or `never` (consumers only)."""
    max_default: float | None = None
    """Above this probability of default the kind is not shown, with or without a deposit."""
    buyer_limit_minor: int | None = None
    """Most a buyer may have open in unsafe methods, this order's unpaid part included."""
    max_deposit_percent: int = 100


@dataclass(frozen=True, slots=True)
class Explore:
    """Sampling: so many of 100 orders up to `max_minor` get a method that risk alone would take away.

    Without it nobody ever learns whether those buyers would have paid (reference: Kozodoi, Lessmann et al. 2024).
    """

    percent: int
    max_minor: int
    kinds: frozenset[str]


@dataclass(frozen=True, slots=True)
class Policy:
    """A compiled checkout policy."""

    version: int
    loss_limit_bp: int
    loss_limit_minor: int
    buyer_limit_minor: int | None
    limits: dict[str, Limits]
    rules: tuple[Rule, ...] = ()
    table: tuple[Rule, ...] = ()
    """Rows of the decision table; the first that holds acts."""
    without_history: str = "score"
    without_velocity: str = "score"
    without_bureau: str = "score"
    """What a missing signal means: `score` (the card's value for missing), `safe_only`, or `review` by a person."""
    invoice_days: int = 14
    """When an own invoice is due, in days after delivery."""
    seller_is_sme: bool = False
    invoice_fee_minor: int = 0
    """What the shop charges a buyer for paying by invoice."""
    shop_limit_minor: int | None = None
    """Most that may be open with all buyers of the shop together in unsafe methods, this order included."""
    explore: Explore | None = None
    bureau: BureauPolicy | None = None
    """When a bureau is asked once the buyer has chosen, and what its answer means; None asks nobody."""
    dated: bool = field(init=False, default=False)
    """Whether any rule has a first or last day."""
    lookup: Lookup | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        object.__setattr__(self, "lookup", lookup(self.table))
        object.__setattr__(self, "dated", any(rule.dated for rule in (*self.rules, *self.table)))

    def asked(self, facts: Facts, day: date | None) -> tuple[Sequence[Rule], Sequence[Rule]]:
        """Rules and rows that could hold for these facts on that day; without a day, those that are always valid."""
        rows = self.table if self.lookup is None else self.lookup.find(facts, self.table)
        if not self.dated:
            return self.rules, rows
        if day is None:
            return _undated(self.rules), _undated(rows)
        return [rule for rule in self.rules if rule.valid_on(day)], [row for row in rows if row.valid_on(day)]


def _undated(some: Sequence[Rule]) -> list[Rule]:
    return [rule for rule in some if not rule.dated]
