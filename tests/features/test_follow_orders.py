"""From an order to its claim: opened with the delivery, told every payment and return once, never for what is not owed."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select, text

from gateway import wiring
from gateway.core.errors import Invalid
from gateway.core.work import Job
from gateway.receivables import claims, follow, listing, shop_terms
from gateway.receivables.changes import BookInterest, ChangeDueDate, ChargeFee, Credit, EnterDefault
from gateway.receivables.models import Claim, ClaimPayment
from gateway.shops import shops
from gateway.shops.identity import Address
from gateway.shops.orders import Orders
from gateway.shops.told import BuyerTold, EventTold, MethodTold, OrderTold, PaymentKind
from tests.claims import Book

PLACED = datetime(2026, 6, 1, 9, tzinfo=UTC)
NOW = datetime(2026, 9, 1, 9, tzinfo=UTC)


@pytest.fixture
def book(services) -> Book:
    wiring.install_listeners()
    return Book(services)


def an_order(**overrides) -> OrderTold:
    """124.90 EUR on invoice, due on 16 June 2026."""
    told = {
        "method": MethodTold("cheque", PaymentKind.INVOICE),
        "currency": "EUR",
        "total_minor": 12_490,
        "placed_at": PLACED,
        "due_date": date(2026, 6, 16),
        "buyer": BuyerTold(email="ada@example.com", first_name="Ada", last_name="Byron"),
        "billing": Address("Rue 1", "", "75001", "Paris", "FR"),
    }
    return OrderTold(**told | overrides)


def tell(book, *events, order=None, now=NOW):
    """The shop tells the order and what happened: (event, day of June, amount)."""
    with book.transaction() as session:
        orders = Orders(session, book.services.keyring, shops.get(session, book.world.shop_id))
        put = orders.put("1001", order or an_order(), now)
        for event, day, amount_minor in events:
            at = PLACED + timedelta(days=day - 1)
            orders.add_event("1001", EventTold(event, f"{event}-{day}", at, amount_minor), now)
    return put.order_id


def followed(book, order_id, now=NOW):
    with book.transaction() as session:
        claim_id = follow.follow(session, book.keys, order_id, now)
        return None if claim_id is None else claims.get(session, claim_id)


DELIVERED = ("delivered", 3, None)


def test_the_delivery_of_an_unpaid_invoice_opens_its_claim(book):
    """Country, language and debtor as the order tells them; due on the shop's day."""
    claim = followed(book, tell(book, DELIVERED))
    assert (claim.principal_minor, claim.state, claim.due_date) == (12_490, "OPEN", date(2026, 6, 16))
    assert (claim.country, claim.language, claim.debtor, claim.delivered_on) == (
        "FR",
        "de",
        "consumer",
        date(2026, 6, 3),
    )
    assert claim.due_ground == "invoice"


@pytest.mark.parametrize(
    ("events", "order"),
    [
        ([], {}),
        ([("shipped", 2, None)], {}),
        ([DELIVERED, ("paid", 4, 12_490)], {}),
        ([DELIVERED, ("cancelled", 4, None)], {}),
        ([DELIVERED, ("withdrawn", 4, None)], {}),
        ([DELIVERED], {"method": MethodTold("bacs", PaymentKind.PREPAYMENT)}),
        ([DELIVERED], {"method": MethodTold("stripe", PaymentKind.CARD)}),
        ([DELIVERED], {"method": MethodTold("klarna", PaymentKind.BNPL_GUARANTEED)}),
        ([DELIVERED], {"method": MethodTold("sepa", PaymentKind.SEPA_DEBIT), "due_date": None}),
    ],
    ids=["placed", "shipped", "paid", "cancelled", "withdrawn", "prepayment", "card", "guaranteed", "debit, no day"],
)
def test_what_is_not_owed_opens_no_claim(book, events, order):
    """A parcel that never arrived is no default; prepayment never is one."""
    assert followed(book, tell(book, *events, order=an_order(**order))) is None


