"""The buyer's page in a browser: readable on a telephone, by keyboard, and without a word that hides in its background."""

import itertools

import pytest
import requests

from tests.browser.test_pages import CONTRAST, sign_in
from tests.rights_visits import RISKY

pytestmark = pytest.mark.slow
FORMS = ("person", "correction", "access", "erasure")


@pytest.fixture
def link(site):
    """The path of the page about an order that was offered no invoice."""
    auth = {"Authorization": f"Bearer {site.demo.api_key}"}
    question = RISKY | {
        "reference": "W-1001",
        "currency": "EUR",
        "shipping_minor": 490,
        "buyer": RISKY["buyer"] | {"first_name": "Ada", "last_name": "Muster"},
        "billing": {"line1": "Lange Reihe 7", "postcode": "20099", "city": "Hamburg", "country": "DE"},
        "methods": [
            {"id": "cheque", "kind": "invoice"},
            {"id": "stripe", "kind": "card_3ds"},
            {"id": "bacs", "kind": "prepayment"},
            {"id": "cod", "kind": "cash_on_delivery"},
        ],
    }
    asked = requests.post(f"{site.url}/v1/decisions", json=question, headers=auth, timeout=10)
    assert asked.status_code == 201, asked.text
    made = requests.post(f"{site.url}/v1/decisions/{asked.json()['id']}/explanation-link", headers=auth, timeout=10)
    return made.json()["url"].removeprefix("http://127.0.0.1")


def enter(page, fact="20099"):
    page.fill("#door-fact", fact)
    page.press("#door-fact", "Enter")
    page.wait_for_selector("#methods")


def unfold(page):
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")


UNLABELLED = """() => [...document.querySelectorAll('input:not([type=hidden]), textarea, select')]
  .filter((one) => !one.labels.length && !one.getAttribute('aria-label')).map((one) => one.name)"""
SMALL = """() => [...document.querySelectorAll('button, summary, input:not([type=hidden]), main a.btn')]
  .filter((one) => one.checkVisibility()).map((one) => [one.textContent.trim() || one.name, one.getBoundingClientRect()])
  .filter(([, box]) => Math.min(box.width, box.height) < 22).map(([name]) => name)"""
DUPLICATES = """() => { const ids = [...document.querySelectorAll('[id]:not([type=hidden])')].map((one) => one.id);
  return ids.filter((id, place) => ids.indexOf(id) !== place); }"""
DANGLING = """() => [...document.querySelectorAll('[aria-describedby], [aria-labelledby]')].flatMap((one) =>
  ((one.getAttribute('aria-describedby') ?? '') + ' ' + (one.getAttribute('aria-labelledby') ?? '')).trim().split(/\\s+/))
  .filter((id) => id && !document.getElementById(id))"""


@pytest.mark.parametrize("language", ["de", "en"])
@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_is_for_everybody(visit, link, width, language):
    """No wider than its window, every field labelled, targets large enough, headings in order, contrast 4.5 to 1."""
    page = visit(f"{link}?language={language}", width=width, reduced_motion="reduce")
    checked(page)
    enter(page)
    unfold(page)
    checked(page)
    levels = [
        int(tag[1]) for tag in page.evaluate("[...document.querySelectorAll('h1,h2,h3')].map((one) => one.tagName)")
    ]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


def checked(page):
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
    for fault in (UNLABELLED, SMALL, DUPLICATES, DANGLING, CONTRAST):
        assert page.evaluate(fault) == [], fault
    assert page.evaluate("window.violations") == []
    assert page.evaluate("document.documentElement.lang") in ("de", "en")


def test_a_person_is_asked_by_keyboard_alone(visit, link, site):
    """From the postcode to the sentence that says until when the answer comes; then a clerk grants it at the desk."""
    page = visit(link, width=390, expected=("422",))
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip-link"
    page.locator("#door-fact").focus()
    page.keyboard.type("00000")
    page.keyboard.press("Enter")
    page.wait_for_selector("#door-fact[aria-invalid]")
    enter(page)
    page.locator("summary", has_text="Einen Menschen entscheiden lassen").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type("Ich habe immer bezahlt.")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector(".flash.good")
    assert "bis zum" in page.locator(".flash.good").inner_text()
    desk = visit("/admin/reviews")
    sign_in(desk, site)
    desk.get_by_role("link", name="Prüfung durch einen Menschen").click()
    assert "Ich habe immer bezahlt." in desk.locator(".said").inner_text()
    desk.fill("#text", "Gern auf Rechnung.")
    desk.get_by_role("button", name="Für diese Bestellung zusagen").click()
    desk.wait_for_selector(".flash.good")
    page.reload()
    assert "Gern auf Rechnung." in page.locator(".why-requests").inner_text()


@pytest.mark.parametrize("width", [390, 1280])
def test_the_desk_pages_of_reviews_fit_too(visit, link, site, width):
    """List and request, with contrast and labels."""
    page = visit(link)
    enter(page)
    page.get_by_text("Meine Daten berichtigen").click()
    page.fill("#correct-phone", "+49 40 36902399")
    page.get_by_role("button", name="Berichtigung senden").click()
    page.wait_for_selector(".flash.good")
    desk = visit("/admin/reviews", width=width, reduced_motion="reduce")
    sign_in(desk, site)
    desk.wait_for_url("**/admin/reviews")
    checked(desk)
    desk.get_by_role("link", name="Berichtigung").click()
    desk.wait_for_selector("#words")
    checked(desk)
