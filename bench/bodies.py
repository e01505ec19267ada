"""Checkout requests of many shapes, made from a fixed seed: half of the buyers are known, half were never seen.

The load generator makes them before it measures. No request is like another: a serial number is part of each.
"""

import base64
import json
import random
from collections.abc import Iterator
from typing import Any

from gateway.core import clock
from gateway.core.signing import SigningKey, sign

KNOWN_BUYERS = 2_000
SHAPES = 200
_STREETS = ("Lange Reihe", "Königsallee", "Hauptstraße", "Am Markt", "Goethestr.", "Bahnhofsplatz")
_METHODS = (
    ("bacs", "prepayment"),
    ("stripe", "card_3ds"),
    ("ppcp", "paypal"),
    ("cheque", "invoice"),
    ("sepa", "sepa_debit"),
    ("cod", "cash_on_delivery"),
)


def known_email(number: int) -> str:
    return f"buyer{number:09d}@known.example"


def known_phone(number: int) -> str:
    return f"+49 151 2{number % 10_000_000:07d}"


def question(shape: int, serial: int) -> dict[str, Any]:
    """One checkout: odd serials are asked by a known buyer, even ones by somebody new."""
    dice = random.Random(shape)
    known = serial % 2 == 1
    number = serial // 2 % KNOWN_BUYERS if known else serial
    items, goods_minor = _items(dice)
    home = address(number)
    asked: dict[str, Any] = {
        "reference": f"cart-{serial:09d}",
        "currency": "EUR",
        "total_minor": goods_minor + 490,
        "items": items,
        "shipping_minor": 490,
        "buyer": _buyer(dice, number, known=known),
        "billing": home,
        "context": {"ip": f"198.51.{dice.randrange(256)}.{dice.randrange(256)}", "user_agent": "Mozilla/5.0 (X11)"},
        "methods": [{"id": id_, "kind": kind} for id_, kind in _METHODS[: dice.randint(4, 6)]],
    }
    if dice.random() < 0.25:
        asked["delivery"] = home | {"line1": f"Packstation {dice.randint(100, 199)}", "postcode": "20095"}
    if dice.random() < 0.3:
        asked["context"] |= {"device_id": f"dev-{serial:09d}", "device_consent": True}
    return asked


def _items(dice: random.Random) -> tuple[list[dict[str, Any]], int]:
    lines = [
        {
            "quantity": dice.randint(1, 3),
            "unit_minor": dice.randrange(500, 15_000),
            "sku": f"SKU-{dice.randrange(10_000):04d}",
            "name": "Wanderschuh Größe 42",
        }
        for _ in range(dice.randint(1, 5))
    ]
    return lines, sum(line["quantity"] * line["unit_minor"] for line in lines)


def address(number: int) -> dict[str, str]:
    return {
        "name": "Ada Löwe",
        "line1": f"{_STREETS[number % len(_STREETS)]} {number}",
        "postcode": f"{10_000 + number % 89_999}",
        "city": "Hamburg",
        "country": "DE",
    }


def _buyer(dice: random.Random, number: int, *, known: bool) -> dict[str, Any]:
    email = known_email(number) if known else f"buyer{number:09d}@new.example"
    told: dict[str, Any] = {"email": email, "first_name": "Ada", "last_name": "Löwe", "guest": not known}
    if dice.random() < 0.6:
        told["phone"] = known_phone(number)
    return told | {"language": "de"}


def requests(authorization: str, first: int, *, keyed: bool = False) -> Iterator[bytes]:
    """Endless HTTP requests with serial numbers from `first`; `keyed` gives each an Idempotency-Key."""
    serial = first
    while True:
        body = json.dumps(question(serial % SHAPES, serial), ensure_ascii=False).encode()
        yield request(authorization, body, f"order-{serial:09d}" if keyed else "")
        serial += 1


def messages(path: str, secret: str, first: int) -> Iterator[bytes]:
    """Endless signed messages (Standard Webhooks), each with an order of its own."""
    now = clock.now()
    key = SigningKey("k", base64.b64decode(secret.removeprefix("whsec_")), now)
    serial = first
    while True:
        order = {"reference": f"pushed-{serial:09d}", "currency": "EUR", "total_minor": 12_490, "method": "cheque"}
        body = json.dumps({"type": "order.put", "data": order | {"billing": address(serial)}}).encode()
        signed = "".join(f"{name}: {value}\r\n" for name, value in sign([key], f"evt_{serial}", body, now).items())
        head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n{signed}"
        yield f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
        serial += 1


def request(authorization: str, body: bytes, key: str = "") -> bytes:
    """The bytes of one POST on a kept connection."""
    idempotency = f"Idempotency-Key: {key}\r\n" if key else ""
    head = (
        "POST /v1/decisions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {authorization}\r\n{idempotency}Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
