"""A letter is drafted, laid out, looked at again, and leaves once; what must not leave stays."""

import io
import re
import zipfile
from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine
from sqlalchemy import select

from gateway import wiring
from gateway.core import documents, events, outbox
from gateway.core.channels import Mail
from gateway.core.crypto import unseal
from gateway.core.documents import Owner
from gateway.core.errors import Invalid, Refused
from gateway.core.outbox import MailParked, MailSent, OutboxMessage
from gateway.core.work import Job, JobRow, Retry
from gateway.law.tables import shipped
from gateway.merchants import secrets
from gateway.receivables import (
    agreements,
    claims,
    letter_events,
    letter_job,
    letters,
    objections,
    print_batches,
)
from gateway.receivables.agreement_models import CallTask
from gateway.receivables.changes import SetHold
from gateway.receivables.keys import Keys
from gateway.receivables.letter_model import Channel, Kind
from gateway.receivables.letters import Draft
from gateway.receivables.objections import NewObjection
from tests.builders import a_world
from tests.claims_made import a_claim, a_sender, pay

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
"""A Tuesday."""


@pytest.fixture(autouse=True)
def on_a_tuesday():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def heard():
    """What letters publish; the other listeners are those of the product."""
    told = []
    table = {**wiring.LISTENERS}
    for kind in (letter_events.LetterSent, letter_events.LetterWithdrawn, letter_events.LetterBounced):
        table[kind] = (lambda _session, event: told.append(event),)
    events.install(table)
    yield told
    wiring.install_listeners()


class Desk:
    """A merchant with a shop, a sender and an overdue claim."""

    def __init__(self, services, *, sender=True, **shop):
        self.services, self.keys = services, Keys(services.keyring)
        self.world = a_world(services, **shop)
        with self.session() as session:
            if sender:
                a_sender(session, services, NOW)
            self.owed = a_claim(session, services, self.world, NOW - timedelta(days=1), live=shop.get("live", True))

    def session(self):
        return self.services.db.transaction(self.world.merchant_id)

    def draft(self, kind=Kind.REMINDER, **more):
        with self.session() as session:
            return letters.draft(session, Draft(kind, (self.owed.claim_id,), NOW, **more), shipped())

    def run(self, letter_id):
        job = Job(1, letters.QUEUE, letters.TASK, self.world.merchant_id, {"letter_id": str(letter_id)}, 1)
        letter_job.render_letter(self.services, job)

    def letter(self, letter_id):
        with self.session() as session:
            return letters.get(session, letter_id)

    def mails(self):
        with self.session() as session:
            key = secrets.get_key(session, self.services.keyring, "data")
            rows = session.scalars(select(OutboxMessage).order_by(OutboxMessage.id)).all()
            return [(row, Mail.decode(unseal(key, row.payload, outbox.context(row.id)))) for row in rows]


@pytest.fixture
def desk(services, heard):
    return Desk(services)


def test_a_reminder_leaves_as_an_e_mail_with_the_pdf_that_is_kept(desk, heard):
    letter_id = desk.draft()
    desk.run(letter_id)
    ((row, mail),) = desk.mails()
    letter = desk.letter(letter_id)
    assert (letter.state, letter.message_id, row.state) == ("QUEUED", row.id, "queued")
    assert mail.to == "ada@example.com"
    assert mail.subject == "Zahlungserinnerung: Rechnung R-1001"
    assert "Ada Müller" in mail.html
    assert "Espressomühle" in mail.body
    with desk.session() as session:
        assert letters.pdf_of(session, desk.keys, letter) == mail.attachments[0].content
        kept = documents.load(session, Owner(letter.buyer_id, desk.keys.of(session, letter.buyer_id)), letter.mail_id)
    assert Mail.decode(kept).html == mail.html
    assert heard == []


def test_a_letter_is_laid_out_once_however_often_its_job_runs(desk):
    letter_id = desk.draft()
    for _ in range(3):
        desk.run(letter_id)
    assert len(desk.mails()) == 1


def test_a_letter_has_left_when_the_mail_server_took_it(desk, heard):
    letter_id = desk.draft()
    desk.run(letter_id)
    with desk.session() as session:
        told = MailSent((desk.letter(letter_id).message_id,), NOW, desk.services.keyring)
        events.publish(session, told)
        events.publish(session, told)
    letter = desk.letter(letter_id)
    assert (letter.state, letter.sent_at) == ("SENT", NOW)
    assert [(type(one).__name__, one.letter_id, one.day) for one in heard] == [
        ("LetterSent", letter_id, date(2026, 11, 24))
    ]


