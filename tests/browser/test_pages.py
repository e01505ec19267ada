"""The pages in a browser: the demo reacts at once, the desk opens to the right password, everything by keyboard."""

import pytest

pytestmark = pytest.mark.slow
PAGES = (
    "decisions reviews objections plans feedback orders claims claims/terms letters letters/sender lists policies dunning"
    " dunning/coming calls notices messages keys people log"
)


def sign_in(page, site, password=""):
    page.fill("#email", site.demo.admin_email)
    page.fill("#password", password or site.demo.admin_password)
    page.press("#password", "Enter")


def menu(page):
    return page.locator("#menu .pay-name").all_inner_texts()


def choose(page, selector):
    """Set a choice and wait for the gateway's answer."""
    with page.expect_response(lambda answer: answer.url.endswith("/demo/decision")) as answered:
        page.locator(selector).check(force=True)
    assert answered.value.ok
    page.wait_for_selector("form:not([aria-busy])")


def test_the_demo_decides_again_with_every_change(visit):
    """No reload: menu, deposits and reasons follow the buyer and the basket."""
    page = visit("/demo")
    assert page.locator("#recalculate").is_hidden()
    choose(page, "input[value=regular]")
    assert "Kauf auf Rechnung" in menu(page)
    choose(page, "input[value=blocked]")
    assert "Kauf auf Rechnung" not in menu(page)
    assert "Auf Ihrer Sperrliste." in page.locator("#panel").inner_text()
    choose(page, "input[value=camera]")
    assert "899,00" in page.locator("#sum").inner_text()
    page.get_by_text("Was es weiß").click()
    choose(page, "input[value=overdue]")
    assert page.locator("#panel details").first.get_attribute("open") is not None, "what was open stays open"
    assert "189,90" in page.locator("#panel details").first.inner_text()


@pytest.mark.parametrize("width", [1280, 390])
def test_a_visitor_places_the_order_and_is_answered_without_a_reload(visit, width):
    """Whatever the sandbox bureau says: confirmed, with a deposit, or other methods to choose from."""
    page = visit("/demo", width=width)
    choose(page, "input[value=regular]")
    for bureau, words in (
        ("unknown", "jetzt, der Rest später"),
        ("auto", "Die Bestellung ist aufgegeben: Kauf auf Rechnung."),
        ("middling", "jetzt, der Rest später"),
        ("mistaken", "Bitte wählen Sie eine andere Zahlungsart"),
    ):
        with page.expect_response(lambda answer: answer.url.endswith("/demo/decision")):
            page.select_option("[name=bureau]", bureau)
        page.wait_for_selector("form:not([aria-busy])")
        page.locator("input[name=method][value=invoice]").check()
        page.get_by_role("button", name="Bestellung aufgeben").click()
        page.locator("#placed", has_text=words).wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_demo_works_without_javascript(visit):
    """A form and a button."""
    page = visit("/demo", java_script_enabled=False)
    page.locator("input[value=blocked]").check(force=True)
    page.get_by_role("button", name="Gateway fragen").click()
    assert page.locator("input[value=blocked]").is_checked()
    assert "Kauf auf Rechnung" not in menu(page)


def test_the_demo_is_operated_by_keyboard(visit):
    """The skip link comes first, arrows change the buyer, and the focus stays where it was."""
    page = visit("/demo")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip-link"
    page.locator("input[name=persona]:checked").focus()
    with page.expect_response(lambda answer: answer.url.endswith("/demo/decision")):
        page.keyboard.press("ArrowDown")
    page.wait_for_selector("form:not([aria-busy])")
    assert page.evaluate("document.activeElement.value") == "regular"
    assert page.locator("input[value=regular]").is_checked()


def test_a_gateway_that_is_away_is_told(visit):
    """The choice stands, and a sentence says so."""
    page = visit("/demo", expected=("Failed to load resource",))
    page.route("**/demo/decision", lambda route: route.abort())
    page.locator("input[value=regular]").check(force=True)
    page.wait_for_function("document.getElementById('status').textContent.includes('antwortet nicht')")
    assert page.locator("#status").is_visible()


