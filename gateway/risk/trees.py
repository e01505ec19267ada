"""Small trees of a model file: what a split does with a value, and which leaf a row of values ends in (pure).

The semantics are LightGBM's (`Tree::NumericalDecision`, `Tree::CategoricalDecision` in its include/LightGBM/tree.h): a
number goes left when it is at most the threshold; what is unknown counts as zero unless the split says that unknown
(`nan`) or zero (`zero`) goes its own way; a category goes left when it is in the set, anything else right.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

ZERO = 1.0000000180025095e-35
"""What lies in [-ZERO, ZERO] counts as zero: LightGBM's kZeroThreshold, a 32-bit float."""
BELOW_ZERO = math.nextafter(-ZERO, -math.inf)
"""The largest number below what counts as zero."""
MAX_LEAVES = 8
MISSING = ("none", "zero", "nan")

Value = float | int | bool | None
"""A number, or the place of a text among its feature's levels; None and NaN are unknown."""


@dataclass(frozen=True, slots=True)
class Split:
    """One inner node."""

    feature: int
    threshold: float
    levels: frozenset[int] | None
    """The categories that go left; None for a split by threshold."""
    missing: str
    default_left: bool
    left: int
    """A node, or ~leaf."""
    right: int
    mean: float
    """The mean of the leaves below over the training rows: what one knows before this split is asked."""

    def goes_left(self, value: Value) -> bool:
        unknown = value is None or value != value  # noqa: PLR0124 - NaN is what does not equal itself
        if self.levels is not None:
            return not unknown and value in self.levels
        if unknown and self.missing != "nan":
            value, unknown = 0.0, False
        if unknown or (self.missing == "zero" and value is not None and -ZERO <= value <= ZERO):
            return self.default_left
        return value is not None and value <= self.threshold


@dataclass(frozen=True)
class Tree:
    """Splits, the first of which is the root, and what each leaf adds to the log-odds."""

    splits: tuple[Split, ...]
    leaves: tuple[float, ...]

    def leaf(self, value_of: Callable[[int], Value]) -> int:
        """The leaf for a row; `value_of` tells a feature's value by its place."""
        at = 0
        while at >= 0:
            split = self.splits[at]
            at = split.left if split.goes_left(value_of(split.feature)) else split.right
        return ~at

    @cached_property
    def below(self) -> tuple[tuple[frozenset[int], frozenset[int]], ...]:
        """Per split the leaves on its left and on its right."""
        found: dict[int, tuple[frozenset[int], frozenset[int]]] = {}
        for place in reversed(list(self.downwards())):
            split = self.splits[place]
            left, right = (_leaves(child, found) for child in (split.left, split.right))
            found[place] = left, right
        return tuple(found[place] for place in range(len(self.splits)))

    def downwards(self) -> Iterator[int]:
        """Every split from the root, parents before their children."""
        waiting = [0]
        while waiting:
            place = waiting.pop()
            yield place
            waiting += [child for child in (self.splits[place].left, self.splits[place].right) if child >= 0]

    def steps(self) -> tuple[tuple[tuple[int, float, float], ...], ...]:
        """Per leaf the way to it: the feature asked, the mean before, the mean after (the leaf's value at last)."""
        ways: dict[int, tuple[tuple[int, float, float], ...]] = {0: ()}
        for place in self.downwards():
            split = self.splits[place]
            for child in (split.left, split.right):
                after = self.splits[child].mean if child >= 0 else self.leaves[~child]
                ways[child] = (*ways[place], (split.feature, split.mean, after))
        return tuple(ways[~leaf] for leaf in range(len(self.leaves)))


def _leaves(child: int, found: dict[int, tuple[frozenset[int], frozenset[int]]]) -> frozenset[int]:
    return frozenset({~child}) if child < 0 else found[child][0] | found[child][1]


def means(splits: Sequence[tuple[int, int]], leaves: Sequence[float], weights: Sequence[float]) -> list[float]:
    """The mean of each node given as (left, right), children after their parents, from what its leaves weigh."""
    known: dict[int, tuple[float, float]] = {
        ~leaf: (value * weight, weight) for leaf, (value, weight) in enumerate(zip(leaves, weights, strict=True))
    }
    for place in range(len(splits) - 1, -1, -1):
        left, right = (known[child] for child in splits[place])
        known[place] = left[0] + right[0], left[1] + right[1]
    return [known[place][0] / known[place][1] for place in range(len(splits))]


def whole_cut(threshold: float) -> int:
    """The first whole number that is above the threshold."""
    return math.floor(threshold) + 1
