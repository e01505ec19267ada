"""What tests of training need: LightGBM where it is installed, and synthetic orders to learn from."""

import os
import random

import pytest

MISSING = "LightGBM is not installed: `python3 .ci/environment.py dev train`"


def needs_training() -> None:
    """Skip, saying why, where LightGBM is absent; fail there in continuous integration."""
    try:
        import lightgbm  # noqa: F401, PLC0415 - whether it can be imported is the question
    except (ImportError, OSError):
        (pytest.fail if os.environ.get("KULANZ_CI") == "1" else pytest.skip)(MISSING)


def synthetic_orders(rows: int, base: float, seed: int = 1) -> list[dict]:
    """Orders made up by a formula: dear baskets of strangers default more often. No data of anybody."""
    rng, made = random.Random(seed), []
    for number in range(rows):
        order = {
            "currency": "EUR",
            "total_minor": rng.choice([rng.randrange(1_000, 30_000), rng.randrange(1_000, 150_000)]),
            "paid_orders": rng.choice([0, 0, 0, 1, 2, 5, None]),
            "guest": rng.random() < 0.4,
            "country": rng.choice(["DE", "DE", "AT", "CH", "FR", None]),
            "email_24h": rng.choice([0, 0, 0, 1, 5]),
            "date": f"2025-{1 + 12 * number // rows:02d}-{rng.randrange(1, 29):02d}",
        }
        odds = base + 0.00002 * order["total_minor"] - 0.5 * (order["paid_orders"] or 0) + 0.3 * order["email_24h"]
        odds += 0.8 * (order["country"] == "FR") + 0.3 * order["guest"]
        made.append(order | {"default": int(rng.random() < 1 / (1 + 2.718281828**-odds))})
    return made
