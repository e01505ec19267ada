"""Canonical digests: what differs never spells the same bytes."""

from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core import chain
from gateway.core.chain import Leaf

FIELDS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.text(max_size=8),
    st.binary(max_size=8),
    st.uuids(),
    st.datetimes(timezones=st.just(UTC)),
)


@given(st.lists(FIELDS, max_size=4), st.lists(FIELDS, max_size=4))
def test_other_fields_have_another_digest(ones, others):
    """Also `True` and 1, `"1"` and 1, and the same letters cut at another place."""
    same = [(type(one), one) for one in ones] == [(type(other), other) for other in others]
    assert (chain.digest("x", *ones) == chain.digest("x", *others)) is same


def test_one_moment_has_one_digest_in_every_zone():
    """The database gives back UTC, whatever came in; a microsecond counts."""
    moment = datetime(2026, 11, 22, 12, 0, 0, 1, UTC)
    berlin = moment.astimezone(timezone(timedelta(hours=1)))
    assert chain.digest("x", moment) == chain.digest("x", berlin)
    assert chain.digest("x", moment) != chain.digest("x", moment + timedelta(microseconds=1))


@pytest.mark.parametrize("field", [1.5, [], {}, object()])
def test_a_field_without_one_spelling_is_refused(field):
    """Floats and containers have no place in a digest; a naive moment has none either."""
    with pytest.raises(TypeError):
        chain.digest("x", field)
    with pytest.raises(TypeError):
        chain.digest("x", datetime(2026, 1, 1))  # noqa: DTZ001 - the naive moment is the case


@given(st.lists(st.builds(Leaf, st.uuids(), st.integers(0, 2**31), st.binary(min_size=32, max_size=32)), max_size=20))
def test_leaves_come_back_from_their_bytes(leaves):
    """52 bytes each; a torn row of leaves is noticed."""
    packed = chain.pack(leaves)
    assert list(chain.unpack(packed)) == leaves
    with pytest.raises(ValueError, match="whole"):
        chain.unpack(packed + b"x")


def test_a_chain_begins_elsewhere_for_every_subject():
    """Two subjects, kinds or merchants never share a beginning."""
    one, two = UUID(int=1), UUID(int=2)
    starts = {
        chain.genesis(one, "claim", one),
        chain.genesis(one, "claim", two),
        chain.genesis(two, "claim", one),
        chain.genesis(one, "policy", one),
        chain.anchor_genesis(one),
    }
    assert len(starts) == 5
