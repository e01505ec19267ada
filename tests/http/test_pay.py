"""The debtor's page: opened by a link and a second fact, closed to everybody else; each form does what it says, once."""

import re
from datetime import timedelta

import pytest
import time_machine

from gateway.core import clock
from gateway.core.documents import Document
from gateway.core.ids import new_id, to_public
from gateway.core.remittance import qr_reference
from gateway.law import store
from gateway.merchants import secrets, senders
from gateway.receivables import debtor_acts, debtor_links, letter_facts, objections
from gateway.receivables import letters as letters_
from gateway.receivables.agreement_models import (
    CallTask,
    DebtorAct,
    DebtorFeedback,
    InstalmentPlan,
    Objection,
)
from gateway.receivables.letter_check import unlawful
from gateway.receivables.letter_model import Channel, Kind
from gateway.receivables.letter_models import Letter
from gateway.receivables.letters import Draft
from gateway.receivables.models import Claim, ClaimHold
from gateway.shops import erasure
from gateway.shops.identity import Address
from tests.builders import a_world
from tests.claims import Book
from tests.debtors import HOME, PDF, Debtor, DebtorVisitor, in_days, upload

ELSEWHERE = Address("Nebenweg 3", "", "80331", "München", "DE")
SENDER = {
    "legal_name": "Muster & Söhne GmbH",
    "street": "Hafenstraße",
    "house_number": "1",
    "postcode": "20457",
    "city": "Hamburg",
    "country": "DE",
    "iban": "DE89370400440532013000",
    "email": "shop@example.com",
}


@pytest.fixture
def debtor(services):
    return Debtor(services, a_world(services))


@pytest.fixture
def claim_id(debtor):
    return debtor.owes()


@pytest.fixture
def visit(app, debtor, claim_id):
    return DebtorVisitor(app, debtor.link())


@pytest.fixture
def inside(visit):
    assert visit.open().status_code == 302
    return visit


def letters(debtor):
    return [row.kind for row in debtor.rows(Letter)]


# --- the door


def test_the_link_alone_shows_nothing_about_the_debtor(visit):
    """Only which shop asks."""
    page = visit.get()
    assert page.status_code == 200
    assert "Musterladen" in page.text
    assert not any(word in page.text for word in ("124,90", "R-1001", "Wanderschuhe", "Ada", "20099"))


@pytest.mark.parametrize("fact", ["20099", " 200 99 ", "R-1001", "r 1001"])
def test_postcode_or_invoice_number_open_it(visit, fact):
    """Written as people write them; both stand in the letter."""
    assert visit.open(fact).status_code == 302
    page = visit.get("?language=de").text
    assert "124,90" in page
    assert "Wanderschuhe" in page


@pytest.mark.parametrize("fact", ["20098", "R-1002", "ada@example.com", "0", "  ", "-", "x" * 90, "20099' OR 1=1"])
def test_anything_else_does_not(visit, fact):
    """One sentence, whatever was wrong."""
    assert visit.open(fact).status_code == 422
    assert "124,90" not in visit.get().text


def test_guessing_ends_and_the_owner_is_let_in_again(app, visit):
    """Six tries per debtor and network in 15 minutes; then the page says whom to write to, and time opens it again."""
    answers = [visit.open(f"{code:05d}").status_code for code in range(8)]
    assert answers == [422] * 6 + [429] * 2
    assert visit.open().status_code == 429
    assert DebtorVisitor(app, visit.path, address="198.51.100.77").open().status_code == 302
    with time_machine.travel(clock.now() + timedelta(minutes=16)):
        assert visit.open().status_code == 302


def test_a_new_letter_brings_no_new_tries(app, debtor, visit):
    """Tries are counted for the debtor, not for each of his links."""
    for code in range(6):
        visit.open(f"{code:05d}")
    another = DebtorVisitor(app, debtor.link(clock.now() - timedelta(days=3)))
    assert another.open().status_code == 429


