"""The codes on a letter: GiroCode for euros, the Swiss payment part for francs. Both are SVG and self-contained (pure)."""

from gateway.receivables import payment_codes
from gateway.receivables.letter_model import LetterModel
from gateway.receivables.letter_text import pays, swiss
from gateway.receivables.letter_words import Words
from gateway.receivables.payment_codes import Demand, Party


def girocode(model: LetterModel) -> str:
    """The SVG, or "" where none can be made (another currency, an account a code cannot carry)."""
    return payment_codes.girocode(demand_of(model)) if pays(model) else ""


def payment_part(model: LetterModel) -> str:
    """The SVG of the payment part (210 × 106 mm), or "" where the letter carries none."""
    return payment_codes.payment_part(demand_of(model)) if swiss(model) else ""


def demand_of(model: LetterModel) -> Demand:
    """The transfer the letter asks for."""
    account, recipient = model.account, model.recipient
    return Demand(
        account=account,
        amount_minor=model.total_minor,
        currency=model.currency,
        reference=model.reference,
        creditor=Party(account.holder, model.sender.place),
        debtor=Party(recipient.company or recipient.name, recipient.place) if recipient.place else None,
        note=Words(model.language, recipient.country).say("letter_number") + f" {model.number}",
        language=model.language,
    )
