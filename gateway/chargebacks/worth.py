"""Whether answering pays: chance of winning times amount, less fee and work, with every figure shown (pure)."""

from collections.abc import Collection
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from gateway.chargebacks.reasons import rows

PRIOR_CASES = 20
"""How many cases of one's own weigh as much as the prior."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Of answering: what the provider takes when it is lost or in any case, and the work."""

    answer_fee_minor: int
    minutes: int
    rate_minor: int
    """Of one hour."""

    @property
    def work_minor(self) -> int:
        return -(-self.minutes * self.rate_minor // 60)


@dataclass(frozen=True, slots=True)
class Own:
    """The merchant's own ended cases of this category that were answered."""

    answered: int = 0
    won: int = 0


@dataclass(frozen=True, slots=True)
class Worth:
    """The recommendation and its working."""

    recommendation: str
    """`answer` or `accept`."""
    chance: Fraction
    prior: Fraction
    strength: Fraction
    expected_minor: int
    working: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Piece:
    """One kind of proof of a category, how much it weighs, and where the providers want it."""

    name: str
    weight: int
    stripe_text: str
    stripe_file: str
    paypal_type: str
    certainty: str
    source: str


def pieces_of(category: str) -> list[Piece]:
    """What proves the merchant's case in this category, the heaviest first."""
    names = ("stripe_text", "stripe_file", "paypal_type", "certainty", "source")
    found = [row for row in rows("evidence.csv") if row["category"] == category]
    made = [Piece(row["piece"], int(row["weight"]), *(row[name] for name in names)) for row in found]
    return sorted(made, key=lambda piece: -piece.weight)


def strength(category: str, present: Collection[str]) -> Fraction:
    """How much of what would prove it is there, from 0 to 1."""
    wanted = pieces_of(category)
    there = sum(piece.weight for piece in wanted if piece.name in present)
    return Fraction(there, sum(piece.weight for piece in wanted) or 1)


def estimate(category: str, amount_minor: int, present: Collection[str], own: Own, cost: Cost) -> Worth:
    """The prior by evidence, drawn towards the merchant's own rate as his cases add up."""
    row = next(row for row in rows("win_priors.csv") if row["category"] == category)
    have = strength(category, present)
    low, high = Fraction(int(row["base_percent"]), 100), Fraction(int(row["full_percent"]), 100)
    prior = low + (high - low) * have
    chance = (prior * PRIOR_CASES + own.won) / (PRIOR_CASES + own.answered)
    spent = cost.answer_fee_minor + cost.work_minor
    expected = int(chance * amount_minor) - spent
    working = {
        "amount_minor": amount_minor,
        "evidence_percent": int(have * 100),
        "prior_percent": int(prior * 100),
        "prior_certainty": row["certainty"],
        "own_answered": own.answered,
        "own_won": own.won,
        "chance_percent": int(chance * 100),
        "fee_minor": cost.answer_fee_minor,
        "work_minor": cost.work_minor,
        "expected_minor": expected,
    }
    return Worth("answer" if expected > 0 else "accept", chance, prior, have, expected, working)


def claim_after_loss(category: str, *, delivered: bool, proven: bool, known_buyer: bool) -> tuple[str, str]:
    """`open` or `leave`, and why. Fraud never: the buyer was not the debtor. A person may decide otherwise."""
    if not known_buyer:
        return "leave", "nobody is known who would owe it"
    if category == "fraud":
        return "leave", "the buyer may not have been the one who ordered"
    if category == "not_received":
        return ("open", "delivery is proven") if delivered and proven else ("leave", "delivery is not proven")
    if category in ("duplicate", "credit_not_processed", "processing"):
        return "leave", "the fault may be ours; somebody has to look"
    return ("open", "the goods were delivered") if delivered else ("leave", "the goods were not delivered")
