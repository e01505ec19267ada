"""WooCommerce's documents and what they mean: Store API carts, REST orders, webhook bodies (pure).

Amounts of the Store API are whole numbers in the shop's number of decimals, those of REST decimals as text. Prices are
net with their tax beside them, before and after discounts. Seen on WooCommerce 8.9 to 10.5.
"""

from decimal import Decimal
from typing import Any

from connectors import question
from connectors.question import Line, Parts
from connectors.reading import MappingError, Node, iso, one
from connectors.woocommerce.methods import PAID_BY_STATUS, kind_of
from gateway.core.ids import from_public
from gateway.shops.platform import Beside

DECISION_META = "_kulanz_decision"
"""Where our plugin writes the id of the decision an order was placed under."""
DRAFTS = frozenset({"checkout-draft", "auto-draft", "trash", "new"})
_NOTHING = Beside()


def from_store_api_cart(document: Any, beside: Beside = _NOTHING) -> dict[str, Any]:
    """The question of `GET /wc/store/v1/cart`: its methods are those the shop would show. Raises MappingError."""
    cart = one(document)
    totals = cart.at("totals")
    currency, digits = totals.at("currency_code").currency(), _digits(totals.at("currency_minor_unit"))
    billing = cart.at("billing_address")
    return question.question(
        {
            "reference": beside.reference,
            "currency": currency,
            **question.amounts(totals.at("total_price").total(currency, digits), _cart_parts(cart, currency, digits)),
            "buyer": _buyer(billing, beside),
            "billing": _address(billing),
            "delivery": _address(cart.at("shipping_address")),
            "context": question.context(beside, "", ""),
            "methods": question.methods(_names(cart.at("payment_methods")), beside, kind_of),
        },
    )


def from_rest_order(document: Any, beside: Beside = _NOTHING) -> dict[str, Any]:
    """The question of an order of `GET /wc/v3/orders` or a webhook; its method is the one chosen. Raises MappingError."""
    order = one(document)
    currency = order.at("currency").currency()
    return question.question(
        {
            "reference": beside.reference or order_reference(order.value),
            "currency": currency,
            **question.amounts(order.at("total").total(currency), _order_parts(order, currency)),
            **_people(order, beside),
            "context": question.context(
                beside, order.at("customer_ip_address").text(100), order.at("customer_user_agent").text(1000)
            ),
            "methods": question.methods([order.at("payment_method").text(200)], beside, kind_of),
        },
    )


def order_reference(document: Any) -> str:
    """The order's id: webhooks and refunds name nothing else. Raises MappingError."""
    return one(document).at("id").needed(200)


def order_put(document: Any, beside: Beside = _NOTHING) -> dict[str, Any]:
    """The body of `PUT /v1/orders/{reference}`. Raises MappingError, also for drafts, which are no orders."""
    order = one(document)
    _refuse_draft(order)
    currency, placed = order.at("currency").currency(), order.at("date_created_gmt")
    if (placed_at := placed.moment(utc=True)) is None:
        raise MappingError.at(placed.path, "is missing")
    total = order.at("total").total(currency)
    method = question.methods([order.at("payment_method").text(200)], Beside(kinds=beside.kinds), kind_of)
    return question.question(
        {
            "method": method[0],
            "currency": currency,
            "total_minor": total,
            "placed_at": iso(placed_at),
            "decision_id": _decision_id(_meta(order, DECISION_META)),
            **_people(order, beside),
            "items": question.amounts(total, _order_parts(order, currency)).get("items", ""),
        },
    )


def order_events(document: Any) -> list[dict[str, Any]]:
    """What the order's state tells: paid, shipped (WooCommerce's "completed"), cancelled, refunded. Raises MappingError.

    Refunds of an order that was never paid take back a debt, no money: they are told as returned goods.
    """
    order = one(document)
    _refuse_draft(order)
    currency = order.at("currency").currency()
    paid = _paid(order, currency)
    found = [*paid, *_completed(order), *_refunded(order, currency, paid=bool(paid)), *_cancelled(order)]
    return sorted(found, key=lambda event: str(event["occurred_at"]))


def _refuse_draft(order: Node) -> None:
    status = order.at("status")
    if status.needed(60) in DRAFTS:
        raise MappingError.at(status.path, "is a draft, not an order")


def _paid(order: Node, currency: str) -> list[dict[str, Any]]:
    paid_at, total = order.at("date_paid_gmt").moment(utc=True), order.at("total").total(currency)
    if paid_at is None or not total or order.at("payment_method").text(200) in PAID_BY_STATUS:
        return []
    reference = order.at("transaction_id").text(200)
    return [_event(order, "paid", iso(paid_at), total, {"payment_reference": reference})]


def _completed(order: Node) -> list[dict[str, Any]]:
    completed_at = order.at("date_completed_gmt").moment(utc=True)
    return [_event(order, "shipped", iso(completed_at))] if completed_at else []


def _cancelled(order: Node) -> list[dict[str, Any]]:
    if order.at("status").text(60) != "cancelled":
        return []
    return [_event(order, "cancelled", _seen_at(order))]


def _refunded(order: Node, currency: str, *, paid: bool) -> list[dict[str, Any]]:
    found = []
    for refund in order.at("refunds").list():
        amount = abs(refund.at("total").minor(currency) or refund.at("amount").minor(currency) or 0)
        at = refund.at("date_created_gmt").moment(utc=True)
        if amount:
            told = {
                "event": "refunded" if paid else "returned",
                "external_id": f"refund:{refund.at('id').needed(100)}",
                "occurred_at": iso(at) if at else _seen_at(order),
                "amount_minor": amount,
                "facts": question.brief({"reason": refund.at("reason").text(500)}),
            }
            found.append(question.brief(told))
    return found


