"""Returns at the desk in a browser, on a phone and on a screen: nothing runs out of the page."""

import os
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.core import clock
from gateway.core.ids import to_public
from gateway.core.services import Services
from gateway.demo.seed import DEMO_MERCHANT
from gateway.returns.returns import NewReturn, Returns
from gateway.shops import shops
from tests.builders import World
from tests.claims_made import an_order

pytestmark = pytest.mark.slow


@pytest.fixture
def return_id(site, live_db, cache, keyring):
    """A withdrawal that came before anything was delivered, at the demo merchant. All of it is invented."""
    now = clock.now()
    services = Services(live_db, cache, keyring, site.url, b"x" * 32)
    with live_db.transaction(DEMO_MERCHANT) as session:
        shop = next(one for one in shops.list_shops(session))
        reference = f"returns-{now:%H%M%S%f}"
        an_order(session, services, World(DEMO_MERCHANT, shop.id, ""), now, reference=reference)
        mine = Returns(session, keyring, shops.get(session, shop.id))
        new = NewReturn(reference, "withdrawal", "r1", now - timedelta(hours=1), 4_000, "Ich widerrufe.")
        return mine.announce(new, now).id


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("language", ["de", "en"])
def test_returns_fit_the_page(visit, site, return_id, width, language):
    """List and return."""
    page = visit("/admin/login", width=width)
    page.fill("#email", site.demo.admin_email)
    page.fill("#password", site.demo.admin_password)
    page.press("#password", "Enter")
    page.wait_for_url("**/admin**")
    for name, path in (("list", "/admin/returns"), ("return", f"/admin/returns/{to_public('ret', return_id)}")):
        page.goto(f"{site.url}{path}?language={language}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        if folder := os.environ.get("KULANZ_SCREENSHOTS"):
            page.screenshot(path=Path(folder) / f"returns-{name}-{width}-{language}.png", full_page=True)
    assert ("Widerruf" if language == "de" else "withdrawal") in page.locator("#content").inner_text()
