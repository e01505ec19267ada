"""From what a platform says of a purchase to the JSON question of `POST /v1/decisions` (pure).

Platforms round and add up in many ways, and plugins add charges of their own. The total is what the buyer sees and
pays, so it always counts; what the parts do not explain is told as a charge or as a reduction.
"""

import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from connectors.reading import Node, printable
from gateway.core.money import MAX_MINOR
from gateway.shops.platform import Beside

MAX_ITEMS, MAX_METHODS, MAX_PIECES = 500, 40, 1_000_000
"""As the API takes them."""
UNNAMED = "unnamed"
"""The id of the method where a platform names none: free orders, orders made by staff."""
_EMAIL = re.compile(r"[^@\s<>\"]{1,64}@(?:[^@\s<>\".]{1,63}\.)+[^@\s<>\".]{1,63}")
_COUNTRY = re.compile(r"[A-Z]{2}")
_LANGUAGE = re.compile(r"[a-z]{2}(?![a-z])")
_VAT_KEYS = frozenset(
    {
        "_billing_vat_id",  # Germanized
        "_billing_vat_number",
        "_vat_number",  # EU VAT Number
        "_billing_eu_vat_number",
        "billing_vat",  # German Market
        "yweu_billing_vat",
        "vat_id",
        "vat_number",
        "ust_id",
        "ust_idnr",
        "uid",
    }
)
"""Where plugins and themes keep a VAT id, as lower-case names of order meta data or note attributes."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a basket: `gross_minor` for all its pieces together, before discounts."""

    pieces: Decimal
    gross_minor: int
    kind: str
    sku: str
    name: str


@dataclass(frozen=True, slots=True)
class Parts:
    """What the total consists of, in minor units. `tax_minor` is tax that the lines do not contain."""

    lines: tuple[Line, ...] = ()
    shipping_minor: int = 0
    fees_minor: int = 0
    tax_minor: int = 0
    discount_minor: int = 0


def amounts(total_minor: int, parts: Parts) -> dict[str, Any]:
    """`total_minor`, `items` and the other parts, adding up exactly.

    Lines that cannot be told one by one (too many, absurd sums) are left out, and with them what they add up to.
    """
    items = [item for line in parts.lines for item in items_of(line)]
    reductions = max(0, parts.discount_minor) + sum(-minor for minor in _charges(parts) if minor < 0)
    charges = sum(minor for minor in _charges(parts) if minor > 0)
    unexplained = total_minor - sum(item["quantity"] * item["unit_minor"] for item in items) - charges + reductions
    more = {
        "shipping_minor": max(0, parts.shipping_minor),
        "fees_minor": max(0, parts.fees_minor) + max(0, unexplained),
        "tax_minor": max(0, parts.tax_minor),
        "discount_minor": reductions + max(0, -unexplained),
    }
    if not items or len(items) > MAX_ITEMS or max(more.values()) > MAX_MINOR:
        return {"total_minor": total_minor}
    return {"total_minor": total_minor, "items": items} | {name: minor for name, minor in more.items() if minor}


def _charges(parts: Parts) -> tuple[int, int, int]:
    return parts.shipping_minor, parts.fees_minor, parts.tax_minor


def items_of(line: Line) -> list[dict[str, Any]]:
    """A line as items of whole cents: 3 pieces for 10.00 are two at 3.33 and one at 3.34."""
    if line.pieces <= 0 or line.gross_minor < 0:
        return []
    whole = line.pieces == line.pieces.to_integral_value() and line.pieces <= MAX_PIECES
    pieces = int(line.pieces) if whole else 1  # 1.5 metres of cloth are one piece of cloth
    unit, dearer = divmod(line.gross_minor, pieces)
    more = {"kind": line.kind} | brief({"sku": line.sku, "name": line.name})
    split = ((pieces - dearer, unit), (dearer, unit + 1))
    return [{"quantity": number, "unit_minor": price} | more for number, price in split if number]


def methods(named: Iterable[str], beside: Beside, proposal: Callable[[str], str]) -> list[dict[str, str]]:
    """The methods of the question: those of the request, else those the document names; the merchant's kinds win."""
    wanted = [printable(name)[:200] for name in beside.methods or named]
    ids = list(dict.fromkeys(name for name in wanted if name))[:MAX_METHODS]
    return [{"id": name, "kind": beside.kinds.get(name) or proposal(name)} for name in ids or [UNNAMED]]


def brief(told: Mapping[str, Any]) -> dict[str, Any]:
    """Without what is empty."""
    return {name: value for name, value in told.items() if value not in ("", None, {}, [])}


def email(node: Node) -> str:
    """An address, or "" for one that is not (yet) complete: buyers are asked about while they type."""
    text = node.text(1000)
    return text if len(text) <= 254 and _EMAIL.fullmatch(text) else ""


def country(node: Node) -> str:
    """ISO 3166-1 alpha-2, or ""."""
    code = node.text(10).upper()
    return code if _COUNTRY.fullmatch(code) else ""


def language(text: str) -> str:
    """ISO 639-1 of a locale such as `de_DE_formal`, or ""."""
    found = _LANGUAGE.match(text)
    return found[0] if found else ""


def ip(text: str) -> str:
    """The buyer's address, or "" for what is none: `0.0.0.0` and the shop's own server stand for "not known"."""
    try:
        address = ipaddress.ip_address(text.strip())
    except ValueError:
        return ""
    return "" if address.is_unspecified or address.is_loopback else text.strip()


def vat_id(entries: Iterable[Node], name: str) -> str:
    """The first VAT id among entries of `{name: …, "value": …}`."""
    for entry in entries:
        if isinstance(entry.value, dict) and str(entry.value.get(name)).lower() in _VAT_KEYS:
            found = entry.at("value")
            if isinstance(found.value, str) and found.text(40):
                return found.text(40)
    return ""


def context(beside: Beside, address: str, user_agent: str) -> dict[str, Any]:
    """Where the buyer comes from: the request knows better than the document."""
    return brief({"ip": ip(beside.ip or address), "user_agent": printable(beside.user_agent or user_agent)[:1000]})


def question(parts: Mapping[str, Any]) -> dict[str, Any]:
    """The question without empty members."""
    return {name: value for name, value in parts.items() if value not in ("", None, {})}
