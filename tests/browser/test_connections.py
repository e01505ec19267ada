"""Connections at the desk in a browser, on a phone and on a screen: nothing runs out of the page."""

import os
from pathlib import Path

import pytest
from sqlalchemy import update

from gateway.core import clock
from gateway.core.ids import to_public
from gateway.core.services import Services
from gateway.demo.seed import DEMO_MERCHANT
from gateway.payments import accounts, asking
from gateway.payments.accounts import NewAccount
from gateway.payments.providers import RefundWanted
from gateway.payments.request_models import ProviderRequest
from gateway.shops import shops

pytestmark = pytest.mark.slow


@pytest.fixture
def connection_id(site, live_db, cache, keyring):
    """A provider of the demo merchant, and a refund of which nobody knows whether it happened."""
    services, now = Services(live_db, cache, keyring, site.url, b"x" * 32), clock.now()
    with live_db.transaction(DEMO_MERCHANT) as session:
        shop = next(one for one in shops.list_shops(session))
        told = {"webhook_secret": "whsec_only_for_tests", "api_key": "sk_test_only_for_tests"}
        made = accounts.connect(session, services.keyring, NewAccount(shop.id, "stripe", told), now)
        wanted = RefundWanted(f"ref_{made.facts.id}", "ch_1", "ch_1", 500, "EUR")
        id_ = asking.queue(session, services.keyring, made.facts.id, wanted, "claim:1", now)
        stuck = {"state": "UNCERTAIN", "answer": "answer-lost"}
        session.execute(update(ProviderRequest).where(ProviderRequest.id == id_).values(**stuck))
    return made.facts.id


@pytest.mark.parametrize("width", [1280, 390])
def test_connections_and_what_hangs_fit_the_page(visit, site, connection_id, width):
    """Overview, form, one connection, and the request that waits for a person."""
    page = visit("/admin/login", width=width)
    page.fill("#email", site.demo.admin_email)
    page.fill("#password", site.demo.admin_password)
    page.press("#password", "Enter")
    page.wait_for_url("**/admin**")
    for name, path in (
        ("list", "/admin/connections"),
        ("new", "/admin/connections/new/adyen"),
        ("one", f"/admin/connections/{to_public('con', connection_id)}"),
        ("requests", "/admin/messages"),
    ):
        page.goto(site.url + path)
        page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        if folder := os.environ.get("KULANZ_SCREENSHOTS"):
            page.screenshot(path=Path(folder) / f"connections-{name}-{width}.png", full_page=True)
    assert "Antwort ging verloren" in page.locator("#content").inner_text()
