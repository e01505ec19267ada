"""Exact money: integer minor units and an ISO 4217 currency, never a float."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache

from babel import Locale
from babel.numbers import NumberPattern, get_decimal_symbol, get_group_symbol, parse_pattern

MAX_MINOR = 10**15
"""Amounts beyond this are taken for a mistake; it also keeps sums inside a PostgreSQL bigint."""


ISO_4217 = frozenset(
    """
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF
    CHE CHF CHW CLF CLP CNY COP COU CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD
    GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP
    LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB
    PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB
    TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD USN UYI UYU UYW UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER
    ZAR ZMW ZWG
    """.split()  # noqa: SIM905 - as the published list is read and compared
)
"""ISO 4217 list one (SIX, maintenance agency) without metals, tests and units of account between banks. BGN ended with 2025;
orders from before are still told."""
_DIGITS = {
    **dict.fromkeys(
        (
            "BIF",
            "CLP",
            "DJF",
            "GNF",
            "ISK",
            "JPY",
            "KMF",
            "KRW",
            "PYG",
            "RWF",
            "UGX",
            "UYI",
            "VND",
            "VUV",
            "XAF",
            "XOF",
            "XPF",
        ),
        0,
    ),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}
"""Minor units by ISO 4217 where they are not 2. CLDR's differ: it tells how amounts are shown (RSD 0), not how they are sent."""


def currencies() -> frozenset[str]:
    """The ISO 4217 codes in which something can be sold."""
    return ISO_4217


def exponent(currency: str) -> int:
    """Digits after the point (EUR 2, JPY 0) by ISO 4217."""
    return _DIGITS.get(currency, 2)


@cache
def _pattern(locale: str, digits: int) -> NumberPattern:
    """How the language writes amounts, with the currency's digits by ISO 4217."""
    pattern = parse_pattern(Locale.parse(locale).currency_formats["standard"].pattern)
    pattern.frac_prec = (digits, digits)
    return pattern


@cache
def _frame(locale: str, currency: str) -> tuple[str, str, str, str] | None:
    """What stands around an amount and around a negative one, between thousands and before the cents.

    babel takes 20 times as long to write an amount. None where digits are not grouped by threes.
    """
    if _pattern(locale, exponent(currency)).grouping != (3, 3):
        return None
    point = get_decimal_symbol(locale) if exponent(currency) else ""
    one = f"0{point}{1:0{exponent(currency)}}" if point else "1"
    around, around_negative = (_written(minor, currency, locale).replace(one, "{}") for minor in (1, -1))
    return around, around_negative, get_group_symbol(locale), point


def _written(minor: int, currency: str, locale: str) -> str:
    """As babel writes it."""
    digits = exponent(currency)
    amount = Decimal(minor).scaleb(-digits)
    text: str = _pattern(locale, digits).apply(amount, locale, currency=currency, currency_digits=False)
    return text


@dataclass(frozen=True, slots=True)
class Money:
    """An exact amount in the smallest unit of its currency."""

    minor: int
    currency: str

    def __add__(self, other: "Money") -> "Money":
        self._same(other)
        return Money(self.minor + other.minor, self.currency)

    def __sub__(self, other: "Money") -> "Money":
        self._same(other)
        return Money(self.minor - other.minor, self.currency)

    def __neg__(self) -> "Money":
        return Money(-self.minor, self.currency)

    def _same(self, other: "Money") -> None:
        if self.currency != other.currency:
            raise ValueError(f"cannot add {other.currency} to {self.currency}")

    def split(self, weights: Sequence[int]) -> "list[Money]":
        """Share out every cent in proportion to `weights`; the largest remainders get the spare ones."""
        return [Money(minor, self.currency) for minor in split_minor(self.minor, weights)]

    def format(self, locale: str = "de_DE") -> str:
        """For people: `1.234,50 €`."""
        digits = exponent(self.currency)
        if (frame := _frame(locale, self.currency)) is None:
            return _written(self.minor, self.currency, locale)
        around, around_negative, group, point = frame
        whole, rest = divmod(abs(self.minor), 10**digits)
        number = f"{whole:,}".replace(",", group) + (f"{point}{rest:0{digits}}" if digits else "")
        return (around_negative if self.minor < 0 else around).format(number)

    def decimal(self) -> Decimal:
        return Decimal(self.minor).scaleb(-exponent(self.currency))


def split_minor(total_minor: int, weights: Sequence[int]) -> list[int]:
    """Integer shares in proportion to `weights`; they sum to the total, a weight of zero gets zero.

    Raises ValueError when a weight is negative or none is positive.
    """
    total_weight = sum(weights)
    if total_weight <= 0 or min(weights) < 0:
        raise ValueError("weights must not be negative and one must be positive")
    shares = [divmod(total_minor * weight, total_weight) for weight in weights]
    spare = total_minor - sum(whole for whole, _ in shares)
    lucky = set(sorted(range(len(shares)), key=lambda i: -shares[i][1])[:spare])
    return [whole + (i in lucky) for i, (whole, _) in enumerate(shares)]


def share_minor(amount_minor: int, percent: int) -> int:
    """`percent` of an amount, rounded half up away from zero (commercial rounding)."""
    product = amount_minor * percent
    whole, rest = divmod(abs(product), 100)
    return (whole + (rest >= 50)) * (1 if product >= 0 else -1)


def written_minor(text: str, currency: str) -> int | None:
    """`1.234,50`, `1'234.50` or `12` in minor units; None for what is no amount."""
    written = text.strip().removesuffix(currency).removesuffix("€").strip()
    if not _WRITTEN.fullmatch(written):
        return None
    plain = re.sub(r"[' ]", "", written)
    digits = exponent(currency)
    whole, point, rest = plain.rpartition(",") if plain.rfind(",") > plain.rfind(".") else plain.rpartition(".")
    if not point or len(rest) > digits:
        whole, rest = plain, ""
    whole = re.sub(r"[.,]", "", whole)
    units: int = 10**digits
    return int(whole or "0") * units + int(rest.ljust(digits, "0") or "0")


_WRITTEN = re.compile(r"[0-9][0-9.,' ]{0,18}")
