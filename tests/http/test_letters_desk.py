"""Letters at the desk: listed, read as they say, taken back, printed; the sender is told once for all of them."""

from datetime import timedelta

import pytest

from gateway.core import clock
from gateway.core.ids import to_public
from gateway.core.work import Job
from gateway.law.tables import shipped
from gateway.merchants.models import Role
from gateway.receivables import letter_job, letters
from gateway.receivables.letter_model import Channel, Kind
from gateway.receivables.letters import Draft
from tests.claims_made import SENDER, a_claim, a_sender
from tests.desk_visits import signed_in


@pytest.fixture
def desk(app, services):
    return signed_in(app, services)


def a_letter(services, world, *, sender=True, laid_out=True, channel=Channel.POST, name="Espressomühle"):
    now = clock.now()
    with services.db.transaction(world.merchant_id) as session:
        if sender:
            a_sender(session, services, now)
        owed = a_claim(session, services, world, now - timedelta(days=1), order={"name": name})
        letter_id = letters.draft(session, Draft(Kind.REMINDER, (owed.claim_id,), now, channel=channel), shipped())
    if laid_out:
        job = Job(1, "default", letters.TASK, world.merchant_id, {"letter_id": str(letter_id)}, 1)
        letter_job.render_letter(services, job)
    return to_public("ltr", letter_id)


def test_the_desk_asks_for_a_sender_first(desk):
    _, visitor = desk
    assert "Absender nennen" in visitor.get("/admin/letters").text


def test_a_sender_is_checked_and_kept(desk):
    _, visitor = desk
    wrong = visitor.post("/admin/letters/sender/save", SENDER | {"iban": "DE00"}, "/admin/letters/sender")
    assert wrong.status_code == 422
    assert visitor.post("/admin/letters/sender/save", SENDER, "/admin/letters/sender").status_code == 302
    assert "DE89370400440532013000" in visitor.get("/admin/letters/sender").text


def test_only_admins_say_where_the_money_goes(app, services):
    _, visitor = signed_in(app, services, Role.CLERK)
    assert visitor.get("/admin/letters/sender").status_code == 403


def test_a_letter_is_read_as_it_says_with_markup_as_text(desk, services):
    world, visitor = desk
    letter_id = a_letter(services, world, laid_out=False, name="<script>alert(1)</script>")
    page = visitor.get(f"/admin/letters/{letter_id}").text
    assert "vielen Dank für Ihren Einkauf" in page
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_a_parked_letter_says_why(desk, services):
    world, visitor = desk
    letter_id = a_letter(services, world, sender=False)
    page = visitor.get(f"/admin/letters/{letter_id}").text
    assert "Dieser Brief wurde angehalten" in page
    assert "/sender" in page
    assert "angehalten" in visitor.get("/admin/letters?state=PARKED").text


def test_a_letter_is_taken_back(desk, services):
    world, visitor = desk
    letter_id = a_letter(services, world, laid_out=False)
    assert visitor.post(f"/admin/letters/{letter_id}/cancel").status_code == 302
    assert "zurückgenommen" in visitor.get(f"/admin/letters/{letter_id}").text


def test_paper_is_collected_and_confirmed(desk, services):
    world, visitor = desk
    letter_id = a_letter(services, world)
    visitor.post("/admin/letters/print")
    page = visitor.get("/admin/letters").text
    batch_id = page.split("/admin/letters/batches/")[1].split("/")[0]
    archive = visitor.get(f"/admin/letters/batches/{batch_id}/archive")
    assert archive.mimetype == "application/zip"
    assert visitor.post(f"/admin/letters/batches/{batch_id}/confirm").status_code == 302
    assert "versandt" in visitor.get(f"/admin/letters/{letter_id}").text
    pdf = visitor.get(f"/admin/letters/{letter_id}/pdf")
    assert (pdf.mimetype, pdf.headers["X-Content-Type-Options"]) == ("application/pdf", "nosniff")


def test_a_letter_that_came_back_undoes_its_step(desk, services):
    world, visitor = desk
    letter_id = a_letter(services, world)
    visitor.post(f"/admin/letters/{letter_id}/returned", {"why": "moved"})
    assert "moved" in visitor.get(f"/admin/letters/{letter_id}").text
