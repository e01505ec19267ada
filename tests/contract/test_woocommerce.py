"""WooCommerce's recorded cart, orders and webhooks, and own small ones: what they become here."""

import base64
import hashlib
import hmac
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.reading import MappingError
from connectors.woocommerce import adapter, mapping
from connectors.woocommerce.methods import KINDS, kind_of
from gateway.checkout import methods as ours
from gateway.checkout.schemas import CheckoutSchema
from gateway.shops.platform import Beside, installed
from gateway.shops.schemas import EventTellSchema, OrderTellSchema
from tests.builders import a_world
from tests.conftest import SHARED
from tests.foreign import decided, mutated, read_or_refused, recorded, sum_of_parts, tell

EXAMPLES = Path(__file__).parents[2] / "examples"
CART = json.loads((EXAMPLES / "woocommerce-cart.json").read_text())
ORDER = json.loads((EXAMPLES / "woocommerce-order.json").read_text())
WEBHOOKS = (
    "webhook-02-order-updated.body",
    "webhook-04-order-created.body",
    "webhook-06-order-updated.body",
    "webhook-07-order-updated.body",
    "webhook-08-order-updated.body",
)


def test_the_recorded_cart_is_decided_method_by_method(app, services):
    """2 shoes at 120.00 and 4.90 for the parcel, before the buyer has typed anything."""
    (cart,) = recorded("woocommerce", "store-api-cart.json")
    question = mapping.from_store_api_cart(cart)
    assert question == {
        "currency": "EUR",
        "total_minor": 2 * 12_000 + 490,
        "items": [{"quantity": 2, "unit_minor": 12_000, "kind": "physical", "sku": "TEST-1", "name": "Test shoe"}],
        "shipping_minor": 490,
        "billing": {"state": "DE-BE", "country": "DE"},
        "delivery": {"state": "DE-BE", "country": "DE"},
        "methods": [
            {"id": "bacs", "kind": "prepayment"},
            {"id": "cheque", "kind": "invoice"},
            {"id": "cod", "kind": "cash_on_delivery"},
        ],
    }
    answer = decided(app, a_world(services).auth, question)
    assert answer["total_minor"] == 24_490
    assert next(offer["method"] for offer in answer["offers"] if offer["show"]) == "bacs"


def test_the_recorded_order_is_decided(app, services):
    """A list of one order, as REST answers; the shop's own server is nobody's address."""
    (orders,) = recorded("woocommerce", "rest-v3-orders.json")
    question = mapping.from_rest_order(orders)
    assert (question["reference"], question["total_minor"], question["shipping_minor"]) == ("50", 12_490, 490)
    assert question["buyer"] == {"guest": True}
    assert "ip" not in question["context"]
    assert decided(app, a_world(services).auth, question)["offers"][0]["method"] == "bacs"


@pytest.mark.parametrize("name", WEBHOOKS)
def test_every_recorded_webhook_is_signed_as_we_think_and_becomes_a_decision(app, services, name):
    """The signature is over the bytes that we read; the body is the same order in another state."""
    (body,) = recorded("woocommerce", name)
    raw = (SHARED / "fixtures/woocommerce" / name).read_bytes()
    headers = json.loads((SHARED / "fixtures/woocommerce" / name.replace(".body", ".headers.json")).read_text())
    signature = base64.b64encode(hmac.digest(b"s3cret", raw, hashlib.sha256)).decode()
    assert signature == headers["X-WC-Webhook-Signature"]
    question = mapping.from_rest_order(body)
    assert sum_of_parts(question) == question["total_minor"] == 12_490
    assert question["buyer"]["email"] == "ada@example.test"
    menu = Beside(methods=["cheque", "bacs", "stripe"])
    answer = decided(app, a_world(services).auth, mapping.from_rest_order(body, menu))
    assert {offer["method"] for offer in answer["offers"]} == {"cheque", "bacs", "stripe"}


def test_the_recorded_order_lives_through_its_webhooks(services):
    """Placed, paid, refunded in part, cancelled: told in the order it arrived, each event counted once."""
    world = a_world(services)
    bodies = recorded("woocommerce", *WEBHOOKS)
    states = [tell(services, world, adapter, body) for body in bodies]
    seen = [(order["state"], order["paid_minor"], order["refunded_minor"], order["open_minor"]) for order in states]
    assert seen == [
        ("PLACED", 0, 0, 12_490),
        ("PLACED", 0, 0, 12_490),
        ("PLACED", 12_490, 0, 0),
        ("PLACED", 12_490, 2_000, 0),
        ("CANCELLED", 12_490, 2_000, 0),
    ]
    assert [event["external_id"] for event in states[-1]["events"]] == ["paid:51", "refund:52", "cancelled:51"]


