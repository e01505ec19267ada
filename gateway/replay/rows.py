"""Reads a file line by line: CSV in its dialects or JSON lines, bounded in memory, every bad row with its line and reason."""

import codecs
import csv
import gzip
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol

from gateway.core import pointers
from gateway.core.errors import BadRequest, Invalid, NotFound
from gateway.core.strict_json import decode_json

MAX_LINE_BYTES = 1024 * 1024
"""Of one line; a longer one is a bad row, not a reason to fill the memory."""
DELIMITERS = (",", ";", "\t", "|")
ENCODINGS = ("utf-8", "latin-1", "cp1252")
_WIDE = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class ReplayFileUnreadable(NotFound):
    """The file to replay cannot be read."""


class ReplayFileWrong(BadRequest):
    """The file to replay is neither CSV nor JSON lines."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How the file is written; empty fields are told by the file itself."""

    format: str = ""
    delimiter: str = ""
    encoding: str = "utf-8"
    quote: str = '"'


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one row. `path` is the column or field, "" for the row as a whole."""

    line: int
    path: str
    message: str
    id: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """One row and the line it begins on: cells in the order of the header, or an object."""

    line: int
    cells: Any


class Rows(Protocol):
    """A file that has been opened: its columns (None for JSON lines), its records and faults in order."""

    @property
    def columns(self) -> Sequence[str] | None: ...

    @property
    def bytes_read(self) -> int: ...

    def __iter__(self) -> Iterator[Record | Fault]: ...


class _LineBroken(ValueError):
    """A line that cannot be read as text."""


class Lines:
    """The lines of a file as text, each at most a mebibyte; the others raise and the next call goes on after them."""

    def __init__(self, file: IO[bytes], encoding: str) -> None:
        self._file = file
        self._encoding = encoding
        self.number = 0
        self.bytes_read = 0

    def __iter__(self) -> "Lines":
        return self

    def __next__(self) -> str:
        raw = self._file.readline(MAX_LINE_BYTES + 1)
        if not raw:
            raise StopIteration
        self.number += 1
        self.bytes_read += len(raw)
        if len(raw) > MAX_LINE_BYTES:
            self._skip(raw)
            raise _LineBroken(f"the line is longer than {MAX_LINE_BYTES // 1024} KB")
        if self.number == 1:
            raw = _without_mark(raw)
        try:
            text = raw.decode(self._encoding)
        except UnicodeDecodeError as error:
            known = (
                "; for Latin-1 say encoding: latin-1 under `file` of the mapping" if self._encoding == "utf-8" else ""
            )
            raise _LineBroken(f"is not {self._encoding.upper()} at byte {error.start + 1}{known}") from error
        if "\0" in text:
            raise _LineBroken("holds a NUL")
        return text

    def _skip(self, raw: bytes) -> None:
        while raw and not raw.endswith(b"\n"):
            raw = self._file.readline(MAX_LINE_BYTES)
            self.bytes_read += len(raw)


def _without_mark(raw: bytes) -> bytes:
    if raw.startswith(_WIDE):
        raise ReplayFileWrong("it is UTF-16; save it as UTF-8")
    return raw.removeprefix(codecs.BOM_UTF8)


def open_file(name: str, stdin: IO[bytes]) -> IO[bytes]:
    """The file, unpacked when its name ends with .gz; standard input for `-`. Raises ReplayFileUnreadable."""
    if name == "-":
        return stdin
    try:
        return io.BufferedReader(gzip.open(name)) if name.endswith(".gz") else Path(name).open("rb")
    except OSError as error:
        raise ReplayFileUnreadable(f"{name}: {error.strerror}") from error


def open_rows(file: IO[bytes], name: str, layout: Layout) -> Rows:
    """CSV or JSON lines, by layout, by name, else by the first letter. Raises ReplayFileWrong or Invalid for a bad head."""
    lines = Lines(file, layout.encoding)
    kind = layout.format or _format_of(name.removesuffix(".gz"))
    if kind == "jsonl":
        return JsonRows(lines)
    first = _first(lines)
    if not kind and first.lstrip().startswith("{"):
        return JsonRows(lines, first)
    return CsvRows(lines, first, layout)


def _format_of(name: str) -> str:
    endings = {".csv": "csv", ".tsv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
    return endings.get(Path(name).suffix.lower(), "")


def _first(lines: Lines) -> str:
    try:
        return next(lines)
    except StopIteration:
        raise ReplayFileWrong("it is empty") from None
    except _LineBroken as error:
        raise ReplayFileWrong(f"line 1 {error}") from error


class JsonRows:
    """One object per line."""

    columns = None

    def __init__(self, lines: Lines, first: str = "") -> None:
        self._lines = lines
        self._first = first

    @property
    def bytes_read(self) -> int:
        return self._lines.bytes_read

    def __iter__(self) -> Iterator[Record | Fault]:
        if self._first:
            yield from self._of(self._first)
        while True:
            try:
                text = next(self._lines)
            except StopIteration:
                return
            except _LineBroken as error:
                yield Fault(self._lines.number, "", str(error))
                continue
            yield from self._of(text)

    def _of(self, text: str) -> Iterator[Record | Fault]:
        if not text.strip():
            return
        try:
            found = decode_json(text.encode())
        except (BadRequest, Invalid) as error:
            yield Fault(self._lines.number, "", f"not JSON: {error.detail or error.title}")
            return
        if isinstance(found, dict):
            yield Record(self._lines.number, found)
        else:
            yield Fault(self._lines.number, "", "is not an object; one object per line is read")


class CsvRows:
    """Cells below a header. A row may hold line breaks inside quotes."""

    def __init__(self, lines: Lines, first: str, layout: Layout) -> None:
        self._lines = lines
        self._delimiter = layout.delimiter or max(DELIMITERS, key=first.count)
        self._quote = layout.quote
        try:
            self.columns: list[str] = [name.strip() for name in next(self._reader([first]))]
        except (csv.Error, StopIteration) as error:
            raise ReplayFileWrong(f"line 1 is no header: {error}") from error

    @property
    def bytes_read(self) -> int:
        return self._lines.bytes_read

    def _reader(self, lines: Any) -> Any:
        return csv.reader(lines, delimiter=self._delimiter, quotechar=self._quote, strict=True)

    def __iter__(self) -> Iterator[Record | Fault]:
        width, reader = len(self.columns), self._reader(self._lines)
        while True:
            line = self._lines.number + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except (csv.Error, _LineBroken) as error:
                yield Fault(line, "", _in_words(error))
                reader = self._reader(self._lines)
                continue
            if len(cells) == width:
                yield Record(line, cells)
            elif cells:
                yield Fault(line, "", f"has {len(cells)} cells, the header has {width}")


def _in_words(error: Exception) -> str:
    text = str(error)
    return "a quote is opened and not closed" if "unexpected end" in text or "field larger" in text else text


def pointed(found: Mapping[str, Any], name: str) -> Any:
    """A field of an object by its name, or by a JSON pointer where the name begins with a slash; None where there is none."""
    return pointers.find(found, name) if name.startswith("/") else found.get(name)
