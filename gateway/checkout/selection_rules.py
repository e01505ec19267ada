"""What a buyer's choice is answered: the method as it is, with a deposit, or another one (pure).

Stage 2 of DESIGN §4. Safe methods and orders the policy does not ask about are settled at once; for the others a score, or
the reason why there is none, means what the policy says. Nobody is left without a way to pay.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gateway.checkout.bureau_policy import BureauPolicy
from gateway.checkout.methods import DEPOSIT_LADDER, KINDS, SAFE
from gateway.checkout.terms import Policy
from gateway.core.money import share_minor

CONFIRMED, DEPOSIT, ANOTHER = "confirmed", "deposit", "choose_another"
_BY_SCORE = {"confirm": "score_good", "deposit": "score_middling", "refuse": "score_low"}


@dataclass(frozen=True, slots=True)
class Standing:
    """One offer of the decision, as far as it matters now."""

    method: str
    kind: str
    show: bool
    rank: int | None
    deposit_percent: int
    supports_deposit: bool

    @property
    def safe(self) -> bool:
        return KINDS[self.kind].safety <= SAFE


@dataclass(frozen=True, slots=True)
class Situation:
    """The menu that was decided, what the buyer chose of it, and what the policy wants."""

    chosen: Standing
    offers: tuple[Standing, ...]
    total_minor: int
    holds_orders: bool
    draw: int
    """0 to 99; below `sample_percent` the order is one of those asked about."""
    bureau: BureauPolicy | None
    max_deposit_percent: int = 100


@dataclass(frozen=True, slots=True)
class Heard:
    """What was learnt: `scored` with a score, or why there is none. `bureau` is "" where none could be asked."""

    outcome: str
    score: int | None = None
    bureau: str = ""
    version: int = 0
    request: str = ""
    reused: bool = False
    """The answer was on record; nothing was asked now."""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer. `others` are the methods left to choose from, in their order."""

    answer: str
    deposit_percent: int = 0
    deposit_minor: int = 0
    reasons: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    review: bool = False


def situation(record: Mapping[str, Any], method: str, policy: Policy, lot: int) -> Situation | None:
    """The situation of a stored decision, with the lot of its buyer; None for a method that was not asked about."""
    deposits = {id_: supports for id_, _, supports, *_ in record["methods"]}
    offers = tuple(
        Standing(o["method"], o["kind"], o["show"], o["rank"], o["deposit_percent"], deposits[o["method"]])
        for o in record["choice"]["offers"]
    )
    chosen = next((offer for offer in offers if offer.method == method), None)
    if chosen is None:
        return None
    limits = policy.limits.get(chosen.kind)
    return Situation(
        chosen=chosen,
        offers=offers,
        total_minor=record["facts"]["total_minor"],
        holds_orders=record["holds_orders"],
        draw=lot,
        bureau=policy.bureau,
        max_deposit_percent=limits.max_deposit_percent if limits else 100,
    )


def draw(who: bytes, at: datetime) -> int:
    """The lot of somebody, 0 to 99: the same all week for every decision and method, so that asking again draws no other."""
    year, week, _ = at.isocalendar()
    return int.from_bytes(hashlib.sha256(b"kulanz bureau sample %d-%d " % (year, week) + who).digest()[:8]) % 100


def unasked(case: Situation) -> str:
    """Why no bureau is asked about this choice; "" when one is."""
    bureau = case.bureau
    if case.chosen.safe:
        return "safe_method"
    if bureau is None or case.chosen.kind not in bureau.kinds:
        return "kind_not_asked"
    if case.total_minor < bureau.from_minor:
        return "amount_not_asked"
    return "" if case.draw < bureau.sample_percent else "not_sampled"


def settle(case: Situation, heard: Heard | None) -> Verdict:
    """The answer. `heard` is None where nothing had to be asked."""
    wish, reason = _wish(case, heard)
    if wish == "refuse":
        return _refused(case, (reason,))
    wanted = max(case.chosen.deposit_percent, case.bureau.deposit_percent if wish == "deposit" and case.bureau else 0)
    if not wanted:
        return Verdict(CONFIRMED, reasons=(reason,))
    step = next((step for step in _ladder(case) if step >= wanted), None)
    if step is None:
        return _refused(case, (reason, "no_deposit"))
    reasons = (reason, "deposit_of_menu") if wish == "confirm" else (reason,)
    return Verdict(DEPOSIT, step, share_minor(case.total_minor, step), reasons)


def _wish(case: Situation, heard: Heard | None) -> tuple[str, str]:
    if heard is None or case.bureau is None:
        return "confirm", unasked(case)
    if heard.score is not None:
        wish = case.bureau.answer_to(heard.score)
        return wish, _BY_SCORE[wish]
    return case.bureau.on[heard.outcome], heard.outcome


def _ladder(case: Situation) -> tuple[int, ...]:
    """The deposits this shop can take for this method."""
    if not (KINDS[case.chosen.kind].deposit and case.chosen.supports_deposit):
        return ()
    steps = DEPOSIT_LADDER[1:] if case.holds_orders else (100,)
    return tuple(step for step in steps if step <= case.max_deposit_percent)


def _refused(case: Situation, reasons: tuple[str, ...]) -> Verdict:
    """Another method; where there is none, this one fully paid before, or looked at by a person before it ships."""
    if others := _others(case):
        return Verdict(ANOTHER, reasons=reasons, others=others)
    if KINDS[case.chosen.kind].deposit and case.chosen.supports_deposit:
        return Verdict(DEPOSIT, 100, case.total_minor, (*reasons, "last_resort"))
    return Verdict(CONFIRMED, reasons=(*reasons, "last_resort_unsafe"), review=True)


def _others(case: Situation) -> tuple[str, ...]:
    """The safe methods on the menu; where there are none, those about which no bureau is asked."""
    asked = case.bureau.kinds if case.bureau else frozenset()
    shown = [offer for offer in case.offers if offer.show and offer.method != case.chosen.method]
    left = [offer for offer in shown if offer.safe] or [offer for offer in shown if offer.kind not in asked]
    return tuple(offer.method for offer in sorted(left, key=lambda offer: offer.rank or 0))


def to_dict(verdict: Verdict) -> dict[str, Any]:
    """What is stored and compared on replay."""
    return {
        "answer": verdict.answer,
        "deposit_percent": verdict.deposit_percent,
        "deposit_minor": verdict.deposit_minor,
        "reasons": list(verdict.reasons),
        "others": list(verdict.others),
        "review": verdict.review,
    }
