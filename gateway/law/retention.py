"""How long vouchers, letters and books are kept: from the end of the calendar year (§ 257 HGB, § 147 AO, § 14b UStG; pure)."""

from dataclasses import dataclass
from datetime import date

from gateway.core.errors import Invalid
from gateway.law.lines import line
from gateway.law.periods import year_end
from gateway.law.tables import Tables

KINDS = ("voucher", "letter", "book")
"""Invoices and proofs of payment; letters, reminders among them; books and annual accounts."""


@dataclass(frozen=True, slots=True)
class Kept:
    """The last day on which the document must be there. The tax office may ask for longer (§ 147 (3) AO)."""

    keep_until: date
    working: tuple[str, ...]


def retention(kind: str, day: date, tables: Tables) -> Kept:
    """Raises Invalid for an unknown kind, and DateOutOfTable."""
    if kind not in KINDS:
        raise Invalid.at("/kind", f"is one of {', '.join(KINDS)}")
    row = tables.at("retention", f"DE/{kind}", day)
    until = year_end(day.year + row.whole)
    told = line(
        "{day}: {years} years from the end of {year} ({source}): {until}",
        "{day}: {years} Jahre ab Ende {year} ({source}): {until}",
        day=day,
        years=row.whole,
        year=day.year,
        source=row.source,
        until=until,
    )
    return Kept(until, (told,))
