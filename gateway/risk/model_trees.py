"""The trees of a model file: read from columns, every node reached once, nothing left over (pure)."""

from collections.abc import Sequence
from typing import Any

from gateway.core.errors import Invalid
from gateway.risk.model_checks import keys, listed, need, number, one_of, whole
from gateway.risk.trees import MAX_LEAVES, MISSING, Split, Tree

MAX_TREES, MAX_VALUE, MAX_THRESHOLD = 150, 20.0, 1e300
COLUMNS = ("feature", "split", "missing", "default_left", "left", "right", "mean")
SLACK = 1e-6
"""How far a stated mean may lie outside its leaves: means are sums over rows, rounded."""

Kinds = Sequence[tuple[str, int]]
"""Per feature its type and how many levels it has."""


def read_trees(raw: Any, path: str, kinds: Kinds) -> tuple[Tree, ...]:
    """The trees of an output. Raises Invalid."""
    rows = listed(raw, path, MAX_TREES)
    return tuple(_tree(row, f"{path}/{place}", kinds) for place, row in enumerate(rows))


def _tree(raw: Any, path: str, kinds: Kinds) -> Tree:
    keys(raw, path, {*COLUMNS, "leaf"})
    size = len(listed(raw["feature"], f"{path}/feature", MAX_LEAVES - 1))
    need(size, f"{path}/feature", "needs a split at least")
    for column in COLUMNS:
        need(len(listed(raw[column], f"{path}/{column}", MAX_LEAVES)) == size, f"{path}/{column}", f"needs {size}")
    leaves = listed(raw["leaf"], f"{path}/leaf", MAX_LEAVES)
    need(len(leaves) == size + 1, f"{path}/leaf", "one more than splits")
    tree = Tree(
        splits=tuple(_split(raw, place, path, kinds) for place in range(size)),
        leaves=tuple(number(value, f"{path}/leaf/{n}", MAX_VALUE) for n, value in enumerate(leaves)),
    )
    _check_shape(tree, path)
    _check_means(tree, path)
    return tree


def _split(raw: Any, place: int, path: str, kinds: Kinds) -> Split:
    size = len(raw["feature"])
    feature = whole(raw["feature"][place], f"{path}/feature/{place}", 0, len(kinds) - 1)
    kind, count = kinds[feature]
    missing = one_of(raw["missing"][place], f"{path}/missing/{place}", MISSING)
    default_left = raw["default_left"][place]
    need(isinstance(default_left, bool), f"{path}/default_left/{place}", "must be true or false")
    levels, threshold = None, 0.0
    if kind == "text":
        levels = _levels(raw["split"][place], f"{path}/split/{place}", count)
        need(missing == "nan" and not default_left, f"{path}/missing/{place}", "an unknown text goes right")
    else:
        threshold = number(raw["split"][place], f"{path}/split/{place}", MAX_THRESHOLD)
    left, right = (whole(raw[side][place], f"{path}/{side}/{place}", -size - 1, size - 1) for side in ("left", "right"))
    mean = number(raw["mean"][place], f"{path}/mean/{place}", MAX_VALUE)
    return Split(feature, threshold, levels, missing, default_left, left, right, mean)


def _levels(raw: Any, path: str, count: int) -> frozenset[int]:
    rows = listed(raw, path, count)
    found = [whole(level, f"{path}/{n}", 0, count - 1) for n, level in enumerate(rows)]
    need(found and len(set(found)) == len(found), path, "must be different levels, one at least")
    return frozenset(found)


def _check_shape(tree: Tree, path: str) -> None:
    """Every split but the root and every leaf is the child of exactly one split, and all hang on the root."""
    children = [child for split in tree.splits for child in (split.left, split.right)]
    if len(set(children)) < len(children) or 0 in children:
        raise Invalid.at(f"{path}/left", "a node is the child of two, or the root of one: no tree")
    reached, waiting = 0, [0]
    while waiting and reached <= len(tree.splits):
        split = tree.splits[waiting.pop()]
        reached += 1
        waiting += [child for child in (split.left, split.right) if child >= 0]
    need(reached == len(tree.splits), f"{path}/left", "a node is not reached from the root")


def _check_means(tree: Tree, path: str) -> None:
    for place, (left, right) in enumerate(tree.below):
        below = [tree.leaves[leaf] for leaf in left | right]
        inside = min(below) - SLACK <= tree.splits[place].mean <= max(below) + SLACK
        need(inside, f"{path}/mean/{place}", "lies outside the leaves below it")