def test_a_crowd_gets_twenty_tries_an_hour(app, visit):
    """A postcode is not guessed from many networks at once, and the hour ends by itself."""
    tries = [DebtorVisitor(app, visit.path, address=f"198.51.100.{n}").open(f"{n:05d}") for n in range(1, 25)]
    assert [one.status_code for one in tries].count(422) == 20
    with time_machine.travel(clock.now() + timedelta(minutes=61)):
        assert visit.open().status_code == 302


def test_a_changed_link_opens_nothing(app, visit, debtor):
    """Every letter of the token counts: another debtor, another date, another code."""
    token = visit.path.removeprefix("/pay/")
    for place in range(0, len(token), 5):
        other = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        assert DebtorVisitor(app, f"/pay/{other}").get().status_code == 404, place
    for odd in ("x", "a" * 76, token + "A", token[:-1], "%2e%2e", token.lower()):
        assert DebtorVisitor(app, f"/pay/{odd}").get().status_code == 404


def test_another_merchants_key_makes_no_link(app, services, debtor, claim_id):
    """Who knows all ids and has a key of his own still cannot sign."""
    foreign = a_world(services)
    with services.db.transaction(foreign.merchant_id) as session:
        key = secrets.get_key(session, services.keyring, "index")
    url = debtor_links.link("", key, debtor.world.merchant_id, debtor.buyer_id, clock.now())
    assert DebtorVisitor(app, url).get().status_code == 404


def test_a_link_ends_with_its_date_and_with_a_revocation(app, debtor, visit, inside):
    """Half a year later, or when the merchant says so; the next letter has a new one, and the open page closes too."""
    with time_machine.travel(clock.now() + timedelta(days=181)):
        assert visit.get().status_code == 410
    with debtor.transaction() as session:
        debtor_acts.revoke_links(session, debtor.buyer_id, "user:test", clock.now())
    assert inside.get().status_code == 410
    with time_machine.travel(clock.now() + timedelta(seconds=5)):
        assert DebtorVisitor(app, debtor.link()).get().status_code == 200


def test_who_types_anothers_mailbox_into_a_checkout_does_not_see_his_invoices(app, debtor, claim_id):
    """The link in the stranger's letter opens with his own postcode, and shows what goes to that address only."""
    debtor.owes(5000, "R-2002", home=ELSEWHERE)
    stranger = DebtorVisitor(app, debtor.link())
    assert stranger.open("80331").status_code == 302
    page = stranger.get("?language=de").text
    assert "R-2002" in page
    assert "R-1001" not in page
    assert "124,90" not in page
    assert "weitere Rechnungen" in page
    assert stranger.post(form={"fact": "20099"}, page="/more").status_code == 302
    assert "R-1001" in stranger.get().text


def test_nothing_of_it_is_kept_by_a_browser_or_told_to_others(inside):
    """No cache, no referrer, no index, no script but ours, in nobody's frame, and a way to close it on this device."""
    answer = inside.get()
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "noindex" in answer.headers["X-Robots-Tag"]
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert not re.findall(r'(?:src|href|action)="https?://', answer.text)
    assert inside.post("/leave", page="").status_code == 302
    assert "124,90" not in inside.get().text


def test_half_an_hour_later_the_fact_is_asked_again(inside):
    """A forgotten telephone shows nothing."""
    with time_machine.travel(clock.now() + timedelta(minutes=31)):
        assert "124,90" not in inside.get().text


@pytest.mark.parametrize(
    "name", ["split", "later", "object", "transfer", "paid", "call", "contact", "help", "feedback"]
)
def test_no_page_behind_the_door_opens_without_the_fact(visit, name):
    """Nor does any form count."""
    assert visit.get(f"/{name}").status_code == 404
    assert visit.post(f"/{name}", {"grade": "1"}, page="").status_code in (404, 405)


def test_a_form_without_its_proof_changes_nothing(inside, debtor):
    """Sent from somebody else's page."""
    answer = inside.client.post(f"{inside.path}/feedback", data={"grade": "1"}, environ_overrides=inside.network)
    assert answer.status_code == 400
    assert not debtor.rows(DebtorFeedback)


def test_an_erased_debtor_has_no_page(inside, debtor, services):
    """His key is gone, and with it whatever could be shown."""
    with debtor.transaction() as session:
        erasure.erase(session, debtor.buyer_id, clock.now(), ())
    assert inside.get().status_code == 410


