"""Out-of-fold fraud scores for the baskets of BNP Paribas Personal Finance: `python -m bench.bnpp OUT.csv`.

Trains small trees (150 of 8 leaves, natural class rates) on five folds, so that no basket is scored by a model that has
seen it, and writes one line per basket for `kulanz replay`. Reads ../shared/data/bnpp_credit_fraud_skrub.zip (ENS Challenge
Data no. 104; 92,790 baskets, 163,357 lines; prices in whole units of one currency, taken as euros) and needs no network.
"""

import argparse
import csv
import io
import sys
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "bnpp_credit_fraud_skrub.zip"
COLUMNS = ("basket_id", "total_minor", "currency", "items", "pieces", "dearest_minor", "p_fraud", "outcome")
FOLDS, SEED = 5, 104
TREES = {
    "objective": "binary",
    "num_leaves": 8,
    "learning_rate": 0.1,
    "min_data_in_leaf": 50,
    "lambda_l2": 5.0,
    "feature_fraction": 0.8,
    "cat_smooth": 50.0,
    "min_data_per_group": 100,
    "seed": SEED,
    "num_threads": 1,
    "deterministic": True,
    "verbosity": -1,
}
ROUNDS = 150
CATEGORICAL = ("category", "make")


class Basket:
    """One basket: its product lines as (price, quantity, category, make, model, goods code)."""

    def __init__(self, name: str, outcome: int, lines: list[tuple[int, int, str, str, str, str]]) -> None:
        self.name = name
        self.outcome = outcome
        self.lines = lines
        self.dearest = max(lines, key=lambda line: line[0])

    @property
    def total(self) -> int:
        return sum(price * quantity for price, quantity, *_ in self.lines)

    @property
    def pieces(self) -> int:
        return sum(quantity for _, quantity, *_ in self.lines)


def baskets(path: Path = DATA) -> list[Basket]:
    """Every basket, in the order of the file."""
    with zipfile.ZipFile(path) as archive:
        lines = defaultdict(list)
        for row in _rows(archive, "products.csv"):
            price, quantity = round(float(row["cash_price"])), round(float(row["Nbr_of_prod_purchas"]))
            line = (price, quantity, row["item"], row["make"], row["model"], row["goods_code"])
            lines[row["basket_ID"]].append(line)
        found = list(_rows(archive, "baskets.csv"))
    return [Basket(row["ID"], int(row["fraud_flag"]), lines[row["ID"]]) for row in found]


def _rows(archive: zipfile.ZipFile, name: str) -> Iterator[dict[str, str]]:
    with archive.open(f"credit_fraud/{name}") as file:
        yield from csv.DictReader(io.TextIOWrapper(file, "utf-8", newline=""))


def features(found: list[Basket]) -> tuple[list[str], np.ndarray]:
    """Eighteen numbers of each basket; none of them knows the outcome."""
    counts = [Counter(line[place] for basket in found for line in basket.lines) for place in (2, 3, 4, 5)]
    codes = [{name: code for code, (name, _) in enumerate(count.most_common(200))} for count in counts[:2]]
    rows = [_features(basket, counts, codes) for basket in found]
    return list(rows[0]), np.array([list(row.values()) for row in rows], dtype=float)


def _features(basket: Basket, counts: list[Counter[str]], codes: list[dict[str, int]]) -> dict[str, float]:
    price, quantity, category, make, model, code = basket.dearest
    prices = sorted(line[0] for line in basket.lines)
    categories = [line[2] for line in basket.lines]
    return {
        "total": basket.total,
        "lines": len(basket.lines),
        "pieces": basket.pieces,
        "dearest": price,
        "cheapest": prices[0],
        "middle": prices[len(prices) // 2],
        "share_of_dearest": price * quantity / max(basket.total, 1),
        "most_of_one": max(line[1] for line in basket.lines),
        "categories": len(set(categories)),
        "makes": len({line[3] for line in basket.lines}),
        "services": sum("SERVICE" in name or "WARRANTY" in name for name in categories),
        "fulfilment": sum("FULFILMENT" in name for name in categories),
        "round_price": price % 100 in (0, 99, 49, 50),
        "category": codes[0].get(category, -1),
        "make": codes[1].get(make, -1),
        "sold_of_make": counts[1][make],
        "sold_of_model": counts[2][model],
        "sold_of_code": counts[3][code],
    }


def folds(outcomes: np.ndarray) -> np.ndarray:
    """The fold of each row; good and bad ones are dealt out evenly."""
    chance = np.random.default_rng(SEED)
    dealt = np.empty(len(outcomes), dtype=int)
    for kind in (0, 1):
        places = chance.permutation(np.flatnonzero(outcomes == kind))
        dealt[places] = np.arange(len(places)) % FOLDS
    return dealt


def out_of_fold(names: list[str], rows: np.ndarray, outcomes: np.ndarray, **more: Any) -> np.ndarray:
    """The probability of each row by the model that was trained on the other folds."""
    dealt, chances = folds(outcomes), np.empty(len(outcomes))
    for fold in range(FOLDS):
        train = dealt != fold
        data = lightgbm.Dataset(rows[train], outcomes[train], feature_name=names, categorical_feature=list(CATEGORICAL))
        model = lightgbm.train(TREES | more, data, ROUNDS)
        chances[~train] = model.predict(rows[~train])
    return chances


def write(path: str, found: list[Basket], chances: np.ndarray) -> None:
    with Path(path).open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(COLUMNS)
        for basket, chance in zip(found, chances, strict=True):
            amounts = (basket.total * 100, "EUR", len(basket.lines), basket.pieces, basket.dearest[0] * 100)
            table.writerow((basket.name, *amounts, f"{chance:.9f}", basket.outcome))


def main() -> int:
    """Write the scores of every basket."""
    parser = argparse.ArgumentParser(prog="python -m bench.bnpp", description=__doc__)
    parser.add_argument("out", help="the CSV file to write")
    parser.add_argument("--data", type=Path, default=DATA, help="the zip file of the baskets")
    parser.add_argument(
        "--class-weighted", action="store_true", help="the negative control: scores that are no probabilities"
    )
    wanted = parser.parse_args()
    found = baskets(wanted.data)
    outcomes = np.array([basket.outcome for basket in found])
    names, rows = features(found)
    write(wanted.out, found, out_of_fold(names, rows, outcomes, is_unbalance=wanted.class_weighted))
    print(f"{len(found):,} baskets, {outcomes.mean():.2%} fraud, written to {wanted.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
