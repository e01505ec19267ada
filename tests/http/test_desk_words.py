"""The desk says why a fact is not known as the decision recorded it, and never another reason."""

import pytest

from gateway.admin.present import missing_reason
from gateway.risk.gather import OBJECTED

OBJECTION = {"profiling": OBJECTED, "history": OBJECTED, "velocity": OBJECTED}
NAMELESS = {"history": "neither e-mail nor phone was sent", "bureau": "no answer is on record"}


@pytest.mark.parametrize(
    ("name", "missing", "said"),
    [
        ("orders", OBJECTION, "the buyer objected to being assessed"),
        ("email_24h", OBJECTION, "the buyer objected to being assessed"),
        ("local_hour", OBJECTION, "the buyer objected to being assessed"),
        ("items", OBJECTION, "no lines were sent"),
        ("listed", OBJECTION, "not on a list"),
        ("open_elsewhere", NAMELESS, "neither e-mail nor phone was sent"),
        ("returned_percent", {}, "nothing to tell it from"),
        ("declines_ip_10m", {"velocity": "…"}, "the counters did not answer"),
        ("device_1h", {}, "the shop did not send it"),
        ("bureau_score", NAMELESS, "no answer of a bureau is on record"),
        ("shop_open_minor", {}, "no policy has a ceiling for the shop"),
        ("country", {}, "the shop did not send it"),
    ],
)
def test_a_missing_fact_is_told_with_its_own_reason(app, name, missing, said):
    """Somebody who objected is not told of as somebody who gave no e-mail address."""
    with app.test_request_context("/admin?language=en"):
        assert missing_reason(name, missing) == said
