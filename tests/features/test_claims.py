"""The three doors: what a claim says after it was opened, paid, credited, disputed and written off."""

from datetime import date

import pytest

from gateway.core import history
from gateway.core.errors import Invalid, Refused
from gateway.core.ids import new_id
from gateway.receivables import claims, facts
from gateway.receivables.changes import (
    BookInterest,
    ChargeFee,
    ChargeLumpSum,
    Credit,
    EnterDefault,
    Remind,
    ReversePayment,
    ReverseWriteOff,
    SetHold,
    UndoReminder,
    WriteOff,
)
from gateway.receivables.refusals import LumpSumRefused, NotJustified
from tests.claims import Book

JUNE_17, LETTER = date(2026, 6, 17), date(2026, 8, 1)


@pytest.fixture
def book(services) -> Book:
    return Book(services)


def amounts(claim) -> tuple[int, int, int, int]:
    return claim.principal_minor, claim.costs_minor, claim.interest_minor, claim.credit_minor


def in_default(book, **overrides):
    """A claim in default since 17 June 2026."""
    claim_id = book.open(**overrides)
    book.apply(claim_id, EnterDefault(JUNE_17, JUNE_17, "agreed-date", "due-date"))
    return claim_id


def test_a_claim_of_one_source_is_opened_once(book):
    """Told twice it is the same claim, and its principal is booked once."""
    buyer_id, source_id = book.a_buyer(), new_id()
    first = book.open(buyer_id=buyer_id, source_id=source_id)
    assert book.open(buyer_id=buyer_id, source_id=source_id) == first
    assert amounts(book.claim(first)) == (10_000, 0, 0, 0)


def test_a_payment_told_twice_is_booked_once(book):
    """The second telling says so and changes nothing."""
    claim_id = book.open()
    first = book.pay(claim_id, 4_000, date(2026, 6, 10), external_id="tx-1")
    again = book.pay(claim_id, 4_000, date(2026, 6, 10), external_id="tx-1")
    assert (first.new, again.new, again.payment_id) == (True, False, first.payment_id)
    assert amounts(book.claim(claim_id)) == (6_000, 0, 0, 0)


def test_the_exact_amount_settles_and_more_is_the_debtors(book):
    """A second payment of the whole amount is his credit."""
    claim_id = book.open()
    assert book.pay(claim_id, 10_000, date(2026, 6, 16)).state == "SETTLED"
    received = book.pay(claim_id, 10_000, date(2026, 6, 17))
    assert (received.state, received.open_minor, received.over_minor) == ("SETTLED", 0, 10_000)


def test_money_in_another_currency_or_of_tomorrow_is_refused(book):
    """Nothing is booked."""
    claim_id = book.open()
    with pytest.raises(claims.CurrencyMismatch):
        book.pay(claim_id, 10_000, date(2026, 6, 16), currency="CHF")
    with pytest.raises(Invalid):
        book.pay(claim_id, 10_000, date(2026, 11, 26))
    assert amounts(book.claim(claim_id)) == (10_000, 0, 0, 0)


def test_a_part_pays_costs_then_interest_then_principal(book):
    """14 days at 6.27 % and 32 at 6.52 % (base rates 1.27 and 1.52, plus 5 points) of 100 EUR are 0.8121 EUR."""
    claim_id = in_default(book)
    claim = book.apply(claim_id, ChargeFee(120, LETTER, "letter:1"), BookInterest(LETTER, "letter:1"))
    assert amounts(claim) == (10_000, 120, 81, 0)
    book.pay(claim_id, 5_000, date(2026, 8, 2))
    assert amounts(book.claim(claim_id)) == (5_201, 0, 0, 0)


def test_a_payment_of_before_the_letter_voids_the_fee_that_came_after_it(book):
    """He had paid everything before the fee was charged: the fee goes, and the interest after that day."""
    claim_id = in_default(book)
    book.apply(claim_id, ChargeFee(120, LETTER, "letter:1"), BookInterest(LETTER, "letter:1"))
    received = book.pay(claim_id, 10_000, date(2026, 6, 16))
    assert (received.state, received.open_minor, received.over_minor) == ("SETTLED", 0, 0)


def test_a_reversed_payment_opens_the_claim_again(book):
    """The fee that the payment had voided is justified again."""
    claim_id = in_default(book)
    book.apply(claim_id, ChargeFee(120, LETTER, "letter:1"), BookInterest(LETTER, "letter:1"))
    before = amounts(book.claim(claim_id))
    paid = book.pay(claim_id, 10_000, date(2026, 6, 16))
    claim = book.apply(claim_id, ReversePayment(paid.payment_id, "bank:return"))
    assert (claim.state, amounts(claim)) == ("DUNNING", before)


def test_a_return_counts_from_the_start(book):
    """Half came back in September: interest since June is that of the other half."""
    claim_id, half = in_default(book), in_default(book, principal_minor=5_000)
    for one in (claim_id, half):
        book.apply(one, BookInterest(LETTER, "letter:1"))
    credit = Credit(5_000, date(2026, 9, 1), from_start=True, cause="return:1")
    assert amounts(book.apply(claim_id, credit)) == amounts(book.claim(half))


