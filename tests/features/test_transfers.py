"""One transfer for several claims: what exceeds the one it names pays the others, and taken back it goes from all of them."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
import time_machine
from sqlalchemy import text

from gateway.core import clock
from gateway.core.errors import Invalid
from gateway.core.remittance import qr_reference
from gateway.core.work import Job
from gateway.receivables import debtors, objections, plan_tasks, plans
from gateway.receivables.agreement_models import InstalmentPlan
from gateway.receivables.changes import ReversePayment
from gateway.receivables.claims import Payment
from gateway.receivables.debtors import DebtorPayment
from gateway.receivables.models import ClaimPayment
from gateway.receivables.objections import NewObjection
from gateway.receivables.plans import Wish
from gateway.wiring import install_listeners
from tests.builders import a_world
from tests.debtors import Debtor

START = datetime(2026, 11, 25, 10, tzinfo=ZoneInfo("Europe/Berlin"))
TODAY = date(2026, 11, 25)


@pytest.fixture
def debtor(services):
    install_listeners()
    with time_machine.travel(START, tick=False):
        yield Debtor(services, a_world(services))


def owed(debtor, *claim_ids):
    """Principal that is left on each."""
    return [debtor.claim(id_).principal_minor for id_ in claim_ids]


def two(debtor, **second):
    """Not in default, so no interest runs beside the principal."""
    return debtor.owes(5_000, "R-1", in_default=False), debtor.owes(3_000, "R-2", in_default=False, **second)


def pay(debtor, claim_id, minor, external_id="tx-1", **more):
    payment = Payment(
        claim_id, "api", external_id, more.pop("paid_on", TODAY), minor, more.pop("currency", "EUR"), **more
    )
    with debtor.transaction() as session:
        return debtors.receive_for_claim(session, debtor.keys, payment, clock.now())


def paid(debtor):
    return [row.amount_minor for row in debtor.rows(ClaimPayment) if row.reversed_at is None]


def test_what_exceeds_the_named_claim_pays_the_others_once(debtor):
    first, second = two(debtor)
    for _ in range(3):
        pay(debtor, second, 7_000)
        assert owed(debtor, first, second) == [1_000, 0]
        assert sorted(paid(debtor)) == [3_000, 4_000]


def test_a_settled_claim_gives_everything_to_the_others_once(debtor):
    first, second = two(debtor)
    pay(debtor, first, 5_000)
    for _ in range(3):
        pay(debtor, first, 3_000, "tx-2")
        assert owed(debtor, first, second) == [0, 0]
        assert debtor.claim(first).credit_minor == 0


def test_what_all_of_them_leave_over_is_his_credit_on_the_named_one(debtor):
    first, second = two(debtor)
    pay(debtor, first, 9_000)
    assert (debtor.claim(first).credit_minor, debtor.claim(second).credit_minor) == (1_000, 0)
    assert [debtor.claim(id_).state for id_ in (first, second)] == ["SETTLED", "SETTLED"]


def test_one_transfer_may_be_told_in_parts(debtor):
    """A shop that splits it itself tells one id for each claim."""
    first, second = two(debtor)
    pay(debtor, first, 5_000)
    pay(debtor, second, 3_000)
    assert owed(debtor, first, second) == [0, 0]


@pytest.mark.parametrize("why", ["disputed", "not due", "francs"])
def test_a_claim_that_is_not_to_be_paid_now_takes_nothing(debtor, why):
    more = {"not due": {"due_date": date(2026, 12, 24)}, "francs": {"currency": "CHF"}}.get(why, {})
    first, second = two(debtor, **more)
    if why == "disputed":
        with debtor.transaction() as session:
            new = NewObjection(second, "defective", "key:test", "api")
            objections.lodge(session, debtor.services.keyring, new, clock.now())
    pay(debtor, first, 6_000)
    assert owed(debtor, second) == [3_000]
    assert debtor.claim(first).credit_minor == 1_000


@pytest.mark.parametrize("wrong", [{"currency": "CHF"}, {"paid_on": date(2026, 11, 26)}])
def test_a_payment_that_cannot_be_changes_nothing(debtor, wrong):
    first, second = two(debtor)
    with pytest.raises(Invalid):
        pay(debtor, first, 9_000, **wrong)
    assert (owed(debtor, first, second), paid(debtor)) == ([5_000, 3_000], [])


def test_a_transfer_that_came_back_is_owed_again_everywhere(debtor):
    first, second = two(debtor)
    pay(debtor, first, 7_000)
    pay(debtor, second, 500, "tx-2")
    with debtor.transaction() as session:
        payment_id = next(row.id for row in debtor.rows(ClaimPayment) if row.claim_id == first)
        reversing = ReversePayment(payment_id, "bank", actor="bank")
        debtors.take_back(session, debtor.keys, first, (reversing,), clock.now())
    assert owed(debtor, first, second) == [5_000, 2_500]
    assert paid(debtor) == [500]


def test_a_qr_reference_names_its_claim(debtor):
    first, second = two(debtor)
    purpose = qr_reference(debtor.claim(second).reference[2:])
    with debtor.transaction() as session:
        told = DebtorPayment(debtor.buyer_id, "bank", "tx-1", TODAY, 3_000, "EUR", purpose)
        debtors.receive_for_debtor(session, debtor.keys, told, clock.now())
    assert owed(debtor, first, second) == [5_000, 0]


def agree(debtor, *claim_ids, rates=2):
    with debtor.transaction() as session:
        wish = Wish(claim_ids, rates, date(2026, 12, 1))
        made = plans.agree(session, debtor.services.keyring, wish, "buyer:test", clock.now(), TODAY)
        return [rate.amount_minor for rate in made.rates]


def look(debtor):
    """What the worker does with the jobs that wait, twice."""
    with debtor.transaction() as session:
        waiting = session.execute(text("SELECT DISTINCT args FROM job WHERE task = 'plans.look'")).scalars().all()
    assert waiting
    for args in waiting * 2:
        plan_tasks.look(debtor.services, Job(1, "default", "plans.look", debtor.world.merchant_id, args, 1))


def test_instalments_over_several_claims_are_paid_under_one_reference(debtor):
    """The plan is kept with the second instalment at once, and before a claim beside it gets anything."""
    in_plan = debtor.owes(5_000, "R-1"), debtor.owes(3_000, "R-2")
    beside = debtor.owes(1_000, "R-3", in_default=False, due_date=date(2026, 9, 1))
    amounts = agree(debtor, *in_plan)
    for number, (amount, day) in enumerate(zip(amounts, (date(2026, 12, 1), date(2027, 1, 4)), strict=True)):
        with time_machine.travel(datetime.combine(day, START.timetz()), tick=False):
            pay(debtor, in_plan[0], amount, f"tx-{number}", paid_on=day)
            look(debtor)
    assert debtor.rows(InstalmentPlan)[0].state == "FULFILLED"
    assert [debtor.claim(id_).state for id_ in (*in_plan, beside)] == ["SETTLED", "SETTLED", "OPEN"]


def test_a_warned_plan_is_saved_the_moment_the_money_is_booked(debtor):
    claim_id = debtor.owes(9_000)
    amounts = agree(debtor, claim_id, rates=3)
    with time_machine.travel(datetime(2026, 12, 7, 10, tzinfo=START.tzinfo), tick=False):
        plan_tasks.run(debtor.services, debtor.world.merchant_id)
        assert debtor.rows(InstalmentPlan)[0].state == "WARNED"
        pay(debtor, claim_id, amounts[0], paid_on=date(2026, 12, 7))
        look(debtor)
        assert debtor.rows(InstalmentPlan)[0].state == "RUNNING"
