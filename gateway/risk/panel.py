"""A champion and its challengers compiled into one pass over the facts (pure).

A tree is not walked. Each leaf of all trees is one bit; each value of a feature keeps the leaves that its splits do not
rule out, as one long integer per band of values, made beforehand. AND over the features leaves exactly one bit per tree:
its leaf (after QuickScorer, Lucchese et al., SIGIR 2015). Tables travel along: a band's integer also carries, in 64 bits
per output, what the tables add. So three models cost one look-up per fact, nothing is generated and nothing executed.

Amounts of log-odds are whole numbers of 2^-48, so that sums are exact, do not depend on an order, and reasons add up.
"""

import math
import struct
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from math import exp
from operator import attrgetter, getitem
from typing import Any

from gateway.risk.model_file import Card
from gateway.risk.panel_parts import HALF, TOP, UNIT, Builder, Moved, Reason, Told, step_of

CURRENCIES_KEPT = 200
_LEAF = bytes(bits.bit_length() - 1 if bits else 0 for bits in range(256))
"""The byte of a tree, with one bit left in it → that leaf's place."""
_MOST = 30.0
"""Log-odds beyond this are told as this."""

Read = Callable[[Any], Sequence[Any]]

__all__ = ["TOP", "Moved", "Panel", "Reason", "of_attributes", "of_mapping"]


class Panel:
    """Cards that score together; the first is the champion and tells reasons."""

    def __init__(self, cards: Sequence[Card], read: Callable[[Sequence[str]], Read] | None = None) -> None:
        self.cards = tuple(cards)
        self.champion = self.cards[0].id
        self.challengers = [(card.id, card.digest, 3 * place) for place, card in enumerate(cards) if place]
        """Id, digest, and where the three chances of each begin."""
        self._read = read or of_attributes
        self._compiled: dict[str, _Compiled] = {}

    def run(self, facts: Any, currency: str) -> tuple[list[float], list[Moved]]:
        """Every probability, card by card in the order of their outputs, and what moved the champion's, strongest first."""
        compiled = self._compiled.get(currency) or self._compile(currency)
        return compiled.run(facts)

    def raw(self, facts: Any, currency: str = "") -> list[float]:
        """Every output in log-odds before its Platt step, in the same order."""
        return (self._compiled.get(currency) or self._compile(currency)).raw(facts)

    def _compile(self, currency: str) -> "_Compiled":
        knows = tuple(card.knows_amounts(currency) for card in self.cards)
        if len(self._compiled) >= CURRENCIES_KEPT:
            self._compiled.clear()
        alike = (one for one in tuple(self._compiled.values()) if one.knows == knows)
        found = next(alike, None) or _Compiled(self.cards, knows, self._read)
        self._compiled[currency] = found
        return found


def of_attributes(names: Sequence[str]) -> Read:
    """Read facts from a record by attribute."""
    if len(names) == 1:
        name = names[0]
        return lambda facts: (getattr(facts, name),)
    return attrgetter(*names) if names else lambda _: ()


def of_mapping(names: Sequence[str]) -> Read:
    """Read values from a mapping by name: absent and NaN are unknown."""

    def read(row: Mapping[str, Any]) -> Sequence[Any]:
        found = [row.get(name) for name in names]
        return [None if value != value else value for value in found]  # noqa: PLR0124 - NaN does not equal itself

    return read


class _Compiled:
    """A panel for those currencies whose amounts the same cards know."""

    def __init__(self, cards: Sequence[Card], knows: Sequence[bool], read: Callable[[Sequence[str]], Read]) -> None:
        builder = Builder(cards, knows)
        self.knows = knows
        self.half, self.keep = builder.half, builder.keep
        self.places, self.told, self.order = builder.places, builder.told, builder.order
        self.lanes, self.layout = builder.lanes, struct.Struct(f"<{len(self.places)}Q")
        steps = [step_of(part, builder.keep) for part in builder.parts.values()]
        for keep, lanes in builder.constants:
            self.keep &= keep
            self.lanes += lanes
        numbers, named = [step for step in steps if not step.cases], [step for step in steps if step.cases]
        self.numbers = [(step.cuts, step.entries, step.other) for step in numbers]
        self.named = [(step.cases, step.other) for step in named]
        self.read_numbers = read([step.name for step in numbers])
        self.read_named = read([step.name for step in named])

    def run(self, facts: Any) -> tuple[list[float], list[Moved]]:
        leaves, lanes, moved = self._look_up(facts)
        for one in self.told:
            moved += _path(one, leaves, self.half)
        moved.sort()
        return self._chances(self._totals(leaves, lanes)), moved

    def raw(self, facts: Any) -> list[float]:
        """Every output in log-odds before its Platt step."""
        leaves, lanes, _ = self._look_up(facts)
        totals = self._totals(leaves, lanes)
        return [totals[place] / UNIT for place in self.order]

    def _look_up(self, facts: Any) -> tuple[bytes, int, list[Moved]]:
        """The leaf of every tree, the sums of the tables, what the champion's tables tell."""
        keep, lanes = self.keep, self.lanes
        moved: list[Moved] = []
        for (cuts, entries, unknown), value in zip(self.numbers, self.read_numbers(facts), strict=True):
            kept, added, told = unknown if value is None else entries[bisect_right(cuts, value)]
            keep &= kept
            lanes += added
            if told:
                moved += told
        for (cases, other), value in zip(self.named, self.read_named(facts), strict=True):
            kept, added, told = cases.get(value, other)
            keep &= kept
            lanes += added
            if told:
                moved += told
        return keep.to_bytes(2 * self.half, "little").translate(_LEAF), lanes, moved

    def _totals(self, leaves: bytes, lanes: int) -> list[int]:
        """Every output's raw score in units."""
        half = self.half
        pairs = int.from_bytes(leaves[:half], "little") << 3 | int.from_bytes(leaves[half:], "little")
        both = pairs.to_bytes(half, "little")
        sums = self.layout.unpack(lanes.to_bytes(self.layout.size, "little"))
        return [
            lane - HALF + sum(map(getitem, values, both[where])) if values else lane - HALF
            for (where, values, _, _), lane in zip(self.places, sums, strict=True)
        ]

    def _chances(self, totals: list[int]) -> list[float]:
        chances = []
        for (_, _, a, b), total in zip(self.places, totals, strict=True):
            power = total * a + b
            if not -_MOST < power < _MOST:
                power = math.copysign(_MOST, power)
            chances.append(int(1e6 / (1 + exp(power)) + 0.5) / 1e6)  # six digits, in a third of the time of round()
        return [chances[place] for place in self.order]


def _path(one: Told, leaves: bytes, half: int) -> list[Moved]:
    """What each feature moved in the trees of an output: differences of means along the paths taken, added up."""
    total = sum(map(getitem, one.firsts, leaves[one.pairs]), one.start)
    total = sum(map(getitem, one.seconds, leaves[half:][one.pairs]), total)
    found = one.layout.unpack(total.to_bytes(one.layout.size, "little"))
    ranked = sorted([(abs(units - HALF), -n) for n, units in enumerate(found)], reverse=True)
    return [_told(one, -n, found[-n] - HALF) for size, n in ranked[: one.most] if size and one.features[-n][1]]


def _told(one: Told, place: int, units: int) -> Moved:
    order, fact = one.features[place]
    effect = units * one.a
    return -abs(effect), order, Reason(one.name, fact, round(effect, 6))
