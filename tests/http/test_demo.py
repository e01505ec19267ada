"""The demo shop: real decisions for invented buyers, with and without JavaScript."""

import re

import pytest

from gateway.core import clock
from gateway.demo import scenes
from gateway.demo.seed import DEMO_MERCHANT, seed
from gateway.merchants import merchants


@pytest.fixture
def visitor(app, services):
    seed(services, clock.now())
    return app.test_client()


def offered(page):
    """Ids of the methods on the menu, in order."""
    return re.findall(r'name="method" value="(\w+)"', page)


def test_without_a_demo_shop_there_is_no_page(app):
    """An installation that was never asked for a demo has none."""
    answer = app.test_client().get("/demo")
    assert answer.status_code == 404
    assert "text/html" in answer.content_type


def test_a_closed_demo_is_gone(app, services, visitor):
    """An operator can close it like any merchant."""
    with services.db.transaction(DEMO_MERCHANT) as session:
        merchants.close(session, clock.now())
    assert visitor.get("/demo").status_code == 404


def test_the_page_shows_a_decided_checkout_at_once(visitor):
    """Menu, reasons, risk and every method judged."""
    page = visitor.get("/demo").text
    assert offered(page)
    assert "153,90" in page
    assert "Jede Zahlungsart, beurteilt" in page
    assert page.count('scope="row"') == len(scenes.METHODS)


def test_changing_the_buyer_changes_the_menu_without_javascript(visitor):
    """A plain form: the regular sees everything, the blocked one safe methods only."""
    regular = offered(visitor.post("/demo", data={"persona": "regular"}).text)
    blocked = offered(visitor.post("/demo", data={"persona": "blocked"}).text)
    assert set(regular) == set(scenes.METHODS)
    assert set(blocked) == {"paypal", "card", "prepay"}


def test_with_javascript_only_the_parts_that_change_are_sent(visitor):
    """Menu, sum and panel, made by the same templates."""
    parts = visitor.post(
        "/demo/decision",
        data={
            "persona": "overdue",
            "article": "camera",
            "gift_card": "1",
            "delivery": "locker",
            "country": "FR",
            "pieces": "20",
        },
    ).json
    assert set(parts) == {"menu", "sum", "panel"}
    assert "18.092,90" in parts["sum"]
    assert "invoice" not in offered(parts["menu"])


@pytest.mark.parametrize("persona", scenes.PERSONAS)
@pytest.mark.parametrize("country", scenes.COUNTRIES)
def test_every_choice_is_answered(visitor, persona, country):
    """No corner of the demo is broken, in either language."""
    for delivery in scenes.DELIVERIES:
        form = {"persona": persona, "country": country, "delivery": delivery, "gift_card": "1", "article": "hat"}
        page = visitor.post("/demo?language=en", data=form)
        assert page.status_code == 200
        assert offered(page.text)


@pytest.mark.parametrize(
    "form", [{"persona": "x"}, {"article": "x"}, {"pieces": "1e9"}, {"country": "XX"}, {"delivery": ""}]
)
def test_what_is_not_offered_is_refused_politely(visitor, form):
    """As a page that names the field."""
    answer = visitor.post("/demo", data=form)
    assert answer.status_code == 422
    assert f"/{next(iter(form))}" in answer.text


def test_nobody_can_hammer_the_demo(visitor):
    """Ninety looks a minute are plenty; then the page says when to come back."""
    answers = [visitor.post("/demo", data={"persona": "x"}) for _ in range(200)]
    assert {answer.status_code for answer in answers} == {422, 429}
    assert all("Retry-After" in answer.headers for answer in answers if answer.status_code == 429)


def test_what_was_decided_in_the_demo_stands_in_its_list(services, visitor):
    """The panel links to the stored decision."""
    page = visitor.get("/demo").text
    decision = re.search(r"/admin/decisions/(dec_\w+)", page).group(1)
    key = seed(services, clock.now()).api_key
    client = visitor.application.test_client()
    answer = client.get(f"/v1/decisions/{decision}", headers={"Authorization": f"Bearer {key}"})
    assert answer.status_code == 200
    assert answer.json["live"] is False


def test_the_page_holds_nothing_inline(visitor):
    """Strict content policy, also here."""
    page = visitor.get("/demo")
    assert "unsafe" not in page.headers["Content-Security-Policy"]
    assert not re.search(r"<script(?![^>]*src=)|<style|\sstyle=|\son[a-z]+=", page.text)
