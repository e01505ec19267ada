"""Reading CSV exports of banks by mapping documents: ours for the banks of `bank_csv.yaml`, or a merchant's own (pure)."""

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from io import StringIO
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from gateway.core.errors import Invalid
from gateway.payments.bank_entries import (
    MAX_ENTRIES,
    MAX_TEXT,
    Balance,
    BankEntry,
    BankFileUnreadable,
    Party,
    Statement,
    minor,
    reference,
    with_keys,
)

COLUMNS = frozenset(
    """account booked_on value_on kind purpose mandate_id end_to_end_id batch_reference original charges name payer payee
    iban amount currency status balance ultimate creditor_reference bank_reference debit credit""".split()  # noqa: SIM905 - a list of names
)
INSIDE = frozenset({"name", "iban", "purpose", "end_to_end_id", "mandate_id"})
ORDERS = MappingProxyType({"DMY": (2, 1, 0), "YMD": (0, 1, 2), "MDY": (2, 0, 1)})
_HEADER_WITHIN = 40
"""Lines in which the header must come; above it banks write the account and the balance."""
_RETURN = re.compile(r"r(?:ü|ue|u)ck(?:lastschrift|gabe|belastung|überweisung|ueberweisung)|retoure", re.IGNORECASE)
_REASON = re.compile(r"\b(A[CGM]\d\d|MD\d\d|MS\d\d|BE\d\d|FF\d\d|RC\d\d|RR\d\d|SL\d\d)\b")
_ACCOUNT = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{10,30}|\d{5,20}")


class MappingInvalid(Invalid):
    """The mapping document of a CSV export is not valid."""


@dataclass(frozen=True, slots=True)
class Marks:
    """What stands in the text behind one of these words, up to the first of those or the end."""

    after: tuple[str, ...]
    before: tuple[str, ...]

    def take(self, text: str) -> str:
        """Words, not expressions: a merchant's own could be made to take for ever."""
        starts = [place + len(word) for word in self.after if (place := text.find(word)) >= 0]
        if not starts:
            return ""
        rest = text[min(starts) :].strip()
        return rest[: min([len(rest), *(place for word in self.before if (place := rest.find(word)) >= 0)])].strip()


@dataclass(frozen=True, slots=True)
class BankMapping:
    """How one bank writes its export."""

    name: str
    columns: Mapping[str, tuple[str, ...]]
    recognised_by: tuple[str, ...]
    date_order: str = "DMY"
    account_above: str = ""
    currency: str = ""
    pending: tuple[str, ...] = ()
    inside_purpose: Mapping[str, Marks] = field(default_factory=dict)


def mapping(name: str, document: Mapping[str, Any]) -> BankMapping:
    """A mapping document, checked. Raises MappingInvalid with the place of the fault."""
    known = {"columns", "recognised_by", "date_order", "account_above", "currency", "pending", "inside_purpose"}
    if unknown := sorted(set(document) - known):
        raise MappingInvalid.at(f"/{unknown[0]}", "is not known here")
    columns = {our: _names(f"/columns/{our}", their) for our, their in _parts(document, "columns").items()}
    if unknown := sorted(set(columns) - COLUMNS):
        raise MappingInvalid.at(f"/columns/{unknown[0]}", f"must be one of {', '.join(sorted(COLUMNS))}")
    if "booked_on" not in columns or not ("amount" in columns or {"debit", "credit"} <= set(columns)):
        raise MappingInvalid.at("/columns", "needs booked_on, and amount or debit and credit")
    order = _word(document, "date_order") or "DMY"
    if order not in ORDERS:
        raise MappingInvalid.at("/date_order", f"must be one of {', '.join(ORDERS)}")
    pending = _names("/pending", document["pending"]) if document.get("pending") else ()
    return BankMapping(
        name=name,
        columns=columns,
        recognised_by=_names("/recognised_by", document.get("recognised_by")),
        date_order=order,
        account_above=_word(document, "account_above"),
        currency=_word(document, "currency"),
        pending=tuple(word.lower() for word in pending),
        inside_purpose={our: _marks(our, told) for our, told in _parts(document, "inside_purpose").items()},
    )