# --- what it shows


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("de", ("Offen sind", "Etwas stimmt nicht", "In Raten zahlen", "Fällig am")),
        ("en", ("You owe", "Something is wrong", "Pay in instalments", "Due on")),
        ("fr", ("Vous devez", "Il y a une erreur", "Payer en plusieurs fois", "À payer le")),
        ("it", ("Deve pagare", "Qualcosa non va", "Pagare a rate", "Da pagare il")),
    ],
)
def test_it_speaks_four_languages(inside, language, words):
    """And says so to a screen reader."""
    page = inside.get(f"?language={language}").text
    assert f'<html lang="{language}">' in page
    assert not [word for word in words if word not in page]


def test_what_is_owed_is_told_line_by_line(inside, debtor, claim_id):
    """Price, interest that ran since default, and what it is for."""
    page = inside.get("?language=de").text
    assert "Preis Ihrer Bestellung" in page
    assert "Verzugszinsen" in page
    assert "ohne Zinseszins" in page
    assert debtor.claim(claim_id).reference in page


def test_the_invoice_is_there_as_it_was_sent(inside, debtor):
    """As an attachment that runs nothing."""
    document = next(row for row in debtor.rows(Document) if row.purpose == "invoice")
    answer = inside.get(f"/files/{to_public('doc', document.id)}")
    assert answer.data.startswith(PDF)
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_files_of_others_do_not_exist(app, services, debtor, inside):
    """Neither another debtor's invoice nor one of his own that another fact opens."""
    debtor.owes(5000, "R-2002", home=ELSEWHERE)
    other = Debtor(services, debtor.world, email="eve@example.com", home=ELSEWHERE)
    other.owes(700, "R-3003")
    shown = {row.id for row in debtor.rows(Document)}
    answers = [inside.get(f"/files/{to_public('doc', id_)}").status_code for id_ in sorted(shown)]
    assert answers.count(200) == 1
    assert answers.count(404) == 2
    assert inside.get(f"/files/{to_public('doc', new_id())}").status_code == 404
    assert inside.get("/files/..%2f..%2fetc").status_code == 404


def test_names_and_words_are_never_markup(app, services, debtor):
    """An invoice number, an article and a shop that try."""
    debtor.owes(900, '"><script>alert(1)</script>')
    visit = DebtorVisitor(app, debtor.link())
    assert visit.open().status_code == 302
    page = visit.get().text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


def test_the_transfer_is_there_to_copy_and_to_scan(inside, debtor, services, claim_id):
    """Account of the merchant, amount, the reference that finds the claim, and the GiroCode as an image of lines."""
    assert "Konto, das im Brief steht" in inside.get("/transfer?language=de").text
    with debtor.transaction() as session:
        senders.save(session, services.keyring, SENDER, "test", clock.now())
    page = inside.get("/transfer?language=de").text
    assert "DE89 3704 0044 0532 0130 00" in page
    assert f'data-copy="{debtor.claim(claim_id).reference}"' in page
    assert "<svg" in page
    assert "Muster &amp; Söhne GmbH" in page


SWISS = {
    "legal_name": "Bergkaffee AG",
    "street": "Bahnhofstrasse",
    "postcode": "8001",
    "city": "Zürich",
    "country": "CH",
}


def swiss_page(debtor, services, app, **accounts):
    """The page of somebody who owes francs, and his claim."""
    claim_id = debtor.owes(12_490, "R-CH", currency="CHF", country="CH", region="ZH")
    with debtor.transaction() as session:
        senders.save(session, services.keyring, SENDER | SWISS | accounts, "test", clock.now())
    visit = DebtorVisitor(app, debtor.link())
    visit.open()
    return visit.get("/transfer?language=de").text, debtor.claim(claim_id)


@pytest.mark.parametrize("iban", ["DE89370400440532013000", "CH9300762011623852957"])
def test_francs_go_to_the_qr_iban_with_a_qr_reference(app, services, iban):
    """With only a QR-IBAN beside a German account too."""
    page, claim = swiss_page(
        Debtor(services, a_world(services)), services, app, iban=iban, qr_iban="CH4431999123000889012"
    )
    assert 'data-copy="CH4431999123000889012"' in page
    assert f'data-copy="{qr_reference(claim.reference[2:])}"' in page
    assert 'viewBox="0 0 56 56"' in page


