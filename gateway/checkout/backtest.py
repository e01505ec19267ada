"""A policy against what was decided: which menus would have changed, and what they were worth before and after (pure).

Both menus are valued by the same figures and the score of then: what changes is the policy alone. A menu brings what
the best method it shows is expected to bring.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.checkout import records, stages
from gateway.checkout.economics import Economics, expected_contribution
from gateway.checkout.methods import Method
from gateway.checkout.policy import Case, Choice, choose
from gateway.checkout.terms import Policy
from gateway.core.money import exponent
from gateway.risk import facts
from gateway.risk.facts import Facts
from gateway.risk.score import from_dict

MOST_SHOWN, MOST_COUNTRIES, MOST_ERROR_IDS = 50, 40, 10
BANDS = (50, 100, 250, 500)
"""Order totals in major units at which the bands change."""
Tally = dict[str, Any]
DocumentOf = Callable[[str, int, int], Any]
"""Kind, version and edition of the defaults → the compiled document."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """The version that is tried: a checkout policy, or figures."""

    kind: str
    document: Policy | Economics


@dataclass(frozen=True, slots=True)
class Compared:
    """One decision, as it was and as it would have been."""

    facts: Facts
    before: Mapping[str, Any]
    """The stored choice."""
    after: Choice
    before_minor: int
    after_minor: int
    kinds: Mapping[str, str]
    """Method → kind."""

    @property
    def menus(self) -> tuple[list[list[Any]], list[list[Any]]]:
        shown = [offer for offer in self.before["offers"] if offer["show"]]
        return [[offer["method"], offer["deposit_percent"]] for offer in shown], stages.menu(self.after)

    @property
    def changed(self) -> bool:
        """Another menu, or a person who looks at the order now or no more."""
        before, after = self.menus
        return before != after or self.before["review"] != self.after.review


def empty() -> Tally:
    """Before the first decision."""
    return {
        "judged": 0,
        "changed": 0,
        "contribution": {},
        "reviews": {"before": 0, "after": 0},
        "kinds": {},
        "outcomes": {},
        "segments": {name: {} for name in SEGMENTS},
        "rules": {},
        "sample": [],
        "errors": {},
        "error_ids": [],
    }


def compare(record: dict[str, Any], candidate: Candidate, document_of: DocumentOf) -> Compared:
    """Judge a stored record again by the candidate. What is wrong with the record passes through as it is raised."""
    known, score, versions = facts.from_dict(record["facts"]), from_dict(record["score"]), record["versions"]
    edition = versions.get("defaults", 1)
    if isinstance(candidate.document, Policy):
        terms, economics = candidate.document, document_of("economics", versions["economics"], edition)
    else:
        terms, economics = document_of("checkout", versions["policy"], edition), candidate.document
    case = records.case_of(record, known, score, terms, economics)
    after = choose(case)
    before = record["choice"]
    same_figures = candidate.kind == "checkout"
    shown = [offer for offer in before["offers"] if offer["show"]]
    worth = [offer["contribution_minor"] if same_figures else _worth(case, offer) for offer in shown]
    kinds = {method.id: method.kind for method in case.methods}
    return Compared(known, before, after, max(worth, default=0), after.contribution_minor, kinds)


def _worth(case: Case, offer: Mapping[str, Any]) -> int:
    method = Method(offer["method"], offer["kind"])
    total_minor = case.facts.total_minor
    priced = expected_contribution(method, offer["deposit_percent"], total_minor, case.score, case.economics)
    return priced.contribution_minor


def add(tally: Tally, decision: str, compared: Compared) -> None:
    """Count one decision. `decision` is its public id."""
    changed = compared.changed
    _count(tally, compared, changed=changed)
    for name, of in SEGMENTS.items():
        values = tally["segments"][name]
        value = of(compared.facts)
        if value not in values and len(values) >= MOST_COUNTRIES:
            value = "other"
        _count(values.setdefault(value, {"judged": 0, "changed": 0, "contribution": {}}), compared, changed=changed)
    tally["reviews"]["before"] += compared.before["review"]
    tally["reviews"]["after"] += compared.after.review
    _count_rules(tally["rules"], compared.after)
    if changed:
        _count_change(tally, decision, compared)


def add_error(tally: Tally, decision: str, code: str) -> None:
    """Count a decision that cannot be judged."""
    tally["errors"][code] = tally["errors"].get(code, 0) + 1
    if len(tally["error_ids"]) < MOST_ERROR_IDS:
        tally["error_ids"].append(decision)


def _count(cell: dict[str, Any], compared: Compared, *, changed: bool) -> None:
    cell["judged"] += 1
    cell["changed"] += changed
    sums = cell["contribution"].setdefault(compared.facts.currency, {"before_minor": 0, "after_minor": 0})
    sums["before_minor"] += compared.before_minor
    sums["after_minor"] += compared.after_minor


def _count_rules(rules: dict[str, Any], choice: Choice) -> None:
    for step in choice.trace:
        counted = rules.setdefault(step["rule"], {"hit": 0, "missing": 0})
        counted[step["result"]] += 1


def _count_change(tally: Tally, decision: str, compared: Compared) -> None:
    before, after = compared.menus
    for kind, what in _moves(dict(map(tuple, before)), dict(map(tuple, after)), compared.kinds):
        counted = tally["kinds"].setdefault(kind, {"opened": 0, "closed": 0, "deposit_up": 0, "deposit_down": 0})
        counted[what] += 1
    if (was := compared.before["outcome"]) != (now := compared.after.outcome):
        tally["outcomes"][f"{was} to {now}"] = tally["outcomes"].get(f"{was} to {now}", 0) + 1
    tally["sample"].append(
        {
            "decision": decision,
            "currency": compared.facts.currency,
            "total_minor": compared.facts.total_minor,
            "before": before,
            "after": after,
            "delta_minor": compared.after_minor - compared.before_minor,
        }
    )
    if len(tally["sample"]) > 2 * MOST_SHOWN:
        _keep_largest(tally)


def _keep_largest(tally: Tally) -> None:
    tally["sample"].sort(key=lambda one: (-abs(one["delta_minor"]), one["decision"]))
    del tally["sample"][MOST_SHOWN:]


def finish(tally: Tally) -> Tally:
    """In the form that is shown: of what changed, what moves most money."""
    _keep_largest(tally)
    return tally


def _moves(before: Mapping[str, int], after: Mapping[str, int], kinds: Mapping[str, str]) -> list[tuple[str, str]]:
    """What became of each method, once per kind and move."""
    moves: dict[tuple[str, str], None] = {}
    for method, kind in kinds.items():
        was, now = before.get(method), after.get(method)
        if was is None and now is not None:
            moves[kind, "opened"] = None
        elif was is not None and now is None:
            moves[kind, "closed"] = None
        elif was is not None and now is not None and was != now:
            moves[kind, "deposit_up" if now > was else "deposit_down"] = None
    return list(moves)


def _buyer(known: Facts) -> str:
    return {True: "known", False: "new", None: "nameless"}[known.known_buyer]


def _band(known: Facts) -> str:
    """The order's total in major units: `100-250`."""
    major = known.total_minor / 10 ** exponent(known.currency)
    low = max((band for band in BANDS if major >= band), default=0)
    high = min((band for band in BANDS if major < band), default=None)
    return f"{low}-{high}" if high is not None else f"from {low}"


def _country(known: Facts) -> str:
    return known.country or "unknown"


def _b2b(known: Facts) -> str:
    return "company" if known.b2b else "consumer"


SEGMENTS: Mapping[str, Callable[[Facts], str]] = {"buyer": _buyer, "amount": _band, "country": _country, "b2b": _b2b}
"""By what the result is broken down."""
