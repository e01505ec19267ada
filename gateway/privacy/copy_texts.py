"""What a copy of data says about itself, German and English (pure): Art. 15 (1) and (2) GDPR."""

from collections.abc import Mapping
from typing import Any

from gateway.checkout.texts import LANGUAGES
from gateway.law import tables

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
                "Daten von Buchungsbelegen bleiben {years} Jahre (§ 147 AO, § 257 HGB)"
            ),
            (
                "While an order is unpaid or a period of withdrawal runs nothing is erased; amounts and dates of vouchers "
                "stay for {years} years (§ 147 AO, § 257 HGB)"
            ),
        ),
        (
            "Zähler, wie oft zuletzt bestellt wurde, verfallen spätestens 60 Tage nach dem letzten Mal",
            "Counters of how often was ordered expire 60 days after the last time at the latest",
        ),
        (
            "Was eine Auskunftei gesagt hat, wird höchstens 90 Tage behalten; dass sie gefragt wurde, bleibt",
            "What a credit bureau said is kept for 90 days at the most; that it was asked stays",
        ),
        ("Nachrichten werden nach 30 Tagen geleert", "Messages are emptied after 30 days"),
    ),
    "origin": (
        ("Von Ihnen selbst bei der Bestellung, über den Shop", "From yourself when ordering, by way of the shop"),
        ("Aus Ihren früheren Bestellungen in diesem Shop", "From your earlier orders in this shop"),
        ("Aus Eintragungen, die Menschen im Shop gemacht haben", "From entries that people at the shop made"),
        (
            "Von Auskunfteien, wo der Shop eine gefragt hat, als Sie die Zahlungsart gewählt hatten",
            "From credit bureaus, where the shop asked one once you had chosen the payment method",
        ),
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
        (
            (
                "Für Internetanschluss, Gerät und Karte wird ebenso gezählt, wie viele Zahlungen und Karten zuletzt abgelehnt "
                "wurden. Das erkennt das Ausprobieren gestohlener Karten und verfällt nach einem Tag."
            ),
            (
                "For internet connection, device and card it is counted likewise how many payments and cards were declined "
                "lately. That recognises the testing of stolen cards and expires after a day."
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
}
LABELS: Mapping[str, tuple[str, str]] = {
    "copy": ("Kopie Ihrer Daten", "Copy of your data"),
    "about": ("Worum es geht", "What this is about"),
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
    "buyer": ("Ihr Eintrag", "Your record"),
    "orders": ("Bestellungen", "Orders"),
    "claims": ("Forderungen", "Claims"),
    "payments": ("Zahlungen", "Payments"),
    "letters": ("Schreiben an Sie", "Letters to you"),
    "objections": ("Ihre Einwände", "Your objections"),
    "channel": ("Weg", "Way"),
    "day": ("Tag", "Day"),
    "deadline": ("Frist", "Deadline"),
    "sent_at": ("Abgegangen", "Left"),
    "category": ("Grund", "Reason"),
    "raised_at": ("Erhoben", "Raised"),
    "decided_at": ("Entschieden", "Decided"),
    "words": ("Ihre Worte", "Your words"),
    "finding": ("Einschätzung des Händlers", "What the merchant found"),
    "grounds": ("Warum er das findet", "Why he finds so"),
    "holds": ("Aufschub", "Holds"),
    "debtor": ("Schuldner", "Debtor"),
    "principal_minor": ("Hauptforderung", "Principal"),
    "costs_minor": ("Kosten", "Costs"),
    "interest_minor": ("Zinsen", "Interest"),
    "owed_minor": ("Geschuldet", "Owed"),
    "credit_minor": ("Guthaben", "Credit"),
    "default_from": ("In Verzug seit", "In default since"),
    "paid_on": ("Bezahlt am", "Paid on"),
    "reversed_at": ("Zurückgenommen", "Taken back"),
    "opened_at": ("Eröffnet", "Opened"),
    "closed_at": ("Geschlossen", "Closed"),
    "invoice_number": ("Rechnungsnummer", "Invoice number"),
    "decisions": ("Entscheidungen", "Decisions"),
    "bureau_answers": ("Auskünfte über Sie", "What credit bureaus were asked about you"),
    "bureau": ("Auskunftei", "Credit bureau"),
    "score": ("Auskunfts-Score (0 bis 1000, höher ist besser)", "Bureau score (0 to 1000, higher is better)"),
    "kept_until": ("Behalten bis", "Kept until"),
    "decision": ("Entscheidung", "Decision"),
    "choices": ("Was Sie gewählt haben", "What you chose"),
    "at": ("Zeitpunkt", "When"),
    "text_version": ("Fassung des Hinweises", "Version of the notice"),
    "reused": ("Schon bekannte Auskunft", "Answer on record"),
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
    "total_minor": ("Betrag", "Amount"),
    "paid_minor": ("Bezahlt", "Paid"),
    "refunded_minor": ("Erstattet", "Refunded"),
    "returned_minor": ("Zurückgesandt", "Sent back"),
    "open_minor": ("Offen", "Open"),
    "unit_minor": ("Stückpreis", "Price of one"),
    "amount_minor": ("Betrag", "Amount"),
    "deposit_minor": ("Anzahlung", "Deposit"),
    "deposit_percent": ("Anzahlung in Prozent", "Deposit in per cent"),
    "first_seen_at": ("Zuerst gesehen", "First seen"),
    "objects_since": ("Widerspruch seit", "Objection since"),
    "recognised_by": ("Wiedererkannt an", "Recognised by"),
    "placed_at": ("Bestellt", "Ordered"),
    "paid_at": ("Bezahlt am", "Paid on"),
    "shipped_at": ("Versandt", "Shipped"),
    "delivered_at": ("Zugestellt", "Delivered"),
    "cancelled_at": ("Storniert", "Cancelled"),
    "withdrawn_at": ("Widerrufen", "Withdrawn"),
    "updated_at": ("Zuletzt geändert", "Last changed"),
    "created_at": ("Angelegt", "Made"),
    "occurred_at": ("Geschehen", "Happened"),
    "received_at": ("Eingegangen", "Received"),
    "asked_at": ("Gestellt", "Asked"),
    "due_at": ("Antwort bis", "Answer by"),
    "due_date": ("Fällig", "Due"),
    "answered_at": ("Beantwortet", "Answered"),
    "state": ("Stand", "State"),
    "buyer_id": ("Ihre Kennung", "Your id"),
    "decision_id": ("Entscheidung", "Decision"),
    "id": ("Kennung", "Id"),
    "method": ("Zahlungsart", "Payment method"),
    "kind": ("Art", "Kind"),
    "customer_reference": ("Kundennummer", "Customer number"),
    "guest": ("Gast", "Guest"),
    "company": ("Firma", "Company"),
    "vat_id": ("USt-IdNr.", "VAT id"),
    "line1": ("Straße", "Street"),
    "line2": ("Zusatz", "Addition"),
    "postcode": ("PLZ", "Postcode"),
    "city": ("Ort", "City"),
    "country": ("Land", "Country"),
    "quantity": ("Anzahl", "Quantity"),
    "sku": ("Artikelnummer", "Article number"),
    "name": ("Name", "Name"),
    "event": ("Ereignis", "Event"),
    "external_id": ("Kennung beim Shop", "Id at the shop"),
    "facts": ("Angaben", "Facts"),
    "carrier": ("Versender", "Carrier"),
    "title": ("Titel", "Title"),
    "label": ("Angabe", "Item"),
    "value": ("Wert", "Value"),
    "direction_text": ("Wirkung", "Effect"),
    "rank": ("Rang", "Rank"),
    "missing": ("Nicht verwendet", "Not used"),
    "show": ("Angeboten", "Offered"),
    "reasons": ("Gründe", "Reasons"),
    "text": ("Text", "Text"),
    "context": ("Verbindung", "Connection"),
    "ip": ("IP-Adresse", "IP address"),
    "user_agent": ("Browser", "Browser"),
    "device_id": ("Gerät", "Device"),
    "device_consent": ("Einwilligung zum Gerät", "Consent to the device"),
    "payment_handle": ("Zahlungsmittel", "Means of payment"),
    "card": ("Bewertungstabelle", "Score card"),
    "policy": ("Richtlinie", "Policy"),
    "economics": ("Kostenannahmen", "Cost figures"),
    "proof": ("Nachweis", "Proof"),
    "changes": ("Änderungen", "Changes"),
    "outcome": ("Ergebnis", "Outcome"),
    "answer": ("Antwort", "Answer"),
    "action": ("Wirkung", "Effect"),
    "reason": ("Grund", "Reason"),
    "since": ("Seit", "Since"),
    "until": ("Bis", "Until"),
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
    """Every list of statements in this language; how long vouchers are kept is the law's table."""
    place, years = LANGUAGES.index(language), tables.shipped().run("retention", "DE/voucher")[-1].whole
    return {name: [line[place].format(years=years) for line in lines] for name, lines in _ABOUT.items()}


def bureau(name: str, language: str) -> str:
    """A bureau that was asked, as a recipient."""
    told = f"Auskunftei {name}: Name und Anschrift", f"Credit bureau {name}: name and address"
    return told[LANGUAGES.index(language)]


def label(name: str, language: str) -> str:
    """The heading of a part; a name without words is shown as it is, without underscores."""
    known = LABELS.get(name)
    return known[LANGUAGES.index(language)] if known else name.replace("_", " ")
