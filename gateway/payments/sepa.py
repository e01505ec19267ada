"""SEPA files for the bank: direct debits (pain.008) and transfers (pain.001), checked before they are written (pure).

`sepaxml` writes and validates them against the published schemas. It does not check account numbers, stamps the machine's
clock and random ids, and lets free address lines through; here accounts and creditor ids are proven, ids and time are given,
and addresses are structured (free lines are not allowed in SEPA since 15 November 2026).
"""

import re
import unicodedata
import xml.etree.ElementTree as ET
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from schwifty import BIC, IBAN
from schwifty.exceptions import SchwiftyException
from sepaxml import SepaDD, SepaTransfer
from sepaxml.validation import ValidationError, try_valid_xml

from gateway.core.errors import Invalid

DEBIT_SCHEMA, TRANSFER_SCHEMA = "pain.008.001.08", "pain.001.001.09"
MOST = 10_000
LARGEST_MINOR = 99_999_999_999
"""999,999,999.99 EUR, the scheme's limit."""
SEQUENCES = ("FRST", "RCUR", "OOFF", "FNAL")
INSTRUMENTS = ("CORE", "B2B")
_REFERENCE = re.compile(r"[A-Za-z0-9+?/:().,' -]{1,35}")
_CREDITOR_ID = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{3}[A-Z0-9]{1,28}")
_NOT_SEPA = re.compile(r"[^A-Za-z0-9/?:().,'+ -]")
_WRITTEN_OUT = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss", "&": "+"})


class SepaInvalid(Invalid):
    """A payment cannot be written into a SEPA file; nothing of the file was written."""


@dataclass(frozen=True, slots=True)
class Address:
    """Structured; town and country at least."""

    town: str
    country: str
    street: str = ""
    building: str = ""
    postcode: str = ""


@dataclass(frozen=True, slots=True)
class Ours:
    """Whose account it is. `creditor_id` is needed for debits."""

    name: str
    iban: str
    bic: str = ""
    creditor_id: str = ""


@dataclass(frozen=True, slots=True)
class Debit:
    """One collection under a mandate, in euro."""

    end_to_end_id: str
    amount_minor: int
    name: str
    iban: str
    mandate_id: str
    mandate_date: date
    collect_on: date
    sequence: str = "RCUR"
    purpose: str = ""
    bic: str = ""
    address: Address | None = None


@dataclass(frozen=True, slots=True)
class Transfer:
    """One payment out, in euro."""

    end_to_end_id: str
    amount_minor: int
    name: str
    iban: str
    execute_on: date
    purpose: str = ""
    bic: str = ""
    address: Address | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """What tells one file from another: the bank refuses a second one of the same id."""

    id: str
    created_at: datetime


def direct_debits(ours: Ours, debits: Sequence[Debit], message: Message, instrument: str = "CORE") -> bytes:
    """A pain.008.001.08 file. Raises SepaInvalid with the place of each fault."""
    faults = [
        *_ours(ours),
        *_creditor_id(ours.creditor_id),
        *_message(message),
        *_payments(debits, message, _debit_faults),
    ]
    if instrument not in INSTRUMENTS:
        faults.append(("/instrument", f"must be one of {', '.join(INSTRUMENTS)}"))
    _refuse(faults)
    config = {**_config(ours), "creditor_id": ours.creditor_id, "instrument": instrument}
    file = SepaDD(config, schema=DEBIT_SCHEMA, clean=False)
    for one in debits:
        more = {
            "type": one.sequence,
            "collection_date": one.collect_on,
            "mandate_id": one.mandate_id,
            "mandate_date": one.mandate_date,
        }
        file.add_payment({**_payment(one), **more})
    return _written(file, message, DEBIT_SCHEMA)


def transfers(ours: Ours, payments: Sequence[Transfer], message: Message) -> bytes:
    """A pain.001.001.09 file. Raises SepaInvalid with the place of each fault."""
    _refuse([*_ours(ours), *_message(message), *_payments(payments, message, lambda _: [])])
    file = SepaTransfer(_config(ours), schema=TRANSFER_SCHEMA, clean=False)
    for one in payments:
        file.add_payment({**_payment(one), "execution_date": one.execute_on})
    return _written(file, message, TRANSFER_SCHEMA)


def plain(text: str, longest: int) -> str:
    """In the characters every bank takes: umlauts written out, other accents dropped, the rest left blank."""
    split = unicodedata.normalize("NFKD", text.translate(_WRITTEN_OUT))
    letters = "".join(letter for letter in split if not unicodedata.combining(letter))
    return " ".join(_NOT_SEPA.sub(" ", letters).split())[:longest].strip()


Fault = tuple[str, str]


def _refuse(faults: Sequence[Fault]) -> None:
    if faults:
        raise SepaInvalid(errors=[{"path": path, "message": message} for path, message in faults[:100]])


def _ours(ours: Ours) -> list[Fault]:
    return [
        *([] if plain(ours.name, 70) else [("/name", "is empty")]),
        *_account("", ours.iban, ours.bic),
    ]


def _creditor_id(creditor_id: str) -> list[Fault]:
    """ISO 7064 over country, check digits and number; the three letters between are the creditor's own."""
    if not _CREDITOR_ID.fullmatch(creditor_id):
        return [("/creditor_id", "is no creditor identifier")]
    rotated = creditor_id[7:] + creditor_id[:4]
    if int("".join(str(int(letter, 36)) for letter in rotated)) % 97 != 1:
        return [("/creditor_id", "has wrong check digits")]
    return []


