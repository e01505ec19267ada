"""From the night to the mail server and back: a drafted step is laid out, leaves, counts, or is undone."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
import time_machine
from sqlalchemy import select

from gateway import wiring
from gateway.core import events
from gateway.core.ids import new_id
from gateway.core.outbox import MailParked, MailSent, OutboxMessage
from gateway.core.work import Job, JobRow
from gateway.law.tables import shipped
from gateway.receivables import calls, claims, letter_job, letters, nightly, objections, preview
from gateway.receivables.agreement_models import CallTask
from gateway.receivables.keys import Keys
from gateway.receivables.letter_models import Letter, LetterClaim
from gateway.receivables.nightly import Night
from tests.builders import a_world
from tests.claims_made import a_claim, a_sender, pay

FIRST = datetime(2026, 9, 22, 1, tzinfo=UTC)


class Nights:
    """A merchant with a sender and one unpaid order; nights, mornings, and what the mail server says."""

    def __init__(self, services, clock):
        self.services, self.keys, self.clock = services, Keys(services.keyring), clock
        self.world = a_world(services)
        with self.session() as session:
            a_sender(session, services, FIRST)
            told = {"due_date": date(2026, 9, 15), "delivered_on": date(2026, 9, 1), "due_ground": "after-delivery"}
            self.owed = a_claim(session, services, self.world, FIRST, region="HB", **told)

    def session(self):
        return self.services.db.transaction(self.world.merchant_id)

    def night(self, day):
        self.clock.move_to(datetime.combine(day, time(1), UTC))
        night = Night(self.keys, shipped(), datetime.combine(day, time(1), UTC), day)
        return nightly.run(self.services.db, self.world.merchant_id, night).drafted

    def morning(self, day):
        """The undo window is over: drafted letters are laid out and queued."""
        self.clock.move_to(datetime.combine(day, time(9), UTC))
        with self.session() as session:
            drafted = list(session.scalars(select(Letter.id).where(Letter.state == "DRAFTED")))
        for letter_id in drafted:
            job = Job(1, letters.QUEUE, letters.TASK, self.world.merchant_id, {"letter_id": str(letter_id)}, 1)
            letter_job.render_letter(self.services, job)

    def taken(self, parked=""):
        """The mail server took what is queued, or refused it for good."""
        now = datetime.now(UTC)
        with self.session() as session:
            found = session.scalars(select(Letter).where(Letter.state == "QUEUED")).all()
            for letter in found:
                message = session.get(OutboxMessage, (letter.merchant_id, letter.message_id))
                message.state = "parked" if parked else "sent"
                session.flush()
                told = MailParked(message.id, parked, now, self.services.keyring) if parked else None
                events.publish(session, told or MailSent((message.id,), now, self.services.keyring))

    def letters(self):
        with self.session() as session:
            rows = session.scalars(select(Letter).where(Letter.origin == "dunning").order_by(Letter.id)).all()
            return [(row.step, row.channel, row.state) for row in rows], [row.findings for row in rows if row.findings]

    def claim(self):
        with self.session() as session:
            row = claims.get(session, self.owed.claim_id)
            return row.state, row.level, row.default_from

    def through(self, last):
        """Every night and morning, all mails taken; days on which something was drafted."""
        day, days = FIRST.date(), []
        while day <= last:
            if self.night(day):
                days.append(day)
            self.morning(day)
            self.taken()
            day += timedelta(days=1)
        return days


@pytest.fixture
def nights(services):
    wiring.install_listeners()
    with time_machine.travel(FIRST, tick=False) as clock:
        yield Nights(services, clock)


def test_what_the_preview_says_is_what_the_nights_then_do_and_every_letter_is_lawful(nights):
    with nights.session() as session:
        told = preview.preview(session, preview.Wanted(days=50), FIRST).letters
    assert nights.through(date(2026, 11, 6)) == [one["day"] for one in told]
    left, findings = nights.letters()
    assert findings == []
    assert left == [
        ("reminder", "email", "SENT"),
        ("dunning-1", "email", "SENT"),
        ("dunning-2", "email", "SENT"),
        ("final", "email", "SENT"),
    ]
    assert nights.claim() == ("DUNNING", 4, date(2026, 9, 16))


def test_an_e_mail_that_came_back_goes_by_post_the_next_night(nights):
    nights.night(FIRST.date())
    nights.morning(FIRST.date())
    nights.taken(parked="smtp-550")
    assert nights.claim()[:2] == ("OPEN", 0)
    nights.night(FIRST.date() + timedelta(days=1))
    nights.morning(FIRST.date() + timedelta(days=1))
    left, findings = nights.letters()
    assert (left, findings) == ([("reminder", "email", "BOUNCED"), ("reminder", "post", "PRINTING")], [])


def test_a_letter_taken_back_in_its_window_comes_again_the_next_night_and_not_the_same_day(nights):
    nights.night(FIRST.date())
    with nights.session() as session:
        (letter,) = session.scalars(select(Letter)).all()
        letters.cancel(session, nights.keys, letter.id, "by-hand", FIRST + timedelta(hours=2))
    nights.morning(FIRST.date())
    assert nights.letters()[0] == [("reminder", "email", "WITHDRAWN")]
    assert nights.night(FIRST.date() + timedelta(days=1)) == 1


def test_who_paid_in_the_window_gets_no_letter(nights):
    nights.night(FIRST.date())
    with nights.session() as session:
        pay(session, nights.services, nights.owed, 10_000, FIRST + timedelta(hours=3))
    nights.morning(FIRST.date())
    assert nights.letters()[0] == [("reminder", "email", "WITHDRAWN")]
    assert nights.claim()[0] == "SETTLED"


def test_nobody_is_called_about_what_was_paid(nights):
    with nights.session() as session:
        claim = claims.get(session, nights.owed.claim_id)
        letter_id = new_id()
        session.add(a_call_letter(claim, letter_id))
        session.flush()
        session.add(LetterClaim(**a_line(claim, letter_id)))
        session.flush()
        wanted = calls.Wanted(claim.shop_id, claim.buyer_id, f"letter:{letter_id}", FIRST.date(), letter_id, claim.live)
        calls.open_for(session, [wanted])
        pay(session, nights.services, nights.owed, 10_000, FIRST)
        task = calls.by_cause(session, f"letter:{letter_id}")
        assert task.state == "DROPPED"


def test_what_is_disputed_on_the_phone_is_an_objection(nights):
    """It stands in the queue with its words, and nothing leaves; a second call about it enters no second one."""
    with nights.session() as session:
        claim = claims.get(session, nights.owed.claim_id)
        for number in (1, 2):
            cause = f"asked:{number}"
            calls.open_for(
                session, [calls.Wanted(claim.shop_id, claim.buyer_id, cause, FIRST.date(), None, claim.live)]
            )
            ended = calls.Outcome("objected", "user:1", "came broken", category="defective")
            calls.finish(session, nights.keys, calls.by_cause(session, cause).id, ended, FIRST)
        (one,) = objections.views(session, nights.services.keyring, objections.open_of(session, [claim.id]))
        assert (one.row.category, one.row.channel, one.words) == ("defective", "phone", "came broken")
    assert nights.claim()[0] == "DISPUTED"
    assert nights.night(FIRST.date()) == 0


def a_call_letter(claim, letter_id):
    """A step of the policy that is a call, as the night drafts it."""
    told = {"origin": "dunning", "kind": "call", "step": "c", "channel": "call", "language": "de", "tone": "neutral"}
    when = {"day": FIRST.date(), "drafted_at": FIRST, "release_at": FIRST}
    who = {"merchant_id": claim.merchant_id, "shop_id": claim.shop_id, "buyer_id": claim.buyer_id, "live": claim.live}
    return Letter(id=letter_id, state="DRAFTED", **who, **told, **when)


def a_line(claim, letter_id):
    ids = {"merchant_id": claim.merchant_id, "letter_id": letter_id, "claim_id": claim.id}
    return ids | {"level": 1, "total_minor": 10_000, "figures": {}}


def test_each_letter_has_one_job_that_lets_it_out_after_its_window(nights):
    nights.night(FIRST.date())
    with nights.session() as session:
        (job,) = session.scalars(select(JobRow).where(JobRow.task == letters.TASK)).all()
        (letter,) = session.scalars(select(Letter)).all()
        assert job.args == {"letter_id": str(letter.id)}
        assert letter.release_at == datetime(2026, 9, 22, 6, tzinfo=UTC), "eight o'clock in Bremen"
        assert session.scalars(select(CallTask)).all() == []
