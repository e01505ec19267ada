"""What the evidence says, in German and English (pure)."""

from collections.abc import Mapping
from types import MappingProxyType

_WORDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "title": ("Antwort auf die Rückbuchung {id}", "Answer to dispute {id}"),
        "merchant": ("Händler", "Merchant"),
        "dispute": ("Vorgang", "Dispute"),
        "amount": ("Betrag", "Amount"),
        "reason": ("Grund", "Reason"),
        "opened": ("Eröffnet", "Opened"),
        "order": ("Bestellung", "Order"),
        "statement": ("Stellungnahme", "Statement"),
        "attached": ("Anlage", "Attached"),
        "placed": ("Bestellung {reference} vom {day} über {total}", "Order {reference} of {day}, total {total}"),
        "shipped": ("Versandt am {day}", "Shipped on {day}"),
        "delivered": ("Zugestellt am {day}", "Delivered on {day}"),
        "same_address": (
            "Rechnungs- und Lieferadresse stimmen überein: {place}",
            "Billing and delivery address are the same: {place}",
        ),
        "letter": ("Schreiben vom {day} ({channel})", "Letter of {day} ({channel})"),
        "refunded": ("Erstattet am {day}: {amount}", "Refunded on {day}: {amount}"),
        "terms": ("Es galten die Bedingungen {terms}.", "The terms {terms} applied."),
        "prior": (
            "Frühere, nicht beanstandete Bestellung {reference} vom {day}; gleich: {matched}",
            "Earlier undisputed order {reference} of {day}; the same: {matched}",
        ),
        "match_account": ("Kundenkonto", "customer account"),
        "match_delivery_address": ("Lieferadresse", "delivery address"),
    }
)
CATEGORIES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "fraud": ("Betrug", "Fraud"),
        "not_received": ("Nicht erhalten", "Not received"),
        "not_as_described": ("Nicht wie beschrieben", "Not as described"),
        "duplicate": ("Doppelt bezahlt", "Paid twice"),
        "credit_not_processed": ("Gutschrift fehlt", "Credit missing"),
        "cancelled_recurring": ("Abonnement gekündigt", "Subscription cancelled"),
        "processing": ("Abwicklungsfehler", "Processing error"),
        "other": ("Sonstiges", "Other"),
    }
)
PIECES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "order": ("Bestellung", "Order"),
        "delivery": ("Zustellung", "Delivery"),
        "addresses": ("Adressen", "Addresses"),
        "communication": ("Schriftverkehr", "Communication"),
        "refund": ("Erstattungen", "Refunds"),
        "policy": ("Bedingungen und Widerruf", "Terms and withdrawal"),
        "prior_orders": ("Frühere Bestellungen", "Earlier orders"),
    }
)
_WANTED: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "order": ("Rechnung oder Auftragsbestätigung", "invoice or confirmation of the order"),
        "delivery": ("Zustellnachweis des Paketdienstes", "the carrier's proof of delivery"),
        "addresses": ("Beleg, dass die Adressen zusammengehören", "proof that the addresses belong together"),
        "communication": ("E-Mails mit dem Kunden", "e-mails with the customer"),
        "refund": ("Beleg der Erstattung", "proof of the refund"),
        "policy": ("Bedingungen, wie sie beim Kauf galten", "the terms as they applied at the time"),
        "prior_orders": ("Belege früherer Bestellungen", "proof of earlier orders"),
    }
)


def words(language: str) -> Mapping[str, str]:
    return {name: both[language != "de"] for name, both in _WORDS.items()}


def category_label(category: str, language: str) -> str:
    return CATEGORIES[category][language != "de"]


def piece_title(piece: str, language: str) -> str:
    return PIECES[piece][language != "de"]


def wanted_words(piece: str, language: str) -> str:
    """What to upload where nothing is there."""
    return _WANTED[piece][language != "de"]
