"""The health check answers for the database, and tells beside it whether anybody works."""

import pytest
from sqlalchemy import text

BEAT = """
    INSERT INTO worker_beat (worker, host, pid, started_at, seen_at, running, stuck)
    VALUES (gen_random_uuid(), 'host', 1, now(), now() - make_interval(secs => :age), 0, 0)
"""


@pytest.mark.parametrize(("ages", "told"), [([], "none"), ([300], "late"), ([300, 5], "ok")])
def test_the_health_check_tells_of_the_newest_sign_of_a_worker(app, services, ages, told):
    """It stays 200: checkouts are answered without workers."""
    with services.db.transaction(None) as session:
        for age in ages:
            session.execute(text(BEAT), {"age": age})
    answer = app.test_client().get("/healthz")
    assert (answer.status_code, answer.json["status"], answer.json["worker"]) == (200, "ok", told)
