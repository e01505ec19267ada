"""Numbers of training: folds, boosting with its number of rounds chosen out of fold, Platt step, quality.

Natural rates throughout: classes are never weighted, since that costs more than having no model (docs/models.md).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import lightgbm
import numpy as np

Array = Any
FOLDS, ROUNDS, RESAMPLES, BINS = 5, 150, 200, 15
RATES = (0.08, 0.16)
"""Learning rates that are tried: large sets need the higher one to say what they know in 150 rounds."""
SEED = 20_09
SMALL: Mapping[str, Any] = {
    "objective": "binary",
    "num_leaves": 8,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "min_data_in_leaf": 20,
    "lambda_l2": 1.0,
    "cat_smooth": 10.0,
    "min_data_per_group": 50,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "seed": SEED,
    "verbosity": -1,
}
STUMPS: Mapping[str, Any] = {**SMALL, "num_leaves": 2}
"""One split per tree: a sum of tables, a generalised additive model."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Rows to learn from. `categories` are the columns that hold places of texts."""

    x: Array
    y: Array
    weights: Array
    categories: list[int]

    def __len__(self) -> int:
        return len(self.y)

    def take(self, rows: Array) -> "Sample":
        return Sample(self.x[rows], self.y[rows], self.weights[rows], self.categories)

    def dataset(self) -> lightgbm.Dataset:
        return lightgbm.Dataset(
            self.x,
            self.y,
            weight=self.weights,
            categorical_feature=self.categories or "auto",
            params={"verbosity": -1, "min_data_in_leaf": 20, "feature_pre_filter": False},
            free_raw_data=False,
        )


@dataclass(frozen=True, slots=True)
class Fitted:
    """A booster on all rows, how many rounds it has, and what the folds' boosters said of rows they had not seen."""

    booster: lightgbm.Booster
    rounds: int
    parameters: Mapping[str, Any]
    raw: Array


def folds(y: Array, count: int = FOLDS) -> Iterator[tuple[Array, Array]]:
    """Rows to learn from and rows to be judged on, bads spread evenly; the same for the same rows."""
    rng = np.random.default_rng(SEED)
    place: Array = np.empty(len(y), dtype=int)
    for outcome in (0, 1):
        rows = np.flatnonzero(y == outcome)
        place[rng.permutation(rows)] = np.arange(len(rows)) % count
    for fold in range(count):
        yield np.flatnonzero(place != fold), np.flatnonzero(place == fold)


def fit(sample: Sample, parameters: Mapping[str, Any], most: int = ROUNDS, rates: Sequence[float] = RATES) -> Fitted:
    """Boost at the learning rate, and as many rounds (at most `most`), as serve rows out of fold best."""
    best = min(
        (_folded(sample, {**parameters, "learning_rate": rate}, most) for rate in rates), key=lambda one: one.loss
    )
    raw = np.empty(len(sample))
    for booster, judge in best.boosters:
        raw[judge] = booster.predict(sample.x[judge], raw_score=True, num_iteration=best.rounds)
    whole = lightgbm.train(dict(best.parameters), sample.dataset(), best.rounds)
    return Fitted(whole, best.rounds, best.parameters, raw)


@dataclass(frozen=True, slots=True)
class _Folded:
    """The boosters of all folds, each with the rows it has not seen, and the round after which they are best."""

    parameters: Mapping[str, Any]
    boosters: list[tuple[lightgbm.Booster, Array]]
    rounds: int
    loss: float


def _folded(sample: Sample, parameters: Mapping[str, Any], most: int) -> _Folded:
    losses, boosters = [], []
    for learn, judge in folds(sample.y):
        booster, told = _judged(sample.take(learn), sample.take(judge), parameters, most)
        boosters.append((booster, judge))
        losses.append(told)
    by_round = np.mean(losses, axis=0)
    rounds = int(np.argmin(by_round)) + 1
    return _Folded(parameters, boosters, rounds, float(by_round[rounds - 1]))


