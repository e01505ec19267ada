"""Shopify's orders and what they mean: REST answers and webhook bodies (pure).

Amounts are decimals as text, in the shop's currency and, as `…_set`, in the one the buyer saw. A question is asked in
the shop's currency, in which its limits are written; an order is told in the buyer's, in which he owes. Fields
beginning with `current_` contain edits and returns; orders of older interfaces have none of them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from connectors import question
from connectors.question import Line, Parts
from connectors.reading import MappingError, Node, iso, one
from connectors.shopify.methods import kind_of, plain
from gateway.shops.platform import Beside

PAID = frozenset({"paid", "partially_refunded", "refunded"})
"""Financial states in which the whole amount was paid once. Part payments are told by transactions, not by orders."""
ENVELOPES = ("body", "order", "orders")
_NOTHING = Beside()


@dataclass(frozen=True, slots=True)
class Purse:
    """One of the two currencies of an order: the `shop` one or the `presentment` one."""

    side: str
    currency: str
    plain: bool
    """Whether amounts without a set are in this currency."""

    def minor(self, node: Node, name: str) -> int | None:
        """The amount of a field from its `…_set`, else from the field itself."""
        amount = node.at(f"{name}_set", f"{self.side}_money", "amount")
        if amount.value is not None:
            return amount.minor(self.currency)
        alone = node.at(name)
        found = alone.minor(self.currency)
        if found and not self.plain:
            raise MappingError.at(alone.path, f"has no amount in {self.currency}")
        return found


def from_order(document: Any, beside: Beside = _NOTHING) -> dict[str, Any]:
    """The question of an order as it stands now, edits and returns taken off; its methods are those used.

    Raises MappingError, for an answer that was asked with `fields=` and lacks currency or total.
    """
    order = one(document, *ENVELOPES)
    purse = _shop_purse(order)
    client = order.at("client_details")
    return question.question(
        {
            "reference": beside.reference or order_reference(order.value),
            "currency": purse.currency,
            **question.amounts(_total(order, purse), _parts(order, purse, now=True)),
            **_people(order, beside),
            "context": question.context(
                beside,
                client.at("browser_ip").text(100) or order.at("browser_ip").text(100),
                client.at("user_agent").text(1000),
            ),
            "methods": question.methods(_gateways(order), beside, kind_of),
        },
    )


def order_reference(document: Any) -> str:
    """The order's id: refunds, transactions and disputes name nothing else. Raises MappingError."""
    return one(document, *ENVELOPES).at("id").needed(200)


def order_put(document: Any, beside: Beside = _NOTHING) -> dict[str, Any]:
    """The body of `PUT /v1/orders/{reference}`: what was ordered; what came back is told by events. Raises MappingError."""
    order = one(document, *ENVELOPES)
    purse, created = _buyer_purse(order), order.at("created_at")
    if (placed_at := created.moment()) is None:
        raise MappingError.at(created.path, "is missing")
    total = purse.minor(order, "total_price") or 0
    parts = _parts(order, purse, now=False)
    return question.question(
        {
            "method": _method(order, beside),
            "currency": purse.currency,
            "total_minor": max(0, total),
            "placed_at": iso(placed_at),
            "due_date": _due_date(order),
            **_people(order, beside),
            "items": question.amounts(max(0, total), parts).get("items", ""),
        },
    )


def order_events(document: Any) -> list[dict[str, Any]]:
    """What the order tells: paid, shipped, delivered, returned, refunded, cancelled. Raises MappingError."""
    order = one(document, *ENVELOPES)
    purse = _buyer_purse(order)
    paid = _paid(order, purse)
    found = [*paid, *_fulfilled(order), *_cancelled(order)]
    for refund in order.at("refunds").list():
        found += _refunded(order, refund, purse, paid=bool(paid))
    return sorted(found, key=lambda event: str(event["occurred_at"]))


def _shop_purse(order: Node) -> Purse:
    return Purse("shop", order.at("currency").currency(), plain=True)


def _buyer_purse(order: Node) -> Purse:
    shop = _shop_purse(order)
    presented = order.at("presentment_currency")
    if not presented.text(10) or presented.currency() == shop.currency:
        return shop
    return Purse("presentment", presented.currency(), plain=False)


def _now(purse: Purse, order: Node, name: str) -> int | None:
    """A sum as it stands after edits and returns, else as it was ordered."""
    current = purse.minor(order, f"current_{name}")
    return purse.minor(order, name) if current is None else current


def _total(order: Node, purse: Purse) -> int:
    total, node = _now(purse, order, "total_price"), order.at("total_price")
    if total is None or total < 0:
        raise MappingError.at(node.path, "is missing" if total is None else "is negative")
    return total


