"""A claim's statement as of a day, before and after today."""

from datetime import date

import pytest

from gateway.law import tables
from gateway.receivables.changes import BookInterest, ChargeFee, Credit, EnterDefault
from gateway.receivables.statement import statement
from tests.claims import Book

TABLES = tables.shipped()
JUNE_17, LETTER = date(2026, 6, 17), date(2026, 8, 1)


@pytest.fixture
def book(services) -> Book:
    return Book(services)


@pytest.fixture
def claim_id(book):
    """In default since 17 June, a letter with a fee on 1 August, 50 EUR paid on 2 August."""
    claim_id = book.open()
    book.apply(claim_id, EnterDefault(JUNE_17, JUNE_17, "agreed-date", "due-date"))
    book.apply(claim_id, ChargeFee(120, LETTER, "letter:1"), BookInterest(LETTER, "letter:1"))
    book.pay(claim_id, 5_000, date(2026, 8, 2))
    return claim_id


def at(book, claim_id, day):
    with book.transaction() as session:
        return statement(session, claim_id, day, TABLES)


def owed(found):
    return found.principal_minor, found.costs_minor, found.interest_minor


def test_each_day_has_its_own_figures(book, claim_id):
    """Before default, on the letter's day, after the payment, and on a day to come; interest counts the day itself."""
    assert owed(at(book, claim_id, date(2026, 6, 16))) == (10_000, 0, 0)
    assert owed(at(book, claim_id, JUNE_17)) == (10_000, 0, 2)  # 100 EUR x 6.27 % / 365 = 1.718 cents
    assert owed(at(book, claim_id, LETTER)) == (10_000, 120, 81)
    assert owed(at(book, claim_id, date(2026, 8, 2))) == (5_201, 0, 1)
    today = at(book, claim_id, date(2026, 11, 25))
    assert (owed(today), today.accrued_minor, today.payments_minor) == ((5_201, 0, 108), 108, 5_000)
    assert at(book, claim_id, date(2026, 12, 31)).interest_minor == 141
    assert not today.reserved


def test_beyond_the_table_interest_is_reserved_without_an_amount(book, claim_id):
    """No rate is carried on into a half-year that is not known."""
    found = at(book, claim_id, date(2027, 6, 30))
    assert (found.interest_minor, found.reserved_from, found.interest_through) == (
        141,
        date(2027, 1, 1),
        date(2026, 12, 31),
    )


def test_the_lines_add_up_and_show_their_working(book, claim_id):
    """Every line says what it did; the interest says days and rates."""
    found = at(book, claim_id, date(2026, 11, 25))
    assert [line.kind for line in found.lines] == ["opening", "fee", "interest", "payment", "interest"]
    assert sum(line.amount_minor for line in found.lines) == found.total_minor
    assert [line.entry_id is None for line in found.lines] == [False, False, False, False, True]
    assert "6.52 %" in " ".join(found.lines[2].working)


def test_a_return_shows_from_the_first_day(book, claim_id):
    """What came back in September was never owed in June."""
    book.apply(claim_id, Credit(4_000, date(2026, 9, 1), from_start=True, cause="return:1"))
    found = at(book, claim_id, date(2026, 6, 16))
    assert (owed(found), found.credits_minor) == ((6_000, 0, 0), 4_000)
