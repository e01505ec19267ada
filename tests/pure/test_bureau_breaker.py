"""When a bureau is left alone, told from the calls on record."""

from datetime import UTC, datetime, timedelta

import pytest

from gateway.risk.bureau_breaker import Call, refusal

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def at(seconds_ago, outcome="error", retry_in=None):
    moment = NOW - timedelta(seconds=seconds_ago)
    retry_at = None if retry_in is None else moment + timedelta(seconds=retry_in)
    return Call(moment, outcome, moment, retry_at)


def under_way(seconds_ago):
    return Call(NOW - timedelta(seconds=seconds_ago))


@pytest.mark.parametrize(
    ("calls", "expected"),
    [
        ([], ""),
        ([at(1)] * 4, ""),
        ([at(1)] * 5, "circuit_open"),
        ([at(1, "timeout"), at(2, "garbage"), at(3), at(4), at(5)], "circuit_open"),
        ([at(1)] * 4 + [at(9, "scored")], ""),
        ([at(1)] * 4 + [at(9, "no_hit")] + [at(10)] * 5, ""),
        ([at(1, "wrong_person")] * 9, ""),
        ([at(31)] * 5, ""),
        ([under_way(1)] + [at(31)] * 5, "circuit_open"),
        ([under_way(11)] + [at(31)] * 5, "circuit_open"),
        ([under_way(45)] * 5, ""),
        ([under_way(12)] * 5, "circuit_open"),
        ([at(4, "rate_limited", retry_in=5)], "rate_limited"),
        ([at(6, "rate_limited", retry_in=5)], ""),
        ([at(1, "scored"), at(4, "rate_limited", retry_in=60)], "rate_limited"),
    ],
)
def test_five_broken_calls_in_a_row_open_the_circuit_and_one_probe_is_let_through(calls, expected):
    """A lost call is a broken one; a call under way is a probe; Retry-After is kept."""
    assert refusal(calls, NOW) == expected
