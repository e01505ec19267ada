"""The words of an explanation, German and English, for the buyer (pure). He is told what is, never how to get around it."""

from collections.abc import Mapping, Sequence
from typing import Any

from gateway.checkout.methods import KINDS
from gateway.checkout.texts import LANGUAGES
from gateway.checkout.whatif import WhatIf
from gateway.core.money import Money
from gateway.risk.facts import Fact

Words = Mapping[str, tuple[str, str]]

GROUPS: Words = {
    "basket": ("Ihr Warenkorb", "Your basket"),
    "told": ("Ihre Angaben bei der Bestellung", "What you told when ordering"),
    "history": ("Ihre bisherigen Bestellungen in diesem Shop", "Your earlier orders in this shop"),
    "velocity": ("Wie oft zuletzt bestellt oder versucht wurde", "How often was ordered or tried lately"),
    "lists": ("Eintragungen des Shops", "Entries of the shop"),
    "bureau": ("Auskunft einer Auskunftei", "Answer of a credit bureau"),
    "other": ("Weiteres", "Other"),
}
MISSING: Words = {
    "basket": ("Die einzelnen Artikel waren nicht bekannt.", "The single articles were not known."),
    "history": (
        "Frühere Bestellungen wurden nicht verwendet oder waren nicht bekannt.",
        "Earlier orders were not used or not known.",
    ),
    "returns": (
        "Für eine Retourenquote gibt es zu wenige Lieferungen.",
        "There are too few deliveries for a share of returns.",
    ),
    "velocity": (
        "Wie oft zuletzt bestellt wurde, wurde nicht verwendet oder war nicht bekannt.",
        "How often was ordered lately was not used or not known.",
    ),
    "profiling": (
        "Sie haben widersprochen: Ihre Person wurde nicht bewertet.",
        "You have objected: you were not assessed as a person.",
    ),
    "bureau": ("Es lag keine Auskunft einer Auskunftei vor.", "There was no answer of a credit bureau."),
}
REASONS: Words = {
    "switched_off": ("Der Shop bietet diese Zahlungsart nicht an.", "The shop does not offer this method."),
    "amount_too_small": (
        "Der Bestellwert liegt unter dem Mindestbetrag für diese Zahlungsart.",
        "The order is below the smallest amount for this method.",
    ),
    "amount_too_large": (
        "Der Bestellwert liegt über dem Höchstbetrag für diese Zahlungsart.",
        "The order is above the largest amount for this method.",
    ),
    "country": (
        "In dieses Lieferland wird die Zahlungsart nicht angeboten.",
        "The method is not offered for this delivery country.",
    ),
    "companies_only": ("Nur für Firmenkunden.", "For companies only."),
    "consumers_only": ("Nur für Privatkunden.", "For consumers only."),
    "needs_licence": (
        "Eigene Ratenzahlung darf der Shop nicht anbieten.",
        "The shop is not allowed to offer instalments of its own.",
    ),
    "consumer_credit": (
        "Ein so langes Zahlungsziel wäre ein Verbraucherkredit.",
        "Paying that late would be a consumer credit.",
    ),
    "blocked": (
        (
            "Eine Eintragung in den eigenen Listen des Shops betrifft Angaben dieser Bestellung. Menschen im Shop führen "
            "diese Listen. Sie können die Eintragung prüfen lassen."
        ),
        (
            "An entry in the shop's own lists concerns data of this order. People at the shop keep these lists. You can "
            "have the entry checked."
        ),
    ),
    "risk_too_high": (
        (
            "Nach den unten genannten Angaben war das errechnete Ausfallrisiko höher, als der Shop bei dieser Zahlungsart "
            "eingeht."
        ),
        "By what is listed below the calculated risk of non-payment was higher than the shop takes with this method.",
    ),
    "history_missing": (
        "Ohne frühere Bestellungen bietet der Shop diese Zahlungsart nicht an.",
        "Without earlier orders the shop does not offer this method.",
    ),
    "velocity_missing": (
        "Eine Sicherheitsprüfung war in diesem Augenblick nicht möglich.",
        "A security check was not possible at that moment.",
    ),
    "expected_loss": (
        "Für diesen Bestellwert war das errechnete Risiko höher, als der Shop eingeht.",
        "For this order total the calculated risk was higher than the shop takes.",
    ),
    "buyer_limit": (
        "Zusammen mit noch offenen Beträgen wäre die Grenze je Kunde überschritten.",
        "Together with amounts still open the limit per customer would be exceeded.",
    ),
    "not_worth_it": (
        "Die Kosten dieser Zahlungsart wären für den Shop höher als der Ertrag der Bestellung.",
        "The costs of this method would be higher for the shop than what the order brings.",
    ),
    "deposit_by_rule": ("Eine Regel des Shops verlangt eine Anzahlung.", "A rule of the shop asks for a deposit."),
    "last_resort": (
        "Damit Sie in jedem Fall bezahlen können, wird diese Zahlungsart trotzdem angeboten.",
        "So that you can pay in any case, this method is offered all the same.",
    ),
    "last_resort_unsafe": (
        (
            "Damit Sie in jedem Fall bezahlen können, wird diese Zahlungsart trotzdem angeboten; ein Mensch sieht die "
            "Bestellung vor dem Versand an."
        ),
        (
            "So that you can pay in any case, this method is offered all the same; a person looks at the order before it "
            "ships."
        ),
    ),
    "consumer_credit_fee": (
        "Eine Rechnung, die etwas kostet, wäre für Privatkunden ein Verbraucherkredit.",
        "An invoice that costs something would be a consumer credit.",
    ),
    "bureau_missing": (
        "Ohne Auskunft einer Auskunftei bietet der Shop diese Zahlungsart nicht an.",
        "Without the answer of a credit bureau the shop does not offer this method.",
    ),
    "shop_limit": (
        "Der Shop hat derzeit insgesamt so viel offen, wie er zulässt; das liegt nicht an Ihnen.",
        "The shop has as much open in all as it allows at the moment; that is not about you.",
    ),
    "explored": (
        "Diese Zahlungsart wurde als Stichprobe angeboten.",
        "This method was offered as a sample.",
    ),
    "card_with_3ds_instead": (
        "Stattdessen wird die Karte mit 3-D Secure angeboten.",
        "The card with 3-D Secure is offered instead.",
    ),
    "objection": (
        (
            "Sie haben der Bewertung widersprochen. Ohne sie bietet der Shop nur Zahlungsarten an, bei denen er nicht in "
            "Vorleistung geht. Sie können den Widerspruch jederzeit zurücknehmen oder einen Menschen entscheiden lassen."
        ),
        (
            "You have objected to being assessed. Without it the shop offers only methods in which it does not deliver "
            "first. You can take the objection back at any time or let a person decide."
        ),
    ),
}
_UNKNOWN_REASON = ("Eine weitere Prüfung des Shops war beteiligt.", "Another check of the shop played a part.")
"""A code of tomorrow may speak for a method as well as against it, so its words take no side."""
WHAT_IFS: Words = {
    "same_address": ("Bei Lieferung an die Rechnungsadresse", "With delivery to the billing address"),
    "no_locker": (
        "Bei Lieferung an eine Hausanschrift statt an eine Packstation",
        "With delivery to a street address instead of a parcel locker",
    ),
    "account": ("Mit Kundenkonto statt als Gast", "With a customer account instead of as a guest"),
    "phone": ("Mit Angabe einer Telefonnummer", "With a phone number given"),
    "email": ("Mit Angabe einer E-Mail-Adresse", "With an e-mail address given"),
    "lasting_email": (
        "Mit einer dauerhaften statt einer Wegwerf-E-Mail-Adresse",
        "With a lasting instead of a disposable e-mail address",
    ),
    "no_gift_cards": ("Ohne Gutscheine im Warenkorb", "Without gift cards in the basket"),
    "overdue_paid": (
        "Sobald die überfälligen {value} bezahlt sind",
        "Once the overdue {value} are paid",
    ),
    "open_paid": ("Sobald die offenen {value} bezahlt sind", "Once the open {value} are paid"),
    "paid_orders": ("Nach {value} bezahlten Bestellungen in diesem Shop", "After {value} paid orders in this shop"),
    "paid_order": ("Nach einer ersten bezahlten Bestellung in diesem Shop", "After a first paid order in this shop"),
    "amount": ("Bei einem Bestellwert bis {value}", "With an order of at most {value}"),
}
SUBJECTS: Words = {
    "email": ("mit dieser E-Mail-Adresse", "with this e-mail address"),
    "phone": ("mit dieser Telefonnummer", "with this phone number"),
    "address": ("an diese Lieferadresse", "to this delivery address"),
    "ip": ("über diesen Internetanschluss", "from this internet connection"),
    "device": ("mit diesem Gerät", "with this device"),
    "handle": ("mit diesem Zahlungsmittel", "with this means of payment"),
}
_PAYMENTS = ("Zahlungsversuche {}", "payment attempts {}")
_OTHER_SUBJECT = ("mit weiteren Merkmalen dieser Bestellung", "with other features of this order")
DIRECTIONS: Words = {
    "against": ("sprach gegen eine Zahlung nach der Lieferung", "spoke against paying after delivery"),
    "for": ("sprach für eine Zahlung nach der Lieferung", "spoke for paying after delivery"),
    "none": ("hatte keinen Einfluss", "had no influence"),
}
_PRINCIPLES: tuple[tuple[str, str], ...] = (
    (
        (
            "Der Shop prüft bei jeder Bestellung automatisch, welche Zahlungsarten er anbieten kann, ohne einen zu hohen "
            "Verlust zu riskieren."
        ),
        "For every order the shop checks automatically which methods it can offer without risking too high a loss.",
    ),
    (
        (
            "Aus den unten genannten Angaben wird geschätzt, wie wahrscheinlich die Bestellung nicht bezahlt, missbräuchlich "
            "aufgegeben oder zurückgeschickt wird. Jede Angabe erhöht oder senkt diese Schätzung; Rang 1 wog am meisten."
        ),
        (
            "From what is listed below it is estimated how likely the order is not paid, placed by an impostor, or sent "
            "back. Each item raises or lowers the estimate; rank 1 weighed most."
        ),
    ),
    (
        (
            "Danach gelten die Grenzen und Regeln des Shops. Zahlungsarten, bei denen zuerst bezahlt wird, werden wegen "
            "dieser Schätzung niemals ausgeblendet."
        ),
        (
            "Then the limits and rules of the shop apply. Methods in which you pay first are never hidden because of the "
            "estimate."
        ),
    ),
    (
        "Name, Geschlecht, Alter, soziale Netzwerke, Kontobewegungen und die Wohngegend werden nicht verwendet.",
        "Name, gender, age, social networks, account flows and the neighbourhood are not used.",
    ),
)
_OBJECTED = (
    (
        "Weil Sie widersprochen haben, wurden nur Bestellwert, Währung, Lieferland und Warenkorb verwendet, dazu nur "
        "Eintragungen, die Menschen im Shop selbst gemacht haben."
    ),
    (
        "Because you have objected, only order total, currency, delivery country and basket were used, and beside them only "
        "entries that people at the shop made themselves."
    ),
)
_CHANCES = {
    "default": ("nicht bezahlt", "not paid"),
    "fraud": ("missbräuchlich aufgegeben", "placed by an impostor"),
    "return": ("zurückgeschickt", "sent back"),
}


