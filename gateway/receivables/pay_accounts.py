"""Where a debtor pays to: the merchant's own accounts by currency, as his letters name them."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from gateway.core.crypto import Keyring
from gateway.merchants import senders
from gateway.merchants.senders import Profile


@dataclass(frozen=True, slots=True)
class PayAccount:
    """An account of the merchant, in the name the bank knows."""

    holder: str
    iban: str
    bic: str = ""
    qr_iban: str = ""


def of_merchant(session: Session, keyring: Keyring) -> dict[str, PayAccount]:
    """By currency; empty while the merchant has named none."""
    told = senders.find(session, keyring)
    return {} if told is None else _by_currency(told)


def _by_currency(told: Profile) -> dict[str, PayAccount]:
    euro = PayAccount(told.account_holder, told.iban, told.bic)
    swiss = told.swiss_iban or (told.iban if told.iban.startswith(("CH", "LI")) else "")
    francs = PayAccount(told.account_holder, swiss, "", told.qr_iban)
    return {"EUR": euro} | ({"CHF": francs} if swiss or told.qr_iban else {})
