"""How the desk says things: facts with label and unit, codes in words, in the language of the page."""

from typing import Any

from gateway.checkout.methods import KINDS
from gateway.core.pages import language, money, say
from gateway.risk.facts import CATALOGUE


def kind_label(kind: str) -> str:
    """Our kind of payment method in words; a kind this version does not know is shown as it is."""
    known = KINDS.get(kind)
    if known is None:
        return kind
    label = known.label_de if language() == "de" else known.label_en
    return label[:1].upper() + label[1:]


def fact_label(name: str) -> str:
    """A fact of the catalogue in words."""
    known = CATALOGUE.get(name)
    if known is None:
        return name
    label = known.label_de if language() == "de" else known.label_en
    return label[:1].upper() + label[1:]


def fact_value(name: str, value: Any, currency: str) -> str:
    """A fact's value with its unit."""
    known = CATALOGUE.get(name)
    if value is None or known is None:
        return "–" if value is None else str(value)
    if isinstance(value, bool):
        return say("yes") if value else say("no")
    return _with_unit(value, known.unit, currency)


def _with_unit(value: Any, unit: str, currency: str) -> str:
    if unit == "minor units":
        return money(int(value), currency)
    if unit == "%":
        return f"{value} %"
    if unit == "days":
        return say("%(days)s days", days=value)
    if unit == "hour":
        return say("%(hour)s:00", hour=value)
    return str(value)


OUTCOMES = {
    "allow": ("every method", "alle Zahlungsarten"),
    "review": ("with care", "mit Vorsicht"),
    "decline": ("safe methods only", "nur sichere Zahlungsarten"),
}


def outcome_label(outcome: str) -> str:
    """`allow`, `review`, `decline` in words."""
    english, german = OUTCOMES[outcome]
    return german if language() == "de" else english
