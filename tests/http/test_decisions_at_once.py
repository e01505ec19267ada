"""Decisions over HTTP that arrive at the same moment."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import text

from gateway.app import create_app
from tests.builders import a_question, a_world


@pytest.fixture
def live_services(services, live_db):
    """Services over a database that commits."""
    return replace(services, db=live_db)


@pytest.mark.parametrize("keyed", [False, True])
def test_checkouts_of_one_stranger_at_once_make_one_buyer(live_services, keyed):
    """Every shop window gets its answer, and the stranger is one person afterwards."""
    world, app = a_world(live_services), create_app(live_services)

    def ask(number):
        stranger, window = divmod(number, 4)
        question = a_question(reference=f"cart-{number}", buyer={"email": f"new-{stranger}@example.com"})
        headers = world.auth | ({"Idempotency-Key": f"window-{stranger}-{window}"} if keyed else {})
        return app.test_client().post("/v1/decisions", json=question, headers=headers)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(40)))
    assert {answer.status_code for answer in answers} == {201}
    with live_services.db.connection(world.merchant_id) as connection:
        assert connection.scalar(text("SELECT count(*) FROM buyer")) == 10
        known = connection.execute(
            text(
                "SELECT count(*), count(DISTINCT i.buyer_id), count(DISTINCT d.buyer_id) FROM decision d"
                " LEFT JOIN buyer_index i ON i.merchant_id = d.merchant_id AND i.buyer_id = d.buyer_id AND i.identifies"
            )
        ).one()
    assert tuple(known) == (40, 10, 10)
