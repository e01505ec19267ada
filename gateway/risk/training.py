"""Training a model from orders with known outcomes: how much may be learned depends on how many went bad.

Below 50 bads only the base rate of the model in use is put right; from 50 a sum of tables is learned, above 200 small
trees (docs/models.md says why). What comes out is a model file that was compared with the booster it was made from.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

import lightgbm
import numpy as np

from gateway.risk import export, fitting
from gateway.risk.fitting import Array, Sample
from gateway.risk.model_file import FORMAT, OUTPUTS, Card, Feature, hash_of, read
from gateway.risk.score import raw_scores
from gateway.risk.training_data import TrainingSet

FEWEST, MANY = 50, 200
"""Bads from which tables are learned, and above which trees are."""
LATEST = 5
"""The newest fifth of the rows is what a dated model is judged on."""
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Order:
    """What is wanted: the new model's id and note, and the model in use, whose raw document it starts from."""

    id: str
    note: str
    today: date
    base: Card | None = None
    base_raw: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class _Part:
    """An output as the file has it, and what the report says of it."""

    raw: dict[str, Any]
    report: dict[str, Any]
    booster: lightgbm.Booster | None = None
    matrix: Array = None


def train(data: TrainingSet, order: Order, say: Say) -> dict[str, Any]:
    """The document of a new model. Raises export.ExportDiffers when the file would not say what was trained."""
    matrix = matrix_of(data)
    parts = {name: _output(name, data, matrix, order, say) for name in _names(data, order)}
    raw: dict[str, Any] = {
        "format": FORMAT,
        "id": order.id,
        "note": order.note,
        "domain": data.domain,
        **({"currencies": sorted(data.currencies)} if data.domain == "checkout" else {}),
        "features": [_feature(one) for one in data.features],
        "outputs": {name: part.raw for name, part in parts.items()},
        "report": _report(data, order, parts),
    }
    raw["hash"] = hash_of(raw)
    card = read(raw)
    for name, part in parts.items():
        if part.booster is not None:
            worst = export.prove(part.booster, card, name, part.matrix)
            say(f"{name}: file and booster differ by at most {worst:.1g}")
    return raw


def matrix_of(data: TrainingSet) -> Array:
    """The features as numbers: yes is 1, a text is the place of its level, unknown is NaN."""
    columns = []
    for one in data.features:
        values = data.columns[one.name]
        if one.type == "text":
            place = {level: float(n) for n, level in enumerate(one.levels)}
            columns.append([place.get(value, np.nan) for value in values])
        else:
            columns.append([np.nan if value is None else float(value) for value in values])
    return np.array(columns, dtype=float).T


def _names(data: TrainingSet, order: Order) -> tuple[str, ...]:
    return OUTPUTS if order.base is not None else tuple(data.outcomes)


def _output(name: str, data: TrainingSet, matrix: Array, order: Order, say: Say) -> _Part:
    """Learn as much of one output as its bads allow."""
    known = np.array([n for n, value in enumerate(data.outcomes.get(name, ())) if value is not None], dtype=int)
    texts = [n for n, one in enumerate(data.features) if one.type == "text"]
    y = np.array([float(bool(data.outcomes[name][n])) for n in known])
    sample = Sample(matrix[known], y, np.array([data.weights[n] for n in known]), texts)
    few = int(min(y.sum(), len(y) - y.sum())) if len(y) else 0
    counts = {"rows": len(y), "bads": int(y.sum())}
    say(f"{name}: {counts['bads']} bad of {counts['rows']}")
    before = _before(name, data, known, order)
    if few < FEWEST:
        return _recalibrated(name, sample, before, order, counts)
    kind = "trees" if few > MANY else "additive"
    fitted = fitting.fit(sample, fitting.SMALL if kind == "trees" else fitting.STUMPS)
    a, b = fitting.platt(fitted.raw, y, sample.weights)
    if a <= 0:  # the higher its score the better the order: there is nothing to learn here
        return _recalibrated(name, sample, before, order, counts)
    metrics = fitting.quality(y, fitting.platt_out_of_fold(fitted.raw, y, sample.weights))
    metrics |= _gain(sample, fitted, before, _latest(data, known))
    learned = _learned(kind, fitted.booster, data.features, sample.x)
    say(f"{name}: {kind}, {fitted.rounds} rounds, AUC {metrics['auc']:.3f}, {_verdict(metrics)}")
    raw = learned | {"platt": {"a": min(a, 20.0), "b": b}}
    chosen = {"trees": fitted.rounds, "learning_rate": fitted.parameters["learning_rate"]}
    report = {"kind": kind, **counts, **chosen, "metrics": _rounded(metrics)}
    return _Part(raw, report, fitted.booster, sample.x)


