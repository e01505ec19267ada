"""How models become the integers of a panel: what each band of a feature keeps, adds and tells (pure).

`risk/panel` says what they are good for.
"""

import math
import struct
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from itertools import zip_longest
from operator import and_
from typing import Any, NamedTuple

from gateway.risk.facts import CATALOGUE
from gateway.risk.model_file import Card, Output, Table
from gateway.risk.trees import BELOW_ZERO, MAX_LEAVES, ZERO, Split, Tree, Value, whole_cut

UNIT = 2.0**48
HALF = 1 << 63
"""What zero is in the 64 bits of a sum, so that none is ever negative."""
TOP = 4
"""Reasons told per decision; their effects and the rest add up exactly to the score."""

Teller = Callable[[float], "tuple[Moved, ...]"]


class Reason(NamedTuple):
    """How much one fact moved one output away from its usual value, in log-odds; positive raises the risk."""

    output: str
    fact: str
    effect: float


Moved = tuple[float, int, Reason]
"""Minus the size of an effect, its place in the file, what it tells: sorts strongest first, then as the file does."""
Entry = tuple[int, int, tuple[Moved, ...]]
"""For one band of a feature: the leaves it keeps, what tables add per output, what that tells."""


class Step(NamedTuple):
    """One feature. Numbers are found by their band, texts and yes/no as they are."""

    name: str
    cuts: tuple[float, ...]
    entries: tuple[Entry, ...]
    cases: Mapping[Any, Entry]
    """None, the unknown, among them."""
    other: Entry


class Place(NamedTuple):
    """An output of one of the cards, and where its parts lie."""

    pairs: slice
    """Its pairs of trees among all pairs."""
    values: tuple[tuple[int, ...], ...]
    """Per pair and both leaves (8 times the first and the second) what they add, in units."""
    a: float
    """Minus the Platt step's a, per unit, and minus its b: what the exponent needs."""
    b: float


class Told(NamedTuple):
    """What the trees of one output of the champion tell."""

    name: str
    a: float
    pairs: slice
    firsts: tuple[tuple[int, ...], ...]
    """Per pair and leaf of its first tree what each feature moved, in 64 bits each."""
    seconds: tuple[tuple[int, ...], ...]
    start: int
    """The sum of no trees."""
    layout: struct.Struct
    most: int
    """How many of the strongest hold all that may be told."""
    features: tuple[tuple[int, str], ...]
    """Order and name of the features in those 64 bits; "" for one that is not told."""


@dataclass(slots=True)
class Part:
    """What reads one feature: splits with the leaves they keep, tables with their lane."""

    name: str
    type: str
    splits: list[tuple[Split, int, int, Mapping[str, int]]] = field(default_factory=list)
    tables: list[tuple[int, Table, Teller]] = field(default_factory=list)


