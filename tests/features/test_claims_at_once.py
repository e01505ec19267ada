"""Two at once on one claim, with real commits: no lock waits for the other, nothing that was told is lost."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from gateway import wiring
from gateway.core import clock
from gateway.core.ids import new_id
from gateway.core.outbox import OutboxMessage
from gateway.core.services import Services
from gateway.law.tables import shipped
from gateway.receivables import (
    calls,
    claims,
    letter_facts,
    letter_job,
    letter_sending,
    letters,
    nightly,
    objections,
    plans,
    print_batches,
)
from gateway.receivables.agreement_models import CallTask, InstalmentPlan
from gateway.receivables.calls import Outcome
from gateway.receivables.changes import LiftHold, SetHold
from gateway.receivables.claims import Payment
from gateway.receivables.letter_model import Channel, Kind
from gateway.receivables.letter_models import Letter
from gateway.receivables.letters import Draft
from gateway.receivables.models import ClaimHold
from gateway.receivables.nightly import Night
from gateway.receivables.objections import NewObjection
from gateway.receivables.plans import Wish
from tests.builders import a_world
from tests.claims_made import a_sender
from tests.debtors import Debtor

STANDS_S = 0.4
"""Until the other stands at the lock; too short it proves less and fails nothing."""


@pytest.fixture
def services(live_db, cache, keyring) -> Services:
    wiring.install_listeners()
    return Services(
        db=live_db,
        cache=cache,
        keyring=keyring,
        public_url="http://kulanz.test",
        session_secret=b"only for tests, thirty-two bytes!",
    )


@pytest.fixture
def debtor(services):
    return Debtor(services, a_world(services))


@pytest.fixture
def claim_id(debtor):
    found = debtor.owes(10_000)
    with debtor.transaction() as session:
        a_sender(session, debtor.services, clock.now())
    return found


def within(debtor, work, *told):
    """Carried out in a transaction of its own."""
    with debtor.transaction() as session:
        return work(session, *told)


def laid(debtor, claim_id, channel):
    """A reminder, drafted and laid out."""
    with debtor.transaction() as session:
        draft = Draft(Kind.REMINDER, (claim_id,), clock.now(), channel=channel)
        letter = letters.get(session, letters.draft(session, draft, shipped()))
        return letter.id, letter_job.lay_out(
            letter_facts.gather(session, debtor.keys, letter, "https://x.example", shipped())
        )


def leave(debtor, letter_id, made):
    with debtor.transaction() as session:
        letter_sending.leave(session, debtor.keys, letters.locked(session, letter_id), made, clock.now())


def test_an_objection_that_comes_while_the_letter_leaves_still_stops_it(debtor, claim_id):
    """It waits for the letter to be queued, and stops it there."""
    letter_id, made = laid(debtor, claim_id, Channel.EMAIL)
    new = NewObjection(claim_id, "defective", "key:test", "api")
    with ThreadPoolExecutor(1) as other:
        with debtor.transaction() as session:
            letter_job._leave(session, debtor.keys, letter_id, made, clock.now())
            told = debtor.services.keyring, new, clock.now()
            objecting = other.submit(within, debtor, lambda own: objections.lodge(own, *told).id)
            time.sleep(STANDS_S)
        objecting.result(timeout=30)
    with debtor.transaction() as session:
        assert session.get(Letter, (debtor.world.merchant_id, letter_id)).state == "WITHDRAWN"
        assert session.scalars(select(OutboxMessage.state)).all() == ["cancelled"]


def test_a_letter_taken_back_while_its_batch_is_confirmed_is_not_sent(debtor, claim_id):
    """Whoever comes second sees what the first has done."""
    gone, still = (laid(debtor, claim_id, Channel.POST) for _ in range(2))
    for one in (gone, still):
        leave(debtor, *one)
    now = clock.now()
    batch_id = within(debtor, lambda session: print_batches.make(session, debtor.keys, now.date(), now).id)
    with ThreadPoolExecutor(1) as other:
        with debtor.transaction() as session:
            letters.cancel(session, debtor.keys, gone[0], "user", now)
            told = debtor.keys, batch_id, {}, "user:1", now
            confirming = other.submit(within, debtor, print_batches.confirm, *told)
            time.sleep(STANDS_S)
        assert confirming.result(timeout=30).sent == 1
    states = {row.id: row.state for row in debtor.rows(Letter)}
    assert (states[gone[0]], states[still[0]]) == ("WITHDRAWN", "SENT")


def test_a_payment_and_the_night_of_its_plan_do_not_lock_each_other_out(debtor, claim_id):
    """Whoever works on claim and plan takes the claim first."""
    keyring, now, today = debtor.services.keyring, clock.now(), clock.now().date()
    wish = Wish((claim_id,), 2, today + timedelta(days=7))
    plan_id = within(debtor, lambda session: plans.agree(session, keyring, wish, "buyer:test", now, today).row.id)

    def advance(days):
        later = now + timedelta(days=days)
        return within(debtor, plans.advance, keyring, plan_id, later.date(), later)

    advance(20)
    with ThreadPoolExecutor(1) as other:
        with debtor.transaction() as session:
            claims.hold(session, [claim_id])
            advancing = other.submit(advance, 60)
            time.sleep(STANDS_S)
            plans.noticed(session, claim_id, now)
        advancing.result(timeout=30)
    assert debtor.rows(InstalmentPlan)[0].state == "LAPSED"


def test_a_payment_and_the_end_of_its_call_do_not_lock_each_other_out(debtor):
    """Whoever works on claim and call takes the claim first."""
    claim_id = debtor.owes(10_000, in_default=False)
    within(debtor, lambda session: a_sender(session, debtor.services, clock.now()) and None)
    leave(debtor, *laid(debtor, claim_id, Channel.CALL))
    (task,) = debtor.rows(CallTask)
    ended, now = Outcome("reached", "user:1"), clock.now()
    with ThreadPoolExecutor(1) as other:
        with debtor.transaction() as session:
            claims.hold(session, [claim_id])
            finishing = other.submit(within, debtor, calls.finish, debtor.keys, task.id, ended, now)
            time.sleep(STANDS_S)
            paid = Payment(claim_id, "bank", new_id().hex, now.date(), 10_000, "EUR")
            assert claims.receive_payment(session, debtor.keys, paid, now).state == "SETTLED"
        with pytest.raises(calls.CallDone):
            finishing.result(timeout=30)


def test_what_is_told_of_a_claim_while_the_night_looks_at_it_is_not_lost(debtor, claim_id):
    """The night found nothing more to do; what stopped everything is lifted meanwhile: it looks again."""
    now = clock.now()
    today: date = now.date()
    within(debtor, claims.apply, debtor.keys, claim_id, SetHold("insolvency", today), now)
    (hold,) = debtor.rows(ClaimHold)
    dark = Night(debtor.keys, shipped(), now, today)
    with ThreadPoolExecutor(1) as other:
        with debtor.transaction() as session:
            buyers = nightly.lock_debtors(session, dark, UUID(int=0), 10)
            assert nightly._due_ids(session, dark, buyers) == [claim_id]
            lifting = other.submit(
                within, debtor, claims.apply, debtor.keys, claim_id, LiftHold(hold.id, "lifted"), now
            )
            time.sleep(STANDS_S)
            nightly.work(session, dark, buyers)
            assert claims.get(session, claim_id).next_on is None
        lifting.result(timeout=30)
    assert debtor.claim(claim_id).next_on is not None
