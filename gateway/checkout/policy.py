"""The merchant's policy and the choice it makes: which methods, in which order, with what deposit (pure).

Order of judgement per method: switched on, within its limits, lawful, not blocked, rules, then the smallest deposit
of the ladder that keeps expected loss and open amounts under the merchant's limits. Safe methods come first, and the
menu is never empty.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Any, NamedTuple

from gateway.checkout import rules
from gateway.checkout.bureau_policy import BureauPolicy
from gateway.checkout.economics import Contribution, Economics, expected_contribution
from gateway.checkout.methods import DEPOSIT_LADDER, KINDS, SAFE, Method
from gateway.checkout.rules import Orders
from gateway.checkout.terms import Explore, Limits, Policy
from gateway.law.consumer_credit import INVOICE_DAYS, SME_INVOICE_DAYS
from gateway.risk.facts import Facts
from gateway.risk.score import Score


class Offer(NamedTuple):
    """A method in a decision: shown, shown with a deposit, or not shown."""

    method: Method
    show: bool
    rank: int | None
    deposit_percent: int
    deposit_minor: int
    reasons: tuple[str, ...]
    worth: Contribution
    require_3ds: bool = False
    """The shop is to ask for 3-D Secure with this card."""
    challenge: bool = False
    """The buyer is to prove first that he is a person."""


class Choice(NamedTuple):
    """The menu, the class of the buyer for offline checks, and what the rules did."""

    offers: tuple[Offer, ...]
    outcome: str
    review: bool
    trace: tuple[dict[str, str], ...]
    explored: dict[str, Any] | None = None
    """What sampling could have done and did, with the probability of it; None where it had nothing to do."""
    unknown: tuple[dict[str, Any], ...] = ()
    """Rules and rows that lacked a fact, with the facts they lacked."""
    texts: Mapping[str, Mapping[str, str]] = MappingProxyType({})
    """The merchant's own words of the rules that hit."""

    @property
    def contribution_minor(self) -> int:
        """What the menu is expected to bring: as much as the best of what it shows."""
        return max((offer.worth.contribution_minor for offer in self.offers if offer.show), default=0)


@dataclass(frozen=True, slots=True)
class Case:
    """Everything `choose` looks at."""

    facts: Facts
    score: Score
    methods: Sequence[Method]
    economics: Economics
    policy: Policy
    holds_orders: bool
    today: date | None = None
    """The day in the shop's time zone, for rules that are valid for a time."""
    draw: float | None = None
    """A number from 0 to 1 that decides whether this order is one of the sample; None takes part in no sample."""


def choose(case: Case) -> Choice:
    """Judge every method, put the shown ones in order, and never leave the menu empty."""
    policy = case.policy
    hits, trace, unknown = rules.find(*policy.asked(case.facts, case.today), case.facts)
    orders = rules.orders_of(hits, case.facts.total_minor) if hits else {}
    offers = [_judge(case, method, orders.get(method.kind)) for method in case.methods]
    if (cards := orders.get("card")) and cards.require_3ds:
        offers = _with_3ds_instead(case, offers, cards)
    explored = None
    if policy.explore is not None:
        offers, explored = _explore(case, policy.explore, offers, orders)
    if not any(offer.show for offer in offers):
        offers = _last_resort(case, offers)
    review = any(rule.action == "review" for rule in hits) or any("last_resort_unsafe" in o.reasons for o in offers)
    review = review or bool(case.facts.missing and _absence_means(case, "review"))
    words = {rule.id: rule.words for rule in hits if rule.words}
    return Choice(_ranked(offers), _outcome(case, offers, orders), review, trace, explored, unknown, words)


def _judge(case: Case, method: Method, orders: Orders | None) -> Offer:
    limits = case.policy.limits.get(method.kind, _NO_LIMITS)
    refused = _refusals(case, method, limits) + (orders.hide if orders else [])
    if refused:
        return _hidden(case, method, refused)
    if KINDS[method.kind].safety <= SAFE:
        offer = _shown(method, _worth(case, method, 0), [])
    else:
        offer = _with_deposit(case, method, limits, orders or _NO_ORDERS)
    return _marked(offer, orders) if orders and offer.show else offer


