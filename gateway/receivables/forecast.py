"""What leaves in the coming days if nobody pays and nothing happens: `next_step` day by day (pure).

Never another implementation: each simulated day asks the function that the night asks, on facts that only say what the
letter of a simulated day would have changed.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from uuid import UUID, uuid5

from gateway.receivables.bundle import Bundle, Due, bundle
from gateway.receivables.dunning_policy import DunningPolicy
from gateway.receivables.facts import ClaimFacts, LetterFacts
from gateway.receivables.next_step import DAY, Calendar, Next, Step, Surroundings, Wait, next_step

MOST_DAYS = 366
_LEAVING = ("DRAFTED", "QUEUED", "PRINTING")
_SIMULATED = UUID("7d3f7f2e-1c7e-5c63-9a54-2f0a3f0d4c11")


@dataclass(frozen=True, slots=True)
class Case:
    """A claim, the version it follows, and what is known beside it."""

    facts: ClaimFacts
    policy: DunningPolicy
    beside: Surroundings = field(default_factory=Surroundings)


@dataclass(frozen=True, slots=True)
class Told:
    """Why a claim has no letter in the time looked at, as of the first day."""

    claim_id: UUID
    why: str
    until: date | None


def forecast(cases: Sequence[Case], first: date, days: int, calendar: Calendar) -> Iterator[Bundle]:
    """The letters to one debtor from `first` on, in order. `cases` are all his claims."""
    last = first + timedelta(min(days, MOST_DAYS) - 1)
    now = {case.facts.id: replace(case, facts=_as_sent(case.facts)) for case in cases}
    day = first
    while day <= last:
        found = {id_: ask(case, day, calendar) for id_, case in now.items()}
        letter = bundle([Due(now[id_].facts, step) for id_, step in found.items() if isinstance(step, Step)])
        if letter is not None:
            yield letter
            now = _after(now, letter, calendar)
            day += DAY
        else:
            day = min((one.until for one in found.values() if isinstance(one, Wait)), default=last + DAY)


def ask(case: Case, day: date, calendar: Calendar) -> Next:
    return next_step(case.facts, case.policy, day, calendar, case.beside)


def why_not(case: Case, day: date, calendar: Calendar) -> Told | None:
    """Why nothing leaves for this claim on that day, or None when something does."""
    found = ask(case, day, calendar)
    if isinstance(found, Step):
        return None
    return Told(case.facts.id, found.why, found.until if isinstance(found, Wait) else None)


def _as_sent(facts: ClaimFacts) -> ClaimFacts:
    """What is about to leave is taken as sent; what was parked waits for a person."""
    letters = tuple(replace(one, state="SENT") if one.state in _LEAVING else one for one in facts.letters)
    return replace(facts, letters=letters)


def _after(cases: Mapping[UUID, Case], letter: Bundle, calendar: Calendar) -> dict[UUID, Case]:
    """The facts once this letter has left: the letter, the default it brings about, its day taken."""
    levels = {due.facts.id: due.step for due in letter.claims}
    return {
        id_: replace(
            case,
            facts=reminded(case.facts, levels[id_], letter, calendar) if id_ in levels else case.facts,
            beside=replace(case.beside, letter_days=case.beside.letter_days | {letter.day}),
        )
        for id_, case in cases.items()
    }


def reminded(facts: ClaimFacts, step: Step, letter: Bundle, calendar: Calendar) -> ClaimFacts:
    """The facts of a claim once the letter that holds this step has left."""
    told = LetterFacts(
        uuid5(_SIMULATED, f"{facts.id}{letter.day}"),
        step.level,
        step.step.key,
        step.channel,
        "SENT",
        letter.day,
        letter.deadline,
        letter.step.kind,
        "dunning",
    )
    default = step.default if letter.step.demands else calendar.default(facts) if facts.default_from else None
    if default is None and letter.step.demands:
        default = calendar.default_by_letter(facts, letter.day, step.channel)
    return replace(
        facts,
        state="DUNNING",
        level=max(facts.level, step.level),
        letters=(*facts.letters, told),
        default_from=default.default_from if default else None,
        interest_from=default.interest_from if default else None,
        default_ground=default.ground if default else None,
    )
