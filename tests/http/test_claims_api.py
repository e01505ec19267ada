"""`/v1/claims` over HTTP: opened, paid, held, credited and written off by a shop, once per key, never for another shop."""

from datetime import date, timedelta

import pytest

from gateway.core import clock
from gateway.core.ids import new_id, to_public
from gateway.receivables.days import today
from tests.builders import a_world
from tests.claims import Book

TODAY = today("DE", clock.now())


@pytest.fixture
def book(services) -> Book:
    return Book(services)


@pytest.fixture
def call(app, book):
    """A request with the shop's key."""

    def request(method, path, body=None, *, world=None, **headers):
        auth = (world or book.world).auth
        return app.test_client().open(f"/v1/claims{path}", method=method, json=body, headers=auth | headers)

    return request


def a_claim(book, **overrides):
    told = {
        "reference": "R-1001",
        "buyer_id": to_public("buy", book.a_buyer()),
        "currency": "EUR",
        "principal_minor": 10_000,
        "country": "DE",
        "debtor": "consumer",
        "contract_date": str(TODAY - timedelta(days=60)),
        "due_date": str(TODAY - timedelta(days=20)),
    }
    return told | overrides


@pytest.fixture
def claim(book, call):
    return call("POST", "", a_claim(book)).json


def a_payment(**overrides):
    return {"external_id": "tx-1", "paid_on": str(TODAY), "amount_minor": 4_000, "currency": "EUR"} | overrides


def test_a_claim_told_twice_is_one_claim(book, call):
    """By its reference, whatever key the request carries."""
    told = a_claim(book)
    first = call("POST", "", told)
    assert (first.status_code, first.json["state"], first.json["owed_minor"]) == (201, "OPEN", 10_000)
    assert call("POST", "", told).json["id"] == first.json["id"]
    assert [one["id"] for one in call("GET", "").json["claims"]] == [first.json["id"]]


def test_a_payment_is_counted_once(call, claim):
    """The same again, with or without an idempotency key, changes nothing."""
    path = f"/{claim['id']}/payments"
    for headers in ({}, {"Idempotency-Key": "k-1"}, {"Idempotency-Key": "k-1"}):
        paid = call("POST", path, a_payment(), **headers)
        assert (paid.status_code, paid.json["owed_minor"]) == (200, 6_000)
    assert len(paid.json["payments"]) == 1
    other = call("POST", path, a_payment(amount_minor=1), **{"Idempotency-Key": "k-1"})
    assert other.status_code == 409


@pytest.mark.parametrize(
    ("told", "status", "code"),
    [
        ({"currency": "CHF"}, 422, "currency-mismatch"),
        ({"paid_on": str(TODAY + timedelta(days=2))}, 422, "invalid-input"),
        ({"amount_minor": 0}, 422, "invalid-input"),
        ({"amount_minor": 10.5}, 422, "invalid-input"),
    ],
)
def test_money_that_cannot_be_booked_changes_nothing(call, claim, told, status, code):
    """A clear problem, and the claim as it was."""
    refused = call("POST", f"/{claim['id']}/payments", a_payment(**told))
    assert (refused.status_code, refused.json["code"]) == (status, code)
    assert call("GET", f"/{claim['id']}").json == claim


def test_an_overpayment_is_the_debtors_credit_and_its_reversal_opens_again(call, claim):
    """His 50 EUR too much stand on the claim."""
    paid = call("POST", f"/{claim['id']}/payments", a_payment(amount_minor=15_000)).json
    assert (paid["state"], paid["credit_minor"]) == ("SETTLED", 5_000)
    path = f"/{claim['id']}/payments/{paid['payments'][0]['id']}/reverse"
    back = call("POST", path, {"reason": "returned"}).json
    assert (back["state"], back["owed_minor"], back["credit_minor"]) == ("DUNNING", 10_000, 0)
    unknown = call("POST", f"/{claim['id']}/payments/{to_public('cpm', new_id())}/reverse", {"reason": "x"})
    assert (unknown.status_code, unknown.json["code"]) == (404, "payment-unknown")


def test_a_hold_is_set_and_lifted(call, claim):
    """A promise to pay until a day; insolvency has no end."""
    until = str(TODAY + timedelta(days=7))
    held = call("POST", f"/{claim['id']}/holds", {"reason": "promise", "until_on": until, "amount_minor": 10_000}).json
    assert [(one["reason"], one["until_on"]) for one in held["holds"]] == [("promise", until)]
    lifted = call("POST", f"/{claim['id']}/holds/{held['holds'][0]['id']}/lift", {"outcome": "broken"})
    assert lifted.json["holds"] == []
    refused = call("POST", f"/{claim['id']}/holds", {"reason": "insolvency", "until_on": until})
    assert refused.status_code == 422


