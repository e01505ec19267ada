"""`kulanz card` and `kulanz facts`: the score card point by point, and what rules may read, for people."""

import json
import math
from typing import Any

import click

from gateway.risk.card import CARDS, load
from gateway.risk.facts import CATALOGUE

QUOTE = '"'
TITLES = {
    "default": "Default: the order is not paid in the end",
    "fraud": "Fraud: the buyer is not who he says",
    "return": "Return: the goods come back",
}


@click.command()
@click.argument("card_id", default="expert-1")
def card(card_id: str) -> None:
    """Print a shipped score card as Markdown.

    \b
    Example: kulanz card expert-1 > docs/scorecard.md
    """
    click.echo(markdown((CARDS / f"{card_id}.json").read_text()), nl=False)


@click.command()
def facts() -> None:
    """Print the catalogue of facts: what rules and score cards may read."""
    for name, fact in CATALOGUE.items():
        unit = f" ({fact.unit})" if fact.unit else ""
        click.echo(
            f"{name:20} {fact.type:5} {fact.label_en}{unit}, for example {json.dumps(fact.example).strip(QUOTE)}"
        )


def markdown(text: str) -> str:
    """The document of a card. Raises Invalid when the card is."""
    load(text)
    raw = json.loads(text)
    lines = [
        f"# Score card {raw['id']}",
        "",
        raw.get("note", ""),
        "",
        "Each output is a sum of points (log-odds): the base plus one value per fact. The probability is 1 / (1 + e^-sum).",
        "A fact that is not known counts as written under “missing”. Printed by `kulanz card`; a test keeps both equal.",
        "It reads no gender, name, age, social network, account flow and no bare address.",
    ]
    for output, part in raw["outputs"].items():
        a, b = part["platt"]["a"], part["platt"]["b"]
        base = 1 / (1 + math.exp(-a * part["intercept"] - b))
        lines += ["", f"## {TITLES[output]}", "", f"Base {part['intercept']:g} points, which alone is {base:.1%}.", ""]
        if (a, b) != (1, 0):
            lines += [f"Recalibrated: the sum counts {a:g} times, and {b:+g} is added.", ""]
        lines += ["| fact | points | missing | why |", "| --- | --- | --- | --- |"]
        lines += [_row(table) for table in part["tables"]]
    return "\n".join(lines) + "\n"


def _row(table: dict[str, Any]) -> str:
    fact = CATALOGUE[table["fact"]]
    name = f"{fact.label_en} (`{table['fact']}`{', ' + fact.unit if fact.unit else ''})"
    return f"| {name} | {points(table)} | {table.get('missing', 0):+g} | {table.get('why', '')} |"


def points(table: dict[str, Any]) -> str:
    if "yes_no" in table:
        return f"yes {table['yes_no']['yes']:+g}, no {table['yes_no']['no']:+g}"
    if "cases" in table:
        return ", ".join(f"{case} {value:+g}" for case, value in table["cases"].items())
    cuts, values = table["bands"]["cuts"], table["bands"]["values"]
    steps = [f"below {cuts[0]:g}: {values[0]:+g}"]
    steps += [f"from {cut:g}: {value:+g}" for cut, value in zip(cuts, values[1:], strict=True)]
    return ", ".join(steps)