def test_a_direct_debit_with_a_day_to_pay_is_owed(book):
    """The shop itself says until when it wants its money."""
    order = an_order(method=MethodTold("sepa", PaymentKind.SEPA_DEBIT))
    assert followed(book, tell(book, DELIVERED, order=order)).principal_minor == 12_490


def test_following_twice_does_nothing_the_second_time(book):
    """Payments and returns are told twice and count once."""
    order_id = tell(book, DELIVERED, ("paid", 5, 5_000), ("returned", 6, 2_490))
    first = followed(book, order_id)
    assert (first.principal_minor, first.credit_minor) == (5_000, 0)
    tell(book, DELIVERED, ("paid", 5, 5_000))
    assert followed(book, order_id).updated_at == first.updated_at
    with book.transaction() as session:
        assert len(session.scalars(select(ClaimPayment)).all()) == 1


def test_a_return_that_is_refunded_is_the_same_goods(book):
    """Paid in full afterwards, half returned, half refunded: nothing is left on either side."""
    order_id = tell(book, DELIVERED)
    followed(book, order_id)
    tell(book, ("paid", 10, 12_490), ("returned", 12, 6_000), ("refunded", 14, 6_000))
    claim = followed(book, order_id)
    assert (claim.state, claim.principal_minor, claim.credit_minor) == ("SETTLED", 0, 0)


def test_a_withdrawal_settles_the_claim_and_voids_what_was_built_on_it(book):
    """Interest and fee fall, what was paid is the debtor's."""
    order_id = tell(book, DELIVERED, ("paid", 5, 1_000), order=an_order(billing=None))
    claim = followed(book, order_id)
    july = date(2026, 7, 20)
    book.apply(claim.id, EnterDefault(date(2026, 6, 17), date(2026, 6, 17), "agreed-date", "due-date"), now=NOW)
    book.apply(claim.id, ChargeFee(120, july, "letter:1"), BookInterest(july, "letter:1"), now=NOW)
    assert book.claim(claim.id).interest_minor > 0
    tell(book, ("withdrawn", 40, None))
    claim = followed(book, order_id)
    assert (claim.state, claim.costs_minor, claim.interest_minor, claim.credit_minor) == ("SETTLED", 0, 0, 1_000)


def test_a_return_told_late_but_earlier_takes_its_place(book):
    """Two returns in several steps, the first told last: the sum counts, whatever came first."""
    order_id = tell(book, DELIVERED, ("returned", 20, 3_000))
    assert followed(book, order_id).principal_minor == 9_490
    tell(book, ("withdrawn", 10, 4_000))
    assert followed(book, order_id).principal_minor == 8_490
    tell(book, ("cancelled", 30, None))
    claim = followed(book, order_id)
    assert (claim.principal_minor, claim.state) == (0, "SETTLED")


def test_a_total_that_changes_changes_the_principal(book):
    """Up and down, from the start."""
    order_id = tell(book, DELIVERED)
    followed(book, order_id)
    for total_minor in (15_000, 9_000):
        tell(book, order=an_order(total_minor=total_minor))
        assert followed(book, order_id).principal_minor == total_minor


def test_a_credit_given_by_hand_and_a_lower_total_of_the_shop_are_not_owed_twice(book):
    """50 EUR credited for a defect, then the shop lowers its order to 40 EUR: nothing is owed, nothing is paid out."""
    order_id = tell(book, DELIVERED, order=an_order(total_minor=10_000))
    claim = followed(book, order_id)
    book.apply(claim.id, Credit(5_000, date(2026, 7, 1), from_start=True, cause="objection:1"), now=NOW)
    tell(book, order=an_order(total_minor=4_000))
    claim = followed(book, order_id)
    assert (claim.state, claim.principal_minor, claim.credit_minor) == ("SETTLED", 0, 0)


