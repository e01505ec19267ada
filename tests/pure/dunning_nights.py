"""Nights played on paper: a claim, what happens to it day by day, and what `next_step` lets out each night (no database)."""

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from gateway.law.interest import Terms, accrue
from gateway.law.tables import RateNotKnown, shipped
from gateway.receivables.bundle import Bundle, Due, bundle
from gateway.receivables.debtor_calendar import LawCalendar
from gateway.receivables.dunning_defaults import DEFAULT_DUNNING
from gateway.receivables.dunning_policy import DunningPolicy
from gateway.receivables.dunning_schema import compile_dunning
from gateway.receivables.facts import ClaimFacts, HoldFacts, OrderFacts, PlanFacts
from gateway.receivables.forecast import reminded
from gateway.receivables.next_step import Step, Surroundings, next_step

DAY = timedelta(days=1)
CALENDAR = LawCalendar(shipped())
SHIPPED = compile_dunning(DEFAULT_DUNNING, 0)


def minor(text: Any) -> int:
    return int(Decimal(str(text)).scaleb(2))


def a_claim(**told: Any) -> ClaimFacts:
    """A delivered invoice order of 100.00 to a consumer in Hamburg, due 14 days after delivery."""
    due = told.get("due_date", date(2026, 9, 15))
    facts = {
        "id": uuid4(),
        "order_id": None,
        "source_id": UUID(int=4),
        "reference": "RF00TEST",
        "invoice_number": "R-1",
        "default_cause": None,
        "opened_at": datetime(2026, 1, 1, tzinfo=UTC),
        "closed_at": None,
        "shop_id": UUID(int=2),
        "buyer_id": UUID(int=3),
        "live": True,
        "kind": "order",
        "currency": "EUR",
        "country": "DE",
        "region": "HH",
        "language": "de",
        "debtor": "consumer",
        "state": "OPEN",
        "invoice_date": due - timedelta(days=14),
        "contract_date": due - timedelta(days=16),
        "delivered_on": due - timedelta(days=14),
        "due_date": due,
        "due_ground": "after-delivery",
        "consumer_notice": False,
        "default_from": None,
        "default_ground": None,
        "interest_from": None,
        "interest_through": None,
        "principal_minor": 10_000,
        "costs_minor": 0,
        "interest_minor": 0,
        "credit_minor": 0,
        "level": 0,
        "next_on": None,
        "waiting_since": None,
        "policy_id": None,
    }
    return ClaimFacts(**(facts | told))


