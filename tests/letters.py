"""Letters for tests: synthetic merchants, debtors and claims of each country."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

from gateway.core.remittance import rf_reference
from gateway.receivables.figures import (
    Booking,
    Cost,
    CostKind,
    Default,
    DefaultGround,
    InterestSpan,
    LetterFigures,
)
from gateway.receivables.letter_check import LetterFacts, StatutoryRate
from gateway.receivables.letter_model import (
    Account,
    Answer,
    BureauNotice,
    Channel,
    ClaimLine,
    HandoverNotice,
    Instalment,
    Kind,
    Language,
    LetterModel,
    Offer,
    Outcome,
    Place,
    Recipient,
    Sender,
    Tone,
)

SENDERS = {
    "DE": Sender(
        "Kaffeehaus Nord GmbH",
        Place("Lange Reihe", "20099", "Hamburg", "DE", "7"),
        Account("Kaffeehaus Nord GmbH", "DE89370400440532013000", "COBADEFFXXX"),
        "Amtsgericht Hamburg, HRB 123456",
        "DE123456788",
        "rechnung@kaffeehaus-nord.example",
        "+49 40 123456",
        "kaffeehaus-nord.example",
    ),
    "CH": Sender(
        "Bergkaffee AG",
        Place("Bahnhofstrasse", "8001", "Zürich", "CH", "10"),
        Account("Bergkaffee AG", "CH9300762011623852957"),
        "Handelsregister Zürich, CHE-123.456.788",
        "CHE-123.456.788 MWST",
        "rechnung@bergkaffee.example",
        "+41 44 123 45 67",
    ),
}
DEBTORS = {
    "DE": Recipient(
        "Ada Müller",
        Place("Am Deich", "28199", "Bremen", "DE", "12"),
        "DE",
        email="ada@example.com",
        customer_number="K-4711",
    ),
    "AT": Recipient(
        "Ferdinand Groß", Place("Getreidegasse", "5020", "Salzburg", "AT", "9"), "AT", email="f@example.com"
    ),
    "CH": Recipient(
        "Beat Grossniklaus", Place("Rue de Bourg", "1003", "Lausanne", "CH", "3"), "CH", email="b@example.com"
    ),
    "IT": Recipient("Giulia Rossi", Place("Via Roma", "39100", "Bolzano", "IT", "1"), "IT", email="g@example.com"),
}
AGREED = "Zahlungsbedingungen 2026-03, Bestellseite"


def figures(**overrides):
    """An unpaid order of 100.00, 30.00 of it paid; not in default."""
    told = LetterFigures(
        claim_id="clm_01jd0000000000000000000001",
        as_of=date(2026, 11, 24),
        currency="EUR",
        principal_minor=10_000,
        open_principal_minor=7_000,
        due_date=date(2026, 9, 30),
        invoice_number="R-2026-1001",
        invoice_date=date(2026, 9, 16),
        order_number="1001",
        order_date=date(2026, 9, 14),
        delivery_date=date(2026, 9, 16),
        payment_reference=rf_reference("K1001"),
        payments=(Booking(date(2026, 10, 10), 3_000),),
    )
    return replace(told, **overrides)


def in_default(**overrides):
    """The same claim after a dunning letter: interest since 1 November, one proven cost of a letter."""
    spans = (InterestSpan(date(2026, 11, 1), date(2026, 11, 24), 7_000, Decimal("6.52"), Decimal("30.01")),)
    return figures(
        **{
            "default": Default(date(2026, 11, 1), DefaultGround.REMINDER),
            "interest": spans,
            "interest_minor": 30,
            "costs": (Cost(CostKind.DUNNING, "Papier und Porto", 110, date(2026, 11, 10), 110),),
            "steps": ("reminder", "dunning"),
            "first_dunned_on": date(2026, 10, 28),
            **overrides,
        }
    )


def letter(kind=Kind.REMINDER, country="DE", language=None, claims=None, **overrides):
    """A lawful letter of this kind."""
    last = kind in {Kind.FINAL, Kind.PLAN_LAPSED}
    told = claims if claims is not None else (in_default() if last else figures(),)
    if country == "CH":
        told = tuple(replace(one, currency="CHF") for one in told)
    lines = tuple(ClaimLine(one, ("1 × Espressomühle", "2 × Filterpapier")) for one in told)
    total = sum(one.total_minor for one in told)
    model = LetterModel(
        kind=kind,
        language=Language(language or {"CH": "fr", "IT": "it"}.get(country, "de")),
        tone=Tone.NEW,
        channel=Channel.POST,
        sender=SENDERS["CH" if country == "CH" else "DE"],
        recipient=DEBTORS[country],
        claims=lines,
        number="ltr_01jd0000000000000000000001",
        dated=date(2026, 11, 25),
        total_minor=total,
        deadline=date(2026, 12, 9) if kind.demands or kind is Kind.DEFERRAL else None,
        reference=told[0].payment_reference if told else "",
        link="https://pay.kaffeehaus-nord.example/c/8Zk3nQ7vXw2",
        shop_name="Kaffeehaus Nord",
        offer=Offer(6, 1_000) if kind.demands else None,
    )
    return replace(model, **{**_of_kind(kind, country, total), **overrides})


def _of_kind(kind, country, total):
    if kind is Kind.FINAL:
        bureau = {"bureau": BureauNotice("Musterauskunft GmbH", True, True)} if country == "DE" else {}
        return {"handover": HandoverNotice("Inkasso Beispiel GmbH", 3_150), **bureau}
    if kind is Kind.PLAN:
        parts = (total // 2, total - total // 2)
        days = (date(2026, 12, 15), date(2027, 1, 15))
        return {"instalments": tuple(Instalment(day, part) for day, part in zip(days, parts, strict=True))}
    if kind is Kind.OBJECTION_ANSWER:
        return {
            "answer": Answer(
                Outcome.REJECTED,
                "Das Paket wurde laut Zusteller am 16. September übergeben.\n\nDen Nachweis legen wir bei.",
            )
        }
    if kind is Kind.RECEIPT:
        return {"received_minor": 3_000, "received_on": date(2026, 10, 10)}
    return {}


FACTS = LetterFacts(
    rates=(StatutoryRate(date(2026, 7, 1), date(2026, 12, 31), Decimal("6.52")),),
    fee_cap_minor=250,
    lump_sums_minor=(4_000,),
    days_off=frozenset({date(2026, 12, 25), date(2026, 12, 26)}),
)
