"""A claim's ledger: balanced at every step, never negative, and the same in the end whatever came first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.ids import new_id
from gateway.law import tables
from gateway.law.interest import accrue
from gateway.receivables import changes, lawful, moves
from gateway.receivables.booking import CREDIT, FEE, OPENING, PAYMENT, Item, balances, effective, replay
from gateway.receivables.case import Case
from gateway.receivables.changes import BookInterest, ChargeFee, Credit, EnterDefault, ReversePayment

TABLES = tables.shipped()
START, DUE = date(2026, 3, 2), date(2026, 3, 16)
NOW = datetime(2026, 11, 25, 10, tzinfo=UTC)


def a_claim(**overrides):
    """The columns that moves read and write."""
    told = {
        "id": new_id(),
        "country": "DE",
        "debtor": "consumer",
        "currency": "EUR",
        "contract_date": START,
        "allocation": "bgb-367",
        "due_date": DUE,
        "state": "OPEN",
        "level": 0,
        "closed_at": None,
        "waiting_since": None,
        "next_on": None,
        "policy_id": None,
        "default_from": None,
        "default_ground": None,
        "default_cause": None,
        "interest_from": None,
        "interest_through": None,
    }
    return SimpleNamespace(**told | overrides)


def a_case(principal_minor=10_000, **overrides) -> Case:
    """A claim of 100 EUR, opened with the delivery on 2 March 2026."""
    case = Case(a_claim(**overrides), NOW, date(2026, 11, 25), [], [], rules_of=lawful.rulebook(TABLES))
    case.rebook([Item(OPENING, START, "order:1", principal_minor)], "order:1")
    return case


@dataclass(frozen=True)
class Paid:
    """A payment as the shell would book it."""

    amount_minor: int
    day: date
    payment_id: object


def tell(case: Case, told) -> None:
    """As the shell does; what is refused changes nothing."""
    if isinstance(told, Paid):
        moves.receive(case, told.payment_id, told.day, told.amount_minor)
        return
    moves.MOVES[type(told)](case, told)


def check(case: Case) -> None:
    """Every entry balances, sums are the claim's amounts, nothing is negative, reversals mirror."""
    for entry in case.booked:
        assert sum(entry.posting.lines.values()) == 0
        assert len(entry.posting.lines) >= 2
        assert all(entry.posting.lines.values())
    assert [entry.seq for entry in case.booked] == list(range(1, len(case.booked) + 1))
    sums, claim = balances(case.booked), case.claim
    amounts = (claim.principal_minor, claim.costs_minor, claim.interest_minor, claim.credit_minor)
    assert amounts == (sums.principal_minor, sums.costs_minor, sums.interest_minor, sums.credit_minor)
    assert min(*amounts, sums.written_off_minor) >= 0


def end(case: Case):
    """What does not depend on the detours: amounts, state, what stands in the ledger."""
    standing = {
        (e.posting.key, e.posting.value_date, tuple(sorted(e.posting.lines.items()))) for e in effective(case.booked)
    }
    claim = case.claim
    return (
        claim.principal_minor,
        claim.costs_minor,
        claim.interest_minor,
        claim.credit_minor,
        claim.state == "SETTLED",
        standing,
    )


days = st.integers(0, 200).map(lambda n: START + timedelta(days=n))
payments = st.builds(Paid, st.integers(1, 12_000), days, st.uuids())
credits_ = st.builds(
    lambda n, day, cause: Credit(n, day + timedelta(days=200), from_start=True, cause=f"return:{cause}"),
    st.integers(1, 3_000),
    days,
    st.uuids(),
)
interest = st.builds(lambda day: BookInterest(day, "letter:x"), days)


