"""Builders of claims for tests: they go through the real doors and take what a case varies."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from gateway.core.ids import new_id
from gateway.core.services import Services
from gateway.receivables import claims
from gateway.receivables.changes import Change
from gateway.receivables.claims import Opening, Payment, Received
from gateway.receivables.keys import Keys
from gateway.receivables.models import Claim
from gateway.shops import buyers
from tests.builders import World, a_world

NOW = datetime(2026, 11, 25, 10, tzinfo=UTC)


class Book:
    """One merchant's claims, with his transaction opened for each call."""

    def __init__(self, services: Services, world: World | None = None) -> None:
        self.services, self.world = services, world or a_world(services)
        self.keys = Keys(services.keyring)

    def transaction(self):
        return self.services.db.transaction(self.world.merchant_id)

    def a_buyer(self, now: datetime = NOW) -> UUID:
        with self.transaction() as session:
            return buyers.ensure_buyer(session, self.services.keyring, {}, live=True, now=now).id

    def opening(self, **overrides: Any) -> Opening:
        """100 EUR of a consumer in Hamburg, delivered on 2 June 2026, due on 16 June."""
        told: dict[str, Any] = {
            "shop_id": self.world.shop_id,
            "kind": "other",
            "source_id": new_id(),
            "currency": "EUR",
            "principal_minor": 10_000,
            "country": "DE",
            "region": "HH",
            "contract_date": date(2026, 5, 30),
            "invoice_date": date(2026, 6, 1),
            "delivered_on": date(2026, 6, 2),
            "due_date": date(2026, 6, 16),
        }
        return Opening(**({"buyer_id": None} | told | overrides))

    def open(self, now: datetime = NOW, **overrides: Any) -> UUID:
        buyer_id = overrides.pop("buyer_id", None) or self.a_buyer()
        with self.transaction() as session:
            return claims.open(session, self.keys, self.opening(buyer_id=buyer_id, **overrides), now)

    def pay(self, claim_id: UUID, amount_minor: int, paid_on: date, now: datetime = NOW, **overrides: Any) -> Received:
        told = {"source": "bank", "external_id": str(new_id()), "currency": "EUR"} | overrides
        with self.transaction() as session:
            payment = Payment(claim_id=claim_id, paid_on=paid_on, amount_minor=amount_minor, **told)
            return claims.receive_payment(session, self.keys, payment, now)

    def apply(self, claim_id: UUID, *changes: Change, now: datetime = NOW) -> Claim:
        claim = None
        for change in changes:
            with self.transaction() as session:
                claim = claims.apply(session, self.keys, claim_id, change, now)
        return claim

    def claim(self, claim_id: UUID) -> Claim:
        with self.transaction() as session:
            claim = claims.get(session, claim_id)
            session.expunge(claim)
            return claim
