"""From facts to calibrated probabilities with reasons in rank order (pure)."""

import math
from dataclasses import dataclass
from typing import Any

from gateway.risk.card import AMOUNTS_IN, Card, Reason
from gateway.risk.facts import Facts

TOP = 4
"""Reasons told per decision; their effects and the rest add up exactly to the score."""


@dataclass(frozen=True, slots=True)
class Score:
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


def from_dict(stored: dict[str, Any]) -> Score:
    """The probabilities that `to_dict` stored, without their reasons: enough to choose by."""
    return Score(stored["default"], stored["fraud"], stored["return"], (), stored["card"])


def score(card: Card, facts: Facts) -> Score:
    """The probabilities by this card. Rounded to six digits, so that a stored score is the score."""
    chances: dict[str, float] = {}
    moved: list[tuple[float, str, str]] = []
    outputs = card.outputs if facts.currency in AMOUNTS_IN else card.elsewhere
    for output, (intercept, tables) in outputs.items():
        total = intercept
        for fact, value_of, usual in tables:
            value = value_of(getattr(facts, fact))
            total += value
            if value != usual:
                moved.append((value - usual, fact, output))
        chances[output] = round(1 / (1 + math.exp(-max(-30.0, min(30.0, total)))), 6)
    moved.sort(key=lambda one: -abs(one[0]))
    reasons = tuple(Reason(output, fact, round(effect, 6)) for effect, fact, output in moved[:TOP])
    return Score(chances["default"], chances["fraud"], chances["return"], reasons, card.id)