def _marked(offer: Offer, orders: Orders) -> Offer:
    """With what the shop has to do before it takes the payment."""
    secure = orders.require_3ds if offer.method.kind == "card" else []
    if not (secure or orders.challenge):
        return offer
    reasons = (*offer.reasons, *secure, *orders.challenge)
    return offer._replace(reasons=reasons, require_3ds=bool(secure), challenge=bool(orders.challenge))


def _with_3ds_instead(case: Case, offers: list[Offer], orders: Orders) -> list[Offer]:
    """A card without 3-D Secure is not shown where the same menu has one with it."""
    if not any(offer.show and offer.method.kind == "card_3ds" for offer in offers):
        return offers
    reasons = [*orders.require_3ds, "card_with_3ds_instead"]
    return [
        _hidden(case, offer.method, reasons) if offer.show and offer.method.kind == "card" else offer
        for offer in offers
    ]


def _explore(
    case: Case, explore: Explore, offers: list[Offer], orders: Mapping[str, Orders]
) -> tuple[list[Offer], dict[str, Any] | None]:
    """Show what risk alone took away or wanted paid before, if this order was drawn; say with which probability.

    Never on the merchant's block list, above the cap, or against a rule, a limit or the law.
    """
    if case.draw is None or case.facts.total_minor > explore.max_minor or case.facts.listed == "block":
        return offers, None
    free: dict[str, Offer] = {}
    for offer in offers:
        if offer.method.kind in explore.kinds and offer.reasons and _RISK_ALONE.issuperset(offer.reasons):
            sample = _sampled(case, offer.method, orders.get(offer.method.kind))
            if sample is not None:
                free[offer.method.id] = sample
    if not free:
        return offers, None
    share = explore.percent / 100
    drawn = case.draw < share
    told = {"draw": case.draw, "propensity": share, "shown": drawn, "methods": list(free)}
    return [free.get(offer.method.id, offer) for offer in offers] if drawn else offers, told


def _sampled(case: Case, method: Method, orders: Orders | None) -> Offer | None:
    """The method without a deposit; None where something else than risk wants one or speaks against it."""
    worth = _worth(case, method, 0)
    over = _overruns(case, method, case.policy.limits.get(method.kind, _NO_LIMITS), worth)
    if not _RISK_ALONE.issuperset(over) or (orders and orders.deposit_percent):
        return None
    offer = _shown(method, worth, ["explored"])
    return _marked(offer, orders) if orders else offer


_RISK_ALONE = frozenset({"risk_too_high", "expected_loss", "not_worth_it"})


_NO_LIMITS = Limits()
_NO_ORDERS = Orders()


def _refusals(case: Case, method: Method, limits: Limits) -> list[str]:
    """Why this method is not shown whatever the deposit; empty when nothing speaks against it."""
    facts, kind = case.facts, KINDS[method.kind]
    refused = _limit_refusals(facts, limits)
    if method.kind == "instalments":
        refused.append("needs_licence")
    if method.kind == "invoice":
        refused += _credit(case.policy, facts, method)
    if kind.safety > SAFE:
        refused += _risk_refusals(case, limits, defaults=kind.default)
    return refused


def _credit(policy: Policy, facts: Facts, method: Method) -> list[str]:
    """Why this invoice would be consumer credit: due too late, or not free of charge for a consumer."""
    against = []
    if policy.invoice_days > (SME_INVOICE_DAYS if policy.seller_is_sme else INVOICE_DAYS):
        against.append("consumer_credit")
    if (policy.invoice_fee_minor or method.fee_minor) and not facts.b2b:
        against.append("consumer_credit_fee")
    return against


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
    if policy.without_bureau == "safe_only" and "bureau" in facts.missing:
        refused.append("bureau_missing")
    return refused


def _absence_means(case: Case, what: str) -> bool:
    """Whether a signal that is missing now means this."""
    policy, missing = case.policy, case.facts.missing
    return (
        (policy.without_history == what and "history" in missing)
        or (policy.without_velocity == what and "velocity" in missing)
        or (policy.without_bureau == what and "bureau" in missing)
    )


