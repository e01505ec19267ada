"""Builders for tests: they go through the real commands and take what a case varies."""

import base64
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from gateway.checkout.documents import DEFAULTS
from gateway.core import clock
from gateway.core.ids import new_id
from gateway.core.services import Services
from gateway.merchants import merchants, policies
from gateway.merchants.auth import SCOPES, NewKey, create_key
from gateway.risk.card import AMOUNTS_IN
from gateway.shops import shops


@dataclass(frozen=True)
class World:
    """A merchant with one shop and one key."""

    merchant_id: UUID
    shop_id: UUID
    secret: str

    @property
    def auth(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.secret}"}


def a_world(services: Services, *, scopes: frozenset[str] = SCOPES, own_policy: bool = True, **shop: Any) -> World:
    """A merchant, a live shop that holds orders, and a key with all scopes; a policy of its own outside EUR and CHF."""
    now = clock.now()
    merchant_id = new_id()
    with services.db.transaction(merchant_id) as session:
        merchants.found(session, services.keyring, "Muster & Söhne", "DE", now)
        facts = {"name": "Musterladen", "live": True, "holds_orders": True} | shop
        made = shops.create(session, services.keyring, shops.NewShop(**facts), now)
        if own_policy and made.currency not in AMOUNTS_IN:
            for kind, body in DEFAULTS.items():
                version = policies.save(session, made.id, kind, body, "test", "", now)
                policies.activate(session, made.id, kind, version, now)
        _, secret = create_key(session, NewKey(made.id, made.live, "test", scopes), now)
    return World(merchant_id, made.id, secret)


def a_question(**overrides: Any) -> dict[str, Any]:
    """A checkout of a known kind of buyer: consumer, one basket, one address, four methods."""
    question: dict[str, Any] = {
        "reference": "cart-1",
        "currency": "EUR",
        "total_minor": 12_490,
        "items": [{"quantity": 1, "unit_minor": 12_000, "sku": "SHOE-1"}],
        "shipping_minor": 490,
        "buyer": {"email": "ada@example.com", "phone": "+49 40 36902345", "language": "de"},
        "billing": {"line1": "Lange Reihe 7", "postcode": "20099", "city": "Hamburg", "country": "DE"},
        "context": {"ip": "198.51.100.7"},
        "methods": [
            {"id": "cheque", "kind": "invoice"},
            {"id": "stripe", "kind": "card_3ds"},
            {"id": "bacs", "kind": "prepayment"},
            {"id": "cod", "kind": "cash_on_delivery"},
        ],
    }
    return question | overrides


def secret_bytes(text: str) -> bytes:
    """The secret behind `whsec_…`, as a receiver reads it."""
    return base64.b64decode(text.removeprefix("whsec_"), validate=True)
