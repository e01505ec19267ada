"""References and codes with which a credit transfer finds its place: ISO 11649 (RF), the Swiss QRR, the GiroCode (pure).

Sources: ISO 11649; SIX, Swiss Implementation Guidelines QR-bill 2.3; EPC069-12 v2.1.
"""

import io
import re
import unicodedata
from dataclasses import dataclass

import segno
from stdnum import iban as stdnum_iban
from stdnum import iso11649
from stdnum.ch import esr
from stdnum.iso7064 import mod_97_10

from gateway.core.errors import Contradictory, Invalid

MAX_PAYLOAD_BYTES, MAX_NAME, MAX_TEXT = 331, 70, 140
MAX_EPC_MINOR = 99_999_999_999
"""999,999,999.99 EUR: the most that a SEPA credit transfer carries."""
_RF_BASE = re.compile(r"[A-Z0-9]{1,21}")
_RF = re.compile(r"RF[0-9]{2}[A-Z0-9]{1,21}")
_QRR_BASE = re.compile(r"[0-9]{1,26}")
_QRR = re.compile(r"[0-9]{27}")


@dataclass(frozen=True, slots=True)
class Transfer:
    """A credit transfer to be offered as a code; `reference` (RF) or `text`, not both."""

    name: str
    iban: str
    amount_minor: int
    currency: str
    reference: str = ""
    text: str = ""


def rf_reference(base: str) -> str:
    """`RF`, two check digits and the base: at most 21 letters and digits. Raises Invalid."""
    compact = _compact(base)
    if not _RF_BASE.fullmatch(compact):
        raise Invalid.at("/base", "is 1 to 21 letters A to Z and digits")
    return f"RF{mod_97_10.calc_check_digits(compact + 'RF')}{compact}"


def is_rf(text: str) -> bool:
    """Whether this is a creditor reference whose check digits hold; blanks and small letters do not matter."""
    compact = _compact(text)
    return bool(_RF.fullmatch(compact)) and iso11649.is_valid(compact)


def qr_reference(base: str) -> str:
    """27 digits: at most 26 of the base, zeros before them, the check digit (modulo 10, recursive) last. Raises Invalid."""
    compact = _compact(base)
    if not _QRR_BASE.fullmatch(compact) or not int(compact):
        raise Invalid.at("/base", "is 1 to 26 digits, not all of them zero")
    digits = compact.zfill(26)
    return f"{digits}{esr.calc_check_digit(digits)}"


def is_qrr(text: str) -> bool:
    """Whether these are 27 digits, not all zero, whose check digit holds; blanks do not matter."""
    compact = _compact(text)
    return bool(_QRR.fullmatch(compact)) and int(compact) > 0 and esr.calc_check_digit(compact[:-1]) == compact[-1]


def epc_payload(transfer: Transfer) -> str:
    """The lines of a GiroCode, version 002, UTF-8. Raises Invalid and Contradictory.

    Empty elements at the end are left out, as EPC069-12 allows.
    """
    if transfer.currency != "EUR":
        raise Invalid.at("/currency", "is EUR: a GiroCode carries no other currency")
    if not 1 <= transfer.amount_minor <= MAX_EPC_MINOR:
        raise Invalid.at("/amount_minor", "is from 0.01 to 999999999.99 EUR")
    if transfer.reference and transfer.text:
        raise Contradictory("a GiroCode carries a reference or a text, not both")
    name, text = _line("name", transfer.name, MAX_NAME), _line("text", transfer.text, MAX_TEXT)
    if not name:
        raise Invalid.at("/name", "is needed")
    amount = f"EUR{transfer.amount_minor // 100}.{transfer.amount_minor % 100:02}"
    lines = ["BCD", "002", "1", "SCT", "", name, _iban(transfer.iban), amount, "", _reference(transfer.reference), text]
    payload = "\n".join(lines).rstrip("\n")
    if len(payload.encode()) > MAX_PAYLOAD_BYTES:
        raise Invalid.at("/text", f"makes the code longer than {MAX_PAYLOAD_BYTES} bytes")
    return payload


def epc_svg(payload: str) -> str:
    """The code as a self-contained SVG; error correction is level M, neither less nor more."""
    code = segno.make_qr(payload, error="m", boost_error=False, encoding="utf-8", eci=False)
    out = io.BytesIO()
    code.save(out, kind="svg", border=4, xmldecl=False, svgclass=None, lineclass=None, omitsize=True, nl=False)
    return out.getvalue().decode()


def _compact(text: str) -> str:
    """Without blanks, in capitals; letters that only a capital would make ASCII (ß, a ligature) stay what they are."""
    return text.replace(" ", "").upper() if text.isascii() else text


def _line(field: str, value: str, limit: int) -> str:
    """One line of text: what would start a new element or cannot be shown is refused."""
    if any(unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") for letter in value):
        raise Invalid.at(f"/{field}", "holds a line break or another character that is not to be shown")
    stripped = value.strip()
    if len(stripped) > limit:
        raise Invalid.at(f"/{field}", f"is longer than {limit} characters")
    return stripped


def _iban(value: str) -> str:
    compact = _compact(value)
    if not compact.isascii() or not stdnum_iban.is_valid(compact, check_country=False):
        raise Invalid.at("/iban", "is no valid IBAN")
    return compact


def _reference(value: str) -> str:
    if value and not is_rf(value):
        raise Invalid.at("/reference", "is no ISO 11649 reference (RF) whose check digits hold")
    return _compact(value)
