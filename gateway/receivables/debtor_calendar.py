"""The debtor's calendar: when letters leave at his place, when he is in default, what a letter may cost him (pure).

Everything here is asked of `law` over dated tables. Where a region is not known, nothing leaves on a day that is a
holiday anywhere in Germany; where a country is not known, weekends alone are kept.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache
from typing import TypeVar

from gateway.core.errors import GatewayError
from gateway.law import calendars, fees
from gateway.law.default_date import AfterEvent, AgreedDate, Case, InvoiceThirtyDays, Reminder, default_date
from gateway.law.limitation import Claim as Limited
from gateway.law.limitation import PartPayment, limitation
from gateway.law.tables import Tables, shipped
from gateway.receivables.dunning_policy import PolicyStep, Sending
from gateway.receivables.facts import ClaimFacts

DAY = timedelta(days=1)
RECEIVED_AFTER = {"email": 1, "post": 3}
"""Working days until a letter counts as received; later than usual, so that no debtor is in default too soon."""
USUALLY_AFTER = 3
MOST_KNOWN = 10_000
"""Answers that a calendar remembers."""
_K = TypeVar("_K")
_V = TypeVar("_V")
_SOME_DAY = date(2026, 1, 2)
_SATURDAY = 5


@dataclass(frozen=True, slots=True)
class DefaultFound:
    """From when the debtor is in default, from when interest runs, and why; the grounds are those of `law`."""

    default_from: date
    interest_from: date
    ground: str


@dataclass(frozen=True, slots=True)
class LawCalendar:
    """`next_step.Calendar` over the tables of the law."""

    tables: Tables
    _found_before: dict[Case, DefaultFound | None] = field(default_factory=dict, init=False, repr=False, compare=False)
    _working: dict[tuple[str, str | None, date], bool] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def sends_on(self, facts: ClaimFacts, sending: Sending, day: date) -> bool:
        """Whether letters leave there on that day: a chosen weekday, no holiday of the Land."""
        if day.weekday() not in sending.weekdays:
            return False
        return all(self._works(facts.country, region, day) for region in _regions(facts.country, facts.region))

    def working_day(self, facts: ClaimFacts, day: date) -> date:
        """The day, or the first working day after it (§ 193 BGB)."""
        region = region_of(facts.country, facts.region)
        while not self._works(facts.country, region, day):
            day += DAY
        return day

    def after_working_days(self, facts: ClaimFacts, day: date, count: int) -> date:
        """So many working days later; with none the day itself."""
        for _ in range(count):
            day = self.working_day(facts, day + DAY)
        return day

    def default(self, facts: ClaimFacts) -> DefaultFound | None:
        """As the claim has it, or by the calendar alone; None where only a letter can bring it about."""
        if facts.default_from is not None:
            interest_from = facts.interest_from or facts.default_from
            return DefaultFound(facts.default_from, interest_from, facts.default_ground or "reminder")
        return self._found(_case(facts))

    def default_by_letter(self, facts: ClaimFacts, day: date, channel: str) -> DefaultFound | None:
        """What a demand sent on that day brings about when it is received (§ 286 (1) BGB, Art. 102 OR)."""
        received = self.after_working_days(facts, day, RECEIVED_AFTER.get(channel, USUALLY_AFTER))
        return self._found(Reminder(facts.country, region_of(facts.country, facts.region), received))

    def fee(self, facts: ClaimFacts, step: PolicyStep, demand: int, day: date) -> int:
        """What a step may charge: the `demand`-th demand (from 1; 0 for a reminder), never above the proven cost."""
        if not step.fee_minor or step.channel not in ("email", "post"):
            return 0
        found = self.default(facts)
        letter = fees.DunningLetter(
            country=facts.country,
            debtor=facts.debtor,
            channel="email" if step.channel == "email" else "letter",
            level=demand,
            creates_default=found is None or found.default_from > day,
            day=day,
            agreed_minor=step.fee_minor,
            proven_cost_minor=step.fee_minor,
        )
        try:
            return min(step.fee_minor, fees.fee_allowed(letter, self.tables).most_minor)
        except GatewayError:
            return 0

    def limited_from(self, facts: ClaimFacts, paid: Iterable[date] = ()) -> date | None:
        """First day after limitation; a part payment starts the time anew. None where the country's law is not known."""
        events = tuple(PartPayment(day) for day in sorted(paid) if day >= facts.due_date)
        try:
            return limitation(Limited(facts.country, facts.due_date, events=events), self.tables).cautious_end + DAY
        except GatewayError:
            return None

    def _works(self, country: str, region: str | None, day: date) -> bool:
        """Many debtors ask for the same days."""
        asked = country, region, day
        if asked not in self._working:
            _limited(self._working)[asked] = _works(country, region, day, self.tables)
        return self._working[asked]

    def _found(self, case: Case) -> DefaultFound | None:
        """Claims that fell due alike are in default alike, so each case is found once."""
        if case not in self._found_before:
            _limited(self._found_before)[case] = self._find(case)
        return self._found_before[case]

    def _find(self, case: Case) -> DefaultFound | None:
        """None too where the law says nothing about the country or the day: then there is no default to claim."""
        try:
            found = default_date(case, self.tables)
        except GatewayError:
            return None
        if found.default_from is None or found.interest_from is None:
            return None
        return DefaultFound(found.default_from, found.interest_from, found.ground)


def _limited(known: dict[_K, _V]) -> dict[_K, _V]:
    """Emptied when it is full."""
    if len(known) >= MOST_KNOWN:
        known.clear()
    return known


def _case(facts: ClaimFacts) -> Case:
    region = region_of(facts.country, facts.region)
    if facts.due_ground == "agreed-date":
        return AgreedDate(facts.country, region, facts.due_date)
    if facts.due_ground == "after-delivery" and facts.delivered_on is not None:
        days = max(0, (facts.due_date - facts.delivered_on).days)
        return AfterEvent(facts.country, region, facts.delivered_on, days)
    received = max(facts.due_date, facts.invoice_date or facts.due_date, facts.delivered_on or facts.due_date)
    return InvoiceThirtyDays(facts.country, region, received, facts.debtor == "consumer", facts.consumer_notice)


@cache
def region_of(country: str, region: str) -> str | None:
    """The region as `law` knows it, or None."""
    if not region:
        return None
    try:
        calendars.is_working_day(country, region, _SOME_DAY, shipped())
    except GatewayError:
        return None
    return region


@cache
def _regions(country: str, region: str) -> tuple[str | None, ...]:
    known = region_of(country, region)
    if known is None and country == "DE":
        return tuple(sorted(calendars.LAENDER))
    return (known,)


def _works(country: str, region: str | None, day: date, tables: Tables) -> bool:
    if country not in calendars.COUNTRIES:
        return day.weekday() < _SATURDAY
    return calendars.is_working_day(country, region, day, tables)