@settings(max_examples=150)
@given(st.data(), st.lists(payments, max_size=4), st.lists(credits_, max_size=3), st.lists(interest, max_size=3))
def test_the_end_is_the_same_whatever_was_told_first(data, paid, credited, booked):
    """Payments, returns and interest runs, in any order; the returns stay below the price."""
    told = [*paid, *credited, *booked]
    default = EnterDefault(DUE + timedelta(days=1), DUE + timedelta(days=1), "agreed-date", "due-date")
    ends = []
    for order in (told, data.draw(st.permutations(told))):
        case = a_case()
        tell(case, default)
        for one in order:
            if isinstance(one, BookInterest) and case.state == "SETTLED":
                case.rebook([*case.items, Item("interest", one.through, one.cause)], one.cause)
            else:
                tell(case, one)
            check(case)
        ends.append(end(case))
    assert ends[0] == ends[1]


@settings(max_examples=100)
@given(st.lists(payments, min_size=1, max_size=4), st.integers(0, 3))
def test_a_payment_taken_back_was_never_there(paid, which):
    """The amounts are those of a claim that never saw it."""
    default = EnterDefault(DUE + timedelta(days=1), DUE + timedelta(days=1), "agreed-date", "due-date")
    fee = ChargeFee(250, date(2026, 5, 2), "letter:1")
    gone, cases = paid[which % len(paid)], []
    for some in (paid, [one for one in paid if one != gone]):
        case = a_case()
        for one in (default, fee, BookInterest(date(2026, 5, 2), "letter:1"), *some):
            tell(case, one)
            check(case)
        cases.append(case)
    tell(cases[0], ReversePayment(gone.payment_id, "bank:return"))
    check(cases[0])
    assert end(cases[0])[:4] == end(cases[1])[:4]


@settings(max_examples=100)
@given(st.lists(days, min_size=1, max_size=6))
def test_interest_booked_in_many_runs_is_that_of_one(through):
    """Each run books the difference to the rounded whole, so no cent is won or lost by letters."""
    case = a_case(12_345)
    tell(case, EnterDefault(DUE, DUE, "agreed-date", "due-date"))
    for day in through:
        tell(case, BookInterest(day, f"letter:{day}"))
    last = max(through)
    terms = lawful.terms_of(case.claim)
    expected = accrue(terms, [(START, 12_345)], DUE, last, TABLES).interest_minor if last >= DUE else 0
    assert case.claim.interest_minor == expected


def test_no_interest_runs_on_interest_or_costs():
    """§ 289 BGB: only the principal bears it."""
    case = a_case()
    tell(case, EnterDefault(DUE, DUE, "agreed-date", "due-date"))
    tell(case, ChargeFee(5_000, date(2026, 4, 1), "letter:1"))
    tell(case, BookInterest(date(2026, 4, 1), "letter:1"))
    tell(case, BookInterest(date(2026, 9, 30), "letter:2"))
    expected = accrue(lawful.terms_of(case.claim), [(START, 10_000)], DUE, date(2026, 9, 30), TABLES).interest_minor
    assert case.claim.interest_minor == expected


def test_beyond_the_end_of_a_table_nothing_is_booked():
    """The rate of 2027 is not known: interest is booked to the table's last day."""
    case = a_case()
    tell(case, EnterDefault(DUE, DUE, "agreed-date", "due-date"))
    last = lawful.known_through(lawful.terms_of(case.claim), TABLES)
    tell(case, BookInterest(last, "letter:1"))
    before = case.claim.interest_minor
    tell(case, BookInterest(last + timedelta(days=100), "letter:2"))
    assert (case.claim.interest_minor, case.claim.interest_through) == (before, last)


def test_a_fee_for_goods_that_had_come_back_falls():
    """The letter demanded the whole price two days after half of it had been returned."""
    case = a_case()
    tell(case, EnterDefault(DUE, DUE, "agreed-date", "due-date"))
    tell(case, ChargeFee(120, date(2026, 5, 2), "letter:1"))
    tell(case, Credit(5_000, date(2026, 6, 1), from_start=True, cause="return:1"))
    assert case.claim.costs_minor == 120
    tell(case, Credit(1_000, date(2026, 4, 30), from_start=True, cause="return:2"))
    assert case.claim.costs_minor == 0


