"""The queue of reviews is found by an index that knows only the decisions it is about."""

from sqlalchemy import text


def test_the_index_holds_exactly_what_asks_for_a_review(db):
    """Its condition is the one that the query asks by."""
    with db.connection(None) as connection:
        made = connection.execute(text("SELECT indexdef FROM pg_indexes WHERE indexname = 'ix_decision_review'"))
        definition = made.scalar_one()
    assert """strpos(record, '"review":true'::text) > 0""" in definition
