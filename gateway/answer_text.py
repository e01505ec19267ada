"""A decision as text in columns, for a terminal (pure)."""

import unicodedata
from collections.abc import Iterable
from typing import Any

from gateway.core.money import Money

HEAD = ("", "method", "kind", "deposit", "exp. loss", "contribution", "why")
MOST_REASONS = 8


def pretty(answer: dict[str, Any]) -> str:
    """The answer of `POST /v1/decisions`: the menu in its order, then the score and what moved it."""
    money = _money(answer["currency"])
    head = f"{answer['id']}  {answer['outcome']}  {money(answer['total_minor'])}"
    lines = [head + ("  to be reviewed by a person" if answer["review"] else ""), ""]
    lines += table([HEAD, *(_row(offer, money) for offer in answer["offers"])])
    lines += ["", _score(answer["score"])]
    lines += [
        f"  {printable(reason['text'])}  ({reason['output']})" for reason in answer["score"]["reasons"][:MOST_REASONS]
    ]
    if answer["missing"]:
        lines += ["", "Not known: " + ", ".join(f"{name} ({why})" for name, why in sorted(answer["missing"].items()))]
    if answer["notice"]:
        lines += ["", f"To the buyer: {answer['notice']}"]
    versions = answer["versions"]
    lines += [
        "",
        f"Card {versions['card']}, policy {versions['policy']}, economics {versions['economics']} (0: default)",
    ]
    return "\n".join(lines)


def _money(currency: str) -> Any:
    return lambda minor: f"{Money(minor, currency).decimal()} {currency}"


def _row(offer: dict[str, Any], money: Any) -> tuple[str, ...]:
    deposit = f"{offer['deposit_percent']} % = {money(offer['deposit_minor'])}" if offer["deposit_percent"] else "-"
    return (
        f"{offer['rank']}." if offer["show"] else "not shown",
        offer["method"],
        offer["kind"],
        deposit if offer["show"] else "",
        money(offer["expected_loss_minor"]),
        money(offer["contribution_minor"]),
        " ".join(reason["text"] for reason in offer["reasons"]),
    )


def _score(score: dict[str, Any]) -> str:
    shares = ", ".join(f"{name} {score[name]:.1%}" for name in ("default", "fraud", "return"))
    return f"Probabilities: {shares}"


def table(rows: Iterable[tuple[str, ...]]) -> list[str]:
    """Rows as lines with aligned columns, two blanks between; the last column runs free."""
    texts = [[printable(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in texts]


def printable(text: str) -> str:
    """Without characters that would steer a terminal: ids and references are the shop's words."""
    return "".join(letter if letter.isprintable() else _instead(letter) for letter in text)


def _instead(letter: str) -> str:
    """A blank of any width is a blank, as between amount and currency; anything else shows that something was there."""
    return " " if unicodedata.category(letter) == "Zs" else "\N{REPLACEMENT CHARACTER}"
