"""The summary of a replay, as data and as a table for people (pure)."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from gateway.core.money import exponent
from gateway.replay.run import Counted
from gateway.replay.tally import Money, Tally, Ways, in_order

Summary = Mapping[str, Any]


def summary(tally: Tally, counted: Counted, versions: Mapping[str, str]) -> Summary:
    """Everything that is told, in minor units and shares."""
    single = tally.best_single()
    return {
        "rows": counted.rows,
        "bad_rows": counted.bad,
        "faults": [{"line": f.line, "id": f.id, "path": f.path, "message": f.message} for f in counted.faults],
        "versions": dict(versions),
        "currency": tally.currency,
        "outcomes": {name: tally.outcomes[name] for name in ("allow", "review", "decline")},
        "review": tally.review,
        "kinds": {
            name: {
                "shown": kind.shown,
                "deposit": kind.deposit,
                "hidden": kind.hidden,
                "taken": kind.taken,
                "reasons": dict(kind.why.most_common(5)),
            }
            for name, kind in tally.kinds.items()
        },
        "best_single": single,
        "contribution": _ways(tally.all, single),
        "segments": {name: _ways(tally.segments[name], single) for name in in_order(list(tally.segments))},
        "calibration": {name: one.summary() for name, one in tally.calibration.items()},
    }


def _ways(ways: Ways, single: str) -> dict[str, Any]:
    """Per way the sums; with outcomes also how far the policy gets from the best single method to perfect foresight."""
    known = ways.taken.known
    found: dict[str, Any] = {
        "rows": ways.rows,
        "rows_with_outcome": known,
        "expected_loss_minor": ways.expected_loss_minor,
        "policy": _money(ways.taken),
        "policy_best_offer": _money(ways.best),
        "everything": _money(ways.everything),
        "singles": {name: _money(money) for name, money in ways.singles.items()},
    }
    if known:
        base = ways.singles[single].realised_minor if single in ways.singles else 0
        room = ways.oracle_minor - base
        found["oracle_minor"] = ways.oracle_minor
        found["of_the_way"] = (ways.taken.realised_minor - base) / room if room > 0 else None
        found["of_the_way_best_offer"] = (ways.best.realised_minor - base) / room if room > 0 else None
        if ways.taken.realised_minor:
            off = ways.taken.expected_of_known_minor - ways.taken.realised_minor
            found["predicted_off"] = off / ways.taken.realised_minor
    return found


def _money(money: Money) -> dict[str, int]:
    found = {"expected_minor": money.expected_minor}
    if money.known:
        found |= {"realised_minor": money.realised_minor, "expected_of_known_minor": money.expected_of_known_minor}
    return found


class Took(NamedTuple):
    """How long a run took: by the clock, and of the processor."""

    seconds: float
    processor_s: float


def lines(told: Summary, took: Took) -> Iterator[str]:
    """For people: amounts per row in the currency's unit."""
    rows = told["rows"]
    yield f"{rows:,} rows replayed, {told['bad_rows']:,} bad, {took.seconds:.1f} s, {took.processor_s:.1f} s of one core"
    yield "  ".join(f"{name} {version}" for name, version in told["versions"].items())
    yield from (f"  line {f['line']}{' ' + f['path'] if f['path'] else ''}: {f['message']}" for f in told["faults"])
    if not rows:
        return
    shares = [f"{name} {share(count, rows)}" for name, count in told["outcomes"].items()]
    yield ""
    yield f"outcome  {'  '.join(shares)}  (to review {share(told['review'], rows)})"
    yield ""
    yield from _table(_kinds(told["kinds"], rows), right=(1, 2, 3, 4))
    yield ""
    yield from _table(_contribution(told), right=(1, 2))
    yield from _verdict(told["contribution"], told["best_single"])
    if len(told["segments"]) > 1:
        yield ""
        yield from _table(_segments(told), right=(1, 2, 3, 4))
    for name, found in told["calibration"].items():
        yield ""
        yield from _calibration(name, found)


