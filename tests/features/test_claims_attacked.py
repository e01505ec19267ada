"""What clever or careless people try with claims: no cent appears or vanishes, and nothing hangs for ever."""

from datetime import date, timedelta

import pytest
import time_machine

from gateway.core import clock
from gateway.core.errors import Invalid, Refused
from gateway.core.ids import new_id
from gateway.receivables import claims, erasing, ledger, objections, plan_tasks, plans, promises
from gateway.receivables.agreement_models import InstalmentPlan, Objection
from gateway.receivables.changes import Refund, ReversePayment, WriteOff
from gateway.receivables.claims import Payment
from gateway.receivables.debtors import DebtorPayment, receive_for_debtor
from gateway.receivables.models import ClaimHold
from gateway.receivables.objections import NewObjection, Verdict
from gateway.receivables.plans import Wish
from gateway.receivables.promises import Given, Promised, TooManyPromises
from gateway.shops import erasure
from tests.builders import a_world
from tests.debtors import Debtor


@pytest.fixture
def debtor(services):
    return Debtor(services, a_world(services))


def pay(debtor, claim_id, minor, day=None):
    day = day or clock.now().date()
    with debtor.transaction() as session:
        payment = Payment(claim_id, "bank", new_id().hex, day, minor, "EUR")
        return claims.receive_payment(session, debtor.keys, payment, clock.now())


def apply(debtor, claim_id, change):
    with debtor.transaction() as session:
        claims.apply(session, debtor.keys, claim_id, change, clock.now())


def lodge(debtor, claim_id, **more):
    told = {"category": "defective", "raised_by": "key:test", "channel": "api"} | more
    with debtor.transaction() as session:
        return objections.lodge(session, debtor.services.keyring, NewObjection(claim_id, **told), clock.now()).id


def decide(debtor, objection_id, outcome, credit_minor=None):
    verdict = Verdict(outcome, "So ist es.", "unclear", "Gründe", "user:test", credit_minor)
    with debtor.transaction() as session:
        objections.decide(session, debtor.services.keyring, objection_id, verdict, clock.now())


def agree(debtor, *claim_ids, rates=2):
    today = clock.now().date()
    with debtor.transaction() as session:
        wish = Wish(claim_ids, rates, today + timedelta(days=7))
        return plans.agree(session, debtor.services.keyring, wish, "buyer:test", clock.now(), today).row.total_minor


def night(debtor, days):
    with time_machine.travel(clock.now() + timedelta(days=days), tick=False):
        plan_tasks.run(debtor.services, debtor.world.merchant_id)


def given(*claim_ids):
    return Given(claim_ids, "buyer:test", f"asked:{new_id()}")


# --- money


def test_a_plan_over_two_claims_paid_on_one_of_them_gives_nothing_away(debtor):
    """Both are paid by one reference: what was too much on the first pays the second, and is no credit any more."""
    one, two = debtor.owes(10_000, "R-1"), debtor.owes(10_000, "R-2")
    total = agree(debtor, one, two)
    pay(debtor, one, total)
    night(debtor, 100)
    first, second = debtor.claim(one), debtor.claim(two)
    assert (first.state, second.state) == ("SETTLED", "SETTLED")
    assert first.credit_minor < 5, "the interest of the day of payment, which is free"
    with debtor.transaction() as session:
        entries = ledger.load(session, [one, two])
    assert [entry for booked in entries.values() for entry in booked if entry.posting.kind == "credit"] == []
    assert sum(-entry.posting.lines.get("bank", 0) for entry in [*entries[one], *entries[two]]) == -total


def test_money_that_went_back_pays_no_plan(debtor):
    """Paid too much on one claim and refunded: the other claim of the plan is still owed."""
    one, two = debtor.owes(10_000, "R-1"), debtor.owes(10_000, "R-2")
    total = agree(debtor, one, two)
    pay(debtor, one, total)
    apply(debtor, one, Refund(debtor.claim(one).credit_minor, clock.now().date(), "refund:1"))
    night(debtor, 100)
    assert debtor.claim(two).principal_minor == 10_000


def test_an_objection_to_a_part_that_is_accepted_credits_that_part(debtor):
    """Nobody gives away the rest by leaving a field empty."""
    claim_id = debtor.owes(10_000)
    decide(debtor, lodge(debtor, claim_id, amount_minor=2_000), "accepted")
    claim = debtor.claim(claim_id)
    assert (claim.state, claim.principal_minor) == ("DUNNING", 8_000)


