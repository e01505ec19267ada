"""What a letter says about one claim, in figures: taken when the letter is drafted, kept with it, never changed.

Amounts, dates and references only. Names, addresses and goods are personal: they stand sealed in the order and are read
when the letter is rendered. The document is JSON (`letter_claim.figures`); a field that is missing has its default, so
that letters of older versions still read.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import Any

VERSION = 1
"""Of the document; a reader of version n reads all versions up to n."""


class CostKind(StrEnum):
    """What a cost was spent on."""

    DUNNING = "dunning"
    """Paper, envelope and postage of a letter after default (§ 280 (1), (2) BGB; § 1333 (2) ABGB; agreed amount in CH)."""
    BANK_RETURN = "bank_return"
    """What the bank took for a returned direct debit."""
    LUMP_SUM = "lump_sum"
    """40 EUR from a debtor who is no consumer (§ 288 (5) BGB, § 458 UGB)."""
    OTHER = "other"


class DefaultGround(StrEnum):
    """Why the debtor is in default (`claim.default_ground`), told by letters in words."""

    REMINDER = "reminder"
    """A dunning letter received after the due date, § 286 (1) BGB."""
    AGREED_DATE = "agreed-date"
    """An agreed day, § 286 (2) no. 1."""
    AFTER_EVENT = "after-event"
    """An agreed time from an event, computable by the calendar, § 286 (2) no. 2."""
    REFUSAL = "refusal"
    """Serious and final refusal, § 286 (2) no. 3."""
    SPECIAL_REASON = "special-reason"
    """§ 286 (2) no. 4."""
    INVOICE_30_DAYS = "invoice-30-days"
    """30 days after due date and invoice, § 286 (3)."""
    COURT = "court"
    """A court's payment order or action, § 286 (1) sentence 2."""


@dataclass(frozen=True, slots=True)
class Booking:
    """A payment or a credit note that came in."""

    on: date
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Cost:
    """A cost with its cause. `proven_minor` is what the merchant showed it to be; None while nobody showed anything."""

    kind: CostKind
    cause: str
    """In words of the merchant's country, no personal data: `postage of the letter of 3 November`."""
    amount_minor: int
    incurred_on: date
    proven_minor: int | None = None


@dataclass(frozen=True, slots=True)
class InterestSpan:
    """Interest on one base at one rate. Both days count."""

    from_date: date
    to_date: date
    base_minor: int
    rate_percent: Decimal
    """Per year, statutory or agreed: 6.52."""
    amount: Decimal
    """In minor units, unrounded; the sum is rounded once (`LetterFigures.interest_minor`)."""
    table: str = ""
    """Source of the rate and its version, as `law` names it."""


@dataclass(frozen=True, slots=True)
class Default:
    """Since when and why the debtor is in default."""

    since: date
    """The first day with interest is the day after the cause; that is this day."""
    ground: DefaultGround
    agreed_in: str = ""
    """Where the date, period or notice stands: `terms 2026-03, order page`."""


