"""From the nightly run to the letter that leaves: what dunning drafts is lawful, four times, and undone when it comes back."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
import time_machine
from sqlalchemy import select

from gateway import wiring
from gateway.core import events
from gateway.core.outbox import MailSent
from gateway.core.work import Job
from gateway.law.tables import shipped
from gateway.receivables import letter_job, letters, nightly, print_batches
from gateway.receivables.keys import Keys
from gateway.receivables.letter_models import Letter
from gateway.receivables.models import Claim
from gateway.receivables.nightly import Night
from tests.builders import a_world
from tests.claims_made import a_claim, a_sender

OPENED = datetime(2026, 10, 30, 8, tzinfo=UTC)


class Book:
    """A merchant with one unpaid order, delivered on 1 September and due on 15 September."""

    def __init__(self, services, **opening):
        wiring.install_listeners()
        self.services, self.keys, self.world = services, Keys(services.keyring), a_world(services)
        told = {
            "contract_date": date(2026, 8, 30),
            "invoice_date": date(2026, 9, 1),
            "delivered_on": date(2026, 9, 1),
            "due_date": date(2026, 9, 15),
            "due_ground": "after-delivery",
        } | opening
        with self.session() as session:
            a_sender(session, services, OPENED)
            self.owed = a_claim(session, services, self.world, OPENED, **told)

    def session(self):
        return self.services.db.transaction(self.world.merchant_id)

    def letters(self):
        with self.session() as session:
            return list(session.scalars(select(Letter).order_by(Letter.day, Letter.id)))

    def claim(self):
        with self.session() as session:
            return session.get(Claim, (self.world.merchant_id, self.owed.claim_id))

    def night(self, day):
        now = datetime.combine(day, time(1), UTC)
        nightly.run(self.services.db, self.world.merchant_id, Night(self.keys, shipped(), now, day))

    def leave(self, letter):
        """Laid out, taken by the mail server or confirmed by the printer."""
        job = Job(1, "default", letters.TASK, self.world.merchant_id, {"letter_id": str(letter.id)}, 1)
        now = max(letter.release_at, datetime.combine(letter.day, time(9), UTC))
        with time_machine.travel(now, tick=False):
            letter_job.render_letter(self.services, job)
            with self.session() as session:
                laid = letters.get(session, letter.id)
                if laid.message_id:
                    events.publish(session, MailSent((laid.message_id,), now, self.services.keyring))
                elif laid.state == "PRINTING":
                    batch = print_batches.make(session, self.keys, letter.day, now)
                    print_batches.confirm(session, self.keys, batch.id, {}, "test", now)

    def nights(self, first, last, step=1):
        day = first
        while day <= last:
            self.night(day)
            for letter in self.letters():
                if letter.state == "DRAFTED":
                    self.leave(letter)
            day += timedelta(days=step)
        return [
            (letter.step, letter.state, [one["code"] for one in letter.findings or []]) for letter in self.letters()
        ]


@pytest.mark.parametrize("opening", [{}, {"debtor": "business"}, {"country": "AT"}])
def test_every_letter_of_the_shipped_policy_may_leave(services, opening):
    found = Book(services, **opening).nights(date(2026, 9, 20), date(2026, 12, 20), step=4)
    assert [step for step, _, _ in found] == ["reminder", "dunning-1", "dunning-2", "final"]
    assert {(state, tuple(codes)) for _, state, codes in found} == {("SENT", ())}


def test_the_step_counts_when_its_letter_has_left(services):
    book = Book(services)
    book.nights(date(2026, 9, 20), date(2026, 10, 18), step=4)
    assert (book.claim().state, book.claim().level) == ("DUNNING", 2)


def test_a_letter_taken_back_undoes_its_step(services):
    book = Book(services)
    book.nights(date(2026, 9, 20), date(2026, 9, 21))
    book.night(date(2026, 9, 22))
    (letter,) = book.letters()
    with book.session() as session:
        letters.cancel(session, book.keys, letter.id, "user", datetime(2026, 9, 22, 2, tzinfo=UTC))
    assert (book.claim().state, book.claim().level) == ("OPEN", 0)