def test_a_deleted_order_and_a_ping_are_no_questions():
    """Their bodies name no amounts; the fault says which."""
    with pytest.raises(MappingError) as refused:
        mapping.from_rest_order({"id": 51})
    assert refused.value.facts["errors"] == [{"path": "/currency", "message": "is missing"}]


def test_net_prices_tax_coupon_and_fee_add_up_to_what_the_buyer_pays(app, services):
    """3 mugs and a teapot net of 19 % tax, 10 % off, gift wrap, parcel: 93.56."""
    question = mapping.from_store_api_cart(CART, Beside(ip="198.51.100.7", reference="cart-9", language="de_DE_formal"))
    assert [(item["quantity"], item["unit_minor"]) for item in question["items"]] == [(3, 1_190), (1, 5_950)]
    assert question["shipping_minor"] == 412 + 78
    assert question["fees_minor"] == 250 + 48
    assert question["discount_minor"] == 800 + 152
    assert sum_of_parts(question) == question["total_minor"] == 3 * 1_190 + 5_950 + 490 + 298 - 952
    assert (question["reference"], question["buyer"]["language"]) == ("cart-9", "de")
    answer = decided(app, a_world(services).auth, question)
    assert {offer["kind"] for offer in answer["offers"]} == {"invoice", "card_3ds", "paypal", "prepayment"}


def test_a_shop_that_calculates_without_decimals_sells_in_cents_all_the_same():
    """`currency_minor_unit` is a setting of the shop, not a property of the euro."""
    cart = json.loads(json.dumps(CART))
    cart["totals"] |= {"currency_minor_unit": 0, "total_price": "90", "total_items": "90", "total_items_tax": "0"}
    cart["totals"] |= dict.fromkeys(("total_fees", "total_fees_tax", "total_shipping", "total_shipping_tax"), "0")
    cart["totals"] |= dict.fromkeys(("total_discount", "total_discount_tax"), "0")
    cart["items"] = [{"quantity": 2, "totals": {"line_subtotal": "90", "line_subtotal_tax": "0"}}]
    question = mapping.from_store_api_cart(cart)
    assert question["total_minor"] == 9_000
    assert question["items"] == [{"quantity": 2, "unit_minor": 4_500, "kind": "physical"}]


def test_yen_have_no_cents():
    """A currency without minor units keeps its numbers."""
    order = ORDER | {"currency": "JPY", "total": "10490", "line_items": [], "shipping_total": "0", "shipping_tax": "0"}
    assert mapping.from_rest_order(order)["total_minor"] == 10_490


def test_pieces_that_do_not_divide_keep_their_sum(app, services):
    """3 pairs for 100.00 are two at 33.33 and one at 33.34."""
    question = mapping.from_rest_order(ORDER)
    assert [(item["quantity"], item["unit_minor"]) for item in question["items"]] == [(2, 3_333), (1, 3_334)]
    assert sum_of_parts(question) == question["total_minor"] == 10_490
    assert decided(app, a_world(services).auth, question)["currency"] == "EUR"


def test_a_company_is_known_by_its_name_or_vat_id():
    """German plugins keep the VAT id in different places."""
    order = json.loads(json.dumps(ORDER))
    assert mapping.from_rest_order(order)["buyer"]["vat_id"] == "DE123456789"
    del order["billing"]["vat_id"]
    order["meta_data"] = [{"key": "billing_vat", "value": " ATU12345678 "}]
    assert mapping.from_rest_order(order)["buyer"]["vat_id"] == "ATU12345678"
    assert mapping.from_rest_order(order)["buyer"]["company"] == "Muster Bau GmbH"


def test_what_is_half_typed_is_not_known_yet():
    """A cart is asked about while the buyer types; half an e-mail address is no fault of the shop."""
    cart = json.loads(json.dumps(CART))
    cart["billing_address"] |= {"email": "grete@", "country": ""}
    question = mapping.from_store_api_cart(cart)
    assert "email" not in question["buyer"]
    assert "billing" not in question


def test_what_a_plugin_takes_off_the_total_is_a_reduction():
    """A gift card or store credit that no field explains: the total is what the buyer pays."""
    cart = json.loads(json.dumps(CART))
    cart["totals"]["total_price"] = "4356"
    question = mapping.from_store_api_cart(cart)
    assert (question["total_minor"], question["discount_minor"]) == (4_356, 952 + 5_000)
    assert sum_of_parts(question) == 4_356


