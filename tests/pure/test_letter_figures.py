"""The figures of a letter are kept as JSON and read back as they were."""

import json
from datetime import date
from decimal import Decimal

import pytest

from gateway.receivables import letter_figures
from gateway.receivables.figures import (
    Booking,
    Cost,
    CostKind,
    Default,
    DefaultGround,
    InterestSpan,
    LetterFigures,
)

FULL = LetterFigures(
    claim_id="clm_1",
    as_of=date(2026, 11, 24),
    currency="EUR",
    principal_minor=10_000,
    open_principal_minor=7_000,
    due_date=date(2026, 9, 30),
    invoice_number="R-1",
    invoice_date=date(2026, 9, 16),
    payments=(Booking(date(2026, 10, 10), 3_000),),
    costs=(Cost(CostKind.DUNNING, "postage", 110, date(2026, 11, 3), 110),),
    costs_paid_minor=10,
    interest=(InterestSpan(date(2026, 10, 1), date(2026, 11, 24), 7_000, Decimal("6.52"), Decimal("68.77")),),
    interest_minor=69,
    default=Default(date(2026, 10, 1), DefaultGround.AFTER_EVENT, "terms 3"),
    steps=("reminder",),
)


def test_figures_come_back_as_they_were():
    assert LetterFigures.from_dict(json.loads(json.dumps(FULL.to_dict()))) == FULL


def test_the_total_is_open_principal_open_costs_and_interest():
    assert FULL.total_minor == 7_000 + 100 + 69


def test_reserved_interest_is_not_demanded():
    reserved = LetterFigures.from_dict({**FULL.to_dict(), "interest_minor": None})
    assert reserved.total_minor == 7_100


def test_figures_of_an_older_program_are_read_with_defaults():
    old = {name: value for name, value in FULL.to_dict().items() if name not in ("steps", "first_dunned_on")}
    assert LetterFigures.from_dict(old).steps == ()


def test_figures_of_a_newer_program_are_not_guessed():
    with pytest.raises(ValueError, match="newer"):
        LetterFigures.from_dict({**FULL.to_dict(), "version": 2})


def test_interest_of_one_rate_is_one_line_however_often_it_was_booked():
    """Neighbouring spans on one base at one rate are joined with their sum; a gap or another rate parts them."""
    spans = [
        InterestSpan(date(2026, 9, 30), date(2026, 10, 12), 32_900, Decimal("6.52"), Decimal("76.4")),
        InterestSpan(date(2026, 10, 13), date(2026, 11, 24), 32_900, Decimal("6.52"), Decimal("252.7")),
        InterestSpan(date(2026, 11, 25), date(2026, 11, 25), 10_000, Decimal("6.52"), Decimal("1.8")),
        InterestSpan(date(2026, 11, 27), date(2026, 11, 30), 10_000, Decimal("6.52"), Decimal("7.1")),
    ]
    joined = letter_figures._joined(spans)
    assert [(one.from_date, one.to_date) for one in joined] == [
        (date(2026, 9, 30), date(2026, 11, 24)),
        (date(2026, 11, 25), date(2026, 11, 25)),
        (date(2026, 11, 27), date(2026, 11, 30)),
    ]
    assert joined[0].amount == Decimal("329.1")