def test_a_withdrawal_of_everything_settles_at_zero_and_what_was_paid_is_his(book):
    """Interest and fees go with the debt."""
    claim_id = in_default(book)
    book.apply(claim_id, ChargeFee(120, LETTER, "letter:1"), BookInterest(LETTER, "letter:1"))
    book.pay(claim_id, 3_000, LETTER)
    claim = book.apply(claim_id, Credit(10_000, date(2026, 9, 1), from_start=True, cause="withdrawal:1"))
    assert (claim.state, amounts(claim)) == ("SETTLED", (0, 0, 0, 3_000))


def test_a_fee_needs_default_and_the_lump_sum_a_business(book):
    """Refused, and nothing is booked."""
    claim_id, firm = book.open(), in_default(book, debtor="business")
    with pytest.raises(NotJustified):
        book.apply(claim_id, ChargeFee(120, LETTER, "letter:1"))
    with pytest.raises(LumpSumRefused):
        book.apply(claim_id, ChargeLumpSum(LETTER, "letter:1", 4_000))
    assert book.apply(firm, ChargeLumpSum(LETTER, "letter:1", 4_000)).costs_minor == 4_000
    with pytest.raises(LumpSumRefused):
        book.apply(firm, ChargeLumpSum(LETTER, "letter:2", 4_000))


def test_a_letter_that_came_back_takes_its_default_and_fee_with_it(book):
    """The step did not happen."""
    claim_id, letter_id = book.open(), new_id()
    cause = f"letter:{letter_id}"
    book.apply(claim_id, Remind(letter_id, 1, LETTER), EnterDefault(LETTER, LETTER, "reminder", cause))
    book.apply(claim_id, BookInterest(date(2026, 9, 1), "letter:2"))
    assert book.claim(claim_id).interest_minor > 0
    claim = book.apply(claim_id, UndoReminder(letter_id, "bounced"))
    assert (claim.state, claim.level, claim.default_from, amounts(claim)) == ("OPEN", 0, None, (10_000, 0, 0, 0))


def test_money_after_a_write_off_is_taken_and_the_write_off_can_be_reversed(book):
    """A part leaves it written off, its reversal shows what is still owed, the rest settles it."""
    claim_id = book.open()
    assert book.apply(claim_id, WriteOff("insolvent")).state == "WRITTEN_OFF"
    assert book.pay(claim_id, 2_500, date(2026, 11, 25)).state == "WRITTEN_OFF"
    claim = book.apply(claim_id, ReverseWriteOff("he lives"))
    assert (claim.state, amounts(claim)) == ("DUNNING", (7_500, 0, 0, 0))
    book.apply(claim_id, WriteOff("again"))
    assert book.pay(claim_id, 7_500, date(2026, 11, 25)).state == "SETTLED"


def test_what_is_refused_changes_nothing(book):
    """Neither state nor history."""
    claim_id = book.open()
    with pytest.raises(Refused):
        book.apply(claim_id, ReverseWriteOff("never was"))
    assert told(book, claim_id) == ["opened"]


def test_a_hold_set_twice_is_one(book):
    """The same again changes nothing; another end replaces it."""
    claim_id = book.open()
    hold = SetHold("promise", date(2026, 11, 25), date(2026, 12, 1), 10_000, "promise:1")
    book.apply(claim_id, hold, hold)
    book.apply(claim_id, SetHold("promise", date(2026, 11, 25), date(2026, 12, 9), 10_000, "promise:1"))
    assert told(book, claim_id) == ["opened", "hold_set", "hold_set"]


def told(book, claim_id) -> list[str]:
    with book.transaction() as session:
        return [line.event for line in history.lines(session, claim_id, None)]


def test_facts_tell_what_decides(book):
    """Columns, running holds, letters, disputes; what is unknown is missing."""
    claim_id = in_default(book)
    book.apply(claim_id, SetHold("pause", date(2026, 11, 25)))
    with book.transaction() as session:
        found = facts.load(session, [claim_id, new_id()])
    assert list(found) == [claim_id]
    one = found[claim_id]
    assert (one.default_from, one.owed_minor, one.objection_open, one.order, one.plan) == (
        JUNE_17,
        10_000,
        False,
        None,
        None,
    )
    assert [hold.reason for hold in one.holds] == ["pause"]


def test_consumer_credit_pays_the_principal_before_the_interest(book):
    """§ 497 (3) BGB: of 50 EUR nothing goes to the interest that ran; § 367 would take it first."""
    left = {}
    for rule in ("bgb-367", "bgb-497"):
        claim_id = book.open(allocation=rule)
        june = date(2026, 6, 17)
        book.apply(claim_id, EnterDefault(june, june, "agreed-date", "due-date"))
        book.pay(claim_id, 5_000, date(2026, 11, 20))
        claim = book.claim(claim_id)
        left[rule] = claim.principal_minor, claim.interest_minor
    assert left["bgb-497"][0] == 5_000
    assert left["bgb-497"][1] > 0
    assert left["bgb-367"] == (5_000 + left["bgb-497"][1], 0)
    for told in ({"debtor": "business"}, {"country": "AT", "region": ""}, {"allocation": "whatever"}):
        with pytest.raises(Invalid):
            book.open(**{"allocation": "bgb-497"} | told)
