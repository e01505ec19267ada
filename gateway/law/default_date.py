"""When a debtor is in default, and what a letter sent then may cost (§ 286 BGB and its like; pure).

The last day to pay moves on from a Saturday, Sunday or holiday at the debtor's place (§ 193 BGB; BGH III ZR 159/06).
A day that the seller sets alone in his invoice is no agreed date (BGH III ZR 91/07): that is a reminder or § 286 (3).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from gateway.core.errors import Contradictory, Invalid
from gateway.law.calendars import EU, check_place, working_day
from gateway.law.lines import Line, line
from gateway.law.periods import days_after, months_after
from gateway.law.tables import DAY, Tables

INVOICE_DAYS = 30
MOST_DAYS, MOST_MONTHS = 3660, 120
_THERE = line("by the law there", "nach dortigem Recht")
_AGREED = {
    "DE": line("§ 286 (2) no. 1 BGB", "§ 286 Abs. 2 Nr. 1 BGB"),
    "AT": line("§ 1334 ABGB", "§ 1334 ABGB"),
    "CH": line("Art. 102 (2) OR", "Art. 102 Abs. 2 OR"),
}
_COUNTED = {
    "DE": line("§§ 187 (1), 188 BGB", "§§ 187 Abs. 1, 188 BGB"),
    "AT": line("§ 902 ABGB", "§ 902 ABGB"),
    "CH": line("Art. 77 OR", "Art. 77 OR"),
}
"""Where each country says it, for the lines to check."""


@dataclass(frozen=True, slots=True)
class InvoiceThirtyDays:
    """Due and invoice received; a consumer only if the invoice itself told him (§ 286 (3))."""

    country: str
    region: str | None
    due_and_received: date
    consumer: bool
    consumer_notice: bool = False


@dataclass(frozen=True, slots=True)
class AgreedDate:
    """A day both agreed on (§ 286 (2) no. 1)."""

    country: str
    region: str | None
    date: date


@dataclass(frozen=True, slots=True)
class AfterEvent:
    """So many days or months after an event, as agreed (§ 286 (2) no. 2): give one of them."""

    country: str
    region: str | None
    event_date: date
    days: int | None = None
    months: int | None = None


@dataclass(frozen=True, slots=True)
class Reminder:
    """A reminder received after the claim was due (§ 286 (1)); service of a payment order counts the same."""

    country: str
    region: str | None
    received: date


Case = InvoiceThirtyDays | AgreedDate | AfterEvent | Reminder


@dataclass(frozen=True, slots=True)
class Default:
    """The answer: from when default, from when interest, on which ground, and how it was found.

    `fee_allowed_for_this_letter`: a letter sent once default is there may cost what `fees.fee_allowed` says; the
    letter that brings default about may not.
    """

    in_default: bool
    last_day_to_pay: date | None
    default_from: date | None
    interest_from: date | None
    fee_allowed_for_this_letter: bool
    ground: str
    working: tuple[str, ...]


def default_date(case: Case, tables: Tables) -> Default:
    """Raises UnknownCountry, UnknownRegion, DateOutOfTable, Invalid and Contradictory."""
    check_place(case.country, case.region)
    decide: Callable[..., Default] = _DECIDE[type(case)]
    return decide(case, tables)


def _invoice(case: InvoiceThirtyDays, tables: Tables) -> Default:
    if (why := _needs_reminder(case)) is not None:
        return Default(False, None, None, None, False, "invoice-30-days", (why,))  # noqa: FBT003 - the columns stand above
    end = days_after(case.due_and_received, INVOICE_DAYS)
    directive = line("Directive 2011/7 Art. 3 (3)", "Richtlinie 2011/7 Art. 3 Abs. 3")
    law = line("§ 286 (3) BGB", "§ 286 Abs. 3 BGB") if case.country == "DE" else directive
    english, german = "{day} + {days} days ({law}) = {end}", "{day} + {days} Tage ({law}) = {end}"
    told = line(english, german, day=case.due_and_received, days=INVOICE_DAYS, law=law, end=end)
    return _shifted(case, end, "invoice-30-days", told, tables)


def _needs_reminder(case: InvoiceThirtyDays) -> Line | None:
    """Why thirty days alone bring no default, or None."""
    if case.country == "CH":
        return line(
            "Art. 102 OR: without an agreed day only a reminder brings default",
            "Art. 102 OR: ohne vereinbarten Tag bringt nur eine Mahnung in Verzug",
        )
    if case.country not in ("DE", *EU):
        return line(
            "in {country} this ground is not known here: a reminder is needed",
            "für {country} ist dieser Grund hier nicht bekannt: es braucht eine Mahnung",
            country=case.country,
        )
    if case.consumer and case.country != "DE":
        return line(
            "a consumer is not in default by an invoice alone: a reminder is needed",
            "ein Verbraucher kommt durch eine Rechnung allein nicht in Verzug: es braucht eine Mahnung",
        )
    if case.consumer and not case.consumer_notice:
        return line(
            "§ 286 (3) BGB: a consumer is not in default unless the invoice itself told him so; a reminder is needed",
            "§ 286 Abs. 3 BGB: ohne Hinweis in der Rechnung kommt ein Verbraucher nicht in Verzug; es braucht eine Mahnung",
        )
    return None


def _agreed(case: AgreedDate, tables: Tables) -> Default:
    law = _AGREED.get(case.country, _THERE)
    told = line("{day} was agreed ({law})", "{day} war vereinbart ({law})", day=case.date, law=law)
    return _shifted(case, case.date, "agreed-date", told, tables)


def _after_event(case: AfterEvent, tables: Tables) -> Default:
    if (case.days is None) == (case.months is None):
        raise Contradictory("a term after an event has days or months, one of them")
    if not 0 <= (case.days or 0) <= MOST_DAYS or not 0 <= (case.months or 0) <= MOST_MONTHS:
        raise Invalid("a term is not negative and has an end that can be lived to see")
    if case.days is not None:
        end, told = days_after(case.event_date, case.days), line("{n} days", "{n} Tage", n=case.days)
    else:
        end, told = months_after(case.event_date, case.months or 0), line("{n} months", "{n} Monate", n=case.months)
    counted = line(
        "{day} + {told}, the day of the event not counted ({law}) = {end}",
        "{day} + {told}, der Tag des Ereignisses zählt nicht ({law}) = {end}",
        law=_COUNTED.get(case.country, _THERE),
        day=case.event_date,
        told=told,
        end=end,
    )
    return _shifted(case, end, "after-event", counted, tables)


def _reminder(case: Reminder, _: Tables) -> Default:
    """Default begins with the receipt; interest on the day after (§ 187 (1) BGB). This letter is free of charge."""
    told = line(
        "{day}: the reminder is received; interest from the next day ({law})",
        "{day}: die Mahnung geht zu; Zinsen ab dem nächsten Tag ({law})",
        law=_COUNTED.get(case.country, _THERE),
        day=case.received,
    )
    free = line(
        "the letter that brings default about may cost nothing",
        "das Schreiben, das in Verzug setzt, darf nichts kosten",
    )
    interest_from = days_after(case.received, 1)
    return Default(True, None, case.received, interest_from, False, "reminder", (told, free))  # noqa: FBT003


def _shifted(
    case: AgreedDate | AfterEvent | InvoiceThirtyDays, end: date, ground: str, told: Line, tables: Tables
) -> Default:
    """The last day moves on to a working day; default and interest begin on the day after it."""
    last, reason = working_day(case.country, case.region, end, tables)
    begins = last + DAY
    by_agreement = case.country != "CH"
    lines = (
        told,
        line("last day to pay: {reason}", "letzter Tag zum Zahlen: {reason}", reason=reason),
        line("default and interest from {day}", "Verzug und Zinsen ab {day}", day=begins),
    )
    return Default(True, last, begins, begins, by_agreement, ground, lines)  # noqa: FBT003


_DECIDE: dict[type, Callable[..., Default]] = {
    InvoiceThirtyDays: _invoice,
    AgreedDate: _agreed,
    AfterEvent: _after_event,
    Reminder: _reminder,
}
