"""A debtor for tests: orders on invoice, does not pay, gets a letter's link and opens his page."""

import io
import re
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import select

from gateway.core import clock
from gateway.core.documents import File
from gateway.core.ids import new_id
from gateway.receivables import claims, debtor_acts
from gateway.receivables.changes import EnterDefault
from gateway.receivables.claims import Opening
from gateway.receivables.keys import Keys
from gateway.receivables.models import Claim
from gateway.shops import shops
from gateway.shops.identity import Address
from gateway.shops.orders import Orders
from gateway.shops.told import BuyerTold, ItemTold, MethodTold, OrderTold, PaymentKind

HOME = Address("Lange Reihe 7", "", "20099", "Hamburg", "DE")
_PROOF = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')
_ONCE = re.compile(r'name="once"[^>]*value="([^"]+)"')
PDF = b"%PDF-1.7\n1 0 obj << >> endobj\n%%EOF\n"


class Debtor:
    """One person with claims at one merchant. Everything goes through the real commands."""

    def __init__(self, services, world, email="ada@example.com", home=HOME):
        self.services, self.world, self.email, self.home = services, world, email, home
        self.keys = Keys(services.keyring)
        self.buyer_id = None

    def transaction(self):
        return self.services.db.transaction(self.world.merchant_id)

    def owes(self, minor=12_490, number="R-1001", *, in_default=True, home=None, invoice=True, **opening):
        """An order of some weeks ago that was delivered and not paid, as a claim."""
        today = clock.now().date()
        placed = datetime.combine(today - timedelta(days=60), datetime.min.time(), UTC)
        told = OrderTold(
            method=MethodTold("cheque", PaymentKind.INVOICE),
            currency=opening.get("currency", "EUR"),
            total_minor=minor,
            placed_at=placed,
            buyer=BuyerTold(email=self.email, first_name="Ada", last_name="Muster"),
            billing=home or self.home,
            items=(ItemTold(1, minor, sku="SHOE-1", name="Wanderschuhe Größe 39"),),
        )
        reference = f"B-{new_id().hex[-8:]}"
        with self.transaction() as session:
            orders = Orders(session, self.services.keyring, shops.get(session, self.world.shop_id))
            orders.put(reference, told, clock.now())
            row = orders.get(reference)
            if invoice:
                orders.attach(
                    reference,
                    "invoice",
                    File(PDF + number.encode(), "application/pdf", "rechnung.pdf"),
                    clock.now(),
                )
            facts = {
                "shop_id": self.world.shop_id,
                "order_id": row.id,
                "buyer_id": row.buyer_id,
                "kind": "order",
                "source_id": row.id,
                "currency": "EUR",
                "principal_minor": minor,
                "country": "DE",
                "region": "HH",
                "contract_date": today - timedelta(days=60),
                "invoice_number": number,
                "invoice_date": today - timedelta(days=58),
                "delivered_on": today - timedelta(days=56),
                "due_date": today - timedelta(days=42),
            }
            claim_id = claims.open(session, self.keys, Opening(**(facts | opening)), clock.now())
            self.buyer_id = row.buyer_id
            if in_default:
                late = EnterDefault(today - timedelta(days=20), today - timedelta(days=19), "reminder", "letter:test")
                claims.apply(session, self.keys, claim_id, late, clock.now())
        return claim_id

    def claim(self, claim_id) -> Claim:
        with self.transaction() as session:
            row = claims.get(session, claim_id)
            session.expunge(row)
            return row

    def rows(self, table):
        with self.transaction() as session:
            found = list(session.scalars(select(table).order_by(table.id)))
            session.expunge_all()
            return found

    def link(self, made_at=None):
        """The path of his page, as a letter has it."""
        with self.transaction() as session:
            url = debtor_acts.link_of(
                session, self.services.keyring, self.services.public_url, self.buyer_id, made_at or clock.now()
            )
        return url.removeprefix(self.services.public_url)


class DebtorVisitor:
    """One browser of somebody who has a link."""

    def __init__(self, app, path, address="203.0.113.5"):
        self.client, self.path, self.network = app.test_client(), path, {"REMOTE_ADDR": address}

    def get(self, more="", **options):
        return self.client.get(self.path + more, environ_overrides=self.network, **options)

    def post(self, more="", form=None, page=None):
        """Reads the form's proof and id from its page and sends it, as a browser would."""
        shown = self.get(more if page is None else page).text
        found = _PROOF.search(shown)
        data = {"csrf_token": found.group(1) if found else ""}
        if once := _ONCE.search(shown):
            data["once"] = once.group(1)
        data |= form or {}
        return self.client.post(self.path + more, data=data, environ_overrides=self.network)

    def open(self, fact="20099"):
        return self.post(form={"fact": fact})


def upload(content=PDF, name="beleg.pdf", kind="application/pdf"):
    return (io.BytesIO(content), name, kind)


def in_days(days: int) -> date:
    return clock.now().date() + timedelta(days=days)
