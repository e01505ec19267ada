"""Models of a size, made up: trees over the facts that decide nothing, for measuring how long they take."""

import json
import random
from typing import Any

from gateway.risk import card as cards
from gateway.risk.model_file import Card, dump, load
from gateway.risk.trees import MAX_LEAVES, means

TREES, FEATURES = 100, 20
_THRESHOLDS = (0.5, 1.5, 2.5, 5.5, 20.5, 5_000.5)


def forest(seed: int, trees: int = TREES) -> Card:
    """The expert card with trees in the place of its tables for default."""
    rng, raw = random.Random(seed), json.loads(cards.shipped_text("expert-1"))
    raw["id"] = f"synthetic-{seed}"
    raw["outputs"]["default"] |= {"tables": [], "trees": [_tree(rng) for _ in range(trees)]}
    return load(dump(raw))


def _tree(rng: random.Random) -> dict[str, Any]:
    children, ends = [[0, 0]], [(0, 0), (0, 1)]
    while len(children) < MAX_LEAVES - 1:
        parent, side = ends.pop(rng.randrange(len(ends)))
        children.append([0, 0])
        children[parent][side] = len(children) - 1
        ends += [(len(children) - 1, 0), (len(children) - 1, 1)]
    for leaf, (parent, side) in enumerate(ends):
        children[parent][side] = ~leaf
    leaves = [rng.uniform(-0.2, 0.2) for _ in ends]
    return {
        "feature": [rng.randrange(FEATURES) for _ in children],
        "split": [rng.choice([*_THRESHOLDS, rng.uniform(0, 50_000)]) for _ in children],
        "missing": ["nan"] * len(children),
        "default_left": [rng.random() < 0.5 for _ in children],
        "left": [left for left, _ in children],
        "right": [right for _, right in children],
        "mean": means([(left, right) for left, right in children], leaves, [1.0] * len(leaves)),
        "leaf": leaves,
    }
