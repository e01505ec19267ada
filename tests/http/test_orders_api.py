"""`/v1/orders` over HTTP: what a shop tells, what it is answered, and how mistakes are named."""

import io

import pytest
from sqlalchemy import select
from werkzeug.datastructures import FileStorage
from werkzeug.test import stream_encode_multipart

from gateway.core import clock
from gateway.core.ids import new_id, to_public
from gateway.shops.erasure import erase
from gateway.shops.models import Order
from tests.builders import a_world


def an_order(**overrides):
    return {
        "method": {"id": "cheque", "kind": "invoice"},
        "currency": "EUR",
        "total_minor": 12_490,
        "placed_at": "2026-11-02T10:00:00+01:00",
        "due_date": "2026-11-16",
        "buyer": {"email": "ada@example.com", "first_name": "Ada", "last_name": "Byron"},
        "billing": {"line1": "Lange Reihe 7", "postcode": "20099", "city": "Hamburg", "country": "DE"},
        "items": [{"quantity": 1, "unit_minor": 12_490, "sku": "SHOE-1"}],
    } | overrides


def an_event(event="paid", **overrides):
    amount = {"amount_minor": 12_490} if event in {"paid", "refunded", "returned"} else {}
    return {"event": event, "external_id": f"{event}-1", "occurred_at": "2026-11-03T09:00:00Z"} | amount | overrides


class Shop:
    """A shop that calls the API with its key."""

    def __init__(self, app, world):
        self.client, self.world = app.test_client(), world

    def put(self, order, reference="1001", **headers):
        return self.client.put(f"/v1/orders/{reference}", json=order, headers=self.world.auth | headers)

    def tell(self, event, reference="1001", **headers):
        return self.client.post(f"/v1/orders/{reference}/events", json=event, headers=self.world.auth | headers)

    def upload(self, content=b"%PDF-1.7", reference="1001", kind="invoice", name="invoice.pdf", **headers):
        stream, length, boundary = stream_encode_multipart(
            {"kind": kind, "file": FileStorage(io.BytesIO(content), name)}, use_tempfile=False
        )
        return self.client.post(
            f"/v1/orders/{reference}/documents",
            input_stream=stream,
            content_length=length,
            content_type=f'multipart/form-data; boundary="{boundary}"',
            headers=self.world.auth | headers,
        )

    def get(self, path=""):
        return self.client.get(f"/v1/orders{path}", headers=self.world.auth)


@pytest.fixture
def shop(app, services):
    return Shop(app, a_world(services))


def test_an_order_is_created_once_and_read_as_it_was_told(shop):
    """201 the first time, 200 after; times come back in UTC."""
    created = shop.put(an_order())
    assert created.status_code == 201, created.json
    order = created.json
    assert order["id"].startswith("ord_")
    assert order["buyer_id"].startswith("buy_")
    assert (order["placed_at"], order["due_date"]) == ("2026-11-02T09:00:00Z", "2026-11-16")
    assert (order["state"], order["open_minor"], order["live"]) == ("PLACED", 12_490, True)
    assert order["method"] == {"id": "cheque", "kind": "invoice"}
    assert order["billing"]["line1"] == "Lange Reihe 7"
    again = shop.put(an_order())
    assert (again.status_code, again.json) == (200, order)
    assert shop.get("/1001").json == order


def test_events_move_the_order(shop):
    """Shipped, delivered, paid; the answer is the order as it stands."""
    shop.put(an_order())
    shop.tell(an_event("shipped", facts={"carrier": "DHL", "tracking_number": "JJD123"}))
    shop.tell(an_event("delivered", occurred_at="2026-11-05T12:00:00Z"))
    paid = shop.tell(an_event("paid"))
    assert paid.status_code == 200
    assert (paid.json["state"], paid.json["open_minor"], paid.json["paid_minor"]) == ("DELIVERED", 0, 12_490)
    assert paid.json["delivered_at"] == "2026-11-05T12:00:00Z"
    shipped = next(event for event in paid.json["events"] if event["event"] == "shipped")
    assert shipped["facts"] == {"carrier": "DHL", "tracking_number": "JJD123"}


def test_an_event_told_twice_gets_the_same_answer(shop):
    """And one that says something else under the same id is refused by name."""
    shop.put(an_order())
    first, again = shop.tell(an_event()), shop.tell(an_event())
    assert (first.status_code, first.json) == (again.status_code, again.json)
    other = shop.tell(an_event(amount_minor=1))
    assert (other.status_code, other.json["code"]) == (409, "event-contradicts")


def test_a_request_that_comes_again_under_its_key_counts_once_and_is_told_how_the_order_stands(shop):
    """Even after the order has moved on; with other content it is an error."""
    shop.put(an_order())
    key = {"Idempotency-Key": "k-1"}
    shop.tell(an_event("shipped"), **key)
    moved_on = shop.tell(an_event("paid"))
    again = shop.tell(an_event("shipped"), **key)
    assert (again.status_code, again.json) == (200, moved_on.json)
    other = shop.tell(an_event("delivered"), **key)
    assert (other.status_code, other.json["code"]) == (409, "idempotency-conflict")


