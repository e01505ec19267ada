"""Buyers, baskets and addresses of the demo shop, and the checkout question they make (pure). Everybody is invented.

Mail domains are reserved ones (RFC 2606) but for the throw-away one; phone numbers are those that Bundesnetzagentur
keeps free for films.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from gateway.checkout.methods import Method
from gateway.checkout.request import BuyerTold, CheckoutRequest, Context
from gateway.risk.basket import Item
from gateway.shops.identity import Address

MAX_PIECES = 20
CURRENCY = "EUR"


@dataclass(frozen=True, slots=True)
class Label:
    """What a visitor reads, in German and English."""

    de: str
    en: str

    def text(self, language: str) -> str:
        return self.de if language == "de" else self.en


@dataclass(frozen=True, slots=True)
class Persona:
    """An invented buyer."""

    label: Label
    about: Label
    buyer: BuyerTold
    house: int
    """House number, so that no two of them live together."""


@dataclass(frozen=True, slots=True)
class Article:
    """Something the demo shop sells."""

    label: Label
    unit_minor: int
    picture: str


@dataclass(frozen=True, slots=True)
class Scene:
    """What the visitor has set."""

    persona: str = "first"
    article: str = "boots"
    pieces: int = 1
    gift_card: bool = False
    delivery: str = "same"
    country: str = "DE"
    bureau: str = "auto"


PERSONAS: Mapping[str, Persona] = MappingProxyType(
    {
        "first": Persona(
            Label("Neu hier", "First-time buyer"),
            Label("Erste Bestellung, Konto angelegt", "First order, made an account"),
            BuyerTold("nele.neu@example.com", "+49 171 3920001", "Nele", "Neumann", guest=False),
            house=11,
        ),
        "regular": Persona(
            Label("Stammkundin", "Regular customer"),
            Label("Vier Rechnungen, alle bezahlt", "Four invoices, all paid"),
            BuyerTold("stella.stamm@example.com", "+49 40 66969102", "Stella", "Stamm", guest=False),
            house=12,
        ),
        "overdue": Persona(
            Label("Noch etwas offen", "Something overdue"),
            Label("Eine Rechnung ist seit Wochen fällig", "One invoice is weeks late"),
            BuyerTold("olaf.offen@example.com", "+49 30 23125103", "Olaf", "Offermann", guest=False),
            house=13,
        ),
        "company": Persona(
            Label("Firma", "Company"),
            Label("Handwerksbetrieb, zahlt nach 30 Tagen", "Workshop that pays after 30 days"),
            BuyerTold(
                "einkauf@example.org",
                "+49 89 99998104",
                "Conny",
                "Contor",
                company="Contor Handwerk GmbH",
                vat_id="DE136695976",
                guest=False,
            ),
            house=14,
        ),
        "disposable": Persona(
            Label("Wegwerf-Adresse", "Throw-away address"),
            Label("Gast mit Wegwerf-E-Mail, ohne Telefon", "Guest with a disposable e-mail, no phone"),
            BuyerTold("schnell.weg@mailinator.com", "", "Willi", "Weg", guest=True),
            house=15,
        ),
        "blocked": Persona(
            Label("Gesperrt", "Blocked"),
            Label("Steht auf der Sperrliste des Shops", "On the shop's block list"),
            BuyerTold("susi.sperre@example.net", "+49 171 3920006", "Susi", "Sperling", guest=False),
            house=16,
        ),
    },
)
ARTICLES: Mapping[str, Article] = MappingProxyType(
    {
        "hat": Article(Label("Wollmütze", "Woollen hat"), 2_990, "hat"),
        "boots": Article(Label("Wanderstiefel", "Hiking boots"), 14_900, "boots"),
        "camera": Article(Label("Kamera mit Objektiv", "Camera with lens"), 89_900, "camera"),
    },
)
GIFT_CARD = Article(Label("Geschenkgutschein", "Gift card"), 10_000, "gift")
DELIVERIES: Mapping[str, Label] = MappingProxyType(
    {
        "same": Label("an die Rechnungsadresse", "to the billing address"),
        "other": Label("an eine andere Adresse", "to another address"),
        "locker": Label("an eine Packstation", "to a parcel locker"),
    },
)
COUNTRIES: Mapping[str, Label] = MappingProxyType(
    {
        "DE": Label("Deutschland", "Germany"),
        "AT": Label("Österreich", "Austria"),
        "CH": Label("Schweiz", "Switzerland"),
        "FR": Label("Frankreich", "France"),
    },
)
METHODS: Mapping[str, tuple[Label, str]] = MappingProxyType(
    {
        "invoice": (Label("Kauf auf Rechnung", "Pay by invoice"), "invoice"),
        "paypal": (Label("PayPal", "PayPal"), "paypal"),
        "card": (Label("Kreditkarte (3-D Secure)", "Credit card (3-D Secure)"), "card_3ds"),
        "debit": (Label("SEPA-Lastschrift", "SEPA direct debit"), "sepa_debit"),
        "cod": (Label("Nachnahme", "Cash on delivery"), "cash_on_delivery"),
        "prepay": (Label("Vorkasse", "Prepayment"), "prepayment"),
    },
)
BUREAUS: Mapping[str, tuple[Label, str]] = MappingProxyType(
    {
        "auto": (Label("was sie von dieser Person weiß", "what it knows of this person"), ""),
        "middling": (Label("einen mittleren Score (400)", "a middling score (400)"), "Score400"),
        "low": (Label("einen schlechten Score (120)", "a low score (120)"), "Score120"),
        "unknown": (Label("Person unbekannt", "person unknown"), "Unbekannt"),
        "mistaken": (Label("über eine andere Person", "about another person"), "Verwechselt"),
        "hang": (Label("nicht rechtzeitig", "not in time"), "Hang"),
        "fail": (Label("mit einem Fehler", "with an error"), "Fehler"),
        "garbage": (Label("Unlesbares", "something unreadable"), "Unsinn"),
    },
)
"""What the sandbox bureau answers, and the last name that makes it do so. No score ever reads a name."""
_STREETS = {
    "DE": ("Musterweg", "20099", "Hamburg"),
    "AT": ("Mustergasse", "1010", "Wien"),
    "CH": ("Musterstrasse", "8001", "Zürich"),
    "FR": ("rue de l'Exemple", "75011", "Paris"),
}
_SHIPPING_MINOR = {"DE": 490, "AT": 990, "CH": 1_490, "FR": 1_290}


def question(scene: Scene, language: str) -> CheckoutRequest:
    """The checkout of a scene. One reference for all, so that trying things out never counts as many attempts."""
    persona, items = PERSONAS[scene.persona], basket(scene)
    home, delivery = addresses(scene)
    buyer = persona.buyer
    told = BuyerTold(
        buyer.email, buyer.phone, buyer.first_name, BUREAUS[scene.bureau][1] or buyer.last_name,
        buyer.company, buyer.vat_id, guest=buyer.guest, language=language, customer_reference="synthetic",
    )  # fmt: skip
    return CheckoutRequest(
        reference="demo",
        currency=CURRENCY,
        total_minor=total_minor(scene),
        methods=tuple(Method(id_, kind) for id_, (_, kind) in METHODS.items()),
        items=items,
        shipping_minor=shipping_minor(scene),
        buyer=told,
        billing=home,
        delivery=delivery,
        context=Context(ip=f"203.0.113.{persona.house}"),
    )


def basket(scene: Scene) -> tuple[Item, ...]:
    article = ARTICLES[scene.article]
    lines = [Item(scene.pieces, article.unit_minor, "physical", scene.article, article.label.en)]
    if scene.gift_card:
        lines.append(Item(1, GIFT_CARD.unit_minor, "gift_card", "gift", GIFT_CARD.label.en))
    return tuple(lines)


def shipping_minor(scene: Scene) -> int:
    return _SHIPPING_MINOR[scene.country]


def total_minor(scene: Scene) -> int:
    return sum(item.quantity * item.unit_minor for item in basket(scene)) + shipping_minor(scene)


def addresses(scene: Scene) -> tuple[Address, Address]:
    """Where the bill goes and where the goods go. Goods sent elsewhere leave the bill at home in Germany."""
    house, country = PERSONAS[scene.persona].house, scene.country
    if scene.delivery == "same":
        return home(country, house), home(country, house)
    if scene.delivery == "other":
        return home("DE", house), home(country, house + 50)
    _, postcode, city = _STREETS[country]
    locker = Address(
        line1="Packstation 145", line2=f"Postnummer 9000{house}", postcode=postcode, city=city, country=country
    )
    return home("DE", house), locker


def home(country: str, house: int) -> Address:
    street, postcode, city = _STREETS[country]
    line1 = f"{house} {street}" if country == "FR" else f"{street} {house}"
    return Address(line1=line1, postcode=postcode, city=city, country=country)