def test_a_negative_fee_is_a_reduction():
    """Plugins give discounts as fees below zero."""
    order = json.loads(json.dumps(ORDER))
    order |= {"fee_lines": [{"total": "-10.00", "total_tax": "-1.90"}], "total": "93.00"}
    question = mapping.from_rest_order(order)
    assert question["discount_minor"] == 1_190
    assert "fees_minor" not in question


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({}, "physical"),
        ({"needs_processing": False}, "digital"),
        ({"line_items": [{"quantity": 1, "subtotal": "50", "meta_data": [{"key": "wc_gc_giftcard_to_multiple"}]}]}, "gift_card"),
    ],
)  # fmt: skip
def test_downloads_and_gift_cards_are_told_apart(change, kind):
    """What resells within minutes is another risk than a coat."""
    assert mapping.from_rest_order(ORDER | change)["items"][0]["kind"] == kind


def test_cloth_by_the_metre_is_one_piece():
    """1.5 metres cannot be a number of pieces."""
    order = ORDER | {"line_items": [{"quantity": 1.5, "subtotal": "30.00", "subtotal_tax": "5.70"}]}
    assert mapping.from_rest_order(order)["items"] == [{"quantity": 1, "unit_minor": 3_570, "kind": "physical"}]


def test_an_order_of_more_lines_than_we_take_is_judged_by_its_total(app, services):
    """501 lines: the basket is not told, the decision is made."""
    line = {"quantity": 1, "subtotal": "1.00", "subtotal_tax": "0"}
    order = ORDER | {"line_items": [line] * 501, "total": "505.90"}
    question = mapping.from_rest_order(order)
    assert "items" not in question
    assert decided(app, a_world(services).auth, question)["total_minor"] == 50_590


def test_the_shop_order_tells_payment_dispatch_and_refund(services):
    """The synthetic order: paid by card, completed two days later, one pair refunded."""
    order = tell(services, a_world(services), adapter, ORDER)
    assert (order["state"], order["paid_minor"], order["refunded_minor"], order["open_minor"]) == (
        "SHIPPED",
        10_490,
        3_333,
        0,
    )
    assert order["method"] == {"id": "stripe", "kind": "card_3ds"}
    assert order["buyer"]["company"] == "Muster Bau GmbH"


def test_a_date_of_payment_proves_nothing_for_an_invoice(services):
    """WooCommerce writes it when the shop lets the goods go; a refund then takes back a debt, no money."""
    order = tell(services, a_world(services), adapter, ORDER | {"payment_method": "german_market_purchase_on_account"})
    assert (order["paid_minor"], order["returned_minor"], order["open_minor"]) == (0, 3_333, 10_490 - 3_333)


def test_a_draft_is_no_order():
    """Blocks checkouts keep drafts among the orders."""
    with pytest.raises(MappingError) as refused:
        mapping.order_put(ORDER | {"status": "checkout-draft"})
    assert refused.value.facts["errors"][0]["path"] == "/status"


def test_the_decision_of_our_plugin_is_told_with_the_order():
    """Only what looks like one of our ids."""
    known = "dec_01m80jtwssevksa7y719cbahm4"
    for value, expected in ((known, known), ("dec_forged", None), (7, None)):
        order = ORDER | {"meta_data": [{"key": mapping.DECISION_META, "value": value}]}
        assert mapping.order_put(order).get("decision_id") == expected


def test_every_proposed_kind_is_one_of_ours_and_strangers_are_other():
    """Ids of published plugins; an id that nobody described is judged as unknown."""
    assert set(KINDS.values()) <= set(ours.KINDS) - {"instalments"}
    assert [kind_of(name) for name in ("klarna_payments_pay_later", "mollie_wc_gateway_klarna", "acme_pay")] == [
        "bnpl_guaranteed",
        "bnpl_guaranteed",
        "other",
    ]


def test_the_merchants_own_kinds_win():
    """He knows what he offers as `cheque`."""
    question = mapping.from_store_api_cart(CART, Beside(methods=["cheque", "acme"], kinds={"acme": "sepa_debit"}))
    assert question["methods"] == [{"id": "cheque", "kind": "invoice"}, {"id": "acme", "kind": "sepa_debit"}]


def test_the_gateway_finds_the_connector_by_entry_point():
    """Installed, not imported."""
    assert installed()["woocommerce"] is adapter


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_spoiled_document_is_refused_by_place_or_still_a_valid_question(data):
    """Whatever a plugin does to a document: a MappingError, or a question and an order that our doors accept."""
    for document, read in ((CART, mapping.from_store_api_cart), (ORDER, mapping.from_rest_order)):
        question = read_or_refused(read, data.draw(mutated(document)))
        if question is not None:
            CheckoutSchema().load(question)
            assert sum_of_parts(question) == question["total_minor"] or "items" not in question


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(document=mutated(ORDER))
def test_a_spoiled_order_is_refused_by_place_or_accepted_with_its_events(document):
    """As above, for the doors of orders."""
    body, events = (read_or_refused(read, document) for read in (mapping.order_put, mapping.order_events))
    if body is not None:
        OrderTellSchema().load(body)
    for event in events or ():
        EventTellSchema().load(event)
