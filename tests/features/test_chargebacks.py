"""Chargebacks: followed from payments, answered once and in time, and what a loss does to claims."""

from datetime import timedelta

import pytest
from sqlalchemy import select, text

from gateway.chargebacks import commands, erasing, tasks
from gateway.chargebacks.commands import DeadlinePassed
from gateway.core import clock
from gateway.core.documents import File
from gateway.core.errors import Invalid, Refused
from gateway.core.work import Job
from gateway.payments import asking
from gateway.receivables import claims
from gateway.receivables.models import Claim, ClaimHold
from gateway.shops.events import BuyerForgotten
from tests.chargebacks import Merchant, a_due, a_fact
from tests.provider_messages import an_interface

DISPUTE = ("POST", "/v1/disputes/dp_1")
FILES = ("POST", "/v1/files")
PDF = b"%PDF-1.7\n1 0 obj << >> endobj\n%%EOF\n"


@pytest.fixture
def merchant(services):
    return Merchant(services)


def soon(days=10):
    return clock.now() + timedelta(days=days)


def a_claim(merchant, kind="chargeback"):
    with merchant.transaction() as session:
        found = session.scalars(select(Claim).where(Claim.kind == kind)).one_or_none()
        if found is not None:
            session.expunge(found)
    return found


def test_a_dispute_told_twice_is_one_chargeback_of_its_order_and_buyer(merchant):
    merchant.order()
    first = merchant.tell(a_fact("opened", 1), a_due(soon()))
    again = merchant.tell(a_fact("opened", 1), a_due(soon()))
    assert (first.id, first.state, first.category, first.kind) == (again.id, "NEEDS_RESPONSE", "not_received", "card")
    assert first.order_id
    assert first.buyer_id
    assert (first.due_source, merchant.events()) == ("provider", ["opened"])


def test_without_a_date_of_the_provider_the_dated_default_counts(merchant):
    row = merchant.tell(a_fact("opened", 1))
    assert (row.due_source, (row.due_at - row.opened_at).days) == ("default", 7)


def test_a_loss_with_delivery_opens_a_claim_and_a_win_in_the_second_round_credits_it(merchant):
    merchant.order()
    merchant.tell(a_fact("opened", 1))
    lost = merchant.tell(a_fact("lost", 3))
    assert (lost.state, lost.claim_decision) == ("LOST", "open")
    assert (a_claim(merchant).principal_minor, a_claim(merchant).id) == (12_490, lost.claim_id)
    won = merchant.tell(a_fact("won", 9, stage="pre_arbitration"))
    assert (won.state, a_claim(merchant).principal_minor) == ("WON", 0)
    merchant.tell(a_fact("won", 9, stage="pre_arbitration"))
    again = merchant.tell(a_fact("lost", 12, stage="arbitration"))
    assert (again.state, a_claim(merchant).principal_minor) == ("LOST", 12_490)


def test_fraud_never_becomes_a_claim_by_itself_but_a_person_may_decide(merchant):
    merchant.order()
    lost = merchant.tell(a_fact("opened", 1, reason="fraudulent"), a_fact("lost", 3, reason="fraudulent"))
    assert (lost.claim_decision, lost.claim_id, a_claim(merchant)) == ("leave", None, None)
    merchant.do(commands.decide_claim, "open", "he wrote to us that it was him")
    assert a_claim(merchant).id == merchant.row().claim_id
    merchant.do(commands.decide_claim, "leave", "it was not")
    assert a_claim(merchant).principal_minor == 0


def test_dunning_of_the_order_waits_while_it_is_open(merchant):
    merchant.order()
    with merchant.transaction() as session:
        order_id, buyer_id = session.execute(text("SELECT id, buyer_id FROM shop_order")).one()
        day = clock.now().date() - timedelta(days=30)
        opening = claims.Opening(
            shop_id=merchant.world.shop_id,
            buyer_id=buyer_id,
            kind="order",
            source_id=order_id,
            order_id=order_id,
            currency="EUR",
            principal_minor=12_490,
            country="DE",
            contract_date=day,
            due_date=day,
        )
        claims.open(session, commands.aftermath.Keys(merchant.keyring), opening, clock.now())
    merchant.tell(a_fact("opened", 1))
    merchant.tell(a_fact("updated", 2, amount=12_000))
    with merchant.transaction() as session:
        assert [hold.reason for hold in session.scalars(select(ClaimHold))] == ["pause"]
    merchant.tell(a_fact("won", 4))
    with merchant.transaction() as session:
        assert [hold.outcome for hold in session.scalars(select(ClaimHold))] == ["ended"]


def work(merchant):
    """The worker's part: the provider is asked, and what it said moves the chargeback."""
    request_id = merchant.row().request_id
    job = Job(1, asking.QUEUE, asking.TASK, merchant.world.merchant_id, {"request_id": str(request_id)}, 1)
    asking.ask(merchant.services, job)
    with merchant.transaction() as session:
        commands.settle_request(session, merchant.keyring, request_id, clock.now())
        commands.settle_request(session, merchant.keyring, request_id, clock.now())
    return merchant.row()


