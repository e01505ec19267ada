"""How the desk says things: facts with label and unit, codes in words, in the language of the page."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from gateway.checkout.methods import KINDS
from gateway.core.clock import local_date
from gateway.core.errors import GatewayError
from gateway.core.pages import TIMEZONE, language, money, say
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
    if name == "listed":
        return _words(_LISTED, str(value))
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


def outcome_label(outcome: str) -> str:
    """`allow`, `review`, `decline` in words."""
    return _words(_OUTCOMES, outcome)


_HISTORY = frozenset(
    [
        "known_buyer",
        "known_address",
        "orders",
        "paid_orders",
        "open_minor",
        "overdue_minor",
        "overdue_days",
        "highest_paid_minor",
        "returned_percent",
        "days_known",
    ]
)
_BASKET = frozenset(
    ["items", "pieces", "dearest_minor", "most_of_one", "gift_card_percent", "digital_percent", "discount_percent"]
)
_COUNTED = ("_1h", "_24h", "_30d")


def missing_reason(name: str, missing: Mapping[str, str]) -> str:
    """Why a fact is not known, in words. `missing` is what the decision recorded, by group."""
    if name in _HISTORY:
        return say("neither e-mail nor phone was sent") if "history" in missing else say("nothing to tell it from")
    if name in _BASKET:
        return say("no lines were sent")
    if name.endswith(_COUNTED):
        return say("the counters did not answer") if "velocity" in missing else say("the shop did not send it")
    if name.startswith("listed"):
        return say("not on a list")
    return say("the shop did not send it")


def _words(table: Mapping[str, tuple[str, str]], code: str) -> str:
    """The (German, English) words of a code; an unknown code is shown as it is."""
    german, english = table.get(code, (code, code))
    return german if language() == "de" else english


def state_label(state: str) -> str:
    """Fulfilment of an order in words."""
    return _words(_STATES, state)


def event_label(event: str) -> str:
    """What happened to an order, in words."""
    return _words(_EVENTS, event)


def list_kind_label(kind: str) -> str:
    """What kind of value a list entry holds."""
    return _words(_LIST_KINDS, kind)


def policy_label(kind: str) -> str:
    """Which policy document."""
    return _words(_POLICIES, kind)


def notice_label(code: str) -> str:
    """What a notice is about."""
    return _words(_NOTICES, code)


def role_label(role: str) -> str:
    """A role in one word."""
    return _words(_ROLES, role)


def action_label(action: str) -> str:
    """An entry of the audit log in words."""
    return _words(_ACTIONS, action)


def desk_day(moment: datetime) -> date:
    """The day of a moment in the desk's calendar."""
    return local_date(moment, TIMEZONE)


def last_day(due_at: datetime) -> date:
    """The last day for an answer, in the desk's calendar: the deadline is its end."""
    return local_date(due_at - timedelta(seconds=1), TIMEZONE)


def rights_label(kind: str) -> str:
    """What a buyer asks for."""
    return _words(_RIGHTS, kind)


def rights_outcome(outcome: str | None) -> str:
    """What came of it."""
    return _words(_RIGHTS_OUTCOMES, outcome or "–")


def proof_label(proof: str) -> str:
    """How a buyer showed who he is."""
    return _words(_PROOFS, proof)


def correction_label(name: str) -> str:
    """A field that can be corrected."""
    return _words(_CORRECTED, name)


def told_value(told: Mapping[str, Any] | None, name: str) -> str:
    """What the shop told in the place of a correction."""
    part, _, inner = name.partition("_")
    where = (told or {}).get(part) if part in ("billing", "delivery") else (told or {}).get("buyer")
    value = (where or {}).get(inner if part in ("billing", "delivery") else name)
    return str(value or "–")


def sentence(error: GatewayError) -> str:
    """An error for people: in German where we have the words, else the English sentence of the API."""
    german = _ERRORS.get(error.code, "")
    return german if german and language() == "de" else error.detail or error.title