def test_an_e_mail_that_bounces_undoes_its_step_and_goes_by_post(desk, heard):
    letter_id = desk.draft()
    desk.run(letter_id)
    with desk.session() as session:
        message = session.get(OutboxMessage, (desk.world.merchant_id, desk.letter(letter_id).message_id))
        message.state = "parked"
        session.flush()
        events.publish(session, MailParked(message.id, "smtp-550", NOW, desk.services.keyring))
    assert desk.letter(letter_id).state == "BOUNCED"
    (bounced,) = heard
    assert bounced.why == "smtp-550"
    desk.run(bounced.again_id)
    again = desk.letter(bounced.again_id)
    assert (again.state, again.channel) == ("PRINTING", "post")


def test_an_e_mail_that_waits_for_the_operators_server_did_not_bounce(desk, heard):
    letter_id = desk.draft()
    desk.run(letter_id)
    with desk.session() as session:
        told = MailParked(desk.letter(letter_id).message_id, "mail-not-configured", NOW, desk.services.keyring)
        events.publish(session, told)
    assert desk.letter(letter_id).state == "QUEUED"
    assert heard == []


def test_nothing_leaves_before_the_undo_window_ends(desk):
    letter_id = desk.draft(release_at=NOW + timedelta(hours=2))
    with pytest.raises(Retry):
        desk.run(letter_id)
    assert desk.mails() == []
    with desk.session() as session:
        letters.release(session, letter_id, NOW)
    desk.run(letter_id)
    assert len(desk.mails()) == 1


def test_a_letter_taken_back_in_its_window_never_leaves(desk, heard):
    letter_id = desk.draft(release_at=NOW + timedelta(hours=2))
    with desk.session() as session:
        letters.cancel(session, desk.keys, letter_id, "user", NOW)
    desk.run(letter_id)
    assert desk.mails() == []
    assert [(one.letter_id, one.why) for one in heard] == [(letter_id, "user")]


def test_a_letter_that_is_on_its_way_cannot_be_taken_back(desk):
    letter_id = desk.draft()
    desk.run(letter_id)
    with desk.session() as session, pytest.raises(Refused):
        letters.cancel(session, desk.keys, letter_id, "user", NOW)


def test_who_pays_before_the_letter_leaves_gets_none(desk, heard):
    letter_id = desk.draft()
    with desk.session() as session:
        pay(session, desk.services, desk.owed, 10_000, NOW)
    desk.run(letter_id)
    assert desk.letter(letter_id).state == "WITHDRAWN"
    assert desk.mails() == []
    assert heard[-1].why in {"paid", "claim-settled"}


def test_a_hold_set_meanwhile_keeps_the_letter_in(desk):
    letter_id = desk.draft()
    with desk.session() as session:
        claims.apply(session, desk.keys, desk.owed.claim_id, SetHold("pause", NOW.date()), NOW)
    desk.run(letter_id)
    letter = desk.letter(letter_id)
    assert (letter.state, letter.ended_why) == ("WITHDRAWN", "held")


def test_what_is_paid_between_layout_and_leaving_withdraws_the_letter(desk, monkeypatch):
    """The facts are read in one transaction, the letter leaves in another."""
    letter_id, real = desk.draft(), letter_job.lay_out

    def paid_meanwhile(gathered):
        with desk.session() as session:
            pay(session, desk.services, desk.owed, 10_000, NOW)
        return real(gathered)

    monkeypatch.setattr(letter_job, "lay_out", paid_meanwhile)
    desk.run(letter_id)
    assert desk.letter(letter_id).state == "WITHDRAWN"
    assert desk.mails() == []


def test_no_letter_leaves_before_the_merchant_said_who_it_comes_from(services, heard):
    desk = Desk(services, sender=False)
    letter_id = desk.draft()
    desk.run(letter_id)
    letter = desk.letter(letter_id)
    assert (letter.state, letter.findings[0]["path"]) == ("PARKED", "/sender")
    with desk.session() as session:
        a_sender(session, services, NOW)
        letters.release(session, letter_id, NOW)
    desk.run(letter_id)
    assert desk.letter(letter_id).state == "QUEUED"


