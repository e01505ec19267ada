"""Due jobs are shared out among free slots: in their order, and never more slots for a key than it may have."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.jobstore import Due, Queue, share_out

ONE, OTHER = UUID(int=1), UUID(int=2)


def due(*keys, merchant=ONE):
    return [Due(number, key, "outbox.deliver", merchant) for number, key in enumerate(keys, 1)]


def test_jobs_without_a_key_get_a_slot_each():
    """Two free slots take the two oldest."""
    assert share_out(due(None, None, None), {}, Queue("q", 4, key_limit=1, batch=8), 2) == [[1], [2]]


def test_jobs_of_one_key_share_a_slot_until_it_is_full():
    """Five messages for one endpoint in bites of three: two slots."""
    assert share_out(due(*"aaaaa"), {}, Queue("q", 4, key_limit=2, batch=3), 4) == [[1, 2, 3], [4, 5]]


def test_a_key_gets_no_more_slots_than_its_limit():
    """Nor any when other workers hold them all."""
    queue = Queue("q", 8, key_limit=2, batch=2)
    assert share_out(due(*"aaaaaab"), {}, queue, 8) == [[1, 2], [3, 4], [7]]
    assert share_out(due(*"aab"), {"a": 2}, queue, 8) == [[3]]
    assert share_out(due(*"aaab"), {"a": 1}, queue, 8) == [[1, 2], [4]]


def test_the_oldest_come_first_and_later_ones_of_a_key_ride_along():
    """With one slot, `a` is served and what waits behind `b` for it as well."""
    assert share_out(due(*"aba"), {}, Queue("q", 1, key_limit=1, batch=8), 1) == [[1, 3]]


def test_merchants_never_share_a_slot():
    """They may share a mail server; a transaction belongs to one of them."""
    mixed = [Due(1, "email", "outbox.deliver", ONE), Due(2, "email", "outbox.deliver", OTHER)]
    assert share_out(mixed, {}, Queue("q", 4, key_limit=4, batch=8), 4) == [[1], [2]]


def test_batches_need_a_limit_per_key():
    """Without one nothing says what belongs together."""
    with pytest.raises(ValueError):
        Queue("q", 4, batch=2)


@given(
    keys=st.lists(st.sampled_from(["a", "b", None]), max_size=40),
    busy=st.dictionaries(st.sampled_from("ab"), st.integers(0, 5)),
    limit=st.integers(1, 4),
    batch=st.integers(1, 5),
    free=st.integers(1, 8),
)
def test_no_limit_is_ever_passed_and_no_job_is_given_twice(keys, busy, limit, batch, free):
    """Whatever waits and whoever works."""
    jobs = due(*keys)
    shares = share_out(jobs, busy, Queue("q", 8, key_limit=limit, batch=batch), free)
    given_out = [one for share in shares for one in share]
    assert len(given_out) == len(set(given_out))
    assert len(shares) <= free
    key_of = {job.id: job.key for job in jobs}
    for key in "ab":
        slots = [share for share in shares if key_of[share[0]] == key]
        assert not slots or len(slots) + busy.get(key, 0) <= limit
        assert all(len(share) <= batch and {key_of[one] for one in share} == {key} for share in slots)