def test_francs_go_to_an_ordinary_iban_with_the_claims_own_reference(app, services):
    page, claim = swiss_page(Debtor(services, a_world(services)), services, app, iban="CH9300762011623852957")
    assert 'data-copy="CH9300762011623852957"' in page
    assert f'data-copy="{claim.reference}"' in page
    assert 'viewBox="0 0 56 56"' in page


def test_several_invoices_can_be_paid_together_under_the_first_ones_reference(inside, debtor, services, claim_id):
    """And each alone under its own."""
    second = debtor.owes(1_000, "R-1002", in_default=False)
    with debtor.transaction() as session:
        senders.save(session, services.keyring, SENDER, "test", clock.now())
    page = inside.get("/transfer?language=de").text
    copied = re.findall(r'data-copy="(RF[^"]+)"', page)
    first = debtor.claim(claim_id).reference
    assert copied == [first, first, debtor.claim(second).reference]
    assert "Alles zusammen" in page


# --- pay in instalments


def test_dates_and_amounts_are_seen_before_anything_is_agreed(inside, debtor):
    """Then one button; the plan, its letter and the claim's state are there, and nothing costs anything."""
    chosen = f"?rates=3&rhythm=monthly&first_due={in_days(10)}"
    page = inside.get(f"/split{chosen}&language=de")
    assert page.status_code == 200
    assert len(re.findall(r"<li><span>", page.text)) == 3
    assert not debtor.rows(InstalmentPlan)
    form = {"rates": "3", "rhythm": "monthly", "first_due": in_days(10).isoformat()}
    assert inside.post("/split", form, page=f"/split{chosen}").status_code == 302
    plan = debtor.rows(InstalmentPlan)[0]
    assert plan.state == "RUNNING"
    assert plan.agreed_by == f"buyer:{debtor.buyer_id}"
    assert [row.state for row in debtor.rows(Claim)] == ["INSTALMENTS"]
    assert letters(debtor) == ["plan"]
    assert "Vereinbart: 3 Raten" in inside.get("?language=de").text


@pytest.mark.parametrize(
    ("rates", "days"),
    [("0", 10), ("1", 10), ("500", 10), ("13", 10), ("3", -5), ("3", 0), ("3", 400), ("x", 10), ("", 10)],
)
def test_a_plan_beyond_the_limits_is_a_clear_answer_and_changes_nothing(inside, debtor, claim_id, rates, days):
    """0 or 500 instalments, instalments below the least, a first one in the past."""
    before = debtor.claim(claim_id).updated_at
    form = {"rates": rates, "rhythm": "monthly", "first_due": in_days(days).isoformat()}
    answer = inside.post("/split", form, page="/later")
    assert answer.status_code == 422
    assert "pay-faults" in answer.text
    assert not debtor.rows(InstalmentPlan)
    assert not debtor.rows(DebtorAct)
    assert debtor.claim(claim_id).updated_at == before


def test_before_default_instalments_are_refused_and_the_reason_is_told(app, services):
    """They would be consumer credit; a promise or more time is not."""
    debtor = Debtor(services, a_world(services))
    debtor.owes(in_default=False)
    visit = DebtorVisitor(app, debtor.link())
    visit.open()
    form = {"rates": "3", "rhythm": "monthly", "first_due": in_days(10).isoformat()}
    assert visit.post("/split", form, page="/later").status_code == 302
    assert "sobald die Zahlung in Verzug ist" in visit.get("?language=de").text
    assert not debtor.rows(InstalmentPlan)


# --- pay later


def test_more_time_is_free_and_given_once(inside, debtor):
    """A hold until the day, a letter, and no second deferral."""
    assert inside.post("/defer", {"until_on": in_days(14).isoformat()}, page="/later").status_code == 302
    hold = debtor.rows(ClaimHold)[0]
    assert (hold.reason, hold.until_on) == ("deferral", in_days(14))
    assert letters(debtor) == ["deferral"]
    assert inside.post("/defer", {"until_on": in_days(20).isoformat()}, page="/later").status_code == 302
    assert "nicht möglich" in inside.get("?language=de").text
    assert len(debtor.rows(ClaimHold)) == 1


