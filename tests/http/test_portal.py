"""The buyer's page: opened by a link and a second fact, closed to everybody else, and what he does there has effect."""

import io
import json
import re
import zipfile
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select

from gateway.core import clock
from gateway.merchants.models import UserEvent
from gateway.privacy.rights import RightsRequest
from gateway.shops import erasure
from gateway.shops.models import Buyer
from tests.builders import a_world
from tests.rights_visits import RISKY, BuyerVisit, a_decision, a_link, mails

MORNING = clock.now().replace(hour=6, minute=0) + timedelta(days=1)


@pytest.fixture
def world(services):
    return a_world(services)


@pytest.fixture
def decision(app, world):
    return a_decision(app, world, **RISKY)


@pytest.fixture
def visit(app, world, decision):
    return BuyerVisit(app, a_link(app, world, decision))


@pytest.fixture
def inside(visit):
    assert visit.open().status_code == 302
    return visit


def rows(services, world, table):
    with services.db.transaction(world.merchant_id) as session:
        return list(session.scalars(select(table).order_by(table.id)))


# --- the door


def test_the_link_alone_shows_nothing_about_the_buyer(visit):
    """Only which shop asks, and for what."""
    page = visit.get()
    assert page.status_code == 200
    assert "Musterladen" in page.text
    assert not any(word in page.text for word in ("604,90", "cart-1", "Packstation", "Rechnung", "ada@"))


@pytest.mark.parametrize("fact", ["20099", " 200 99 ", "20095", "ADA@example.com", "ada@EXAMPLE.com "])
def test_postcode_or_e_mail_address_of_the_order_open_it(visit, fact):
    """Written as people write them; billing or delivery postcode."""
    assert visit.open(fact).status_code == 302
    page = visit.get("?language=de").text
    assert "604,90" in page
    assert "Nicht angeboten wurde" in page


@pytest.mark.parametrize("fact", ["20098", "eve@example.com", "ada@", "@", "0", "  ", "x" * 321, "20099; DROP"])
def test_anything_else_does_not(visit, fact):
    """One sentence, whatever was wrong."""
    assert visit.open(fact).status_code == 422
    assert "604,90" not in visit.get().text


def test_guessing_ends_and_the_owner_is_let_in_again(app, visit):
    """Six tries per link and network in 15 minutes; another network, or some patience, and he is in."""
    answers = [visit.open(f"{code:05d}").status_code for code in range(8)]
    assert answers == [422] * 6 + [429] * 2
    assert visit.open("20099").status_code == 429
    assert BuyerVisit(app, visit.path, address="198.51.100.77").open("20099").status_code == 302
    with time_machine.travel(clock.now() + timedelta(minutes=16)):
        assert visit.open("20099").status_code == 302


def test_many_networks_together_get_thirty_tries_an_hour(app, visit):
    """A postcode is not guessed by a crowd, and the hour ends by itself."""
    answers = [
        BuyerVisit(app, visit.path, address=f"198.51.100.{n}").open(f"{n:05d}").status_code for n in range(1, 36)
    ]
    assert answers.count(422) == 30
    with time_machine.travel(clock.now() + timedelta(minutes=61)):
        assert visit.open("20099").status_code == 302


def test_who_types_anothers_mailbox_into_a_checkout_learns_nothing_about_him(app, world):
    """His own postcode and that mailbox are what the decision was told; the buyer's first order knows better."""
    at_home = {"line1": "Lange Reihe 7", "postcode": "20099", "city": "Hamburg", "country": "DE"}
    order = {
        "method": {"id": "cheque", "kind": "invoice"}, "currency": "EUR", "total_minor": 9_000, "billing": at_home,
        "buyer": {"email": "ada@example.com"}, "placed_at": "2026-10-20T10:00:00Z",
        "items": [{"quantity": 1, "unit_minor": 9_000}],
    }  # fmt: skip
    away = at_home | {"line1": "Hauptstraße 1", "postcode": "10827", "city": "Berlin"}
    client = app.test_client()
    assert client.put("/v1/orders/A-1", json=order, headers=world.auth).status_code == 201
    later = order | {"billing": away, "placed_at": "2026-11-20T10:00:00Z"}
    assert client.put("/v1/orders/A-2", json=later, headers=world.auth).status_code == 201
    decision = a_decision(app, world, buyer={"email": "ada@example.com"}, billing=away)
    visit = BuyerVisit(app, a_link(app, world, decision))
    for fact in ("10827", "ada@example.com"):
        answer = visit.open(fact)
        assert answer.status_code == 422
        assert "first order" in answer.text or "ersten Bestellung" in answer.text
    assert visit.ask("objection").status_code == 404
    assert visit.open("20099").status_code == 302


