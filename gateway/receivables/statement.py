"""What a claim adds up to on a day, past or future: the ledger by value date, and the interest that ran since."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from gateway.law.tables import Tables
from gateway.receivables import claims, lawful, ledger
from gateway.receivables.booking import (
    CREDIT,
    INTEREST,
    OPENING,
    PAYMENT,
    REFUND,
    WRITE_OFF,
    Booked,
    Item,
    Posting,
    Rules,
    effective,
    items_of,
    replay,
)


@dataclass(frozen=True, slots=True)
class Line:
    """One entry for people: what it did to the debt (positive: more is owed) and how its amount came about."""

    entry_id: UUID | None
    """None for interest that ran and is not booked."""
    seq: int | None
    kind: str
    day: date
    cause: str
    amount_minor: int
    principal_minor: int
    costs_minor: int
    interest_minor: int
    over_minor: int
    """What of it became the debtor's credit; negative where credit was paid out."""
    working: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Statement:
    """A claim on a day. Interest counts the day itself. `reserved_from`: from then on no rate is known."""

    claim_id: UUID
    reference: str
    currency: str
    as_of: date
    state: str
    opening_minor: int
    payments_minor: int
    """Received, less what was refunded."""
    credits_minor: int
    principal_minor: int
    costs_minor: int
    interest_minor: int
    """Owed: booked and unpaid, and what ran since."""
    accrued_minor: int
    """Of the interest: not booked yet."""
    interest_from: date | None
    interest_through: date | None
    reserved_from: date | None
    written_off_minor: int
    credit_minor: int
    """The debtor's money."""
    lines: tuple[Line, ...]

    @property
    def total_minor(self) -> int:
        return self.principal_minor + self.costs_minor + self.interest_minor

    @property
    def reserved(self) -> bool:
        """Further interest is owed, and no table tells how much."""
        return self.reserved_from is not None


def statement(session: Session, claim_id: UUID, as_of: date, tables: Tables) -> Statement:
    """Raises ClaimUnknown."""
    claim = claims.get(session, claim_id)
    booked = ledger.load(session, [claim_id])[claim_id]
    return statement_of(booked, claim, as_of, tables)


def statement_of(entries: Sequence[Booked], facts: Any, as_of: date, tables: Tables) -> Statement:
    """The same from entries and the claim's facts (pure).

    What is known today is applied to the day asked for: a payment told late counts from its value date, a return from
    the start. Payments, fees and letters after that day are left out; interest runs through it.
    """
    rules = lawful.rulebook(tables)(facts)
    items = [item for item in items_of(entries) if item.from_start or item.kind == OPENING or item.value_date <= as_of]
    through = Item(INTEREST, as_of, "statement", 0, {"implied": True})
    postings = replay([*items, *([] if any(item.key == through.key for item in items) else [through])], rules)
    lines = _lines(postings, effective(entries))
    accrued = [line for line in lines if line.kind == INTEREST and line.entry_id is None]
    sums = {name: sum(getattr(line, f"{name}_minor") for line in lines) for name in ("principal", "costs", "interest")}
    return Statement(
        claim_id=facts.id,
        reference=facts.reference,
        currency=facts.currency,
        as_of=as_of,
        state=facts.state,
        opening_minor=_total(lines, OPENING),
        payments_minor=-_total(lines, PAYMENT, REFUND),
        credits_minor=-_total(lines, CREDIT),
        principal_minor=sums["principal"],
        costs_minor=sums["costs"],
        interest_minor=sums["interest"],
        accrued_minor=sum(line.interest_minor for line in accrued),
        interest_from=rules.interest_from,
        interest_through=_through(rules, as_of),
        reserved_from=_reserved_from(rules, as_of, sums["principal"]),
        written_off_minor=sum(posting.lines.get("bad_debt", 0) for posting in postings),
        credit_minor=sum(line.over_minor for line in lines),
        lines=tuple(lines),
    )


def _through(rules: Rules, as_of: date) -> date | None:
    through = min(as_of, rules.known_through)
    return through if rules.interest_from is not None and rules.interest_from <= through else None


def _reserved_from(rules: Rules, as_of: date, principal_minor: int) -> date | None:
    """The first day for which interest is owed without a known rate."""
    if rules.interest_from is None or principal_minor == 0 or as_of <= rules.known_through:
        return None
    if rules.known_through == date.min:
        return rules.interest_from if rules.interest_from <= as_of else None
    return max(rules.interest_from, rules.known_through + timedelta(days=1))


def _total(lines: Sequence[Line], *kinds: str) -> int:
    return sum(line.amount_minor for line in lines if line.kind in kinds)


def _lines(postings: Sequence[Posting], booked: Sequence[Booked]) -> list[Line]:
    there = {(entry.posting.key, tuple(sorted(entry.posting.lines.items()))): entry for entry in booked}
    return [_line(posting, there.get((posting.key, tuple(sorted(posting.lines.items()))))) for posting in postings]


def _line(posting: Posting, entry: Booked | None) -> Line:
    own = posting.lines
    owed = own.get("principal", 0), own.get("costs", 0), own.get("interest", 0)
    over = -own.get("debtor_credit", 0)
    outside = sum(own.get(name, 0) for name in ("bank", "credits", "bad_debt"))
    amount_minor = -outside if posting.kind in (PAYMENT, CREDIT, REFUND, WRITE_OFF) else sum(owed)
    if posting.kind == PAYMENT:
        amount_minor = -own.get("bank", 0)
    return Line(
        entry_id=entry.id if entry else None,
        seq=entry.seq if entry else None,
        kind=posting.kind,
        day=posting.value_date,
        cause=entry.posting.cause if entry else posting.cause,
        amount_minor=amount_minor,
        principal_minor=owed[0],
        costs_minor=owed[1],
        interest_minor=owed[2],
        over_minor=over,
        working=tuple(posting.working.get("lines", ())),
    )
