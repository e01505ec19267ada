"""The texts of letters in four languages, and how each country writes dates, amounts and rates.

One file per language under `letter_texts/` holds every sentence; `law.yaml` holds what is cited. Values are put into
the braces of a sentence and are never read as a sentence themselves.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from babel import Locale
from babel.dates import format_date
from babel.numbers import format_decimal

from gateway.core.money import Money
from gateway.receivables.letter_model import Language

_FOLDER = Path(__file__).parent / "letter_texts"
_LOCALES = {
    "de": ("de_DE", {"AT": "de_AT", "CH": "de_CH", "LI": "de_CH"}),
    "en": ("en_GB", {}),
    "fr": ("fr_FR", {"CH": "fr_CH"}),
    "it": ("it_IT", {"CH": "it_CH"}),
}
SPOKEN = {
    "DE": ("de",),
    "AT": ("de",),
    "CH": ("de", "fr", "it"),
    "LI": ("de",),
    "FR": ("fr",),
    "BE": ("fr", "de"),
    "LU": ("fr", "de"),
    "IT": ("it",),
}
"""Of the four languages those that a country speaks; all others are written to in English."""


def language_for(country: str, wished: str) -> Language:
    """The language a debtor is written to: his own if we write it, else his country's first, else English."""
    spoken = SPOKEN.get(country, ())
    if wished in _LOCALES and (wished in spoken or wished == "en" or not spoken):
        return Language(wished)
    return Language(spoken[0]) if spoken else Language.EN


_FIRST = {"fr": "1er", "it": "1º"}
"""How these two write the first of a month."""


@dataclass(frozen=True, slots=True)
class Words:
    """Sentences in one language as one country writes it."""

    language: Language
    country: str

    @property
    def locale(self) -> str:
        usual, special = _LOCALES[self.language]
        return special.get(self.country, usual)

    def say(self, key: str, **values: object) -> str:
        """The sentence with its values. Raises KeyError for one that does not exist."""
        return _sentence(self.language, self.locale, key).format(**values)

    def has(self, key: str) -> bool:
        return key in _sentences(self.language)

    def law(self, topic: str) -> str:
        """What is cited; "" where nothing is certain enough to be printed."""
        entry = laws().get(self.country, {}).get(topic)
        return entry[self.language] if entry and entry["certain"] else ""

    def day(self, day: date) -> str:
        """In a sentence: `24. November 2026`."""
        told = format_date(day, "long", self.locale)
        return _FIRST[self.language] + told[1:] if day.day == 1 and self.language in _FIRST else told

    def short_day(self, day: date) -> str:
        """In a table: `24.11.2026`."""
        return format_date(day, "dd.MM.yyyy" if self.language is not Language.EN else "d MMM y", self.locale)

    def money(self, minor: int, currency: str) -> str:
        return Money(minor, currency).format(self.locale).replace("-", "−")

    def land(self, country: str) -> str:
        """As the last line of an address abroad: `ÖSTERREICH`."""
        return str(Locale.parse(self.locale).territories.get(country, country)).upper()

    def rate(self, percent: Decimal) -> str:
        return format_decimal(percent, locale=self.locale)


def _sentence(language: Language, locale: str, key: str) -> str:
    sentence = _sentences(language)[key]
    return sentence.replace("ß", "ss") if locale == "de_CH" else sentence


@cache
def _sentences(language: Language) -> dict[str, str]:
    """Dotted key → sentence."""
    return dict(_flat("", _read(f"{language}.yaml")))


def sentences(language: Language) -> dict[str, str]:
    """All of a language, for those who check that the four say the same."""
    return dict(_sentences(language))


@cache
def laws() -> dict[str, dict[str, dict[str, Any]]]:
    """Country → topic → citation by language, with its source and whether it is certain."""
    return _read("law.yaml")


def _read(name: str) -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((_FOLDER / name).read_text("utf-8"))
    return read


def _flat(prefix: str, node: dict[str, Any]) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for name, value in node.items():
        pairs += _flat(f"{prefix}{name}.", value) if isinstance(value, dict) else [(f"{prefix}{name}", value)]
    return pairs
