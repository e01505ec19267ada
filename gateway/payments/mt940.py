"""Reading MT940 and MT942 by the library mt-940, message by message, with our own reading of the text field `:86:` (pure).

The library joins all messages of a file into one account, takes text that names a file for that file, and writes what
it cannot read into the log; here it gets one message at a time, from memory, and says nothing.
"""

import logging
import re
from collections.abc import Iterator
from datetime import date
from typing import Any

from mt940.models import Transactions
from mt940.tags import StatementASNB, Tag

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

logging.getLogger("mt940").setLevel(logging.CRITICAL + 1)

_MESSAGE = re.compile(r"^(?=:20:)", re.MULTILINE)
_TAG = re.compile(r"^:(?:25|28C?|60[FM]|61|62[FM]):", re.MULTILINE)
_RAW = {**Transactions.DEFAULT_PROCESSORS, "post_transaction_details": []}
"""The library's own reading of `:86:` leaves the payer's IBAN glued to his name."""
_FIELDS = re.compile(r"(\d{3})?([?<>~^@|])(?=\d\d)")
_WORDS = ("EREF", "KREF", "MREF", "CRED", "DEBT", "SVWZ", "ABWA", "ABWE", "IBAN", "BIC", "COAM", "OAMT", "RREF", "MTLG")
_WORD = re.compile("(" + "|".join("\n?".join(word) for word in _WORDS) + ")\n?[+:]\n? ?")
"""German banks name what follows; their line ends fall where they like."""
_SLASHED = (
    "EREF",
    "REMI",
    "NAME",
    "IBAN",
    "BIC",
    "BENM",
    "ORDP",
    "MARF",
    "CSID",
    "TRTP",
    "RTRN",
    "USTD",
    "ISDT",
    "ADDR",
)
_SLASH = re.compile("/(" + "|".join(_SLASHED) + ")/")
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}[A-Z0-9]{11,30}\b")
_REASON = re.compile(r"R(?:ue|ü)ckgabegrund:?\s*([A-Z]{2}\d{2})\b|\b(?:REASON|RTRN)[ /:]([A-Z]{2}\d{2})\b")
_ORIGINAL = re.compile(r"/?OCMT/([A-Z]{3})(\d+(?:,\d*)?)")
_RETURNS = frozenset({"108", "109", "159"})
_RETURN_KEYS = {"901": "AC01", "914": "MS03"}
"""Text key of `?34` to ISO reason, as far as banks' own files show both; the others tell no reason we could rely on."""


def read(content: bytes) -> list[Statement]:
    """Every message of the file as a statement, entries under stable keys. Raises BankFileUnreadable."""
    text = _decoded(content).replace("\r\n", "\n").replace("\r", "\n")
    statements = [with_keys(_statement(message)) for message in _messages(text)]
    if not statements:
        raise BankFileUnreadable("the file is no MT940")
    return statements


def _decoded(content: bytes) -> str:
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    return content.decode("cp850")


def _messages(text: str) -> Iterator[str]:
    return (part for part in _MESSAGE.split(text) if _TAG.search(part))


def _statement(message: str) -> Statement:
    parsed = _parsed(message)
    data = parsed.data
    opening = _balance(data.get("final_opening_balance") or data.get("intermediate_opening_balance"))
    closing = _balance(data.get("final_closing_balance") or data.get("intermediate_closing_balance"))
    entries = tuple(_entry(each.data) for each in parsed if each.data.get("amount") is not None)
    if len(entries) > MAX_ENTRIES:
        raise BankFileUnreadable(f"a statement holds at most {MAX_ENTRIES} entries")
    number = str(data.get("statement_number") or "")
    return Statement(
        format="mt940",
        account=re.sub(r"\s", "", str(data.get("account_identification") or "")),
        reference=reference(str(data.get("transaction_reference") or "")),
        sequence=int(number) if number.isdecimal() and int(number) else None,
        currency=opening.currency if opening else next((entry.currency for entry in entries), ""),
        opening=opening,
        closing=closing,
        from_on=opening.on if opening else None,
        to_on=closing.on if closing else None,
        entries=entries,
    )


def _parsed(message: str) -> Transactions:
    """By the library; banks that write an account where a reference stands have a reading of their own."""
    asn = StatementASNB()
    readings: tuple[dict[int | str, Tag] | None, ...] = (None, {asn.id: asn})
    for tags in readings:
        found = Transactions(processors=_RAW, tags=tags)
        try:
            found.parse(message)
        except (RuntimeError, ValueError, KeyError, AttributeError, IndexError, ArithmeticError, TypeError):
            continue
        return found
    raise BankFileUnreadable("a statement of the file is no MT940")


def _balance(found: Any) -> Balance | None:
    if found is None:
        return None
    amount, currency = found.amount.amount, str(found.amount.currency)
    sign = -1 if amount < 0 else 1
    return Balance(sign * minor(str(abs(amount)), currency), currency, _date(found.date))


def _date(found: Any) -> date | None:
    return None if found is None else date(found.year, found.month, found.day)


