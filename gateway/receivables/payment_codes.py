"""What a banking app scans and what a debtor copies: one transfer, as a GiroCode or a Swiss QR code (pure).

Letters and the debtor's page make both from the same `Demand`. Sources: EPC069-12 v2.1; SIX, Swiss Implementation
Guidelines QR-bill 2.3 (46 × 46 mm, the Swiss cross of 7 × 7 mm in its middle, a margin of 5 mm around).
"""

import io
from dataclasses import dataclass

import segno
from qrbill import QRBill

from gateway.core.errors import GatewayError
from gateway.core.money import Money
from gateway.core.remittance import Transfer, epc_payload, epc_svg, is_qrr, is_rf, qr_reference
from gateway.receivables.letter_model import Account, Place

QRBILL_LANGUAGES = frozenset({"de", "fr", "it", "en"})
MARGIN_MM, CODE_MM, CROSS_MM = 5, 46, 7


@dataclass(frozen=True, slots=True)
class Party:
    """Who is paid, or who pays."""

    name: str
    place: Place


@dataclass(frozen=True, slots=True)
class Demand:
    """One transfer: so much, to this account, with this reference. `debtor` and `note` go into Swiss codes only."""

    account: Account
    amount_minor: int
    currency: str
    reference: str
    creditor: Party
    debtor: Party | None = None
    note: str = ""
    language: str = "de"


def reference_for(currency: str, reference: str, account: Account) -> str:
    """A claim's reference as its account wants it: a QR reference of its digits where a QR-IBAN takes the money."""
    if currency != "CHF" or not account.qr_iban:
        return reference
    digits = "".join(letter for letter in reference if letter.isdigit())
    return qr_reference(digits[-26:]) if digits.strip("0") else reference


def account_number(account: Account, reference: str) -> str:
    """A QR reference needs the QR-IBAN, every other the ordinary one."""
    return account.qr_iban if account.qr_iban and is_qrr(reference) else account.iban


def girocode(demand: Demand) -> str:
    """The SVG, or "" where none can be made (another currency, an account a code cannot carry)."""
    if demand.currency != "EUR":
        return ""
    structured = is_rf(demand.reference)
    transfer = Transfer(
        name=demand.account.holder,
        iban=demand.account.iban,
        amount_minor=demand.amount_minor,
        currency="EUR",
        reference=demand.reference if structured else "",
        text="" if structured else demand.reference,
    )
    try:
        return epc_svg(epc_payload(transfer))
    except GatewayError:
        return ""


def payment_part(demand: Demand) -> str:
    """The SVG of receipt and payment part (210 × 106 mm) for paper, or "" where there can be none."""
    bill = _bill(demand)
    if bill is None:
        return ""
    out = io.StringIO()
    bill.as_svg(out)
    return out.getvalue()


def swiss_code(demand: Demand) -> str:
    """The Swiss QR code alone, for a screen, as a self-contained SVG in its real size; "" where there can be none."""
    bill = _bill(demand)
    return "" if bill is None else _swiss_svg(bill.qr_data())


def _bill(demand: Demand) -> QRBill | None:
    if demand.currency != "CHF":
        return None
    try:
        return QRBill(
            account=account_number(demand.account, demand.reference),
            creditor=_address(demand.creditor),
            debtor=_address(demand.debtor) if demand.debtor else None,
            amount=str(Money(demand.amount_minor, "CHF").decimal()),
            currency="CHF",
            reference_number=demand.reference or None,
            additional_information=demand.note,
            language=demand.language if demand.language in QRBILL_LANGUAGES else "en",
        )
    except ValueError:
        return None


def _address(party: Party) -> dict[str, str]:
    """Structured only (type S): the combined form is refused by banks. A line break would start another element."""
    place = party.place
    parts = {
        "name": (party.name, 70),
        "street": (place.street, 70),
        "house_num": (place.house_number, 16),
        "pcode": (place.postcode, 16),
        "city": (place.city, 35),
        "country": (place.country, 2),
    }
    return {name: " ".join(text.split())[:most] for name, (text, most) in parts.items()}


def _swiss_svg(payload: str) -> str:
    """Error correction is level M, neither less nor more: the cross covers what it can mend."""
    code = segno.make_qr(payload, error="m", boost_error=False, encoding="utf-8", eci=False)
    rows = list(code.matrix)
    runs = "".join(f"M{x} {y}h1v1h-1z" for y, row in enumerate(rows) for x, module in enumerate(row) if module)
    side, scale, middle = CODE_MM + 2 * MARGIN_MM, CODE_MM / len(rows), MARGIN_MM + CODE_MM / 2
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{side}mm" height="{side}mm" viewBox="0 0 {side} {side}">'
        f'<path fill="#fff" d="M0 0h{side}v{side}h-{side}z"/>'
        f'<path transform="translate({MARGIN_MM} {MARGIN_MM}) scale({scale:.6f})" shape-rendering="crispEdges" d="{runs}"/>'
        f'<g transform="translate({middle} {middle})">{_CROSS}</g></svg>'
    )


_CROSS = (
    f'<path fill="#fff" d="M-{CROSS_MM / 2} -{CROSS_MM / 2}h{CROSS_MM}v{CROSS_MM}h-{CROSS_MM}z"/>'
    '<path d="M-3 -3h6v6h-6z"/>'
    '<path fill="#fff" d="M-.5625 -1.875h1.125v1.3125h1.3125v1.125h-1.3125v1.3125h-1.125v-1.3125h-1.3125v-1.125h1.3125z"/>'
)
"""White on black, 7 mm with its white border; each arm is a sixth longer than wide, as in the flag."""
