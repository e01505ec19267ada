"""What the payment attempts on record say of a connection, a device or a card: declines, cards, small amounts (pure).

A try is one card at one basket; the same again is the same try. A success clears what the payer needed to get there: every
decline of his card, and the last five cards declined at his basket, five for all baskets that this card has paid. So somebody who mistypes his card three times and then
pays leaves nothing behind, while a list of stolen cards stays a list of declines, also where one of them works.
"""

import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

TRY = struct.Struct("<IIIB")
"""When it happened, hash of the card, hash of the basket, bits. As `shield.lua` writes it."""
SURGE = struct.Struct("<III")
"""Since when, until when it is held, how many per cent of the attempts are declines beyond what is usual."""
AUTHORISED, SMALL, CARD_UNKNOWN = 1, 2, 4
WINDOWS = {"10m": 600, "1h": 3600, "24h": 86_400}
CLEARED_CARDS = 5
"""Declined cards that a card which pays explains. A tester explains no more than these at one open order, and no more either
with a card of his own that pays one small order after another."""


class Try(NamedTuple):
    """One card at one basket."""

    at: int
    card: int
    """Hash; where the shop knows no card, one of the report, and `CARD_UNKNOWN` is set."""
    basket: int
    """Hash of reference or decision; 0 for none."""
    bits: int


class Tally(NamedTuple):
    """What counts within a window."""

    tries: int
    """Different cards at different baskets, paid or not."""
    declines: int
    """Those of them that were declined and that no success explains."""
    cards: int
    """Different known cards among the declines."""
    small: int
    """Tries with a small amount, paid or not."""

    @property
    def declined_percent(self) -> int:
        return 100 * self.declines // self.tries if self.tries else 0


def read(stored: bytes | None) -> list[Try]:
    """The tries of one subject. What cannot be read is as good as nothing: counters may be lost."""
    if not stored or len(stored) % TRY.size:
        return []
    return [Try(*fields) for fields in TRY.iter_unpack(stored)]


def unexplained(tries: Sequence[Try]) -> list[Try]:
    """Declines that no success explains, whichever of them was told first."""
    paid = [one for one in tries if one.bits & AUTHORISED]
    declines = [one for one in tries if not one.bits & AUTHORISED]
    if not paid:
        return declines
    cards = {one.card for one in paid}
    left = [one for one in declines if one.card not in cards]
    for card in sorted(cards):
        baskets = {one.basket for one in paid if one.card == card and one.basket}
        tried = sorted((one for one in left if one.basket in baskets), key=lambda one: (-one.at, one.card))
        explained = set(list(dict.fromkeys(one.card for one in tried))[:CLEARED_CARDS])
        left = [one for one in left if one.basket not in baskets or one.card not in explained]
    return left


def tally(tries: Sequence[Try], now_s: float, window_s: int) -> Tally:
    """What counts of these within the last `window_s` seconds."""
    return _tally(tries, unexplained(tries), now_s - window_s)


def _tally(tries: Sequence[Try], declines: Sequence[Try], since_s: float) -> Tally:
    late = [one for one in declines if one.at > since_s]
    lately = [one for one in tries if one.at > since_s]
    return Tally(
        tries=len({(one.card, one.basket) for one in lately}),
        declines=len({(one.card, one.basket) for one in late}),
        cards=len({one.card for one in late if not one.bits & CARD_UNKNOWN}),
        small=len({(one.card, one.basket) for one in lately if one.bits & SMALL}),
    )


MEASURES: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "ip": {
        "declines_ip_10m": ("declines", "10m"),
        "declines_ip_1h": ("declines", "1h"),
        "declines_ip_24h": ("declines", "24h"),
        "cards_ip_10m": ("cards", "10m"),
        "cards_ip_1h": ("cards", "1h"),
        "cards_ip_24h": ("cards", "24h"),
        "declined_percent_ip_1h": ("declined_percent", "1h"),
        "declined_percent_ip_24h": ("declined_percent", "24h"),
        "small_amounts_ip_1h": ("small", "1h"),
    },
    "device": {
        "declines_device_1h": ("declines", "1h"),
        "declines_device_24h": ("declines", "24h"),
        "cards_device_1h": ("cards", "1h"),
        "cards_device_24h": ("cards", "24h"),
        "declined_percent_device_24h": ("declined_percent", "24h"),
        "small_amounts_device_1h": ("small", "1h"),
    },
    "card": {
        "declines_card_1h": ("declines", "1h"),
        "declines_card_24h": ("declines", "24h"),
        "small_amounts_card_24h": ("small", "24h"),
    },
}
"""Subject → fact → what is measured in which window."""
SURGE_FACT = "shop_decline_surge"
_NOTHING = {subject: dict.fromkeys(names, 0) for subject, names in MEASURES.items()}


def subject_facts(subject: str, stored: bytes | None, now_s: float) -> dict[str, int]:
    """The facts of one subject; zeros for one without attempts, as nearly all are."""
    if not stored:
        return _NOTHING[subject]
    tries = read(stored)
    declines = unexplained(tries)
    tallies = {name: _tally(tries, declines, now_s - length) for name, length in WINDOWS.items()}
    return {fact: getattr(tallies[window], measure) for fact, (measure, window) in MEASURES[subject].items()}


@dataclass(frozen=True, slots=True)
class Surge:
    """More declines in a shop than are usual there. Held for a while after the last of them. Seconds since 1970."""

    since_s: int
    until_s: int
    percent: int
    """Share of the last attempts that were declined beyond the shop's normal rate."""


def surge(stored: bytes | None, now_s: float) -> Surge | None:
    """The surge that holds now."""
    if not stored or len(stored) != SURGE.size:
        return None
    found = Surge(*SURGE.unpack(stored))
    return found if found.until_s > now_s else None


def facts(subjects: Iterable[str], values: Sequence[bytes | None], now_s: float) -> dict[str, int]:
    """The facts of `subjects` from what is stored of each, and of the shop's surge, which comes last."""
    found: dict[str, int] = {}
    for subject, stored in zip(subjects, values, strict=False):
        found |= subject_facts(subject, stored, now_s)
    held = surge(values[-1], now_s)
    found[SURGE_FACT] = held.percent if held else 0
    return found