def test_a_promise_holds_dunning_until_the_day(inside, debtor):
    """With its amount, and some days for the bank."""
    form = {"pay_on": in_days(7).isoformat(), "amount": "50,00"}
    assert inside.post("/promise", form, page="/later").status_code == 302
    hold = debtor.rows(ClaimHold)[0]
    assert (hold.reason, hold.amount_minor, hold.until_on) == ("promise", 5000, in_days(7))


@pytest.mark.parametrize(
    "form",
    [
        {"pay_on": in_days(-1).isoformat(), "amount": "50"},
        {"pay_on": in_days(90).isoformat(), "amount": "50"},
        {"pay_on": in_days(5).isoformat(), "amount": "0"},
        {"pay_on": in_days(5).isoformat(), "amount": "999999"},
        {"pay_on": in_days(5).isoformat(), "amount": "fifty"},
        {"pay_on": in_days(5).isoformat(), "amount": "-5"},
        {"pay_on": "31.02.2026", "amount": "5"},
        {},
    ],
)
def test_a_promise_that_cannot_be_is_told_beside_its_field(inside, debtor, form):
    """And nothing is changed."""
    answer = inside.post("/promise", form, page="/later")
    assert answer.status_code == 422
    assert "fault" in answer.text
    assert not debtor.rows(ClaimHold)


# --- something is wrong


def test_an_objection_stops_everything_at_once(inside, debtor, claim_id):
    """Words and file are sealed, the claim is disputed, he gets it in writing and sees until when he is answered."""
    form = {"category": "not_received", "words": "Nie angekommen <b>", "files": [upload()]}
    assert inside.post("/object", form).status_code == 302
    row = debtor.rows(Objection)[0]
    assert debtor.claim(claim_id).state == "DISPUTED"
    assert row.channel == "portal"
    assert letters(debtor) == ["objection_received"]
    with debtor.transaction() as session:
        seen = objections.get(session, debtor.services.keyring, row.id)
    assert seen.words == "Nie angekommen <b>"
    assert seen.file_names == ("beleg.pdf",)
    page = inside.get("?language=de").text
    assert "Ihr Einwand wird geprüft" in page
    assert "In Raten zahlen" not in page


def test_the_objection_can_be_taken_back(inside, debtor, claim_id):
    """By its form on the page; once."""
    inside.post("/object", {"category": "defective"})
    row = debtor.rows(Objection)[0]
    path = f"/objections/{to_public('obj', row.id)}/withdraw"
    assert inside.post(path, page="").status_code == 302
    assert debtor.rows(Objection)[0].state == "WITHDRAWN"
    assert debtor.claim(claim_id).state == "DUNNING"
    assert inside.post(path, page="").status_code == 404


def test_only_a_part_may_be_disputed(inside, debtor):
    """An amount up to what is owed."""
    assert inside.post("/object", {"category": "wrong_amount", "amount": "9999"}).status_code == 422
    assert inside.post("/object", {"category": "wrong_amount", "amount": "20,50"}).status_code == 302
    assert debtor.rows(Objection)[0].amount_minor == 2050


