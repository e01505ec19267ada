"""What codes mean in plain words, German and English: reasons for the merchant, one sentence for the buyer (pure)."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from gateway.core.money import Money
from gateway.risk.facts import CATALOGUE

LANGUAGES = ("de", "en")
Words = Mapping[str, Mapping[str, str]]
"""The merchant's own, by rule: `reason` for him, `de` and `en` for the buyer."""
NO_WORDS: Words = MappingProxyType({})

_REASONS: dict[str, tuple[str, str]] = {
    "switched_off": ("In der Richtlinie abgeschaltet.", "Switched off in the policy."),
    "amount_too_small": ("Bestellwert unter dem Mindestbetrag.", "Order below the smallest amount."),
    "amount_too_large": ("Bestellwert über dem Höchstbetrag.", "Order above the largest amount."),
    "country": ("Lieferland nicht zugelassen.", "Delivery country not allowed."),
    "companies_only": ("Nur für Firmenkunden.", "For companies only."),
    "consumers_only": ("Nur für Privatkunden.", "For consumers only."),
    "needs_licence": (
        "Eigene Ratenzahlung braucht einen Partner mit Erlaubnis.",
        "Own instalments need a licensed partner.",
    ),
    "consumer_credit": (
        "Zahlungsziel über 14 Tage nach Lieferung (KMU: 50) wäre Verbraucherkredit.",
        "Due more than 14 days after delivery (SME: 50) would be consumer credit.",
    ),
    "consumer_credit_fee": (
        "Eine Rechnung, die Verbraucher etwas kostet, wäre Verbraucherkredit.",
        "An invoice that costs a consumer anything would be consumer credit.",
    ),
    "blocked": ("Auf Ihrer Sperrliste.", "On your block list."),
    "objection": (
        "Der Kunde hat der Bewertung widersprochen (Art. 21 DSGVO).",
        "The buyer objected to being assessed (Art. 21 GDPR).",
    ),
    "risk_too_high": ("Ausfallwahrscheinlichkeit über Ihrer Grenze.", "Probability of default above your limit."),
    "history_missing": ("Keine Vorgeschichte bekannt.", "No history is known."),
    "velocity_missing": ("Häufigkeiten gerade nicht verfügbar.", "Velocity is not available now."),
    "bureau_missing": ("Keine Auskunft verfügbar.", "No bureau answer is available."),
    "expected_loss": ("Erwarteter Verlust über Ihrer Grenze.", "Expected loss above your limit."),
    "buyer_limit": ("Offene Beträge über dem Kundenlimit.", "Open amounts above the buyer's limit."),
    "shop_limit": ("Offene Beträge des Shops über Ihrer Obergrenze.", "Open amounts of the shop above your ceiling."),
    "explored": (
        "Als Stichprobe gezeigt, damit das Modell dazulernt.",
        "Shown as a sample, so that the model keeps learning.",
    ),
    "card_with_3ds_instead": (
        "Karte mit 3-D Secure wird stattdessen gezeigt.",
        "Card with 3-D Secure is shown instead.",
    ),
    "not_worth_it": ("Erwarteter Ertrag nicht positiv.", "Expected contribution is not positive."),
    "deposit_by_rule": ("Anzahlung durch eine Regel verlangt.", "Deposit asked for by a rule."),
    "last_resort": ("Damit das Menü nicht leer bleibt.", "So that the menu is not empty."),
    "last_resort_unsafe": (
        "Damit das Menü nicht leer bleibt; bitte vor Versand prüfen.",
        "So that the menu is not empty; please review before shipping.",
    ),
}

_NOTICE = (
    "Nicht jede Zahlungsart ist für diese Bestellung verfügbar. Fragen Sie den Shop gern nach dem Grund.",
    "Not every payment method is available for this order. Feel free to ask the shop why.",
)
_DEPOSIT_NOTICE = (
    "Für einzelne Zahlungsarten bitten wir um eine Anzahlung.",
    "For some payment methods we ask for a deposit.",
)
_RAISES = ("Erhöht das Risiko: {}.", "Raises the risk: {}.")
_LOWERS = ("Senkt das Risiko: {}.", "Lowers the risk: {}.")


def language_of(asked: str, default: str) -> str:
    """One of ours: what the buyer speaks, else the shop's, else German."""
    return next((one for one in (asked, default) if one in LANGUAGES), "de")


def reason(code: str, language: str, words: Words = NO_WORDS) -> str:
    """A reason code in words; a rule is named by its id and tells the reason that the merchant gave it."""
    if code.startswith("rule:"):
        own = words.get(code[5:], {}).get("reason", "")
        return f"{('Regel', 'Rule')[LANGUAGES.index(language)]} {code[5:]}{f': {own}' if own else ''}"
    return _REASONS[code][LANGUAGES.index(language)]


def own_words(offers: Sequence[Mapping[str, Any]], words: Words, language: str) -> list[str]:
    """What the rules that took something away say to the buyer, in his language or else in the other."""
    codes = dict.fromkeys(code[5:] for offer in offers for code in offer["reasons"] if code.startswith("rule:"))
    told = [words.get(rule, {}) for rule in codes]
    found = [one.get(language) or next((one[other] for other in LANGUAGES if other in one), "") for one in told]
    return list(dict.fromkeys(filter(None, found)))


def score_reason(fact: str, effect: float, facts: Mapping[str, Any], language: str) -> str:
    """A fact, its value and its direction in words: `Erhöht das Risiko: E-Mail angegeben (nein).`."""
    place = LANGUAGES.index(language)
    entry = CATALOGUE[fact]
    label = (entry.label_de, entry.label_en)[place]
    value = _value(facts.get(fact), entry.unit, facts["currency"], place)
    return (_RAISES if effect > 0 else _LOWERS)[place].format(f"{label} ({value})")


def _value(value: Any, unit: str, currency: str, place: int) -> str:
    if value is None:
        return ("unbekannt", "unknown")[place]
    if isinstance(value, bool):
        return (("nein", "ja"), ("no", "yes"))[place][value]
    if unit == "minor units":
        return Money(value, currency).format(("de_DE", "en_GB")[place])
    return f"{value} %" if unit == "%" else str(value)


def notice(*, hidden: bool, deposit: bool, language: str, own: Sequence[str] = ()) -> str:
    """What the buyer may read; it tells nothing about him. `own`: what the merchant's rules say to him."""
    place = LANGUAGES.index(language)
    sentences = ([_NOTICE[place]] if hidden else []) + ([_DEPOSIT_NOTICE[place]] if deposit else [])
    return " ".join([*sentences, *own])
