"""Shopify's documented orders of 2011 to 2026, and an own one in two currencies: what they become here."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from connectors.reading import MappingError
from connectors.shopify import adapter, mapping
from connectors.shopify.methods import KINDS, WORDS, kind_of
from gateway.checkout import methods as ours
from gateway.checkout.schemas import CheckoutSchema
from gateway.shops.platform import Beside, installed
from gateway.shops.schemas import EventTellSchema, OrderTellSchema
from tests.builders import a_world
from tests.foreign import decided, mutated, read_or_refused, recorded, sum_of_parts, tell

ORDER = json.loads((Path(__file__).parents[2] / "examples" / "shopify-order.json").read_text())
NEW = "ruby_api_2026_07/order_0{}.json"
WHOLE = (*(NEW.format(number) for number in (1, 3, 4, 6, 7, 8, 9)), "python_api/order.json", "python_api/orders.json")
"""Answers that hold a whole order; the others were asked with `fields=`."""


@pytest.mark.parametrize("name", WHOLE)
def test_every_documented_order_becomes_a_decision(app, services, name):
    """Fifteen years of the interface, one reader."""
    (document,) = recorded("shopify", name)
    question = mapping.from_order(document)
    assert sum_of_parts(question) == question["total_minor"] or "items" not in question
    answer = decided(app, a_world(services, currency="USD").auth, question)
    assert answer["total_minor"] == question["total_minor"]
    menu = Beside(methods=["Kauf auf Rechnung", "shopify_payments", "Vorkasse"])
    answer = decided(app, a_world(services, currency="USD").auth, mapping.from_order(document, menu))
    assert {offer["kind"] for offer in answer["offers"]} == {"invoice", "card_3ds", "prepayment"}


def test_an_order_after_returns_is_asked_for_what_is_left():
    """598.94 ordered; two players came back; 199.00 less 3.33 plus 3.98 tax remain."""
    (document,) = recorded("shopify", NEW.format(6))
    question = mapping.from_order(document)
    assert question["items"] == [
        {"quantity": 1, "unit_minor": 19_900, "kind": "physical", "sku": "IPOD2008RED", "name": "IPod Nano - 8gb - red"}
    ]
    assert (question["discount_minor"], question["tax_minor"]) == (333, 398)
    assert question["total_minor"] == 19_900 - 333 + 398 == 19_965
    assert "context" not in question, "0.0.0.0 is nobody's address"


def test_an_old_order_without_current_sums_is_asked_as_ordered():
    """The sample of 2011 contradicts itself (three lines, a subtotal of two): its total counts."""
    (document,) = recorded("shopify", "python_api/order.json")
    question = mapping.from_order(document)
    assert (question["currency"], question["total_minor"]) == ("USD", 40_994)
    assert (question["tax_minor"], question["discount_minor"]) == (1_194, 3 * 19_900 + 1_194 - 40_994)
    assert question["methods"] == [{"id": "authorize_net", "kind": "card"}]


def test_an_order_without_buyer_and_gateway_is_still_a_question():
    """Made by an app: no customer, no address, no name of a gateway."""
    (document,) = recorded("shopify", NEW.format(4))
    question = mapping.from_order(document)
    assert question["methods"] == [{"id": "unnamed", "kind": "other"}]
    assert not {"buyer", "billing", "delivery", "context"} & question.keys()


@pytest.mark.parametrize(("number", "place"), [(2, "/body/orders/0/currency"), (5, "/body/order/currency")])
def test_an_answer_asked_for_some_fields_is_refused_by_what_it_lacks(number, place):
    """Without a currency no amount means anything."""
    (document,) = recorded("shopify", NEW.format(number))
    with pytest.raises(MappingError) as refused:
        mapping.from_order(document)
    assert refused.value.facts["errors"] == [{"path": place, "message": "is missing"}]


def test_the_documented_order_lives_through_its_answers(services):
    """Returned, closed, opened, cancelled: the same order told four times, each event counted once."""
    world = a_world(services, currency="USD")
    documents = recorded("shopify", *(NEW.format(number) for number in (6, 7, 8, 9)))
    order = [tell(services, world, adapter, document) for document in documents][-1]
    assert (order["state"], order["total_minor"], order["refunded_minor"]) == ("CANCELLED", 59_894, 20_900)
    told = [event["external_id"] for event in order["events"]]
    assert sorted(told) == ["cancelled:450789469", "paid:450789469", "refunded:509562969", "returned:509562969"]


def test_the_question_is_in_the_shops_currency_and_the_debt_in_the_buyers(app, services):
    """A Swiss buyer of a shop in the euro area: limits hold in euros, he owes francs."""
    question = mapping.from_order(ORDER)
    assert (question["currency"], question["total_minor"]) == ("EUR", 7_500)
    assert [(item["quantity"], item["unit_minor"], item["kind"]) for item in question["items"]] == [
        (1, 5_000, "physical"),
        (1, 2_500, "digital"),
    ]
    assert (question["shipping_minor"], question["discount_minor"]) == (1_000, 1_000)
    assert sum_of_parts(question) == 7_500
    assert question["context"]["ip"] == "203.0.113.9"
    body = mapping.order_put(ORDER)
    assert (body["currency"], body["total_minor"]) == ("CHF", 11_875)
    assert sum(item["quantity"] * item["unit_minor"] for item in body["items"]) == 2 * 4_750 + 2_375
    assert body["due_date"] == "2026-11-04"
    assert decided(app, a_world(services).auth, question)["currency"] == "EUR"


def test_the_order_tells_parcel_payment_return_and_refund(services):
    """One of two blankets came back: 47.50 francs are returned and refunded, nothing is open."""
    order = tell(services, a_world(services), adapter, ORDER)
    assert (order["state"], order["paid_minor"], order["open_minor"]) == ("DELIVERED", 11_875, 0)
    assert (order["returned_minor"], order["refunded_minor"]) == (4_750, 4_750)
    assert order["events"][0]["facts"] == {"carrier": "Swiss Post", "tracking_number": "99.00.123456"}


def test_what_came_back_before_it_was_paid_lowers_the_debt(services):
    """An invoice order, unpaid: the returned blanket is no longer owed."""
    order = tell(services, a_world(services), adapter, ORDER | {"financial_status": "pending"})
    assert (order["paid_minor"], order["refunded_minor"], order["open_minor"]) == (0, 0, 11_875 - 4_750)


def test_tax_that_prices_do_not_contain_is_told_apart():
    """North American prices: 100.00 and 19.00 tax on top."""
    order = {
        "id": 1,
        "currency": "USD",
        "total_price": "119.00",
        "total_tax": "19.00",
        "taxes_included": False,
        "line_items": [{"price": "50.00", "quantity": 2}],
    }
    question = mapping.from_order(order)
    assert (question["tax_minor"], sum_of_parts(question)) == (1_900, 11_900)
    assert mapping.from_order(order | {"taxes_included": True, "total_price": "100.00"}).get("tax_minor") is None


def test_tips_fees_and_duties_are_charges():
    """What Shopify adds beside goods, parcel and tax."""
    order = {
        "id": 1,
        "currency": "EUR",
        "total_price": "66.00",
        "total_tip_received": "5.00",
        "current_total_additional_fees_set": {"shop_money": {"amount": "1.00", "currency_code": "EUR"}},
        "current_total_duties_set": {"shop_money": {"amount": "10.00", "currency_code": "EUR"}},
        "taxes_included": True,
        "line_items": [{"price": "50.00", "quantity": 1, "gift_card": True}],
    }
    question = mapping.from_order(order)
    assert (question["fees_minor"], question["items"][0]["kind"]) == (1_600, "gift_card")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Rechnung", "invoice"),
        ("Kauf auf Rechnung (14 Tage)", "invoice"),
        ("Invoice - net 30", "invoice"),
        ("Vorkasse / Überweisung", "prepayment"),
        ("Bank Deposit", "prepayment"),
        ("Nachnahme", "cash_on_delivery"),
        ("Cash on Delivery (COD)", "cash_on_delivery"),
        ("SEPA-Lastschrift", "sepa_debit"),
        ("Klarna Rechnung", "bnpl_guaranteed"),
        ("PayPal Rechnungskauf", "bnpl_guaranteed"),
        ("PayPal Express Checkout", "paypal"),
        ("shopify_payments", "card_3ds"),
        ("shopify_installments", "bnpl_guaranteed"),
        ("Kreditkarte", "card"),
        ("Sofortüberweisung", "instant_transfer"),
        ("TWINT", "wallet"),
        ("gift_card", "gift_card"),
        ("Geschenkgutschein", "gift_card"),
        ("manual", "other"),
        ("Bar im Laden", "other"),
        ("", "other"),
    ],
)
def test_gateways_are_known_by_the_names_merchants_give_them(name, kind):
    """German and English names of manual methods; a provider's invoice is not the shop's."""
    assert kind_of(name) == kind


def test_every_proposed_kind_is_one_of_ours():
    """Instalments are never proposed: they need a licensed partner."""
    assert {*KINDS.values(), *(kind for _, kind in WORDS)} <= set(ours.KINDS) - {"instalments"}


def test_a_gift_card_beside_another_method_is_not_what_is_owed():
    """The order is told under the method of the rest."""
    body = mapping.order_put(ORDER | {"payment_gateway_names": ["gift_card", "Rechnung"]})
    assert body["method"] == {"id": "Rechnung", "kind": "invoice"}


def test_a_guest_is_a_customer_without_an_account():
    """Shopify makes a customer of every buyer."""
    for state, guest in (("disabled", True), ("enabled", False), (None, None)):
        order = ORDER | {"customer": ORDER["customer"] | {"state": state}}
        assert mapping.from_order(order)["buyer"].get("guest") is guest


def test_the_gateway_finds_the_connector_by_entry_point():
    """Installed, not imported."""
    assert installed()["shopify"] is adapter


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(document=mutated(ORDER))
def test_a_spoiled_document_is_refused_by_place_or_still_a_valid_question(document):
    """Whatever an app does to an order: a MappingError, or a question that our door accepts."""
    question = read_or_refused(mapping.from_order, document)
    if question is not None:
        CheckoutSchema().load(question)
        assert sum_of_parts(question) == question["total_minor"] or "items" not in question


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(document=mutated(ORDER))
def test_a_spoiled_order_is_refused_by_place_or_accepted_with_its_events(document):
    """As above, for the doors of orders."""
    body, events = (read_or_refused(read, document) for read in (mapping.order_put, mapping.order_events))
    if body is not None:
        OrderTellSchema().load(body)
    for event in events or ():
        EventTellSchema().load(event)
