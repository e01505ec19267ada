"""A claim at the desk in a browser, on a phone and on a screen: nothing runs out of the page, forms are reached by keyboard."""

import os
from datetime import date
from pathlib import Path

import pytest

from gateway.core import clock
from gateway.core.ids import to_public
from gateway.core.services import Services
from gateway.demo.seed import DEMO_MERCHANT
from gateway.receivables.changes import BookInterest, ChargeFee, EnterDefault, SetHold
from gateway.receivables.days import today
from gateway.shops import shops
from tests.builders import World
from tests.claims import Book

pytestmark = pytest.mark.slow
JUNE_17, LETTER = date(2026, 6, 17), date(2026, 8, 1)


@pytest.fixture
def claim_id(site, live_db, cache, keyring):
    """A claim with a fee, interest, a part payment and a hold, at the demo merchant."""
    now = clock.now()
    with live_db.transaction(DEMO_MERCHANT) as session:
        shop = next(one for one in shops.list_shops(session))
    services = Services(live_db, cache, keyring, site.url, b"x" * 32)
    book = Book(services, World(DEMO_MERCHANT, shop.id, ""))
    claim_id = book.open(now, invoice_number="R-2026-0815", debtor="business", live=shop.live)
    book.apply(claim_id, EnterDefault(JUNE_17, JUNE_17, "agreed-date", "due-date"), now=now)
    book.apply(claim_id, ChargeFee(120, LETTER, "letter:1"), BookInterest(LETTER, "letter:1"), now=now)
    book.pay(claim_id, 4_000, date(2026, 8, 3), now)
    book.apply(claim_id, SetHold("promise", today("DE", now), None, 5_000, "promise:1"), now=now)
    return claim_id


@pytest.mark.parametrize("width", [1280, 390])
def test_the_claim_fits_the_page(visit, site, claim_id, width):
    """List and claim, with every form open."""
    page = visit("/admin/login", width=width)
    page.fill("#email", site.demo.admin_email)
    page.fill("#password", site.demo.admin_password)
    page.press("#password", "Enter")
    page.wait_for_url("**/admin**")
    for name, path in (
        ("list", "/admin/claims"),
        ("terms", "/admin/claims/terms"),
        ("claim", f"/admin/claims/{to_public('clm', claim_id)}"),
    ):
        page.goto(site.url + path)
        page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        if folder := os.environ.get("KULANZ_SCREENSHOTS"):
            page.screenshot(path=Path(folder) / f"claims-{name}-{width}.png", full_page=True)
    assert "Zahlung versprochen" in page.locator("#content").inner_text()
    page.fill("#pay-amount", "10,00")
    page.locator("#pay-amount").press("Enter")
    page.get_by_text("Die Forderung ist neu gerechnet").wait_for()