def _message(message: Message) -> list[Fault]:
    if not _REFERENCE.fullmatch(message.id) or len(message.id) > 30:
        return [("/message/id", "has 1 to 30 letters, digits and / - ? : ( ) . , ' +")]
    return []


def _payments(payments: Sequence[Any], message: Message, more: Callable[[Any], list[Fault]]) -> list[Fault]:
    if not 1 <= len(payments) <= MOST:
        return [("/payments", f"has 1 to {MOST} payments")]
    faults: list[Fault] = []
    seen: set[str] = set()
    for place, one in enumerate(payments):
        found = [*_common(one), *more(one)]
        if one.end_to_end_id in seen:
            found.append(("/end_to_end_id", "appears twice in the file"))
        if _due(one) < message.created_at.date():
            found.append(("/date", "lies before the file"))
        seen.add(one.end_to_end_id)
        faults += [(f"/payments/{place}{path}", text) for path, text in found]
    return faults


def _due(one: Debit | Transfer) -> date:
    return one.collect_on if isinstance(one, Debit) else one.execute_on


def _common(one: Debit | Transfer) -> list[Fault]:
    faults = _account("", one.iban, one.bic)
    if not 1 <= one.amount_minor <= LARGEST_MINOR:
        faults.append(("/amount_minor", f"lies between 1 and {LARGEST_MINOR}"))
    if not _is_reference(one.end_to_end_id):
        faults.append(("/end_to_end_id", "has 1 to 35 letters, digits and / - ? : ( ) . , ' +, no slash at an end"))
    if not plain(one.name, 70):
        faults.append(("/name", "is empty"))
    return faults + (_address(one.address) if one.address else [])


def _is_reference(text: str) -> bool:
    return (
        bool(_REFERENCE.fullmatch(text))
        and text.strip() == text
        and not text.startswith("/")
        and not text.endswith("/")
    )


def _account(path: str, iban: str, bic: str) -> list[Fault]:
    faults = []
    try:
        IBAN(iban)
    except SchwiftyException:
        faults.append((f"{path}/iban", "is no valid IBAN"))
    try:
        BIC(bic) if bic else None
    except SchwiftyException:
        faults.append((f"{path}/bic", "is no valid BIC"))
    return faults


def _address(address: Address) -> list[Fault]:
    faults = [] if plain(address.town, 35) else [("/address/town", "is empty")]
    if not re.fullmatch(r"[A-Z]{2}", address.country):
        faults.append(("/address/country", "is no ISO 3166-1 code of two letters"))
    return faults


def _debit_faults(one: Debit) -> list[Fault]:
    faults = [] if one.sequence in SEQUENCES else [("/sequence", f"must be one of {', '.join(SEQUENCES)}")]
    if not _is_reference(one.mandate_id):
        faults.append(("/mandate_id", "has 1 to 35 letters, digits and / - ? : ( ) . , ' +"))
    if one.mandate_date > one.collect_on:
        faults.append(("/mandate_date", "lies after the collection"))
    return faults


def _config(ours: Ours) -> dict[str, Any]:
    config: dict[str, Any] = {
        "name": plain(ours.name, 70),
        "IBAN": _compact(ours.iban),
        "batch": True,
        "currency": "EUR",
    }
    return {**config, "BIC": ours.bic} if ours.bic else config


def _payment(one: Debit | Transfer) -> dict[str, Any]:
    told = {
        "name": plain(one.name, 70),
        "IBAN": _compact(one.iban),
        "amount": one.amount_minor,
        "description": plain(one.purpose, 140) or one.end_to_end_id,
        "endtoend_id": one.end_to_end_id,
    }
    if one.bic:
        told["BIC"] = one.bic
    if one.address:
        told["address"] = {
            "street_name": plain(one.address.street, 70),
            "building_number": plain(one.address.building, 16),
            "postcode": plain(one.address.postcode, 16),
            "town": plain(one.address.town, 35),
            "country": one.address.country,
        }
    return told


def _compact(iban: str) -> str:
    return iban.replace(" ", "").upper()


def _written(file: Any, message: Message, schema: str) -> bytes:
    """The file under our own ids and time, valid by the published schema."""
    namespace = f"urn:iso:std:iso:20022:tech:xsd:{schema}"
    ET.register_namespace("", namespace)
    root = ET.fromstring(file.export(validate=False))  # noqa: S314 - written a line above by ourselves
    names = {"p": namespace}
    for path, text in (
        ("MsgId", message.id),
        ("CreDtTm", message.created_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")),
    ):
        for found in root.iterfind(f"*/p:GrpHdr/p:{path}", names):
            found.text = text
    for number, found in enumerate(root.iterfind("*/p:PmtInf/p:PmtInfId", names), 1):
        found.text = f"{message.id}-{number}"
    for found in root.iter(f"{{{namespace}}}FinInstnId"):
        if not len(found):  # the schema allows an empty one, banks do not
            other = ET.SubElement(found, f"{{{namespace}}}Othr")
            ET.SubElement(other, f"{{{namespace}}}Id").text = "NOTPROVIDED"
    content: bytes = b'<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, "utf-8")
    try:
        try_valid_xml(content, schema)
    except ValidationError as error:
        raise SepaInvalid("the file is not valid by its schema") from error
    return content
