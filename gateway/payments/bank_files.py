"""Telling what a bank file is by its content, never by its name, and reading it (pure)."""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.payments import bank_csv, camt, mt940
from gateway.payments.bank_csv import BankMapping
from gateway.payments.bank_entries import BankFileUnreadable, PaymentStatus, Statement

MAX_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Contents:
    """What a file held: statements, or the bank's answers to payments we ordered."""

    format: str
    statements: tuple[Statement, ...] = ()
    statuses: tuple[PaymentStatus, ...] = ()


def read(content: bytes, mappings: Sequence[BankMapping] = ()) -> Contents:
    """A camt, pain.002, MT940 or CSV file. Raises BankFileUnreadable."""
    if not content.strip():
        raise BankFileUnreadable("the file is empty")
    if len(content) > MAX_BYTES:
        raise BankFileUnreadable(f"a bank file has at most {MAX_BYTES // 1024 // 1024} MB")
    if _is_xml(content):
        return _xml(content)
    if _is_mt940(content):
        return _of(mt940.read(content))
    return _of(bank_csv.read(content, mappings))


def _is_xml(content: bytes) -> bool:
    start = content[:64].lstrip(b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n")
    return start.startswith(b"<")


def _is_mt940(content: bytes) -> bool:
    start = content[:4096].replace(b"\r", b"\n")
    return any(line.startswith((b":20:", b":25:", b":61:")) for line in start.split(b"\n"))


def _xml(content: bytes) -> Contents:
    if b"CstmrPmtStsRpt" in content[:8192].replace(b"\x00", b""):
        return Contents("pain.002", statuses=tuple(camt.read_status(content)))
    return _of(camt.read(content))


def _of(statements: list[Statement]) -> Contents:
    if not statements:
        raise BankFileUnreadable("the file holds no statement")
    return Contents(statements[0].format, tuple(statements))