def test_it_is_submitted_once_and_moves_when_the_provider_took_it(services):
    asked, answers = [], {FILES: (200, {"id": "file_1"}), DISPUTE: (200, {"id": "dp_1", "status": "under_review"})}
    with an_interface(answers, asked) as url:
        merchant = Merchant(services, url)
        merchant.order()
        merchant.tell(a_fact("opened", 1), a_due(soon()))
        assert merchant.submit().state == "SENDING"
        with pytest.raises(Refused):
            merchant.submit()
        assert (work(merchant).state, merchant.row().submitted_round) == ("SUBMITTED", 1)
    with pytest.raises(Refused):
        merchant.submit()
    with pytest.raises(Refused):
        merchant.do(commands.sent_myself, merchant.content())
    assert len([path for path, _, _ in asked if path == "/v1/disputes/dp_1"]) == 1
    late = merchant.tell(a_fact("updated", 2, amount=12_490))
    assert late.state == "SUBMITTED"
    second = merchant.tell(a_fact("updated", 9, stage="pre_arbitration"))
    assert (second.state, second.round) == ("NEEDS_RESPONSE", 2)


def test_a_refusal_of_the_provider_is_shown_and_may_be_tried_again(services):
    answers = {FILES: (200, {"id": "file_1"}), DISPUTE: (400, {"error": {"code": "evidence_bad"}})}
    with an_interface(answers) as url:
        merchant = Merchant(services, url)
        merchant.tell(a_fact("opened", 1), a_due(soon()))
        merchant.submit()
        refused = work(merchant)
        assert (refused.state, refused.trouble) == ("PREPARED", "REFUSED: evidence_bad")
        answers[DISPUTE] = 200, {"id": "dp_1", "status": "under_review"}
        merchant.submit()
        assert work(merchant).state == "SUBMITTED"


def test_after_the_deadline_nothing_is_submitted_and_an_extension_opens_it_again(merchant):
    merchant.tell(a_fact("opened", 1), a_due(clock.now() - timedelta(hours=1)))
    with pytest.raises(DeadlinePassed):
        merchant.submit()
    tasks.watch_one(merchant.services, Job(1, "default", "chargebacks.watch", merchant.world.merchant_id, {}, 1))
    assert merchant.row().state == "EXPIRED"
    assert merchant.tell(a_due(soon(), day=3)).state == "NEEDS_RESPONSE"


def test_an_estimated_deadline_that_passed_closes_nothing(merchant):
    merchant.tell(a_fact("opened", 1))
    with merchant.transaction() as session:
        tasks.look(session, merchant.keyring, merchant.row().id, clock.now())
    assert (merchant.row().state, merchant.row().noticed_days) == ("NEEDS_RESPONSE", 0)
    assert merchant.submit().state == "SENDING"


def test_each_step_before_a_deadline_is_told_once(merchant):
    merchant.tell(a_fact("opened", 1), a_due(soon(20)))
    due_at, told = merchant.row().due_at, []
    for days in (9, 6, 6, 5, 2, 2, 0):
        with merchant.transaction() as session:
            tasks.look(session, merchant.keyring, merchant.row().id, due_at - timedelta(days=days, minutes=1))
        told.append(merchant.row().noticed_days)
    assert told == [None, 7, 7, 7, 3, 3, 1]


def test_accepting_waits_for_the_provider_and_then_decides_about_a_claim(services):
    with an_interface({("POST", "/v1/disputes/dp_1/close"): (200, {"id": "dp_1", "status": "lost"})}) as url:
        merchant = Merchant(services, url)
        merchant.order()
        merchant.tell(a_fact("opened", 1))
        assert merchant.do(commands.accept).state == "ACCEPTING"
        assert work(merchant).state == "ACCEPTED"
    assert merchant.tell(a_fact("lost", 5)).state == "ACCEPTED"
    assert a_claim(merchant) is not None


def test_the_evidence_names_what_is_there_and_what_is_missing(merchant):
    merchant.order(name='#panic("x") <b>*bold*</b>')
    for number, days in enumerate((200, 300)):
        merchant.order(f"B-old-{number}", days_ago=days)
    merchant.tell(a_fact("opened", 1, reason="fraudulent"))
    with merchant.transaction() as session:
        session.execute(text("UPDATE chargeback SET opened_at = now()"))
    parts = {part.name: part for part in merchant.content().parts}
    assert "DHL 00340434" in parts["delivery"].lines[0]
    assert len(parts["prior_orders"].lines) == 2
    assert parts["communication"].missing
    merchant.do(commands.add_file, "communication", File(PDF, "application/pdf", "mail.pdf"))
    assert merchant.content().present >= {"communication", "delivery", "prior_orders"}
    with pytest.raises(Invalid):
        merchant.do(commands.add_file, "refund", File(PDF, "application/pdf", "mail.pdf"))
    with pytest.raises(Invalid):
        merchant.do(commands.add_file, "delivery", File(b"<html>", "application/pdf", "mail.pdf"))


def test_a_buyer_is_kept_while_it_is_open_and_erased_with_words_and_files_afterwards(merchant):
    merchant.order()
    merchant.tell(a_fact("opened", 1))
    merchant.do(commands.say, "He signed for it.")
    merchant.do(commands.add_file, "delivery", File(PDF, "application/pdf", "pod.pdf"))
    buyer_id = merchant.row().buyer_id
    with merchant.transaction() as session:
        assert erasing.chargebacks_object(session, buyer_id, clock.now()) is not None
    merchant.tell(a_fact("won", 3))
    with merchant.transaction() as session:
        assert erasing.chargebacks_object(session, buyer_id, clock.now()) is None
        assert erasing.copies_of(session, buyer_id, 5)[0]["state"] == "WON"
        erasing.forget(session, BuyerForgotten(buyer_id))
        assert session.execute(text("SELECT count(*) FROM chargeback_evidence")).scalar() == 0
        assert session.execute(text("SELECT count(*) FROM document")).scalar() == 0
    assert merchant.row().statement_sealed is None
