"""Adds up a replay, row by row, in bounded memory: outcomes, methods, contribution, segments, calibration (pure)."""

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.core.money import exponent
from gateway.replay.judge import Replayed, Way
from gateway.replay.mapping import RowWrong
from gateway.risk.facts import CATALOGUE, Facts

MOST_SEGMENTS = 40
OTHERS = "others"
_BANDS_MAJOR = (50, 100, 250, 500, 1_000, 2_500)
_BANDS_COUNT = (1, 2, 3, 5, 10, 20, 50, 100)
CELLS, REACH = 2_000, 12.0
"""Calibration: log-odds from -12 to 12 in this many cells; ten groups of equal size are made of them at the end."""
GROUPS = 10


@dataclass(slots=True)
class Money:
    """Expected and realised contribution of one way, in minor units."""

    expected_minor: int = 0
    realised_minor: int = 0
    expected_of_known_minor: int = 0
    """Expected of the rows whose outcome is known, to compare with what was realised."""
    known: int = 0

    def add(self, way: Way) -> None:
        self.expected_minor += way.worth.contribution_minor
        if way.realised_minor is not None:
            self.known += 1
            self.realised_minor += way.realised_minor
            self.expected_of_known_minor += way.worth.contribution_minor

    def merge(self, other: "Money") -> None:
        self.expected_minor += other.expected_minor
        self.realised_minor += other.realised_minor
        self.expected_of_known_minor += other.expected_of_known_minor
        self.known += other.known


@dataclass(slots=True)
class Ways:
    """The contribution of each way to treat the same rows."""

    rows: int = 0
    taken: Money = field(default_factory=Money)
    best: Money = field(default_factory=Money)
    everything: Money = field(default_factory=Money)
    singles: dict[str, Money] = field(default_factory=dict)
    oracle_minor: int = 0
    expected_loss_minor: int = 0

    def add(self, row: Replayed) -> None:
        self.rows += 1
        self.taken.add(row.taken)
        self.best.add(row.best)
        self.everything.add(row.everything)
        self.expected_loss_minor += row.taken.worth.expected_loss_minor
        self.oracle_minor += row.oracle_minor or 0
        for way in row.singles:
            name = way.method.id
            if name not in self.singles:
                self.singles[name] = Money()
            self.singles[name].add(way)

    def merge(self, other: "Ways") -> None:
        self.rows += other.rows
        self.oracle_minor += other.oracle_minor
        self.expected_loss_minor += other.expected_loss_minor
        for mine, its in ((self.taken, other.taken), (self.best, other.best), (self.everything, other.everything)):
            mine.merge(its)
        for name, money in other.singles.items():
            self.singles.setdefault(name, Money()).merge(money)


@dataclass(slots=True)
class OfKind:
    """What became of one kind of method."""

    shown: int = 0
    deposit: int = 0
    hidden: int = 0
    taken: int = 0
    why: Counter[str] = field(default_factory=Counter)
    """Reasons of those that were hidden or asked for a deposit."""


class Calibration:
    """Predicted probabilities beside what happened, in narrow cells."""

    def __init__(self) -> None:
        self._cells = [[0, 0.0, 0] for _ in range(CELLS)]

    def add(self, chance: float, *, happened: bool) -> None:
        odds = math.log(max(chance, 1e-9) / max(1 - chance, 1e-9))
        place = int((odds + REACH) / (2 * REACH) * CELLS)
        cell = self._cells[min(max(place, 0), CELLS - 1)]
        cell[0] += 1
        cell[1] += chance
        cell[2] += happened

    def groups(self) -> list[tuple[int, float, float]]:
        """About ten groups of equal size: rows, mean probability, share that happened."""
        rows = sum(int(cell[0]) for cell in self._cells)
        found: list[tuple[int, float, float]] = []
        n, chance, happened = 0, 0.0, 0
        for number, probability, count in self._cells:
            n, chance, happened = n + int(number), chance + probability, happened + int(count)
            if n and n >= rows / GROUPS:
                found.append((n, chance / n, happened / n))
                n, chance, happened = 0, 0.0, 0
        if n:
            found.append((n, chance / n, happened / n))
        return found

    def summary(self) -> dict[str, Any]:
        """Rows, mean of both, expected calibration error over the groups, and the area under the curve."""
        groups = self.groups()
        rows = sum(n for n, _, _ in groups)
        if not rows:
            return {"rows": 0}
        return {
            "rows": rows,
            "predicted": sum(n * chance for n, chance, _ in groups) / rows,
            "happened": sum(n * share for n, _, share in groups) / rows,
            "error": sum(n * abs(chance - share) for n, chance, share in groups) / rows,
            "auc": self._auc(),
            "groups": [{"rows": n, "predicted": chance, "happened": share} for n, chance, share in groups],
        }

    def _auc(self) -> float | None:
        """By rank over the cells; ties within a cell count half. None when nothing or everything happened."""
        below, pairs, bad, good = 0, 0.0, 0, 0
        for number, _, count in self._cells:
            bads, goods = int(count), int(number) - int(count)
            pairs += bads * (below + goods / 2)
            below, bad, good = below + goods, bad + bads, good + goods
        return pairs / (bad * good) if bad and good else None