@pytest.mark.parametrize(
    ("content", "name", "kind"),
    [
        (b"MZ\x90\x00\x03" * 20, "beleg.pdf", "application/pdf"),
        (b"<!doctype html><script>alert(1)</script>", "beleg.html", "text/html"),
        (b"<html>", "bild.png", "image/png"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "bild.svg", "image/svg+xml"),
        (b"PK\x03\x04" + b"\0" * 100, "bilder.zip", "application/zip"),
        (b"", "leer.pdf", "application/pdf"),
        (b"#!/bin/sh\nrm", "x.jpeg", "image/jpeg"),
    ],
)
def test_what_is_no_document_is_refused_by_its_bytes_and_nothing_changes(inside, debtor, claim_id, content, name, kind):
    """Whatever it calls itself; the claim is not disputed by half a form."""
    answer = inside.post("/object", {"category": "defective", "files": [upload(content, name, kind)]})
    assert answer.status_code == 422
    assert not debtor.rows(Objection)
    assert debtor.claim(claim_id).state == "OPEN"


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (PDF, "application/pdf"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 20, "image/png"),
        (b"\xff\xd8\xff\xe0" + b"\0" * 20, "image/jpeg"),
        (b"\0\0\0\x18ftypheic" + b"\0" * 20, "image/heic"),
    ],
)
def test_documents_and_photographs_are_taken_as_what_they_are(inside, debtor, content, media_type):
    """A telephone's HEIC too, and a lying media type does not matter."""
    form = {"category": "defective", "files": [upload(content, "../../<img>.exe", "application/octet-stream")]}
    assert inside.post("/object", form).status_code == 302
    kept = next(row for row in debtor.rows(Document) if row.purpose == "objection")
    assert kept.media_type == media_type


def test_too_much_is_too_much(inside, debtor):
    """Six files, and a body of twelve megabytes."""
    six = [upload(PDF + bytes([n]), f"{n}.pdf") for n in range(6)]
    assert inside.post("/object", {"category": "defective", "files": six}).status_code == 422
    body = b"--x\r\n" + b"0" * (12 * 1024 * 1024)
    kind = "multipart/form-data; boundary=x"
    heavy = inside.client.post(f"{inside.path}/object", data=body, content_type=kind, environ_overrides=inside.network)
    assert heavy.status_code == 413
    assert heavy.mimetype == "text/html"
    assert not debtor.rows(Objection)


def test_another_debtors_claim_cannot_be_disputed(app, services, debtor, claim_id, inside):
    """Nor one of his own that he has not opened: a choice that is not offered is none."""
    foreign = Debtor(services, debtor.world, email="eve@example.com", home=ELSEWHERE)
    theirs = foreign.owes(900, "R-3003")
    debtor.owes(5000, "R-1009")
    answer = inside.post("/object", {"category": "defective", "claim": theirs.hex})
    assert answer.status_code == 422
    assert not debtor.rows(Objection)


# --- everything else


def test_a_proof_of_payment_holds_dunning_until_somebody_looked(inside, debtor):
    """With the document it rests on; without a file nothing is sent."""
    assert inside.post("/paid", {"words": "gestern"}).status_code == 422
    assert inside.post("/paid", {"files": [upload()], "words": "gestern"}).status_code == 302
    hold = debtor.rows(ClaimHold)[0]
    assert (hold.reason, hold.until_on) == ("probable_payment", None)
    assert hold.cause.startswith("document:")
    assert "Wir prüfen" in inside.get("?language=de").text


def test_a_call_is_asked_for_once_per_form(inside, debtor):
    """The number is sealed."""
    assert inside.post("/call", {"phone": "keine"}).status_code == 422
    assert inside.post("/call", {"phone": "+49 40 123456", "when": "abends"}).status_code == 302
    task = debtor.rows(CallTask)[0]
    assert task.cause.startswith("asked:")
    assert b"123456" not in task.wish_sealed


def test_a_new_address_is_where_the_next_letter_goes(inside, debtor, claim_id, app):
    """All three fields or none; it opens the page from then on, and is sealed."""
    assert inside.post("/contact", {"line1": "Neue Gasse 1"}).status_code == 422
    assert inside.post("/contact", {}).status_code == 422
    form = {"line1": "Neue Gasse 1", "postcode": "50667", "city": "Köln", "email": "neu@example.com"}
    assert inside.post("/contact", form).status_code == 302
    assert debtor.claim(claim_id).contact_sealed is not None
    assert DebtorVisitor(app, inside.path, address="192.0.2.9").open("50667").status_code == 302


@pytest.mark.parametrize("reason", ["hardship", "insolvency", "guardianship", "death"])
def test_whoever_cannot_pay_is_left_in_peace(inside, debtor, reason):
    """Hardship for some weeks, the other three until somebody lifts it; free advice is named."""
    assert "Schuldnerberatung" in inside.get("/help?language=de").text
    assert inside.post("/help", {"reason": reason, "words": "Krank."}).status_code == 302
    hold = debtor.rows(ClaimHold)[0]
    assert hold.reason == reason
    assert (hold.until_on is None) == (reason != "hardship")


