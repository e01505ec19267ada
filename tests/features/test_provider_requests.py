"""What providers are asked for: once, with our key, and never twice by mistake."""

from urllib.parse import parse_qs

import pytest
from sqlalchemy import text

from gateway.core import clock, documents, events
from gateway.core.documents import Owner
from gateway.core.errors import Refused
from gateway.core.ids import new_id
from gateway.core.work import Job, Retry
from gateway.merchants import secrets
from gateway.payments import accounts, asking
from gateway.payments.accounts import NewAccount
from gateway.payments.asking import AcceptWanted, EvidenceFile, EvidenceWanted, ProviderRequestUnknown, RequestEnded
from gateway.payments.calls import ProviderAway
from gateway.payments.providers import LinkWanted, NotOffered, RefundWanted
from gateway.shops.connections import ConnectionUnknown
from tests.builders import a_world
from tests.provider_messages import an_interface

REFUND = ("POST", "/v1/refunds")
SETTINGS = {
    "stripe": {"webhook_secret": "whsec_only_for_tests", "api_key": "sk_live_only_for_tests"},
    "unzer": {"private_key": "p-priv-only_for_tests"},
    "klarna": {"signing_keys": "key1:only_for_tests"},
}


class Asking:
    """A merchant with a provider whose interface is on this machine, and the worker's task."""

    def __init__(self, services, provider, url):
        self.services, self.world = services, a_world(services)
        with services.db.transaction(self.world.merchant_id) as session:
            new = NewAccount(self.world.shop_id, provider, SETTINGS[provider] | {"api_url": url})
            made = accounts.connect(session, services.keyring, new, clock.now(), allow_private=True)
        self.connection_id = made.facts.id

    def queue(self, wanted):
        with self.services.db.transaction(self.world.merchant_id) as session:
            keyring = self.services.keyring
            return asking.queue(session, keyring, self.connection_id, wanted, "claim:1", clock.now())

    def work(self, request_id):
        args = {"request_id": str(request_id)}
        asking.ask(self.services, Job(1, asking.QUEUE, asking.TASK, self.world.merchant_id, args, 1))

    def row(self, what="state, external_id, answer"):
        with self.services.db.connection(self.world.merchant_id) as connection:
            return tuple(connection.execute(text(f"SELECT {what} FROM provider_request")).one())


@pytest.fixture
def heard():
    before, told = events._listeners, []
    events.install({RequestEnded: (lambda _, event: told.append((event.kind, event.state)),)})
    yield told
    events.install(before)


def a_refund(key="ref_1"):
    return RefundWanted(key, "ch_1", "ch_1", 500, "EUR")


def test_a_request_is_asked_once_and_its_answer_is_heard(services, heard):
    """Queued twice under one key it is one; worked off twice it is asked once."""
    asked = []
    with an_interface({REFUND: (200, {"id": "re_1", "status": "succeeded"})}, asked) as url:
        one = Asking(services, "stripe", url)
        request_id = one.queue(a_refund())
        assert one.queue(a_refund()) == request_id
        for _ in range(2):
            one.work(request_id)
    assert one.row() == ("DONE", "re_1", "succeeded")
    assert heard == [("refund", "DONE")]
    path, headers, body = asked[0]
    assert (len(asked), path, headers["idempotency-key"]) == (1, "/v1/refunds", "ref_1")
    assert parse_qs(body.decode()) == {"charge": ["ch_1"], "amount": ["500"]}


def test_a_job_waits_for_every_request(services):
    """Queued in the same transaction; its arguments are ids."""
    with an_interface({}) as url:
        one = Asking(services, "stripe", url)
        request_id = one.queue(a_refund())
    with services.db.connection(None) as connection:
        jobs = connection.execute(text("SELECT args FROM job WHERE task = 'payments.ask'")).scalars().all()
    assert {"request_id": str(request_id)} in jobs


def test_where_our_key_is_taken_a_lost_answer_is_asked_for_again(services, heard):
    """A provider that is away or busy is waited for."""
    answers, asked = {REFUND: (503, {})}, []
    with an_interface(answers, asked) as url:
        one = Asking(services, "stripe", url)
        request_id = one.queue(a_refund())
        for status, error in ((503, ProviderAway), (0, ProviderAway), (429, Retry)):
            answers[REFUND] = status, {}
            with pytest.raises(error):
                one.work(request_id)
        answers[REFUND] = 200, {"id": "re_1", "status": "succeeded"}
        one.work(request_id)
    assert one.row()[0] == "DONE"
    assert {headers["idempotency-key"] for _, headers, _ in asked} == {"ref_1"}
    assert heard == [("refund", "DONE")]


def test_where_it_is_not_taken_nobody_asks_twice_without_having_looked(services, heard):
    """Money given back twice does not come again: the request is uncertain until somebody looked."""
    path = ("POST", "/v1/payments/p-pay-1/charges/s-chg-1/cancels")
    answers, asked = {path: (503, {})}, []
    with an_interface(answers, asked) as url:
        one = Asking(services, "unzer", url)
        request_id = one.queue(RefundWanted("ref_1", "p-pay-1", "p-pay-1/charges/s-chg-1", 500, "EUR"))
        for _ in range(3):
            one.work(request_id)
        assert (one.row(), len(asked)) == (("UNCERTAIN", "", "answer-lost"), 1)
        answers[path] = 201, {"id": "s-cnl-1", "isSuccess": True}
        with services.db.transaction(one.world.merchant_id) as session:
            asking.replay(session, request_id, clock.now())
        one.work(request_id)
    assert (one.row(), len(asked)) == (("DONE", "s-cnl-1", "success"), 2)
    assert heard == [("refund", "UNCERTAIN"), ("refund", "DONE")]
    with services.db.transaction(one.world.merchant_id) as session, pytest.raises(Refused):
        asking.settle(session, request_id, "s-cnl-1", clock.now())