def test_the_desk_opens_by_keyboard_to_the_right_password_only(visit, site):
    """Ten wrong ones from one network close the door to this account; the answer never says which was wrong."""
    page = visit("/admin", expected=("401",))
    assert page.evaluate("document.activeElement.id") == "email"
    page.keyboard.type(site.demo.admin_email)
    page.keyboard.press("Tab")
    page.keyboard.type("a wrong password")
    page.keyboard.press("Enter")
    page.wait_for_selector("[role=alert]")
    page.fill("#password", site.demo.admin_password)
    page.keyboard.press("Enter")
    page.wait_for_url("**/admin/decisions")
    page.get_by_role("button", name="Abmelden").click()
    page.wait_for_url("**/admin/login")
    for _ in range(10):
        sign_in(page, site, "a wrong password")
        page.wait_for_selector("[role=alert]")
    sign_in(page, site)
    page.wait_for_selector("[role=alert]")
    assert "/admin/login" in page.url


def test_from_the_demo_to_the_decision_at_the_desk(visit, site):
    """The visitor follows the link, signs in, and stands before the decision he has just seen."""
    page = visit("/demo")
    amount = page.locator("#sum .total dd").inner_text()
    page.get_by_text("Diese Entscheidung in der Verwaltung öffnen").click()
    sign_in(page, site)
    page.wait_for_url("**/admin/decisions/dec_*")
    assert amount in page.locator("h1").inner_text()
    page.get_by_text("Aus der Aufzeichnung nachrechnen").click()
    assert "Gleich" in page.locator(".flash.good").inner_text()


def test_a_blocked_buyer_is_blocked_in_the_demo(visit, site):
    """What is listed at the desk shows in the shop at once."""
    page = visit("/admin/lists")
    sign_in(page, site)
    page.get_by_text("Eintrag anlegen").click()
    page.fill("#value", "stella.stamm@example.com")
    page.fill("#reason", "test")
    page.get_by_role("button", name="Anlegen").click()
    assert "zählt ab der nächsten Bestellung" in page.locator(".flash").inner_text()
    page.goto(site.url + "/demo")
    choose(page, "input[value=regular]")
    assert "Kauf auf Rechnung" not in menu(page)


@pytest.mark.parametrize("width", [360, 1280])
def test_no_page_is_wider_than_its_window(visit, site, width):
    """Tables scroll in their own frames; nothing breaks the content policy."""
    page = visit("/admin", width=width)
    sign_in(page, site)
    page.wait_for_url("**/admin/decisions")
    for path in [*(f"/admin/{name}" for name in PAGES.split()), "/demo", "/docs", "/docs/problems"]:
        page.goto(site.url + path)
        assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0, path
        assert page.evaluate("window.violations") == [], path


def test_text_stands_out_from_what_is_behind_it(visit, site):
    """WCAG 2.2 AA: 4.5 to 1, or 3 to 1 for large text, on every page."""
    page = visit("/admin")
    sign_in(page, site)
    page.wait_for_url("**/admin/decisions")
    for path in [*(f"/admin/{name}" for name in PAGES.split()), "/demo", "/docs", "/docs/problems", "/admin/login"]:
        page.goto(site.url + path)
        assert page.evaluate(CONTRAST) == [], path


CONTRAST = """() => {
  const parse = (text) => { const n = text.match(/[\\d.]+/g).map(Number); return [n[0], n[1], n[2], n[3] ?? 1]; };
  const light = (c) => { const [r, g, b] = c.map((v) => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const behind = (node) => { for (let at = node; at; at = at.parentElement) {
      const c = parse(getComputedStyle(at).backgroundColor);
      if (getComputedStyle(at).backgroundImage !== "none") return null;
      if (c[3] === 1) return c.slice(0, 3); if (c[3] > 0) return null; } return [255, 255, 255]; };
  const poor = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement, style = getComputedStyle(node);
    if (!walker.currentNode.data.trim() || !node.checkVisibility() || node.closest(".visually-hidden, .skip-link, option")) continue;
    const back = behind(node); if (!back) continue;
    const a = light(parse(style.color).slice(0, 3)), b = light(back);
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const size = parseFloat(style.fontSize), large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (large ? 3 : 4.5)) poor.push(walker.currentNode.data.trim().slice(0, 40) + " " + ratio.toFixed(2));
  }
  return [...new Set(poor)];
}"""
