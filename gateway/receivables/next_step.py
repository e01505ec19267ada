"""What is to happen to an unpaid claim today: the next step of its policy, waiting, or nothing (pure).

One of the functions an auditor reads. `next_step` asks three things in this order: may anything be sent at all (state,
objection, plan, holds, delivery, limitation), which step would be next, and from which day on. It answers with one step
at most: after an outage or an import the delays count from the letter that really left, so nothing ever bursts.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Protocol

from gateway.receivables.debtor_calendar import DefaultFound
from gateway.receivables.dunning_policy import LETTERS, DunningPolicy, PolicyStep, Sending, Track
from gateway.receivables.facts import ClaimFacts, HoldFacts, LetterFacts
from gateway.receivables.lifecycle import STOPS_EVERYTHING

GONE = ("WITHDRAWN", "BOUNCED")
"""States of letters that do not count: the step they stood for is undone."""
DUNNED = ("OPEN", "DUNNING")
_STATES = {
    "INSTALMENTS": "plan",
    "DISPUTED": "objection",
    "PRECOLLECTION": "handover-announced",
    "COLLECTION": "handed-over",
    "SOLD": "sold",
    "SETTLED": "settled",
    "WRITTEN_OFF": "written-off",
}
LEAST_DAYS_BY_POST = 10
"""Paper is three days on its way; the debtor keeps his week."""
DAY = timedelta(days=1)


class Calendar(Protocol):
    """The debtor's calendar and the law of default over dated tables; `debtor_calendar.LawCalendar` is one."""

    def sends_on(self, facts: ClaimFacts, sending: Sending, day: date) -> bool: ...

    def working_day(self, facts: ClaimFacts, day: date) -> date: ...

    def after_working_days(self, facts: ClaimFacts, day: date, count: int) -> date: ...

    def default(self, facts: ClaimFacts) -> DefaultFound | None: ...

    def default_by_letter(self, facts: ClaimFacts, day: date, channel: str) -> DefaultFound | None: ...

    def fee(self, facts: ClaimFacts, step: PolicyStep, demand: int, day: date) -> int: ...


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is known beside the claim."""

    regular: bool = False
    """He has paid an order here before."""
    letter_days: frozenset[date] = frozenset()
    """Days for which letters to this debtor were written, about whatever claim."""
    bank_through: date | None = None
    """The newest day of bank data; None where none comes in."""
    limited_from: date | None = None
    """First day after limitation."""
    lump_sum_charged: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """A step that is due: what the letter is, and what is booked with it."""

    step: PolicyStep
    track: str
    level: int
    """Place in the track, from 1."""
    day: date
    deadline: date
    channel: str
    """The step's, or its fallback once a letter of this step came back."""
    default: DefaultFound | None
    """In default on that day, since when and why; None while he is not."""
    interest: bool
    fee_minor: int
    lump_sum: bool


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing before `until`, when it is asked again."""

    until: date
    why: str


@dataclass(frozen=True, slots=True)
class Nothing:
    """Nothing until the claim itself changes."""

    why: str


Next = Step | Wait | Nothing


def next_step(
    facts: ClaimFacts,
    policy: DunningPolicy,
    today: date,
    calendar: Calendar,
    beside: Surroundings = Surroundings(),
) -> Next:
    """What is due today in the debtor's calendar. Neither clock nor database are asked."""
    track = policy.track_for(facts, regular=beside.regular)
    stopped = next(_reasons(facts, track, today, beside), "")
    if stopped or track is None:
        return Nothing(stopped or "no-track")
    step = following(facts, track)
    unable = _unable(facts, track, step)
    if unable or step is None:
        return Nothing(unable)
    wait = _braked(facts, track, today, beside) or _too_soon(facts, track, step, today, calendar, beside)
    if wait is not None:
        return replace(wait, until=_sending_day(facts, track, max(wait.until, today + DAY), calendar))
    way = _channel(facts, step) or step.channel
    due = _due(facts, track, step if way == step.channel else replace(step, channel=way), today, calendar, beside)
    return Nothing("not-in-default") if step.kind == "final" and due.default is None else due


def _too_soon(
    facts: ClaimFacts, track: Track, step: PolicyStep, today: date, calendar: Calendar, beside: Surroundings
) -> Wait | None:
    """Delay, deadline and notice have not passed, nothing is sent on that day, or a letter leaves today already."""
    earliest, why = max(_earliest(facts, track, step, calendar))
    day = _sending_day(facts, track, max(earliest, today), calendar)
    if day > today:
        return Wait(day, why if earliest > today else "no-sending-day")
    return Wait(today + DAY, "letter-today") if today in beside.letter_days else None


def following(facts: ClaimFacts, track: Track) -> PolicyStep | None:
    """The step after the last one that left or is about to; None after the last of the track.

    A letter that bounced or was withdrawn does not count. A step the track does not know (another version) counts by
    its level.
    """
    places = {step.key: place for place, step in enumerate(track.steps, start=1)}
    left = max((places.get(letter.step, letter.level) for letter in _counting(facts)), default=0)
    return track.steps[left] if left < len(track.steps) else None


def _channel(facts: ClaimFacts, step: PolicyStep) -> str | None:
    """The way this step goes; None when its letters came back on every way it has."""
    failed = {letter.channel for letter in facts.letters if letter.step == step.key and letter.state == "BOUNCED"}
    return next((way for way in (step.channel, step.fallback) if way is not None and way not in failed), None)