def _pick(pair: tuple[str, str], language: str) -> str:
    return pair[LANGUAGES.index(language)]


def group(name: str, language: str) -> str:
    return _pick(GROUPS[name], language)


def missing(name: str, language: str) -> str:
    """Why a group of facts was not used."""
    return _pick(MISSING.get(name, ("Ein Teil der Angaben war nicht bekannt.", "A part was not known.")), language)


def reason(code: str, language: str) -> str:
    """A reason code for the buyer; one this version does not know is told without detail."""
    return _pick(REASONS.get(code, _UNKNOWN_REASON), language)


def rule(labels: Sequence[str], language: str) -> str:
    """A rule of the shop, told by what it looks at."""
    if not labels:
        return _pick(("Eine Regel des Shops trifft zu.", "A rule of the shop applies."), language)
    text = ("Eine Regel des Shops trifft zu. Sie betrachtet: {}.", "A rule of the shop applies. It looks at: {}.")
    return _pick(text, language).format(", ".join(labels))


def kind(name: str, language: str) -> str:
    """Our kind of method in words."""
    known = KINDS[name]
    label_ = _pick((known.label_de, known.label_en), language)
    return label_[:1].upper() + label_[1:]


def label(name: str, fact: Fact, language: str) -> str:
    if name == "listed":
        return _pick(("Eintragung in den Listen des Shops", "Entry in the shop's lists"), language)
    text = _pick((fact.label_de, fact.label_en), language)
    return text[:1].upper() + text[1:]


