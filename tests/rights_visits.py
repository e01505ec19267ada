"""A buyer for tests: asks at a checkout, gets his link from the shop, opens the page and fills in its forms."""

import re

from gateway.core import clock
from gateway.core.channels import Mail
from gateway.core.crypto import unseal
from gateway.core.outbox import OutboxMessage, context
from gateway.merchants import secrets
from tests.builders import a_question

_PROOF = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')
RISKY = {
    "total_minor": 60_490,
    "items": [{"quantity": 6, "unit_minor": 10_000}],
    "delivery": {"line1": "Packstation 12", "postcode": "20095", "city": "Hamburg", "country": "DE"},
    "buyer": {"email": "ada@example.com", "phone": "+49 40 36902345", "guest": True, "language": "de"},
}
"""An order that is not offered an invoice as it is, whatever the hour of the shop."""


def a_decision(app, world, **question):
    """Asked at the checkout of this world."""
    answer = app.test_client().post("/v1/decisions", json=a_question(**question), headers=world.auth)
    assert answer.status_code == 201, answer.json
    return answer.json


def a_link(app, world, decision):
    """The path of the buyer's page, as the shop gets it."""
    answer = app.test_client().post(f"/v1/decisions/{decision['id']}/explanation-link", headers=world.auth)
    assert answer.status_code == 201, answer.json
    return answer.json["url"].removeprefix("http://kulanz.test")


class BuyerVisit:
    """One browser of somebody who has a link."""

    def __init__(self, app, path, address="203.0.113.5"):
        self.client = app.test_client()
        self.path = path
        self.network = {"REMOTE_ADDR": address}

    def get(self, more="", **options):
        return self.client.get(self.path + more, environ_overrides=self.network, **options)

    def post(self, more="", form=None):
        proof = _PROOF.search(self.get("?language=de").text).group(1)
        data = {"csrf_token": proof} | (form or {})
        return self.client.post(self.path + more, data=data, environ_overrides=self.network)

    def open(self, fact="20099"):
        return self.post(form={"fact": fact})

    def ask(self, kind, **form):
        return self.post(f"/ask/{kind}", form)


def mails(services, world):
    """What is in the outbox for buyers, the oldest first."""
    with services.db.transaction(world.merchant_id) as session:
        key = secrets.get_key(session, services.keyring, "data")
        rows = session.query(OutboxMessage).filter(OutboxMessage.channel == "email").order_by(OutboxMessage.id).all()
        return [(Mail.decode(unseal(key, row.payload, context(row.id))), row.state) for row in rows]


def now():
    return clock.now()