def test_an_erased_buyer_does_not_come_back_in_the_answer_to_a_repeated_request(shop, services):
    """The key is known for two days, the answer is made from what is there now."""
    shop.put(an_order())
    key = {"Idempotency-Key": "k-1"}
    assert "Byron" in shop.tell(an_event("shipped"), **key).text
    with services.db.transaction(shop.world.merchant_id) as session:
        buyer_id = session.scalars(select(Order.buyer_id)).one()
        erase(session, buyer_id, clock.now(), [])
    again = shop.tell(an_event("shipped"), **key)
    assert again.status_code == 200
    assert "Byron" not in again.text
    assert "ada@example.com" not in again.text


@pytest.mark.parametrize(
    ("order", "code", "status"),
    [
        (an_order(currency="CHF"), "order-contradicts", 409),
        (an_order(total_minor=1), "cancelled-order", 409),
    ],
)
def test_a_put_that_contradicts_what_is_known_is_refused_by_name(shop, order, code, status):
    """The order was told in euros and has been cancelled."""
    shop.put(an_order())
    shop.tell(an_event("cancelled"))
    answer = shop.put(order)
    assert (answer.status_code, answer.json["code"]) == (status, code)


def test_an_event_before_its_order_is_a_404_that_says_what_to_do(shop):
    """Plugins send the order again and then the event."""
    answer = shop.tell(an_event())
    assert (answer.status_code, answer.json["code"]) == (404, "order-unknown")
    assert "PUT" in answer.json["title"]


def test_a_refund_beyond_the_payments_is_refused(shop):
    """With what was paid, so that the shop sees which message is missing."""
    shop.put(an_order())
    answer = shop.tell(an_event("refunded"))
    assert (answer.status_code, answer.json["code"], answer.json["paid_minor"]) == (409, "refund-exceeds-payment", 0)
    assert shop.get("/1001").json["events"] == []


@pytest.mark.parametrize(
    ("order", "path"),
    [
        (an_order(total_minor=12.5), "/total_minor"),
        (an_order(total_minor=True), "/total_minor"),
        (an_order(total_minor=-1), "/total_minor"),
        (an_order(total_minor=10**15 + 1), "/total_minor"),
        (an_order(currency="EURO"), "/currency"),
        (an_order(placed_at="2026-11-02T10:00:00"), "/placed_at"),
        (an_order(placed_at="1999-12-31T23:59:59Z"), "/placed_at"),
        (an_order(placed_at="2099-01-01T00:00:00Z"), "/placed_at"),
        (an_order(due_date="9999-12-31"), "/due_date"),
        (an_order(due_date="2026-11-16T00:00:00Z"), "/due_date"),
        (an_order(decision_id="ord_01m80jtwssevksa7y719cbahm4"), "/decision_id"),
        (an_order(decision_id="dec_zzzzzzzzzzzzzzzzzzzzzzzzzz"), "/decision_id"),
        (an_order(method={"id": "", "kind": "invoice"}), "/method/id"),
        (an_order(method={"id": "x", "kind": "barter"}), "/method/kind"),
        (an_order(buyer={"email": "nobody"}), "/buyer/email"),
        (an_order(buyer={"guest": "yes"}), "/buyer/guest"),
        (an_order(billing={"country": "Germany"}), "/billing/country"),
        (an_order(items=[{"quantity": 0, "unit_minor": 1}]), "/items/0/quantity"),
        (an_order(items=[{"quantity": 1, "unit_minor": 1}] * 501), "/items"),
        (an_order(colour="red"), "/colour"),
    ],
)
def test_a_mistake_is_named_with_its_place(shop, order, path):
    """422 with a JSON pointer, never a 500."""
    answer = shop.put(order)
    assert (answer.status_code, answer.json["code"]) == (422, "invalid-input"), answer.json
    assert [fault["path"] for fault in answer.json["errors"]] == [path]


@pytest.mark.parametrize(
    ("event", "path"),
    [
        ({"event": "lost"} | {"external_id": "x", "occurred_at": "2026-11-03T09:00:00Z"}, "/event"),
        (an_event("shipped", amount_minor=1), "/amount_minor"),
        (an_event(amount_minor=0), "/amount_minor"),
        ({"event": "paid", "external_id": "x", "occurred_at": "2026-11-03T09:00:00Z"}, "/amount_minor"),
        (an_event(external_id=""), "/external_id"),
        (an_event(external_id="kulanz:1"), "/external_id"),
        (an_event(occurred_at="yesterday"), "/occurred_at"),
        (an_event(occurred_at="2099-01-01T00:00:00Z"), "/occurred_at"),
        (an_event(facts={"colour": "red"}), "/facts/colour"),
    ],
)
def test_a_mistaken_event_is_named_with_its_place(shop, event, path):
    """As for orders."""
    shop.put(an_order())
    answer = shop.tell(event)
    assert (answer.status_code, [fault["path"] for fault in answer.json["errors"]]) == (422, [path]), answer.json


