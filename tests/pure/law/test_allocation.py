"""Where a payment goes, and the account of a debt: no cent is lost, and interest bears none."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import GatewayError
from gateway.law.account import COSTS, CREDIT, CREDIT_FROM_START, PAYMENT, Movement, account, opening
from gateway.law.allocation import RULES, Debt, OpenDebt, allocate, over_debts
from gateway.law.interest import Terms, accrue
from gateway.law.tables import shipped

LAW = shipped()
CONSUMER = Terms("DE", "consumer", "EUR")
AMOUNT = st.integers(0, 10**9)
MAY, END = date(2025, 5, 1), date(2025, 9, 30)


def test_costs_then_interest_then_principal():
    """§ 367 (1) BGB."""
    found = allocate("bgb-367", 1000, Debt(300, 500, 10_000))
    assert (found.applied, found.rest, found.overpaid_minor) == (Debt(300, 500, 200), Debt(0, 0, 9800), 0)


def test_consumer_credit_pays_principal_before_interest():
    """§ 497 (3) BGB."""
    assert allocate("bgb-497", 1000, Debt(300, 500, 10_000)).applied == Debt(300, 0, 700)


@given(st.sampled_from(sorted(RULES)), AMOUNT, AMOUNT, AMOUNT, AMOUNT)
def test_every_cent_of_a_payment_is_somewhere(rule, payment, costs, interest, principal):
    debt = Debt(costs, interest, principal)
    found = allocate(rule, payment, debt)
    assert found.applied.total_minor + found.overpaid_minor == payment
    assert found.applied + found.rest == debt
    assert found.overpaid_minor == 0 or found.rest.total_minor == 0
    for earlier, later in zip(RULES[rule], RULES[rule][1:], strict=False):
        assert getattr(found.rest, earlier) == 0 or getattr(found.applied, later) == 0


@pytest.mark.parametrize(
    "wrong", [("bgb-368", 1, Debt(0, 0, 0)), ("bgb-367", -1, Debt(0, 0, 0)), ("bgb-367", 1, Debt(-1, 0, 0))]
)
def test_nonsense_is_not_allocated(wrong):
    with pytest.raises(GatewayError) as caught:
        allocate(*wrong)
    assert caught.value.code == "invalid-input"


def debts(*told):
    return [OpenDebt(reference, date.fromisoformat(due), owed) for reference, due, owed in told]


OLD_AND_NEW = debts(("R-1", "2025-03-01", 8000), ("R-2", "2025-04-01", 5000))


@pytest.mark.parametrize(
    ("payment", "purpose", "applied", "rule"),
    [
        (6000, "invoice R-2", {"R-2": 5000, "R-1": 1000}, "bgb-366-1"),
        (6000, "r 2 thank you", {"R-2": 5000, "R-1": 1000}, "bgb-366-1"),
        (6000, "", {"R-1": 6000}, "bgb-366-2"),
        (9000, "R-22", {"R-1": 8000, "R-2": 1000}, "bgb-366-2"),
        (20_000, "R-1 R-2", {"R-1": 8000, "R-2": 5000}, "bgb-366-1"),
        (0, "", {}, "bgb-366-2"),
    ],
)
def test_the_debtor_chooses_and_then_the_law(payment, purpose, applied, rule):
    """§ 366 (1) and (2) BGB: a number inside another number is no choice."""
    assert over_debts(payment, OLD_AND_NEW, purpose) == (applied, rule)


def test_debts_of_one_day_share_in_proportion():
    """§ 366 (2) BGB, last case; the spare cent goes to the largest remainder."""
    alike = debts(("A", "2025-03-01", 100), ("B", "2025-03-01", 200))
    assert over_debts(100, alike) == ({"A": 33, "B": 67}, "bgb-366-2")


def test_the_less_secure_debt_of_one_day_goes_first():
    alike = [OpenDebt("A", MAY, 100, secured=True), OpenDebt("B", MAY, 100), OpenDebt("C", MAY, 100, burden=9)]
    assert over_debts(150, alike)[0] == {"C": 100, "B": 50}


def test_the_longer_reference_is_taken_first():
    nested = debts(("R-1", "2025-03-01", 100), ("R-1-2", "2025-04-01", 100))
    assert over_debts(100, nested, "R-1-2")[0] == {"R-1-2": 100}


@given(AMOUNT, st.lists(st.tuples(st.integers(0, 3), AMOUNT), min_size=1, max_size=8), st.text("R-0123 ", max_size=9))
def test_several_debts_lose_no_cent(payment, told, purpose):
    some = [OpenDebt(f"R-{place}", MAY + timedelta(days=day), owed) for place, (day, owed) in enumerate(told)]
    applied, _ = over_debts(payment, some, purpose)
    owed = {debt.reference: debt.open_minor for debt in some}
    assert sum(applied.values()) == min(payment, sum(owed.values()))
    assert all(0 < paid <= owed[reference] for reference, paid in applied.items())


def test_a_payment_finds_the_interest_up_to_the_day_before():
    """500 EUR from 1 May 2025 at 7.27 %; 100 EUR on 15 June: 45 days, 4.48 EUR; then 6.27 % from July."""
    found = account(
        CONSUMER, [*opening(50_000, MAY), Movement(PAYMENT, date(2025, 6, 15), 10_000)], MAY, END, "bgb-367", LAW
    )
    [entry] = found.entries
    assert (entry.days, entry.accrued_minor, entry.applied) == (45, 448, Debt(0, 448, 9552))
    assert found.rest == Debt(0, 768, 40_448)
    assert found.total_minor == 41_216


def test_unpaid_interest_bears_no_interest():
    """§ 289 BGB: under § 497 the principal sinks first and the interest waits beside it."""
    moves = [*opening(50_000, MAY), Movement(PAYMENT, date(2025, 6, 15), 50_000)]
    found = account(CONSUMER, moves, MAY, date(2026, 9, 30), "bgb-497", LAW)
    assert found.rest == Debt(0, 448, 0)


def test_a_returned_part_was_never_owed():
    """A credit from the start gives the account of the smaller debt, whenever it is told."""
    returned = [*opening(50_000, MAY), Movement(CREDIT_FROM_START, date(2025, 8, 1), 20_000)]
    assert (
        account(CONSUMER, returned, MAY, END, "bgb-367", LAW).rest
        == account(CONSUMER, opening(30_000, MAY), MAY, END, "bgb-367", LAW).rest
    )


def test_a_credit_of_a_day_lowers_the_balance_from_that_day():
    moves = [*opening(50_000, MAY), Movement(CREDIT, date(2025, 6, 1), 20_000)]
    steps = [(MAY, 50_000), (date(2025, 6, 1), 30_000)]
    found = account(CONSUMER, moves, MAY, END, "bgb-367", LAW)
    assert found.rest == Debt(0, accrue(CONSUMER, steps, MAY, END, LAW).interest_minor, 30_000)


MOVES = st.lists(
    st.tuples(st.sampled_from([PAYMENT, COSTS, CREDIT]), st.integers(-20, 160), st.integers(0, 40_000)), max_size=8
)


@given(st.integers(0, 100_000), st.sampled_from(sorted(RULES)), MOVES)
def test_the_account_balances(principal, rule, told):
    """Everything owed and accrued is paid, credited or left over; what was paid too much is told."""
    begun = opening(principal, MAY - timedelta(days=30))
    moves = [Movement(kind, MAY + timedelta(days=day), amount) for kind, day, amount in told]
    found = account(CONSUMER, [*begun, *moves], MAY, END, rule, LAW)
    sums = {
        kind: sum(one.amount_minor for one in moves if one.kind == kind and one.day <= END)
        for kind in (PAYMENT, COSTS, CREDIT)
    }
    paid = sum(entry.applied.total_minor for entry in found.entries)
    accrued = sum(entry.applied.interest_minor for entry in found.entries) + found.rest.interest_minor
    assert min(found.rest.costs_minor, found.rest.interest_minor, found.rest.principal_minor) >= 0
    assert paid + sum(entry.overpaid_minor for entry in found.entries) == sums[PAYMENT]
    assert principal + sums[COSTS] + accrued - sums[PAYMENT] - sums[CREDIT] == found.total_minor - found.overpaid_minor
