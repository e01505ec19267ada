"""Invented debtors of the demo shop: who bought what, in which language, and how many letters have left already (pure).

With one for every step of the shipped dunning policy a single night shows all of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType

from gateway.demo.scenes import Label
from gateway.shops.identity import Address
from gateway.shops.told import BuyerTold, EventTold, ItemTold, MethodTold, OrderTold, PaymentKind

TERM = timedelta(days=14)
FIRST_DAYS, STEP_DAYS = 33, 21
"""Age of an order whose reminder is due, and how much older it is for each letter that has left."""


@dataclass(frozen=True, slots=True)
class Debtor:
    """An invented debtor with one unpaid order. `letters` have left before today."""

    label: Label
    buyer: BuyerTold
    address: Address
    total_minor: int
    letters: int
    currency: str = "EUR"
    article: str = "Wanderstiefel"


def _buyer(email: str, first_name: str, last_name: str, language: str, company: str = "") -> BuyerTold:
    return BuyerTold(
        email, "", first_name, last_name, company, customer_reference="synthetic", guest=False, language=language
    )


def _home(line1: str, postcode: str, city: str, country: str) -> Address:
    return Address(line1=line1, postcode=postcode, city=city, country=country)


DEBTORS: Mapping[str, Debtor] = MappingProxyType(
    {
        "reminder": Debtor(
            Label("Frieda Frühling, Hamburg: noch kein Brief", "Frieda Frühling, Hamburg: no letter yet"),
            _buyer("frieda.fruehling@example.com", "Frieda", "Frühling", "de"),
            _home("Musterweg 31", "20099", "Hamburg", "DE"),
            15_390,
            letters=0,
        ),
        "dunning-1": Debtor(
            Label("Emily Example, Berlin, englisch: erinnert", "Emily Example, Berlin, in English: reminded"),
            _buyer("emily.example@example.com", "Emily", "Example", "en"),
            _home("Musterstraße 32", "10115", "Berlin", "DE"),
            8_470,
            letters=1,
            article="Hiking boots",
        ),
        "swiss-italian": Debtor(
            Label("Ilaria Esempio, Lugano, italienisch: erinnert", "Ilaria Esempio, Lugano, in Italian: reminded"),
            _buyer("ilaria.esempio@example.com", "Ilaria", "Esempio", "it"),
            _home("Via Esempio 33", "6900", "Lugano", "CH"),
            21_400,
            letters=1,
            currency="CHF",
            article="Scarponi da montagna",
        ),
        "swiss-french": Debtor(
            Label("Fabienne Exemple, Genf, französisch: gemahnt", "Fabienne Exemple, Geneva, in French: dunned once"),
            _buyer("fabienne.exemple@example.com", "Fabienne", "Exemple", "fr"),
            _home("Rue de l'Exemple 34", "1201", "Genève", "CH"),
            18_900,
            letters=2,
            currency="CHF",
            article="Chaussures de marche",
        ),
        "company": Debtor(
            Label("Muster Handwerk GmbH, Wien: gemahnt", "Muster Handwerk GmbH, Vienna, a company: dunned once"),
            _buyer("einkauf@muster-handwerk.example", "Karl", "Muster", "de", "Muster Handwerk GmbH"),
            _home("Mustergasse 35", "1010", "Wien", "AT"),
            64_900,
            letters=2,
        ),
        "final": Debtor(
            Label("Lars Letzter, Köln: zweimal gemahnt", "Lars Letzter, Cologne: dunned twice"),
            _buyer("lars.letzter@example.com", "Lars", "Letzter", "de"),
            _home("Musterplatz 36", "50667", "Köln", "DE"),
            32_900,
            letters=3,
        ),
    },
)


def reference(name: str, number: int = 0) -> str:
    """The order's number, which is the invoice's too."""
    first = f"SYN-{2001 + list(DEBTORS).index(name)}"
    return f"{first}-{number}" if number else first


def name_of(invoice: str) -> Label | None:
    """Who owes an invoice of the story."""
    return next((one.label for name, one in DEBTORS.items() if invoice.startswith(reference(name))), None)


def another(debtor: Debtor, number: int) -> Debtor:
    """Somebody else in the same position, so that a story can be told again after it was settled."""
    name, _, domain = debtor.buyer.email.partition("@")
    first, last = debtor.buyer.first_name, f"{debtor.buyer.last_name} {number}"
    buyer = replace(debtor.buyer, email=f"{name}.{number}@{domain}", first_name=first, last_name=last)
    return replace(debtor, buyer=buyer)


def placed_at(debtor: Debtor, now: datetime) -> datetime:
    """Old enough that its letters have left and the next one is due."""
    return now - timedelta(days=FIRST_DAYS + STEP_DAYS * debtor.letters)


def order_of(debtor: Debtor, placed: datetime) -> OrderTold:
    """What the demo shop tells of it."""
    return OrderTold(
        method=MethodTold("invoice", PaymentKind.INVOICE),
        currency=debtor.currency,
        total_minor=debtor.total_minor,
        placed_at=placed,
        due_date=(placed + timedelta(days=3) + TERM).date(),
        buyer=debtor.buyer,
        billing=debtor.address,
        delivery=debtor.address,
        items=(ItemTold(1, debtor.total_minor, sku="synthetic", name=debtor.article),),
    )


def events_of(reference: str, placed: datetime) -> tuple[EventTold, ...]:
    """Shipped and delivered, never paid."""
    return (
        EventTold("shipped", f"{reference}-shipped", placed + timedelta(days=1), facts={"carrier": "DHL"}),
        EventTold("delivered", f"{reference}-delivered", placed + timedelta(days=3)),
    )
