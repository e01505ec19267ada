"""What is known at checkout, as one frozen record without personal data: counts, amounts, comparisons.

`CATALOGUE` describes each fact (type, unit, label, example); rules, score cards, the desk and the documents all read
it. A fact that is not known is None, and `missing` says why. The record holds no gender, name, age, social network,
account flow and no address: addresses enter only as comparisons and counts (DESIGN §4, BDSG § 37a).
"""

from dataclasses import dataclass, field, fields
from operator import attrgetter
from typing import Any, Literal

FactType = Literal["bool", "int", "text"]
LEAST_DELIVERED = 3
"""Deliveries from which a share says something of a buyer; below, it is missing."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One entry of the catalogue."""

    type: FactType
    unit: str
    label_de: str
    label_en: str
    example: bool | int | str


def _fact(type_: FactType, unit: str, label_de: str, label_en: str, example: bool | int | str) -> Any:  # noqa: FBT001 - a row of a table
    return field(default=None, metadata={"fact": Fact(type_, unit, label_de, label_en, example)})


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts of one decision. Amounts in minor units of `currency`; windows end now."""

    # the basket
    currency: str
    total_minor: int
    country: str | None = _fact("text", "ISO 3166", "Lieferland", "delivery country", "DE")
    items: int | None = _fact("int", "count", "Positionen", "lines in the basket", 3)
    pieces: int | None = _fact("int", "count", "Stückzahl", "pieces in the basket", 4)
    dearest_minor: int | None = _fact("int", "minor units", "teuerstes Stück", "dearest piece", 12_900)
    most_of_one: int | None = _fact("int", "count", "höchste Stückzahl einer Position", "most pieces of one line", 2)
    gift_card_percent: int | None = _fact("int", "%", "Anteil Gutscheine", "share of gift cards", 0)
    digital_percent: int | None = _fact("int", "%", "Anteil digitaler Waren", "share of digital goods", 0)
    discount_percent: int | None = _fact("int", "%", "Rabatt", "discount", 10)
    local_hour: int | None = _fact("int", "hour", "Uhrzeit (Stunde)", "hour of day in the shop", 14)
    # the buyer as told
    b2b: bool | None = _fact("bool", "", "Firmenkunde", "buys as a company", example=False)
    guest: bool | None = _fact("bool", "", "Gastbestellung", "orders as a guest", example=True)
    email_given: bool | None = _fact("bool", "", "E-Mail angegeben", "e-mail given", example=True)
    phone_given: bool | None = _fact("bool", "", "Telefon angegeben", "phone given", example=False)
    email_disposable: bool | None = _fact("bool", "", "Wegwerf-E-Mail", "disposable mail domain", example=False)
    same_address: bool | None = _fact(
        "bool", "", "Liefer- gleich Rechnungsadresse", "delivery equals billing address", example=True
    )
    same_country: bool | None = _fact("bool", "", "Länder gleich", "delivery and billing in one country", example=True)
    parcel_locker: bool | None = _fact("bool", "", "Packstation", "parcel locker", example=False)
    # the buyer as known to this merchant
    known_buyer: bool | None = _fact("bool", "", "bekannter Kunde", "ordered before", example=True)
    known_address: bool | None = _fact(
        "bool", "", "bezahlte Lieferung an diese Adresse", "paid goods went to this address before", example=True
    )
    orders: int | None = _fact("int", "count", "frühere Bestellungen", "earlier orders", 5)
    paid_orders: int | None = _fact("int", "count", "bezahlte Bestellungen", "orders paid", 4)
    open_minor: int | None = _fact("int", "minor units", "offene Beträge", "open amounts", 4_990)
    overdue_minor: int | None = _fact("int", "minor units", "überfällige Beträge", "overdue amounts", 0)
    overdue_days: int | None = _fact("int", "days", "älteste Überfälligkeit", "oldest overdue", 0)
    open_elsewhere: bool | None = _fact(
        "bool", "", "offene Beträge in anderer Währung", "open amounts in another currency", example=False
    )
    highest_paid_minor: int | None = _fact(
        "int", "minor units", "höchste bezahlte Bestellung", "largest paid order", 9_900
    )
    returned_percent: int | None = _fact("int", "%", "Retourenquote (Betrag)", "returned share by amount", 12)
    delivered_orders: int | None = _fact("int", "count", "gelieferte Bestellungen", "orders delivered", 6)
    return_value_percent: int | None = _fact(
        "int",
        "%",
        "Retourenquote nach Wert, ab drei Lieferungen",
        "returned share by value, from three deliveries",
        35,
    )
    return_count_percent: int | None = _fact(
        "int",
        "%",
        "Retourenquote nach Anzahl, ab drei Lieferungen",
        "returned share by count, from three deliveries",
        50,
    )
    refunds_without_goods: int | None = _fact(
        "int", "count", "Erstattungen ohne Rückgabe der Ware", "refunds without goods back", 1
    )
    refund_without_goods_percent: int | None = _fact(
        "int",
        "%",
        "Anteil Erstattungen ohne Rückgabe, ab drei Lieferungen",
        "share of refunds without goods back, from three deliveries",
        0,
    )
    open_returns: int | None = _fact("int", "count", "laufende Retouren", "returns under way", 1)
    dunning_level: int | None = _fact(
        "int", "count", "höchste Mahnstufe in 24 Monaten", "highest dunning level in 24 months", 0
    )
    claims_overdue: int | None = _fact("int", "count", "überfällige Forderungen", "claims overdue", 0)
    chargebacks: int | None = _fact("int", "count", "Rückbelastungen", "chargebacks", 0)
    chargebacks_lost: int | None = _fact("int", "count", "verlorene Rückbelastungen", "chargebacks lost", 0)
    chargebacks_fraud: int | None = _fact("int", "count", "Rückbelastungen wegen Betrugs", "chargebacks for fraud", 0)
    days_known: int | None = _fact(
        "int", "days", "Tage seit der ersten bezahlten Bestellung", "days since the first paid order", 210
    )
    # the shop as a whole; known where its policy has a ceiling
    shop_open_minor: int | None = _fact(
        "int", "minor units", "offen im ganzen Shop", "open in the whole shop", 4_250_000
    )
    # how often lately: attempts of other baskets in a window
    email_1h: int | None = _fact("int", "count", "E-Mail, 1 Stunde", "same e-mail, 1 hour", 0)
    email_24h: int | None = _fact("int", "count", "E-Mail, 24 Stunden", "same e-mail, 24 hours", 1)
    email_30d: int | None = _fact("int", "count", "E-Mail, 30 Tage", "same e-mail, 30 days", 3)
    phone_1h: int | None = _fact("int", "count", "Telefon, 1 Stunde", "same phone, 1 hour", 0)
    phone_24h: int | None = _fact("int", "count", "Telefon, 24 Stunden", "same phone, 24 hours", 1)
    phone_30d: int | None = _fact("int", "count", "Telefon, 30 Tage", "same phone, 30 days", 3)
    address_1h: int | None = _fact("int", "count", "Lieferadresse, 1 Stunde", "same delivery address, 1 hour", 0)
    address_24h: int | None = _fact("int", "count", "Lieferadresse, 24 Stunden", "same delivery address, 24 hours", 1)
    address_30d: int | None = _fact("int", "count", "Lieferadresse, 30 Tage", "same delivery address, 30 days", 3)
    ip_1h: int | None = _fact("int", "count", "IP-Adresse, 1 Stunde", "same IP address, 1 hour", 0)
    ip_24h: int | None = _fact("int", "count", "IP-Adresse, 24 Stunden", "same IP address, 24 hours", 1)
    ip_30d: int | None = _fact("int", "count", "IP-Adresse, 30 Tage", "same IP address, 30 days", 3)
    device_1h: int | None = _fact("int", "count", "Gerät, 1 Stunde", "same device, 1 hour", 0)
    device_24h: int | None = _fact("int", "count", "Gerät, 24 Stunden", "same device, 24 hours", 1)
    device_30d: int | None = _fact("int", "count", "Gerät, 30 Tage", "same device, 30 days", 3)
    handle_1h: int | None = _fact("int", "count", "Zahlungsmittel, 1 Stunde", "same payment handle, 1 hour", 0)
    handle_24h: int | None = _fact("int", "count", "Zahlungsmittel, 24 Stunden", "same payment handle, 24 hours", 1)
    handle_30d: int | None = _fact("int", "count", "Zahlungsmittel, 30 Tage", "same payment handle, 30 days", 3)
    # payment attempts lately, as the shop reports them (docs/shield.md); a later success takes back what led to it
    declines_ip_10m: int | None = _fact(
        "int",
        "count",
        "abgelehnte Zahlungen, IP-Adresse, 10 Minuten",
        "declined payments, same IP address, 10 minutes",
        0,
    )
    declines_ip_1h: int | None = _fact(
        "int", "count", "abgelehnte Zahlungen, IP-Adresse, 1 Stunde", "declined payments, same IP address, 1 hour", 1
    )
    declines_ip_24h: int | None = _fact(
        "int",
        "count",
        "abgelehnte Zahlungen, IP-Adresse, 24 Stunden",
        "declined payments, same IP address, 24 hours",
        1,
    )
    cards_ip_10m: int | None = _fact(
        "int", "count", "abgelehnte Karten, IP-Adresse, 10 Minuten", "declined cards, same IP address, 10 minutes", 0
    )
    cards_ip_1h: int | None = _fact(
        "int", "count", "abgelehnte Karten, IP-Adresse, 1 Stunde", "declined cards, same IP address, 1 hour", 1
    )
    cards_ip_24h: int | None = _fact(
        "int", "count", "abgelehnte Karten, IP-Adresse, 24 Stunden", "declined cards, same IP address, 24 hours", 1
    )
    declined_percent_ip_1h: int | None = _fact(
        "int", "%", "Ablehnungsquote, IP-Adresse, 1 Stunde", "share of payments declined, same IP address, 1 hour", 10
    )
    declined_percent_ip_24h: int | None = _fact(
        "int",
        "%",
        "Ablehnungsquote, IP-Adresse, 24 Stunden",
        "share of payments declined, same IP address, 24 hours",
        10,
    )
    small_amounts_ip_1h: int | None = _fact(
        "int", "count", "Kleinbeträge, IP-Adresse, 1 Stunde", "small payments, same IP address, 1 hour", 0
    )
    declines_device_1h: int | None = _fact(
        "int", "count", "abgelehnte Zahlungen, Gerät, 1 Stunde", "declined payments, same device, 1 hour", 0
    )
    declines_device_24h: int | None = _fact(
        "int", "count", "abgelehnte Zahlungen, Gerät, 24 Stunden", "declined payments, same device, 24 hours", 0
    )
    cards_device_1h: int | None = _fact(
        "int", "count", "abgelehnte Karten, Gerät, 1 Stunde", "declined cards, same device, 1 hour", 0
    )
    cards_device_24h: int | None = _fact(
        "int", "count", "abgelehnte Karten, Gerät, 24 Stunden", "declined cards, same device, 24 hours", 0
    )
    declined_percent_device_24h: int | None = _fact(
        "int", "%", "Ablehnungsquote, Gerät, 24 Stunden", "share of payments declined, same device, 24 hours", 0
    )
    small_amounts_device_1h: int | None = _fact(
        "int", "count", "Kleinbeträge, Gerät, 1 Stunde", "small payments, same device, 1 hour", 0
    )
    declines_card_1h: int | None = _fact(
        "int", "count", "abgelehnte Zahlungen, Karte, 1 Stunde", "declined payments, same card, 1 hour", 0
    )
    declines_card_24h: int | None = _fact(
        "int", "count", "abgelehnte Zahlungen, Karte, 24 Stunden", "declined payments, same card, 24 hours", 0
    )
    small_amounts_card_24h: int | None = _fact(
        "int", "count", "Kleinbeträge, Karte, 24 Stunden", "small payments, same card, 24 hours", 0
    )
    shop_decline_surge: int | None = _fact("int", "%", "Ablehnungswelle im Shop", "surge of declines in the shop", 0)
    # the merchant's own lists
    listed: str | None = _fact("text", "", "Listeneintrag", "entry in the merchant's lists (block, allow)", "block")
    # what a credit bureau said of him before and is still true
    bureau_score: int | None = _fact(
        "int", "0–1000", "Auskunfts-Score (höher ist besser)", "bureau score (higher is better)", 720
    )
    bureau_age_days: int | None = _fact("int", "days", "Alter der Auskunft", "age of the bureau's answer", 12)
    missing: dict[str, str] = field(default_factory=dict)


_BASKET = {
    "currency": Fact("text", "ISO 4217", "Währung", "currency", "EUR"),
    "total_minor": Fact("int", "minor units", "Bestellwert", "order total", 24_490),
}
CATALOGUE: dict[str, Fact] = _BASKET | {
    entry.name: entry.metadata["fact"] for entry in fields(Facts) if "fact" in entry.metadata
}
NAMES: tuple[str, ...] = tuple(entry.name for entry in fields(Facts) if entry.name != "missing")

_VALUES = attrgetter(*NAMES)


def to_dict(facts: Facts) -> dict[str, Any]:
    """What is stored: every known fact by name, and why the others are missing."""
    known = {name: value for name, value in zip(NAMES, _VALUES(facts), strict=True) if value is not None}
    return known | {"missing": facts.missing}


def from_dict(stored: dict[str, Any]) -> Facts:
    """The record that `to_dict` stored. A name that is unknown today is a corrupt or newer row: TypeError."""
    return Facts(**stored)
