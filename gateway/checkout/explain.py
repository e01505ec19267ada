"""A decision in plain words for the buyer: what was used, in which direction, and what would have changed it (pure).

C-203/22 asks for the procedure and principles actually applied, concise and plain, not for a formula. So every fact
stands here with its value, direction and rank; limits, weights and counters in figures do not.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.checkout import explain_texts as words
from gateway.checkout.whatif import OWED, Decide, what_ifs
from gateway.risk.facts import CATALOGUE

GROUPS = ("basket", "told", "history", "velocity", "lists", "bureau", "other")
_BASKET = frozenset(
    [
        "currency",
        "total_minor",
        "country",
        "items",
        "pieces",
        "dearest_minor",
        "most_of_one",
        "gift_card_percent",
        "digital_percent",
        "discount_percent",
        "local_hour",
    ]
)
_TOLD = frozenset(
    ["b2b", "guest", "email_given", "phone_given", "email_disposable", "same_address", "same_country", "parcel_locker"]
)
_HISTORY = frozenset(
    [
        "known_buyer",
        "known_address",
        "orders",
        "paid_orders",
        "open_minor",
        "overdue_minor",
        "overdue_days",
        "open_elsewhere",
        "highest_paid_minor",
        "returned_percent",
        "days_known",
        "delivered_orders",
        "return_value_percent",
        "return_count_percent",
        "refunds_without_goods",
        "refund_without_goods_percent",
        "open_returns",
        "dunning_level",
        "claims_overdue",
        "chargebacks",
        "chargebacks_lost",
        "chargebacks_fraud",
    ]
)
_WINDOW = re.compile(r"_[0-9]+[mhd]\Z")
"""What is counted ends with the window it is counted in: `email_24h`."""
_OF_SHOP = frozenset({"shop_open_minor", "shop_decline_surge"})
"""What is known of the shop and not of the buyer: no data of his, and the shop's own affair. Reasons still name it."""
NOTICEABLE = 0.005
"""Log-odds below which a fact did not move anything."""
USUAL_TOTAL_MINOR = 5_000
"""What the order total is compared with: it cannot be left out."""


@dataclass(frozen=True, slots=True)
class Told:
    """What an explanation is made of: the stored record, and the judge who can decide it again if he can be had."""

    record: Mapping[str, Any]
    decide: Decide | None = None
    rule_facts: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Rule id → facts it looks at."""


def explain(told: Told, language: str) -> dict[str, Any]:
    """Groups of facts, methods, what-ifs, probabilities and principles as JSON, in `de` or `en`."""
    record, effects = told.record, _effects(told)
    return {
        "language": language,
        "summary": words.summary(record["choice"]["offers"], language),
        "groups": _groups(record, effects, language),
        "missing": [words.missing(group, language) for group in sorted(record["facts"].get("missing", {}))],
        "methods": [_method(offer, told, language) for offer in record["choice"]["offers"]],
        "what_would_change": _what_would_change(told, language),
        "probabilities": words.probabilities(record["score"], language),
        "principles": words.principles(objected="profiling" in record["facts"].get("missing", {}), language=language),
        "versions": {name: record["versions"][name] for name in ("card", "policy", "economics")},
        "recomputed": told.decide is not None,
    }


def group_of(fact: str) -> str:
    """Which group a fact is told in; a fact this table does not know has a group of its own."""
    if fact.startswith("bureau"):
        return "bureau"
    if _WINDOW.search(fact):
        return "velocity"
    named = ((_BASKET, "basket"), (_TOLD, "told"), (_HISTORY, "history"), (frozenset({"listed"}), "lists"))
    return next((group for facts, group in named if fact in facts), "other")


def subject_of(fact: str) -> str:
    """What a counter is about, without its window: `email`, or `payments_ip` for everything counted of payments by one."""
    subject = _WINDOW.sub("", fact)
    return subject if subject in words.SUBJECTS else f"payments_{subject.rpartition('_')[2]}"


def _effects(told: Told) -> dict[str, float]:
    """How far each known fact moved the score, in log-odds: as recorded where it was, else found by leaving it out."""
    record = told.record
    effects: dict[str, float] = {}
    if told.decide is not None:
        effects = {
            fact: _left_out(record, fact, told.decide)
            for fact in record["facts"]
            if fact in CATALOGUE and fact != "listed"
        }
    recorded: dict[str, float] = {}
    for reason in record["score"]["reasons"]:
        recorded.setdefault(reason["fact"], reason["effect"])
    return effects | recorded


def _left_out(record: Mapping[str, Any], fact: str, decide: Decide) -> float:
    facts = dict(record["facts"])
    if fact == "currency":
        return 0.0
    if fact == "total_minor":
        facts[fact] = min(facts[fact], USUAL_TOTAL_MINOR)
    else:
        facts.pop(fact)
    without = decide({**record, "facts": facts})["score"]
    moves = [_logit(record["score"][name]) - _logit(without[name]) for name in ("default", "fraud", "return")]
    return max(moves, key=abs)


def _logit(chance: float) -> float:
    safe = min(max(chance, 1e-6), 1 - 1e-6)
    return math.log(safe / (1 - safe))


def _groups(record: Mapping[str, Any], effects: Mapping[str, float], language: str) -> list[dict[str, Any]]:
    facts = record["facts"]
    plain = (name for name in CATALOGUE if name in facts and name not in _OF_SHOP and not _WINDOW.search(name))
    told = [_fact(name, facts, effects, language) for name in plain]
    told += _counted(facts, effects, language)
    order = sorted((one for one in told if one["direction"] != "none"), key=lambda one: -one.pop("weight"))
    ranks = {one["fact"]: rank for rank, one in enumerate(order, 1)}
    groups = []
    for group in GROUPS:
        mine = [one for one in told if one["group"] == group]
        shown = [{key: value for key, value in one.items() if key not in ("group", "weight")} for one in mine]
        ranked = [one | {"rank": ranks.get(one["fact"])} for one in shown]
        if ranked:
            groups.append({"group": group, "title": words.group(group, language), "facts": ranked})
    return groups


def _fact(name: str, facts: Mapping[str, Any], effects: Mapping[str, float], language: str) -> dict[str, Any]:
    entry = CATALOGUE[name]
    effect = _LISTED.get(str(facts[name]), 0.0) if name == "listed" else effects.get(name, 0.0)
    return {
        "fact": name,
        "group": group_of(name),
        "label": words.label(name, entry, language),
        "value": _value(name, facts, language),
        "weight": abs(effect),
        **_direction(effect, language),
    }


def _value(name: str, facts: Mapping[str, Any], language: str) -> str:
    """In words. What is open of others at his phone, mailbox or address is told to nobody by the cent."""
    if name in OWED and facts[name] and facts.get("orders") == 0:
        return words.of_others(language)
    return words.value(name, facts[name], CATALOGUE[name].unit, facts["currency"], language)


_LISTED = {"block": 100.0, "allow": -100.0}
"""An entry of the shop's lists counts more than every score."""


