"""Dated tables of the law: who reads a date outside a table gets an error, never the last value carried on (pure).

A row says from when to when a value holds, where it was read and how certain that is. `shipped` reads the files beside
this module, `with_rows` adds what an operator imported. A row without `valid_to` holds until a later one is added.
"""

import csv
import hashlib
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path

from gateway.core.errors import GatewayError
from gateway.law.kinds import KINDS, MONEY_DIGITS

FOLDER = Path(__file__).with_name("tables")
COLUMNS = ("key", "valid_from", "valid_to", "value", "source", "certainty")
CERTAINTIES = ("statute", "source", "derived", "memory")
"""Read in the law itself; read elsewhere; computed from what was read; not checked."""
DAY = timedelta(days=1)
_RATES = frozenset({"base-rate", "rate-points", "fixed-rate"})


class DateOutOfTable(GatewayError):
    """The date lies outside the table of the law; a new row may have to be imported."""

    status = 422


class RateNotKnown(DateOutOfTable):
    """The interest rate of that day is not known yet, or no longer."""

    code = "rate-not-known"


class BadRows(GatewayError):
    """Rows of the law contradict each other or leave a gap."""

    status = 422
    code = "bad-law-rows"


@dataclass(frozen=True, slots=True)
class Row:
    """One value of one table and when it holds; `valid_to` counts, None means until further notice."""

    table: str
    key: str
    valid_from: date
    valid_to: date | None
    value: str
    source: str
    certainty: str

    @property
    def number(self) -> Decimal:
        return Decimal(self.value)

    @property
    def whole(self) -> int:
        return int(self.value)

    @property
    def minor(self) -> int:
        """An amount in the smallest unit; every currency of these tables has two digits."""
        return int(self.number.scaleb(MONEY_DIGITS))

    @property
    def last(self) -> date:
        return self.valid_to or date.max


@dataclass(frozen=True, slots=True)
class Tables:
    """All rows, in order. `version` names exactly these, so that a calculation can be repeated."""

    rows: tuple[Row, ...]
    version: str = field(init=False)
    _runs: Mapping[tuple[str, str], tuple[Row, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        runs = _runs(self.rows)
        object.__setattr__(self, "_runs", runs)
        object.__setattr__(self, "rows", tuple(row for key in sorted(runs) for row in runs[key]))
        digest = hashlib.sha256("\n".join(map(repr, self.rows)).encode()).hexdigest()
        object.__setattr__(self, "version", digest[:16])

    def find(self, table: str, key: str, day: date) -> Row | None:
        """The row that holds on that day, or None."""
        run = self.run(table, key)
        place = bisect_right(run, day, key=lambda row: row.valid_from) - 1
        return run[place] if place >= 0 and day <= run[place].last else None

    def at(self, table: str, key: str, day: date) -> Row:
        """The row that holds on that day. Raises DateOutOfTable, for interest RateNotKnown, naming the table."""
        if (row := self.find(table, key, day)) is None:
            raise _outside(table, key, day, self.run(table, key))
        return row

    def over(self, table: str, key: str, first: date, through: date) -> Iterator[tuple[date, date, Row]]:
        """First and last day of each row's part of the time, without a gap. Raises as `at`."""
        day = first
        while day <= through:
            row = self.at(table, key, day)
            end = min(row.last, through)
            yield day, end, row
            if end == date.max:
                return
            day = end + DAY

    def run(self, table: str, key: str) -> tuple[Row, ...]:
        """Every row under that key, the oldest first."""
        return self._runs.get((table, key), ())

    def names(self) -> list[tuple[str, str]]:
        return sorted(self._runs)

    def last_day(self, table: str, key: str) -> date:
        """The last day about which the table says anything; `date.max` for a rule until further notice."""
        run = self.run(table, key)
        return run[-1].last if run else date.min

    def with_rows(self, imported: Iterable[Row]) -> "Tables":
        """These and more. Raises BadRows for an overlap with another value or a gap."""
        return Tables((*self.rows, *imported))


@dataclass(frozen=True, slots=True)
class Ending:
    """A table about which nothing is known after `last_day`."""

    table: str
    key: str
    last_day: date


def ending(tables: Tables, today: date, within_days: int = 60) -> list[Ending]:
    """Which tables end within so many days, or have ended; those of single days (holidays) never do."""
    soon = today + timedelta(days=within_days)
    runs = (tables.run(*key)[-1] for key in tables.names() if KINDS[key[0]].runs_on)
    return [Ending(last.table, last.key, last.last) for last in runs if last.last <= soon]


@cache
def shipped() -> Tables:
    """The tables of this release."""
    return Tables(tuple(row for path in sorted(FOLDER.glob("*.csv")) for row in _read(path)))


def _read(path: Path) -> Iterator[Row]:
    with path.open(encoding="utf-8", newline="") as lines:
        for cells in csv.DictReader(lines):
            until = date.fromisoformat(cells["valid_to"]) if cells["valid_to"] else None
            first = date.fromisoformat(cells["valid_from"])
            yield Row(path.stem, cells["key"], first, until, cells["value"], cells["source"], cells["certainty"])


def _runs(rows: Iterable[Row]) -> dict[tuple[str, str], tuple[Row, ...]]:
    grouped: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        grouped[row.table, row.key].append(row)
    return {key: tuple(_in_order(some)) for key, some in grouped.items()}


def _in_order(rows: list[Row]) -> Iterator[Row]:
    """By date; a row until further notice ends where the next begins. Raises BadRows."""
    ordered = sorted(rows, key=lambda row: row.valid_from)
    before: Row | None = None
    for row in ordered:
        if before is not None and before.valid_from == row.valid_from:
            before = _same(before, row)
            continue
        if before is not None:
            yield _closed(before, row)
        before = row
    if before is not None:
        yield before


def _same(one: Row, other: Row) -> Row:
    """Told twice is told once; a row until further notice may be told again with its end."""
    if one.value != other.value or (one.valid_to and other.valid_to and one.valid_to != other.valid_to):
        raise BadRows(_overlap(one, other), table=one.table, key=one.key)
    return one if one.valid_to else replace(one, valid_to=other.valid_to)


def _closed(row: Row, following: Row) -> Row:
    if row.valid_to is None:
        return replace(row, valid_to=following.valid_from - DAY)
    if row.valid_to >= following.valid_from:
        raise BadRows(_overlap(row, following), table=row.table, key=row.key)
    if KINDS[row.table].runs_on and row.valid_to + DAY < following.valid_from:
        gap = f"{row.table} {row.key}: nothing holds between {row.valid_to} and {following.valid_from}"
        raise BadRows(gap, table=row.table, key=row.key)
    return row


def _overlap(one: Row, other: Row) -> str:
    return (
        f"{one.table} {one.key}: the row from {other.valid_from} ({other.value}) overlaps"
        f" the one from {one.valid_from} ({one.value})"
    )


def _outside(table: str, key: str, day: date, run: tuple[Row, ...]) -> DateOutOfTable:
    kind = RateNotKnown if table in _RATES else DateOutOfTable
    spans = f"it runs from {run[0].valid_from} to {run[-1].valid_to or 'today'}" if run else "it has no rows"
    return kind(f"table {table} ({key}) says nothing about {day}: {spans}", table=table, key=key, date=day.isoformat())