def _judged(
    learn: Sample, judge: Sample, parameters: Mapping[str, Any], most: int
) -> tuple[lightgbm.Booster, list[float]]:
    """A booster of one fold, and its log loss on the rows it has not seen after each round."""
    told: dict[str, dict[str, list[float]]] = {}
    dataset = learn.dataset()
    booster = lightgbm.train(
        {**parameters, "metric": "binary_logloss"},
        dataset,
        most,
        valid_sets=[dataset.create_valid(judge.x, judge.y, weight=judge.weights, params=dict(dataset.params))],
        callbacks=[lightgbm.record_evaluation(told)],
    )
    losses = told["valid_0"]["binary_logloss"]
    return booster, losses + losses[-1:] * (most - len(losses))  # one that found nothing more stays where it was


def platt(raw: Array, y: Array, weights: Array, *, slope: bool = True) -> tuple[float, float]:
    """The a and b that make a·raw + b the log-odds of y (Platt 1999, his smoothed targets, Newton's steps).

    Without `slope`, a stays 1 and only the base rate is put right.
    """
    bads, goods = float(weights[y == 1].sum()), float(weights[y == 0].sum())
    target = np.where(y == 1, (bads + 1) / (bads + 2), 1 / (goods + 2))
    columns = np.column_stack([raw, np.ones(len(raw))]) if slope else np.ones((len(raw), 1))
    offset, step = (0.0, np.array([1.0, 0.0])) if slope else (raw, np.array([0.0]))
    for _ in range(100):
        chance = sigmoid(columns @ step + offset)
        gradient = columns.T @ (weights * (chance - target))
        curvature = (columns * (weights * chance * (1 - chance))[:, None]).T @ columns
        move = np.linalg.solve(curvature + 1e-9 * np.eye(len(step)), gradient)
        step = step - np.clip(move, -2.0, 2.0)
        if np.abs(move).max() < 1e-10:
            break
    a, b = (step[0], step[1]) if slope else (1.0, step[0])
    return float(a), float(np.clip(b, -15.0, 15.0))


def platt_out_of_fold(raw: Array, y: Array, weights: Array) -> Array:
    """Calibrated chances, each row's by a step that was fitted without its fold."""
    chances = np.empty(len(y))
    for learn, judge in folds(y):
        a, b = platt(raw[learn], y[learn], weights[learn])
        chances[judge] = sigmoid(a * raw[judge] + b)
    return chances


def sigmoid(odds: Array) -> Array:
    return 1 / (1 + np.exp(-np.clip(odds, -30, 30)))


def losses(y: Array, chances: Array) -> Array:
    """The log loss of each row."""
    known = np.clip(chances, 1e-9, 1 - 1e-9)
    return -(y * np.log(known) + (1 - y) * np.log(1 - known))


def log_loss(y: Array, chances: Array, weights: Array | None = None) -> float:
    return float(np.average(losses(y, chances), weights=weights))


def auc(y: Array, scores: Array) -> float:
    """The chance that a bad row has the higher score than a good one; ties count half."""
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    bads = int(y.sum())
    goods = len(y) - bads
    return float((ranks[y == 1].sum() - bads * (bads + 1) / 2) / (bads * goods))


def calibration_error(y: Array, chances: Array) -> float:
    """ECE over 15 bins of equal mass."""
    order = np.argsort(chances, kind="stable")
    parts = [part for part in np.array_split(order, BINS) if len(part)]
    return float(sum(abs(y[part].mean() - chances[part].mean()) * len(part) for part in parts) / len(y))


def quality(y: Array, chances: Array) -> dict[str, float]:
    """The figures of a report."""
    return {
        "auc": auc(y, chances),
        "log_loss": log_loss(y, chances),
        "brier": float(np.mean((chances - y) ** 2)),
        "ece": calibration_error(y, chances),
        "base_rate": float(y.mean()),
    }


def gain(y: Array, chances: Array, before: Array) -> dict[str, float]:
    """How much smaller the log loss per row is than before, and the half width of its 95 % bootstrap interval."""
    better = losses(y, before) - losses(y, chances)
    rng = np.random.default_rng(SEED)
    means = [better[rng.integers(0, len(better), len(better))].mean() for _ in range(RESAMPLES)]
    return {"gain": float(better.mean()), "gain_error": 1.96 * float(np.std(means, ddof=1))}
