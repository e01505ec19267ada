"""From facts to calibrated probabilities with reasons in rank order (pure)."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from gateway.risk.facts import Facts
from gateway.risk.model_file import OUTPUTS, Card, Output
from gateway.risk.panel import TOP, Panel, Reason, of_mapping
from gateway.risk.panel_parts import is_amount

__all__ = [
    "TOP",
    "Attribution",
    "Challenge",
    "Reason",
    "Score",
    "attributions",
    "panel_of",
    "predict",
    "raw_scores",
    "score",
    "score_all",
]


class Score(NamedTuple):
    """Probabilities of one order: not paid at all, fraudulent, returned; and what moved them most."""

    default: float
    fraud: float
    return_: float
    reasons: tuple[Reason, ...]
    card: str

    def to_dict(self) -> dict[str, Any]:
        reasons = [{"output": reason.output, "fact": reason.fact, "effect": reason.effect} for reason in self.reasons]
        return {
            "default": self.default,
            "fraud": self.fraud,
            "return": self.return_,
            "reasons": reasons,
            "card": self.card,
        }


class Challenge(NamedTuple):
    """What a challenger would have said; it acts on nothing."""

    model: str
    digest: str
    default: float
    fraud: float
    return_: float

    def to_dict(self) -> dict[str, Any]:
        return {
            "model": self.model,
            "digest": self.digest,
            "default": self.default,
            "fraud": self.fraud,
            "return": self.return_,
        }


def from_dict(stored: dict[str, Any]) -> Score:
    """The probabilities that `to_dict` stored, without their reasons: enough to choose by."""
    return Score(stored["default"], stored["fraud"], stored["return"], (), stored["card"])


def score(card: Card, facts: Facts) -> Score:
    """The probabilities by this model alone. Rounded to six digits, so that a stored score is the score."""
    return score_all(panel_of((card,)), facts)[0]


def score_all(panel: Panel, facts: Facts) -> tuple[Score, tuple[Challenge, ...]]:
    """The champion's score with its reasons, and what each challenger says."""
    chances, moved = panel.run(facts, facts.currency)
    reasons = tuple([one[2] for one in moved[:TOP]])
    champion = _made(Score, (chances[0], chances[1], chances[2], reasons, panel.champion))
    if len(chances) == len(OUTPUTS):
        return champion, ()
    others = [
        _made(Challenge, (name, digest, *chances[place : place + 3])) for name, digest, place in panel.challengers
    ]
    return champion, tuple(others)


_made = tuple.__new__
"""A named tuple without the arguments of its constructor, which would take longer than the values."""


class Attribution(NamedTuple):
    """One output taken apart, in calibrated log-odds: what is usual, what each fact moved, and their sum."""

    usual: float
    effects: dict[str, float]
    total: float


def attributions(card: Card, facts: Facts) -> dict[str, Attribution]:
    """Every effect of every fact, not the strongest four alone: `usual` and the effects add up to the total.

    For tables an effect is the value beside the usual one, for trees the difference of means along the path.
    Not for the hot path.
    """
    known = card.knows_amounts(facts.currency)
    values = {one.name: getattr(facts, one.name) if known or not is_amount(one.name) else None for one in card.features}
    return {name: _attribution(card, output, values) for name, output in card.outputs.items()}


def _attribution(card: Card, output: Output, values: Mapping[str, Any]) -> Attribution:
    usual, total, effects = output.intercept, output.intercept, dict.fromkeys(values, 0.0)
    for table in output.tables:
        value = table.value_of(values[table.fact])
        usual, total = usual + table.usual, total + value
        effects[table.fact] += value - table.usual
    for tree in output.trees:
        leaf = tree.leaf(lambda place: card.features[place].place_of(values[card.features[place].name]))
        usual, total = usual + tree.splits[0].mean, total + tree.leaves[leaf]
        for feature, before, after in tree.steps()[leaf]:
            effects[card.features[feature].name] += after - before
    moved = {fact: effect * output.a for fact, effect in effects.items() if effect}
    return Attribution(usual * output.a + output.b, moved, total * output.a + output.b)


def predict(card: Card, row: Mapping[str, Any]) -> dict[str, float]:
    """The probabilities of a model outside the checkout, for a row of values by feature; absent and NaN are unknown."""
    chances, _ = _free(card).run(row, "")
    return dict(zip(card.outputs, chances, strict=True))


def raw_scores(card: Card, row: Mapping[str, Any]) -> dict[str, float]:
    """Log-odds before the Platt step, for a row of values by feature, as `predict` has them."""
    currency = next(iter(sorted(card.currencies)), "")
    return dict(zip(card.outputs, _free(card).raw(row, currency), strict=True))


@lru_cache(maxsize=32)
def _free(card: Card) -> Panel:
    return Panel((card,), of_mapping)


@lru_cache(maxsize=32)
def panel_of(cards: tuple[Card, ...]) -> Panel:
    """These models compiled together, the champion first; the same ones are compiled once."""
    return Panel(cards)
