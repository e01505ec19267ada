"""A real browser on a real server: Chromium from the system, the application over a database of its own."""

import os
import shutil
import threading
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import sync_playwright
from werkzeug.serving import make_server

from gateway.app import create_app
from gateway.core import clock
from gateway.core.services import Services
from gateway.demo.seed import Demo, seed
from tests.bureaus import a_sandbox

NAMES = ("chromium", "chromium-browser", "google-chrome")
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
WATCH = """
    window.violations = [];
    document.addEventListener("securitypolicyviolation", (event) => {
      window.violations.push(event.violatedDirective + " " + event.blockedURI);
    });
"""


@dataclass
class Site:
    """The running application, its demo shop, and what browsers complained about."""

    url: str
    demo: Demo
    complaints: list[str] = field(default_factory=list)
    services: Services | None = None


@pytest.fixture(scope="session")
def chromium():
    """The browser of this test process."""
    path = os.environ.get("KULANZ_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        missing = f"no browser: install one of {', '.join(NAMES)}, or name it in KULANZ_CHROMIUM"
        (pytest.fail if os.environ.get("KULANZ_CI") == "1" else pytest.skip)(missing)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(QUIET))
        yield browser
        browser.close()


@pytest.fixture
def site(live_db, cache, keyring):
    """The application on a port of its own, with the demo merchant."""
    with a_sandbox() as sandbox_url:
        yield from running(
            Services(
                live_db,
                cache,
                keyring,
                "http://127.0.0.1",
                b"only for tests, thirty-two bytes!",
                sandbox_url=sandbox_url,
            )
        )


def running(services):
    """The site while a test lasts; what browsers complained about fails it."""
    demo = seed(services, clock.now())
    server = make_server("127.0.0.1", 0, create_app(services), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    site = Site(f"http://127.0.0.1:{server.server_port}", demo, services=services)
    yield site
    server.shutdown()
    thread.join()
    server.server_close()
    assert not site.complaints


@pytest.fixture
def visit(chromium, site):
    """Opens a page in a fresh browser profile; whatever the console or the content policy says against it fails."""
    contexts = []

    def open_page(path, *, width=1280, expected=(), **options):
        context = chromium.new_context(viewport={"width": width, "height": 900}, locale="de-DE", **options)
        contexts.append(context)
        context.add_init_script(WATCH)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("pageerror", lambda error: site.complaints.append(str(error)))
        page.on("console", lambda told: _heed(site, told, expected))
        page.goto(site.url + path)
        return page

    yield open_page
    for context in contexts:
        for page in context.pages:
            if not page.is_closed() and page.url.startswith("http"):
                site.complaints += page.evaluate("window.violations ?? []")
        context.close()


def _heed(site, told, expected):
    if told.type in ("error", "warning") and not any(words in told.text for words in expected):
        site.complaints.append(told.text)
