"""A policy's rules and the rows of its table: which of them hit, and what they say of each kind of method (pure).

Every rule that holds acts; of the table the first row that holds does. Rules add up: the strictest word counts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple

from gateway.checkout.conditions import Condition
from gateway.risk.facts import Facts

ACTIONS = ("hide", "deposit", "limit", "review", "require_3ds", "challenge")
MOST_UNKNOWN = 20
"""Rules told as unknown per decision, each with the facts it lacked."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What follows when the condition holds, for these kinds.

    `hide`; `deposit` of at least `percent`; `limit`: not above `max_minor`; `require_3ds`: cards with 3-D Secure only;
    `challenge`: the buyer proves first that he is a person; `review` by somebody, which is about no kind.
    """

    id: str
    condition: Condition
    action: str
    kinds: frozenset[str]
    percent: int = 0
    reason: str = ""
    """For the merchant, in his own words."""
    max_minor: int = 0
    buyer_text: Mapping[str, str] = field(default_factory=dict)
    """For the buyer, by language."""
    valid_from: date | None = None
    valid_until: date | None = None
    """First and last day in the shop's time zone; outside of them the rule does nothing."""

    @property
    def dated(self) -> bool:
        return self.valid_from is not None or self.valid_until is not None

    def valid_on(self, day: date) -> bool:
        return (self.valid_from is None or day >= self.valid_from) and (
            self.valid_until is None or day <= self.valid_until
        )


class Found(NamedTuple):
    """The rules that hit, the trace that is stored, and the rules that lacked a fact with the facts they lacked."""

    hits: list[Rule]
    trace: tuple[dict[str, str], ...]
    unknown: tuple[dict[str, Any], ...]


@dataclass(slots=True)
class Orders:
    """What the rules that hit say of one kind; rules by their reason code."""

    hide: list[str] = field(default_factory=list)
    deposit_percent: int = 0
    deposit_rules: list[str] = field(default_factory=list)
    require_3ds: list[str] = field(default_factory=list)
    challenge: list[str] = field(default_factory=list)


def find(rules: Sequence[Rule], table: Sequence[Rule], facts: Facts) -> Found:
    """Which rules hold for these facts. `rules` and `table` are those that are valid today."""
    hits: list[Rule] = []
    trace: list[dict[str, str]] = []
    lacking: list[Rule] = []
    for rule in rules:
        held = rule.condition.test(facts)
        if held:
            hits.append(rule)
            trace.append({"rule": rule.id, "result": "hit"})
        elif held is None:
            lacking.append(rule)
            trace.append({"rule": rule.id, "result": "missing"})
    for row in table:
        held = row.condition.test(facts)
        if held:
            hits.append(row)
            trace.append({"rule": row.id, "result": "hit"})
            break
        if held is None:
            lacking.append(row)
    return Found(hits, tuple(trace), _unknown(lacking[:MOST_UNKNOWN], facts) if lacking else ())


def _unknown(lacking: Sequence[Rule], facts: Facts) -> tuple[dict[str, Any], ...]:
    return tuple(
        {
            "rule": rule.id,
            "facts": [name for name in sorted(rule.condition.facts) if getattr(facts, name) is None],
        }
        for rule in lacking
    )


def orders_of(hits: Sequence[Rule], total_minor: int) -> dict[str, Orders]:
    """What follows from the hits, by kind."""
    orders: dict[str, Orders] = {}
    for rule in hits:
        for kind in rule.kinds if rule.action != "review" else ():
            order = orders.setdefault(kind, Orders())
            _add(order, rule, total_minor)
    return orders


def _add(order: Orders, rule: Rule, total_minor: int) -> None:
    code = f"rule:{rule.id}"
    if rule.action == "hide" or (rule.action == "limit" and total_minor > rule.max_minor):
        order.hide.append(code)
    elif rule.action == "deposit" and rule.percent > order.deposit_percent:
        order.deposit_percent, order.deposit_rules = rule.percent, [code]
    elif rule.action == "require_3ds":
        order.require_3ds.append(code)
    elif rule.action == "challenge":
        order.challenge.append(code)


def texts_of(hits: Sequence[Rule]) -> dict[str, dict[str, str]]:
    """The words of the rules that hit: `reason` for the merchant, `de` and `en` for the buyer; stored with the decision."""
    told = {rule.id: ({"reason": rule.reason} if rule.reason else {}) | dict(rule.buyer_text) for rule in hits}
    return {id_: words for id_, words in told.items() if words}
