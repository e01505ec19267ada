"""New rows of the law from a CSV file, strictly: what contradicts, leaves a gap or is no number is told by line (pure)."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from gateway.core.errors import GatewayError, NotFound
from gateway.law.calendars import is_place
from gateway.law.kinds import KINDS
from gateway.law.tables import CERTAINTIES, COLUMNS, BadRows, Row, Tables

HEADER = ("table", *COLUMNS)
MAX_BYTES, MAX_LINES = 1_000_000, 5000
MAX_SOURCE = 300


class BadLawFile(GatewayError):
    """Rows of the law cannot be taken over; nothing was changed."""

    status = 422


class TableUnknown(NotFound):
    """There is no table of the law of this name."""


@dataclass(frozen=True, slots=True)
class _Line:
    number: int
    row: Row


def parse(text: str, tables: Tables) -> list[Row]:
    """The rows of the file that `tables` does not have yet. Raises BadLawFile with every faulty line."""
    if len(text.encode()) > MAX_BYTES:
        raise BadLawFile(f"the file is larger than {MAX_BYTES} bytes")
    faults: list[dict[str, str]] = []
    lines = list(_lines(text, faults))
    if not faults:
        faults = [fault for _, some in groupby(lines, _key) for fault in _conflicts(list(some), tables)]
    if faults:
        raise BadLawFile(errors=faults)
    known = {_content(row) for row in tables.rows}
    return list({_content(line.row): line.row for line in lines if _content(line.row) not in known}.values())


def _content(row: Row) -> tuple[str, str, date, date | None, str]:
    """What makes two rows the same, wherever they were read."""
    return row.table, row.key, row.valid_from, row.valid_to, row.value


def _lines(text: str, faults: list[dict[str, str]]) -> Iterator[_Line]:
    """Rows by table, key and date, with their lines; faults are noted."""
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff")), strict=True)
    found: list[_Line] = []
    try:
        for cells in reader:
            number = reader.line_num
            if number > MAX_LINES:
                faults.append(_fault(number, f"a file has at most {MAX_LINES} lines"))
                break
            if number == 1:
                if tuple(cells) != HEADER:
                    faults.append(_fault(1, f"the first line is {','.join(HEADER)}"))
                    break
            elif cells and (row := _row(number, cells, faults)) is not None:
                found.append(_Line(number, row))
    except csv.Error as error:
        faults.append(_fault(reader.line_num, str(error)))
    if not found and not faults:
        faults.append(_fault(1, "the file has no rows"))
    return iter(sorted(found, key=lambda line: (*_key(line), line.row.valid_from)))


def _key(line: _Line) -> tuple[str, str]:
    return line.row.table, line.row.key


def _row(number: int, cells: list[str], faults: list[dict[str, str]]) -> Row | None:
    try:
        return _read(cells)
    except ValueError as error:
        faults.append(_fault(number, str(error)))
        return None


def _read(cells: list[str]) -> Row:
    """One row. Raises ValueError with a sentence."""
    if len(cells) != len(HEADER):
        raise ValueError(f"has {len(cells)} cells, {len(HEADER)} are needed")
    table, key, first, last, value, source, certainty = (cell.strip() for cell in cells)
    if (kind := KINDS.get(table)) is None:
        raise ValueError(f"there is no table {table!r}: {', '.join(KINDS)}")
    if not kind.knows(key) or (table == "holiday" and not is_place(*key.split("-"))):
        raise ValueError(f"{key!r} is no key of {table}")
    if not kind.holds(key, value):
        raise ValueError(f"{value!r} is no value of {table}")
    if certainty not in CERTAINTIES:
        raise ValueError(f"certainty is one of {', '.join(CERTAINTIES)}")
    if not source or len(source) > MAX_SOURCE or not source.isprintable():
        raise ValueError(f"a source is needed, at most {MAX_SOURCE} characters")
    row = Row(table, key, _day(first), _day(last) if last else None, value, source, certainty)
    if row.valid_to is None and kind.span:
        raise ValueError(f"a row of {table} needs its last day: no value is carried on")
    if row.last < row.valid_from:
        raise ValueError("valid_to lies before valid_from")
    if not kind.lasts(row.valid_from, row.last):
        raise ValueError(f"a row of {table} holds for {kind.span}")
    return row


def _day(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is no date like 2027-01-01") from error
    if day.isoformat() != text:
        raise ValueError(f"{text!r} is no date like 2027-01-01")
    return day


def _conflicts(lines: list[_Line], tables: Tables) -> Iterator[dict[str, str]]:
    """Overlaps and gaps, told at the line that makes them."""
    standing = Tables(tables.run(*_key(lines[0])))
    for line in lines:
        try:
            standing = standing.with_rows([line.row])
        except BadRows as error:
            yield _fault(line.number, error.detail or error.title)


def _fault(number: int, message: str) -> dict[str, str]:
    return {"path": f"line {number}", "message": message}
