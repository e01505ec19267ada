"""What a copy of data says about itself, German and English (pure): Art. 15 (1) and (2) GDPR."""

from collections.abc import Mapping
from typing import Any

from gateway.checkout.texts import LANGUAGES

Lines = tuple[tuple[str, str], ...]
_ABOUT: Mapping[str, Lines] = {
    "purposes": (
        (
            "Zu entscheiden, welche Zahlungsarten bei einer Bestellung angeboten werden (Art. 6 Abs. 1 b und f DSGVO)",
            "Deciding which payment methods are offered for an order (Art. 6 (1) (b) and (f) GDPR)",
        ),
        ("Bestellungen, Zahlungen und Rücksendungen abzuwickeln", "Handling orders, payments and returns"),
        ("Betrug und Zahlungsausfälle zu vermeiden", "Preventing fraud and losses"),
    ),
    "recipients": (
        (
            "Der Betreiber von Kulanz als Auftragsverarbeiter des Shops (Art. 28 DSGVO)",
            "The operator of Kulanz as the shop's processor (Art. 28 GDPR)",
        ),
        ("Nichts wird mit anderen Händlern geteilt", "Nothing is shared with other merchants"),
    ),
    "retention": (
        (
            (
                "Angaben, die Sie nennen, sind mit einem eigenen Schlüssel verschlüsselt, der bei Ihrer Löschung vernichtet "
                "wird"
            ),
            "What names you is encrypted with a key of your own, which is destroyed when you are erased",
        ),
        (
            (
                "Solange eine Bestellung nicht bezahlt ist oder eine Widerrufsfrist läuft, wird nichts gelöscht; Beträge und "
                "Daten von Buchungsbelegen bleiben 8 Jahre (§ 147 AO, § 257 HGB)"
            ),
            (
                "While an order is unpaid or a period of withdrawal runs nothing is erased; amounts and dates of vouchers "
                "stay for 8 years (§ 147 AO, § 257 HGB)"
            ),
        ),
        (
            "Zähler, wie oft zuletzt bestellt wurde, verfallen spätestens 60 Tage nach dem letzten Mal",
            "Counters of how often was ordered expire 60 days after the last time at the latest",
        ),
        ("Nachrichten werden nach 30 Tagen geleert", "Messages are emptied after 30 days"),
    ),
    "origin": (
        ("Von Ihnen selbst bei der Bestellung, über den Shop", "From yourself when ordering, by way of the shop"),
        ("Aus Ihren früheren Bestellungen in diesem Shop", "From your earlier orders in this shop"),
        ("Aus Eintragungen, die Menschen im Shop gemacht haben", "From entries that people at the shop made"),
    ),
    "counters": (
        (
            (
                "Für E-Mail-Adresse, Telefonnummer, Lieferadresse, Internetanschluss, Gerät und Zahlungsmittel wird je ein "
                "verschlüsselter Zähler geführt: wie viele verschiedene Warenkörbe in einer Stunde, einem Tag und 30 Tagen. "
                "Er erkennt automatisierte Angriffe."
            ),
            (
                "For e-mail address, phone number, delivery address, internet connection, device and means of payment one "
                "keyed counter each is kept: how many different baskets within an hour, a day and 30 days. It recognises "
                "automated attacks."
            ),
        ),
    ),
    "rights": (
        (
            "Berichtigung, Löschung, Einschränkung, Widerspruch (Art. 16, 17, 18, 21 DSGVO)",
            "Correction, erasure, restriction, objection (Art. 16, 17, 18, 21 GDPR)",
        ),
        (
            "Eine Entscheidung von einem Menschen prüfen zu lassen (Art. 22 Abs. 3 DSGVO)",
            "Having a decision looked at by a person (Art. 22 (3) GDPR)",
        ),
        (
            "Beschwerde bei einer Datenschutz-Aufsichtsbehörde",
            "Complaint to a data protection authority",
        ),
    ),
    "transfers": (
        (
            "Kulanz selbst überträgt nichts in Länder außerhalb der EU",
            "Kulanz itself transfers nothing to countries outside of the EU",
        ),
    ),
}
LABELS: Mapping[str, tuple[str, str]] = {
    "title": ("Kopie Ihrer Daten", "Copy of your data"),
    "about": ("Worum es geht", "What this is"),
    "merchant": ("Händler", "Merchant"),
    "controller": ("Verantwortlich", "Controller"),
    "contact": ("Kontakt", "Contact"),
    "privacy_notice": ("Datenschutzhinweise", "Privacy notice"),
    "purposes": ("Zwecke", "Purposes"),
    "recipients": ("Empfänger", "Recipients"),
    "retention": ("Wie lange", "How long"),
    "origin": ("Woher", "Origin"),
    "counters": ("Zähler", "Counters"),
    "rights": ("Ihre Rechte", "Your rights"),
    "transfers": ("Drittländer", "Third countries"),
    "buyer": ("Ihr Eintrag", "Your record"),
    "orders": ("Bestellungen", "Orders"),
    "decisions": ("Entscheidungen", "Decisions"),
    "list_entries": ("Listeneinträge über Sie", "List entries about you"),
    "requests": ("Ihre Anfragen", "Your requests"),
    "made_at": ("Stand", "As of"),
    "explanation": ("Erklärung", "Explanation"),
    "told": ("Was der Shop genannt hat", "What the shop told"),
    "none": ("nichts", "nothing"),
    "yes": ("ja", "yes"),
    "no": ("nein", "no"),
    "reference": ("Bestellnummer", "Reference"),
    "shop": ("Shop", "Shop"),
    "currency": ("Währung", "Currency"),
    "total_minor": ("Betrag in Cent", "Amount in cents"),
    "documents": ("Dokumente", "Documents"),
    "events": ("Ereignisse", "Events"),
    "billing": ("Rechnungsadresse", "Billing address"),
    "delivery": ("Lieferadresse", "Delivery address"),
    "items": ("Artikel", "Articles"),
    "first_name": ("Vorname", "First name"),
    "last_name": ("Nachname", "Last name"),
    "phone": ("Telefon", "Phone"),
    "email": ("E-Mail", "E-mail"),
    "summary": ("Ergebnis", "Result"),
    "groups": ("Verwendete Angaben", "What was used"),
    "methods": ("Zahlungsarten", "Payment methods"),
    "what_would_change": ("Was das Ergebnis geändert hätte", "What would have changed the result"),
    "probabilities": ("Schätzungen", "Estimates"),
    "principles": ("Vorgehen", "Procedure"),
    "versions": ("Fassungen", "Versions"),
}


def about(language: str) -> dict[str, Any]:
    """Every list of statements in this language."""
    place = LANGUAGES.index(language)
    return {name: [line[place] for line in lines] for name, lines in _ABOUT.items()}


def label(name: str, language: str) -> str:
    """The heading of a part; a name without words is shown as it is, without underscores."""
    known = LABELS.get(name)
    return known[LANGUAGES.index(language)] if known else name.replace("_", " ")