def _entry(data: dict[str, Any]) -> BankEntry:
    currency = str(data.get("currency") or data["amount"].currency or "EUR")
    amount = minor(str(abs(data["amount"].amount)), currency)
    payment = _original(data, currency) or amount
    status = str(data.get("status") or "")
    booked = _date(data.get("entry_date")) or _date(data.get("guessed_entry_date")) or _date(data.get("date"))
    if booked is None:
        raise BankFileUnreadable("an entry has no date")
    return BankEntry(
        credit=status in ("C", "RD"),
        amount_minor=payment,
        booked_minor=amount,
        charges_minor=abs(amount - payment),
        currency=currency,
        booked_on=booked,
        value_on=_date(data.get("date")),
        reversal=status.startswith("R"),
        bank_reference=reference(data.get("bank_reference")),
        **_told(str(data.get("transaction_details") or ""), data),
    )


def _original(data: dict[str, Any], currency: str) -> int | None:
    """Of a payment that came back: its own amount, where the bank writes it beside what it booked with charges."""
    found = _ORIGINAL.search(str(data.get("extra_details") or ""))
    if found is None or found[1] != currency:
        return None
    return minor(found[2].rstrip(",").replace(",", "."), currency)


def _told(details: str, data: dict[str, Any]) -> dict[str, Any]:
    """What the text says of payer, purpose and references, in any of the three ways banks write it."""
    structured = _FIELDS.match(details)
    if structured:
        return _german(details, structured[2])
    if len(_SLASH.findall(details)) > 1:
        return _slashed(details)
    extra = str(data.get("extra_details") or "").strip()
    return {
        "purpose": (f"{details}\n{extra}" if extra else details).strip()[:MAX_TEXT],
        "party": Party(iban=_account(details)),
        "end_to_end_id": _customer_reference(data),
    }


def _account(text: str) -> str:
    """The first IBAN in a free text, proven by its check digits."""
    return next((found[0] for found in _IBAN.finditer(text) if _checks(found[0])), "")


def _checks(iban: str) -> bool:
    return int("".join(str(int(letter, 36)) for letter in iban[4:] + iban[:4])) % 97 == 1


def _customer_reference(data: dict[str, Any]) -> str:
    found = reference(data.get("customer_reference"))
    return "" if found in ("EREF", "KREF", "PREF", "MARF") or _IBAN.match(found) else found


def _german(details: str, mark: str) -> dict[str, Any]:
    """Sub-fields: 00 kind of booking, 20–29 and 60–63 text, 30 bank, 31 account, 32–33 name, 34 why it came back."""
    flat = details.replace("\n", "")
    parts = re.split(rf"{re.escape(mark)}(\d\d)", flat)
    fields: dict[str, str] = {}
    for number, value in zip(parts[1::2], parts[2::2], strict=False):
        fields[number] = fields.get(number, "") + value
    lines = [value for number, value in fields.items() if "20" <= number <= "29" or "60" <= number <= "63"]
    words = _words("\n".join(line.strip() for line in lines))
    returned = parts[0] in _RETURNS or bool(fields.get("34"))
    account = fields.get("38") or fields.get("31", "") or words.get("IBAN", "")
    name = " ".join(f"{fields.get('32', '')}{fields.get('33', '')}".split())
    purpose = words.get("SVWZ") or words.get("", "")
    return {
        "business_code": parts[0],
        "purpose": purpose.strip()[:MAX_TEXT],
        "party": Party(name, account.replace(" ", ""), _one_line(words.get("ABWA") or words.get("ABWE", ""))),
        "end_to_end_id": reference(_joined(words.get("EREF") or words.get("KREF", ""))),
        "mandate_id": reference(_joined(words.get("MREF", ""))),
        "returned": returned,
        "return_code": _reason(fields.get("34", ""), "\n".join(lines)) if returned else "",
        "return_text": _one_line(words.get("MTLG", "") or fields.get("00", "")) if returned else "",
    }


def _words(text: str) -> dict[str, str]:
    """What stands behind `EREF+`, `SVWZ+` and so on; what stands before the first of them under an empty name."""
    parts = _WORD.split(text)
    found = {"": parts[0]}
    for word, value in zip(parts[1::2], parts[2::2], strict=False):
        found.setdefault(word.replace("\n", ""), value)
    return found


def _slashed(details: str) -> dict[str, Any]:
    parts = _SLASH.split(details.replace("\n", ""))
    fields: dict[str, str] = {}
    for name, value in zip(parts[1::2], parts[2::2], strict=False):
        fields.setdefault(name, value.strip().rstrip("/"))
    reason = re.fullmatch(r"[A-Z]{2}\d{2}", fields.get("RTRN", ""))
    return {
        "purpose": (fields.get("REMI") or fields.get("USTD", ""))[:MAX_TEXT],
        "party": Party(fields.get("NAME", ""), fields.get("IBAN", "")),
        "end_to_end_id": reference(fields.get("EREF")),
        "mandate_id": reference(fields.get("MARF")),
        "returned": "RTRN" in fields,
        "return_code": reason[0] if reason else "",
    }


def _reason(key: str, text: str) -> str:
    written = _REASON.search(text.replace("\n", ""))
    if written:
        return written[1] or written[2]
    return _RETURN_KEYS.get(key.strip()[:3], "")


def _joined(text: str) -> str:
    return text.replace("\n", "")


def _one_line(text: str) -> str:
    return " ".join(text.split())