def test_an_invoice_is_uploaded_and_listed(shop):
    """The same file again is the same document."""
    shop.put(an_order())
    first = shop.upload()
    assert first.status_code == 201, first.json
    assert first.json["id"].startswith("doc_")
    assert (first.json["kind"], first.json["media_type"], first.json["size"]) == ("invoice", "application/pdf", 8)
    assert shop.upload().json == first.json
    assert shop.get("/1001").json["documents"] == [first.json]
    key = {"Idempotency-Key": "k-1"}
    assert shop.upload(kind="delivery_proof", name="pod.pdf", content=b"%PDF-2", **key).status_code == 201
    other = shop.upload(kind="delivery_proof", name="pod.pdf", content=b"%PDF-3", **key)
    assert (other.status_code, other.json["code"]) == (409, "idempotency-conflict")


def test_what_is_no_document_is_refused(shop):
    """Wrong kind, wrong bytes, empty, missing, too large, of an unknown order."""
    shop.put(an_order())
    assert shop.upload(kind="letter").status_code == 422
    assert shop.upload(content=b"MZ\x90\x00").status_code == 422
    assert shop.upload(content=b"").status_code == 422
    no_file = {"data": {"kind": "invoice"}, "content_type": "multipart/form-data"}
    path = "/v1/orders/1001/documents"
    assert shop.client.post(path, headers=shop.world.auth, **no_file).status_code == 422
    assert shop.client.post(path, headers=shop.world.auth, json={"kind": "invoice"}).status_code in {415, 422}
    assert shop.upload(content=b"%PDF" + b"x" * (10 * 1024 * 1024)).status_code == 413
    assert shop.upload(content=b"%PDF" + b"x" * (12 * 1024 * 1024)).status_code == 413
    assert shop.upload(reference="1002").status_code == 404


def test_orders_are_listed_in_pages(shop):
    """Without what is personal, the newest first."""
    for number in range(3):
        shop.put(an_order(), reference=str(number))
    first = shop.get("?limit=2").json
    assert len(first["orders"]) == 2
    assert "buyer" not in first["orders"][0]
    second = shop.get(f"?limit=2&cursor={first['next_cursor']}").json
    assert [len(second["orders"]), second["next_cursor"]] == [1, None]
    assert shop.get("?state=CANCELLED").json == {"orders": [], "next_cursor": None}


@pytest.mark.parametrize("query", ["?limit=0", "?limit=101", "?limit=x", "?state=LOST", "?cursor=%01", "?sort=asc"])
def test_a_mistaken_page_is_a_422(shop, query):
    """Never a 500, never a guess."""
    answer = shop.get(query)
    assert (answer.status_code, answer.json["code"]) == (422, "invalid-input")


@pytest.mark.parametrize("reference", ["%00", "%0A", "x" * 201, "%F0%9F%91%9F", "a%2Fb", "%C3%28", "%ED%A0%80"])
def test_a_strange_reference_is_no_error_of_ours(shop, reference):
    """Whatever stands in the path, the answer is a problem document or an order."""
    for answer in (
        shop.put(an_order(), reference=reference),
        shop.tell(an_event(), reference=reference),
        shop.get(f"/{reference}"),
    ):
        assert answer.status_code in {200, 201, 400, 404, 422}, answer.json


def test_a_key_without_the_scope_may_read_but_not_write(app, services):
    """Scopes go by verb."""
    reader = Shop(app, a_world(services, scopes=frozenset({"orders:read"})))
    assert reader.get().status_code == 200
    refused = reader.put(an_order())
    assert (refused.status_code, refused.json["needed"]) == (403, "orders:write")


def test_the_order_of_another_merchant_does_not_exist(app, services, shop):
    """Nor does its document or event."""
    shop.put(an_order())
    stranger = Shop(app, a_world(services))
    for answer in (stranger.get("/1001"), stranger.tell(an_event()), stranger.upload()):
        assert (answer.status_code, answer.json["code"]) == (404, "order-unknown")
    assert stranger.get().json["orders"] == []
    assert stranger.get(f"?cursor={to_public('cur', new_id())}").json["orders"] == []
    assert shop.client.get("/v1/orders/1001").status_code == 401


def test_the_description_of_the_api_names_every_way_to_tell_an_order(app):
    """OpenAPI lists the paths and the upload."""
    paths = app.test_client().get("/openapi.json").json["paths"]
    assert set(paths["/v1/orders/{reference}"]) >= {"get", "put"}
    upload = paths["/v1/orders/{reference}/documents"]["post"]
    assert "multipart/form-data" in upload["requestBody"]["content"]