def test_an_unlawful_letter_is_parked_with_what_is_wrong(desk):
    letter_id = desk.draft(deadline=date(2026, 11, 29))
    desk.run(letter_id)
    letter = desk.letter(letter_id)
    assert letter.state == "PARKED"
    assert {one["code"] for one in letter.findings} == {"deadline-too-short", "deadline-no-working-day"}
    assert desk.mails() == []


def test_a_parked_letter_is_looked_at_again_when_it_is_released(desk):
    letter_id = desk.draft(deadline=date(2026, 11, 29))
    desk.run(letter_id)
    with desk.session() as session:
        letters.get(session, letter_id).deadline = date(2026, 12, 9)
        letters.release(session, letter_id, NOW)
    desk.run(letter_id)
    assert desk.letter(letter_id).state == "QUEUED"


def test_a_test_shop_sends_nothing(services, heard):
    desk = Desk(services, live=False)
    letter_id = desk.draft()
    desk.run(letter_id)
    ((row, _),) = desk.mails()
    assert row.state == "withheld"
    assert desk.letter(letter_id).state == "SENT"


def test_a_letter_without_an_e_mail_address_goes_by_post(desk):
    letter_id = desk.draft(channel=Channel.POST)
    desk.run(letter_id)
    assert desk.letter(letter_id).state == "PRINTING"


def test_the_days_paper_leaves_as_one_archive_and_is_dated_when_it_is_confirmed(desk, heard):
    one, other = desk.draft(channel=Channel.POST), desk.draft(channel=Channel.POST)
    for letter_id in (one, other):
        desk.run(letter_id)
    with desk.session() as session:
        batch = print_batches.make(session, desk.keys, NOW.date(), NOW)
        archive = print_batches.archive(session, desk.keys, batch)
        assert archive == print_batches.archive(session, desk.keys, batch)
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        names = opened.namelist()
        assert opened.read(names[0]).decode().splitlines()[0] == "letter,file,kind,country,language,day"
        assert len(names) == 3
        assert b"Ada" not in opened.read(names[0])
    assert heard == []
    later = NOW + timedelta(days=1)
    with desk.session() as session:
        done = print_batches.confirm(session, desk.keys, batch.id, {other: "moved"}, "user:1", later)
    assert (done.sent, done.failed) == (1, 1)
    assert (desk.letter(one).state, desk.letter(one).sent_at) == ("SENT", later)
    assert desk.letter(other).state == "BOUNCED"
    assert {(type(event).__name__, event.letter_id) for event in heard} == {
        ("LetterSent", one),
        ("LetterBounced", other),
    }


def test_a_batch_is_confirmed_once_and_nothing_is_printed_twice(desk):
    desk.run(desk.draft(channel=Channel.POST))
    with desk.session() as session:
        batch = print_batches.make(session, desk.keys, NOW.date(), NOW)
        with pytest.raises(print_batches.NothingToPrint):
            print_batches.make(session, desk.keys, NOW.date(), NOW)
        print_batches.confirm(session, desk.keys, batch.id, {}, "user:1", NOW)
        with pytest.raises(print_batches.AlreadyConfirmed):
            print_batches.confirm(session, desk.keys, batch.id, {}, "user:1", NOW)


def test_a_call_becomes_a_task_of_the_desk(desk):
    letter_id = desk.draft(channel=Channel.CALL)
    desk.run(letter_id)
    with desk.session() as session:
        (task,) = session.scalars(select(CallTask)).all()
    assert (task.letter_id, task.state) == (letter_id, "OPEN")
    assert desk.letter(letter_id).state == "SENT"


def test_a_letter_is_about_one_debtor(desk):
    with desk.session() as session, pytest.raises(Invalid):
        letters.draft(session, Draft(Kind.REMINDER, (), NOW), shipped())


def test_a_draft_waits_in_the_queue_until_its_window_ends(desk):
    desk.draft(release_at=NOW + timedelta(hours=2))
    with desk.session() as session:
        (job,) = session.scalars(select(JobRow).where(JobRow.task == letters.TASK)).all()
    assert set(job.args) == {"letter_id"}