class Tally:
    """Everything that is told at the end of a run."""

    def __init__(self, segment: str = "") -> None:
        self._segment = segmenter(segment)
        self.currency = ""
        self.outcomes: Counter[str] = Counter()
        self.review = 0
        self.kinds: dict[str, OfKind] = {}
        self.segments: dict[str, Ways] = {}
        self.calibration: dict[str, Calibration] = {}

    def add(self, row: Replayed) -> None:
        """Raises RowWrong for a row in another currency: a run adds up one."""
        self.currency = self.currency or row.facts.currency
        if row.facts.currency != self.currency:
            raise RowWrong([("currency", f"is {row.facts.currency}; the run adds up {self.currency}")])
        self.outcomes[row.choice.outcome] += 1
        self.review += row.choice.review
        self._kinds(row)
        self._of_segment(row.told.segment or self._segment(row.facts)).add(row)
        for output, happened in row.told.outcome.items():
            chance = row.score.return_ if output == "return" else getattr(row.score, output)
            if output not in self.calibration:
                self.calibration[output] = Calibration()
            self.calibration[output].add(chance, happened=happened)

    def _kinds(self, row: Replayed) -> None:
        for offer in row.choice.offers:
            name = offer.method.kind
            kind = self.kinds.get(name) or self.kinds.setdefault(name, OfKind())
            kind.shown += offer.show
            kind.hidden += not offer.show
            kind.deposit += bool(offer.deposit_percent)
            if offer.reasons:
                kind.why.update(offer.reasons)
        self.kinds[row.taken.method.kind].taken += 1

    def _of_segment(self, name: str) -> Ways:
        if name not in self.segments and len(self.segments) >= MOST_SEGMENTS:
            name = OTHERS
        return self.segments.get(name) or self.segments.setdefault(name, Ways())

    @property
    def all(self) -> Ways:
        """The sum of the segments; each row is added up in one of them."""
        ways = Ways()
        for segment in self.segments.values():
            ways.merge(segment)
        return ways

    def best_single(self) -> str:
        """The method that brings most when everybody gets only it: by outcome where that is known, else as expected."""
        ways = self.all
        known = ways.taken.known > 0
        return max(ways.singles, key=lambda name: _brought(ways.singles[name], realised=known), default="")


def _brought(money: Money, *, realised: bool) -> int:
    return money.realised_minor if realised else money.expected_minor


def segmenter(name: str) -> Callable[[Facts], str]:
    """The segment of a row by a fact: its value, or the band it lies in; bands of the total when none is named."""
    fact = CATALOGUE[name or "total_minor"]
    if fact.type != "int":
        return lambda facts: _word(getattr(facts, name))
    if fact.unit == "minor units":
        return lambda facts: _band(getattr(facts, name or "total_minor"), _BANDS_MAJOR, 10 ** exponent(facts.currency))
    return lambda facts: _band(getattr(facts, name), _BANDS_COUNT, 1)


def _word(value: Any) -> str:
    return "unknown" if value is None else {True: "yes", False: "no"}.get(value, str(value))


def _band(value: int | None, cuts: Sequence[int], scale: int) -> str:
    if value is None:
        return "unknown"
    place = bisect_right([cut * scale for cut in cuts], value)
    if place == 0:
        return f"below {cuts[0]}"
    return f"from {cuts[place - 1]}" + (f" below {cuts[place]}" if place < len(cuts) else "")


def in_order(names: Sequence[str]) -> Iterator[str]:
    """Bands by size, words by alphabet, what is left at the end."""
    bands = {f"below {cuts[0]}": -1 for cuts in (_BANDS_MAJOR, _BANDS_COUNT)}

    def size(name: str) -> tuple[bool, int, str]:
        words = name.split()
        number = int(words[1]) if words[0] == "from" and len(words) > 1 and words[1].isdigit() else 0
        return name in (OTHERS, "unknown"), bands.get(name, number), name

    yield from sorted(names, key=size)
