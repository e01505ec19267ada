"""Money never loses a cent and never becomes a float."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.money import Money, minor_of, share_minor, split_minor


@given(st.integers(-(10**12), 10**12), st.lists(st.integers(0, 1000), min_size=1, max_size=20).filter(any))
def test_a_split_gives_out_every_cent(total, weights):
    """Shares sum to the total, none is off by a cent from its exact part, a weight of zero gets nothing."""
    shares = split_minor(total, weights)
    assert sum(shares) == total
    for share, weight in zip(shares, weights, strict=True):
        assert abs(share * sum(weights) - total * weight) < sum(weights)
        assert weight or share == 0


def test_largest_remainders_get_the_spare_cents():
    """100 cents in three equal parts are 34, 33, 33; by 2:3:3 they are 25, 38, 37."""
    assert [money.minor for money in Money(100, "EUR").split([1, 1, 1])] == [34, 33, 33]
    assert split_minor(100, [2, 3, 3]) == [25, 38, 37]


@pytest.mark.parametrize(
    ("text", "currency", "minor"), [("129.90", "EUR", 12990), ("1200", "JPY", 1200), ("-0.05", "CHF", -5)]
)
def test_shops_send_decimals_as_text(text, currency, minor):
    """The currency's own number of digits decides."""
    assert minor_of(text, currency) == minor


@pytest.mark.parametrize(
    ("text", "currency"), [("1.005", "EUR"), ("abc", "EUR"), ("NaN", "EUR"), ("0.5", "JPY"), ("1e30", "EUR")]
)
def test_an_inexact_amount_is_refused_not_rounded(text, currency):
    """Half a cent, words and infinities are no amounts."""
    with pytest.raises(ValueError, match="amount"):
        minor_of(text, currency)


def test_commercial_rounding_of_a_share():
    """30 % of 9.95 is 2.985, which is 2.99."""
    assert share_minor(995, 30) == 299


def test_currencies_do_not_mix():
    """Adding francs to euros is an error, not a number."""
    with pytest.raises(ValueError, match="cannot add"):
        Money(1, "EUR") + Money(1, "CHF")
    assert (Money(150, "EUR") - Money(50, "EUR")).format("de_DE") == "1,00\xa0€"
