"""From a cell to a value of the right type, with the words for what is wrong (pure)."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from zoneinfo import ZoneInfo

from gateway.core.money import MAX_MINOR, exponent

Convert = Callable[[Any, str], Any]
"""Cell and currency of the row → value. Raises ValueError with a sentence about the cell."""
_WHOLE = re.compile(r"-?[0-9]{1,18}")
_NUMBER = {
    ".": re.compile(r"-?(?:[0-9]{1,15}|[0-9]{1,3}(?:,[0-9]{3}){1,4})(?:\.[0-9]{1,12})?"),
    ",": re.compile(r"-?(?:[0-9]{1,15}|[0-9]{1,3}(?:\.[0-9]{3}){1,4})(?:,[0-9]{1,12})?"),
}
_YES_NO = {
    **dict.fromkeys(("1", "true", "yes", "ja", "y", "t"), True),
    **dict.fromkeys(("0", "false", "no", "nein", "n", "f"), False),
}
MAX_TEXT = 2_000


@dataclass(frozen=True, slots=True)
class Spec:
    """How a column is written, beside its type."""

    unit: str = "minor"
    decimal: str = "."
    round: bool = False
    format: str = "iso"
    timezone: str = "UTC"
    values: Mapping[str, Any] = field(default_factory=dict)


def converter(type_: str, spec: Spec) -> Convert:
    """The conversion to `text`, `int`, `minor` (money), `bool`, `share` (a probability) or `moment`."""
    if spec.values:
        return _by_values(spec.values)
    if type_ == "minor":
        return _major(spec) if spec.unit == "major" else _plain(_whole_minor)
    if type_ == "moment":
        return _moment(spec)
    if type_ == "share":
        return _share(spec)
    return _plain({"text": _text, "int": _whole, "bool": _yes_no}[type_])


def _plain(take: Callable[[Any], Any]) -> Convert:
    return lambda raw, _: take(raw)


def _by_values(values: Mapping[str, Any]) -> Convert:
    def take(raw: Any, _: str) -> Any:
        name = raw if isinstance(raw, str) else _json_word(raw)
        if name not in values:
            raise ValueError(f"is none of {', '.join(list(values)[:20])}")
        return values[name]

    return take


def _json_word(raw: Any) -> str:
    return {True: "true", False: "false"}.get(raw, str(raw)) if isinstance(raw, bool) else str(raw)


def _text(raw: Any) -> str:
    text = raw if isinstance(raw, str) else str(raw)
    if isinstance(raw, dict | list | bool) or len(text) > MAX_TEXT:
        raise ValueError(f"must be a text of at most {MAX_TEXT} letters")
    return text.strip()


def _whole(raw: Any) -> int:
    if isinstance(raw, str) and _WHOLE.fullmatch(raw.strip()):
        raw = int(raw)
    if type(raw) is not int or abs(raw) > MAX_MINOR:
        raise ValueError("must be a whole number")
    return raw


def _whole_minor(raw: Any) -> int:
    value = _whole(raw)
    if value < 0:
        raise ValueError("must not be negative")
    return value


def _yes_no(raw: Any) -> bool:
    if isinstance(raw, bool):
        return raw
    found = _YES_NO.get(str(raw).strip().lower())
    if found is None:
        raise ValueError("must be true or false, yes or no, 1 or 0; or say what is what with `values`")
    return found


def _number(raw: Any, decimal: str) -> Decimal:
    if isinstance(raw, int | float) and not isinstance(raw, bool):
        return Decimal(str(raw))
    text = raw.strip() if isinstance(raw, str) else ""
    if not _NUMBER[decimal].fullmatch(text):
        raise ValueError(f"must be a number with decimal {'point' if decimal == '.' else 'comma'}")
    plain = text.replace("," if decimal == "." else ".", "").replace(",", ".")
    return Decimal(plain)


def _major(spec: Spec) -> Convert:
    def take(raw: Any, currency: str) -> int:
        minor = _number(raw, spec.decimal).scaleb(exponent(currency))
        whole = minor.to_integral_value(ROUND_HALF_UP)
        if whole != minor and not spec.round:
            raise ValueError("is finer than the smallest unit of the currency; `round: true` rounds it")
        if not 0 <= whole <= MAX_MINOR:
            raise ValueError("must not be negative" if whole < 0 else "is too large")
        return int(whole)

    return take


def _share(spec: Spec) -> Convert:
    def take(raw: Any, _: str) -> float:
        try:
            value = float(raw if spec.decimal == "." or not isinstance(raw, str) else raw.replace(",", "."))
        except (TypeError, ValueError):
            raise ValueError("must be a probability between 0 and 1") from None
        if isinstance(raw, bool) or not math.isfinite(value) or not 0 <= value <= 1:
            raise ValueError("must be a probability between 0 and 1")
        return value

    return take


def _moment(spec: Spec) -> Convert:
    zone = ZoneInfo(spec.timezone)

    def take(raw: Any, _: str) -> datetime:
        try:
            moment = _read_moment(raw, spec.format)
        except (ValueError, OverflowError, OSError):
            raise ValueError(f"is no time written as {spec.format}") from None
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)

    return take


def _read_moment(raw: Any, form: str) -> datetime:
    if form == "epoch":
        return datetime.fromtimestamp(float(raw), UTC)
    text = str(raw).strip()
    return datetime.fromisoformat(text) if form == "iso" else datetime.strptime(text, form)  # noqa: DTZ007 - the zone is the mapping's