def test_credits_write_off_and_its_reversal(call, claim):
    """Half was never owed, the rest is given up, and owed again."""
    told = {"external_id": "c-1", "amount_minor": 5_000, "value_date": str(TODAY), "from_start": True}
    for _ in range(2):
        credited = call("POST", f"/{claim['id']}/credits", told).json
        assert (credited["owed_minor"], credited["statement"]["credits_minor"]) == (5_000, 5_000)
    assert call("POST", f"/{claim['id']}/credits", told | {"external_id": "c-2", "amount_minor": 9_000}).json[
        "code"
    ] == ("credit-too-high")
    off = call("POST", f"/{claim['id']}/write-off", {"reason": "moved abroad"}).json
    assert (off["state"], off["owed_minor"], off["statement"]["written_off_minor"]) == ("WRITTEN_OFF", 0, 5_000)
    assert call("POST", f"/{claim['id']}/write-off", {"reason": "again"}).json["code"] == "claim-closed"
    back = call("POST", f"/{claim['id']}/write-off/reverse", {"reason": "found"}).json
    assert (back["state"], back["owed_minor"]) == ("DUNNING", 5_000)


def test_the_due_date_and_the_address_can_change(call, claim):
    """The address is sealed: the timeline shows it, the claim does not."""
    due = str(TODAY + timedelta(days=10))
    told = {"due_date": due, "reason": "agreed by phone", "contact": {"line1": "Neuer Wall 1", "city": "Hamburg"}}
    assert call("PATCH", f"/{claim['id']}", told).json["due_date"] == due
    assert call("PATCH", f"/{claim['id']}", {"reason": "nothing"}).status_code == 422
    events = call("GET", f"/{claim['id']}/timeline").json["events"]
    assert [one["event"] for one in events] == ["opened", "due_date_changed", "contact_changed"]
    assert events[2]["facts"]["contact"]["line1"] == "Neuer Wall 1"
    page = call("GET", f"/{claim['id']}/timeline?limit=2").json
    assert (len(page["events"]), page["next_after"]) == (2, 2)


def test_a_statement_of_any_day(call, claim):
    """Past and future by `as_of`."""
    for day in (date(2020, 1, 1), TODAY + timedelta(days=3000)):
        found = call("GET", f"/{claim['id']}?as_of={day}").json["statement"]
        assert (found["as_of"], found["total_minor"]) == (str(day), 10_000)


def test_a_list_is_narrowed_and_paged(book, call):
    """By state, buyer, overdue; the cursor goes on."""
    ids = [call("POST", "", a_claim(book, reference=f"R-{n}")).json["id"] for n in range(3)]
    late = call("POST", "", a_claim(book, reference="R-9", due_date=str(TODAY + timedelta(days=9)))).json
    assert [one["id"] for one in call("GET", "?overdue=true").json["claims"]] == ids[::-1]
    assert [one["id"] for one in call("GET", "?overdue=false").json["claims"]] == [late["id"]]
    assert [one["id"] for one in call("GET", f"?buyer_id={late['buyer_id']}").json["claims"]] == [late["id"]]
    assert call("GET", "?state=SETTLED").json["claims"] == []
    first = call("GET", "?limit=2").json
    rest = call("GET", f"?limit=2&cursor={first['next_cursor']}").json
    assert [one["id"] for one in first["claims"] + rest["claims"]] == [late["id"], *ids[::-1]]
    assert call("GET", "?cursor=nonsense").status_code == 422


def test_another_shop_or_a_key_without_the_scope_sees_nothing(services, call, claim):
    """Unknown there, and forbidden without `claims:read`."""
    assert call("GET", f"/{claim['id']}", world=a_world(services)).json["code"] == "claim-unknown"
    assert call("GET", "", world=a_world(services, scopes=frozenset({"orders:read"}))).status_code == 403


def test_a_credit_is_paid_back_once_and_no_more_than_it_is(call, claim):
    """50 EUR too much came in; 60 cannot go back, 50 can, told twice they went once."""
    call("POST", f"/{claim['id']}/payments", a_payment(amount_minor=15_000))
    told = {"external_id": "r-1", "paid_on": str(TODAY), "amount_minor": 5_000}
    for wrong, status, code in (
        ({"amount_minor": 6_000}, 409, "refund-too-high"),
        ({"paid_on": str(TODAY + timedelta(days=2))}, 422, "invalid-input"),
    ):
        refused = call("POST", f"/{claim['id']}/refunds", told | wrong)
        assert (refused.status_code, refused.json["code"]) == (status, code)
    for _ in range(2):
        paid = call("POST", f"/{claim['id']}/refunds", told).json
        assert (paid["state"], paid["owed_minor"], paid["credit_minor"]) == ("SETTLED", 0, 0)


def test_a_shop_says_on_which_ground_its_claims_are_due(call):
    """Nothing is agreed until it says so; what is agreed names its terms."""
    first = call("GET", "/payment-terms").json
    assert (first["version"], first["term_days"], first["day_agreed"]) == (0, 14, False)
    refused = call("PUT", "/payment-terms", {"day_agreed": True})
    assert (refused.status_code, refused.json["errors"][0]["path"]) == (422, "/terms")
    for _ in range(2):
        kept = call("PUT", "/payment-terms", {"day_agreed": True, "terms": "AGB 2026-03"}).json
        assert (kept["version"], kept["day_agreed"], kept["terms"]) == (1, True, "AGB 2026-03")
    assert call("GET", "/payment-terms").json == kept