@dataclass(frozen=True, slots=True)
class LetterFigures:
    """One claim as it stood on `as_of`, the last day that counts."""

    claim_id: str
    """`clm_…`"""
    as_of: date
    currency: str
    principal_minor: int
    """What was owed at first."""
    open_principal_minor: int
    due_date: date
    """The original one."""
    invoice_number: str = ""
    invoice_date: date | None = None
    order_number: str = ""
    order_date: date | None = None
    delivery_date: date | None = None
    payment_reference: str = ""
    """RF or QR reference; what payments are matched by."""
    payments: tuple[Booking, ...] = ()
    credits: tuple[Booking, ...] = ()
    costs: tuple[Cost, ...] = ()
    costs_paid_minor: int = 0
    """Of the costs above, already paid or waived."""
    waived_minor: int = 0
    """What the merchant let go, of anything. With it the figures add up, see `adds_up`."""
    not_demanded_minor: int = 0
    """Written off: it may still be owed, but this letter does not ask for it. It adds up like what was waived."""
    interest: tuple[InterestSpan, ...] = ()
    interest_minor: int | None = 0
    """Open interest, rounded once; None: reserved, since the table of rates ends before `as_of`."""
    default: Default | None = None
    disputed: bool = False
    steps: tuple[str, ...] = ()
    """Kinds of the letters about this claim that have left before, the oldest first: `reminder`, `dunning`."""
    first_dunned_on: date | None = None
    """Day of the first letter that demanded payment (§ 31 (2) no. 4 BDSG old, four weeks)."""

    @property
    def open_costs_minor(self) -> int:
        return sum(cost.amount_minor for cost in self.costs) - self.costs_paid_minor

    @property
    def total_minor(self) -> int:
        """What is demanded: reserved interest is not in it."""
        return self.open_principal_minor + self.open_costs_minor + (self.interest_minor or 0)

    @property
    def accrued_minor(self) -> int:
        """The whole interest, rounded half up once."""
        return int(sum((span.amount for span in self.interest), Decimal(0)).quantize(Decimal(1), ROUND_HALF_UP))

    @property
    def adds_up(self) -> bool:
        """Whether what was owed less what came in is what is demanded."""
        interest_minor = 0 if self.interest_minor is None else self.accrued_minor
        owed_minor = self.principal_minor + sum(cost.amount_minor for cost in self.costs) + interest_minor
        came_minor = sum(one.amount_minor for one in (*self.payments, *self.credits))
        return owed_minor - came_minor - self.waived_minor - self.not_demanded_minor == self.total_minor

    def to_dict(self) -> dict[str, Any]:
        """For `letter_claim.figures`."""
        return {"version": VERSION, **{name: _plain(getattr(self, name)) for name in _FIELDS}}

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> "LetterFigures":
        """Raises ValueError for a version that is newer than this reader."""
        if document.get("version", 0) > VERSION:
            raise ValueError(f"figures of version {document['version']} are newer than this program")
        return cls(**{name: _READ.get(name, _same)(document[name]) for name in _FIELDS if name in document})


_FIELDS = tuple(LetterFigures.__dataclass_fields__)


def _plain(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    if hasattr(value, "__dataclass_fields__"):
        return {name: _plain(getattr(value, name)) for name in value.__dataclass_fields__}
    return value


def _same(value: Any) -> Any:
    return value


def _date(value: str | None) -> date | None:
    return None if value is None else date.fromisoformat(value)


def _bookings(values: list[Any]) -> tuple[Booking, ...]:
    return tuple(Booking(date.fromisoformat(one["on"]), one["amount_minor"]) for one in values)


def _costs(values: list[Any]) -> tuple[Cost, ...]:
    return tuple(
        Cost(
            CostKind(one["kind"]),
            one["cause"],
            one["amount_minor"],
            date.fromisoformat(one["incurred_on"]),
            one.get("proven_minor"),
        )
        for one in values
    )


def _spans(values: list[Any]) -> tuple[InterestSpan, ...]:
    return tuple(
        InterestSpan(
            date.fromisoformat(one["from_date"]),
            date.fromisoformat(one["to_date"]),
            one["base_minor"],
            Decimal(one["rate_percent"]),
            Decimal(one["amount"]),
            one.get("table", ""),
        )
        for one in values
    )


def _default(value: Mapping[str, Any] | None) -> Default | None:
    if value is None:
        return None
    return Default(date.fromisoformat(value["since"]), DefaultGround(value["ground"]), value.get("agreed_in", ""))


_READ: dict[str, Any] = {
    "as_of": date.fromisoformat,
    "due_date": date.fromisoformat,
    "invoice_date": _date,
    "order_date": _date,
    "delivery_date": _date,
    "first_dunned_on": _date,
    "payments": _bookings,
    "credits": _bookings,
    "costs": _costs,
    "interest": _spans,
    "default": _default,
    "steps": tuple,
}
