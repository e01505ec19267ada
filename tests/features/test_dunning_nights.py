"""The nightly run on the real database: one letter per debtor, its bookings, and what undoes them."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from sqlalchemy import select

from gateway.core.channels import Notice
from gateway.law.tables import shipped
from gateway.merchants import policies
from gateway.receivables import dunning, dunning_versions, nightly
from gateway.receivables.agreement_models import DunningRun
from gateway.receivables.changes import SetHold
from gateway.receivables.dunning_defaults import DEFAULT_DUNNING
from gateway.receivables.figures import LetterFigures
from gateway.receivables.letter_models import Letter, LetterClaim
from gateway.receivables.nightly import Night
from gateway.shops.models import Buyer
from tests.claims import Book

OPENED = datetime(2026, 9, 1, 8, tzinfo=UTC)


class Nights(Book):
    """A merchant's book, and its nights."""

    def a_debt(self, **overrides):
        told = {"due_date": date(2026, 9, 15), "delivered_on": date(2026, 9, 1), "contract_date": date(2026, 8, 30)}
        told |= {"invoice_date": date(2026, 9, 1), "invoice_number": "R-1", "due_ground": "after-delivery"}
        return self.open(OPENED, **(told | overrides))

    def night(self, day: date, hour: int = 1) -> nightly.Count:
        now = datetime.combine(day, time(hour), UTC)
        return nightly.run(self.services.db, self.world.merchant_id, Night(self.keys, shipped(), now, day))

    def letters(self) -> list[Letter]:
        with self.transaction() as session:
            return list(session.scalars(select(Letter).order_by(Letter.day, Letter.id)))

    def lines(self, letter_id) -> list[LetterClaim]:
        with self.transaction() as session:
            return list(session.scalars(select(LetterClaim).where(LetterClaim.letter_id == letter_id)))

    def leave(self, letter: Letter) -> None:
        """The letter leaves on its day."""
        with self.transaction() as session:
            session.get(Letter, (letter.merchant_id, letter.id)).state = "SENT"
            session.flush()
            dunning.sent(session, self.keys, letter.id, datetime.combine(letter.day, time(9), UTC))

    def nights(self, first: date, last: date) -> list[tuple[str, str]]:
        """Every night in turn, letters leaving on their day; (day, step) of each."""
        day, known = first, set()
        while day <= last:
            self.night(day)
            for letter in self.letters():
                if letter.id not in known and letter.state == "DRAFTED":
                    known.add(letter.id)
                    self.leave(letter)
            day += timedelta(days=1)
        return [(str(letter.day), letter.step) for letter in self.letters()]


@pytest.fixture
def book(services) -> Nights:
    return Nights(services)


def test_four_letters_leave_in_their_time_with_interest_and_default(book):
    claim_id = book.a_debt()
    assert book.nights(date(2026, 9, 20), date(2026, 11, 6)) == [
        ("2026-09-22", "reminder"),
        ("2026-10-06", "dunning-1"),
        ("2026-10-21", "dunning-2"),
        ("2026-11-05", "final"),
    ]
    claim = book.claim(claim_id)
    assert (claim.state, claim.level, claim.default_from, claim.interest_minor) == ("DUNNING", 4, date(2026, 9, 16), 91)
    assert claim.next_on is None


def test_a_letter_says_what_the_claim_owes(book):
    claim_id = book.a_debt(debtor="business", region="BY")
    book.nights(date(2026, 9, 20), date(2026, 10, 16))
    last = book.letters()[-1]
    figures = LetterFigures.from_dict(book.lines(last.id)[0].figures)
    assert last.step == "dunning-2"
    assert figures.adds_up
    assert (figures.total_minor, figures.open_costs_minor, figures.interest_minor) == (14_086, 4_000, 86)
    assert book.claim(claim_id).costs_minor == 4_000


def test_one_letter_bundles_all_that_is_due_and_the_gravest_step_leads(book):
    buyer_id = book.a_buyer()
    first = book.a_debt(buyer_id=buyer_id)
    book.nights(date(2026, 9, 20), date(2026, 9, 23))
    second = book.a_debt(buyer_id=buyer_id, due_date=date(2026, 9, 29), delivered_on=date(2026, 9, 15))
    book.nights(date(2026, 10, 5), date(2026, 10, 6))
    last = book.letters()[-1]
    assert (last.step, last.kind) == ("dunning-1", "dunning")
    assert {(line.claim_id, line.level) for line in book.lines(last.id)} == {(first, 2), (second, 1)}


def test_a_second_run_of_a_night_changes_nothing(book):
    book.a_debt()
    assert book.night(date(2026, 9, 22)).drafted == 1
    assert book.night(date(2026, 9, 22), hour=2) == nightly.Count()
    assert len(book.letters()) == 1
    with book.transaction() as session:
        row = session.get(DunningRun, (book.world.merchant_id, date(2026, 9, 22)))
        assert (row.state, row.seen, row.drafted) == ("DONE", 1, 1)


def test_a_run_in_the_evening_sends_nothing_any_more_that_day(book):
    book.a_debt()
    assert book.night(date(2026, 9, 22), hour=17).drafted == 0
    assert book.night(date(2026, 9, 23)).drafted == 1


def test_what_was_booked_with_a_withdrawn_letter_is_taken_back_and_the_step_is_due_again(book):
    claim_id = book.a_debt(debtor="business", region="BY")
    book.nights(date(2026, 9, 20), date(2026, 10, 10))
    book.night(date(2026, 10, 15))
    letter = book.letters()[-1]
    assert book.claim(claim_id).costs_minor == 4_000
    with book.transaction() as session:
        session.get(Letter, (letter.merchant_id, letter.id)).state = "WITHDRAWN"
        session.flush()
        dunning.undo(session, book.keys, letter.id, "withdrawn", datetime(2026, 10, 15, 7, tzinfo=UTC))
    claim = book.claim(claim_id)
    assert (claim.costs_minor, claim.interest_minor, claim.level) == (0, 0, 2)
    assert book.night(date(2026, 10, 16)).drafted == 1
    assert book.claim(claim_id).costs_minor == 4_000


