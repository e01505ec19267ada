"""What went wrong with a buyer before is known at the next checkout: dunning, overdue claims, chargebacks, returns."""

from datetime import timedelta

from gateway.core import clock
from gateway.core.ids import new_id
from gateway.merchants import secrets
from gateway.receivables import claims
from gateway.receivables.changes import Remind
from gateway.risk import history
from gateway.shops import identity
from gateway.shops.identity import Identity
from tests.builders import a_world
from tests.debtors import Debtor


def facts_of(debtor, email="ada@example.com"):
    with debtor.transaction() as session:
        key = secrets.get_key(session, debtor.services.keyring, "index")
        digests = identity.digests(key, live=True, identity=Identity(email, "", None, None))
        query = history.Query(debtor.world.merchant_id, debtor.world.shop_id, "EUR", clock.now())
        return history.read(session.connection(), query, digests).facts


def test_a_dunned_buyer_is_known_by_his_level_and_his_overdue_claims(services):
    """A stranger has none; another mailbox is not blamed."""
    debtor = Debtor(services, a_world(services))
    claim_id = debtor.owes()
    with debtor.transaction() as session:
        today = clock.now().date()
        claims.apply(
            session, debtor.keys, claim_id, Remind(new_id(), 2, today - timedelta(days=1), actor="test"), clock.now()
        )
    told = facts_of(debtor)
    assert (told["dunning_level"], told["claims_overdue"], told["chargebacks"]) == (2, 1, 0)
    assert facts_of(debtor, "bob@example.com")["dunning_level"] == 0