def test_every_event_of_an_order_wakes_its_claim(book):
    """The listener enqueues, the job follows."""
    order_id = tell(book, DELIVERED)
    with book.transaction() as session:
        waiting = session.execute(text("SELECT args FROM job WHERE task = 'receivables.follow_order'")).scalars().all()
        assert waiting == [{"order_id": str(order_id)}]
    job = Job(1, "default", follow.TASK, book.world.merchant_id, {"order_id": str(order_id)}, 1)
    for _ in range(2):
        follow.FOLLOWING.handler(book.services, job)
    with book.transaction() as session:
        assert [claim.order_id for claim in session.scalars(select(Claim))] == [order_id]


def agreed(book, **terms):
    """The shop says what its buyers agree to."""
    with book.transaction() as session:
        return shop_terms.set_terms(session, book.world.shop_id, {"terms": "AGB 2026-03"} | terms, "test", NOW)


@pytest.mark.parametrize(
    ("terms", "order", "due", "ground", "notice"),
    [
        ({}, {}, date(2026, 6, 16), "invoice", False),
        ({"day_agreed": True}, {}, date(2026, 6, 16), "agreed-date", False),
        ({"day_agreed": True}, {"due_date": None}, date(2026, 6, 17), "invoice", False),
        ({"term_agreed": True, "term_days": 30}, {"due_date": None}, date(2026, 7, 3), "after-delivery", False),
        ({"invoice_notice": True}, {"due_date": None}, date(2026, 6, 17), "invoice", True),
    ],
    ids=["nothing agreed", "day agreed", "day agreed, none told", "term agreed", "notice on the invoice"],
)
def test_a_claim_is_due_on_the_ground_that_the_shop_agreed(book, terms, order, due, ground, notice):
    """§ 286 (2) no. 1 and 2, (3) BGB: only what was agreed, or told on the invoice, brings default by itself."""
    version = agreed(book, **terms).version
    claim = followed(book, tell(book, DELIVERED, order=an_order(**order)))
    assert (claim.due_date, claim.due_ground, claim.consumer_notice) == (due, ground, notice)
    with book.transaction() as session:
        events = listing.timeline(session, book.keys, claim, 0, 1)["events"]
    assert events[0]["facts"]["agreed_in"] == f"AGB 2026-03 (version {version})"


def test_what_was_agreed_has_to_be_shown_and_the_same_again_is_no_new_version(book):
    """A shop that ticks the box names its terms; a claim keeps those it was opened with."""
    with pytest.raises(Invalid) as refused:
        agreed(book, terms=" ", day_agreed=True)
    assert refused.value.facts["errors"][0]["path"] == "/terms"
    assert agreed(book, term_days=7).version == agreed(book, term_days=7).version == 1
    order_id = tell(book, DELIVERED)
    assert followed(book, order_id).due_ground == "invoice"
    assert agreed(book, day_agreed=True).version == 2
    assert followed(book, order_id).due_ground == "invoice"


def test_a_later_day_to_pay_is_followed_and_an_earlier_one_is_not(book):
    """More time is the shop's to give, less is not; a default that began before never was."""
    order_id = tell(book, DELIVERED)
    claim = followed(book, order_id)
    june = date(2026, 6, 17)
    book.apply(claim.id, EnterDefault(june, june, "agreed-date", "due-date"), now=NOW)
    for told, due in ((date(2026, 7, 1), date(2026, 7, 1)), (date(2026, 6, 20), date(2026, 7, 1))):
        tell(book, order=an_order(due_date=told))
        assert followed(book, order_id).due_date == due
    assert book.claim(claim.id).default_from is None


def test_a_day_that_a_person_moved_stays_moved(book):
    """The shop's order does not overrule what was said on the phone."""
    order_id = tell(book, DELIVERED)
    claim = followed(book, order_id)
    book.apply(claim.id, ChangeDueDate(date(2026, 6, 18), "agreed", actor="user:1"), now=NOW)
    tell(book, order=an_order(due_date=date(2026, 8, 1)))
    assert followed(book, order_id).due_date == date(2026, 6, 18)
