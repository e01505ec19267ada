"""Whether a withdrawal came in time, and until when money goes back (pure)."""

from dataclasses import dataclass
from datetime import date

from gateway.law import withdrawal
from gateway.law.tables import Tables

SAME_PERIOD = frozenset(
    [
        "AT",
        "BE",
        "BG",
        "CY",
        "CZ",
        "DE",
        "DK",
        "EE",
        "ES",
        "FI",
        "FR",
        "GR",
        "HR",
        "HU",
        "IE",
        "IT",
        "LT",
        "LU",
        "LV",
        "MT",
        "NL",
        "PL",
        "PT",
        "RO",
        "SE",
        "SI",
        "SK",
    ]
)
"""Art. 9 (1) of Directive 2011/83/EU: 14 days everywhere. Outside there is no period to check by."""


@dataclass(frozen=True, slots=True)
class Checked:
    """`in_time` is None where nothing can be said; then, and when it is False, the merchant decides."""

    withdraw_until: date | None
    in_time: bool | None
    refund_until: date | None

    @property
    def decide(self) -> bool:
        return self.in_time is not True


@dataclass(frozen=True, slots=True)
class Declared:
    """A withdrawal, with what its period depends on."""

    on: date
    delivered_on: date | None
    country: str
    business: bool


def check(declared: Declared, tables: Tables) -> Checked:
    """By the calendar of Germany as a whole: the shift of a last day off (§ 193 BGB) never shortens it.

    Before the delivery the period has not begun. Companies, and buyers outside the EU, have no right by law.
    """
    if declared.business or declared.country not in SAME_PERIOD:
        return Checked(None, None, None)
    refund = withdrawal.refund_until(declared.on, tables).day
    if declared.delivered_on is None:
        return Checked(None, in_time=True, refund_until=refund)
    last = withdrawal.last_day(declared.delivered_on, instructed=True, region=None, tables=tables).day
    return Checked(last, declared.on <= last, refund)