def _parts(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = document.get(name) or {}
    if not isinstance(found, Mapping):
        raise MappingInvalid.at(f"/{name}", "is a table of names")
    return found


def _word(document: Mapping[str, Any], name: str) -> str:
    found = document.get(name) or ""
    if not isinstance(found, str):
        raise MappingInvalid.at(f"/{name}", "is a word")
    return found


def _names(path: str, told: Any) -> tuple[str, ...]:
    names = (told,) if isinstance(told, str) else tuple(told) if isinstance(told, list | tuple) else ()
    if not names or not all(isinstance(name, str) and name for name in names):
        raise MappingInvalid.at(path, "names a column, or a list of columns")
    return names


def _marks(our: str, told: Any) -> Marks:
    path = f"/inside_purpose/{our}"
    if our not in INSIDE:
        raise MappingInvalid.at(path, f"must be one of {', '.join(sorted(INSIDE))}")
    if not isinstance(told, Mapping) or not set(told) <= {"after", "before"}:
        raise MappingInvalid.at(path, "has `after` and `before`")
    return Marks(_names(f"{path}/after", told.get("after")), _names(f"{path}/before", told.get("before")))


@cache
def shipped() -> tuple[BankMapping, ...]:
    """The banks we know."""
    documents = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"))
    return tuple(mapping(name, document) for name, document in documents.items())


def read(content: bytes, own: Sequence[BankMapping] = ()) -> list[Statement]:
    """The export as one statement per account and currency; a merchant's own mappings are tried first.

    Raises BankFileUnreadable when no mapping fits or a row cannot be read.
    """
    rows = _rows(content)
    for known in (*own, *shipped()):
        for place, header in enumerate(rows[:_HEADER_WITHIN]):
            if {_plain(name) for name in known.recognised_by} <= set(header := _numbered(header)):
                return _statements(known, rows[:place], header, rows[place + 1 :])
    raise BankFileUnreadable("no mapping fits this CSV file; add one for your bank")


def _rows(content: bytes) -> list[list[str]]:
    text = _decoded(content)
    if "\0" in text:
        raise BankFileUnreadable("the file is no text")
    mark = max(";,\t", key=text[:4000].count)
    try:
        rows = list(csv.reader(StringIO(text), delimiter=mark))
    except csv.Error as error:
        raise BankFileUnreadable("the file is no CSV") from error
    if len(rows) > MAX_ENTRIES:
        raise BankFileUnreadable(f"a statement holds at most {MAX_ENTRIES} entries")
    return rows


def _decoded(content: bytes) -> str:
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    return content.decode("latin-1")


def _plain(name: str) -> str:
    return " ".join(name.replace("\ufeff", "").split()).lower()


def _numbered(header: Sequence[str]) -> list[str]:
    """Names as they are compared; the second of the same name is `name#2`."""
    seen: dict[str, int] = {}
    names = []
    for name in map(_plain, header):
        seen[name] = seen.get(name, 0) + 1
        names.append(name if seen[name] == 1 else f"{name}#{seen[name]}")
    return names


def _statements(
    known: BankMapping, above: Sequence[Sequence[str]], header: list[str], rows: Sequence[Sequence[str]]
) -> list[Statement]:
    places = {our: place for our, their in known.columns.items() if (place := _place(header, their)) is not None}
    account = _account_above(known, above)
    found: dict[tuple[str, str], list[tuple[BankEntry, int | None]]] = {}
    for number, row in enumerate(rows, 1):
        cells = {our: row[place].strip() for our, place in places.items() if place < len(row)}
        if not cells.get("booked_on") or not _date_like(cells["booked_on"]):
            continue  # balances and remarks below the table
        entry, balance = _entry(known, cells, number)
        own = cells.get("account", "").replace(" ", "") or account
        found.setdefault((own, entry.currency), []).append((entry, balance))
    return [_statement(*whose, lines) for whose, lines in found.items()]


def _place(header: list[str], names: tuple[str, ...]) -> int | None:
    return next((header.index(_plain(name)) for name in names if _plain(name) in header), None)


def _account_above(known: BankMapping, above: Sequence[Sequence[str]]) -> str:
    for row in above:
        if known.account_above and len(row) > 1 and _plain(row[0]).rstrip(":") == _plain(known.account_above):
            found = _ACCOUNT.search(row[1].replace(" ", ""))
            return found[0] if found else ""
    return ""


def _date_like(text: str) -> bool:
    return len(re.findall(r"\d+", text)) >= 3


def _statement(account: str, currency: str, lines: list[tuple[BankEntry, int | None]]) -> Statement:
    """Balances only where the bank writes one beside every row, and they add up from row to row."""
    newest_first = lines[0][0].booked_on > lines[-1][0].booked_on or _descends(lines)
    ordered = lines[::-1] if newest_first else lines
    first, last = ordered[0], ordered[-1]
    days = [entry.booked_on for entry, _ in lines]
    balanced = _adds_up(ordered)
    opening = closing = None
    if balanced and first[1] is not None and last[1] is not None:
        opening = Balance(first[1] - _signed(first[0]), currency, min(days))
        closing = Balance(last[1], currency, max(days))
    entries = tuple(entry for entry, _ in ordered)
    return with_keys(
        Statement("csv", account, "", None, currency, opening, closing, min(days), max(days), entries),
    )


def _signed(entry: BankEntry) -> int:
    return entry.booked_minor if entry.credit else -entry.booked_minor


def _descends(lines: Sequence[tuple[BankEntry, int | None]]) -> bool:
    return len(lines) > 1 and not _adds_up(lines) and _adds_up(lines[::-1])


def _adds_up(lines: Sequence[tuple[BankEntry, int | None]]) -> bool:
    return all(
        before is not None and after is not None and before + _signed(entry) == after
        for (_, before), (entry, after) in pairwise(lines)
    )


def _entry(known: BankMapping, cells: Mapping[str, str], number: int) -> tuple[BankEntry, int | None]:
    try:
        return _read_entry(known, cells)
    except BankFileUnreadable as error:
        raise BankFileUnreadable(f"row {number} below the header: {error.detail}") from error


def _read_entry(known: BankMapping, cells: Mapping[str, str]) -> tuple[BankEntry, int | None]:
    currency = (cells.get("currency") or known.currency or "EUR").upper()
    signed = _signed_amount(cells, currency)
    booked = abs(signed)
    inside = _inside(known, cells.get("purpose", ""))
    original = abs(_number(cells.get("original", ""), currency) or 0)
    charges = abs(_number(cells.get("charges", ""), currency) or 0)
    came_back = signed < 0 and bool(_RETURN.search(f"{cells.get('kind', '')} {cells.get('purpose', '')}"))
    payment = original if came_back and original else booked - charges if came_back and charges < booked else booked
    reason = _REASON.search(cells.get("purpose", "")) if came_back else None
    name = inside.get("name") or cells.get("name") or cells.get("payer" if signed > 0 else "payee", "")
    pending = any(word in cells.get("status", "").lower() for word in known.pending)
    entry = BankEntry(
        credit=signed > 0,
        amount_minor=payment,
        booked_minor=booked,
        charges_minor=booked - payment if payment < booked else 0,
        currency=currency,
        booked_on=_day(cells["booked_on"], known.date_order),
        value_on=_day(cells["value_on"], known.date_order) if cells.get("value_on") else None,
        status="PDNG" if pending else "BOOK",
        party=Party(name, (inside.get("iban") or cells.get("iban", "")).replace(" ", ""), cells.get("ultimate", "")),
        purpose=(inside.get("purpose") or cells.get("purpose", ""))[:MAX_TEXT],
        creditor_reference=reference(cells.get("creditor_reference")),
        end_to_end_id=reference(inside.get("end_to_end_id") or cells.get("end_to_end_id")),
        mandate_id=reference(inside.get("mandate_id") or cells.get("mandate_id")),
        bank_reference=reference(cells.get("bank_reference")),
        returned=came_back,
        return_code=reason[1] if reason else "",
        return_text=cells.get("kind", "") if came_back else "",
    )
    return entry, _number(cells.get("balance", ""), currency)


def _signed_amount(cells: Mapping[str, str], currency: str) -> int:
    told = _number(cells.get("amount", ""), currency)
    if told is None:
        told = abs(_number(cells.get("credit", ""), currency) or 0) - abs(
            _number(cells.get("debit", ""), currency) or 0
        )
    if not told:
        raise BankFileUnreadable("an amount is missing or nothing")
    return told


def _inside(known: BankMapping, purpose: str) -> dict[str, str]:
    """What a bank hides in the text."""
    text = " ".join(purpose[:MAX_TEXT].split())
    return {our: marks.take(text) for our, marks in known.inside_purpose.items()}


def _number(text: str, currency: str) -> int | None:
    """`1.234,56`, `-1,234.56`, `12.3 €`; three digits behind the last mark are thousands. None where there is no number."""
    digits = re.sub(r"[^\d.,+-]", "", text.replace("−", "-"))
    if not re.search(r"\d", digits):
        return None
    if digits.endswith(("-", "+")):
        digits = digits[-1] + digits[:-1]
    place = max(digits.rfind(","), digits.rfind("."))
    if place < 0 or len(digits) - place - 1 == 3:
        return minor(re.sub(r"[.,]", "", digits), currency)
    return minor(re.sub(r"[.,]", "", digits[:place]) + "." + digits[place + 1 :], currency)


def _day(text: str, order: str) -> date:
    parts = [int(part) for part in re.findall(r"\d+", text)[:3]]
    try:
        year, month, day = (parts[place] for place in ORDERS[order])
        return date(year + 2000 if year < 100 else year, month, day)
    except (ValueError, IndexError):
        raise BankFileUnreadable("a date cannot be read") from None
