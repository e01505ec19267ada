"""The debtor's page: opened by a link and a second fact, closed to everybody else; each form does what it says, once."""

import pytest

from tests.builders import a_world
from tests.debtors import Debtor, DebtorVisitor


@pytest.fixture
def debtor(services):
    return Debtor(services, a_world(services))


@pytest.fixture
def claim_id(debtor):
    return debtor.owes()


@pytest.fixture
def visit(app, debtor, claim_id):
    return DebtorVisitor(app, debtor.link())


@pytest.fixture
def inside(visit):
    assert visit.open().status_code == 302
    return visit


def test_the_link_alone_shows_nothing_about_the_debtor(visit):
    """Only which shop asks."""
    page = visit.get()
    assert page.status_code == 200
    assert "Musterladen" in page.text
    assert not any(word in page.text for word in ("124,90", "R-1001", "Wanderschuhe", "Ada"))


def test_the_page(inside):
    page = inside.get("?language=de")
    assert page.status_code == 200
    assert "124,90" in page.text
