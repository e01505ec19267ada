"""When a claim is barred by time, and from when to warn (§§ 195–212 BGB; § 1486 ABGB; Art. 127–137 OR; pure).

A reminder changes nothing. Negotiations stop the clock (§§ 203, 209), a part payment starts it anew from that day
(§ 212), a title makes it thirty years (§ 197). Where two ends can be argued for, `cautious_end` is the earlier one.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta

from gateway.core.errors import Contradictory, Invalid
from gateway.law.calendars import UnknownCountry, working_day
from gateway.law.lines import Line, joined, line
from gateway.law.periods import days_after, months_after, year_end, years_after
from gateway.law.tables import DAY, Tables, shipped

WARN_DAYS = 90
AFTER_NEGOTIATION_MONTHS = 3
KINDS = {
    "DE": ("standard", "title"),
    "AT": ("standard", "title"),
    "CH": ("standard", "general", "title", "loss-certificate"),
}
MOST_EVENTS = 200
YEARS = shipped().run("limitation", "DE/standard")[-1].whole
"""Years of an ordinary claim by the newest rule, for who asks about no single claim."""

_RESTARTS = {
    "DE": line("§ 212 (1) no. 1 BGB", "§ 212 Abs. 1 Nr. 1 BGB"),
    "AT": line("§ 1497 ABGB", "§ 1497 ABGB"),
    "CH": line("Art. 135, 137 (1) OR", "Art. 135, 137 Abs. 1 OR"),
}
_TITLES = {
    "DE": line("§ 197 (1) no. 3 BGB", "§ 197 Abs. 1 Nr. 3 BGB"),
    "AT": line("§ 1478 ABGB", "§ 1478 ABGB"),
    "CH": line("Art. 137 (2) OR", "Art. 137 Abs. 2 OR"),
}
_DAYS_OFF = {"DE": "§ 193 BGB", "AT": "§ 903 ABGB", "CH": "Art. 78 OR"}
"""Where each country says it, for the lines to check."""


@dataclass(frozen=True, slots=True)
class Negotiation:
    """From the first to the last day on which the parties talked about the claim."""

    first: date
    through: date


@dataclass(frozen=True, slots=True)
class PartPayment:
    """A part payment, interest payment or another acknowledgement."""

    day: date


@dataclass(frozen=True, slots=True)
class Dunning:
    """A reminder, an e-mail, a letter of an agency: without effect."""

    day: date


@dataclass(frozen=True, slots=True)
class Title:
    """A judgment or enforcement order became final."""

    day: date


Event = Negotiation | PartPayment | Dunning | Title


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim and what happened to it; `arose`: it was due and the creditor knew."""

    country: str
    arose: date
    kind: str = "standard"
    events: tuple[Event, ...] = ()


@dataclass(frozen=True, slots=True)
class Limitation:
    """The last day on which the claim can be enforced, the earlier day that can be argued for, and when to warn."""

    ends: date
    cautious_end: date
    warn_from: date
    working: tuple[str, ...]


@dataclass
class _Clock:
    """The running period while the events are gone through."""

    end: date
    begins: date
    lines: list[Line]
    talks: list[Negotiation] = field(default_factory=list)
    cautious: list[date] = field(default_factory=list)
    titled: bool = False


def limitation(claim: Claim, tables: Tables) -> Limitation:
    """Raises UnknownCountry, DateOutOfTable, Invalid and Contradictory."""
    if claim.country not in KINDS:
        raise UnknownCountry("limitation is known for DE, AT and CH", country=claim.country)
    if claim.kind not in KINDS[claim.country]:
        raise Invalid.at("/kind", f"is one of {', '.join(KINDS[claim.country])}")
    if len(claim.events) > MOST_EVENTS:
        raise Invalid.at("/events", f"are at most {MOST_EVENTS}")
    clock = _start(claim, tables)
    for event in _ordered(claim):
        _EFFECTS[type(event)](clock, event, claim, tables)
    return _answer(clock, claim, tables)