def _learned(kind: str, booster: lightgbm.Booster, features: tuple[Feature, ...], x: Array) -> dict[str, Any]:
    if kind == "trees":
        intercept, trees = export.trees_of(booster, features)
        return {"intercept": intercept, "tables": [], "trees": trees}
    intercept, tables = export.tables_of(booster, features, x)
    return {"intercept": intercept, "tables": tables, "trees": []}


def _before(name: str, data: TrainingSet, known: Array, order: Order) -> Array | None:
    """What the model in use says of the rows, in log-odds; None where there is none."""
    if order.base is None or not len(known):
        return None
    output = order.base.outputs[name]
    return np.array([output.a * raw_scores(order.base, data.row(int(n)))[name] + output.b for n in known])


def _recalibrated(name: str, sample: Sample, before: Array | None, order: Order, counts: dict[str, int]) -> _Part:
    """The output of the model in use with its base rate put right; untouched where nothing is known."""
    if before is None or order.base_raw is None:
        if order.base_raw is not None:
            return _Part(order.base_raw["outputs"][name], {"kind": "copied", **counts, "metrics": {}})
        _, b = fitting.platt(np.zeros(len(sample)), sample.y, sample.weights, slope=False)
        raw = {"intercept": b, "tables": [], "trees": [], "platt": {"a": 1.0, "b": 0.0}}
        return _Part(raw, {"kind": "recalibrated", **counts, "metrics": {}})
    _, shift = fitting.platt(before, sample.y, sample.weights, slope=False)
    raw = order.base_raw["outputs"][name]
    step = {"a": raw["platt"]["a"], "b": max(-20.0, min(20.0, raw["platt"]["b"] + shift))}
    return _Part({**raw, "platt": step}, {"kind": "recalibrated", **counts, "metrics": {}})


def _latest(data: TrainingSet, known: Array) -> Array | None:
    """Which of the known rows are the newest fifth; None where days are not known."""
    if data.days is None:
        return None
    days = np.array([data.days[int(n)].toordinal() for n in known])
    return days > np.quantile(days, 1 - 1 / LATEST)


def _gain(sample: Sample, fitted: fitting.Fitted, before: Array | None, latest: Array | None) -> dict[str, float]:
    """Against what one could do without it: the model in use with a Platt step of its own, or the base rate.

    On the newest rows by a model of the older ones where days are known, out of fold where they are not.
    """
    if latest is None or len(np.unique(sample.y[latest])) < 2 or len(np.unique(sample.y[~latest])) < 2:
        chances = fitting.platt_out_of_fold(fitted.raw, sample.y, sample.weights)
        every: Array = np.ones(len(sample), dtype=bool)
        return fitting.gain(sample.y, chances, _rival(before, sample, every, every))
    older = sample.take(~latest)
    booster = lightgbm.train(dict(fitted.parameters), older.dataset(), fitted.rounds)
    a, b = fitting.platt(fitted.raw[~latest], older.y, older.weights)
    chances = fitting.sigmoid(a * booster.predict(sample.x[latest], raw_score=True) + b)
    return fitting.gain(sample.y[latest], chances, _rival(before, sample, ~latest, latest))


def _rival(before: Array | None, sample: Sample, learn: Array, judge: Array) -> Array:
    """Chances of the rows to judge, by whichever does better there: the model in use, or the base rate alone."""
    blank = np.zeros(len(sample))
    known = [blank] if before is None or not float(np.std(before[learn])) > 0 else [before, blank]
    said = []
    for raw in known:
        a, b = fitting.platt(raw[learn], sample.y[learn], sample.weights[learn], slope=raw is before)
        said.append(fitting.sigmoid(a * raw[judge] + b))
    return min(said, key=lambda chances: fitting.log_loss(sample.y[judge], chances))


def _verdict(metrics: dict[str, float]) -> str:
    told = f"log loss {metrics['gain']:+.5f} ± {metrics['gain_error']:.5f} better than before"
    return told if metrics["gain"] > metrics["gain_error"] else f"{told}: not proven, it may challenge only"


def _feature(one: Feature) -> dict[str, Any]:
    return {"name": one.name, "type": one.type, **({"levels": list(one.levels)} if one.levels else {})}


def _report(data: TrainingSet, order: Order, parts: dict[str, _Part]) -> dict[str, Any]:
    return {
        "trained_on": order.today.isoformat(),
        "library": f"lightgbm {lightgbm.__version__}",
        "parameters": {
            **fitting.SMALL,
            "num_leaves_additive": fitting.STUMPS["num_leaves"],
            "folds": fitting.FOLDS,
            "most_rounds": fitting.ROUNDS,
        },
        "data_sha256": data.digest,
        "rows": len(data),
        "dates": [min(data.days).isoformat(), max(data.days).isoformat()] if data.days else None,
        "outputs": {name: part.report for name, part in parts.items()},
    }


def _rounded(metrics: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 6) for name, value in metrics.items()}