def _unable(facts: ClaimFacts, track: Track, step: PolicyStep | None) -> str:
    """Why there is no next step for this claim, or ""."""
    if step is None:
        return "last-step-left"
    if facts.owed_minor < max(track.minimum_minor, step.minimum_minor):
        return "below-minimum"
    return "" if _channel(facts, step) else "undeliverable"


def _reasons(facts: ClaimFacts, track: Track | None, today: date, beside: Surroundings) -> Iterator[str]:
    """The gravest first."""
    yield from (hold.reason for hold in facts.holds if hold.reason in STOPS_EVERYTHING)
    if facts.state not in DUNNED:
        yield _STATES[facts.state]
    if facts.owed_minor <= 0:
        yield "settled"
    if facts.objection_open:
        yield "objection"
    if facts.plan is not None:
        yield "plan"
    if facts.order is not None:
        yield from (name for name in ("cancelled", "withdrawn") if getattr(facts.order, name))
        if facts.order.returned and facts.order.open_minor <= 0:
            yield "returned"
    if track is not None and track.delivered_required and facts.kind == "order" and facts.delivered_on is None:
        yield "not-delivered"
    if beside.limited_from is not None and today >= beside.limited_from:
        yield "limitation"
    yield from (hold.reason for hold in facts.holds if hold.until_on is None and _holds(hold, track))


def _holds(hold: HoldFacts, track: Track | None) -> bool:
    """Whether a hold counts here: a shop may dun in spite of a payment that was probably his."""
    return hold.reason != "probable_payment" or track is None or track.probable_payment_brake


def _braked(facts: ClaimFacts, track: Track, today: date, beside: Surroundings) -> Wait | None:
    """What passes by itself: a dated hold, a letter under way, bank data that must come in first."""
    running = [
        (hold.until_on, hold.reason)
        for hold in facts.holds
        if hold.until_on is not None and hold.from_on <= today <= hold.until_on and _holds(hold, track)
    ]
    if running:
        until, reason = max(running)
        return Wait(until + DAY, reason)
    if any(letter.state != "SENT" for letter in _counting(facts)):
        return Wait(today + DAY, "letter-under-way")
    days = track.stale_bank_days
    if days is not None and (beside.bank_through is None or today - beside.bank_through > timedelta(days)):
        return Wait(today + DAY, "bank-data-old")
    return None


def _counting(facts: ClaimFacts) -> list[LetterFacts]:
    """Letters of policy steps that left or are about to."""
    return [letter for letter in facts.letters if letter.level > 0 and letter.state not in GONE]


def _earliest(facts: ClaimFacts, track: Track, step: PolicyStep, calendar: Calendar) -> Iterator[tuple[date, str]]:
    """Days before which the step does not leave, each with its reason."""
    left = max(_counting(facts), key=lambda letter: letter.day, default=None)
    base = left.day if left else calendar.working_day(facts, facts.due_date)
    yield base + timedelta(step.delay_days), "delay"
    if left is not None and left.deadline is not None:
        seen = calendar.after_working_days(facts, calendar.working_day(facts, left.deadline), track.bank_lag_days)
        yield seen + DAY, "deadline"
    if left is None:
        yield calendar.after_working_days(facts, base, track.bank_lag_days) + DAY, "bank-lag"
    yield from _resumed(facts, track, base, calendar)


def _resumed(facts: ClaimFacts, track: Track, base: date, calendar: Calendar) -> Iterator[tuple[date, str]]:
    """After a hold: its last day, the bank's days where money was promised, and then some days of notice."""
    for hold in facts.holds:
        if hold.until_on is not None and _holds(hold, track):
            last = calendar.working_day(facts, hold.until_on)
            seen = calendar.after_working_days(facts, last, track.bank_lag_days)
            yield seen + timedelta(track.resume_days), "resumed"
    if facts.waiting_since is not None and facts.waiting_since > base:
        yield facts.waiting_since + timedelta(track.resume_days), "resumed"


def _sending_day(facts: ClaimFacts, track: Track, day: date, calendar: Calendar) -> date:
    """The first day from `day` on which letters leave there. Two weeks without one do not exist."""
    for ahead in range(14):
        if calendar.sends_on(facts, track.sending, day + timedelta(ahead)):
            return day + timedelta(ahead)
    return day + timedelta(14)


def _due(
    facts: ClaimFacts, track: Track, step: PolicyStep, today: date, calendar: Calendar, beside: Surroundings
) -> Step:
    days = max(step.deadline_days, LEAST_DAYS_BY_POST if step.channel == "post" and step.kind in LETTERS else 0)
    found = calendar.default(facts)
    default = found if found is not None and found.default_from <= today else None
    return Step(
        step=step,
        track=track.id,
        level=[one.key for one in track.steps].index(step.key) + 1,
        day=today,
        deadline=calendar.working_day(facts, today + timedelta(days)),
        channel=step.channel,
        default=default,
        interest=step.interest and default is not None,
        fee_minor=calendar.fee(facts, step, _demand(facts, track, step), today),
        lump_sum=step.lump_sum and default is not None and facts.debtor == "business" and not beside.lump_sum_charged,
    )


def _demand(facts: ClaimFacts, track: Track, step: PolicyStep) -> int:
    """The how-manieth demand this step is, from 1; 0 for what demands nothing."""
    demands = {one.key for one in track.steps if one.demands}
    before = sum(letter.step in demands for letter in _counting(facts))
    return before + 1 if step.demands else 0