def _parts(order: Node, purse: Purse, *, now: bool) -> Parts:
    """`now`: with edits and returns taken off."""
    tax = (_now(purse, order, "total_tax") if now else purse.minor(order, "total_tax")) or 0
    discount = _now(purse, order, "total_discounts") if now else purse.minor(order, "total_discounts")
    pieces = _pieces_now if now else _pieces_ordered
    return Parts(
        lines=tuple(_line(line, purse, pieces) for line in order.at("line_items").list()),
        shipping_minor=_shipping(order, purse),
        fees_minor=_fees(order, purse, "current" if now else "original"),
        tax_minor=0 if order.at("taxes_included").flag() else tax,
        discount_minor=discount or 0,
    )


def _line(line: Node, purse: Purse, pieces: Callable[[Node], Decimal]) -> Line:
    number = pieces(line)
    return Line(
        pieces=number,
        gross_minor=int(number * (purse.minor(line, "price") or 0)),
        kind=_kind(line),
        sku=line.at("sku").text(200),
        name=line.at("name").text(500) or line.at("title").text(500),
    )


def _pieces_ordered(line: Node) -> Decimal:
    return line.at("quantity").decimal() or Decimal(0)


def _pieces_now(line: Node) -> Decimal:
    current = line.at("current_quantity").decimal()
    return _pieces_ordered(line) if current is None else current


def _kind(line: Node) -> str:
    if line.at("gift_card").flag():
        return "gift_card"
    return "digital" if line.at("requires_shipping").flag() is False else "physical"


def _shipping(order: Node, purse: Purse) -> int:
    total = purse.minor(order, "total_shipping_price")
    if total is None:
        total = sum(purse.minor(line, "price") or 0 for line in order.at("shipping_lines").list())
    return total


def _fees(order: Node, purse: Purse, when: str) -> int:
    """Tips, additional fees, and duties that the prices do not contain."""
    fees = (purse.minor(order, "total_tip_received") or 0) if purse.plain else 0
    fees += purse.minor(order, f"{when}_total_additional_fees") or 0
    if not order.at("duties_included").flag():
        fees += purse.minor(order, f"{when}_total_duties") or 0
    return fees


def _gateways(order: Node) -> list[str]:
    names = [name.text(200) for name in order.at("payment_gateway_names").list()]
    return names or [order.at("gateway").text(200)]


def _method(order: Node, beside: Beside) -> dict[str, str]:
    """How the order is paid; a gift card beside another method is not what is owed."""
    names = sorted(_gateways(order), key=lambda name: plain(name) == "gift card")
    return question.methods(names, Beside(kinds=beside.kinds), kind_of)[0]


def _due_date(order: Node) -> str:
    """The last day of the last payment of agreed terms."""
    days = [schedule.at("due_at").day() for schedule in order.at("payment_terms", "payment_schedules").list()]
    return max(days, default="")


def _paid(order: Node, purse: Purse) -> list[dict[str, Any]]:
    if order.at("financial_status").text(60) not in PAID:
        return []
    came_in = _came_in(order, purse)
    at = min([_seen_at(order), *(_needed_moment(refund, "created_at") for refund in order.at("refunds").list())])
    return [_event(order, "paid", at, came_in)] if came_in > 0 else []


def _came_in(order: Node, purse: Purse) -> int:
    """What was paid before anything was refunded: lines taken off before payment were never paid."""
    ordered = purse.minor(order, "total_price") or 0
    now = purse.minor(order, "current_total_price")
    if now is None:
        return ordered
    went_out = sum(_money_back(refund, purse) for refund in order.at("refunds").list())
    return min(ordered, now + went_out)


def _fulfilled(order: Node) -> list[dict[str, Any]]:
    found = []
    for parcel in order.at("fulfillments").list():
        if parcel.at("status").text(60) != "success":
            continue
        facts = {
            "carrier": parcel.at("tracking_company").text(100),
            "tracking_number": parcel.at("tracking_number").text(100),
            "tracking_url": parcel.at("tracking_url").text(1000),
        }
        found.append(_event(parcel, "shipped", _needed_moment(parcel, "created_at"), facts=facts))
        if parcel.at("shipment_status").text(60) == "delivered":
            found.append(_event(parcel, "delivered", _needed_moment(parcel, "updated_at"), facts=facts))
    return found


def _cancelled(order: Node) -> list[dict[str, Any]]:
    cancelled_at = order.at("cancelled_at").moment()
    reason = {"reason": order.at("cancel_reason").text(500)}
    return [_event(order, "cancelled", iso(cancelled_at), facts=reason)] if cancelled_at else []


