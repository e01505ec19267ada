"""What debtors told, at the desk: proofs are opened and answered, the rest is looked at; nothing waits unseen."""

import re

import pytest

from gateway.core import clock
from gateway.core.ids import to_public
from gateway.merchants.models import Role
from gateway.receivables import claims, promises
from gateway.receivables.changes import SetHold
from gateway.receivables.days import today
from gateway.receivables.letter_models import Letter
from gateway.receivables.models import ClaimHold, ClaimPayment
from tests.debtors import PDF, Debtor, DebtorVisitor, in_days, upload
from tests.desk_visits import signed_in

TODAY = today("DE", clock.now())


@pytest.fixture
def desk(app, services):
    """A clerk's browser, and a debtor with two claims on his page."""

    def sign_in(role=Role.CLERK):
        world, visitor = signed_in(app, services, role)
        debtor = Debtor(services, world)
        claim_ids = [debtor.owes(5_000, "R-1", in_default=False), debtor.owes(3_000, "R-2", in_default=False)]
        page = DebtorVisitor(app, debtor.link())
        page.open()
        return visitor, debtor, claim_ids, page

    return sign_in


def send_proof(page, *contents):
    files = [upload(content, f"beleg-{number}.pdf") for number, content in enumerate(contents)]
    assert page.post("/paid", {"files": files, "words": "am Montag"}).status_code == 302


def hold_of(debtor):
    return to_public("hld", min(row.id for row in debtor.rows(ClaimHold)))


def answer(visitor, debtor, act, amount="80,00", **more):
    hold_id = hold_of(debtor)
    told = {"act": act, f"{hold_id}-amount": amount, f"{hold_id}-paid_on": str(TODAY)} | more
    return visitor.post(f"/admin/told/{hold_id}/answer", told, page="/admin/told")


def waiting(visitor):
    return len(re.findall(r'aria-labelledby="hld_', visitor.get("/admin/told?language=de").text))


def test_every_file_of_a_proof_opens_as_an_attachment_and_nobody_elses(desk):
    """Even a file that was sent before."""
    visitor, debtor, _, page = desk()
    send_proof(page, PDF, PDF + b"second")
    links = re.findall(r'href="(/admin/told/[^"]+/files/[^"]+)"', visitor.get("/admin/told").text)
    assert len(links) == 2
    sent = visitor.get(links[1])
    assert (sent.data, sent.mimetype) == (PDF + b"second", "application/pdf")
    assert sent.headers["Content-Disposition"].startswith("attachment")
    assert sent.headers["X-Content-Type-Options"] == "nosniff"
    invoice = re.search(r"/files/(doc_\w+)", page.get("").text).group(1)
    assert visitor.get(f"/admin/told/{hold_of(debtor)}/files/{invoice}").status_code == 404


def test_a_proof_that_is_right_is_booked_over_its_claims_once(desk):
    visitor, debtor, claim_ids, page = desk()
    send_proof(page, PDF)
    assert (waiting(visitor), answer(visitor, debtor, "found").status_code) == (1, 302)
    assert [debtor.claim(id_).state for id_ in claim_ids] == ["SETTLED", "SETTLED"]
    assert {row.outcome for row in debtor.rows(ClaimHold)} == {"kept"}
    assert (waiting(visitor), answer(visitor, debtor, "found").status_code) == (0, 404)
    assert sum(row.amount_minor for row in debtor.rows(ClaimPayment)) == 8_000


def test_a_proof_without_money_ends_the_hold_and_the_debtor_is_told(desk):
    visitor, debtor, claim_ids, page = desk()
    send_proof(page, PDF)
    assert answer(visitor, debtor, "missing", amount="").status_code == 302
    assert [row.kind for row in debtor.rows(Letter)] == ["payment_not_found"]
    assert all(row.lifted_at for row in debtor.rows(ClaimHold))
    assert [debtor.claim(id_).state for id_ in claim_ids] == ["OPEN", "OPEN"]
    assert (answer(visitor, debtor, "missing").status_code, len(debtor.rows(Letter))) == (404, 1)


@pytest.mark.parametrize("amount", ["", "viel", "-5", "0"])
def test_what_is_no_amount_is_told_beside_the_field_and_changes_nothing(desk, amount):
    visitor, debtor, _, page = desk()
    send_proof(page, PDF)
    wrong = answer(visitor, debtor, "found", amount=amount)
    assert (wrong.status_code, "is-invalid" in wrong.text) == (422, True)
    assert (waiting(visitor), debtor.rows(ClaimPayment)) == (1, [])


@pytest.mark.parametrize("reason", ["hardship", "insolvency", "death", "guardianship"])
def test_what_stops_dunning_waits_until_somebody_has_seen_it_and_stops_it_still(desk, reason):
    """Counted in the menu until then."""
    visitor, debtor, _, page = desk()
    page.post("/help", {"reason": reason, "words": "<b>krank</b>"})
    assert waiting(visitor) == 1
    assert 'kz-tag warn">1<' in visitor.get("/admin/objections").text
    hold_id = hold_of(debtor)
    assert visitor.post(f"/admin/told/{hold_id}/look", page="/admin/told").status_code == 302
    assert waiting(visitor) == 0
    assert all(row.lifted_at is None for row in debtor.rows(ClaimHold))


def test_a_promise_that_was_broken_waits_and_one_that_runs_does_not(desk, services):
    visitor, debtor, _, page = desk()
    page.post("/promise", {"amount": "10", "pay_on": in_days(3).isoformat()}, page="/later")
    assert waiting(visitor) == 0
    with debtor.transaction() as session:
        promises.settle_promises(session, services.keyring, in_days(30), clock.now())
    assert waiting(visitor) == 1


def test_a_reader_sees_that_something_waits_and_cannot_open_or_answer_it(desk):
    visitor, debtor, _, page = desk(Role.READER)
    send_proof(page, PDF)
    shown = visitor.get("/admin/told").text
    assert waiting(visitor) == 1
    assert "/files/" not in shown
    assert answer(visitor, debtor, "found").status_code == 403


def test_a_hold_set_at_the_desk_is_no_news_from_a_debtor(desk):
    visitor, debtor, claim_ids, _ = desk()
    with debtor.transaction() as session:
        claims.apply(session, debtor.keys, claim_ids[0], SetHold("hardship", TODAY, actor="user:1"), clock.now())
    assert waiting(visitor) == 0
    assert visitor.post(f"/admin/told/{hold_of(debtor)}/look", page="/admin/told").status_code == 404
