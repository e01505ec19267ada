"""One row through facts, score and policy, by the functions that decide at checkout; and what each way would have brought (pure).

What a menu brings is told twice: the buyer takes, of what is shown, the method he finishes most often (`taken`); or the
menu is as good as its best offer (`best`). Everything for everybody is the first with every method shown. With an outcome
the realised contribution is the same formula with what happened in the place of the probability.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from marshmallow import ValidationError

from gateway.checkout.economics import Contribution, Economics, expected_contribution
from gateway.checkout.methods import Method
from gateway.checkout.policy import Case, Choice, Offer, choose
from gateway.checkout.request import CheckoutRequest
from gateway.checkout.schemas import CheckoutSchema
from gateway.checkout.terms import Policy
from gateway.checkout.told import told_of
from gateway.core import fastload
from gateway.core.faults import pointers
from gateway.replay.mapping import BASKET, FileMapping, RowWrong, Told
from gateway.risk.card import Card
from gateway.risk.facts import Facts
from gateway.risk.gather import Known, gather
from gateway.risk.score import Score, score
from gateway.shops import identity

_load = fastload.loader(CheckoutSchema())
_UNKEYED = bytes(32)
"""Blind indexes of a replay compare two addresses of one row and are thrown away."""
_HISTORY = frozenset({"known_buyer", "orders", "paid_orders"})
FROM_FILE = "file"
"""The card of a score whose probabilities all stand in the file."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What decides: the versions a run is made with."""

    card: Card
    policy: Policy
    economics: Economics


@dataclass(frozen=True, slots=True)
class Way:
    """One way to treat a row: the method taken, what it is expected to bring, and what it did bring if that is known."""

    method: Method
    worth: Contribution
    realised_minor: int | None


@dataclass(frozen=True, slots=True)
class Replayed:
    """One row, decided."""

    told: Told
    facts: Facts
    score: Score
    choice: Choice
    taken: Way
    best: Way
    everything: Way
    singles: tuple[Way, ...]
    """Each method alone, for everybody, without a deposit; in the order of the methods."""
    oracle_minor: int | None
    """The best of the singles, had the outcome been known before."""


def judge(rules: Rules, mapping: FileMapping) -> Callable[[Told], Replayed]:
    """How to replay a row. It raises RowWrong for one that the door of the API would refuse."""
    whole = bool({path for path in mapping.told_paths if _asks(path)} - BASKET) or not mapping.columns
    read = _whole_question if whole else _basket_only
    clear = bool({f"facts.{name}" for name in _HISTORY} & mapping.told_paths)

    def replay(told: Told) -> Replayed:
        facts, methods = read(told, mapping)
        if clear and "history" in facts.missing:
            facts = replace(facts, missing={k: v for k, v in facts.missing.items() if k != "history"})
        scored = _score(rules.card, facts, told.score)
        case = Case(facts, scored, methods, rules.economics, rules.policy, mapping.holds_orders)
        return _weighed(case, told)

    return replay


def _asks(path: str) -> bool:
    return path.partition(".")[0] not in ("facts", "score", "outcome", "id", "segment", "at")


def _basket_only(told: Told, mapping: FileMapping) -> tuple[Facts, Sequence[Method]]:
    """Facts stand in the file; of the question there is the basket's worth."""
    if lost := [name for name in BASKET if name not in told.question]:
        raise RowWrong([(name, "is missing") for name in sorted(lost)])
    if not mapping.methods:
        raise RowWrong([("methods", "are missing: name them in the mapping")])
    return Facts(missing={"history": "the file does not tell"}, **told.question, **told.facts), mapping.methods


def _whole_question(told: Told, mapping: FileMapping) -> tuple[Facts, Sequence[Method]]:
    """The question passes the door of the API and facts are gathered; what the file gives as a fact counts instead."""
    if mapping.methods and "methods" not in told.question:
        written = [{"id": m.id, "kind": m.kind, "supports_deposit": m.supports_deposit} for m in mapping.methods]
        told.question["methods"] = written
    try:
        asked: CheckoutRequest = _load(told.question)
    except ValidationError as error:
        faults = pointers(error.normalized_messages())  # type: ignore[no-untyped-call]
        raise RowWrong([(fault["path"], fault["message"]) for fault in faults]) from error
    home = identity.Identity(billing=asked.billing, delivery=asked.delivery or asked.billing)
    digests = identity.digests(_UNKEYED, live=False, identity=home)
    known = Known({}, {}, None, digests)
    facts = gather(told_of(asked), known, told.at or datetime(2000, 1, 1, 12, tzinfo=UTC), mapping.timezone)
    given: dict[str, Any] = dict(told.facts)
    if told.at is None:
        given.setdefault("local_hour", None)
    return replace(facts, **given), asked.methods


def _score(card: Card, facts: Facts, given: Mapping[str, float]) -> Score:
    """The card's probabilities, those of the file in their place where it has them."""
    if len(given) == 3:
        return Score(given["default"], given["fraud"], given["return"], (), FROM_FILE)
    return _with(score(card, facts), given)


def _with(scored: Score, chances: Mapping[str, float]) -> Score:
    default, fraud = chances.get("default", scored.default), chances.get("fraud", scored.fraud)
    return Score(default, fraud, chances.get("return", scored.return_), scored.reasons, scored.card)


def _weighed(case: Case, told: Told) -> Replayed:
    choice = choose(case)
    actual = _actual(case.score, told.outcome)
    shown = [offer for offer in choice.offers if offer.show]
    singles = tuple(_way(case, method, 0, actual) for method in case.methods)
    known = [way.realised_minor for way in singles if way.realised_minor is not None]
    return Replayed(
        told=told,
        facts=case.facts,
        score=case.score,
        choice=choice,
        taken=_of_offer(case, max(shown, key=_pull), actual),
        best=_of_offer(case, max(shown, key=lambda offer: offer.worth.contribution_minor), actual),
        everything=max(singles, key=lambda way: (way.worth.completion, way.worth.contribution_minor)),
        singles=singles,
        oracle_minor=max(known) if known else None,
    )


def _pull(offer: Offer) -> tuple[float, int]:
    return offer.worth.completion, offer.worth.contribution_minor


def _actual(scored: Score, outcome: Mapping[str, bool]) -> Score | None:
    """The score with what happened in the place of what was likely; None where nothing is known of it."""
    if not outcome:
        return None
    return _with(scored, {name: float(happened) for name, happened in outcome.items()})


def _way(case: Case, method: Method, percent: int, actual: Score | None) -> Way:
    total_minor = case.facts.total_minor
    worth = expected_contribution(method, percent, total_minor, case.score, case.economics)
    return Way(method, worth, _realised(case, method, percent, actual))


def _of_offer(case: Case, offer: Offer, actual: Score | None) -> Way:
    return Way(offer.method, offer.worth, _realised(case, offer.method, offer.deposit_percent, actual))


def _realised(case: Case, method: Method, percent: int, actual: Score | None) -> int | None:
    if actual is None:
        return None
    return expected_contribution(method, percent, case.facts.total_minor, actual, case.economics).contribution_minor
