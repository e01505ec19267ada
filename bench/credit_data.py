"""The public data sets beside this project, as training reads them; each function says None where they are not there.

They are used for measuring only and never copied here; ../shared/data/SOURCES.md names their origins and licences.
"""

import csv
import gzip
import io
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.risk.model_file import forbidden
from gateway.risk.training_data import Reading, TrainingSet, read

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
MISSING = "the public data sets are not there (../shared/data)"


@dataclass(frozen=True)
class Basket:
    """One basket of the BNP Paribas set, in minor units."""

    id: str
    total_minor: int
    lines: int
    pieces: int
    dearest_minor: int
    most_of_one: int
    fraud: bool


def german() -> TrainingSet | None:
    """Statlog German credit: 1,000 rows."""
    raw = _raw("german_credit_1000.csv")
    if raw is None:
        return None
    rows = list(csv.DictReader(io.StringIO(raw.decode())))
    for row in rows:
        row["bad"] = str(int(row.pop("creditability") == "bad"))
    return _set(rows, "bad", ())


def taiwan() -> TrainingSet | None:
    """Credit cards in Taiwan: 30,000 rows. X2 is sex and X5 age: no score reads them."""
    raw = _raw("taiwan_uci350_30k.csv.gz")
    return None if raw is None else _set(csv.DictReader(io.StringIO(raw.decode())), "Y", ("ID", "X2", "X5"))


def pakdd() -> TrainingSet | None:
    """A retail chain's own card, bills due after 10 to 40 days: 39,988 rows."""
    raw = _raw("pakdd2009_39988.tsv.gz")
    if raw is None:
        return None
    return _set(csv.DictReader(io.StringIO(raw.decode()), delimiter="\t"), "TARGET_LABEL_BAD=1", ())


def _set(rows: Iterable[dict[str, str]], outcome: str, ignore: tuple[str, ...]) -> TrainingSet:
    """Without what no score may read."""
    found = list(rows)
    kept = [name for name in found[0] if name not in ignore and not forbidden(name)]
    text = io.StringIO()
    writer = csv.DictWriter(text, kept, extrasaction="ignore")
    writer.writeheader()
    writer.writerows(found)
    return read(text.getvalue().encode(), Reading((outcome,)))


def baskets() -> tuple[TrainingSet, list[Basket]] | None:
    """92,790 real baskets with the lender's fraud flag, in euros, each described by what is in it."""
    raw = _raw("bnpp_credit_fraud_skrub.zip")
    if raw is None:
        return None
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        flags = _csv_of(archive, "credit_fraud/baskets.csv")
        products = _csv_of(archive, "credit_fraud/products.csv")
    lines: dict[str, list[dict[str, str]]] = defaultdict(list)
    for product in products:
        lines[product["basket_ID"]].append(product)
    key = next(name for name in flags[0] if name.lower() in ("id", "basket_id"))
    made = [_basket(row[key], row["fraud_flag"], lines[row[key]]) for row in flags if lines[row[key]]]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(made[0][1]))
    writer.writeheader()
    writer.writerows(facts for _, facts in made)
    return read(text.getvalue().encode(), Reading(("fraud",))), [basket for basket, _ in made]


def _basket(id_: str, flag: str, lines: list[dict[str, str]]) -> tuple[Basket, dict[str, Any]]:
    """A basket and its features: amounts, counts, what the dearest piece is, which goods and makes there are."""
    pieces = [(float(line["cash_price"]), int(float(line["Nbr_of_prod_purchas"] or 1)), line) for line in lines]
    total = sum(price * count for price, count, _ in pieces)
    dearest, _, best = max(pieces, key=lambda one: one[0])
    counted = Counter(line["item"] for _, _, line in pieces)
    worth: Counter[str] = Counter()
    for price, count, line in pieces:
        worth[line["item"]] += price * count
    basket = Basket(
        id_,
        round(100 * total),
        len(pieces),
        sum(count for _, count, _ in pieces),
        round(100 * dearest),
        max(count for _, count, _ in pieces),
        flag in ("1", "1.0", "True"),
    )
    return basket, {
        "total": total,
        "lines": basket.lines,
        "pieces": basket.pieces,
        "dearest": dearest,
        "cheapest": min(price for price, _, _ in pieces),
        "most_of_one": basket.most_of_one,
        "goods": len(counted),
        "makes": len({line["make"] for _, _, line in pieces}),
        "services": counted["SERVICE"] + counted["WARRANTY"],
        "computers": counted["COMPUTERS"],
        "accessories": counted["COMPUTER PERIPHERALS ACCESSORIES"],
        "charges": counted["FULFILMENT CHARGE"],
        "computer_share": worth["COMPUTERS"] / total if total else 0,
        "dearest_share": dearest / total if total else 0,
        "dearest_item": best["item"],
        "dearest_make": best["make"],
        "dearest_year": best["model"][:4] if best["model"][:4].isdigit() else "",
        "dearest_model": best["model"][:60],
        "fraud": int(basket.fraud),
    }


def _csv_of(archive: zipfile.ZipFile, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(archive.read(name).decode())))


def _raw(name: str) -> bytes | None:
    path = DATA / name
    if not path.is_file():
        return None
    return gzip.decompress(path.read_bytes()) if name.endswith(".gz") else path.read_bytes()