def _ordered(claim: Claim) -> list[Event]:
    """By their first day. Raises Contradictory for what ends before it begins or lies before the claim."""
    for event in claim.events:
        if isinstance(event, Negotiation) and event.through < event.first:
            raise Contradictory("a negotiation ends before it begins")
        if isinstance(event, PartPayment | Title) and event.day < claim.arose:
            raise Contradictory("an event lies before the claim arose")
    return sorted(claim.events, key=_day)


def _day(event: Event) -> date:
    return event.first if isinstance(event, Negotiation) else event.day


def _start(claim: Claim, tables: Tables) -> _Clock:
    years = _years(claim, claim.kind, tables)
    if claim.country == "DE" and claim.kind == "standard":
        begins = year_end(claim.arose.year)
        end = year_end(claim.arose.year + years)
        told = line(
            "arose {day}; {years} years from the end of {year} (§§ 195, 199 (1) BGB): {end}",
            "entstanden {day}; {years} Jahre ab Ende {year} (§§ 195, 199 Abs. 1 BGB): {end}",
            day=claim.arose,
            years=years,
            year=claim.arose.year,
            end=end,
        )
        if _due_next_year(claim.arose, tables):
            told = joined("; ", [told, _ARGUABLE])
    else:
        begins, end = claim.arose, years_after(claim.arose, years)
        told = line(
            "arose {day}; {years} years from that day: {end}",
            "entstanden {day}; {years} Jahre ab diesem Tag: {end}",
            day=claim.arose,
            years=years,
            end=end,
        )
    return _Clock(end, begins + DAY, [told])


_ARGUABLE = line(
    "that a day to pay at a weekend moves into the next year can be argued, but not relied on",
    "dass ein Zahltag am Wochenende ins nächste Jahr rückt, ist vertretbar, aber nicht verlässlich",
)


def _due_next_year(arose: date, tables: Tables) -> bool:
    return working_day("DE", None, arose, tables)[0].year > arose.year


def _years(claim: Claim, kind: str, tables: Tables) -> int:
    return tables.at("limitation", f"{claim.country}/{kind}", claim.arose).whole


def _negotiated(clock: _Clock, event: Negotiation, claim: Claim, _: Tables) -> None:
    """The days in which the clock stood still come on top, the first and the last of them counted (§ 209 BGB)."""
    if claim.country != "DE":
        clock.lines.append(
            line(
                "negotiation from {day}: not counted on in {country}",
                "Verhandlung ab {day}: in {country} nicht darauf zu bauen",
                day=event.first,
                country=claim.country,
            )
        )
        return
    if event.first > clock.end:
        clock.lines.append(
            line(
                "negotiation from {day}: the claim was barred already",
                "Verhandlung ab {day}: der Anspruch war schon verjährt",
                day=event.first,
            )
        )
        return
    clock.talks.append(event)
    days = _still(clock.talks, clock.begins) - _still(clock.talks[:-1], clock.begins)
    clock.end += timedelta(days=days)
    clock.lines.append(
        line(
            "negotiation {first} – {through}: {days} days not counted (§§ 203, 209 BGB): {end}",
            "Verhandlung {first} – {through}: {days} Tage nicht gezählt (§§ 203, 209 BGB): {end}",
            first=event.first,
            through=event.through,
            days=days,
            end=clock.end,
        )
    )
    at_least = months_after(event.through, AFTER_NEGOTIATION_MONTHS)
    if at_least > clock.end:
        clock.end = at_least
        clock.lines.append(
            line(
                "not before three months after the talks (§ 203 s. 2 BGB): {end}",
                "nicht vor drei Monaten nach dem Ende der Verhandlungen (§ 203 S. 2 BGB): {end}",
                end=clock.end,
            )
        )


def _still(talks: Iterable[Negotiation], begins: date) -> int:
    """Days covered by any of the talks since the clock began."""
    days, reached = 0, begins - DAY
    for talk in sorted(talks, key=_day):
        first = max(talk.first, reached + DAY)
        if first <= talk.through:
            days += (talk.through - first).days + 1
            reached = talk.through
    return days


