"""Plans from agreement to their end, as a calendar; promises kept and broken."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine

from gateway.core import clock
from gateway.core.work import Job
from gateway.receivables import claims, objections, plan_revival, plan_tasks, plans, promises
from gateway.receivables.agreement_models import InstalmentPlan
from gateway.receivables.changes import ReversePayment
from gateway.receivables.claims import Payment
from gateway.receivables.instalments import MixedCurrencies
from gateway.receivables.letter_models import Letter
from gateway.receivables.models import ClaimHold, ClaimPayment
from gateway.receivables.objections import NewObjection
from gateway.receivables.plans import Wish
from gateway.receivables.promises import Given, Promised, TooManyPromises
from tests.builders import a_world
from tests.debtors import Debtor

START = datetime(2026, 11, 25, 10, tzinfo=ZoneInfo("Europe/Berlin"))


@pytest.fixture
def debtor(services):
    with time_machine.travel(START, tick=False):
        yield Debtor(services, a_world(services))


@pytest.fixture
def claim_id(debtor):
    return debtor.owes(9000)


def agree(debtor, *claim_ids, rates=3):
    wish = Wish(claim_ids, rates, date(2026, 12, 1))
    with debtor.transaction() as session:
        made = plans.agree(session, debtor.services.keyring, wish, "buyer:test", clock.now(), clock.now().date())
        return made.row.id, [rate.amount_minor for rate in made.rates]


def pay(debtor, claim_id, minor, day):
    payment = Payment(claim_id, "bank", f"{day}-{minor}", day, minor, "EUR")
    with debtor.transaction() as session:
        return claims.receive_payment(session, debtor.keys, payment, clock.now())


def night(debtor, day):
    """The nightly run of this day, twice."""
    with time_machine.travel(datetime.combine(day, START.timetz()), tick=False):
        plan_tasks.run(debtor.services, debtor.world.merchant_id)
        plan_tasks.run(debtor.services, debtor.world.merchant_id)
    return debtor.rows(InstalmentPlan)[0].state


def kinds(debtor):
    return [row.kind for row in debtor.rows(Letter)]


def test_a_plan_that_is_kept_settles_the_claim(debtor, claim_id):
    """Three instalments paid on their days; interest that ran beside them is waived."""
    _, amounts = agree(debtor, claim_id)
    assert debtor.claim(claim_id).state == "INSTALMENTS"
    for amount, day in zip(amounts, (date(2026, 12, 1), date(2027, 1, 4), date(2027, 2, 1)), strict=True):
        with time_machine.travel(datetime.combine(day, START.timetz()), tick=False):
            pay(debtor, claim_id, amount, day)
    assert night(debtor, date(2027, 2, 7)) == "FULFILLED"
    assert debtor.claim(claim_id).state == "SETTLED"
    assert kinds(debtor) == ["plan"]


def test_a_missed_instalment_has_grace_then_notice_then_the_plan_falls(debtor, claim_id):
    """Due 1 December; 7 December: one notice with a day; 21 December is the last; then dunning goes on."""
    agree(debtor, claim_id)
    assert night(debtor, date(2026, 12, 6)) == "RUNNING"
    assert night(debtor, date(2026, 12, 7)) == "WARNED"
    assert kinds(debtor) == ["plan", "plan_lapsed"]
    assert debtor.rows(Letter)[1].deadline == date(2026, 12, 21)
    assert night(debtor, date(2026, 12, 21)) == "WARNED"
    assert night(debtor, date(2026, 12, 22)) == "LAPSED"
    assert debtor.claim(claim_id).state == "DUNNING"
    assert kinds(debtor) == ["plan", "plan_lapsed"]


def test_whoever_pays_after_the_notice_keeps_his_plan(debtor, claim_id):
    """It runs again, and the next missed one gets a notice of its own."""
    _, amounts = agree(debtor, claim_id)
    assert night(debtor, date(2026, 12, 7)) == "WARNED"
    with time_machine.travel(datetime(2026, 12, 15, 9, tzinfo=START.tzinfo), tick=False):
        pay(debtor, claim_id, amounts[0], date(2026, 12, 15))
    assert night(debtor, date(2026, 12, 22)) == "RUNNING"
    assert night(debtor, date(2027, 1, 10)) == "WARNED"


def test_a_plan_over_several_claims_is_one_plan(debtor, claim_id):
    """Their sum in instalments; both follow it."""
    other = debtor.owes(3000, "R-1002")
    _, amounts = agree(debtor, claim_id, other)
    assert {debtor.claim(claim_id).state, debtor.claim(other).state} == {"INSTALMENTS"}
    assert sum(amounts) >= 12_000


def test_claims_in_another_currency_change_nothing(debtor, claim_id):
    """Refused with a problem of its own."""
    francs = debtor.owes(5000, "R-CH", currency="CHF")
    with pytest.raises(MixedCurrencies):
        agree(debtor, claim_id, francs)
    assert debtor.claim(claim_id).state == "OPEN"
    assert not debtor.rows(InstalmentPlan)


def test_an_objection_lets_the_plan_rest_and_its_rejection_lets_it_go_on(debtor, claim_id):
    """No notice while the claim is disputed."""
    agree(debtor, claim_id)
    with debtor.transaction() as session:
        new = NewObjection(claim_id, "defective", "buyer:test")
        objection_id = objections.lodge(session, debtor.services.keyring, new, clock.now()).id
    assert night(debtor, date(2026, 12, 10)) == "RUNNING"
    with debtor.transaction() as session:
        objections.withdraw(session, debtor.services.keyring, objection_id, "buyer:test", clock.now())
    assert debtor.claim(claim_id).state == "INSTALMENTS"
    assert night(debtor, date(2026, 12, 10)) == "WARNED"


def promise(debtor, claim_id, minor=5000, cause="asked:1"):
    with debtor.transaction() as session:
        given = Given((claim_id,), "buyer:test", cause)
        promised = Promised(date(2026, 12, 4), minor)
        promises.promise(session, debtor.services.keyring, given, promised, clock.now(), clock.now().date())


@pytest.mark.parametrize(("paid", "outcome"), [(5000, "kept"), (4999, "broken"), (0, "broken")])
def test_a_promise_is_kept_or_broken(debtor, claim_id, paid, outcome):
    """Three days after its day, for the bank; told once."""
    promise(debtor, claim_id)
    if paid:
        with time_machine.travel(START + timedelta(days=9), tick=False):
            pay(debtor, claim_id, paid, date(2026, 12, 4))
    with time_machine.travel(START + timedelta(days=12), tick=False):
        assert plan_tasks.run(debtor.services, debtor.world.merchant_id) == 0, "the bank's days are not over"
    with time_machine.travel(START + timedelta(days=13), tick=False):
        assert plan_tasks.run(debtor.services, debtor.world.merchant_id) == 1
        assert plan_tasks.run(debtor.services, debtor.world.merchant_id) == 0
    assert debtor.rows(ClaimHold)[0].outcome == outcome


def test_promises_are_counted(debtor, claim_id):
    """Two per claim unless the merchant says otherwise."""
    promise(debtor, claim_id, cause="asked:1")
    promise(debtor, claim_id, cause="asked:2")
    with pytest.raises(TooManyPromises):
        promise(debtor, claim_id, cause="asked:3")
    assert len(debtor.rows(ClaimHold)) == 2


def test_a_plan_whose_last_payment_was_taken_back_runs_again(debtor, claim_id):
    """It had been fulfilled; its claim follows it again, and what was waived because it was kept is owed again."""
    plan_id, amounts = agree(debtor, claim_id)
    for amount, day in zip(amounts, (date(2026, 12, 1), date(2027, 1, 4), date(2027, 2, 1)), strict=True):
        with time_machine.travel(datetime.combine(day, START.timetz()), tick=False):
            pay(debtor, claim_id, amount, day)
    assert night(debtor, date(2027, 2, 7)) == "FULFILLED"
    last = debtor.rows(ClaimPayment)[-1].id
    with time_machine.travel(datetime(2027, 2, 10, 9, tzinfo=START.tzinfo), tick=False):
        with debtor.transaction() as session:
            claims.apply(session, debtor.keys, claim_id, ReversePayment(last, "returned:1"), clock.now())
            assert plan_revival.shaken(session, claim_id) == [plan_id]
        for _ in range(2):
            job = Job(1, "default", "plans.look", debtor.world.merchant_id, {"plan_id": str(plan_id)}, 1)
            plan_tasks.look(debtor.services, job)
        assert debtor.claim(claim_id).state == "INSTALMENTS"
        assert debtor.rows(InstalmentPlan)[0].state == "WARNED"
        assert debtor.claim(claim_id).principal_minor > amounts[-1]
        pay(debtor, claim_id, amounts[-1], date(2027, 2, 10))
    assert night(debtor, date(2027, 2, 11)) == "FULFILLED"
    assert debtor.claim(claim_id).state == "SETTLED"


def test_a_plan_that_runs_again_falls_like_any_other(debtor, claim_id):
    """Nothing comes after the notice: dunning goes on."""
    _, amounts = agree(debtor, claim_id, rates=2)
    for day, amount in enumerate(amounts, start=24):
        pay(debtor, claim_id, amount, date(2026, 11, day))
    assert night(debtor, date(2026, 12, 7)) == "FULFILLED"
    last = debtor.rows(ClaimPayment)[-1].id
    with debtor.transaction() as session:
        claims.apply(session, debtor.keys, claim_id, ReversePayment(last, "returned:1"), clock.now())
    plan_id = debtor.rows(InstalmentPlan)[0].id
    with time_machine.travel(datetime(2027, 1, 10, 9, tzinfo=START.tzinfo), tick=False):
        job = Job(1, "default", "plans.look", debtor.world.merchant_id, {"plan_id": str(plan_id)}, 1)
        plan_tasks.look(debtor.services, job)
    assert night(debtor, date(2027, 2, 1)) == "LAPSED"
    assert debtor.claim(claim_id).state == "DUNNING"