def test_a_return_that_is_undone_brings_everything_back():
    """Interest and fee stand as if nothing had happened."""
    case = a_case()
    for one in (
        EnterDefault(DUE, DUE, "agreed-date", "due-date"),
        ChargeFee(120, date(2026, 5, 2), "letter:1"),
        BookInterest(date(2026, 5, 2), "letter:1"),
    ):
        tell(case, one)
    before = end(case)
    tell(case, Credit(10_000, date(2026, 4, 1), from_start=True, cause="return:1"))
    assert case.claim.state == "SETTLED"
    entry = next(entry for entry in effective(case.booked) if entry.posting.kind == CREDIT)
    tell(case, changes.ReverseEntry(entry.id, "return:undone"))
    check(case)
    assert end(case) == before


def test_a_refund_beyond_the_credit_is_owed_again_without_interest():
    """Overpaid by 10, 30 paid back: 20 are owed, and no interest runs on them."""
    items = [
        Item(OPENING, START, "order:1", 10_000),
        Item(PAYMENT, date(2026, 3, 10), "payment:1", 11_000),
        Item("refund", date(2026, 3, 20), "order-event:1", 3_000),
    ]
    case = a_case()
    tell(case, EnterDefault(DUE, DUE, "agreed-date", "due-date"))
    case.rebook(items, "order-event:1")
    tell(case, BookInterest(date(2026, 9, 30), "letter:1"))
    check(case)
    assert (case.claim.principal_minor, case.claim.credit_minor, case.claim.interest_minor) == (2_000, 0, 0)


def test_the_replay_of_consumer_credit_pays_principal_before_interest():
    """§ 497 (3) BGB."""
    from_june = date(2026, 6, 1)
    credit = lawful.rulebook(TABLES)(a_claim(default_from=DUE, interest_from=DUE, allocation="bgb-497"))
    items = [
        Item(OPENING, START, "o", 10_000),
        Item(FEE, date(2026, 5, 2), "l", 120),
        Item(PAYMENT, from_june, "p", 5_000),
    ]
    paid = next(one for one in replay(items, credit) if one.kind == PAYMENT)
    assert paid.lines == {"bank": 5_000, "costs": -120, "principal": -4_880}


def test_exact_interest_is_a_fraction():
    """No float on the way to a cent."""
    rules = lawful.rulebook(TABLES)(a_claim(default_from=DUE, interest_from=DUE))
    steps: Sequence[tuple[date, int]] = [(date.min, 10_000)]
    assert isinstance(rules.accrue(steps, DUE, date(2026, 5, 1)).exact, Fraction)


@pytest.mark.parametrize(
    ("country", "debtor", "rate"),
    [
        ("DE", "consumer", "6.52 %"),
        ("DE", "business", "10.52 %"),
        ("AT", "consumer", "4.00 %"),
        ("AT", "business", "10.73 %"),
        ("CH", "consumer", "5.00 %"),
    ],
)
def test_the_debtors_country_and_kind_set_the_rate(country, debtor, rate):
    """August 2026: § 288 BGB, §§ 1000, 1333 ABGB, § 456 UGB, Art. 104 OR."""
    august = date(2026, 8, 1)
    case = a_case(country=country, debtor=debtor, currency="CHF" if country == "CH" else "EUR")
    tell(case, EnterDefault(august, august, "agreed-date", "due-date"))
    tell(case, BookInterest(date(2026, 8, 31), "letter:1"))
    (line,) = case.booked[-1].posting.working["lines"]
    assert f"× {rate} ×" in line


def test_where_no_table_has_a_rate_interest_is_reserved():
    """A debtor in Denmark owes interest by Danish law; we do not know how much."""
    case = a_case(country="DK")
    tell(case, EnterDefault(DUE, DUE, "agreed-date", "due-date"))
    tell(case, BookInterest(date(2026, 9, 30), "letter:1"))
    assert (case.claim.interest_minor, case.claim.interest_through) == (0, None)