def _counted(facts: Mapping[str, Any], effects: Mapping[str, float], language: str) -> list[dict[str, Any]]:
    """How often lately, told per subject and without figures or windows."""
    by_subject: dict[str, list[float]] = {}
    for name in facts:
        if _WINDOW.search(name):
            by_subject.setdefault(subject_of(name), []).append(effects.get(name, 0.0))
    told = []
    for subject, moved in by_subject.items():
        effect = max(moved, key=abs)
        often = effect > NOTICEABLE
        told.append(
            {
                "fact": f"often_{subject}",
                "group": "velocity",
                "label": words.subject(subject, language),
                "value": words.often(often=often, language=language),
                "weight": abs(effect),
                **_direction(effect, language),
            }
        )
    return told


def _direction(effect: float, language: str) -> dict[str, str]:
    direction = "none" if abs(effect) < NOTICEABLE else "against" if effect > 0 else "for"
    return {"direction": direction, "direction_text": words.direction(direction, language)}


def _method(offer: Mapping[str, Any], told: Told, language: str) -> dict[str, Any]:
    looked_at = [_reason(code, told.rule_facts, language) for code in offer["reasons"]]
    copied = {name: offer[name] for name in ("method", "kind", "show", "rank", "deposit_percent", "deposit_minor")}
    return copied | {
        "label": words.kind(offer["kind"], language),
        "text": words.offered(offer, language),
        "reasons": looked_at,
    }


def _reason(code: str, rule_facts: Mapping[str, frozenset[str]], language: str) -> dict[str, str]:
    if not code.startswith("rule:"):
        return {"code": code, "text": words.reason(code, language)}
    facts = rule_facts.get(code[5:], frozenset())
    labels = sorted({_plain_label(name, language) for name in facts if name in CATALOGUE})
    return {"code": "rule", "text": words.rule(labels, language)}


def _plain_label(name: str, language: str) -> str:
    if _WINDOW.search(name):
        return words.subject(subject_of(name), language)
    return words.label(name, CATALOGUE[name], language)


def _what_would_change(told: Told, language: str) -> list[dict[str, Any]]:
    if told.decide is None:
        return []
    kinds = {offer["method"]: offer["kind"] for offer in told.record["choice"]["offers"]}
    currency = told.record["facts"]["currency"]
    return [
        {
            "code": one.code,
            "methods": [{"method": method, "deposit_percent": percent} for method, percent in one.methods.items()],
            "text": words.what_if(one, kinds, currency, language),
        }
        for one in what_ifs(told.record, told.decide)
    ]