def test_patience_does_not_guess_a_postcode_either(app, visit):
    """Sixty tries a day: in the sixty days of a link that is less than half of Germany's postcodes."""
    answers = []
    for hour in range(4):
        with time_machine.travel(MORNING + timedelta(hours=hour)):
            visits = (BuyerVisit(app, visit.path, address=f"198.51.{hour}.{n}") for n in range(1, 21))
            answers += [one.open(f"{hour:02d}{n:03d}").status_code for n, one in enumerate(visits)]
    assert (answers.count(422), answers[60:]) == (60, [429] * 20)
    with time_machine.travel(MORNING + timedelta(days=1)):
        assert visit.open("20099").status_code == 302


def test_one_decision_open_does_not_open_another(app, world, inside):
    """Each link asks for itself, also in the same browser."""
    other = a_decision(app, world, reference="cart-2")
    inside.path = a_link(app, world, other)
    assert "Postleitzahl" in inside.get("?language=de").text
    assert inside.ask("person", text="x").status_code == 404


def test_half_an_hour_later_the_page_asks_again(inside):
    """A left computer is no open door; leaving closes at once."""
    with time_machine.travel(clock.now() + timedelta(minutes=31)):
        assert "604,90" not in inside.get().text
    inside.post("/leave")
    assert "604,90" not in inside.get().text


def test_wrong_links_look_alike_and_old_ones_say_that_they_have_ended(app, visit, world):
    """Nobody learns which merchants or decisions there are."""
    token = visit.path.removeprefix("/why/")
    flipped = ("B" if token[30] != "B" else "C").join((token[:30], token[31:]))
    for wrong in ("x", token[:-1], f"{token}A", flipped, "A" * 71, token.swapcase()):
        answer = app.test_client().get(f"/why/{wrong}?language=en")
        assert answer.status_code == 404, wrong
        assert "This link is not valid" in answer.text
    with time_machine.travel(clock.now() + timedelta(days=61)):
        assert visit.get().status_code == 410


def test_an_erased_buyer_has_no_page(services, world, inside):
    """Also where it stands open."""
    with services.db.transaction(world.merchant_id) as session:
        erasure.erase(session, session.scalars(select(Buyer.id)).one(), clock.now(), ())
    assert inside.get().status_code == 410


def test_a_buyer_whom_nothing_names_reads_the_decision_and_has_nothing_to_erase(app, world):
    """No second fact can be asked for, and nothing personal is stored."""
    decision = a_decision(app, world, buyer={}, billing={"country": "DE"})
    page = BuyerVisit(app, a_link(app, world, decision)).get("?language=de").text
    assert "nichts genannt, was Sie benennt" in page
    assert "Meine Daten" not in page


def test_pages_are_private_and_hold_nothing_inline(visit):
    """No referrer, no index, no cache, nothing from elsewhere."""
    visit.open()
    answer = visit.get()
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "noindex" in answer.headers["X-Robots-Tag"]
    assert answer.headers["Cache-Control"] == "no-store"
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert not re.search(r"<script|<style|\sstyle=|\son[a-z]+=", answer.text)


def test_a_form_without_its_proof_is_refused(visit):
    """Nobody makes a buyer object by a page of his own."""
    visit.open()
    answer = visit.client.post(f"{visit.path}/ask/objection", environ_overrides=visit.network)
    assert answer.status_code == 400


def test_what_was_told_is_escaped(app, world):
    """A name is text, whatever it holds."""
    buyer = {"email": "ada@example.com", "first_name": "<b>Ada</b>", "language": "de"}
    visit = BuyerVisit(app, a_link(app, world, a_decision(app, world, buyer=buyer, reference="<i>1")))
    visit.open()
    page = visit.get().text
    assert "<b>Ada" not in page
    assert "<i>1" not in page


# --- what he does


def test_he_asks_a_person_and_is_written_until_when(services, world, inside):
    """Proof, deadline and his words are kept; the mail goes to the address of the order."""
    assert inside.ask("person", text="Ich war drei Jahre im Ausland.").status_code == 302
    row = rows(services, world, RightsRequest)[0]
    assert (row.kind, row.state, row.asked_by, row.proof, row.live) == ("review", "open", "buyer", "postcode", True)
    assert timedelta(days=28) <= row.due_at - row.asked_at <= timedelta(days=32)
    assert b"Ausland" not in row.words_sealed
    (mail, state), *_ = mails(services, world)
    assert (mail.to, state) == ("ada@example.com", "queued")
    assert "spätestens am" in mail.body
    assert [event.action for event in rows(services, world, UserEvent)] == ["rights.review.asked"]
    assert "in Arbeit" in inside.get().text


def test_asking_twice_is_one_request(services, world, inside):
    """The page says that the answer is still to come."""
    inside.ask("person", text="eins")
    inside.ask("person", text="zwei")
    assert "schon gebeten" in inside.get().text
    assert len(rows(services, world, RightsRequest)) == 1


