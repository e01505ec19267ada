"""Money that providers tell, on claims: booked once, taken back, never twice with the shop's own word."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text

from gateway import wiring
from gateway.core.ids import new_id, to_public
from gateway.payments import accounts, record
from gateway.payments.accounts import NewAccount
from gateway.payments.facts import Captured, Failed, Refunded, RefundFailed, Returned, ReturnReversed
from gateway.payments.models import Payment as ProviderPayment
from gateway.payments.record import Source
from gateway.receivables import claims, follow, follow_payments, returned
from gateway.receivables.changes import ReversePayment
from gateway.receivables.models import ClaimHold, ClaimPayment
from gateway.receivables.returned import ReturnedMoney
from gateway.receivables.returned_models import Returned as ReturnedRow
from gateway.shops import erasure, shops
from gateway.shops.identity import Address
from gateway.shops.orders import Orders
from gateway.shops.told import BuyerTold, EventTold, MethodTold, OrderTold, PaymentKind
from tests.claims import Book

PLACED = datetime(2026, 6, 1, 9, tzinfo=UTC)
NOW = datetime(2026, 9, 1, 9, tzinfo=UTC)
SETTINGS = {"webhook_secret": "whsec_only_for_tests", "api_key": "sk_live_only_for_tests"}


def at(day):
    return PLACED + timedelta(days=day - 1)


class Desk(Book):
    """A merchant with a provider, and everything that was told done at once."""

    def __init__(self, services):
        super().__init__(services)
        with self.transaction() as session:
            new = NewAccount(self.world.shop_id, "stripe", SETTINGS)
            self.connection_id = accounts.connect(session, services.keyring, new, NOW).facts.id

    def tell(self, *facts, payment="pi_1"):
        """Facts of one payment, then the job."""
        source = Source(self.connection_id, self.world.shop_id, "stripe", live=True)
        with self.transaction() as session:
            record.record(session, source, facts, NOW)
            wanted = select(ProviderPayment.id).where(ProviderPayment.external_id == payment)
            payment_id = session.scalars(wanted).one()
        self.work(payment_id)

    def work(self, payment_id):
        with self.transaction() as session:
            follow_payments.follow_payment(session, self.keys, payment_id, NOW)

    def order(self, *events, method=PaymentKind.INVOICE, **told):
        order = OrderTold(
            method=MethodTold("m", method),
            currency="EUR",
            total_minor=10_000,
            placed_at=PLACED,
            buyer=BuyerTold(email="ada@example.com", first_name="Ada", last_name="Byron"),
            billing=Address("Lange Reihe 7", "", "20099", "Hamburg", "DE"),
            **told,
        )
        with self.transaction() as session:
            orders = Orders(session, self.services.keyring, shops.get(session, self.world.shop_id))
            order_id = orders.put("1001", order, NOW).order_id
            for event, day, minor in events:
                orders.add_event("1001", EventTold(event, f"{event}-{day}", at(day), minor), NOW)
        with self.transaction() as session:
            follow.follow(session, self.keys, order_id, NOW)
        return order_id

    def of_order(self, order_id):
        with self.transaction() as session:
            claim_id = follow.find_claim(session, order_id)
            return None if claim_id is None else claims.get(session, claim_id)

    def holds(self):
        with self.transaction() as session:
            wanted = select(ClaimHold.reason).where(ClaimHold.lifted_at.is_(None)).order_by(ClaimHold.id)
            return list(session.scalars(wanted))

    def notices(self):
        with self.services.db.connection(self.world.merchant_id) as connection:
            return list(connection.execute(text("SELECT code FROM notice ORDER BY code")).scalars())

    def take(self, **told):
        values = {"source": "bank", "external_id": "e-1", "day": date(2026, 6, 20), "amount_minor": 10_000}
        values |= {"currency": "EUR", "code": "AM04", "reason": "", "references": ("1001",)}
        with self.transaction() as session:
            return returned.take(session, self.keys, ReturnedMoney(**values | told), NOW)


@pytest.fixture
def desk(services):
    wiring.install_listeners()
    return Desk(services)


def fact(kind, item, day, minor=10_000, **more):
    """One thing told of the payment `pi_1`."""
    key = f"{kind.kind}:{item}:{day}"
    named = {"key": key, "payment": "pi_1", "item": item, "sequence": day, "occurred_at": at(day)}
    return kind(**named | {"amount_minor": minor, "currency": "EUR"} | more)


def link_of(claim_id):
    return to_public("clm", claim_id)


def amounts(claim):
    sums = claim.principal_minor + claim.costs_minor + claim.interest_minor
    return claim.state, sums, claim.credit_minor


def test_a_paid_link_is_booked_once_however_often_it_is_told(desk):
    claim_id = desk.open()
    for _ in range(3):
        desk.tell(fact(Captured, "ch_1", 20, reference=link_of(claim_id)))
    assert amounts(desk.claim(claim_id)) == ("SETTLED", 0, 0)
    with desk.transaction() as session:
        row = session.scalars(select(ClaimPayment)).one()
    assert (row.source, row.external_id) == (f"provider:{desk.connection_id}", "ch_1")


def test_a_paid_link_of_a_settled_claim_is_the_debtors_credit(desk):
    claim_id = desk.open()
    desk.pay(claim_id, 10_000, date(2026, 6, 10), now=NOW)
    desk.tell(fact(Captured, "ch_1", 20, reference=link_of(claim_id)))
    assert amounts(desk.claim(claim_id)) == ("SETTLED", 0, 10_000)


def test_what_exceeds_a_claim_pays_his_others_and_comes_back_from_all_of_them(desk):
    buyer_id = desk.a_buyer()
    first, second = desk.open(buyer_id=buyer_id), desk.open(buyer_id=buyer_id)
    desk.tell(fact(Captured, "ch_1", 20, 15_000, reference=link_of(first)))
    assert [desk.claim(each).principal_minor for each in (first, second)] == [0, 5_000]
    desk.tell(fact(Returned, "dp_1", 25, 15_000))
    assert [desk.claim(each).principal_minor for each in (first, second)] == [10_000, 10_000]


SEQUENCES = st.sampled_from(
    [
        (fact(Captured, "ch_1", 20), fact(Returned, "dp_1", 25)),
        (fact(Captured, "ch_1", 20), fact(Returned, "dp_1", 25), fact(ReturnReversed, "dp_1", 30)),
        (fact(Captured, "ch_1", 20), fact(Failed, "ch_1", 22)),
        (fact(Captured, "ch_1", 20), fact(Refunded, "re_1", 25, 4_000)),
        (fact(Captured, "ch_1", 20), fact(Refunded, "re_1", 25, 4_000), fact(RefundFailed, "re_1", 27, 4_000)),
        (fact(Captured, "ch_1", 20, 6_000), fact(Captured, "ch_2", 21, 4_000), fact(Returned, "dp_1", 30, 3_000)),
        (fact(Captured, "ch_1", 20, 12_000), fact(Refunded, "re_1", 25, 2_000), fact(Returned, "dp_1", 30, 12_000)),
    ]
)


@given(sequence=SEQUENCES, draw=st.data())
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_link_ends_alike_in_whatever_order_it_is_told(desk, sequence, draw):
    """Shuffled, repeated, and several messages before one job: the claim ends as when everything came in order.

    Of two captures, one returned before the other was told, the claim is OPEN and not DUNNING: it never was settled.
    """
    ends = []
    shuffled = draw.draw(st.permutations([*sequence, draw.draw(st.sampled_from(sequence))]))
    cut = draw.draw(st.integers(1, len(shuffled)))
    for batches in ([[one] for one in sequence], [shuffled[:cut], shuffled[cut:]]):
        claim_id, name = desk.open(), f"pi_{new_id().hex}"
        for batch in batches:
            if batch:
                told = [moved(one, name, claim_id) for one in batch]
                desk.tell(*told, payment=name)
        state, owed, credit = amounts(desk.claim(claim_id))
        ends.append((state == "SETTLED", owed, credit))
    assert ends[0] == ends[1]


def moved(one, name, claim_id):
    """The same fact of another payment."""
    values = {field: getattr(one, field) for field in one.__slots__} | {
        field: getattr(one, field)
        for field in ("key", "payment", "item", "sequence", "occurred_at", "amount_minor", "currency")
    }
    values |= {
        "key": f"{name}:{one.key}",
        "payment": name,
        "item": f"{name}:{one.item}",
        "reference": link_of(claim_id),
    }
    return type(one)(**values)


def test_what_a_person_reversed_stays_reversed(desk):
    claim_id = desk.open()
    desk.tell(fact(Captured, "ch_1", 20, reference=link_of(claim_id)))
    with desk.transaction() as session:
        payment_id = session.scalars(select(ClaimPayment.id)).one()
    desk.apply(claim_id, ReversePayment(payment_id, "desk", actor="user:1"), now=NOW)
    desk.tell(fact(Refunded, "re_1", 25, 100))
    assert desk.claim(claim_id).state == "DUNNING"


def test_another_currency_or_an_unknown_claim_is_told_and_not_booked(desk):
    claim_id = desk.open()
    desk.tell(fact(Captured, "ch_1", 20, currency="CHF", reference=link_of(claim_id)))
    assert amounts(desk.claim(claim_id)) == ("OPEN", 10_000, 0)
    assert desk.notices() == ["payment-unbooked"]


def test_a_refund_beyond_the_credit_waits_for_a_person(desk):
    """The merchant paid back at his provider: nobody demands it again before somebody looked."""
    claim_id = desk.open()
    desk.tell(fact(Captured, "ch_1", 20, reference=link_of(claim_id)), fact(Refunded, "re_1", 25, 4_000))
    assert amounts(desk.claim(claim_id)) == ("DUNNING", 4_000, 0)
    assert (desk.holds(), desk.notices()) == (["pause"], ["provider-refund-owed"])
    desk.tell(fact(RefundFailed, "re_1", 27, 4_000))
    assert (amounts(desk.claim(claim_id)), desk.holds()) == (("SETTLED", 0, 0), [])


def by_shop(desk):
    desk.order(("paid", 20, 10_000))


def by_provider(desk):
    desk.tell(fact(Captured, "ch_1", 20, order="1001"))


def refunded_by_shop(desk):
    desk.order(("refunded", 25, 4_000))


def refunded_by_provider(desk):
    desk.tell(fact(Captured, "ch_1", 20, order="1001"), fact(Refunded, "re_1", 25, 4_000))


@given(order=st.permutations([by_shop, by_provider, by_shop, by_provider]))
@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_one_payment_told_by_shop_and_provider_is_booked_once(services, order):
    wiring.install_listeners()
    desk = Desk(services)
    order_id = desk.order(("delivered", 3, None))
    for telling in order:
        telling(desk)
    assert amounts(desk.of_order(order_id)) == ("SETTLED", 0, 0)
    assert desk.holds() == []


@given(order=st.permutations([by_shop, by_provider, refunded_by_provider]))
@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_one_refund_told_by_both_is_booked_once(services, order):
    wiring.install_listeners()
    desk = Desk(services)
    order_id = desk.order(("delivered", 3, None))
    for telling in order:
        telling(desk)
    refunded_by_shop(desk)
    assert amounts(desk.of_order(order_id)) == ("SETTLED", 0, 0)
    assert desk.holds() == []


def test_payments_that_are_not_alike_count_once_until_a_person_looked(desk):
    """30 told by the shop, 50 by the provider: 50 count, and nobody is dunned for the rest."""
    order_id = desk.order(("delivered", 3, None), ("paid", 10, 3_000))
    desk.tell(fact(Captured, "ch_1", 20, 5_000, order="1001"))
    assert amounts(desk.of_order(order_id)) == ("OPEN", 5_000, 0)
    assert (desk.holds(), desk.notices()) == (["probable_payment"], ["payment-told-twice"])


def test_an_order_whose_provider_has_the_money_opens_no_claim(desk):
    desk.order()
    by_provider(desk)
    assert desk.of_order(desk.order(("delivered", 3, None))) is None


DEBIT = {"method": PaymentKind.SEPA_DEBIT}
PAID = (("paid", 2, 10_000), ("delivered", 3, None))


def test_a_debit_that_came_back_at_the_provider_is_owed_from_its_day(desk):
    """The shop's `paid` is the same money; a return that came again settles it."""
    order_id = desk.order(*PAID, **DEBIT)
    desk.tell(fact(Captured, "ch_1", 2, order="1001", method="sepa_debit"), fact(Returned, "dp_1", 9, code="AM04"))
    claim = desk.of_order(order_id)
    assert (claim.kind, claim.due_date, claim.state) == ("returned_payment", date(2026, 6, 2), "OPEN")
    assert amounts(claim) == ("OPEN", 10_000, 0)
    desk.tell(fact(ReturnReversed, "dp_1", 12))
    assert amounts(desk.of_order(order_id)) == ("SETTLED", 0, 0)