def objected(desk):
    with desk.session() as session:
        told = NewObjection(desk.owed.claim_id, "defective", "key:test", "api")
        objections.lodge(session, desk.services.keyring, told, NOW)


def test_an_objection_keeps_in_what_waits_for_the_mail_server(desk):
    """The message is stopped with the letter."""
    letter_id = desk.draft()
    desk.run(letter_id)
    objected(desk)
    ((row, _),) = desk.mails()
    letter = desk.letter(letter_id)
    assert (letter.state, letter.ended_why, row.state) == ("WITHDRAWN", "objection", "cancelled")


def test_an_objection_after_the_mail_has_left_stops_nothing(desk):
    letter_id = desk.draft()
    desk.run(letter_id)
    with desk.session() as session:
        message = session.get(OutboxMessage, (desk.world.merchant_id, desk.letter(letter_id).message_id))
        message.state = "sent"
        session.flush()
        events.publish(session, MailSent((message.id,), NOW, desk.services.keyring))
    objected(desk)
    assert desk.letter(letter_id).state == "SENT"


def test_an_objection_keeps_in_what_waits_for_the_printer(desk):
    letter_id = desk.draft(channel=Channel.POST)
    desk.run(letter_id)
    objected(desk)
    assert desk.letter(letter_id).state == "WITHDRAWN"


def test_what_was_paid_while_it_waited_for_the_printer_is_not_printed(desk):
    """Another letter of the day is."""
    paid = desk.draft(channel=Channel.POST)
    desk.run(paid)
    with desk.session() as session:
        other = a_claim(session, desk.services, desk.world, NOW - timedelta(days=1), reference="1002")
        told = Draft(Kind.REMINDER, (other.claim_id,), NOW, channel=Channel.POST)
        still = letters.draft(session, told, shipped())
    desk.run(still)
    with desk.session() as session:
        pay(session, desk.services, desk.owed, 10_000, NOW)
    with desk.session() as session:
        batch = print_batches.make(session, desk.keys, NOW.date(), NOW)
        assert [letter.id for letter in print_batches.letters_of(session, batch.id)] == [still]
    assert desk.letter(paid).state == "WITHDRAWN"


@pytest.mark.parametrize("fallback", [None, Channel.POST])
def test_a_letter_by_callback_that_nobody_would_hear_does_not_count_as_sent(services, fallback):
    """No endpoint wants it: it takes its other way, or is parked where somebody sees it."""
    desk = Desk(services)
    letter_id = desk.draft(channel=Channel.CALLBACK, fallback=fallback)
    desk.run(letter_id)
    letter = desk.letter(letter_id)
    if fallback is None:
        assert (letter.state, [one["code"] for one in letter.findings]) == ("PARKED", ["no-endpoint"])
    else:
        assert (letter.state, letter.channel) == ("PRINTING", "post")


def test_a_deadline_that_moves_with_its_letter_keeps_clear_of_the_lands_own_holidays(services):
    """Written for 5 January, it leaves a day late: 6 January is a holiday in Bavaria, so the 7th is the last day."""
    desk = Desk(services)
    with desk.session() as session:
        claim = claims.get(session, desk.owed.claim_id)
        claim.country, claim.region = "DE", "BY"
    letter_id = desk.draft(deadline=date(2027, 1, 5))
    with time_machine.travel(NOW + timedelta(days=1), tick=False):
        desk.run(letter_id)
    assert (desk.letter(letter_id).findings, desk.letter(letter_id).deadline) == (None, date(2027, 1, 7))


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        ({"max_rates": 6, "min_rate_minor": 1500}, "6 "),
        ({"max_rates": 24, "min_rate_minor": 2500}, "4 "),
        ({"min_rate_minor": 9000}, ""),
    ],
)
def test_instalments_are_offered_as_the_shop_allows_them(desk, limits, told):
    """100 EUR: six of 15 EUR at least, or four of 25 EUR; of 90 EUR there are none."""
    with desk.session() as session:
        agreements.set_limits(session, desk.world.shop_id, limits, "test", NOW)
        claims.get(session, desk.owed.claim_id).debtor = "business"  # a consumer gets none before default
    desk.run(desk.draft(extra={"offers": ["instalments"]}))
    ((_, mail),) = desk.mails()
    offers = re.findall(r"bis zu (\d+ )", mail.body)
    assert offers[:1] == ([told] if told else [])
