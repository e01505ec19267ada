"""A letter from its model to its PDF, each a different one, beside typst's own one-page hello in the same process."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from statistics import median

import typst

from bench.figures import Figure, Section
from gateway.core.remittance import rf_reference
from gateway.receivables.figures import LetterFigures
from gateway.receivables.letter_model import (
    Account,
    Channel,
    ClaimLine,
    Kind,
    Language,
    LetterModel,
    Offer,
    Place,
    Recipient,
    Sender,
    Tone,
)
from gateway.receivables.letter_pdf import render

_HELLO = b'#set page(paper: "a4")\nHello #sys.inputs.n'
_HAMBURG = Place("Lange Reihe", "20099", "Hamburg", "DE", "7")
_ZURICH = Place("Bahnhofstrasse", "8001", "Zürich", "CH", "10")
_EURO, _FRANC = (
    Account("Kaffeehaus Nord GmbH", "DE89370400440532013000"),
    Account("Bergkaffee AG", "CH9300762011623852957"),
)


def section(rounds: int, letters: int = 40) -> Section:
    """Dunning letters in euros with a GiroCode, in francs with a payment part, and over twenty claims."""
    cases: dict[str, Callable[[int], LetterModel]] = {
        "one claim, GiroCode": lambda number: _letter("DE", "EUR", number, 1),
        "one claim, Swiss payment part": lambda number: _letter("CH", "CHF", number, 1),
        "twenty claims with a statement": lambda number: _letter("DE", "EUR", number, 20),
    }
    values: dict[str, list[float]] = {name: [] for name in cases}
    floors: list[float] = []
    hello = _Hello()
    hello.compile(0)
    for model in cases.values():
        render(model(0))
    for turn in range(rounds):
        floors.append(_median_ms(hello.compile, letters, turn * letters))
        for name, model in cases.items():
            values[name].append(_median_ms(lambda number, model=model: render(model(number)), letters, turn * letters))
    first, *others = cases
    figures = [Figure(first, "ms", values[first], floors, at_most=3.0, note="orientation: 40 ms")]
    figures += [Figure(name, "ms", values[name], orientation=None) for name in others]
    how = f"{rounds} rounds of {letters} different letters each, warm, one thread. Floor: a one-page hello, each different."
    return Section("Letters: model to PDF", how, figures)


class _Hello:
    """The floor: one compiler that keeps what does not change, as letters have it."""

    def __init__(self) -> None:
        self._fonts = typst.Fonts(include_system_fonts=False)

    def compile(self, number: int) -> None:
        typst.compile(_HELLO, font_paths=self._fonts, sys_inputs={"n": str(number)})


def _median_ms(act: Callable[[int], object], times: int, start: int) -> float:
    took = []
    for number in range(start + 1, start + times + 1):
        begin = time.perf_counter()
        act(number)
        took.append((time.perf_counter() - begin) * 1000)
    return median(took)


def _letter(country: str, currency: str, number: int, claims: int) -> LetterModel:
    """Synthetic, and another one for each number."""
    lines = tuple(ClaimLine(_figures(currency, number, one), (f"Espressomühle {number}",)) for one in range(claims))
    swiss = country == "CH"
    place = replace(_ZURICH if swiss else _HAMBURG, house_number=str(number))
    return LetterModel(
        kind=Kind.DUNNING,
        language=Language.DE,
        tone=Tone.NEW,
        channel=Channel.POST,
        sender=Sender(
            "Kaffeehaus Nord GmbH", _ZURICH if swiss else _HAMBURG, _FRANC if swiss else _EURO, email="a@b.example"
        ),
        recipient=Recipient(f"Ada Muster {number}", place, country),
        claims=lines,
        number=f"ltr_{number}",
        dated=date(2026, 11, 25),
        total_minor=sum(line.figures.total_minor for line in lines),
        deadline=date(2026, 12, 9),
        reference=lines[0].figures.payment_reference,
        link=f"https://pay.example/{number}",
        offer=Offer(6, 1_000),
    )


def _figures(currency: str, number: int, one: int) -> LetterFigures:
    return LetterFigures(
        claim_id=f"clm_{number}_{one}",
        as_of=date(2026, 11, 24),
        currency=currency,
        principal_minor=10_000 + number,
        open_principal_minor=10_000 + number,
        due_date=date(2026, 9, 30),
        invoice_number=f"R-{number}-{one}",
        invoice_date=date(2026, 9, 16),
        order_number=str(number),
        order_date=date(2026, 9, 14),
        delivery_date=date(2026, 9, 16),
        payment_reference=rf_reference(f"K{number}{one}"),
    )
