"""One run over a file: every row read, decided, added up and written; bad rows are told and passed over."""

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from gateway.core.cells import cell
from gateway.core.errors import NotFound
from gateway.replay.judge import Replayed
from gateway.replay.mapping import RowWrong, Told
from gateway.replay.rows import Fault, Record
from gateway.replay.tally import Tally

SHOWN_FAULTS = 5
FAULT_COLUMNS = ("line", "id", "path", "message")
COLUMNS = (
    "line",
    "id",
    "currency",
    "total_minor",
    "outcome",
    "review",
    "method",
    "kind",
    "deposit_percent",
    "default",
    "fraud",
    "return",
    "expected_loss_minor",
    "contribution_minor",
    "everything_minor",
    "realised_minor",
    "realised_everything_minor",
    "shown",
    "hidden",
)


class ResultUnwritable(NotFound):
    """The result cannot be written there."""


@dataclass(slots=True)
class Counted:
    """How a run went."""

    rows: int = 0
    bad: int = 0
    faults: list[Fault] = field(default_factory=list)
    """The first few of what was wrong."""


@dataclass(frozen=True, slots=True)
class Steps:
    """What is done with each record."""

    read: Callable[[Record], Told]
    replay: Callable[[Told], Replayed]
    tally: Tally
    result: Callable[[Sequence[Any]], object]
    errors: Callable[[Sequence[Any]], object]


def run(records: Iterable[Record | Fault], steps: Steps, limit: int, tick: Callable[[int], None]) -> Counted:
    """Over every record, at most `limit` (0: all). `tick` is called with the number of records so far."""
    counted = Counted()
    for record in records:
        if limit and counted.rows + counted.bad >= limit:
            break
        faults = [record] if isinstance(record, Fault) else _one(record, steps)
        if faults:
            counted.bad += 1
            counted.faults += faults[: max(0, SHOWN_FAULTS - len(counted.faults))]
            for fault in faults:
                steps.errors((fault.line, fault.id, fault.path, fault.message))
        else:
            counted.rows += 1
        tick(counted.rows + counted.bad)
    return counted


def _one(record: Record, steps: Steps) -> list[Fault]:
    """What was wrong with it; nothing when it is replayed."""
    name = ""
    try:
        told = steps.read(record)
        name = told.id
        row = steps.replay(told)
        steps.tally.add(row)
    except RowWrong as wrong:
        return [Fault(record.line, path, message, name or wrong.id) for path, message in wrong.faults]
    steps.result(_columns(row))
    return []


def _columns(row: Replayed) -> tuple[Any, ...]:
    taken, score = row.taken, row.score
    hidden = [f"{offer.method.id} ({' '.join(offer.reasons)})" for offer in row.choice.offers if not offer.show]
    return (
        row.told.line,
        row.told.id,
        row.facts.currency,
        row.facts.total_minor,
        row.choice.outcome,
        row.choice.review,
        taken.method.id,
        taken.method.kind,
        taken.worth.deposit_percent,
        score.default,
        score.fraud,
        score.return_,
        taken.worth.expected_loss_minor,
        taken.worth.contribution_minor,
        row.everything.worth.contribution_minor,
        taken.realised_minor,
        row.everything.realised_minor,
        " ".join(offer.method.id for offer in row.choice.offers if offer.show),
        "; ".join(hidden),
    )


@contextmanager
def table(name: str, columns: Sequence[str]) -> Iterator[Callable[[Sequence[Any]], object]]:
    """Writes rows to a CSV file with these columns; nothing without a name. Raises ResultUnwritable."""
    if not name:
        yield _nothing
        return
    with _open(name) as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        yield lambda row: writer.writerow([cell(value) for value in row])


def _open(name: str) -> IO[str]:
    try:
        return Path(name).open("w", encoding="utf-8", newline="")
    except OSError as error:
        raise ResultUnwritable(f"{name}: {error.strerror}") from error


def _nothing(_: Sequence[Any]) -> None:
    return None