def _refunded(order: Node, refund: Node, purse: Purse, *, paid: bool) -> list[dict[str, Any]]:
    """Goods that came back (or were taken off the order) and money that went back, each with its own event."""
    at, reason = _needed_moment(refund, "created_at"), {"reason": refund.at("note").text(500)}
    goods = min(_goods_back(order, refund, purse), purse.minor(order, "total_price") or 0)
    money = _money_back(refund, purse) if paid else 0
    found = [_event(refund, "returned", at, goods, reason)] if goods > 0 else []
    return found + ([_event(refund, "refunded", at, money, reason)] if money > 0 else [])


def _goods_back(order: Node, refund: Node, purse: Purse) -> int:
    """What the lines of a refund cost, with their tax."""
    included, value = order.at("taxes_included").flag(), 0
    for line in refund.at("refund_line_items").list():
        subtotal = purse.minor(line, "subtotal")
        if subtotal is None:  # older interfaces
            subtotal = int(_pieces_ordered(line) * (purse.minor(line.at("line_item"), "price") or 0))
        value += subtotal + (0 if included else purse.minor(line, "total_tax") or 0)
    return value


def _money_back(refund: Node, purse: Purse) -> int:
    """Refund transactions that succeeded."""
    back = 0
    for transaction in refund.at("transactions").list():
        if transaction.at("kind").text(60) != "refund" or transaction.at("status").text(60) != "success":
            continue
        if transaction.at("currency").value is not None and transaction.at("currency").text(10) != purse.currency:
            raise MappingError.at(transaction.at("currency").path, f"is not {purse.currency}")
        back += transaction.at("amount").minor(purse.currency) or 0
    return back


def _seen_at(order: Node) -> str:
    """When Shopify does not say when an order was paid: when it was changed last."""
    return _needed_moment(order, "updated_at")


def _needed_moment(node: Node, name: str) -> str:
    moment = node.at(name).moment()
    if moment is None:
        raise MappingError.at(f"{node.path}/{name}", "is missing")
    return iso(moment)


def _event(node: Node, event: str, at: str, amount: int = 0, facts: dict[str, str] | None = None) -> dict[str, Any]:
    told = {
        "event": event,
        "external_id": f"{event}:{node.at('id').needed(100)}",
        "occurred_at": at,
        "amount_minor": amount or None,
        "facts": question.brief(facts or {}),
    }
    return question.brief(told)


def _people(order: Node, beside: Beside) -> dict[str, Any]:
    """Buyer and addresses."""
    billing, delivery = _address(order.at("billing_address")), _address(order.at("shipping_address"))
    return {"buyer": _buyer(order, beside), "billing": billing, "delivery": delivery}


def _buyer(order: Node, beside: Beside) -> dict[str, Any]:
    customer, billing = order.at("customer"), order.at("billing_address")
    company = billing.at("company").text(300) or order.at("company", "name").text(300)
    emails = (order.at("email"), order.at("contact_email"), customer.at("email"))
    phones = (order.at("phone"), billing.at("phone"), customer.at("phone"))
    return question.brief(
        {
            "email": _first(question.email(node) for node in emails),
            "phone": _first(node.text(40) for node in phones),
            "first_name": customer.at("first_name").text(200) or billing.at("first_name").text(200),
            "last_name": customer.at("last_name").text(200) or billing.at("last_name").text(200),
            "company": company or order.at("company", "id").text(300),
            "vat_id": question.vat_id(order.at("note_attributes").list(), "name"),
            "customer_reference": beside.customer_reference[:200] or customer.at("id").text(200),
            "guest": _guest(customer) if beside.guest is None else beside.guest,
            "language": question.language(beside.language or order.at("customer_locale").text(30)),
        },
    )


def _guest(customer: Node) -> bool | None:
    """Shopify makes a customer of every buyer; only an enabled one has an account."""
    state = customer.at("state").text(60)
    return None if not state else state != "enabled"


def _first(found: Any) -> str:
    return next((text for text in found if text), "")


def _address(node: Node) -> dict[str, Any]:
    """An address, or nothing while the country is not known."""
    country = question.country(node.at("country_code"))
    if not country:
        return {}
    name = f"{node.at('first_name').text(140)} {node.at('last_name').text(140)}".strip()
    return question.brief(
        {
            "line1": node.at("address1").text(300),
            "line2": node.at("address2").text(300),
            "postcode": node.at("zip").text(20),
            "city": node.at("city").text(200),
            "state": node.at("province_code").text(60) or node.at("province").text(60),
            "country": country,
            "name": name or node.at("name").text(300),
            "company": node.at("company").text(300),
        },
    )