def value(name: str, told: Any, unit: str, currency: str, language: str) -> str:
    """A fact's value for people."""
    if name == "listed":
        return _pick(_ENTRIES.get(str(told), ("vorhanden", "there is one")), language)
    if isinstance(told, bool):
        return _pick((("nein", "ja")[told], ("no", "yes")[told]), language)
    if unit == "minor units":
        return money(told, currency, language)
    units = {"%": f"{told} %", "hour": _pick((f"{told} Uhr", f"{told}:00"), language)}
    units["days"] = f"{told} {_pick(('Tage', 'days'), language)}"
    return units.get(unit, str(told))


def of_others(language: str) -> str:
    """In place of a figure that is about somebody else."""
    return _pick(
        ("bei gleicher Telefonnummer oder Adresse vorhanden", "there is at the same phone or address"), language
    )


_ENTRIES = {
    "block": ("spricht gegen Zahlung nach Lieferung", "speaks against paying after delivery"),
    "allow": ("spricht für Sie", "speaks for you"),
}


def money(minor: int, currency: str, language: str) -> str:
    return Money(minor, currency).format(_pick(("de_DE", "en_GB"), language))


def subject(name: str, language: str) -> str:
    """What was counted, as part of a sentence: `with this e-mail address`, `payment attempts from this connection`."""
    if name in SUBJECTS:
        return _pick(SUBJECTS[name], language)
    by = _pick(SUBJECTS.get(name.removeprefix("payments_"), _OTHER_SUBJECT), language)
    return _pick(_PAYMENTS, language).format(by)


