"""Claims at the desk: seen by every role, worked on by clerks, given up by admins."""

import pytest

from gateway.core import clock
from gateway.core.ids import new_id, to_public
from gateway.law import store
from gateway.merchants.models import Role
from gateway.receivables.changes import ChangeContact, EnterDefault, SetHold
from gateway.receivables.days import today
from gateway.receivables.statement import statement
from tests.claims import Book
from tests.desk_visits import signed_in

TODAY = today("DE", clock.now())


@pytest.fixture
def opened(app, services):
    """A book with one claim in default, and the page of whoever has this role."""

    def sign_in(role=Role.ADMIN):
        world, visitor = signed_in(app, services, role)
        book = Book(services, world)
        claim_id = book.open(invoice_number="R-1", now=clock.now())
        from_on = book.claim(claim_id).due_date.replace(day=17)
        book.apply(claim_id, EnterDefault(from_on, from_on, "agreed-date", "due-date"), now=clock.now())
        return book, claim_id, visitor, f"/admin/claims/{to_public('clm', claim_id)}"

    return sign_in


def test_the_list_and_the_claim_say_what_is_owed(opened):
    """In German, with the working of the interest; as of another day when asked."""
    book, claim_id, visitor, page = opened()
    book.apply(claim_id, SetHold("promise", TODAY, None, 500, "promise:1"), now=clock.now())
    listed = visitor.get("/admin/claims?late=1&language=de").text
    assert "R-1" in listed
    assert "im Mahnlauf" not in listed.partition("<tbody>")[2]
    shown = visitor.get(page).text
    for words in ("Heute geschuldet", "Zahlung versprochen", "Verzugszinsen", "6.52 %", "vereinbarter Tag"):
        assert words in shown, words
    assert "100,02" in visitor.get(f"{page}?as_of=2026-06-17").text
    assert visitor.get(f"{page}?as_of=nonsense").status_code == 200


def test_a_clerk_enters_a_payment_with_a_comma(opened):
    """The amount as people write it; what is no amount is told beside the field."""
    book, claim_id, visitor, page = opened(Role.CLERK)
    told = {"act": "pay", "pay-amount": "40,50", "pay-paid_on": str(TODAY)}
    wrong = visitor.post(f"{page}/act", told | {"pay-amount": "viel"}, page=page)
    assert (wrong.status_code, "is-invalid" in wrong.text) == (422, True)
    before = book.claim(claim_id).principal_minor
    assert visitor.post(f"{page}/act", told, page=page).status_code == 302
    assert book.claim(claim_id).principal_minor < before
    shown = visitor.get(page).text
    assert "40,50" in shown, shown[-1800:]


def test_a_clerk_holds_credits_moves_and_notes(opened):
    """Each act stands in the history and can be read there."""
    book, claim_id, visitor, page = opened(Role.CLERK)
    for told in (
        {"act": "hold", "hold-reason": "pause"},
        {"act": "credit", "credit-amount": "10", "credit-reason": "scratch", "credit-from_start": "y"},
        {"act": "due_date", "due_date-due_date": str(TODAY), "due_date-reason": "agreed"},
        {"act": "note", "note-text": "<b>rang twice</b>"},
    ):
        assert visitor.post(f"{page}/act", told, page=page).status_code == 302, told
    shown = visitor.get(page).text
    assert "&lt;b&gt;rang twice&lt;/b&gt;" in shown
    claim = book.claim(claim_id)
    assert (claim.principal_minor, claim.due_date, claim.default_from) == (9_000, TODAY, None)
    assert visitor.post(f"{page}/act", {"act": "write_off", "write_off-reason": "x"}, page=page).status_code == 422
    assert (
        visitor.post(f"{page}/write-off", {"act": "write_off", "write_off-reason": "x"}, page=page).status_code == 403
    )