def _acknowledged(clock: _Clock, event: PartPayment, claim: Claim, tables: Tables) -> None:
    """A new period from the day after; an acknowledgement before the clock runs cannot shorten it."""
    if event.day > clock.end:
        clock.lines.append(
            line(
                "part payment {day}: the claim was barred already",
                "Teilzahlung {day}: der Anspruch war schon verjährt",
                day=event.day,
            )
        )
        return
    years = _years(claim, "title" if clock.titled else claim.kind, tables)
    anew = years_after(event.day, years)
    if anew < clock.end:
        clock.cautious.append(anew)
        clock.lines.append(
            line(
                "part payment {day}: {anew} would be earlier than {end}, which stays",
                "Teilzahlung {day}: {anew} wäre früher als {end}; dabei bleibt es",
                day=event.day,
                anew=anew,
                end=clock.end,
            )
        )
        return
    clock.end, clock.begins, clock.cautious = anew, event.day + DAY, []
    clock.lines.append(
        line(
            "part payment {day}: {years} years anew from that day ({law}): {end}",
            "Teilzahlung {day}: {years} Jahre neu ab diesem Tag ({law}): {end}",
            law=_RESTARTS[claim.country],
            day=event.day,
            years=years,
            end=clock.end,
        )
    )
    days = _still(clock.talks, clock.begins)
    if days:
        clock.end += timedelta(days=days)
        clock.lines.append(
            line(
                "the talks went on for {days} days: {end}",
                "die Verhandlungen dauerten noch {days} Tage: {end}",
                days=days,
                end=clock.end,
            )
        )


def _reminded(clock: _Clock, event: Dunning, _: Claim, __: Tables) -> None:
    clock.lines.append(line("reminder {day}: no effect", "Mahnung {day}: ohne Wirkung", day=event.day))


def _titled(clock: _Clock, event: Title, claim: Claim, tables: Tables) -> None:
    if event.day > clock.end:
        clock.lines.append(
            line(
                "after {end} the debtor could have raised the limitation; he did not",
                "nach {end} hätte der Schuldner Verjährung einwenden können; er tat es nicht",
                end=clock.end,
            )
        )
    years = _years(claim, "title", tables)
    clock.end, clock.begins, clock.talks, clock.cautious = years_after(event.day, years), event.day + DAY, [], []
    clock.titled = True
    clock.lines.append(
        line(
            "title {day}: {years} years ({law}): {end}",
            "Titel {day}: {years} Jahre ({law}): {end}",
            law=_TITLES[claim.country],
            day=event.day,
            years=years,
            end=clock.end,
        )
    )


_EFFECTS: dict[type, Callable[..., None]] = {
    Negotiation: _negotiated,
    PartPayment: _acknowledged,
    Dunning: _reminded,
    Title: _titled,
}


def _answer(clock: _Clock, claim: Claim, tables: Tables) -> Limitation:
    """A last day that is no working day moves on (§ 193 BGB and its like): who is careful does not rely on it."""
    ends = _moved(clock.end, claim.country, tables)
    cautious = min([clock.end, *clock.cautious])
    lines = clock.lines
    if ends != clock.end:
        lines.append(
            line(
                "{day} is no working day: {ends} ({law}); careful: {cautious}",
                "{day} ist kein Werktag: {ends} ({law}); vorsichtig: {cautious}",
                law=_DAYS_OFF[claim.country],
                day=clock.end,
                ends=ends,
                cautious=cautious,
            )
        )
    warn_from = days_after(cautious, -WARN_DAYS)
    lines.append(
        line(
            "warn from {day}, {days} days before {cautious}",
            "warnen ab {day}, {days} Tage vor {cautious}",
            day=warn_from,
            days=WARN_DAYS,
            cautious=cautious,
        )
    )
    return Limitation(ends, cautious, warn_from, tuple(lines))


def _moved(end: date, country: str, tables: Tables) -> date:
    return working_day(country, None, end, tables)[0]
