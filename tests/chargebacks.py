"""A merchant with a Stripe connection and disputed payments, for tests; facts go through the real record and jobs."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from gateway.chargebacks import commands, heed, pack, rows
from gateway.chargebacks.commands import By
from gateway.chargebacks.models import Chargeback
from gateway.core import clock
from gateway.payments import accounts, record
from gateway.payments.accounts import NewAccount
from gateway.payments.facts import DisputeLost, DisputeOpened, DisputeUpdated, DisputeWon, EvidenceDue, by_time
from gateway.payments.models import Payment
from gateway.payments.record import Source
from gateway.shops import shops
from gateway.shops.identity import Address
from gateway.shops.orders import Orders
from gateway.shops.told import BuyerTold, EventTold, ItemTold, MethodTold, OrderTold, PaymentKind
from tests.builders import a_world

SETTINGS = {"webhook_secret": "whsec_only_for_tests", "api_key": "sk_live_only_for_tests"}
KINDS = {"opened": DisputeOpened, "updated": DisputeUpdated, "won": DisputeWon, "lost": DisputeLost}
HOME = Address("Lange Reihe 7", "", "20099", "Hamburg", "DE")


def a_fact(kind, day, *, stage="chargeback", reason="product_not_received", amount=12_490):
    """A word about dispute `dp_1`, told on this day of June 2026."""
    at = datetime(2026, 6, day, 12, tzinfo=UTC)
    return KINDS[kind](
        key=f"evt_{kind}_{day}_{stage}",
        payment="ch_1",
        item="dp_1",
        sequence=by_time(at),
        occurred_at=at,
        amount_minor=amount,
        currency="EUR",
        order="B-1",
        method="card",
        stage=stage,
        reason=reason,
    )


def a_due(due_at, day=1):
    at = datetime(2026, 6, day, 12, tzinfo=UTC)
    return EvidenceDue(
        key=f"due_{day}", payment="ch_1", item="dp_1", sequence=by_time(at), occurred_at=at, due_at=due_at
    )


class Merchant:
    """Opens his transaction for each call."""

    def __init__(self, services, url="http://127.0.0.1:9"):
        self.services, self.world, self.keyring = services, a_world(services), services.keyring
        with self.transaction() as session:
            new = NewAccount(self.world.shop_id, "stripe", SETTINGS | {"api_url": url})
            made = accounts.connect(session, self.keyring, new, clock.now(), allow_private=True)
        self.connection_id = made.facts.id

    def transaction(self):
        return self.services.db.transaction(self.world.merchant_id)

    def order(self, reference="B-1", *, delivered=True, days_ago=40, name="Wanderschuhe"):
        """A card order of somebody in Hamburg."""
        placed = clock.now() - timedelta(days=days_ago)
        told = OrderTold(
            method=MethodTold("stripe", PaymentKind.CARD),
            currency="EUR",
            total_minor=12_490,
            placed_at=placed,
            buyer=BuyerTold(email="ada@example.com", first_name="Ada", last_name="Muster"),
            billing=HOME,
            delivery=HOME,
            items=(ItemTold(1, 12_490, sku="SHOE-1", name=name),),
        )
        with self.transaction() as session:
            orders = Orders(session, self.keyring, shops.get(session, self.world.shop_id))
            orders.put(reference, told, clock.now())
            events = [EventTold("paid", "p", placed, 12_490)]
            if delivered:
                facts = {"carrier": "DHL", "tracking_number": "00340434"}
                events.append(EventTold("delivered", "d", placed + timedelta(days=3), None, facts))
            for event in events:
                orders.add_event(reference, event, clock.now())
        return reference

    def tell(self, *facts, now=None):
        """Facts as the provider told them, and the job that follows."""
        with self.transaction() as session:
            source = Source(self.connection_id, self.world.shop_id, "stripe", live=True)
            record.record(session, source, facts, now or clock.now())
            payment_id = session.scalars(select(Payment.id)).one()
            heed.follow(session, self.keyring, payment_id, now or clock.now())
        return self.row()

    def row(self):
        with self.transaction() as session:
            row = session.scalars(select(Chargeback)).one()
            session.expunge(row)
        return row

    def do(self, command, *told, now=None, actor="user:test"):
        with self.transaction() as session:
            command(session, self.keyring, self.row().id, *told, By(actor, now or clock.now()))
        return self.row()

    def content(self):
        with self.transaction() as session:
            return pack.assemble(session, self.keyring, rows.get(session, self.row().id))

    def submit(self, now=None):
        return self.do(commands.submit, self.content(), b"%PDF-1.7\n%%EOF\n", now=now)

    def events(self):
        with self.transaction() as session:
            return [line.event for line in rows.timeline(session, self.keyring, self.row().id)]