def test_an_admin_writes_off_and_takes_it_back(opened):
    """What is refused is said on the page."""
    book, claim_id, visitor, page = opened()
    told = {"act": "write_off", "write_off-reason": "insolvent"}
    assert visitor.post(f"{page}/write-off", told, page=page).status_code == 302
    refused = visitor.post(f"{page}/write-off", told, page=page)
    assert (refused.status_code, "Diese Forderung ist abgeschlossen." in refused.text) == (409, True)
    assert visitor.post(f"{page}/revive", page=page).status_code == 302
    assert book.claim(claim_id).state == "DUNNING"


def test_a_reader_sees_no_buttons(opened):
    """And an address of another merchant's claim leads nowhere."""
    book, claim_id, visitor, page = opened(Role.READER)
    book.apply(claim_id, ChangeContact({"line1": "Neuer Wall 1"}), now=clock.now())
    shown = visitor.get(page).text
    assert "Was Sie tun können" not in shown
    assert visitor.get("/admin/claims/clm_00000000000000000000000000").status_code == 404


def test_a_payment_and_a_credit_sent_twice_count_once(opened):
    """A double click is one payment; what was changed and sent again is another."""
    book, claim_id, visitor, page = opened(Role.CLERK)
    once = str(new_id())
    told = {"act": "pay", "pay-amount": "10,00", "pay-paid_on": str(TODAY), "pay-once": once}
    for _ in range(2):
        assert visitor.post(f"{page}/act", told, page=page).status_code == 302
    visitor.post(f"{page}/act", told | {"pay-amount": "12,00"}, page=page)
    credit = {"act": "credit", "credit-amount": "10", "credit-reason": "x", "credit-from_start": "y"}
    for _ in range(2):
        visitor.post(f"{page}/act", credit | {"credit-once": once}, page=page)
    with book.transaction() as session:
        found = statement(session, claim_id, TODAY, store.load(session))
    assert (found.payments_minor, found.credits_minor) == (2_200, 1_000)
    assert 'name="pay-once"' in visitor.get(page).text


@pytest.mark.parametrize(
    "told",
    [
        {"act": "pay", "pay-amount": "1", "pay-paid_on": "0001-01-01"},
        {"act": "due_date", "due_date-due_date": "9999-12-31", "due_date-reason": "x"},
        {"act": "hold", "hold-reason": "pause", "hold-until_on": "9999-12-31"},
    ],
)
def test_days_outside_of_time_are_refused_at_the_desk(opened, told):
    """The night reckons with these days."""
    _, _, visitor, page = opened(Role.CLERK)
    assert visitor.post(f"{page}/act", told, page=page).status_code == 422
    assert visitor.get(f"{page}?as_of=9999-12-31").status_code == 200
    assert visitor.get(f"{page}?as_of=0001-01-01").status_code == 200


def test_an_admin_pays_a_credit_back_and_sets_the_payment_terms(opened):
    """The form is there while there is a credit; terms that were agreed name where they stand."""
    book, claim_id, visitor, page = opened()
    assert "refund-amount" not in visitor.get(page).text
    book.pay(claim_id, 20_000, TODAY, now=clock.now())
    credit = f"{book.claim(claim_id).credit_minor / 100:.2f}"
    told = {"act": "refund", "refund-amount": credit, "refund-paid_on": str(TODAY)}
    assert visitor.post(f"{page}/act", told, page=page).status_code == 302
    assert book.claim(claim_id).credit_minor == 0
    terms, shop = "/admin/claims/terms", to_public("shp", book.world.shop_id)
    form = {"shop": shop, f"{shop}-term_days": "30", f"{shop}-term_agreed": "y"}
    refused = visitor.post(f"{terms}/save", form, page=terms)
    assert (refused.status_code, "is-invalid" in refused.text) == (422, True)
    assert visitor.post(f"{terms}/save", form | {f"{shop}-terms": "AGB 2026-03"}, page=terms).status_code == 302
    shown = visitor.get(terms).text
    assert ("AGB 2026-03" in shown, 'value="30"' in shown) == (True, True)