def often(*, often: bool, language: str) -> str:
    if often:
        return _pick(("häufiger als üblich", "more often than usual"), language)
    return _pick(("nicht auffällig", "nothing unusual"), language)


def direction(name: str, language: str) -> str:
    return _pick(DIRECTIONS[name], language)


def offered(offer: Mapping[str, Any], language: str) -> str:
    """Whether a method was offered."""
    if not offer["show"]:
        return _pick(("nicht angeboten", "not offered"), language)
    if offer["deposit_percent"] == 100:
        return _pick(("angeboten, wenn vorher bezahlt wird", "offered if paid before"), language)
    if offer["deposit_percent"]:
        text = ("angeboten mit {} % Anzahlung", "offered with a deposit of {} %")
        return _pick(text, language).format(offer["deposit_percent"])
    return _pick(("angeboten", "offered"), language)


def summary(offers: Sequence[Mapping[str, Any]], language: str) -> str:
    """The result in one or two sentences."""
    hidden = _named([offer["kind"] for offer in offers if not offer["show"]], language)
    asked = [offer for offer in offers if offer["show"] and offer["deposit_percent"]]
    with_deposit = _named([offer["kind"] for offer in asked], language)
    said = []
    if hidden:
        said.append(_pick(("Nicht angeboten wurde: {}.", "Not offered: {}."), language).format(hidden))
    if with_deposit:
        said.append(_pick(("Nur mit Anzahlung: {}.", "Only with a deposit: {}."), language).format(with_deposit))
    if not said:
        every = ("Alle Zahlungsarten dieser Bestellung wurden angeboten.", "Every method of this order was offered.")
        return _pick(every, language)
    return " ".join(said)


def _named(kinds: Sequence[str], language: str) -> str:
    return ", ".join(dict.fromkeys(kind(name, language) for name in kinds))


def what_if(one: WhatIf, kinds: Mapping[str, str], currency: str, language: str) -> str:
    """One change in words, as in `With delivery to the billing address: invoice with a deposit of 10 %`."""
    code = "paid_order" if one.code == "paid_orders" and one.value == 1 else one.code
    amount = one.code in ("amount", "overdue_paid", "open_paid") and one.value is not None
    shown = money(one.value or 0, currency, language) if amount else str(one.value)
    methods = ", ".join(
        dict.fromkeys(
            _with_deposit(kind(kinds[method], language), percent, language) for method, percent in one.methods.items()
        )
    )
    return f"{_pick(WHAT_IFS[code], language).format(value=shown)}: {methods}."


def _with_deposit(label_: str, percent: int, language: str) -> str:
    if not percent:
        return label_
    return _pick(("{} mit {} % Anzahlung", "{} with a deposit of {} %"), language).format(label_, percent)


def probabilities(score: Mapping[str, Any], language: str) -> list[dict[str, Any]]:
    """The estimates themselves: they are data about the buyer (C-634/21)."""
    return [
        {"name": name, "label": _pick(pair, language), "value": score[name], "text": _percent(score[name], language)}
        for name, pair in _CHANCES.items()
    ]


def _percent(share: float, language: str) -> str:
    text = f"{100 * share:.1f}\N{NO-BREAK SPACE}%"
    return text.replace(".", ",") if language == "de" else text


def principles(*, objected: bool, language: str) -> list[str]:
    """The procedure and the principles that were applied, as sentences."""
    pairs = (_PRINCIPLES[0], _OBJECTED, *_PRINCIPLES[2:]) if objected else _PRINCIPLES
    return [_pick(pair, language) for pair in pairs]