def test_he_proposes_what_is_right(services, world, inside):
    """Only what differs is a change."""
    form = {"phone": "+49 40 36902345", "billing_line1": "Lange Reihe 17", "billing_postcode": "20099"}
    form |= {
        "billing_city": "Hamburg",
        "delivery_line1": "Packstation 12",
        "delivery_postcode": "20095",
        "delivery_city": "Hamburg",
    }
    assert inside.ask("correction", **form).status_code == 302
    (row,) = rows(services, world, RightsRequest)
    assert row.kind == "correction"
    inside.ask("correction", **form)
    assert "schon gebeten" in inside.get().text


def test_he_objects_and_takes_it_back_at_once(app, services, world, inside):
    """The next checkout shows safe methods only, and says so; afterwards as before."""
    kinds = lambda: {offer["kind"] for offer in a_decision(app, world)["offers"] if offer["show"]}  # noqa: E731
    before = kinds()
    assert "invoice" in before
    inside.ask("objection")
    assert kinds() == {"card_3ds", "prepayment"}
    hidden = [offer for offer in a_decision(app, world)["offers"] if not offer["show"]]
    assert {reason["code"] for offer in hidden for reason in offer["reasons"]} == {"objection"}
    assert "Widerspruch zurücknehmen" in inside.get().text
    inside.ask("objection-end")
    assert kinds() == before
    assert [mail.subject.partition(": ")[2].partition(" (")[0] for mail, _ in mails(services, world)] == [
        "Ihr Widerspruch"
    ] * 2


def test_he_gets_his_data_by_a_link_to_his_mailbox_only(app, services, world, inside):
    """Page and JSON in a ZIP; the link from the shop does not download, and the mailed one asks for the second fact."""
    assert inside.get("/copy").status_code == 404
    inside.ask("access")
    (mail, _), *_ = mails(services, world)
    path = re.search(r"http://kulanz\.test(/why/\S+)", mail.body).group(1)
    mailed = BuyerVisit(app, path)
    assert mailed.get("/copy").status_code == 404
    mailed.open()
    assert "Herunterladen" in mailed.get("?language=de").text
    answer = mailed.get("/copy")
    assert answer.headers["Content-Type"] == "application/zip"
    assert "attachment" in answer.headers["Content-Disposition"]
    with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
        copy = json.loads(archive.read("data.json"))
        page = archive.read("data.html").decode()
    assert copy["decisions"][0]["told"]["buyer"]["email"] == "ada@example.com"
    assert "Lange Reihe 7" in page
    assert mailed.ask("person", text="x").status_code == 404, "a link is for one use"


def test_he_asks_for_erasure_and_somebody_confirms_it(services, world, inside):
    """Without the tick nothing happens; with it the desk has a request."""
    assert inside.ask("erasure").status_code == 422
    inside.ask("erasure", sure="y")
    (row,) = rows(services, world, RightsRequest)
    assert (row.kind, row.state) == ("erasure", "open")


def test_while_an_order_is_unpaid_erasure_is_refused_with_the_date(app, services, world, inside):
    """At once, and in writing."""
    order = {
        "method": {"id": "cheque", "kind": "invoice"},
        "currency": "EUR",
        "total_minor": 4_990,
        "placed_at": clock.now().isoformat(),
        "buyer": {"email": "ada@example.com"},
    }
    assert app.test_client().put("/v1/orders/A-1", json=order, headers=world.auth).status_code == 201
    inside.ask("erasure", sure="y")
    (row,) = rows(services, world, RightsRequest)
    assert (row.state, row.outcome) == ("answered", "refused")
    assert f"31.12.{clock.now().year + 3}" in mails(services, world)[0][0].body
    assert "eine Bestellung ist nicht bezahlt" in inside.get().text


def test_a_test_shop_writes_to_nobody(app, services):
    """And its buyers are not the live ones."""
    world = a_world(services, live=False)
    visit = BuyerVisit(app, a_link(app, world, a_decision(app, world)))
    visit.open()
    visit.ask("person", text="x")
    assert [state for _, state in mails(services, world)] == ["withheld"]
    assert ">Test<" in visit.get("?language=de").text or ">test<" in visit.get("?language=de").text
    assert [row.live for row in rows(services, world, RightsRequest)] == [False]


def test_a_day_has_twelve_requests_per_decision(inside):
    """Each may write an e-mail."""
    for _ in range(6):
        inside.ask("objection")
        inside.ask("objection-end")
    inside.ask("objection")
    assert "Zu viele Anfragen" in inside.get().text


def test_unknown_acts_do_not_exist(inside):
    """404, not 500."""
    assert inside.ask("nonsense").status_code == 404
    assert inside.get("/ask/person").status_code in (404, 405)
