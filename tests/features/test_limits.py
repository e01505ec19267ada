"""How often a caller may do something, with the cache and without it."""

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from gateway.core.errors import TooMany
from gateway.core.limits import Limit

NOWHERE = redis.Redis(host="127.0.0.1", port=1, socket_connect_timeout=0.05, retry=Retry(NoBackoff(), 0))


@pytest.fixture(params=["cache", "no cache"])
def counting(request, cache):
    return cache if request.param == "cache" else NOWHERE


def test_a_caller_gets_his_share_and_then_waits_for_the_next_window(counting):
    """Three a minute; the refusal says how long to wait."""
    limit = Limit("test", most=3, window_s=60)
    for _ in range(3):
        limit.take(counting, "198.51.100.7", 1_000_020.0)
    with pytest.raises(TooMany) as refused:
        limit.take(counting, "198.51.100.7", 1_000_020.0)
    assert refused.value.facts["retry_after_s"] == 60
    limit.take(counting, "198.51.100.8", 1_000_020.0)
    limit.take(counting, "198.51.100.7", 1_000_080.0)


def test_limits_do_not_share_their_counts(counting):
    """Signing in is not trying the demo."""
    for name in ("one", "other"):
        Limit(name, most=1, window_s=60).take(counting, "198.51.100.7", 1_000_000.0)


def test_two_processes_count_together_through_the_cache(cache):
    """Two workers are one gateway."""
    one, other = (Limit("test", most=2, window_s=60) for _ in range(2))
    one.take(cache, "a", 1_000_000.0)
    other.take(cache, "a", 1_000_000.0)
    with pytest.raises(TooMany):
        one.take(cache, "a", 1_000_000.0)
    assert all(0 < cache.ttl(key) <= 60 for key in cache.keys("limit:*"))