def test_a_bounced_reminder_opens_the_claim_again_and_goes_by_post(book):
    claim_id = book.a_debt()
    book.nights(date(2026, 9, 20), date(2026, 9, 22))
    letter = book.letters()[0]
    assert book.claim(claim_id).state == "DUNNING"
    with book.transaction() as session:
        session.get(Letter, (letter.merchant_id, letter.id)).state = "BOUNCED"
        session.flush()
        dunning.undo(session, book.keys, letter.id, "bounced", datetime(2026, 9, 23, 7, tzinfo=UTC))
    assert book.claim(claim_id).state == "OPEN"
    book.night(date(2026, 9, 24))
    assert [(one.step, one.channel) for one in book.letters()] == [("reminder", "email"), ("reminder", "post")]


def test_a_demand_brings_default_about_when_it_leaves_and_not_when_it_is_drafted(book):
    claim_id = book.a_debt(due_ground="invoice")
    book.nights(date(2026, 9, 20), date(2026, 9, 22))
    book.night(date(2026, 10, 6))
    assert book.claim(claim_id).default_from is None
    book.leave(book.letters()[-1])
    claim = book.claim(claim_id)
    assert (claim.default_from, claim.interest_from, claim.default_ground) == (
        date(2026, 10, 7),
        date(2026, 10, 8),
        "reminder",
    )


def test_a_pause_stops_and_resuming_is_no_burst(book):
    claim_id = book.a_debt()
    with book.transaction() as session:
        dunning.pause(session, book.keys, claim_id, "user:1", None, datetime(2026, 9, 16, 8, tzinfo=UTC))
    assert book.nights(date(2026, 9, 22), date(2026, 9, 24)) == []
    with book.transaction() as session:
        assert dunning.resume(session, book.keys, claim_id, "user:1", datetime(2026, 10, 1, 8, tzinfo=UTC)) == 1
    assert book.nights(date(2026, 10, 1), date(2026, 10, 6)) == [("2026-10-05", "reminder")]


def test_a_broken_promise_is_told_as_broken_with_the_next_letter(book):
    claim_id = book.a_debt()
    hold = SetHold("promise", date(2026, 9, 16), date(2026, 9, 30), 10_000, "asked:1")
    book.apply(claim_id, hold, now=datetime(2026, 9, 16, 8, tzinfo=UTC))
    assert book.nights(date(2026, 9, 22), date(2026, 10, 9)) == [("2026-10-05", "reminder")]
    assert book.letters()[0].extra["promise_broken"] is True


def test_a_paid_claim_is_never_looked_at_again(book):
    claim_id = book.a_debt()
    book.pay(claim_id, 10_000, date(2026, 9, 17))
    assert book.claim(claim_id).next_on is None
    assert book.nights(date(2026, 9, 22), date(2026, 9, 23)) == []


def test_letters_of_test_shops_are_drafted_like_others_and_marked_as_tests(book):
    book.a_debt(live=False)
    book.night(date(2026, 9, 22))
    assert [one.live for one in book.letters()] == [False]


def test_a_claim_keeps_the_policy_it_began_with(book):
    claim_id = book.a_debt()
    book.nights(date(2026, 9, 20), date(2026, 9, 22))
    first = book.claim(claim_id).policy_id
    assert first is not None
    book.nights(date(2026, 10, 5), date(2026, 10, 6))
    assert book.claim(claim_id).policy_id == first


def test_a_debtor_who_cannot_be_worked_on_holds_up_nobody_else(book):
    erased, other = book.a_debt(debtor="business"), book.a_debt(debtor="business")
    book.nights(date(2026, 9, 20), date(2026, 10, 10))
    with book.transaction() as session:
        session.get(Buyer, (book.world.merchant_id, book.claim(erased).buyer_id)).wrapped_key = None
    assert book.night(date(2026, 10, 15)) == nightly.Count(seen=1, drafted=1, failed=1)
    assert book.claim(other).costs_minor == 4_000
    assert book.claim(erased).next_on == date(2026, 10, 16)


def test_the_merchant_is_told_when_a_claim_is_barred_by_time(book):
    claim_id = book.a_debt(due_date=date(2022, 9, 15), delivered_on=date(2022, 9, 1), contract_date=date(2022, 8, 30))
    assert book.night(date(2026, 9, 22)).drafted == 0
    assert book.claim(claim_id).next_on is None
    with book.transaction() as session:
        assert [one.code for one in session.scalars(select(Notice))] == ["claim-limited"]


def test_a_claim_moves_to_the_live_policy_only_when_told(book):
    claim_id = book.a_debt()
    book.nights(date(2026, 9, 20), date(2026, 9, 22))
    began = book.claim(claim_id).policy_id
    now = datetime(2026, 9, 23, 8, tzinfo=UTC)
    with book.transaction() as session:
        kept = dunning_versions.save(session, book.world.shop_id, DEFAULT_DUNNING, "test", "", now)
        policies.activate(session, book.world.shop_id, "dunning", kept.document.version, now)
    book.nights(date(2026, 9, 23), date(2026, 9, 24))
    assert book.claim(claim_id).policy_id == began
    with book.transaction() as session:
        assert dunning.move_to_live(session, book.keys, [claim_id], "user:1", now) == 1
    assert book.claim(claim_id).policy_id == kept.document.id
