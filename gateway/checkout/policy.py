"""The merchant's policy and the choice it makes: which methods, in which order, with what deposit (pure).

Order of judgement per method: switched on, within its limits, lawful, not blocked, rules, then the smallest deposit
of the ladder that keeps expected loss and open amounts under the merchant's limits. Safe methods come first, and the
menu is never empty.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from gateway.checkout.conditions import Condition
from gateway.checkout.economics import Contribution, Economics, expected_contribution
from gateway.checkout.methods import DEPOSIT_LADDER, KINDS, SAFE, Method
from gateway.risk.facts import Facts
from gateway.risk.score import Score

SME_INVOICE_DAYS, INVOICE_DAYS = 50, 14
"""Own deferred payment is no consumer credit up to 14 days after delivery, 50 for an SME (CCD2 Art. 2(2)(h))."""


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
class Rule:
    """When the condition holds: `hide`, ask for a `deposit` of at least `percent`, or `review` by a person."""

    id: str
    condition: Condition
    action: str
    kinds: frozenset[str]
    percent: int = 0
    reason: str = ""


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
    """What a missing signal means: `score` (the card's value for missing), or `safe_only`."""
    invoice_days: int = 14
    """When an own invoice is due, in days after delivery."""
    seller_is_sme: bool = False


class Offer(NamedTuple):
    """A method in a decision: shown, shown with a deposit, or not shown."""

    method: Method
    show: bool
    rank: int | None
    deposit_percent: int
    deposit_minor: int
    reasons: tuple[str, ...]
    worth: Contribution


@dataclass(frozen=True, slots=True)
class Choice:
    """The menu, the class of the buyer for offline checks, and what the rules did."""

    offers: tuple[Offer, ...]
    outcome: str
    review: bool
    trace: tuple[dict[str, str], ...]


@dataclass(frozen=True, slots=True)
class Case:
    """Everything `choose` looks at."""

    facts: Facts
    score: Score
    methods: Sequence[Method]
    economics: Economics
    policy: Policy
    holds_orders: bool


@dataclass(slots=True)
class _Orders:
    """What the rules that hit say of one kind."""

    hide: list[str] = field(default_factory=list)
    deposit_percent: int = 0
    deposit_rules: list[str] = field(default_factory=list)


def choose(case: Case) -> Choice:
    """Judge every method, put the shown ones in order, and never leave the menu empty."""
    hits, trace = _hits(case.policy, case.facts)
    orders = _orders(hits)
    offers = [_judge(case, method, orders.get(method.kind)) for method in case.methods]
    if not any(offer.show for offer in offers):
        offers = _last_resort(case, offers)
    review = any(rule.action == "review" for rule in hits) or any("last_resort_unsafe" in o.reasons for o in offers)
    return Choice(_ranked(offers), _outcome(case, offers, orders), review, trace)


def _hits(policy: Policy, facts: Facts) -> tuple[list[Rule], tuple[dict[str, str], ...]]:
    hits: list[Rule] = []
    trace: list[dict[str, str]] = []
    for rule in policy.rules:
        held = rule.condition.test(facts)
        if held:
            hits.append(rule)
        if held is not False:
            trace.append({"rule": rule.id, "result": "hit" if held else "missing"})
    for row in policy.table:
        if row.condition.test(facts):
            hits.append(row)
            trace.append({"rule": row.id, "result": "hit"})
            break
    return hits, tuple(trace)


def _orders(hits: list[Rule]) -> dict[str, _Orders]:
    orders: dict[str, _Orders] = {}
    for rule in hits:
        for kind in rule.kinds if rule.action != "review" else ():
            order = orders.setdefault(kind, _Orders())
            if rule.action == "hide":
                order.hide.append(f"rule:{rule.id}")
            elif rule.percent > order.deposit_percent:
                order.deposit_percent, order.deposit_rules = rule.percent, [f"rule:{rule.id}"]
    return orders


def _judge(case: Case, method: Method, orders: _Orders | None) -> Offer:
    limits = case.policy.limits.get(method.kind, _NO_LIMITS)
    refused = _refusals(case, method, limits) + (orders.hide if orders else [])
    if refused:
        return _hidden(case, method, refused)
    if KINDS[method.kind].safety <= SAFE:
        return _shown(method, _worth(case, method, 0), [])
    return _with_deposit(case, method, limits, orders or _NO_ORDERS)


_NO_LIMITS = Limits()
_NO_ORDERS = _Orders()


def _refusals(case: Case, method: Method, limits: Limits) -> list[str]:
    """Why this method is not shown whatever the deposit; empty when nothing speaks against it."""
    facts, kind = case.facts, KINDS[method.kind]
    refused = _limit_refusals(facts, limits)
    if method.kind == "instalments":
        refused.append("needs_licence")
    if method.kind == "invoice" and case.policy.invoice_days > (
        SME_INVOICE_DAYS if case.policy.seller_is_sme else INVOICE_DAYS
    ):
        refused.append("consumer_credit")
    if kind.safety > SAFE:
        refused += _risk_refusals(case, limits, defaults=kind.default)
    return refused


def _limit_refusals(facts: Facts, limits: Limits) -> list[str]:
    refused = [] if limits.enabled else ["switched_off"]
    if limits.min_minor is not None and facts.total_minor < limits.min_minor:
        refused.append("amount_too_small")
    if limits.max_minor is not None and facts.total_minor > limits.max_minor:
        refused.append("amount_too_large")
    if limits.countries is not None and facts.country not in limits.countries:
        refused.append("country")
    if limits.b2b != "both" and (limits.b2b == "only") is not bool(facts.b2b):
        refused.append("companies_only" if limits.b2b == "only" else "consumers_only")
    return refused


def _risk_refusals(case: Case, limits: Limits, *, defaults: bool) -> list[str]:
    facts, policy = case.facts, case.policy
    if facts.listed == "block":
        return ["blocked"]
    if facts.listed == "allow":
        return []
    if "profiling" in facts.missing:
        return ["objection"]
    refused = []
    if defaults and limits.max_default is not None and case.score.default > limits.max_default:
        refused.append("risk_too_high")
    if policy.without_history == "safe_only" and "history" in facts.missing:
        refused.append("history_missing")
    if policy.without_velocity == "safe_only" and "velocity" in facts.missing:
        refused.append("velocity_missing")
    return refused


def _with_deposit(case: Case, method: Method, limits: Limits, orders: _Orders) -> Offer:
    """The smallest step of the ladder that satisfies rule, loss limit and buyer limit."""
    against: list[str] = ["deposit_by_rule"] if orders.deposit_percent else []
    for percent in _ladder(case, method, limits):
        if percent < orders.deposit_percent:
            continue
        worth = _worth(case, method, percent)
        against_now = _overruns(case, method, limits, worth)
        if not against_now:
            why = (against + orders.deposit_rules) if percent else []
            return _shown(method, worth, why)
        against = against or against_now
    return _hidden(case, method, against)


def _ladder(case: Case, method: Method, limits: Limits) -> list[int]:
    if not (KINDS[method.kind].deposit and method.supports_deposit):
        return [0]
    steps = DEPOSIT_LADDER if case.holds_orders else (0, 100)
    return [step for step in steps if step <= limits.max_deposit_percent]


def _overruns(case: Case, method: Method, limits: Limits, worth: Contribution) -> list[str]:
    """Which limits this deposit leaves exceeded."""
    facts, policy = case.facts, case.policy
    over = []
    unpaid_minor = facts.total_minor - worth.deposit_minor
    limit_minor = min(policy.loss_limit_minor, facts.total_minor * policy.loss_limit_bp // 10_000)
    if worth.expected_loss_minor > limit_minor and facts.listed != "allow":
        over.append("expected_loss")
    buyer_limit = _least(limits.buyer_limit_minor, policy.buyer_limit_minor)
    if KINDS[method.kind].default and buyer_limit is not None and (facts.open_minor or 0) + unpaid_minor > buyer_limit:
        over.append("buyer_limit")
    if worth.contribution_minor <= 0:
        over.append("not_worth_it")
    return over


def _least(*limits: int | None) -> int | None:
    return min((limit for limit in limits if limit is not None), default=None)


def _worth(case: Case, method: Method, percent: int) -> Contribution:
    return expected_contribution(method, percent, case.facts.total_minor, case.score, case.economics)


def _shown(method: Method, worth: Contribution, reasons: list[str]) -> Offer:
    return Offer(method, True, None, worth.deposit_percent, worth.deposit_minor, tuple(reasons), worth)  # noqa: FBT003 - the field is called show


def _hidden(case: Case, method: Method, reasons: list[str]) -> Offer:
    return Offer(method, False, None, 0, 0, tuple(dict.fromkeys(reasons)), _worth(case, method, 0))  # noqa: FBT003 - as above


def _last_resort(case: Case, offers: list[Offer]) -> list[Offer]:
    """Show the safest method all the same; an unsafe one fully paid before, or marked for review if it cannot be."""
    best = min(range(len(offers)), key=lambda place: _reluctance(offers[place]))
    method = offers[best].method
    prepaid = KINDS[method.kind].deposit and method.supports_deposit
    worth = _worth(case, method, 100 if prepaid else 0)
    safe = prepaid or KINDS[method.kind].safety <= SAFE
    reasons = [*offers[best].reasons, "last_resort" if safe else "last_resort_unsafe"]
    return [_shown(method, worth, reasons) if place == best else offer for place, offer in enumerate(offers)]


def _preference(offer: Offer) -> tuple[int, int]:
    """Safe before unsafe, worth most before worth less."""
    return KINDS[offer.method.kind].safety, -offer.worth.contribution_minor


_UNLAWFUL = frozenset({"needs_licence", "consumer_credit"})
_BY_RISK = frozenset(
    {
        "blocked",
        "objection",
        "risk_too_high",
        "history_missing",
        "velocity_missing",
        "expected_loss",
        "buyer_limit",
        "not_worth_it",
    }
)


def _reluctance(offer: Offer) -> tuple[bool, bool, bool, int, int]:
    """Lawful first, then what the merchant himself has not taken away, then what is safe or can be paid before."""
    kind, reasons = KINDS[offer.method.kind], set(offer.reasons)
    lost = kind.safety > SAFE and not (kind.deposit and offer.method.supports_deposit)
    unwanted = bool(reasons - _BY_RISK - _UNLAWFUL)
    return bool(reasons & _UNLAWFUL), unwanted, lost, *_preference(offer)


def _ranked(offers: list[Offer]) -> tuple[Offer, ...]:
    shown = sorted((offer for offer in offers if offer.show), key=_preference)
    hidden = [offer for offer in offers if not offer.show]
    ranked = [
        Offer(o.method, o.show, rank, o.deposit_percent, o.deposit_minor, o.reasons, o.worth)
        for rank, o in enumerate(shown, 1)
    ]
    return (*ranked, *hidden)


def _outcome(case: Case, offers: list[Offer], orders: Mapping[str, _Orders]) -> str:
    """The buyer's class: `allow` (every unsafe method as it is), `review` (some, or with a deposit), `decline` (none).

    A plugin grants by it what was not asked about here, so a blocked buyer and a last resort are always `decline`, and
    where no unsafe method was asked about, an invoice is judged in its place.
    """
    if case.facts.listed == "block" or any(reason.startswith("last_resort") for o in offers for reason in o.reasons):
        return "decline"
    unsafe = [offer for offer in offers if KINDS[offer.method.kind].safety > SAFE]
    unsafe = unsafe or [_judge(case, Method("", "invoice"), orders.get("invoice"))]
    if all(offer.show and not offer.deposit_percent for offer in unsafe):
        return "allow"
    return "review" if any(offer.show for offer in unsafe) else "decline"


def to_dict(choice: Choice) -> dict[str, Any]:
    """What is stored and compared on replay."""
    return {
        "outcome": choice.outcome,
        "review": choice.review,
        "trace": list(choice.trace),
        "offers": [
            {
                "method": offer.method.id,
                "kind": offer.method.kind,
                "show": offer.show,
                "rank": offer.rank,
                "deposit_percent": offer.deposit_percent,
                "deposit_minor": offer.deposit_minor,
                "reasons": list(offer.reasons),
                "completion": offer.worth.completion,
                "expected_loss_minor": offer.worth.expected_loss_minor,
                "contribution_minor": offer.worth.contribution_minor,
            }
            for offer in choice.offers
        ],
    }