def _seen_at(order: Node) -> str:
    """When WooCommerce does not say when something happened: when the order was changed last."""
    modified = order.at("date_modified_gmt")
    moment = modified.moment(utc=True)
    if moment is None:
        raise MappingError.at(modified.path, "is missing")
    return iso(moment)


def _event(order: Node, event: str, at: str, amount: int = 0, facts: dict[str, str] | None = None) -> dict[str, Any]:
    told = {
        "event": event,
        "external_id": f"{event}:{order.at('id').needed(100)}",
        "occurred_at": at,
        "amount_minor": amount or None,
        "facts": question.brief(facts or {}),
    }
    return question.brief(told)


def _cart_parts(cart: Node, currency: str, digits: int) -> Parts:
    totals, digital = cart.at("totals"), cart.at("needs_shipping").flag() is False

    def gross(node: Node, name: str, tax: str) -> int:
        return (node.at(name).minor(currency, digits) or 0) + (node.at(tax).minor(currency, digits) or 0)

    return Parts(
        lines=tuple(
            Line(
                pieces=item.at("quantity").decimal() or Decimal(0),
                gross_minor=gross(item.at("totals"), "line_subtotal", "line_subtotal_tax"),
                kind="gift_card" if "gift" in item.at("type").text(60) else "digital" if digital else "physical",
                sku=item.at("sku").text(200),
                name=item.at("name").text(500),
            )
            for item in cart.at("items").list()
        ),
        shipping_minor=gross(totals, "total_shipping", "total_shipping_tax"),
        fees_minor=gross(totals, "total_fees", "total_fees_tax"),
        discount_minor=gross(totals, "total_discount", "total_discount_tax"),
    )


def _order_parts(order: Node, currency: str) -> Parts:
    def gross(node: Node, name: str, tax: str) -> int:
        return (node.at(name).minor(currency) or 0) + (node.at(tax).minor(currency) or 0)

    return Parts(
        lines=tuple(
            Line(
                pieces=item.at("quantity").decimal() or Decimal(0),
                gross_minor=gross(item, "subtotal", "subtotal_tax"),
                kind=_kind(item, order),
                sku=item.at("sku").text(200),
                name=item.at("name").text(500),
            )
            for item in order.at("line_items").list()
        ),
        shipping_minor=gross(order, "shipping_total", "shipping_tax"),
        fees_minor=sum(gross(fee, "total", "total_tax") for fee in order.at("fee_lines").list()),
        discount_minor=gross(order, "discount_total", "discount_tax"),
    )


def _kind(item: Node, order: Node) -> str:
    """Orders do not tell the product's type: gift cards leave their recipient, and digital goods need no processing."""
    keys = [str(meta.value.get("key")).lower() for meta in item.at("meta_data").list() if isinstance(meta.value, dict)]
    if any("giftcard" in key or "gift_card" in key for key in keys):
        return "gift_card"
    return "digital" if order.at("needs_processing").flag() is False else "physical"


def _people(order: Node, beside: Beside) -> dict[str, Any]:
    """Buyer and addresses of an order."""
    billing = order.at("billing")
    customer, told = order.at("customer_id").text(100), order.at("customer_id").value is not None
    known = {
        "vat_id": billing.at("vat_id").text(40) or question.vat_id(order.at("meta_data").list(), "key"),
        "customer_reference": "" if customer == "0" else customer,
        "guest": customer == "0" if told else None,
        "language": question.language(_meta(order, "wpml_language")),
    }
    return {
        "buyer": question.brief(known) | _buyer(billing, beside),
        "billing": _address(billing),
        "delivery": _address(order.at("shipping")),
    }


def _buyer(billing: Node, beside: Beside) -> dict[str, Any]:
    return question.brief(
        {
            "email": question.email(billing.at("email")),
            "phone": billing.at("phone").text(40),
            "first_name": billing.at("first_name").text(200),
            "last_name": billing.at("last_name").text(200),
            "company": billing.at("company").text(300),
            "customer_reference": beside.customer_reference[:200],
            "guest": beside.guest,
            "language": question.language(beside.language),
        },
    )


def _address(node: Node) -> dict[str, Any]:
    """An address, or nothing while the country is not known."""
    country = question.country(node.at("country"))
    if not country:
        return {}
    name = f"{node.at('first_name').text(140)} {node.at('last_name').text(140)}".strip()
    return question.brief(
        {
            "line1": node.at("address_1").text(300),
            "line2": node.at("address_2").text(300),
            "postcode": node.at("postcode").text(20),
            "city": node.at("city").text(200),
            "state": node.at("state").text(60),
            "country": country,
            "name": name,
            "company": node.at("company").text(300),
        },
    )


def _digits(node: Node) -> int:
    """How many decimals the shop calculates with: its setting, not the currency's."""
    if isinstance(node.value, bool) or not isinstance(node.value, int) or not 0 <= node.value <= 8:
        raise MappingError.at(node.path, "is not a number of decimals")
    return node.value


def _decision_id(text: str) -> str:
    return text if from_public("dec", text) else ""


def _names(methods: Node) -> list[str]:
    return [method.text(200) for method in methods.list()]


def _meta(order: Node, key: str) -> str:
    found = (
        entry.value.get("value")
        for entry in order.at("meta_data").list()
        if isinstance(entry.value, dict) and entry.value.get("key") == key
    )
    value = next(found, "")
    return value if isinstance(value, str) else ""