def test_money_of_a_debtor_pays_what_was_written_off_too(debtor):
    """Before it becomes his credit."""
    other, lost = debtor.owes(5_000, "R-1", in_default=False), debtor.owes(10_000, "R-2", in_default=False)
    apply(debtor, lost, WriteOff("hopeless"))
    with debtor.transaction() as session:
        told = DebtorPayment(debtor.buyer_id, "bank", "tx", clock.now().date(), 15_000, "EUR")
        receive_for_debtor(session, debtor.keys, told, clock.now())
    assert [debtor.claim(one).state for one in (lost, other)] == ["SETTLED", "SETTLED"]
    assert [debtor.claim(one).credit_minor for one in (lost, other)] == [0, 0]


@pytest.mark.parametrize("day", [date.min, date(1, 1, 2)])
def test_a_payment_at_the_beginning_of_time_is_refused_or_booked(debtor, day):
    """And breaks nothing."""
    claim_id = debtor.owes(10_000)
    try:
        pay(debtor, claim_id, 1_000, day)
    except Invalid:
        assert debtor.claim(claim_id).principal_minor == 10_000


def test_a_promise_is_about_one_currency(debtor):
    """Yen are no cents."""
    euros, yen = debtor.owes(10_000, "R-1"), debtor.owes(9_000, "R-2", currency="JPY")
    today = clock.now().date()
    promised = Promised(today + timedelta(days=3), 19_000)
    with debtor.transaction() as session, pytest.raises(Invalid):
        promises.promise(session, debtor.services.keyring, given(euros, yen), promised, clock.now(), today)


# --- what ends


def test_an_objection_to_a_claim_that_was_paid_meanwhile_can_be_rejected(debtor):
    """The money is there; the answer still goes out."""
    claim_id = debtor.owes(10_000, in_default=False)
    objection_id = lodge(debtor, claim_id)
    assert pay(debtor, claim_id, 10_000).state == "SETTLED"
    decide(debtor, objection_id, "rejected")
    assert debtor.rows(Objection)[0].state == "REJECTED"
    assert debtor.claim(claim_id).state == "SETTLED"


def test_a_returned_payment_finds_the_objection_still_open(debtor):
    """The claim is disputed again, not dunned."""
    claim_id = debtor.owes(10_000, in_default=False)
    lodge(debtor, claim_id)
    paid = pay(debtor, claim_id, 10_000)
    apply(debtor, claim_id, ReversePayment(paid.payment_id, "bank:return"))
    assert debtor.claim(claim_id).state == "DISPUTED"


def test_the_promise_of_somebody_erased_stops_nobody_elses(debtor, services):
    """He promised, paid early and was erased: the others' promises are still looked at."""
    claim_id, today = debtor.owes(10_000, in_default=False), clock.now().date()
    other = Debtor(services, debtor.world, email="bea@example.com")
    theirs = other.owes(10_000, in_default=False)
    for one in (claim_id, theirs):
        with debtor.transaction() as session:
            promised = Promised(today + timedelta(days=3), 10_000)
            promises.promise(session, services.keyring, given(one), promised, clock.now(), today)
    pay(debtor, claim_id, 10_000)
    with debtor.transaction() as session:
        erasure.erase(session, debtor.buyer_id, clock.now(), (erasing.claims_object,))
    night(debtor, 10)
    assert {row.claim_id: row.outcome for row in debtor.rows(ClaimHold)}[theirs] == "broken"


def test_plans_and_hardship_are_no_way_to_stall_for_ever(debtor):
    """Two plans that fell are enough, and two times of hardship."""
    claim_id = debtor.owes(10_000)
    today = clock.now().date()
    for _ in range(2):
        with debtor.transaction() as session:
            promises.hardship(session, debtor.services.keyring, given(claim_id), clock.now(), today)
    with debtor.transaction() as session, pytest.raises(TooManyPromises):
        promises.hardship(session, debtor.services.keyring, given(claim_id), clock.now(), today)
    start = clock.now()
    for turn in range(2):
        with time_machine.travel(start + timedelta(days=70 * turn), tick=False):
            agree(debtor, claim_id)
            night(debtor, 20)
            night(debtor, 60)
    assert {row.state for row in debtor.rows(InstalmentPlan)} == {"LAPSED"}
    with time_machine.travel(start + timedelta(days=150), tick=False), pytest.raises(Refused):
        agree(debtor, claim_id)
