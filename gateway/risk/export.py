"""From a trained LightGBM booster to the trees and tables of a model file, and the proof that both say the same.

LightGBM is in the extra `kulanz[train]`; this module and `risk/training` are the only ones that need it.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import lightgbm
import numpy as np

from gateway.core.errors import GatewayError
from gateway.risk.model_file import Card, Feature
from gateway.risk.score import raw_scores
from gateway.risk.trees import BELOW_ZERO, ZERO, Split, means, whole_cut

TOLERANCE = 1e-9
EVERY_NUMBER = 1e300
"""LightGBM's largest threshold: any number is below it."""
PROBES, ROWS = 12, 2_000
"""Rows per threshold beside it, and rows of the data, on which both are compared."""
Matrix = Any
"""A two-dimensional array of floats: NaN is unknown, a text is the place of its level."""


class ExportDiffers(GatewayError):
    """The exported model does not say what the trained one says; no file was written."""


def trees_of(booster: lightgbm.Booster, features: Sequence[Feature]) -> tuple[float, list[dict[str, Any]]]:
    """What trees of a single leaf add to every row, and the others as a model file has them."""
    whole = [tree["tree_structure"] for tree in booster.dump_model()["tree_info"]]
    alone = sum(float(tree["leaf_value"]) for tree in whole if "split_index" not in tree)
    return alone, [_tree(tree, features) for tree in whole if "split_index" in tree]


def _tree(root: Mapping[str, Any], features: Sequence[Feature]) -> dict[str, Any]:
    """Columns of one tree, numbered from the root downwards."""
    nodes, leaves, waiting = [], [], [root]
    for node in waiting:  # grows as it goes
        if "split_index" in node:
            nodes.append(node)
            waiting += [node["left_child"], node["right_child"]]
        else:
            leaves.append(node)
    number = {id(node): place for place, node in enumerate(nodes)}
    number |= {id(leaf): ~place for place, leaf in enumerate(leaves)}
    sides = [(number[id(node["left_child"])], number[id(node["right_child"])]) for node in nodes]
    values = [float(leaf["leaf_value"]) for leaf in leaves]
    texts = [features[node["split_feature"]].type == "text" for node in nodes]
    return {
        "feature": [int(node["split_feature"]) for node in nodes],
        "split": [_split(node) for node in nodes],
        "missing": ["nan" if text else node["missing_type"].lower() for node, text in zip(nodes, texts, strict=True)],
        "default_left": [not text and bool(node["default_left"]) for node, text in zip(nodes, texts, strict=True)],
        "left": [left for left, _ in sides],
        "right": [right for _, right in sides],
        "mean": means(sides, values, [max(1, int(leaf.get("leaf_count", 1))) for leaf in leaves]),
        "leaf": values,
    }


def _split(node: Mapping[str, Any]) -> float | list[int]:
    if node["decision_type"] == "==":
        return sorted(int(level) for level in str(node["threshold"]).split("||"))
    threshold = float(node["threshold"])
    return BELOW_ZERO if threshold == -ZERO else threshold  # a row's -ZERO is made 0 before a tree sees it


def tables_of(
    booster: lightgbm.Booster, features: Sequence[Feature], data: Matrix
) -> tuple[float, list[dict[str, Any]]]:
    """Trees of one split each, added up by feature: an intercept, and a table per feature as a model file has them."""
    alone, trees = trees_of(booster, features)
    stumps: dict[int, list[tuple[Split, float, float]]] = {}
    for tree in trees:
        split = tree["split"][0]
        levels = frozenset(split) if isinstance(split, list) else None
        threshold = 0.0 if isinstance(split, list) else split
        missing, default = tree["missing"][0], tree["default_left"][0]
        found = Split(tree["feature"][0], threshold, levels, missing, default, -1, -2, tree["mean"][0])
        left, right = (tree["leaf"][~tree[side][0]] for side in ("left", "right"))
        stumps.setdefault(found.feature, []).append((found, left, right))
    tables = [_table(features[place], own, data[:, place]) for place, own in sorted(stumps.items())]
    return alone, tables


