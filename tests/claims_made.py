"""Claims for tests of letters: through the real doors, with an order that names somebody. All of it is invented."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from gateway.core.db import merchant_of
from gateway.core.ids import new_id
from gateway.merchants import senders
from gateway.receivables import claims
from gateway.receivables.claims import Opening, Payment
from gateway.receivables.keys import Keys
from gateway.shops import shops
from gateway.shops.identity import Address
from gateway.shops.models import Order
from gateway.shops.orders import Orders
from gateway.shops.told import BuyerTold, ItemTold, MethodTold, OrderTold, PaymentKind

SENDER = {
    "legal_name": "Kaffeehaus Nord GmbH",
    "street": "Lange Reihe",
    "house_number": "7",
    "postcode": "20099",
    "city": "Hamburg",
    "country": "DE",
    "register": "Amtsgericht Hamburg, HRB 123456",
    "vat_id": "DE123456788",
    "email": "rechnung@kaffeehaus-nord.example",
    "iban": "DE89 3704 0044 0532 0130 00",
    "bureau": "Musterauskunft GmbH",
    "partner": "Inkasso Beispiel GmbH",
}


@dataclass(frozen=True)
class Owed:
    """An unpaid order and its claim."""

    claim_id: UUID
    buyer_id: UUID
    order_id: UUID


def a_sender(session, services, now, **overrides):
    return senders.save(session, services.keyring, SENDER | overrides, "test", now)


def an_order(session, services, world, now, *, reference="1001", buyer=None, name="Espressomühle"):
    """An unpaid order on invoice of 100.00 EUR; its id."""
    told = OrderTold(
        method=MethodTold("invoice", PaymentKind.INVOICE),
        currency="EUR",
        total_minor=10_000,
        placed_at=now - timedelta(days=60),
        buyer=buyer or BuyerTold(email="ada@example.com", first_name="Ada", last_name="Müller", language="de"),
        billing=Address(line1="Am Deich 12", postcode="28199", city="Bremen", country="DE"),
        items=(ItemTold(quantity=1, unit_minor=10_000, name=name),),
    )
    shop = shops.get(session, world.shop_id)
    return Orders(session, services.keyring, shop).put(reference, told, now).order_id


def a_claim(session, services, world, now, *, reference="1001", order=None, **opening):
    """A claim for an unpaid order, due a month ago, not in default."""
    order_id = an_order(session, services, world, now, reference=reference, **(order or {}))
    row = session.get(Order, (merchant_of(session), order_id))
    today = now.date()
    told = {
        "kind": "order",
        "currency": "EUR",
        "principal_minor": 10_000,
        "country": "DE",
        "contract_date": today - timedelta(days=60),
        "due_date": today - timedelta(days=30),
        "delivered_on": today - timedelta(days=50),
        "invoice_number": f"R-{reference}",
        "invoice_date": today - timedelta(days=55),
        "live": row.live if hasattr(row, "live") else True,
    } | opening
    opened = Opening(shop_id=world.shop_id, buyer_id=row.buyer_id, source_id=order_id, order_id=order_id, **told)
    claim_id = claims.open(session, Keys(services.keyring), opened, now)
    return Owed(claim_id, row.buyer_id, order_id)


def pay(session, services, owed, amount_minor, now):
    """Money comes in for this claim."""
    told = Payment(owed.claim_id, "bank", str(new_id()), now.date(), amount_minor, "EUR")
    return claims.receive_payment(session, Keys(services.keyring), told, now)
