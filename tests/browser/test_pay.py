"""The debtor's page in a browser: every way out in a few steps, on a telephone, by keyboard, without a script."""

import itertools

import pytest

from gateway.core import clock
from gateway.merchants import senders
from gateway.receivables.agreement_models import CallTask, DebtorFeedback, InstalmentPlan, Objection
from gateway.receivables.models import ClaimHold
from tests.browser.test_pages import CONTRAST, sign_in
from tests.browser.test_portal import DANGLING, DUPLICATES, SMALL, UNLABELLED
from tests.builders import World
from tests.debtors import PDF, Debtor, in_days
from tests.http.test_pay import SENDER

pytestmark = pytest.mark.slow
PAGES = ("", "/transfer", "/split", "/later", "/object", "/paid", "/call", "/contact", "/help", "/feedback")
HIDDEN_BY_DEFAULT = "() => [...document.querySelectorAll('input:checked, option[selected]')].map((one) => one.name)"
MOST_STEPS = 5
"""Of a way out: opening the page, choosing, filling in, sending. A minute is enough for each."""


@pytest.fixture
def debtor(site):
    made = Debtor(site.services, World(site.demo.merchant_id, site.demo.shop_id, ""))
    with made.transaction() as session:
        senders.save(session, site.services.keyring, SENDER, "test", clock.now())
    made.owes()
    return made


class Walk:
    """Somebody with a letter in his hand, and how many steps he has taken."""

    def __init__(self, visit, debtor, **options):
        self.link, self.steps = debtor.link(), 0
        self.page = visit(f"{self.link}?language=de", **({"width": 390} | options))
        self.page.fill("#f-fact", "20099")
        self.click("Seite öffnen")

    def click(self, name):
        self.steps += 1
        self.page.locator("main").get_by_role("button", name=name, exact=True).or_(
            self.page.locator("main").get_by_role("link", name=name)
        ).first.click()
        self.page.wait_for_load_state()

    def done(self):
        self.page.wait_for_selector(".flash.good")
        assert self.steps <= MOST_STEPS
        return self.page.locator(".flash.good").inner_text()


def checked(page):
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
    for fault in (UNLABELLED, SMALL, DUPLICATES, DANGLING, CONTRAST):
        assert page.evaluate(fault) == [], fault
    assert page.evaluate("window.violations") == []
    levels = [
        int(tag[1]) for tag in page.evaluate("[...document.querySelectorAll('h1,h2,h3')].map((one) => one.tagName)")
    ]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


@pytest.mark.parametrize(("width", "language"), [(390, "de"), (390, "fr"), (1280, "it"), (1280, "en")])
def test_every_page_is_for_everybody(visit, debtor, width, language):
    """No wider than its window, fields labelled, targets large, headings in order, contrast 4.5 to 1, nothing pre-ticked."""
    link = debtor.link()
    page = visit(f"{link}?language={language}", width=width, reduced_motion="reduce")
    checked(page)
    page.fill("#f-fact", "R-1001")
    page.press("#f-fact", "Enter")
    page.wait_for_selector(".pay-ways")
    base = page.url.partition("/pay/")[0]
    for name in PAGES:
        page.goto(f"{base}{link}{name}")
        checked(page)
        assert page.evaluate("document.documentElement.lang") == language
        assert [
            one for one in page.evaluate(HIDDEN_BY_DEFAULT) if one in ("category", "reason", "grade", "claim")
        ] == []


def test_objecting_is_as_visible_as_paying(visit, debtor):
    """Same size, same weight, side by side above everything else."""
    walk = Walk(visit, debtor)
    boxes = [one.bounding_box() for one in walk.page.locator(".pay-way").all()]
    assert len(boxes) == 4
    assert len({round(box["width"]) for box in boxes}) == 1
    assert boxes[0]["y"] == boxes[1]["y"]
    assert boxes[0]["height"] == boxes[1]["height"]


def test_pay_in_three_instalments(visit, debtor):
    """Dates and amounts first, then one yes; no is beside it and as large."""
    walk = Walk(visit, debtor)
    walk.click("In Raten zahlen")
    walk.page.select_option("#f-rates", "3")
    walk.click("Termine zeigen")
    assert walk.page.locator(".pay-rates li").count() == 3
    yes, no = (walk.page.locator(".pay-buttons .btn").nth(n).bounding_box() for n in (0, 1))
    assert abs(yes["height"] - no["height"]) < 1
    walk.click("Diesen Raten zustimmen")
    assert "3 Raten" in walk.done()
    assert len(debtor.rows(InstalmentPlan)) == 1


def test_object_with_a_file_and_take_it_back(visit, debtor):
    """Two ticks, a file, sent; then withdrawn as easily."""
    walk = Walk(visit, debtor)
    walk.click("Etwas stimmt nicht")
    walk.page.get_by_label("Die Ware ist nicht angekommen").check()
    walk.page.set_input_files("#f-files", {"name": "beleg.pdf", "mimeType": "application/pdf", "buffer": PDF})
    walk.click("Widersprechen")
    assert "angekommen" in walk.done()
    assert debtor.rows(Objection)[0].state == "OPEN"
    walk.page.locator("summary").click()
    walk.click("Zurücknehmen")
    walk.page.wait_for_selector("text=zurückgenommen")
    assert debtor.rows(Objection)[0].state == "WITHDRAWN"


