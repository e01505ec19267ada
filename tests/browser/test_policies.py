"""At the desk a merchant changes what decides without fear: faults at their line, a trial, a backtest, and back."""

import json
import os

import pytest
from sqlalchemy import select

from gateway.checkout import backtests
from gateway.checkout.models import Backtest
from gateway.core.services import Services
from gateway.core.work import Job
from tests.browser.test_pages import CONTRAST, sign_in

FOLDER = os.environ.get("KULANZ_SCREENSHOTS")
"""Where to put pictures of the pages, for whoever wants to look at them."""


def picture(page, name) -> None:
    if FOLDER:
        page.screenshot(path=f"{FOLDER}/{name}.png", full_page=True)


def work(live_db, cache, keyring, merchant_id) -> None:
    """What the worker would do with the backtests that wait."""
    services = Services(live_db, cache, keyring, "http://127.0.0.1", b"only for tests, thirty-two bytes!")
    with live_db.transaction(merchant_id) as session:
        ids = session.scalars(select(Backtest.id)).all()
    for id_ in ids:
        backtests.run(services, Job(1, "default", backtests.TASK, merchant_id, {"backtest": str(id_)}, 1))


def sound(page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
    assert page.evaluate("window.violations") == []
    assert page.evaluate(CONTRAST) == []


@pytest.mark.parametrize("width", [390, 1280])
def test_from_a_faulty_draft_to_a_backtested_trial_and_back(visit, site, live_db, cache, keyring, width):
    """Ask in the demo shop, mend a draft, try it on a share, see what it would have done, take it back."""
    page = visit("/demo", width=width, expected=("422",))
    page.wait_for_selector("#sum .total dd")
    page.goto(site.url + "/admin/policies")
    sign_in(page, site)
    page.wait_for_selector("#body")
    rule = {"id": "no-invoice", "when": {"field": "totl_minor", "operator": ">", "value": 100}}
    rule["then"] = {"action": "hide", "kinds": ["invoice"]}
    page.fill("#body", json.dumps({"rules": [rule]}, indent=2))
    page.get_by_role("button", name="Prüfen", exact=True).click()
    assert "Zeile 6" in page.locator(".faults").inner_text()
    assert "did you mean total_minor?" in page.locator(".faults").inner_text()
    picture(page, f"faults-{width}")
    rule["when"]["field"] = "total_minor"
    page.fill("#body", json.dumps({"rules": [rule]}, indent=2))
    page.get_by_role("button", name="Prüfen", exact=True).click()
    assert "neuesten Entscheidungen geändert" in page.locator(".flash.good").inner_text()
    picture(page, f"checked-{width}")
    page.get_by_role("button", name="Als Fassung speichern").click()
    page.get_by_label("Stufe").select_option("share")
    page.get_by_role("button", name="Stufe setzen").click()
    assert "Prozent" in page.locator(".flash.warn").inner_text()
    page.get_by_label("Stufe").select_option("share")
    page.fill("#percent", "20")
    page.get_by_role("button", name="Stufe setzen").click()
    assert "20 % der Kunden" in page.locator("section[aria-labelledby=acting]").inner_text()
    picture(page, f"trial-{width}")
    sound(page)
    page.get_by_role("button", name="Rückrechnung starten").click()
    page.wait_for_url("**/backtest/bkt_*")
    sound(page)
    picture(page, f"waiting-{width}")
    work(live_db, cache, keyring, site.demo.merchant_id)
    page.get_by_text("fertig").wait_for()
    assert "Menüs wären anders gewesen" in page.locator("#found").inner_text()
    sound(page)
    picture(page, f"backtest-{width}")
    page.locator(".crumbs a").click()
    page.get_by_role("button", name="Zurücknehmen").click()
    assert "20 %" not in page.locator("section[aria-labelledby=acting]").inner_text()
