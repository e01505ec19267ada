"""Letters over the API: read, taken back, released, printed, each by the key of its own shop."""

import io
import zipfile
from datetime import timedelta

import pytest

from gateway.core import clock
from gateway.core.ids import to_public
from gateway.core.work import Job
from gateway.law.tables import shipped
from gateway.receivables import letter_job, letters
from gateway.receivables.letter_model import Channel, Kind
from gateway.receivables.letters import Draft
from tests.builders import a_world
from tests.claims_made import a_claim, a_sender


@pytest.fixture
def world(app, services):
    return a_world(services)


@pytest.fixture
def api(app, world):
    client = app.test_client()

    def call(method, path, **more):
        headers = {**world.auth, **more.pop("headers", {})}
        return client.open(f"/v1{path}", method=method, headers=headers, **more)

    return call


@pytest.fixture
def draft(services, world):
    def make(channel=Channel.POST, *, laid_out=True, hours=0, reference="1001"):
        now = clock.now()
        with services.db.transaction(world.merchant_id) as session:
            a_sender(session, services, now)
            owed = a_claim(session, services, world, now - timedelta(days=1), reference=reference)
            wanted = Draft(
                Kind.REMINDER, (owed.claim_id,), now, channel=channel, release_at=now + timedelta(hours=hours)
            )
            letter_id = letters.draft(session, wanted, shipped())
        if laid_out:
            job = Job(1, "default", letters.TASK, world.merchant_id, {"letter_id": str(letter_id)}, 1)
            letter_job.render_letter(services, job)
        return to_public("ltr", letter_id)

    return make


def test_letters_are_listed_the_newest_first_page_by_page(api, draft):
    first, second = draft(), draft(reference="1002")
    page = api("GET", "/letters?limit=1").json
    assert [one["id"] for one in page["letters"]] == [max(first, second)]
    rest = api("GET", f"/letters?limit=1&cursor={page['next_cursor']}").json
    assert [one["id"] for one in rest["letters"]] == [min(first, second)]


def test_a_letter_tells_its_figures_and_no_names(api, draft):
    told = api("GET", f"/letters/{draft()}")
    assert told.json["claims"][0]["total_minor"] == 10_000
    assert b"Ada" not in told.data


def test_its_pdf_is_what_left(api, draft):
    answer = api("GET", f"/letters/{draft()}/pdf")
    assert (answer.status_code, answer.mimetype) == (200, "application/pdf")
    assert answer.data.startswith(b"%PDF-")


def test_a_letter_that_was_not_laid_out_has_no_pdf(api, draft):
    answer = api("GET", f"/letters/{draft(laid_out=False, hours=2)}/pdf")
    assert (answer.status_code, answer.json["code"]) == (409, "letter-has-no-document")


def test_a_letter_in_its_undo_window_is_taken_back_once(api, draft):
    letter_id = draft(laid_out=False, hours=2)
    key = {"headers": {"Idempotency-Key": "k-1"}}
    first = api("POST", f"/letters/{letter_id}/cancel", **key)
    again = api("POST", f"/letters/{letter_id}/cancel", **key)
    assert (first.json["state"], again.json) == ("WITHDRAWN", first.json)
    assert api("POST", f"/letters/{letter_id}/cancel").status_code == 409


def test_a_letter_is_released_early(api, draft):
    letter_id = draft(laid_out=False, hours=2)
    assert api("POST", f"/letters/{letter_id}/release").json["release_at"] <= clock.now().isoformat()


def test_the_days_paper_is_fetched_and_confirmed(api, draft):
    letter_id = draft()
    batch = api("POST", "/print-batches").json
    archive = api("GET", f"/print-batches/{batch['id']}/archive")
    assert zipfile.ZipFile(io.BytesIO(archive.data)).namelist() == ["letters.csv", f"{letter_id}.pdf"]
    done = api("POST", f"/print-batches/{batch['id']}/confirm", json={"failed": []})
    assert done.json == {"sent": 1, "failed": 0}
    assert api("GET", f"/letters/{letter_id}").json["state"] == "SENT"
    assert api("POST", f"/print-batches/{batch['id']}/confirm", json={}).json["code"] == "already-confirmed"
    assert api("POST", "/print-batches").json["code"] == "nothing-to-print"


def test_what_the_printer_could_not_send_is_named(api, draft):
    letter_id = draft()
    batch = api("POST", "/print-batches").json
    body = {"failed": [{"letter_id": letter_id, "why": "moved"}]}
    assert api("POST", f"/print-batches/{batch['id']}/confirm", json=body).json == {"sent": 0, "failed": 1}
    assert api("GET", f"/letters/{letter_id}").json["ended_why"] == "moved"


def test_another_shop_sees_nothing_of_it(app, services, draft):
    letter_id = draft()
    other = a_world(services)
    answer = app.test_client().get(f"/v1/letters/{letter_id}", headers=other.auth)
    assert (answer.status_code, answer.json["code"]) == (404, "letter-unknown")


def test_a_key_without_the_scope_reads_no_letters(app, services):
    other = a_world(services, scopes=frozenset({"orders:read"}))
    assert app.test_client().get("/v1/letters", headers=other.auth).status_code == 403


def test_who_letters_come_from_is_read_but_not_changed_by_a_shops_key(api, draft):
    assert api("GET", "/sender").json["code"] == "sender-missing"
    draft()
    assert api("GET", "/sender").json["iban"] == "DE89370400440532013000"
    assert api("PUT", "/sender", json={}).status_code == 405


def test_a_filter_that_is_none_is_told(api):
    assert api("GET", "/letters?cursor=x").json["code"] == "invalid-input"
    assert api("GET", "/letters?state=LOST").status_code == 422
