"""Which part of a debt, and which of several debts, a payment pays (§§ 366, 367, 497 (3) BGB; pure)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import groupby

from gateway.core.errors import Contradictory, Invalid
from gateway.core.money import split_minor

RULES = {
    "bgb-367": ("costs_minor", "interest_minor", "principal_minor"),
    "bgb-497": ("costs_minor", "principal_minor", "interest_minor"),
}
"""In which order the parts are paid: § 367 (1) for every debt, § 497 (3) for consumer credit."""
BY_PURPOSE, BY_LAW = "bgb-366-1", "bgb-366-2"


@dataclass(frozen=True, slots=True)
class Debt:
    """What is owed, by part."""

    costs_minor: int
    interest_minor: int
    principal_minor: int

    @property
    def total_minor(self) -> int:
        return self.costs_minor + self.interest_minor + self.principal_minor

    def __add__(self, other: "Debt") -> "Debt":
        return Debt(
            self.costs_minor + other.costs_minor,
            self.interest_minor + other.interest_minor,
            self.principal_minor + other.principal_minor,
        )


@dataclass(frozen=True, slots=True)
class Allocated:
    """What a payment paid, what is left of the debt, and what is left of the payment (the debtor's money, § 812 BGB)."""

    applied: Debt
    rest: Debt
    overpaid_minor: int


@dataclass(frozen=True, slots=True)
class OpenDebt:
    """One of several debts; `secured` and `burden` (a higher rate, say) where they are known."""

    reference: str
    due: date
    open_minor: int
    secured: bool = False
    burden: int = 0


def allocate(rule: str, payment_minor: int, debt: Debt) -> Allocated:
    """Pay the parts in the order of the rule. Raises Invalid for an unknown rule or a negative amount."""
    if rule not in RULES:
        raise Invalid.at("/rule", f"is one of {', '.join(RULES)}")
    if min(payment_minor, debt.costs_minor, debt.interest_minor, debt.principal_minor) < 0:
        raise Invalid("an amount is negative")
    applied, rest, left_minor = Debt(0, 0, 0), debt, payment_minor
    for part in RULES[rule]:
        paid_minor = min(left_minor, getattr(debt, part))
        applied = replace(applied, **{part: paid_minor})
        rest = replace(rest, **{part: getattr(debt, part) - paid_minor})
        left_minor -= paid_minor
    return Allocated(applied, rest, left_minor)


def over_debts(payment_minor: int, debts: Sequence[OpenDebt], purpose: str = "") -> tuple[dict[str, int], str]:
    """How much each debt gets, by reference, and the rule: the debtor's choice in the purpose first, else the law's order.

    The law's order: due earlier, less secured, more burdensome; what is alike shares in proportion. Debts that get
    nothing are left out; what all of them together leave over is the difference to the payment.
    Raises Invalid for a negative amount, Contradictory for two debts of one reference.
    """
    if payment_minor < 0 or any(debt.open_minor < 0 for debt in debts):
        raise Invalid("an amount is negative")
    if len({debt.reference for debt in debts}) < len(debts):
        raise Contradictory("two debts have the same reference")
    chosen = named(purpose, [debt.reference for debt in debts])
    first = [debt for debt in debts if debt.reference in chosen]
    others = [debt for debt in debts if debt.reference not in chosen]
    applied = _in_order(payment_minor, first)
    applied |= _in_order(payment_minor - sum(applied.values()), others)
    return {reference: paid for reference, paid in applied.items() if paid}, BY_PURPOSE if first else BY_LAW


def named(purpose: str, references: Sequence[str]) -> set[str]:
    """The references that a text names as a whole; blanks and signs inside do not matter, the longest is taken first."""
    left, found = purpose.upper(), set()
    for reference in sorted(references, key=len, reverse=True):
        parts = re.findall(r"[^\W_]+", reference.upper())
        if not parts:
            continue
        pattern = r"(?<![^\W_])" + r"[\W_]{0,3}".join(map(re.escape, parts)) + r"(?![^\W_])"
        if re.search(pattern, left):
            found.add(reference)
            left = re.sub(pattern, "\0", left)
    return found


def _in_order(payment_minor: int, debts: Sequence[OpenDebt]) -> dict[str, int]:
    """By the law's order; equals share."""
    applied: dict[str, int] = {}
    for _, group in groupby(sorted(debts, key=_rank), key=_rank):
        alike = [debt for debt in group if debt.open_minor]
        owed_minor = sum(debt.open_minor for debt in alike)
        if alike and payment_minor:
            shares = split_minor(min(payment_minor, owed_minor), [debt.open_minor for debt in alike])
            applied |= dict(zip((debt.reference for debt in alike), shares, strict=True))
            payment_minor -= min(payment_minor, owed_minor)
    return applied


def _rank(debt: OpenDebt) -> tuple[date, bool, int]:
    """§ 366 (2) BGB, with what is told: due earlier before all, since no two days of payment are known here."""
    return debt.due, debt.secured, -debt.burden
