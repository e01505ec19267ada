"""How the desk says things: facts with label and unit, codes in words, in the language of the page."""

from collections.abc import Mapping
from typing import Any

from gateway.checkout.methods import KINDS
from gateway.core.errors import GatewayError
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
_COUNTED = ("_10m", "_1h", "_24h", "_30d", "_surge")


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
}
_POLICIES = {
    "checkout": ("Zahlungsarten und Regeln", "Methods and rules"),
    "economics": ("Marge und Kosten", "Margin and costs"),
}
_NOTICES = {
    "outbox-parked": ("Eine Nachricht ging nicht hinaus", "A message could not be sent"),
    "order-differs-from-decision": (
        "Eine Bestellung weicht von ihrer Entscheidung ab",
        "An order differs from its decision",
    ),
    "card-testing-started": (
        "Karten werden getestet: ungewöhnlich viele Ablehnungen",
        "Card testing: unusually many declines",
    ),
    "card-testing-ended": ("Das Testen von Karten hat aufgehört", "Card testing has ended"),
    "inbox-parked": ("Eine Nachricht wurde nicht verstanden", "A message could not be understood"),
}
_ROLES = {
    "owner": ("Inhaber", "Owner"),
    "admin": ("Admin", "Admin"),
    "clerk": ("Sachbearbeitung", "Clerk"),
    "reader": ("Lesen", "Reader"),
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
    "message.replayed": ("Nachricht erneut gesendet", "message sent again"),
    "message.cancelled": ("Nachricht verworfen", "message cancelled"),
    "shield.lifted": ("Kartenschutz aufgehoben", "card-testing shield lifted"),
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