def _table(feature: Feature, stumps: Sequence[tuple[Split, float, float]], column: Any) -> dict[str, Any]:
    def value(of: float | None) -> float:
        return sum(left if split.goes_left(of) else right for split, left, right in stumps)

    table: dict[str, Any] = {"fact": feature.name}
    if feature.type == "bool":
        table["yes_no"] = {"yes": value(1), "no": value(0)}
    elif feature.type == "text":
        cases = {level: value(place) for place, level in enumerate(feature.levels) if level != "*"}
        table["cases"] = cases | {"*": value(None)}
    else:
        cuts = _cuts(feature, [split for split, _, _ in stumps])
        first = cuts[0] - 1 if feature.type == "int" else -math.inf
        table["bands"] = {"cuts": cuts, "values": [value(one) for one in (first, *cuts)]}
    usual = sum(value(None if math.isnan(one) else one) for one in column[:ROWS]) / min(len(column), ROWS)
    return table | {"missing": value(None), "usual": round(usual, 6)}


def _cuts(feature: Feature, splits: Sequence[Split]) -> list[float]:
    """Where the sum of the splits may change. A threshold of 1e300 asks only whether the value is known: no cut."""
    thresholds = {split.threshold for split in splits if split.threshold < EVERY_NUMBER}
    if any(split.missing == "zero" for split in splits):
        thresholds |= {BELOW_ZERO, ZERO}
    if feature.type == "int":
        return sorted({*map(whole_cut, thresholds)}) or [0]
    return sorted(math.nextafter(one, math.inf) for one in thresholds) or [0.0]


def prove(booster: lightgbm.Booster, card: Card, output: str, data: Matrix) -> float:
    """The largest difference in raw score between booster and file, on rows of the data and beside every threshold.

    Raises ExportDiffers when it is above 1e-9.
    """
    rows = np.vstack([data[:ROWS], _probes(card, output, data)])
    said = booster.predict(rows, raw_score=True)
    found = [raw_scores(card, row)[output] for row in named(card.features, rows)]
    differences = np.abs(said - np.array(found))
    worst = float(differences.max())
    if not worst <= TOLERANCE:
        raise ExportDiffers(f"by {worst:.3g} in {int((differences > TOLERANCE).sum())} of {len(rows)} rows")
    return worst


def named(features: Sequence[Feature], rows: Matrix) -> list[dict[str, Any]]:
    """Rows of a matrix as a model reads them; a place beyond the levels is a text it has never seen."""
    return [{one.name: _value(one, value) for one, value in zip(features, row, strict=True)} for row in rows.tolist()]


def _value(feature: Feature, value: float) -> Any:
    if math.isnan(value):
        return None
    if feature.type == "text":
        return feature.levels[int(value)] if value < len(feature.levels) else "\N{MIDDLE DOT}never seen"
    return _CASTS[feature.type](value)


_CASTS: Mapping[str, Callable[[float], Any]] = {"bool": bool, "int": int, "number": float}


def _probes(card: Card, output: str, data: Matrix) -> Matrix:
    """Rows of the data with one value put on, just above, and far from what is asked of it; and unknown."""
    rng = np.random.default_rng(0)
    rows = []
    for place, feature in enumerate(card.features):
        for value in _edges(feature, card, output, place):
            picked = data[rng.integers(0, len(data), PROBES)].copy()
            picked[:, place] = value
            rows.append(picked)
    return np.vstack(rows)


def _edges(feature: Feature, card: Card, output: str, place: int) -> list[float]:
    if feature.type == "bool":
        return [0.0, 1.0, math.nan]
    if feature.type == "text":
        return [*map(float, range(len(feature.levels))), len(feature.levels) + 3.0, math.nan]
    part = card.outputs[output]
    asked = {split.threshold for tree in part.trees for split in tree.splits if split.feature == place}
    asked |= {cut for table in part.tables if table.fact == feature.name for cut in table.cuts}
    near = {math.nextafter(one, side) for one in asked for side in (-math.inf, math.inf)}
    edges = {*asked, *near, 0.0, -ZERO, ZERO, 1e-36, -1e-36, 1.0, -1.0, 1e9}
    if feature.type == "int":
        edges = {float(math.floor(one) + step) for one in edges if abs(one) < 2**52 for step in (0, 1)}
    return [*sorted(edges), math.nan]
