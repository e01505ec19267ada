"""`kulanz claims`: listed, paid, held, written off and checked at the machine, and opened for orders told before."""

import json
from datetime import date
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from gateway import wiring
from gateway.commands_claims import claims_group
from gateway.core import clock
from gateway.core.ids import new_id, to_public
from gateway.receivables.days import today
from tests.claims import Book
from tests.features.test_follow_orders import DELIVERED, an_order, tell

TODAY = today("DE", clock.now())


@pytest.fixture
def book(services) -> Book:
    wiring.install_listeners()
    return Book(services)


@pytest.fixture
def kulanz(services, book):
    def run(*words, fails=False):
        operator = SimpleNamespace(services=services)
        told = (*words, "--merchant", to_public("mer", book.world.merchant_id), "--json")
        result = CliRunner().invoke(claims_group, told, obj=operator, catch_exceptions=False)
        assert (result.exit_code != 0) == fails, result.output
        return json.loads(result.stdout)

    return run


def test_a_claim_is_listed_shown_paid_held_and_written_off(book, kulanz):
    """Each answer says how the claim stands then."""
    claim_id = to_public("clm", book.open(now=clock.now(), invoice_number="R-1"))
    assert [one["owed"] for one in kulanz("list", "--overdue")] == ["100.00 EUR"]
    assert kulanz("hold", claim_id, "pause", "--until", "2099-12-31")["state"] == "OPEN"
    paid = kulanz("pay", claim_id, "4050", "--on", "2026-06-10", "--reference", "tx-1")
    assert (paid["open"], paid["new"]) == ("59.50 EUR", True)
    assert kulanz("pay", claim_id, "4050", "--on", "2026-06-10", "--reference", "tx-1")["new"] is False
    shown = kulanz("show", claim_id)
    assert (shown["owed_minor"], len(shown["holds"]), len(shown["happened"])) == (5_950, 1, 3)
    assert kulanz("write-off", claim_id, "--reason", "gone", "--yes")["state"] == "WRITTEN_OFF"
    assert kulanz("list", "--state", "OPEN") == []


def test_a_statement_is_printed_for_people_and_programs(services, book, kulanz):
    """Lines and sums, and the same as JSON."""
    claim_id = to_public("clm", book.open(now=clock.now()))
    assert kulanz("statement", claim_id, "--as-of", "2026-06-30")["total_minor"] == 10_000
    words = ("statement", claim_id, "--merchant", to_public("mer", book.world.merchant_id))
    printed = CliRunner().invoke(claims_group, words, obj=SimpleNamespace(services=services)).stdout
    assert "opening  100.00 EUR" in printed
    assert "total                   100.00 EUR" in printed


def test_orders_told_before_get_their_claims_once(book, kulanz):
    """Run again it opens nothing."""
    tell(book, DELIVERED, order=an_order())
    assert kulanz("follow") == {"orders": 1, "claims_opened": 1}
    assert kulanz("follow") == {"orders": 1, "claims_opened": 0}
    assert len(kulanz("list")) == 1


def test_the_books_are_added_up_and_a_forged_amount_is_found(book, kulanz):
    """Somebody changed the claim's row past the doors."""
    claim_id = book.open(now=clock.now())
    book.pay(claim_id, 4_000, date(2026, 6, 10), clock.now(), external_id=str(new_id()))
    assert kulanz("check") == {"claims": 1, "faults": []}
    with book.transaction() as session:
        session.execute(text("UPDATE claim SET principal_minor = 1"))
    (fault,) = kulanz("check", fails=True)["faults"]
    assert "principal is 1, its ledger says 6000" in fault
