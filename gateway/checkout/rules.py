"""A policy's rules and the rows of its table: which of them hit, and what they say of each kind of method (pure).

Every rule that holds acts; of the table the first row that holds does. Rules add up: the strictest word counts.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple

from gateway.checkout.conditions import Condition
from gateway.risk.facts import Facts

ACTIONS = ("hide", "deposit", "limit", "review", "require_3ds", "challenge")
WORTH_A_LOOKUP = 8
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
    equals: Mapping[str, Any] = field(default_factory=dict)
    """Of a row: the facts that have to be exactly this, by which a long table is looked up."""
    code: str = field(init=False)
    """As a reason of an offer."""
    words: Mapping[str, str] = field(init=False)
    """The merchant's own: `reason` for him, `de` and `en` for the buyer; stored with each decision the rule hit."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "code", f"rule:{self.id}")
        object.__setattr__(self, "words", ({"reason": self.reason} if self.reason else {}) | dict(self.buyer_text))

    @property
    def dated(self) -> bool:
        return self.valid_from is not None or self.valid_until is not None

    def valid_on(self, day: date) -> bool:
        return (self.valid_from is None or day >= self.valid_from) and (
            self.valid_until is None or day <= self.valid_until
        )


@dataclass(frozen=True, slots=True)
class Lookup:
    """The rows of a long table by the value of one fact: the others are false whatever else they say."""

    fact: str
    rows: Mapping[Any, Sequence[Rule]]
    rest: Sequence[Rule]
    """For every other value: the rows that do not ask for it."""

    def find(self, facts: Facts, table: Sequence[Rule]) -> Sequence[Rule]:
        value = getattr(facts, self.fact)
        return table if value is None else self.rows.get(value, self.rest)


def lookup(table: Sequence[Rule]) -> Lookup | None:
    """By the fact that most rows compare; None where it would spare little."""
    asked = Counter(fact for row in table for fact in row.equals)
    if not asked or (most := asked.most_common(1)[0])[1] < WORTH_A_LOOKUP:
        return None
    fact = most[0]
    values = {row.equals[fact] for row in table if fact in row.equals}
    rows = {value: tuple(row for row in table if row.equals.get(fact, value) == value) for value in values}
    return Lookup(fact, rows, tuple(row for row in table if fact not in row.equals))


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
    code = rule.code
    if rule.action == "hide" or (rule.action == "limit" and total_minor > rule.max_minor):
        order.hide.append(code)
    elif rule.action == "deposit" and rule.percent > order.deposit_percent:
        order.deposit_percent, order.deposit_rules = rule.percent, [code]
    elif rule.action == "require_3ds":
        order.require_3ds.append(code)
    elif rule.action == "challenge":
        order.challenge.append(code)
