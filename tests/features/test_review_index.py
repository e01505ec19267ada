"""The queue of reviews is found by an index that knows only the decisions it is about."""

from sqlalchemy import text

from gateway.checkout.models import ASKS_FOR_REVIEW


def test_the_index_holds_exactly_what_asks_for_a_review(db):
    """Its condition is the one that the query asks by."""
    with db.connection(None) as connection:
        made = connection.execute(text("SELECT indexdef FROM pg_indexes WHERE indexname = 'ix_decision_review'"))
        definition = made.scalar_one()
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        asked = "SELECT id FROM decision WHERE merchant_id = gen_random_uuid() AND "
        plan = "\n".join(connection.execute(text(f"EXPLAIN {asked}{ASKS_FOR_REVIEW}")).scalars())
    assert "ix_decision_review" in plan
    assert """strpos(record, '"review":true'::text) > 0""" in definition