@dataclass
class Nights:
    """The claim as the days go by, and the letters that left."""

    facts: ClaimFacts
    policy: DunningPolicy = SHIPPED
    beside: Surroundings = field(default_factory=Surroundings)
    awake: date = date.min
    """No night runs before that day: an outage, or the day of the import."""
    steps: list[tuple[date, int]] = field(default_factory=list)
    letters: list[str] = field(default_factory=list)
    why: str = ""

    def __post_init__(self) -> None:
        self.steps.append((date.min, self.facts.principal_minor))

    def night(self, day: date) -> None:
        if day < self.awake:
            return
        found = next_step(self.facts, self.policy, day, CALENDAR, self.beside)
        self.why = "" if isinstance(found, Step) else found.why
        if isinstance(found, Step):
            letter = bundle([Due(self.facts, found)])
            self.letters.append(self._line(found, letter))
            self.facts = reminded(self.facts, found, letter, CALENDAR)
            self.beside = replace(
                self.beside,
                letter_days=self.beside.letter_days | {day},
                lump_sum_charged=self.beside.lump_sum_charged or found.lump_sum,
            )

    def _line(self, found: Step, letter: Bundle) -> str:
        parts = [f"{found.day} {found.step.key} until {letter.deadline}"]
        if any(letter.state == "BOUNCED" for letter in self.facts.letters[-1:]):
            parts.append(f"by {found.channel}")
        if found.fee_minor:
            parts.append(f"fee {found.fee_minor / 100:.2f}")
        if found.lump_sum:
            parts.append("lump sum 40.00")
        if found.interest:
            parts.append(f"interest {self._interest(found)}")
        if found.default:
            parts.append(f"in default from {found.default.default_from} ({found.default.ground})")
        return ", ".join(parts)

    def _interest(self, found: Step) -> str:
        """Through the letter's day; beyond the end of the table it is reserved."""
        terms = Terms(self.facts.country, self.facts.debtor, self.facts.currency, self.facts.contract_date)
        try:
            told = accrue(terms, self.steps, found.default.interest_from, found.day, shipped())
        except RateNotKnown:
            return "reserved"
        return f"{told.interest_minor / 100:.2f}"

    def tell(self, day: date, what: str, *words: str) -> None:
        """One thing that happened on a day, before its night."""
        getattr(self, f"tell_{what}")(day, *words)

    def tell_pay(self, day: date, amount: str) -> None:
        """A payment; the day itself is interest-free for what was paid."""
        self._owe(day, self.facts.principal_minor - minor(amount))

    def tell_credit(self, day: date, amount: str) -> None:
        """A return or a credit that counts from the start."""
        self.steps = [(since, owed - minor(amount)) for since, owed in self.steps]
        self._owe(day, self.facts.principal_minor - minor(amount))

    def _owe(self, day: date, principal_minor: int) -> None:
        state = self.facts.state if principal_minor > 0 else "SETTLED"
        self.facts = replace(self.facts, principal_minor=max(0, principal_minor), state=state)
        self.steps.append((day, max(0, principal_minor)))

    def tell_hold(self, day: date, reason: str, until: str = "") -> None:
        last = date.fromisoformat(until) if until else None
        self.facts = replace(self.facts, holds=(*self.facts.holds, HoldFacts(uuid4(), reason, day, last, None, "")))

    def tell_lift(self, day: date, reason: str) -> None:
        rest = tuple(hold for hold in self.facts.holds if hold.reason != reason)
        self.facts = replace(self.facts, holds=rest, waiting_since=day)

    def tell_object(self, _: date) -> None:
        self.facts = replace(self.facts, state="DISPUTED", objection_open=True)

    def tell_rejected(self, day: date) -> None:
        self.facts = replace(self.facts, state="DUNNING", objection_open=False, waiting_since=day)

    def tell_plan(self, _: date) -> None:
        self.facts = replace(self.facts, state="INSTALMENTS", plan=PlanFacts(uuid4(), "RUNNING", None, None, 5))

    def tell_lapse(self, day: date) -> None:
        self.facts = replace(self.facts, state="DUNNING", plan=None, waiting_since=day)

    def tell_deliver(self, day: date, due: str) -> None:
        self.facts = replace(self.facts, delivered_on=day, due_date=date.fromisoformat(due))

    def tell_cancel(self, _: date) -> None:
        self.facts = replace(self.facts, order=OrderFacts("CANCELLED", True, True, False, False, 0))

    def tell_withdraw(self, _: date) -> None:
        self.facts = replace(self.facts, order=OrderFacts("DELIVERED", True, False, True, False, 0))

    def tell_state(self, day: date, state: str) -> None:
        self.facts = replace(self.facts, state=state, waiting_since=day)

    def tell_bounce(self, _: date) -> None:
        """The last letter came back: its step did not happen, nor the default it brought about."""
        *rest, last = self.facts.letters
        self.facts = replace(self.facts, letters=(*rest, replace(last, state="BOUNCED")))
        if self.facts.default_ground == "reminder":
            self.facts = replace(self.facts, default_from=None, interest_from=None, default_ground=None)

    def tell_late(self, _: date) -> None:
        """The last letter is still with the printer."""
        *rest, last = self.facts.letters
        self.facts = replace(self.facts, letters=(*rest, replace(last, state="PRINTING")))

    def tell_left(self, day: date, deadline: str) -> None:
        """The printer confirmed: it left today, with a new deadline."""
        *rest, last = self.facts.letters
        sent = replace(last, state="SENT", day=day, deadline=date.fromisoformat(deadline))
        self.facts = replace(self.facts, letters=(*rest, sent))

    def tell_letter(self, day: date) -> None:
        """Another letter to this debtor is written for that day."""
        self.beside = replace(self.beside, letter_days=self.beside.letter_days | {day})

    def tell_outage(self, _: date, until: str) -> None:
        self.awake = date.fromisoformat(until) + DAY

    def tell_bank(self, day: date) -> None:
        """Bank data came in, up to that day."""
        self.beside = replace(self.beside, bank_through=day)

    def tell_limited(self, day: date) -> None:
        self.beside = replace(self.beside, limited_from=day)


def played(scenario: dict[str, Any]) -> tuple[list[str], str]:
    """The letters of a scenario, and why nothing followed."""
    told = dict(scenario.get("claim", {}))
    amount = told.pop("amount", None)
    if amount is not None:
        told["principal_minor"] = minor(amount)
    policy = scenario.get("policy")
    nights = Nights(a_claim(**told), compile_dunning(policy, 1) if policy else SHIPPED)
    nights.beside = replace(nights.beside, regular=scenario.get("regular", False))
    happened = [line.split() for line in scenario.get("happens", ())]
    days = [date.fromisoformat(line[0]) for line in happened]
    day = scenario.get("from", nights.facts.due_date - DAY)
    last = scenario.get("to") or max([day, *days]) + timedelta(days=120)
    while day <= last:
        for on, line in zip(days, happened, strict=True):
            if on == day:
                nights.tell(day, *line[1:])
        nights.night(day)
        day += DAY
    return nights.letters, nights.why