def test_more_time_and_a_promise(visit, debtor):
    """Each one day and one button."""
    walk = Walk(visit, debtor)
    walk.click("Später zahlen")
    walk.page.fill("#f-pay_on", in_days(7).isoformat())
    walk.click("Zusagen")
    assert "nicht gemahnt" in walk.done()
    walk = Walk(visit, debtor)
    walk.click("Später zahlen")
    walk.page.fill("#f-until_on", in_days(7).isoformat())
    walk.click("Um mehr Zeit bitten")
    assert "kostenlos" in walk.done()
    assert [row.reason for row in debtor.rows(ClaimHold)] == ["promise", "deferral"]


def test_pay_by_code_or_by_copying(visit, debtor):
    """The code is there, and the copy buttons work where there is a clipboard."""
    walk = Walk(visit, debtor, permissions=["clipboard-read", "clipboard-write"])
    walk.click("Zahlen")
    assert walk.page.locator(".pay-code svg").is_visible()
    walk.page.get_by_role("button", name="Kopieren IBAN").click()
    assert walk.page.evaluate("navigator.clipboard.readText()") == SENDER["iban"]


@pytest.mark.parametrize("width", [390, 1280])
def test_francs_are_paid_by_a_swiss_qr_code_of_46_millimetres(visit, debtor, site, width):
    """46 of the 56 millimetres drawn; 96 points are an inch."""
    debtor.owes(20_000, "R-CHF", currency="CHF", country="CH")
    with debtor.transaction() as session:
        told = SENDER | {"qr_iban": "CH4431999123000889012", "swiss_iban": "CH9300762011623852957"}
        senders.save(session, site.services.keyring, told, "test", clock.now())
    walk = Walk(visit, debtor, width=width)
    walk.click("Zahlen")
    box = walk.page.locator(".pay-code.swiss svg").bounding_box()
    assert abs(box["width"] - 56 / 25.4 * 96) < 1
    checked(walk.page)


def test_the_other_ways_out_are_as_short(visit, debtor):
    """Call, help, proof of payment, new address, opinion."""
    for link, fill, button in (
        ("Bitte rufen Sie mich an", lambda page: page.fill("#f-phone", "040 123456"), "Um den Anruf bitten"),
        ("Ich kann nicht zahlen", lambda page: page.get_by_label("Ich kann zurzeit").check(), "Dem Shop mitteilen"),
        ("Meine Adresse", lambda page: page.fill("#f-email", "neu@example.com"), "Speichern"),
        ("Sagen Sie uns", lambda page: page.get_by_label("sehr gut").check(), "Senden"),
    ):
        walk = Walk(visit, debtor)
        walk.click(link)
        fill(walk.page)
        walk.click(button)
        assert walk.done()
    assert len(debtor.rows(CallTask)) == 1
    assert len(debtor.rows(DebtorFeedback)) == 1


def test_it_works_by_keyboard_and_without_a_script(visit, debtor):
    """Errors are told, linked and lead to their field."""
    page = visit(f"{debtor.link()}?language=de", width=390, java_script_enabled=False, expected=("422",))
    page.fill("#f-fact", "20099")
    page.press("#f-fact", "Enter")
    page.get_by_role("link", name="Etwas stimmt nicht").press("Enter")
    page.get_by_role("button", name="Widersprechen").press("Enter")
    page.get_by_role("link", name="Was stimmt nicht?").click()
    assert page.url.endswith("#f-category")
    page.get_by_label("Etwas anderes").check()
    page.get_by_role("button", name="Widersprechen").press("Enter")
    assert "angekommen" in page.locator(".flash.good").inner_text()
    assert len(debtor.rows(Objection)) == 1


@pytest.mark.parametrize("width", [390, 1280])
def test_the_desk_answers_an_objection(visit, site, debtor, width):
    """Queue, objection, answer; plans and feedback fit too."""
    walk = Walk(visit, debtor)
    walk.click("Etwas stimmt nicht")
    walk.page.get_by_label("Der Betrag stimmt nicht").check()
    walk.click("Widersprechen")
    desk = visit("/admin/objections", width=width, reduced_motion="reduce")
    sign_in(desk, site)
    desk.wait_for_url("**/admin/objections")
    proof = Walk(visit, debtor)
    proof.click("Ich habe schon gezahlt")
    proof.page.set_input_files("input[type=file]", {"name": "beleg.pdf", "mimeType": "application/pdf", "buffer": PDF})
    proof.click("Beleg senden")
    assert proof.done()
    for path in ("plans", "feedback", "told", "objections"):
        desk.goto(f"{site.url}/admin/{path}")
        checked(desk)
    desk.get_by_role("link", name="Falscher Betrag").click()
    desk.wait_for_selector("#the-answer")
    checked(desk)
    desk.locator("textarea[name=answer]").fill("Der Preis ist richtig.")
    desk.locator("textarea[name=grounds]").fill("Bestellung geprüft")
    desk.get_by_role("button", name="Zurückweisen").click()
    desk.wait_for_selector(".flash.good")
    assert debtor.rows(Objection)[0].state == "REJECTED"