def _with_deposit(case: Case, method: Method, limits: Limits, orders: Orders) -> Offer:
    """The smallest step of the ladder that satisfies rule, loss limit and buyer limit."""
    against: list[str] = ["deposit_by_rule"] if orders.deposit_percent else []
    priced = Method(method.id, "card_3ds") if orders.require_3ds and method.kind == "card" else method
    for percent in _ladder(case, method, limits):
        if percent < orders.deposit_percent:
            continue
        worth = _worth(case, priced, percent)
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
    ceiling = policy.shop_limit_minor
    if ceiling is not None and KINDS[method.kind].default and (facts.shop_open_minor or 0) + unpaid_minor > ceiling:
        over.append("shop_limit")
    if worth.contribution_minor <= 0:
        over.append("not_worth_it")
    return over


def _least(one: int | None, other: int | None) -> int | None:
    if one is None or other is None:  # asked for every step of every method: a generator costs more
        return other if one is None else one
    return min(one, other)


def _worth(case: Case, method: Method, percent: int) -> Contribution:
    worth = expected_contribution(method, percent, case.facts.total_minor, case.score, case.economics)
    bureau = case.policy.bureau
    if bureau is None or not bureau.cost_minor or method.kind not in bureau.kinds:
        return worth
    return _less_the_question(case, bureau, worth)


def _less_the_question(case: Case, bureau: BureauPolicy, worth: Contribution) -> Contribution:
    """Without what the bureau costs, where it would be asked: no answer on record, and something left to be paid."""
    total_minor = case.facts.total_minor
    if "bureau" not in case.facts.missing or total_minor < bureau.from_minor or worth.deposit_minor >= total_minor:
        return worth
    cost = worth.completion * bureau.cost_minor * bureau.sample_percent / 100
    return worth._replace(contribution_minor=worth.contribution_minor - round(cost))


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


_UNLAWFUL = frozenset({"needs_licence", "consumer_credit", "consumer_credit_fee"})
_BY_RISK = _RISK_ALONE | {
    "blocked",
    "objection",
    "history_missing",
    "velocity_missing",
    "bureau_missing",
    "buyer_limit",
    "shop_limit",
}


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
        Offer(
            o.method, o.show, rank, o.deposit_percent, o.deposit_minor, o.reasons, o.worth, o.require_3ds, o.challenge
        )
        for rank, o in enumerate(shown, 1)
    ]
    return (*ranked, *hidden)


def _outcome(case: Case, offers: list[Offer], orders: Mapping[str, Orders]) -> str:
    """The buyer's class: `allow` (every unsafe method as it is), `review` (some, or on a condition), `decline` (none).

    A plugin grants by it what was not asked about here, so a blocked buyer and a last resort are always `decline`, and
    where no unsafe method was asked about, an invoice is judged in its place.
    """
    if case.facts.listed == "block" or any(reason.startswith("last_resort") for o in offers for reason in o.reasons):
        return "decline"
    unsafe = [offer for offer in offers if KINDS[offer.method.kind].safety > SAFE]
    unsafe = unsafe or [_judge(case, Method("", "invoice"), orders.get("invoice"))]
    if all(o.show and not (o.deposit_percent or o.require_3ds or o.challenge) for o in unsafe):
        return "allow"
    return "review" if any(offer.show for offer in unsafe) else "decline"


def to_dict(choice: Choice) -> dict[str, Any]:
    """What is stored and compared on replay. What came later than the first records stands only where it says something."""
    stored: dict[str, Any] = {
        "outcome": choice.outcome,
        "review": choice.review,
        "trace": list(choice.trace),
        "offers": [_offer(offer) for offer in choice.offers],
    }
    if choice.explored is not None:
        stored["explored"] = choice.explored
    return stored


def _offer(offer: Offer) -> dict[str, Any]:
    stored: dict[str, Any] = {
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
    if offer.require_3ds:
        stored["require_3ds"] = True
    if offer.challenge:
        stored["challenge"] = True
    return stored