def share(count: float, of: int) -> str:
    return f"{100 * count / of:.1f} %" if of else "-"


def _kinds(kinds: Mapping[str, Any], rows: int) -> Iterator[Sequence[str]]:
    yield ("kind", "shown", "deposit", "hidden", "taken", "most frequent reasons")
    for name, kind in kinds.items():
        reasons = ", ".join(f"{code} {share(count, rows)}" for code, count in list(kind["reasons"].items())[:3])
        counts = [share(kind[part], rows) for part in ("shown", "deposit", "hidden", "taken")]
        yield (name, *counts, reasons)


def _contribution(told: Summary) -> Iterator[Sequence[str]]:
    found, unit = told["contribution"], 10 ** exponent(told["currency"])
    per_row = told["rows"] * unit
    known = found["rows_with_outcome"] * unit

    def row(name: str, money: Mapping[str, int]) -> Sequence[str]:
        realised = f"{money['realised_minor'] / known:.2f}" if known and "realised_minor" in money else ""
        return name, f"{money['expected_minor'] / per_row:.2f}", realised

    yield (f"contribution per row, {told['currency']}", "expected", "realised" if known else "")
    yield row("policy, the buyer takes what he finishes most often", found["policy"])
    yield row("policy, its best offer taken", found["policy_best_offer"])
    yield row("everything for everybody", found["everything"])
    for name, money in found["singles"].items():
        yield row(f"only {name}" + (" (best single)" if name == told["best_single"] else ""), money)
    if known:
        yield ("perfect foresight", "", f"{found['oracle_minor'] / known:.2f}")
    yield ("expected loss of the policy", f"{found['expected_loss_minor'] / per_row:.2f}", "")


def _verdict(found: Mapping[str, Any], single: str) -> Iterator[str]:
    if found.get("of_the_way") is not None:
        best = found["of_the_way_best_offer"]
        yield (
            f"from only {single} to perfect foresight: {100 * found['of_the_way']:.1f} % of the way"
            f" ({100 * best:.1f} % by the best offer)"
        )
    if found.get("predicted_off") is not None:
        yield f"predicted contribution is off by {100 * found['predicted_off']:+.2f} % of what was realised"


def _segments(told: Summary) -> Iterator[Sequence[str]]:
    unit, single = 10 ** exponent(told["currency"]), told["best_single"]
    known = bool(told["contribution"]["rows_with_outcome"])
    part = "realised_minor" if known else "expected_minor"
    yield ("segment", "rows", "policy", "everything", f"only {single}")
    for name, ways in told["segments"].items():
        per_row = (ways["rows_with_outcome"] if known else ways["rows"]) * unit
        sums = (ways["policy"], ways["everything"], ways["singles"].get(single, {}))
        amounts = [f"{money.get(part, 0) / per_row:.2f}" if per_row else "-" for money in sums]
        yield (name, f"{ways['rows']:,}", *amounts)


def _calibration(name: str, found: Mapping[str, Any]) -> Iterator[str]:
    if not found["rows"]:
        return
    auc = f"  AUC {found['auc']:.3f}" if found["auc"] is not None else ""
    yield (
        f"{name}: predicted {100 * found['predicted']:.2f} %, happened {100 * found['happened']:.2f} %"
        f"  calibration error {found['error']:.4f}{auc}"
    )
    rows = [(f"{g['rows']:,}", share(g["predicted"], 1), share(g["happened"], 1)) for g in found["groups"]]
    yield from _table([("rows", "predicted", "happened"), *rows], right=(0, 1, 2))


def _table(rows: Sequence[Sequence[str]] | Iterator[Sequence[str]], right: Sequence[int]) -> Iterator[str]:
    written = list(rows)
    widths = [max(len(row[place]) for row in written) for place in range(len(written[0]))]
    for row in written:
        cells = [
            text.rjust(width) if place in right else text.ljust(width)
            for place, (text, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()
