"""Money never loses a cent and never becomes a float."""

from decimal import Decimal

import pytest
from babel import Locale
from babel.numbers import parse_pattern
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.money import MAX_MINOR, Money, currencies, exponent, share_minor, split_minor


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


def test_commercial_rounding_of_a_share():
    """30 % of 9.95 is 2.985, which is 2.99."""
    assert share_minor(995, 30) == 299


def test_currencies_do_not_mix():
    """Adding francs to euros is an error, not a number."""
    with pytest.raises(ValueError, match="cannot add"):
        Money(1, "EUR") + Money(1, "CHF")
    assert (Money(150, "EUR") - Money(50, "EUR")).format("de_DE") == "1,00\xa0€"


@pytest.mark.parametrize(
    ("digits", "codes"),
    [
        (0, "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"),
        (2, "EUR CHF RSD ALL LBP AFN IRR MMK YER LAK SYP KPW SOS MGA HUF IDR PKR TWD"),
        (3, "BHD IQD JOD KWD LYD OMR TND"),
        (4, "CLF UYW"),
    ],
)
def test_minor_units_are_those_of_iso_4217_not_of_how_amounts_are_shown(digits, codes):
    """Payment systems send 12.50 Serbian dinars as 1250, though people write 13."""
    assert {code for code in codes.split() if exponent(code) != digits} == set()
    assert set(codes.split()) <= currencies()


def test_nothing_is_sold_in_a_currency_of_the_past_or_in_gold():
    """The list holds what ISO 4217 has in force."""
    assert not {"DEM", "FRF", "HRK", "ZWL", "SLL", "ANG", "XAU", "XTS", "XXX", "XDR"} & currencies()


@pytest.mark.parametrize(
    ("money", "locale", "text"),
    [
        (Money(123_450, "EUR"), "de_DE", "1.234,50 €"),
        (Money(-1_200, "JPY"), "en", "-¥1,200"),
        (Money(1_250, "RSD"), "de", "12,50 RSD"),
        (Money(1_234, "KWD"), "en", "KWD1.234"),
    ],
)
def test_an_amount_is_shown_with_all_its_digits(money, locale, text):
    """In the way of the language."""
    assert money.format(locale).replace("\N{NO-BREAK SPACE}", " ") == text


@given(
    st.integers(-MAX_MINOR, MAX_MINOR),
    st.sampled_from(["EUR", "CHF", "GBP", "JPY", "KWD", "UYW"]),
    st.sampled_from(["de_DE", "de_AT", "de_CH", "en_GB", "en", "fr_FR", "en_IN"]),
)
def test_the_short_way_to_write_an_amount_says_what_babel_says(minor, currency, locale):
    """Grouping, point, symbol and sign are the language's."""
    digits = exponent(currency)
    pattern = parse_pattern(Locale.parse(locale).currency_formats["standard"].pattern)
    pattern.frac_prec = (digits, digits)
    amount = Decimal(minor).scaleb(-digits)
    expected = pattern.apply(amount, locale, currency=currency, currency_digits=False)
    assert Money(minor, currency).format(locale) == expected
