"""Which versions decide an order: the live ones, those tried on a share of the buyers, and those in the shadow (pure).

A buyer's point between 0 and 1 comes from the keyed hash of his address, so that he meets one policy for as long as a
share lasts and stays in it when it grows; somebody without a name gets one by his cart.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from gateway.checkout.policy import Choice

KINDS = ("checkout", "economics")
"""Kinds of documents that decide together."""
SHADOW, SHARE = "shadow", "share"


@dataclass(frozen=True, slots=True)
class Acting:
    """Versions by kind; 0 is the shipped default."""

    versions: Mapping[str, int]
    shadow: Mapping[str, int] | None = None
    """What judges beside them without acting."""
    share: Mapping[str, Any] | None = None
    """What is recorded of a running share: who would decide, where the buyer stands, and whether he is in it."""


def acting(found: Mapping[str, Any], seed: bytes) -> Acting:
    """From the one read's `{"checkout": 3, "checkout:share": [6, 20], "checkout:shadow": [7, 0]}`."""
    versions = {kind: found.get(kind, 0) for kind in KINDS}
    if not any(":" in name for name in found):
        return Acting(versions)
    share = {}
    for kind in KINDS:
        if (trial := found.get(f"{kind}:{SHARE}")) is not None:
            share[kind] = _share(kind, versions[kind], trial, seed)
            if share[kind]["acts"]:
                versions[kind] = trial[0]
    tried = {kind: found[f"{kind}:{SHADOW}"][0] for kind in KINDS if f"{kind}:{SHADOW}" in found}
    return Acting(versions, versions | tried if tried else None, share or None)


def _share(kind: str, live: int, trial: list[int], seed: bytes) -> dict[str, Any]:
    version, percent = trial
    point = fraction(f"share {kind} {version}", seed)
    return {"version": version, "live": live, "percent": percent, "point": point, "acts": point * 100 < percent}


def fraction(purpose: str, seed: bytes) -> float:
    """A number from 0 to 1 that is the same for the same seed, and another for another purpose. Six digits."""
    digest = hashlib.sha256(b"kulanz %b\0%b" % (purpose.encode(), seed)).digest()
    return int.from_bytes(digest[:6]) // 281_474_977 / 1_000_000  # 2^48 / 10^6, rounded up: never 1


def sample(seed: bytes, day: date) -> float:
    """The draw of somebody, the same all week: who edits his cart until he is drawn would make a sample of swindlers."""
    year, week, _ = day.isocalendar()
    return fraction(f"sample {year}-{week}", seed)


def told(versions: Mapping[str, int], choice: Choice) -> dict[str, Any]:
    """A shadow's choice in short, as it is recorded."""
    return {
        **versions,
        "outcome": choice.outcome,
        "review": choice.review,
        "shown": menu(choice),
        "contribution_minor": choice.contribution_minor,
    }


def menu(choice: Choice) -> list[list[Any]]:
    """The methods shown, in order, each with its deposit in percent."""
    return [[offer.method.id, offer.deposit_percent] for offer in choice.offers if offer.show]
