"""`python -m bench.bnpp baskets.csv`: the 92,790 baskets with out-of-fold chances, for `kulanz replay baskets.csv`.

Columns: reference, currency, total_minor, items, pieces, dearest_minor, most_of_one (facts), p_fraud (of a model
that has not seen the basket), fraud (what it was). A name that ends in .jsonl gives JSON lines. `--model FILE` also writes
the model of all rows. The data may be used for measuring only: keep what this writes out of the repository.
"""

import argparse
import csv
import json
import sys
from pathlib import Path
from typing import Any

from bench import credit_data, models
from bench.credit_data import Basket
from gateway.risk.model_file import dump

COLUMNS = (
    "reference",
    "currency",
    "total_minor",
    "items",
    "pieces",
    "dearest_minor",
    "most_of_one",
    "p_fraud",
    "fraud",
)


def main() -> int:
    """Train out of fold and write. Exit status 2 where data or LightGBM are not there."""
    parser = argparse.ArgumentParser(prog="python -m bench.bnpp", description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--model", type=Path, help="also write the model of all rows here")
    wanted = parser.parse_args()
    loaded = credit_data.baskets()
    if loaded is None:
        print(credit_data.MISSING, file=sys.stderr)
        return 2
    try:
        tools = models.Tools()
    except ModuleNotFoundError:
        print("LightGBM is not installed: make environment-train", file=sys.stderr)
        return 2
    data, baskets = loaded
    small = tools.small(data)
    write(wanted.out, [_row(one, float(chance)) for one, chance in zip(baskets, small.chances, strict=True)])
    if wanted.model:
        wanted.model.write_text(dump(models.model_of(tools, small)))
    print(
        f"{len(baskets):,} baskets written to {wanted.out}; AUC out of fold {tools.auc(small.sample.y, small.raw):.4f}"
    )
    return 0


def _row(basket: Basket, chance: float) -> dict[str, Any]:
    facts = models.facts_of(basket)
    known = {name: getattr(facts, name) for name in COLUMNS if hasattr(facts, name)}
    return {"reference": basket.id, **known, "p_fraud": round(chance, 6), "fraud": int(basket.fraud)}


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    """CSV, or JSON lines when the name says so."""
    with path.open("w", newline="") as file:
        if path.suffix == ".jsonl":
            file.writelines(json.dumps(row) + "\n" for row in rows)
            return
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    sys.exit(main())
