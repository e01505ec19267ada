"""The codes on a letter: GiroCode for euros, the Swiss payment part for francs. Both are SVG and self-contained (pure)."""

import io

from qrbill import QRBill

from gateway.core.errors import GatewayError
from gateway.core.money import Money
from gateway.core.remittance import Transfer, epc_payload, epc_svg, is_qrr, is_rf
from gateway.receivables.letter_model import Account, LetterModel, Place
from gateway.receivables.letter_text import pays, swiss
from gateway.receivables.letter_words import Words

QRBILL_LANGUAGES = frozenset({"de", "fr", "it", "en"})


def girocode(model: LetterModel) -> str:
    """The SVG, or "" where none can be made (another currency, an account a code cannot carry)."""
    if not pays(model) or model.currency != "EUR":
        return ""
    account, structured = model.account, is_rf(model.reference)
    transfer = Transfer(
        name=account.holder,
        iban=account.iban,
        amount_minor=model.total_minor,
        currency="EUR",
        reference=model.reference if structured else "",
        text="" if structured else model.reference,
    )
    try:
        return epc_svg(epc_payload(transfer))
    except GatewayError:
        return ""


def payment_part(model: LetterModel) -> str:
    """The SVG of the payment part (210 × 106 mm), or "" where the letter carries none."""
    if not swiss(model):
        return ""
    account, recipient = model.account, model.recipient
    try:
        bill = QRBill(
            account=_account_for(account, model.reference),
            creditor=_address(account.holder, model.sender.place),
            debtor=_address(recipient.company or recipient.name, recipient.place) if recipient.place else None,
            amount=str(Money(model.total_minor, "CHF").decimal()),
            currency="CHF",
            reference_number=model.reference or None,
            additional_information=Words(model.language, recipient.country).say("letter_number") + f" {model.number}",
            language=model.language if model.language in QRBILL_LANGUAGES else "en",
        )
    except ValueError:
        return ""
    out = io.StringIO()
    bill.as_svg(out)
    return out.getvalue()


def _account_for(account: Account, reference: str) -> str:
    """A QR reference needs the QR-IBAN, every other the ordinary one."""
    return account.qr_iban if account.qr_iban and is_qrr(reference) else account.iban


def _address(name: str, place: Place) -> dict[str, str]:
    """Structured only (type S): the combined form is refused by banks."""
    return {
        "name": name[:70],
        "street": place.street[:70],
        "house_num": place.house_number[:16],
        "pcode": place.postcode[:16],
        "city": place.city[:35],
        "country": place.country,
    }
