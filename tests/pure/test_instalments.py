"""A plan: rates to the cent on working days, free of charge or not at all; and what a day makes of one."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import Invalid
from gateway.law.tables import shipped
from gateway.receivables import instalments, working_days
from gateway.receivables.agreement_limits import AgreementLimits, compile_agreements
from gateway.receivables.instalments import (
    ClaimNotFree,
    MixedCurrencies,
    NothingOwed,
    PlanAct,
    PlanDebt,
    PlanFacts,
    PlanIsCredit,
    PlanRequest,
    Rate,
    Rhythm,
)

TODAY = date(2026, 11, 25)
LIMITS = AgreementLimits()
TABLES = shipped()
SHIFT = working_days.of(TABLES, "DE", "HH")


def a_debt(**more):
    facts = {"claim_id": UUID(int=1), "currency": "EUR", "owed_minor": 10_000, "consumer": True, "in_default": True}
    return PlanDebt(**(facts | {"delivered_on": date(2026, 9, 1)} | more))


def a_request(*debts, **more):
    facts = {"debts": debts or (a_debt(),), "rates": 3, "first_due": date(2026, 12, 1), "today": TODAY, "region": "HH"}
    return PlanRequest(**(facts | more))


def a_plan(*debts, **more):
    return instalments.plan(a_request(*debts, **more), LIMITS, TABLES)


def test_a_hundred_euros_in_three_rates_are_to_the_cent():
    """The first rate has the cent that does not divide."""
    assert [rate.amount_minor for rate in a_plan().rates] == [3334, 3333, 3333]


@given(st.integers(24_000, 10**9), st.integers(2, 12))
def test_rates_sum_to_what_is_owed_and_differ_by_a_cent_at_most(owed, count):
    """Largest remainder."""
    amounts = [rate.amount_minor for rate in a_plan(a_debt(owed_minor=owed), rates=count).rates]
    assert sum(amounts) == owed
    assert max(amounts) - min(amounts) <= 1
    assert amounts == sorted(amounts, reverse=True)


def test_rates_fall_due_on_working_days_of_the_land():
    """31 October is a holiday in Hamburg, 1 November 2026 a Sunday: the rate of the 31st is due on Monday the 2nd."""
    days = instalments.due_dates(date(2026, 7, 31), 4, Rhythm.MONTHLY, SHIFT)
    assert days == [date(2026, 7, 31), date(2026, 8, 31), date(2026, 9, 30), date(2026, 11, 2)]


def test_weekly_rates_are_a_week_apart():
    """From Christmas Day on to the Monday after, and then back on the weekday that was asked for."""
    days = instalments.due_dates(date(2026, 12, 18), 3, Rhythm.WEEKLY, SHIFT)
    assert days == [date(2026, 12, 18), date(2026, 12, 28), date(2027, 1, 4)]


def test_the_last_of_a_month_stays_the_last():
    """From 29 January 2027: February ends on a Sunday, so the second is due on Monday, 1 March."""
    days = instalments.due_dates(date(2027, 1, 29), 2, Rhythm.MONTHLY, SHIFT)
    assert days == [date(2027, 1, 29), date(2027, 3, 1)]


@pytest.mark.parametrize("rates", [0, 1, -3, 13, 500])
def test_a_number_of_rates_beyond_the_policy_is_refused(rates):
    """Nothing, one, and five hundred."""
    with pytest.raises(Invalid) as told:
        a_plan(rates=rates)
    assert told.value.facts["errors"][0]["path"] == "/rates"


def test_rates_below_the_smallest_are_refused():
    """Eleven rates of 9.09 EUR where 10 EUR is the least."""
    assert len(a_plan(rates=10).rates) == 10
    with pytest.raises(Invalid, match="not valid"):
        a_plan(rates=11)
    assert instalments.most_rates(10_000, LIMITS) == 10


@pytest.mark.parametrize("days", [-400, -1, 0, 32, 4000])
def test_the_first_rate_lies_ahead_and_not_too_far(days):
    """Neither in the past nor today, and within a month."""
    with pytest.raises(Invalid) as told:
        a_plan(first_due=TODAY + timedelta(days=days))
    assert told.value.facts["errors"][0]["path"] == "/first_due"


def test_claims_in_two_currencies_make_no_plan():
    """A clear problem of its own."""
    with pytest.raises(MixedCurrencies):
        a_plan(a_debt(), a_debt(claim_id=UUID(int=2), currency="CHF"))


def test_several_claims_make_one_plan():
    """Their sum in rates."""
    made = a_plan(a_debt(owed_minor=5001), a_debt(claim_id=UUID(int=2), owed_minor=4998))
    assert made.total_minor == 9999
    assert [rate.amount_minor for rate in made.rates] == [3333, 3333, 3333]


def test_where_nothing_is_owed_there_is_no_plan():
    """Paid in the meantime."""
    with pytest.raises(NothingOwed):
        a_plan(a_debt(owed_minor=0))


@pytest.mark.parametrize("state", ["DISPUTED", "INSTALMENTS", "COLLECTION", "SOLD", "SETTLED", "WRITTEN_OFF"])
def test_only_a_claim_that_is_with_the_merchant_and_undisputed_can_be_split(state):
    """Not one that is disputed, split already, handed over or closed."""
    with pytest.raises(ClaimNotFree):
        a_plan(a_debt(state=state))


@pytest.mark.parametrize("costs", [{"fee_minor": 1}, {"interest_percent": Decimal("0.01")}])
def test_a_plan_that_costs_anything_is_credit_and_refused(costs):
    """A cent of fee is enough."""
    with pytest.raises(PlanIsCredit):
        a_plan(**costs)


def test_before_default_a_consumer_gets_no_plan_beyond_the_days_of_the_law():
    """Deferred payment later than 14 days after delivery is consumer credit since 20 November 2026; a company may."""
    with pytest.raises(PlanIsCredit):
        a_plan(a_debt(in_default=False, delivered_on=date(2026, 11, 20)))
    soon = {"rates": 2, "first_due": date(2026, 11, 26), "rhythm": Rhythm.WEEKLY}
    assert a_plan(a_debt(in_default=False, delivered_on=date(2026, 11, 20)), **soon).rates
    assert a_plan(a_debt(in_default=False, consumer=False)).rates


def test_the_document_has_no_field_for_a_fee_and_says_what_is_wrong():
    """Whoever wants money for a plan finds no place to write it."""
    with pytest.raises(Invalid) as told:
        compile_agreements({"fee_minor": 500, "max_rates": 1}, 1)
    assert {one["path"] for one in told.value.facts["errors"]} == {"/fee_minor", "/max_rates"}
    assert compile_agreements({"max_rates": 6}, 3) == replace(LIMITS, version=3, max_rates=6)


RATES = (Rate(1, date(2026, 12, 1), 3334), Rate(2, date(2027, 1, 4), 3333), Rate(3, date(2027, 2, 1), 3333))


def facts(covered=0, falls_after=None):
    return PlanFacts(RATES, covered, 5, 14, falls_after)


def test_a_rate_may_be_late_by_its_grace():
    """Due on the 1st, five days of grace: on the 6th nobody writes, on the 7th the notice is due."""
    assert instalments.step(facts(), date(2026, 12, 6), SHIFT).act is PlanAct.WAIT
    warned = instalments.step(facts(), date(2026, 12, 7), SHIFT)
    assert (warned.act, warned.missing_minor) == (PlanAct.WARN, 3334)
    assert warned.next_on == date(2026, 12, 22)


def test_the_plan_falls_after_the_day_of_the_notice_and_not_on_it():
    """14 days later; who pays on the last day keeps it."""
    last = date(2026, 12, 21)
    assert instalments.step(facts(falls_after=last), last, SHIFT).act is PlanAct.WAIT
    assert instalments.step(facts(falls_after=last), last + timedelta(days=1), SHIFT).act is PlanAct.LAPSE
    assert instalments.step(facts(3334, last), last + timedelta(days=1), SHIFT).act is PlanAct.RECOVER


def test_payments_count_to_the_oldest_rate():
    """4000 cents pay the first rate and part of the second."""
    assert instalments.paid_of(RATES, 4000) == [3334, 666, 0]
    assert instalments.oldest_open(RATES, 4000) == RATES[1]
    assert instalments.step(facts(4000), date(2027, 1, 10), SHIFT).act is PlanAct.WARN


def test_a_plan_that_is_paid_is_fulfilled_whenever_that_is():
    """Before the last rate is due, too."""
    assert instalments.step(facts(10_000), date(2026, 12, 2), SHIFT).act is PlanAct.FULFIL


@given(st.integers(0, 12_000), st.integers(0, 120))
def test_the_same_day_gives_the_same_answer(covered, days):
    """However often the nightly run asks; and it always names a day ahead, or the end."""
    today = TODAY + timedelta(days=days)
    once = instalments.step(facts(covered), today, SHIFT)
    assert once == instalments.step(facts(covered), today, SHIFT)
    assert once.next_on is None or once.next_on > today
