"""What showing a method is worth: expected contribution in the merchant's own figures (pure).

`contribution = P(completes) · (margin − fee − P(default)·LGD·unpaid − P(fraud)·P(chargeback|method)·(amount + fee of it)
− P(return)·return cost)` (DESIGN §4). Figures a merchant has not given are stated priors, and the answer says which.
"""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from gateway.checkout.methods import KINDS, Method
from gateway.core.money import share_minor
from gateway.risk.score import Score


@dataclass(frozen=True, slots=True)
class KindEconomics:
    """Cost and pull of one kind. Basis points of the amount, minor units, probabilities."""

    fee_bp: int
    fee_fixed_minor: int
    completion: float
    """Share of buyers who finish the order when this is the method they meet first."""
    lgd: float = 0.0
    """Loss given default, net of what collection brings back."""
    chargeback: float | None = None
    """Share of fraudulent orders that end as a loss; None for the kind's prior."""


PRIORS: dict[str, KindEconomics] = {
    "prepayment": KindEconomics(20, 10, 0.62),
    "instant_transfer": KindEconomics(90, 25, 0.78),
    "gift_card": KindEconomics(0, 0, 0.70),
    "bnpl_guaranteed": KindEconomics(350, 35, 0.95),
    "card_3ds": KindEconomics(150, 25, 0.92),
    "wallet": KindEconomics(150, 25, 0.90),
    "paypal": KindEconomics(249, 35, 0.94),
    "card": KindEconomics(150, 25, 0.95),
    "other": KindEconomics(200, 35, 0.80),
    "sepa_debit": KindEconomics(35, 20, 0.93, 0.70),
    "cash_on_delivery": KindEconomics(0, 690, 0.85, 0.25),
    "invoice": KindEconomics(100, 50, 1.00, 0.75),
    "instalments": KindEconomics(100, 50, 0.97, 0.80),
}
DEPOSIT_COMPLETION = {0: 1.0, 10: 0.95, 30: 0.88, 50: 0.80, 100: 0.62}
"""How many of the buyers who would finish do so when asked for this share up front (prior)."""


@dataclass(frozen=True, slots=True)
class Economics:
    """The merchant's own figures; see docs/economics.md for the priors."""

    margin_bp: int = 3000
    return_cost_minor: int = 650
    chargeback_fee_minor: int = 1500
    kinds: dict[str, KindEconomics] = field(default_factory=lambda: dict(PRIORS))
    deposit_completion: dict[int, float] = field(default_factory=lambda: dict(DEPOSIT_COMPLETION))
    version: int = 0
    completions: dict[tuple[str, int], float] = field(init=False, repr=False, compare=False)
    """Kind and deposit → expected share of buyers who finish, multiplied once."""

    def __post_init__(self) -> None:
        completions = {
            (name, percent): round(kind.completion * share, 6)
            for name, kind in self.kinds.items()
            for percent, share in self.deposit_completion.items()
        }
        object.__setattr__(self, "completions", completions)


class Contribution(NamedTuple):
    """What one method with one deposit is expected to bring and to cost, in minor units."""

    deposit_percent: int
    deposit_minor: int
    completion: float
    expected_loss_minor: int
    contribution_minor: int


def expected_contribution(
    method: Method, deposit_percent: int, total_minor: int, score: Score, economics: Economics
) -> Contribution:
    """The value of showing `method` with this deposit to a buyer with this score."""
    kind, own = KINDS[method.kind], economics.kinds[method.kind]
    deposit_minor = share_minor(total_minor, deposit_percent) if deposit_percent else 0
    unpaid_minor = total_minor - deposit_minor
    loss = score.default * own.lgd * unpaid_minor if kind.default else 0.0
    chargeback = kind.chargeback if own.chargeback is None else own.chargeback
    loss += score.fraud * chargeback * (unpaid_minor + (economics.chargeback_fee_minor if unpaid_minor else 0))
    fee = own.fee_fixed_minor + total_minor * own.fee_bp / 10_000
    margin = total_minor * economics.margin_bp / 10_000
    completion = economics.completions[method.kind, deposit_percent]
    worth = completion * (margin - fee - loss - score.return_ * economics.return_cost_minor)
    return Contribution(deposit_percent, deposit_minor, completion, round(loss), round(worth))


def to_dict(economics: Economics) -> dict[str, Any]:
    """The document form that is stored as policy of kind `economics`."""
    return {
        "margin_bp": economics.margin_bp,
        "return_cost_minor": economics.return_cost_minor,
        "chargeback_fee_minor": economics.chargeback_fee_minor,
        "kinds": {
            name: {field: value for field, value in _as_dict(kind).items() if value is not None}
            for name, kind in economics.kinds.items()
        },
        "deposit_completion": {str(percent): share for percent, share in economics.deposit_completion.items()},
    }


def from_dict(body: dict[str, Any], version: int) -> Economics:
    """The figures of a stored document that `documents.compile_economics` accepted; absent ones are the priors."""
    kinds = PRIORS | {
        name: KindEconomics(**(_as_dict(PRIORS[name]) | own)) for name, own in body.get("kinds", {}).items()
    }
    shares = {int(percent): share for percent, share in body.get("deposit_completion", {}).items()}
    given = {name: body[name] for name in ("margin_bp", "return_cost_minor", "chargeback_fee_minor") if name in body}
    return Economics(**given, kinds=kinds, deposit_completion=DEPOSIT_COMPLETION | shares, version=version)


def _as_dict(kind: KindEconomics) -> dict[str, Any]:
    return {
        "fee_bp": kind.fee_bp,
        "fee_fixed_minor": kind.fee_fixed_minor,
        "completion": kind.completion,
        "lgd": kind.lgd,
        "chargeback": kind.chargeback,
    }
