"""Chargebacks at the desk in a browser, on a phone and on a screen: nothing runs out of the page."""

import os
from pathlib import Path

import pytest

from gateway.core.ids import to_public
from gateway.core.services import Services
from tests.chargebacks import Merchant, a_due, a_fact
from tests.desk_visits import PASSWORD, a_user
from tests.features.test_chargebacks import soon

pytestmark = pytest.mark.slow


@pytest.fixture
def chargeback(site, live_db, cache, keyring):
    """One that waits for an answer, at a merchant of its own. All of it is invented."""
    services = Services(live_db, cache, keyring, site.url, b"x" * 32)
    merchant = Merchant(services)
    email = f"ina-{merchant.world.merchant_id.hex}@example.com"
    a_user(services, merchant.world, email=email)
    merchant.order()
    merchant.tell(a_fact("opened", 1), a_due(soon()))
    return email, to_public("cbk", merchant.row().id)


@pytest.mark.parametrize(("width", "language"), [(1280, "de"), (390, "en")])
def test_chargebacks_fit_the_page(visit, site, chargeback, width, language):
    """List and chargeback."""
    (email, id_), page = chargeback, visit("/admin/login", width=width)
    page.fill("#email", email)
    page.fill("#password", PASSWORD)
    page.press("#password", "Enter")
    page.wait_for_url("**/admin**")
    for name, path in (("list", "/admin/chargebacks"), ("one", f"/admin/chargebacks/{id_}")):
        page.goto(f"{site.url}{path}?language={language}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        if folder := os.environ.get("KULANZ_SCREENSHOTS"):
            page.screenshot(path=Path(folder) / f"chargebacks-{name}-{width}.png", full_page=True)
    assert id_ in page.content()