_OUTCOMES = {
    "allow": ("alle Zahlungsarten", "every method"),
    "review": ("mit Vorsicht", "with care"),
    "decline": ("nur sichere Zahlungsarten", "safe methods only"),
}
_STATES = {
    "PLACED": ("bestellt", "placed"),
    "SHIPPED": ("versandt", "shipped"),
    "DELIVERED": ("zugestellt", "delivered"),
    "CANCELLED": ("storniert", "cancelled"),
}
_EVENTS = {
    "paid": ("Zahlung", "paid"),
    "shipped": ("versandt", "shipped"),
    "delivered": ("zugestellt", "delivered"),
    "cancelled": ("storniert", "cancelled"),
    "returned": ("Ware zurück", "goods came back"),
    "refunded": ("erstattet", "refunded"),
    "withdrawn": ("widerrufen", "withdrawn"),
    "changed": ("geändert", "changed"),
}
_LISTED = {"block": ("gesperrt", "blocked"), "allow": ("vertraut", "trusted")}
_LIST_KINDS = {
    "email": ("E-Mail-Adresse", "e-mail address"),
    "phone": ("Telefonnummer", "phone number"),
    "address": ("Postanschrift", "postal address"),
    "domain": ("Mail-Domain", "mail domain"),
    "ip": ("IP-Adresse", "IP address"),
    "device": ("Gerät", "device"),
    "handle": ("Zahlungsmittel", "means of payment"),
    "order": ("eine Bestellung", "one order"),
}
_POLICIES = {
    "checkout": ("Zahlungsarten und Regeln", "Methods and rules"),
    "economics": ("Marge und Kosten", "Margin and costs"),
    "privacy": ("Auskunft an Käufer", "Answers to buyers"),
}
_NOTICES = {
    "outbox-parked": ("Eine Nachricht ging nicht hinaus", "A message could not be sent"),
    "order-differs-from-decision": (
        "Eine Bestellung weicht von ihrer Entscheidung ab",
        "An order differs from its decision",
    ),
    "rights-due": ("Eine Anfrage eines Käufers ist bald fällig", "A request of a buyer is due soon"),
    "rights-overdue": ("Eine Anfrage eines Käufers ist überfällig", "A request of a buyer is overdue"),
    "buyer-corrected": (
        "Daten eines Käufers wurden berichtigt; bitte auch im Shop",
        "Data of a buyer was corrected; please correct it in the shop too",
    ),
    "inbox-parked": ("Eine Nachricht wurde nicht verstanden", "A message could not be understood"),
}
_ROLES = {
    "owner": ("Inhaber", "Owner"),
    "admin": ("Admin", "Admin"),
    "clerk": ("Sachbearbeitung", "Clerk"),
    "reader": ("Lesen", "Reader"),
}
_CORRECTED = {
    "first_name": ("Vorname", "first name"),
    "last_name": ("Nachname", "last name"),
    "company": ("Firma", "company"),
    "vat_id": ("USt-IdNr.", "VAT id"),
    "phone": ("Telefon", "phone"),
    **{
        f"{part}_{name}": (f"{german}: {feld}", f"{english}: {english_name}")
        for part, (german, english) in {
            "billing": ("Rechnungsadresse", "billing address"),
            "delivery": ("Lieferadresse", "delivery address"),
        }.items()
        for name, (feld, english_name) in {
            "line1": ("Straße", "street"),
            "line2": ("Zusatz", "addition"),
            "postcode": ("PLZ", "postcode"),
            "city": ("Ort", "city"),
            "country": ("Land", "country"),
        }.items()
    },
}
_RIGHTS = {
    "review": ("Prüfung durch einen Menschen", "review by a person"),
    "correction": ("Berichtigung", "correction"),
    "objection": ("Widerspruch", "objection"),
    "access": ("Auskunft", "copy of data"),
    "erasure": ("Löschung", "erasure"),
}
_RIGHTS_ACTS = {
    "asked": ("erbeten", "asked for"),
    "answered": ("beantwortet", "answered"),
    "withdrawn": ("erledigt durch Löschung", "ended by erasure"),
}
_RIGHTS_OUTCOMES = {
    "upheld": ("bleibt bestehen", "stands"),
    "granted": ("gewährt", "granted"),
    "corrected": ("berichtigt", "corrected"),
    "noted": ("gilt", "in force"),
    "ended": ("zurückgenommen", "taken back"),
    "sent": ("gesendet", "sent"),
    "erased": ("gelöscht", "erased"),
    "refused": ("abgelehnt", "refused"),
}
_PROOFS = {
    "postcode": ("Link und Postleitzahl", "link and postcode"),
    "email": ("Link und E-Mail-Adresse", "link and e-mail address"),
    "merchant": ("durch den Händler", "by the merchant"),
}
_ACTIONS = {
    "user.invited": ("Benutzer eingeladen", "user invited"),
    "user.invited-again": ("neuer Link für Benutzer", "new link for user"),
    "user.password-set": ("Passwort gesetzt", "password set"),
    "user.role-set": ("Rolle geändert", "role changed"),
    "user.disabled": ("Benutzer abgeschaltet", "user disabled"),
    "user.locked": ("Konto gesperrt nach Fehlversuchen", "account locked after failures"),
    "user.logged-in": ("angemeldet", "signed in"),
    "user.sessions-ended": ("abgemeldet, alle Geräte", "signed out, every device"),
    "list.added": ("Listeneintrag angelegt", "list entry added"),
    "list.removed": ("Listeneintrag entfernt", "list entry removed"),
    "policy.saved": ("Richtlinie gespeichert", "policy saved"),
    "policy.activated": ("Richtlinie aktiviert", "policy activated"),
    "key.created": ("Schlüssel erzeugt", "key created"),
    "key.revoked": ("Schlüssel widerrufen", "key revoked"),
    "shop.created": ("Shop angelegt", "shop created"),
    "shop.closed": ("Shop geschlossen", "shop closed"),
    "shop.key-rotated": ("Signaturschlüssel gewechselt", "signing key changed"),
    "shop.key-retired": ("Signaturschlüssel ausgemustert", "signing key retired"),
    "connection.created": ("Anbindung angelegt", "connection created"),
    "connection.closed": ("Anbindung geschlossen", "connection closed"),
    "callback.created": ("Rückruf angelegt", "callback registered"),
    "callback.secret-rotated": ("Geheimnis des Rückrufs gewechselt", "callback secret changed"),
    "callback.disabled": ("Rückruf abgeschaltet", "callback disabled"),
    "buyer.erased": ("Käufer gelöscht", "buyer erased"),
    "buyer.corrected": ("Käufer berichtigt", "buyer corrected"),
    "buyer.objected": ("Käufer widerspricht der Bewertung", "buyer objects to being assessed"),
    "buyer.objection-ended": ("Käufer nimmt Widerspruch zurück", "buyer takes his objection back"),
    "buyer.copied": ("Daten eines Käufers kopiert", "data of a buyer copied"),
    **{
        f"rights.{kind}.{act}": (f"{german}: {wie}", f"{english}: {how}")
        for kind, (german, english) in _RIGHTS.items()
        for act, (wie, how) in _RIGHTS_ACTS.items()
    },
    "message.replayed": ("Nachricht erneut gesendet", "message sent again"),
    "message.cancelled": ("Nachricht verworfen", "message cancelled"),
    "notice.read": ("Hinweis gesehen", "notice seen"),
}
_ERRORS = {
    "role-missing": "Ihre Rolle schließt das nicht ein. Fragen Sie einen Inhaber Ihres Händlerkontos.",
    "page-unknown": "Diese Seite gibt es in der Verwaltung nicht.",
    "form-expired": "Das Formular ist abgelaufen oder kam nicht von unserer Seite. Öffnen Sie die Seite neu.",
    "decision-unknown": "Diese Entscheidung gibt es hier nicht.",
    "order-unknown": "Diese Bestellung gibt es hier nicht.",
    "entry-unknown": "Diesen Eintrag gibt es in den Listen nicht (mehr).",
    "policy-unknown": "Diese Fassung der Richtlinie gibt es nicht.",
    "shop-unknown": "Diesen Shop gibt es nicht.",
    "shop-closed": "Dieser Shop ist geschlossen.",
    "user-unknown": "Diesen Benutzer gibt es nicht.",
    "content-erased": "Der Inhalt dieser Nachricht wurde gelöscht; es gibt nichts mehr zu senden.",
    "last-owner": "Ein Händler behält mindestens einen Inhaber, der sich anmelden kann.",
    "email-taken": "Jemand mit dieser E-Mail-Adresse arbeitet hier schon.",
    "invite-expired": "Dieser Link wurde benutzt, ist abgelaufen oder war nie gültig. Bitten Sie um einen neuen.",
    "too-many-requests": "Zu viele Anfragen. Versuchen Sie es später noch einmal.",
    "unavailable": "Ein Teil des Dienstes ist gerade nicht verfügbar. Es wurde nichts geändert.",
    "request-unknown": "Diese Anfrage gibt es hier nicht.",
    "already-asked": "Dasselbe wurde schon erbeten und ist noch nicht beantwortet.",
    "still-blocked": "Ein Eintrag der Sperrliste geht jeder Zusage vor. Nehmen Sie ihn zuerst von der Liste.",
    "nothing-to-grant": "Diese Entscheidung nennt weder eine Bestellung noch ein Postfach, dem etwas zugesagt werden könnte.",
    "erasure-refused": "Dieser Käufer kann noch nicht gelöscht werden.",
    "buyer-erased": "Dieser Käufer wurde gelöscht.",
    "buyer-unknown": "Diesen Käufer gibt es nicht.",
    "refused": "Das geht im jetzigen Zustand nicht; vielleicht hat schon jemand geantwortet.",
    "not-found": "Das gibt es hier nicht (mehr).",
}


def mark(text: str) -> str:
    """Puts a sentence of a command into the catalogue; `say` finds it there when the command says it."""
    return text


FAULTS = (
    mark("is no email that could be recognised"),
    mark("is no phone that could be recognised"),
    mark("is no address that could be recognised"),
    mark("is no domain that could be recognised"),
    mark("is no ip that could be recognised"),
    mark("lies in the past"),
    mark("is one of the first that are guessed"),
    mark("must not be the e-mail address"),
    mark("is not an e-mail address"),
)
"""What commands find wrong with a form's fields."""