def test_a_debit_that_came_back_before_the_parcel_arrived_is_owed_with_the_delivery(desk):
    """And the hold of its reason is there when the claim is."""
    order_id = desk.order(("paid", 2, 10_000), **DEBIT)
    assert desk.take(code="MD07").did == "waiting"
    assert desk.of_order(order_id) is None
    desk.order(("delivered", 3, None), **DEBIT)
    assert amounts(desk.of_order(order_id)) == ("OPEN", 10_000, 0)
    assert desk.holds() == ["death"]


def test_goods_that_come_back_are_not_owed_though_the_debit_came_back_too(desk):
    order_id = desk.order(*PAID, **DEBIT)
    assert desk.take().did == "opened"
    desk.order(("withdrawn", 30, None), **DEBIT)
    assert amounts(desk.of_order(order_id)) == ("SETTLED", 0, 0)


def test_a_returned_debit_that_is_paid_again_is_settled(desk):
    order_id = desk.order(*PAID, **DEBIT)
    desk.take()
    desk.order(("paid", 40, 10_000), **DEBIT)
    assert amounts(desk.of_order(order_id)) == ("SETTLED", 0, 0)


@pytest.mark.parametrize(
    ("code", "holds", "notices"),
    [
        ("AM04", [], []),
        ("AC04", [], []),
        ("MS03", [], []),
        ("MD07", ["death"], ["debit-returned-death"]),
        ("MD06", ["pause"], ["debit-returned"]),
        ("MS02", ["pause"], ["debit-returned"]),
        ("MD01", ["pause"], ["debit-returned"]),
        ("AM05", ["pause"], ["debit-returned-our-fault"]),
        ("RR04", ["pause"], ["debit-returned"]),
        ("ZZ99", ["pause"], ["debit-returned"]),
    ],
)
def test_each_class_of_reasons_has_its_consequence(desk, code, holds, notices):
    """Told twice it happens once. Nothing is charged, not even in the merchant's favour."""
    order_id = desk.order(*PAID, **DEBIT)
    assert [desk.take(code=code).did for _ in range(2)] == ["opened", "known"]
    assert (desk.holds(), desk.notices()) == (holds, notices)
    assert desk.of_order(order_id).costs_minor == 0