class Builder:
    """Sorts what the cards hold by feature.

    A tree has one byte; the trees of an output lie in pairs, the first in the lower half of all bytes, the second as
    far up in the upper half, so that one shift joins the leaves of every pair. An odd one is paired with a lone leaf.
    """

    def __init__(self, cards: Sequence[Card], knows: Sequence[bool]) -> None:
        self.parts: dict[str, Part] = {}
        self.places: list[Place] = []
        self.order: list[int] = []
        """Per output of every card its place: outputs that a challenger has copied are scored once."""
        self._seen: list[tuple[Output, bool, int]] = []
        self.told: list[Told] = []
        self.constants: list[tuple[int, int]] = []
        self.lanes = 0
        sizes = [len(output.trees) for card in cards for output in card.outputs.values()]
        self.half, self._first = sum((size + 1) // 2 for size in sizes), 0
        whole = bytearray(b"\1" * 2 * self.half)
        for byte, tree in self._bytes(cards):
            whole[byte] = (1 << len(tree.leaves)) - 1
        self.keep = int.from_bytes(whole, "little")
        for place, (card, known) in enumerate(zip(cards, knows, strict=True)):
            for number, output in enumerate(card.outputs.values()):
                same = [lane for other, knew, lane in self._seen if knew == known and other == output]
                self.order.append(same[0] if same else len(self.places))
                if not same:
                    self._add_output(card, number, known=known, told=not place)

    def _bytes(self, cards: Sequence[Card]) -> Iterator[tuple[int, Tree]]:
        """Every tree with its byte."""
        first = 0
        for output in (output for card in cards for output in card.outputs.values()):
            for n, tree in enumerate(output.trees):
                yield first + n // 2 + self.half * (n % 2), tree
            first += (len(output.trees) + 1) // 2

    def _add_output(self, card: Card, number: int, *, known: bool, told: bool) -> None:
        name, output = list(card.outputs.items())[number]
        own = {one.fact: 1000 * number + place for place, one in enumerate(output.tables)}
        self.lanes += lane_of(len(self.places), _units(output.intercept) + HALF)
        for table in output.tables:
            self._add_table(card, table, _teller(name, output, table, own) if told else _silent, known=known)
        for n, tree in enumerate(output.trees):
            self._add_tree(card, tree, self._first + n // 2 + self.half * (n % 2), known=known)
        firsts, seconds = output.trees[::2], output.trees[1::2]
        pairs = slice(self._first, self._first + len(firsts))
        self._first = pairs.stop
        if not output.trees:  # trees name features by their place, which is another one in another card
            self._seen.append((output, known, len(self.places)))
        self.places.append(Place(pairs, _pair_values(firsts, seconds), -output.a / UNIT, -output.b))
        if told and output.trees:
            used = sorted({split.feature for tree in output.trees for split in tree.splits})
            names = [card.features[feature].name for feature in used]
            told_of = [name if known or not is_amount(name) else "" for name in names]
            orders = [1000 * number + 500 + feature for feature in used]
            paths = [tuple(_paths(tree, used) for tree in trees) for trees in (firsts, seconds)]
            self.told.append(
                Told(
                    name=name,
                    a=output.a / UNIT,
                    pairs=pairs,
                    firsts=paths[0],
                    seconds=paths[1],
                    start=sum(lane_of(lane, HALF) for lane in range(len(used))),
                    layout=struct.Struct(f"<{len(used)}Q"),
                    most=TOP + told_of.count(""),
                    features=tuple(zip(orders, told_of, strict=True)),
                )
            )

    def _add_table(self, card: Card, table: Table, tell: Teller, *, known: bool) -> None:
        lane = len(self.places)
        if not known and is_amount(table.fact):
            self.constants.append((self.keep, lane_of(lane, _units(table.missing))))
            return
        self._part(card, table.fact).tables.append((lane, table, tell))

    def _add_tree(self, card: Card, tree: Tree, byte: int, *, known: bool) -> None:
        shift = MAX_LEAVES * byte
        for split, (left, right) in zip(tree.splits, tree.below, strict=True):
            keep_left, keep_right = (self.keep ^ (_bits(leaves) << shift) for leaves in (right, left))
            feature = card.features[split.feature]
            if not known and is_amount(feature.name):
                self.constants.append((keep_left if split.goes_left(None) else keep_right, 0))
                continue
            levels = {level: place for place, level in enumerate(feature.levels)}
            self._part(card, feature.name).splits.append((split, keep_left, keep_right, levels))

    def _part(self, card: Card, name: str) -> Part:
        if name not in self.parts:
            kind = next(one.type for one in card.features if one.name == name)
            self.parts[name] = Part(name, kind)
        return self.parts[name]


def _pair_values(firsts: Sequence[Tree], seconds: Sequence[Tree]) -> tuple[tuple[int, ...], ...]:
    """Per pair the sums of each leaf of the first with each of the second."""
    found = []
    for first, second in zip_longest(firsts, seconds):
        own, other = ([*map(_units, tree.leaves)] if tree else [0] for tree in (first, second))
        blank = [0] * MAX_LEAVES
        found.append(tuple(a + b for a in own for b in (other + blank)[:MAX_LEAVES]))
    return tuple(found)


def is_amount(name: str) -> bool:
    """Whether a fact is an amount of money, which means something in its currency only."""
    return name in CATALOGUE and CATALOGUE[name].unit == "minor units"


def _silent(_: float) -> tuple[Moved, ...]:
    return ()


def _teller(name: str, output: Output, table: Table, orders: Mapping[str, int]) -> Callable[[float], tuple[Moved, ...]]:
    """What a table's value tells beside its usual one."""

    def tell(value: float) -> tuple[Moved, ...]:
        if value == table.usual:
            return ()
        effect = (value - table.usual) * output.a
        return ((-abs(effect), orders[table.fact], Reason(name, table.fact, round(effect, 6))),)

    return tell


def step_of(part: Part, keep: int) -> Step:
    unknown = _entry(part, None, None, keep)
    if part.type == "bool":
        return Step(part.name, (), (), {one: _entry(part, one, one, keep) for one in (False, True)}, unknown)
    if part.type == "text":
        known = {level for *_, levels in part.splits for level in levels}
        known |= {case for _, table, _ in part.tables for case in table.cases}
        cases = {text: _entry(part, text, text, keep) for text in sorted(known)}
        return Step(part.name, (), (), {**cases, None: unknown}, _entry(part, "", None, keep))
    cuts = _cuts(part)
    bands = [-math.inf if part.type == "number" else (cuts[0] - 1 if cuts else 0), *cuts]
    kept = _kept_by_threshold(part, cuts, keep)
    entries = tuple(_with(part, value, leaves) for value, leaves in zip(bands, kept, strict=True))
    return Step(part.name, tuple(cuts), entries, {}, unknown)


def _entry(part: Part, value: Any, asked: Any, keep: int) -> Entry:
    """The entry of a single value, every split asked; `asked` is None for a text that is none of the cases."""
    for split, left, right, levels in part.splits:
        keep &= left if split.goes_left(levels.get(asked) if part.type == "text" else asked) else right
    return _with(part, value, keep)


def _with(part: Part, value: Any, keep: int) -> Entry:
    """An entry with what the tables say of the value."""
    found = [(lane, table.value_of(value), tell) for lane, table, tell in part.tables]
    lanes = sum(lane_of(lane, _units(added)) for lane, added, _ in found)
    return keep, lanes, tuple(told for _, added, tell in found for told in tell(added))


def _cuts(part: Part) -> list[float]:
    """Where a band begins: the first value that is above a threshold, or from which a table has another value."""
    whole = part.type != "number"
    thresholds = {split.threshold for split, *_ in part.splits}
    if any(split.missing == "zero" for split, *_ in part.splits):
        thresholds |= {BELOW_ZERO, ZERO}
    bounds = {cut for _, table, _ in part.tables for cut in table.cuts}
    if whole:
        return sorted({*map(whole_cut, thresholds), *map(math.ceil, bounds)})
    return sorted({math.nextafter(one, math.inf) for one in thresholds} | bounds)


def _kept_by_threshold(part: Part, cuts: Sequence[float], keep: int) -> list[int]:
    """Per band the leaves that stay: splits whose cut is reached go right, the others left, one changing at a time."""
    first = whole_cut if part.type != "number" else lambda one: math.nextafter(one, math.inf)
    plain = sorted(
        ((first(split.threshold), left, right) for split, left, right, _ in part.splits if split.missing != "zero"),
        key=lambda one: one[0],
    )
    odd = [(split, left, right) for split, left, right, _ in part.splits if split.missing == "zero"]
    rights, lefts = [keep], [keep]
    for _, _, right in plain:
        rights.append(rights[-1] & right)
    for _, left, _ in reversed(plain):
        lefts.append(lefts[-1] & left)
    lefts.reverse()
    at = [one[0] for one in plain]
    bands = [(0, cuts[0] - 1 if cuts else 0.0), *((bisect_right(at, cut), cut) for cut in cuts)]
    return [rights[n] & lefts[n] & _every(odd, value, keep) for n, value in bands]


def _every(odd: Iterable[tuple[Split, int, int]], value: Value, keep: int) -> int:
    return reduce(and_, (left if split.goes_left(value) else right for split, left, right in odd), keep)


def _paths(tree: Tree, used: Sequence[int]) -> tuple[int, ...]:
    """Per leaf the sum of differences of means on its way, by feature; together leaf minus root."""
    lanes = {feature: lane for lane, feature in enumerate(used)}
    return tuple(
        sum(lane_of(lanes[feature], _units(after) - _units(before)) for feature, before, after in way)
        for way in tree.steps()
    )


def _bits(leaves: Iterable[int]) -> int:
    return sum(1 << leaf for leaf in leaves)


def lane_of(lane: int, units: int) -> int:
    return units << 64 * lane


def _units(value: float) -> int:
    return round(value * UNIT)
