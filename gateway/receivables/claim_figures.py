"""What a dunning letter says about one claim, taken from its ledger (pure).

Everything is read from entries that stand, so that the letter adds up to what the claim owes: the interest is that which
is booked, span by span, and nothing that only ran.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType

from gateway.core.ids import to_public
from gateway.law.interest import Terms, accrue
from gateway.law.tables import Tables
from gateway.receivables import booking, lawful
from gateway.receivables.booking import Booked, effective
from gateway.receivables.dunning_policy import DEMANDS
from gateway.receivables.facts import ClaimFacts
from gateway.receivables.figures import Booking, Cost, CostKind, Default, DefaultGround, InterestSpan, LetterFigures

OWED = ("principal", "costs", "interest")
_ORDER = MappingProxyType({"de": "Bestellung", "en": "order", "fr": "commande", "it": "ordine"})
_INVOICE = MappingProxyType({"de": "Rechnung", "en": "invoice", "fr": "facture", "it": "fattura"})
_FEE = MappingProxyType(
    {"de": "Papier und Porto", "en": "paper and postage", "fr": "papier et port", "it": "carta e porto"}
)
_PLACES = Decimal("0.000001")


@dataclass(frozen=True, slots=True)
class OrderSeen:
    """The order's reference and day, for the letter."""

    reference: str = ""
    placed_on: date | None = None


def figures_of(
    facts: ClaimFacts, booked: Sequence[Booked], order: OrderSeen, as_of: date, tables: Tables
) -> LetterFigures:
    """One claim as it stands on the letter's day; `facts` are those after booking."""
    standing = effective(booked)
    principal_minor = sum(_line(entry, "principal") for entry in standing if entry.posting.kind in _RAISES)
    lowered = [entry for entry in standing if entry.posting.kind == booking.CREDIT]
    costs = tuple(_cost(entry, facts.language) for entry in standing if entry.posting.kind in _COSTS)
    spans, reserved = _spans(facts, standing, as_of, tables)
    sent = sorted(
        (letter for letter in facts.letters if letter.state == "SENT" and letter.level), key=lambda one: one.day
    )
    return LetterFigures(
        claim_id=to_public("clm", facts.id),
        as_of=as_of,
        currency=facts.currency,
        principal_minor=principal_minor,
        open_principal_minor=facts.principal_minor,
        due_date=facts.due_date,
        invoice_number=facts.invoice_number,
        invoice_date=facts.invoice_date,
        order_number=order.reference,
        order_date=order.placed_on,
        delivery_date=facts.delivered_on,
        payment_reference=facts.reference,
        payments=tuple(_came(entry) for entry in standing if entry.posting.kind == booking.PAYMENT and _paid(entry)),
        credits=tuple(_came(entry) for entry in lowered if _paid(entry)),
        not_demanded_minor=sum(_paid(entry) for entry in standing if entry.posting.kind == booking.WRITE_OFF),
        costs=costs,
        costs_paid_minor=sum(cost.amount_minor for cost in costs) - facts.costs_minor,
        interest=spans,
        interest_minor=None if reserved else facts.interest_minor,
        default=_default(facts, order),
        disputed=facts.objection_open,
        steps=tuple(letter.kind for letter in sent),
        first_dunned_on=min((letter.day for letter in sent if letter.kind in DEMANDS), default=None),
    )


_RAISES = (booking.OPENING, booking.REFUND)
_COSTS = (booking.FEE, booking.LUMP_SUM)


def _line(entry: Booked, account: str) -> int:
    return entry.posting.lines.get(account, 0)


def _paid(entry: Booked) -> int:
    """What it took off the debt; what exceeded it is the debtor's credit and no part of the letter."""
    return -sum(_line(entry, account) for account in OWED)


def _came(entry: Booked) -> Booking:
    told = entry.posting.working.get("told", {}).get("day")
    return Booking(date.fromisoformat(told) if told else entry.posting.value_date, _paid(entry))


def _cost(entry: Booked, language: str) -> Cost:
    amount_minor, day = _line(entry, "costs"), entry.posting.value_date
    if entry.posting.kind == booking.LUMP_SUM:
        return Cost(CostKind.LUMP_SUM, "", amount_minor, day)
    told = entry.posting.working.get("told", {})
    kind = CostKind.DUNNING if entry.posting.cause.startswith("letter:") else CostKind.OTHER
    cause = told.get("spent_on") or _FEE.get(language, _FEE["en"])
    return Cost(kind, cause, amount_minor, day, told.get("proven_minor"))


def _spans(
    facts: ClaimFacts, standing: Iterable[Booked], as_of: date, tables: Tables
) -> tuple[tuple[InterestSpan, ...], bool]:
    """The booked interest; or that all of it is reserved, because the table of rates ends before the letter's day."""
    terms = Terms(facts.country, facts.debtor, facts.currency, facts.contract_date)
    first, through = facts.interest_from, facts.interest_through
    known = lawful.known_through(terms, tables)
    if through is None or first is None or through < first:
        return (), first is not None and first <= as_of and known < as_of
    found = accrue(terms, lawful.clipped(_principal(standing), first), first, through, tables)
    spans = tuple(
        InterestSpan(one.first, one.through, one.principal_minor, one.rate_percent, _decimal(one.exact), tables.version)
        for one in found.periods
    )
    return spans, False


def _principal(standing: Iterable[Booked]) -> list[tuple[date, int]]:
    """The principal from each day on that bears interest; what counts from the start counts from the start."""
    owed, steps = 0, list[tuple[date, int]]()
    for day, delta in sorted(_moves(standing), key=lambda move: move[0]):
        owed += delta
        steps.append((day, max(0, owed)))
    return steps


def _moves(standing: Iterable[Booked]) -> Iterable[tuple[date, int]]:
    for entry in standing:
        told = entry.posting.working.get("told", {})
        start = entry.posting.kind == booking.OPENING or told.get("from_start")
        if entry.posting.kind != booking.REFUND:
            yield (date.min if start else entry.posting.value_date), _line(entry, "principal")


def _decimal(exact: Fraction) -> Decimal:
    return (Decimal(exact.numerator) / Decimal(exact.denominator)).quantize(_PLACES)


def _default(facts: ClaimFacts, order: OrderSeen) -> Default | None:
    if facts.default_from is None or facts.default_ground is None:
        return None
    ground = DefaultGround(facts.default_ground)
    return Default(facts.interest_from or facts.default_from, ground, _agreed_in(facts, ground, order))


def _agreed_in(facts: ClaimFacts, ground: DefaultGround, order: OrderSeen) -> str:
    """Where the day, the period or the notice stands: the order that was placed, the invoice that was received."""
    if ground in (DefaultGround.AGREED_DATE, DefaultGround.AFTER_EVENT):
        return f"{_ORDER.get(facts.language, _ORDER['en'])} {order.reference}".strip()
    if ground is DefaultGround.INVOICE_30_DAYS and facts.consumer_notice:
        return f"{_INVOICE.get(facts.language, _INVOICE['en'])} {facts.invoice_number}".strip()
    return ""
