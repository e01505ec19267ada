"""Models that come with the program: the expert card that a new merchant starts with, and how to find one again (pure)."""

from functools import cache
from pathlib import Path

from gateway.risk.model_file import FORBIDDEN, OUTPUTS, Card, load

CARDS = Path(__file__).parent / "cards"
AMOUNTS_IN = frozenset({"EUR", "CHF"})
"""Currencies in which the bands of amounts of the expert card and the default policy hold as they are written."""
_FORMERLY = {"541bc38e3a53c5029492c993772a835d315f776d6b159f9e8da01ac2c407a8ec": "expert-1"}
"""Digests that decisions name for a card which was written in an earlier form and scores the same (a test holds it)."""

__all__ = [
    "AMOUNTS_IN",
    "CARDS",
    "FORBIDDEN",
    "OUTPUTS",
    "Card",
    "expert",
    "load",
    "shipped",
    "shipped_as",
    "shipped_text",
]


@cache
def expert() -> Card:
    """The expert card that a new merchant starts with, documented in docs/scorecard.md."""
    return shipped("expert-1")


@cache
def shipped(card_id: str) -> Card:
    """A card that comes with the program. Raises KeyError for an unknown id."""
    return load(shipped_text(card_id))


def shipped_text(card_id: str) -> str:
    """The file of a card that comes with the program. Raises KeyError for an unknown id."""
    path = CARDS / f"{card_id}.json"
    if not card_id.replace("-", "").isalnum() or not path.is_file():
        raise KeyError(card_id)
    return path.read_text()


def shipped_as(card_id: str, digest: str) -> Card | None:
    """The shipped card that decided under this name and digest, or None when it is not the one we ship."""
    try:
        card = shipped(card_id)
    except KeyError:
        return None
    return card if digest == card.digest or _FORMERLY.get(digest) == card.id else None