def test_the_banks_fee_is_told_and_not_charged(desk):
    order_id = desk.order(*PAID, **DEBIT)
    desk.take(charges_minor=550)
    assert (desk.of_order(order_id).costs_minor, desk.notices()) == (0, ["debit-returned"])


def test_a_bank_return_takes_back_the_payment_it_names(desk):
    """All of it, or the part that came back."""
    claim_id = desk.open()
    desk.pay(claim_id, 10_000, date(2026, 6, 10), now=NOW, external_id="in-1")
    took = desk.take(payment=("bank", "in-1"), amount_minor=4_000, references=())
    assert (took.did, took.claim_ids) == ("reversed", (claim_id,))
    assert desk.claim(claim_id).principal_minor == 4_000
    assert desk.take(payment=("bank", "in-1"), references=()).did == "known"


def test_a_return_finds_the_payment_by_the_reference_of_the_claim(desk):
    claim_id = desk.open()
    desk.pay(claim_id, 10_000, date(2026, 6, 10), now=NOW)
    assert desk.take(references=(desk.claim(claim_id).reference,)).did == "reversed"
    assert desk.claim(claim_id).principal_minor == 10_000


def test_what_nobody_knows_is_unknown_and_can_be_told_again(desk):
    assert [desk.take().did for _ in range(2)] == ["unknown", "unknown"]
    desk.order(*PAID, **DEBIT)
    assert desk.take().did == "opened"


