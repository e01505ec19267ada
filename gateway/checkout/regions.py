"""Which facts a condition can hold for, as sets that can be cut and compared: the arithmetic behind the lint (pure).

Every constant that a document names cuts the values of its fact into pieces; a set of pieces is the bits of one whole
number, with bit 0 for "not known". A region is what all of several facts have to be at once, a condition is a list of
regions of which one has to hold. Facts count as independent of each other, so what is found impossible here is so.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

from babel import Locale

from gateway.core.money import MAX_MINOR, currencies
from gateway.risk.facts import CATALOGUE

MAX_REGIONS = 64
"""Alternatives of one condition that are looked at; beyond, nothing is said of it."""
MAX_STEPS = 200_000
"""Cuts per document; beyond, nothing more is said of it."""
DAY = "@day"
"""The day of validity, which is cut like a fact."""
Region = Mapping[str, int]
_MISSING = 1
_NO_LAND = frozenset({"EU", "EZ", "UN", "QO", "XA", "XB", "ZZ"})
_ALWAYS_KNOWN = frozenset({"currency", "total_minor", DAY})
_MAY_EXCEED = frozenset({"discount_percent", "returned_percent"})


@dataclass(frozen=True, slots=True)
class Domain:
    """What a fact can be: whole numbers from `low` to `high`, or one of `choices`; texts without choices are free."""

    low: int = -MAX_MINOR
    high: int = MAX_MINOR
    choices: frozenset[Any] | None = None

    def __contains__(self, value: Any) -> bool:
        if isinstance(value, str):
            return self.choices is None or value in self.choices
        return isinstance(value, bool) or self.low <= value <= self.high

    def __str__(self) -> str:
        if self.choices is None:
            return f"{self.low} to {self.high}"
        return " or ".join(sorted(self.choices)) if len(self.choices) < 10 else "one of the known codes"


@cache
def countries() -> frozenset[str]:
    """ISO 3166 codes of the countries there are."""
    named = {str(code) for code in Locale("en").territories}
    return frozenset(code for code in named if len(code) == 2 and code.isalpha()) - _NO_LAND


@cache
def domain(name: str) -> Domain:
    """What this fact of the catalogue can be, by its unit; a unit such as `0–1000` says it itself."""
    if name == DAY:
        return Domain(date.min.toordinal(), date.max.toordinal())
    fact = CATALOGUE[name]
    if fact.type == "text":
        return Domain(choices=_CHOICES[name]()) if name in _CHOICES else Domain()
    if fact.unit == "hour":
        return Domain(0, 23)
    if fact.unit == "%" and name not in _MAY_EXCEED:
        return Domain(0, 100)
    low, dash, high = fact.unit.partition("–")
    if dash and low.isdecimal() and high.isdecimal():
        return Domain(int(low), int(high))
    return Domain(0) if fact.unit in ("count", "minor units", "days", "%") else Domain()


_CHOICES: Mapping[str, Callable[[], frozenset[str]]] = {
    "country": countries,
    "currency": lambda: frozenset(currencies()),
    "listed": lambda: frozenset({"allow", "block"}),
}


class Pieces:
    """The values of one fact, cut at every constant the document names."""

    def __init__(self, name: str, constants: Iterable[Any]) -> None:
        self._whole = name == DAY or CATALOGUE[name].type == "int"
        self._names: list[Any] = []
        self._cuts: list[int] = []
        limits = domain(name)
        if self._whole:
            inside = {cut for value in constants for cut in (value, value + 1) if limits.low < cut <= limits.high}
            self._cuts = sorted({limits.low, *inside})
            count = len(self._cuts)
        elif name != DAY and CATALOGUE[name].type == "bool":
            self._names, count = [False, True], 2
        else:
            self._names = sorted(value for value in set(constants) if value in limits)
            rest = limits.choices is None or len(limits.choices) > len(self._names)
            count = len(self._names) + rest
        self._high = limits.high
        self.known = ((1 << count) - 1) << 1
        self.full = self.known if name in _ALWAYS_KNOWN else self.known | _MISSING

    def of(self, operator: str, value: Any) -> int:
        """For which pieces a comparison holds."""
        if operator in ("null", "notNull"):
            return self.full & _MISSING if operator == "null" else self.known
        if operator in ("!=", "notIn"):
            return self.known & ~self.of("=" if operator == "!=" else "in", value)
        if operator == "in":
            mask = 0
            for one in value:
                mask |= self.of("=", one)
            return mask
        return self._span(operator, value) if self._whole else self._named(value)

    def _named(self, value: Any) -> int:
        place = bisect_left(self._names, value)
        found = place < len(self._names) and self._names[place] == value
        return 2 << place if found else 0

    def _span(self, operator: str, value: Any) -> int:
        low, high = _BOUNDS[operator](value)
        return self._below(high + 1) & ~self._below(low)

    def _below(self, value: int) -> int:
        """The pieces of the values under this one, which is a cut or lies outside of the domain."""
        if value > self._high:
            return self.known
        return ((1 << bisect_left(self._cuts, value)) - 1) << 1


_FAR = 1 << 62
_BOUNDS: Mapping[str, Any] = {
    "=": lambda value: (value, value),
    "<": lambda value: (-_FAR, value - 1),
    "<=": lambda value: (-_FAR, value),
    ">": lambda value: (value + 1, _FAR),
    ">=": lambda value: (value, _FAR),
    "between": lambda value: (value[0], value[1]),
}


class Space:
    """All facts that one document compares, each cut into its pieces."""

    def __init__(self, constants: Mapping[str, Iterable[Any]]) -> None:
        self._pieces = {name: Pieces(name, values) for name, values in constants.items()}
        self._steps = 0

    def leaf(self, name: str, operator: str, value: Any, *, negated: bool = False) -> Region | None:
        """Where one comparison, or its negation, is true; None where nowhere."""
        pieces = self._pieces[name]
        mask = pieces.of(operator, value)
        if negated:
            mask = (
                pieces.of("notNull" if operator == "null" else "null", None)
                if operator in _ASKING
                else (pieces.known & ~mask)
            )
        return {name: mask} if mask else None

    def regions(self, node: Mapping[str, Any], *, negated: bool = False) -> list[Region] | None:
        """Where a compiled condition is true; None when it has too many alternatives to say."""
        if "rules" not in node:
            one = self.leaf(node["field"], node["operator"], node.get("value"), negated=negated)
            return [] if one is None else [one]
        negated = negated is not node.get("not", False)
        parts = [self.regions(rule, negated=negated) for rule in node["rules"]]
        if any(part is None for part in parts):
            return None
        known = [part for part in parts if part is not None]
        if (node.get("combinator", "and") == "and") is not negated:
            return self._product(known)
        together = [region for part in known for region in part]
        return together if len(together) <= MAX_REGIONS else None

    def _product(self, parts: Sequence[list[Region]]) -> list[Region] | None:
        found: list[Region] = [{}]
        for part in parts:
            found = [both for one in found for other in part if (both := meet(one, other)) is not None]
            if len(found) > MAX_REGIONS:
                return None
        return found

    def covered(self, regions: Iterable[Region], covers: Sequence[Region]) -> bool:
        """Whether every point of the regions lies in one of the covers. False also when it takes too long to say."""
        rest = list(regions)
        for cover in covers:
            rest = [piece for one in rest for piece in self._minus(one, cover)]
            if not rest:
                return True
            self._steps += len(rest)
            if len(rest) > MAX_REGIONS or self._steps > MAX_STEPS:
                return False
        return False

    def _minus(self, region: Region, cover: Region) -> list[Region]:
        if meet(region, cover) is None:
            return [region]
        inside = dict(region)
        pieces: list[Region] = []
        for name, mask in cover.items():
            own = inside.get(name, self._pieces[name].full)
            if outside := own & ~mask:
                pieces.append({**inside, name: outside})
            inside[name] = own & mask
        return pieces


_ASKING = frozenset({"null", "notNull"})


def meet(one: Region, other: Region) -> Region | None:
    """What lies in both; None when nothing does."""
    both = dict(one)
    for name, mask in other.items():
        both[name] = both[name] & mask if name in both else mask
        if not both[name]:
            return None
    return both


def contradiction(parts: Sequence[Sequence[Region]]) -> str | None:
    """The first fact of which these conditions, one region each, ask what cannot be at once."""
    found: dict[str, int] = {}
    for part in parts:
        if len(part) != 1:
            return None
        for name, mask in part[0].items():
            found[name] = found.get(name, -1) & mask
            if not found[name]:
                return name
    return None
