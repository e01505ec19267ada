"""Ids sort by time and travel with a prefix."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.ids import from_public, new_id, to_public


@given(st.uuids())
def test_a_public_id_leads_back_to_its_row(value):
    """Whatever the id, the word is its own inverse."""
    assert from_public("dec", to_public("dec", value)) == value


@given(st.lists(st.uuids(), min_size=2, max_size=5))
def test_public_ids_sort_like_ids(values):
    """Cursor pages can be cut by either."""
    assert sorted(values, key=lambda value: value.int) == sorted(values, key=lambda value: to_public("x", value))


@given(st.text(max_size=40))
def test_anything_else_is_no_id(text):
    """Strangers' words give None, never an error."""
    found = from_public("dec", text)
    assert found is None or to_public("dec", found) == text


def test_new_ids_are_version_7_and_unlike():
    """RFC 9562: version 7, variant 10."""
    made = [new_id() for _ in range(1000)]
    assert {one.version for one in made} == {7}
    assert len(set(made)) == 1000
    assert all(isinstance(one, UUID) and one.variant == "specified in RFC 4122" for one in made)
