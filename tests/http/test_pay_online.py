"""Paying online on the debtor's page: a provider on this machine makes the link, and only its word books anything."""

from datetime import UTC, datetime
from urllib.parse import parse_qs

import pytest
from sqlalchemy import select

from gateway.core import clock
from gateway.core.ids import to_public
from gateway.payments import accounts, record
from gateway.payments.accounts import NewAccount
from gateway.payments.facts import Captured, by_time
from gateway.payments.models import Payment
from gateway.payments.record import Source
from gateway.receivables import follow_payments, returned
from gateway.receivables.models import ClaimPayment
from gateway.receivables.returned import ReturnedMoney
from tests.builders import a_world
from tests.debtors import Debtor, DebtorVisitor
from tests.provider_messages import an_interface

SESSIONS = ("POST", "/v1/checkout/sessions")
PAGE = {"id": "cs_test_1", "url": "https://checkout.stripe.example/c/pay/cs_test_1"}


class Online:
    """A debtor whose shop has a provider here; `asked` is what the provider was asked for."""

    def __init__(self, app, services, url, asked):
        self.services, self.asked = services, asked
        self.debtor = Debtor(services, a_world(services))
        self.claim_id = self.debtor.owes(5_000, in_default=False)
        settings = {"webhook_secret": "whsec_only_for_tests", "api_key": "sk_live_only_for_tests", "api_url": url}
        with self.debtor.transaction() as session:
            new = NewAccount(self.debtor.world.shop_id, "stripe", settings)
            made = accounts.connect(session, services.keyring, new, clock.now(), allow_private=True)
        self.connection_id = made.facts.id
        self.visit = DebtorVisitor(app, self.debtor.link())

    def pay(self, claim_id=None, page="/transfer"):
        return self.visit.post(f"/online/{to_public('clm', claim_id or self.claim_id)}", page=page)

    def told(self, minor, item="ch_1"):
        """The provider's word comes, and the job is done."""
        now = datetime.now(UTC)
        told = Captured(
            key=item,
            payment=item,
            item=item,
            sequence=by_time(now),
            occurred_at=now,
            amount_minor=minor,
            currency="EUR",
            reference=to_public("clm", self.claim_id),
        )
        source = Source(self.connection_id, self.debtor.world.shop_id, "stripe", live=True)
        with self.debtor.transaction() as session:
            record.record(session, source, [told], clock.now())
            payment_id = session.scalars(select(Payment.id).where(Payment.external_id == item)).one()
            follow_payments.follow_payment(session, self.debtor.keys, payment_id, clock.now())


@pytest.fixture
def answers():
    return {SESSIONS: (200, PAGE)}


@pytest.fixture
def online(app, services, answers):
    asked = []
    with an_interface(answers, asked) as url:
        yield Online(app, services, url, asked)


def test_the_link_is_for_what_is_open_and_asked_for_twice_it_is_one(online):
    online.visit.open()
    pages = [online.pay() for _ in range(2)]
    assert [page.status_code for page in pages] == [200, 200]
    assert PAGE["url"] in pages[0].text
    bodies = [parse_qs(body.decode()) for _, _, body in online.asked]
    assert bodies[0]["line_items[0][price_data][unit_amount]"] == ["5000"]
    assert bodies[0]["metadata[kulanz_reference]"] == [to_public("clm", online.claim_id)]
    assert len({headers["idempotency-key"] for _, headers, _ in online.asked}) == 1


def test_another_sum_is_another_link(online):
    online.visit.open()
    online.pay()
    online.told(2_000)
    online.pay()
    assert len({headers["idempotency-key"] for _, headers, _ in online.asked}) == 2


def test_coming_back_books_nothing_and_the_providers_word_does(online):
    online.visit.open()
    page = online.visit.get("/came-back")
    assert (page.status_code, online.debtor.rows(ClaimPayment)) == (200, [])
    online.told(5_000)
    assert online.debtor.claim(online.claim_id).state == "SETTLED"
    assert online.pay(page="/feedback").status_code == 404


def test_a_provider_that_is_away_is_named_and_the_transfer_is_left(online, answers):
    online.visit.open()
    answers[SESSIONS] = 503, {}
    page = online.pay()
    assert page.status_code == 503
    assert "überweisen" in page.text


def test_nobody_pays_for_a_claim_that_he_has_not_opened(online):
    other = Debtor(online.services, online.debtor.world, email="bob@example.com")
    assert online.pay(page="").status_code == 404
    online.visit.open()
    assert online.pay(other.owes(7_000, "R-7")).status_code == 404
    assert not online.asked


def test_a_returned_payment_is_told_without_the_banks_reason(online):
    online.told(5_000)
    now = clock.now()
    told = ReturnedMoney(
        source="bank",
        external_id="e-1",
        day=now.date(),
        amount_minor=5_000,
        currency="EUR",
        code="MS03",
        reason="",
        references=(),
        payment=(f"provider:{online.connection_id}", "ch_1"),
    )
    with online.debtor.transaction() as session:
        assert returned.take(session, online.debtor.keys, told, now).did == "reversed"
    online.visit.open()
    page = online.visit.get().text
    assert "von der Bank zurückgegeben" in page
    assert "Deckung" not in page
