"""Two clicks at the same moment are one request."""

from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import func, select

from gateway.app import create_app
from gateway.checkout import explanations
from gateway.core import clock
from gateway.core.ids import from_public
from gateway.core.services import Services
from gateway.privacy import rights
from gateway.privacy.rights import AlreadyAsked, Kind, NewRequest, RightsRequest
from tests.builders import a_world
from tests.rights_visits import a_decision


def test_six_clicks_at_once_are_one_request(live_db, cache, keyring):
    """The others are told that it was asked already."""
    services = Services(live_db, cache, keyring, "http://kulanz.test", b"only for tests, thirty-two bytes!")
    world = a_world(services)
    made = from_public("dec", a_decision(create_app(services), world)["id"])
    with live_db.transaction(world.merchant_id) as session:
        row = explanations.get(session, keyring, made).row
    new = NewRequest(Kind.REVIEW, row.shop_id, row.buyer_id, row.live, "buyer", "postcode", row.id)

    def click(_):
        try:
            with live_db.transaction(world.merchant_id) as session:
                rights.ask(session, keyring, new, clock.now())
        except AlreadyAsked:
            return "already"
        return "asked"

    with ThreadPoolExecutor(6) as threads:
        told = sorted(threads.map(click, range(6)))
    assert told == ["already"] * 5 + ["asked"]
    with live_db.transaction(world.merchant_id) as session:
        assert session.scalar(select(func.count()).select_from(RightsRequest)) == 1