def test_free_words_of_a_bank_are_not_kept(desk):
    desk.order(*PAID, **DEBIT)
    desk.take(reason="Konto von Ada Byron gesperrt")
    with desk.transaction() as session:
        assert session.scalars(select(ReturnedRow)).one().reason == ""


def test_every_telling_of_a_payment_of_ours_wakes_its_claim(desk):
    """The listener enqueues the payment's id and nothing else; payments of nobody wake nothing."""
    claim_id = desk.open()
    desk.tell(fact(Captured, "ch_1", 20, reference=link_of(claim_id)))
    desk.tell(fact(Captured, "ch_2", 20, payment="pi_2"), payment="pi_2")
    with desk.transaction() as session:
        found = session.execute(text("SELECT args FROM job WHERE task = 'receivables.follow_payment'")).scalars().all()
        payment_id = session.scalars(select(ProviderPayment.id).where(ProviderPayment.external_id == "pi_1")).one()
    assert found == [{"payment_id": str(payment_id)}]


def test_money_of_an_erased_buyer_is_told_and_not_lost(desk):
    """He pays the link of a claim of his order once more, after everything of his was erased."""
    order_id = desk.order(("delivered", 3, None))
    claim = desk.of_order(order_id)
    named = {"reference": to_public("clm", claim.id)}
    desk.tell(fact(Captured, "ch_1", 10, **named))
    with desk.transaction() as session:
        erasure.erase(session, claim.buyer_id, NOW, ())
    desk.tell(fact(Captured, "ch_2", 20, **named))
    assert desk.notices() == ["payment-unbooked"]
    with desk.transaction() as session:
        assert [row.external_id for row in session.scalars(select(ClaimPayment))] == ["ch_1"]
