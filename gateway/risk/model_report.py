"""The training report inside a model file: what it was trained on, by what, and how well it did (pure)."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from gateway.core.errors import Invalid
from gateway.risk.model_checks import keys, listed, need, number, one_of, pointer, text, whole

KINDS = ("trees", "additive", "recalibrated", "copied")
"""How an output came to be, by how many bad outcomes there were to learn from."""
METRICS = frozenset({"auc", "log_loss", "brier", "ece", "base_rate", "gain", "gain_error"})
MOST = 10**12
_SHA256 = re.compile(r"[0-9a-f]{64}")


def check_report(raw: Any) -> Mapping[str, Any] | None:
    """The report, or None where a model was written by hand. Raises Invalid."""
    if raw is None:
        return None
    path = "/report"
    keys(raw, path, {"trained_on", "library", "parameters", "data_sha256", "rows", "dates", "outputs"})
    _day(raw["trained_on"], f"{path}/trained_on")
    text(raw["library"], f"{path}/library", 100)
    need(_is_hash(raw["data_sha256"]), f"{path}/data_sha256", "must be 64 hex digits")
    whole(raw["rows"], f"{path}/rows", 1, MOST)
    _dates(raw["dates"], f"{path}/dates")
    _parameters(raw["parameters"], f"{path}/parameters")
    need(isinstance(raw["outputs"], dict) and len(raw["outputs"]) <= 3, f"{path}/outputs", "must be an object")
    for name, part in raw["outputs"].items():
        _output(part, f"{path}/outputs/{pointer(name)}")
    found: Mapping[str, Any] = raw
    return found


def _output(raw: Any, path: str) -> None:
    keys(raw, path, {"kind", "rows", "bads", "metrics"}, {"trees", "learning_rate"})
    one_of(raw["kind"], f"{path}/kind", KINDS)
    rows = whole(raw["rows"], f"{path}/rows", 0, MOST)
    whole(raw["bads"], f"{path}/bads", 0, rows)
    whole(raw.get("trees", 0), f"{path}/trees", 0, 10_000)
    number(raw.get("learning_rate", 0), f"{path}/learning_rate", 1)
    keys(raw["metrics"], f"{path}/metrics", set(), METRICS)
    for name, value in raw["metrics"].items():
        number(value, f"{path}/metrics/{name}", 1e6)


def _dates(raw: Any, path: str) -> None:
    if raw is None:
        return
    days = listed(raw, path, 2)
    need(len(days) == 2, path, "must be the first and the last day")
    first, last = (_day(day, f"{path}/{n}") for n, day in enumerate(days))
    need(first <= last, path, "the last day comes before the first")


def _parameters(raw: Any, path: str) -> None:
    need(isinstance(raw, dict) and len(raw) <= 50, path, "must be an object of at most 50")
    for name, value in raw.items():
        text(name, path, 60)
        place = f"{path}/{pointer(name)}"
        if isinstance(value, str):
            text(value, place, 200, least=0)
        elif not isinstance(value, bool):
            number(value, place, 1e15)


def _day(raw: Any, path: str) -> date:
    try:
        return date.fromisoformat(text(raw, path, 10, least=10))
    except ValueError as error:
        raise Invalid.at(path, "must be a date, YYYY-MM-DD") from error


def _is_hash(raw: Any) -> bool:
    return isinstance(raw, str) and _SHA256.fullmatch(raw) is not None