def test_feedback_is_kept_and_changes_nothing_else(inside, debtor, claim_id):
    """One to five."""
    assert inside.post("/feedback", {"grade": "6"}).status_code == 422
    assert inside.post("/feedback", {"grade": "2", "words": "Zu viele Briefe"}).status_code == 302
    row = debtor.rows(DebtorFeedback)[0]
    assert row.grade == 2
    assert debtor.claim(claim_id).state == "OPEN"


@pytest.mark.parametrize(
    ("name", "page", "form", "table"),
    [
        ("split", "/call", {"rates": "3", "rhythm": "monthly", "first_due": in_days(9).isoformat()}, InstalmentPlan),
        ("promise", "/later", {"pay_on": in_days(9).isoformat(), "amount": "10"}, ClaimHold),
        ("object", "/object", {"category": "other"}, Objection),
        ("call", "/call", {"phone": "040 123456"}, CallTask),
        ("feedback", "/feedback", {"grade": "5"}, DebtorFeedback),
    ],
)
def test_a_form_sent_twice_counts_once(inside, debtor, name, page, form, table):
    """A double click, a reload, a replay."""
    shown = inside.get(page).text
    once = re.search(r'name="once"[^>]*value="([^"]+)"', shown).group(1)
    proof = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', shown).group(1)
    if name == "promise":
        once = re.findall(r'name="once"[^>]*value="([^"]+)"', shown)[1]
    for _ in range(3):
        data = form | {"once": once, "csrf_token": proof}
        inside.client.post(f"{inside.path}/{name}", data=data, environ_overrides=inside.network)
    assert len(debtor.rows(table)) == 1


def test_a_paid_claim_asks_for_nothing(inside, debtor, claim_id):
    """The page says so and offers no way to pay."""
    book = Book(debtor.services, debtor.world)
    book.pay(claim_id, 20_000, clock.now().date(), now=clock.now())
    page = inside.get("?language=de").text
    assert "Nichts ist offen" in page
    assert "pay-way" not in page


# --- somebody who ordered under another's mailbox


def test_a_new_address_opens_nobody_elses_invoices(app, debtor, claim_id):
    """Who sees his own invoice and names the postcode of the other as his new one still sees his own only."""
    mine = debtor.owes(5_000, "X-1", home=ELSEWHERE)
    visit = DebtorVisitor(app, debtor.link())
    assert visit.open("80331").status_code == 302
    told = {"email": "", "line1": "Lange Reihe 7", "postcode": HOME.postcode, "city": "Hamburg"}
    assert visit.post("/contact", told).status_code == 302
    page = visit.get().text
    assert "X-1" in page
    assert "R-1001" not in page
    assert debtor.claim(mine).contact_sealed
    assert not debtor.claim(claim_id).contact_sealed


@pytest.mark.parametrize(("channel", "goes_to"), [("email", "ada@example.com"), ("post", None)])
def test_a_letter_about_both_goes_to_no_new_address_of_one(app, debtor, claim_id, channel, goes_to):
    """By e-mail to the mailbox both orders named; on paper to nobody until the merchant has said where."""
    other = debtor.owes(5_000, "X-1", home=ELSEWHERE)
    visit = DebtorVisitor(app, debtor.link())
    visit.open("80331")
    visit.post("/contact", {"email": "thief@example.com"})
    with debtor.transaction() as session:
        senders.save(session, debtor.services.keyring, SENDER, "test", clock.now())
        draft = Draft(Kind.REMINDER, (claim_id, other), clock.now(), channel=Channel(channel))
        letter = letters_.get(session, letters_.draft(session, draft, store.load(session)))
        made = letter_facts.gather(session, debtor.keys, letter, "https://x.example", store.load(session))
    found = {one.code for one in unlawful(made.model, made.facts)}
    assert made.model.recipient.email == "ada@example.com"
    assert ("homes-differ" in found) is (goes_to is None)