def test_a_worker_that_was_killed_while_it_asked_leaves_the_same_doubt(services, heard):
    """The request was marked before it was sent; whoever finds it so does not send it again."""
    with an_interface({}) as url:
        one = Asking(services, "unzer", url)
        request_id = one.queue(RefundWanted("ref_1", "p-pay-1", "p-pay-1/charges/s-chg-1", 500, "EUR"))
        with services.db.transaction(one.world.merchant_id) as session:
            assert asking._prepare(services, session, request_id) is not None
        one.work(request_id)
    assert one.row()[0] == "UNCERTAIN"
    with services.db.transaction(one.world.merchant_id) as session:
        asking.settle(session, request_id, "s-cnl-1", clock.now())
    assert (one.row(), heard) == (("DONE", "s-cnl-1", "settled"), [("refund", "UNCERTAIN"), ("refund", "DONE")])


def test_a_refusal_is_final_and_told(services, heard):
    """With the provider's code; a closed connection refuses as well."""
    with an_interface({REFUND: (400, {"error": {"code": "charge_already_refunded", "message": "Ada"}})}) as url:
        one = Asking(services, "stripe", url)
        one.work(one.queue(a_refund()))
        assert one.row() == ("REFUSED", "", "charge_already_refunded")
        other = Asking(services, "stripe", url)
        request_id = other.queue(a_refund())
        with services.db.transaction(other.world.merchant_id) as session:
            accounts.close(session, other.connection_id, clock.now())
        other.work(request_id)
    assert other.row() == ("REFUSED", "", "connection-unknown")
    assert heard == [("refund", "REFUSED")] * 2


def test_what_died_after_all_tries_is_parked_and_can_be_replayed(services):
    """Somebody is told."""
    with an_interface({REFUND: (503, {})}) as url:
        one = Asking(services, "stripe", url)
        request_id = one.queue(a_refund())
        with pytest.raises(ProviderAway):
            one.work(request_id)
        job = Job(1, asking.QUEUE, asking.TASK, one.world.merchant_id, {"request_id": str(request_id)}, 12)
        asking.ASKING.on_dead(services, job, "provider-busy")
        assert one.row()[0] == "PARKED"
        one.work(request_id)
        with services.db.transaction(one.world.merchant_id) as session:
            asking.replay(session, request_id, clock.now())
    assert one.row()[0] == "QUEUED"
    with services.db.connection(None) as connection:
        jobs = connection.execute(text("SELECT args FROM job WHERE task = 'payments.ask'")).scalars().all()
    assert jobs.count({"request_id": str(request_id)}) == 2  # the first is still there: it must not swallow the second


def test_evidence_takes_its_files_from_stored_documents(services):
    """The row holds their ids; texts are sealed."""
    answers = {
        ("POST", "/v1/files"): (200, {"id": "file_1"}),
        ("POST", "/v1/disputes/dp_1"): (200, {"id": "dp_1", "status": "under_review"}),
        ("POST", "/v1/disputes/dp_1/close"): (200, {"id": "dp_1", "status": "lost"}),
    }
    asked = []
    with an_interface(answers, asked) as url:
        one = Asking(services, "stripe", url)
        with services.db.transaction(one.world.merchant_id) as session:
            owner = Owner(one.world.merchant_id, secrets.get_key(session, services.keyring, "data"))
            file = documents.File(b"%PDF-1.4\n%%EOF", "application/pdf", "proof.pdf")
            document = documents.store(session, owner, file, "evidence", clock.now())
        files = (EvidenceFile("receipt", str(document.id)),)
        wanted = EvidenceWanted("evi_1", "dp_1", {"customer_name": "Ada Lovelace"}, files, submit=True)
        one.work(one.queue(wanted))
    assert one.row() == ("DONE", "dp_1", "under_review")
    assert b"Ada" not in bytes(one.row("body_sealed")[0])
    form = parse_qs(asked[-1][2].decode())
    assert (form["evidence[receipt]"], form["submit"]) == (["file_1"], ["true"])
    assert b'filename="proof.pdf"' in asked[0][2]


def test_what_a_provider_does_not_offer_is_said_at_once(services):
    """Klarna gives no money back here; Unzer knows no dispute; an unknown connection asks nobody."""
    with an_interface({}) as url:
        klarna, unzer = Asking(services, "klarna", url), Asking(services, "unzer", url)
        with pytest.raises(NotOffered):
            klarna.queue(a_refund())
        with pytest.raises(NotOffered):
            unzer.queue(AcceptWanted("acc_1", "dp_1"))
        wanted = LinkWanted("k1", "clm_1", 500, "EUR", "Claim", "https://kulanz.test/p")
        with pytest.raises(NotOffered):
            asking.pay_link(services, klarna.world.merchant_id, klarna.connection_id, wanted)
    unzer.connection_id = new_id()
    with pytest.raises(ConnectionUnknown):
        unzer.queue(a_refund())
    with services.db.transaction(unzer.world.merchant_id) as session, pytest.raises(ProviderRequestUnknown):
        asking.replay(session, new_id(), clock.now())


def test_a_pay_link_is_made_while_the_buyer_waits(services):
    """Of the shop's own provider."""
    answers = {("POST", "/v1/checkout/sessions"): (200, {"id": "cs_1", "url": "https://checkout.stripe.com/c/cs_1"})}
    with an_interface(answers) as url:
        one = Asking(services, "stripe", url)
        wanted = LinkWanted("k1", "clm_1", 500, "EUR", "Claim", "https://kulanz.test/p")
        link = asking.pay_link(services, one.world.merchant_id, one.connection_id, wanted)
    assert link.url == "https://checkout.stripe.com/c/cs_1"
