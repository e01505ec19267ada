"""Where a debtor pays to: the merchant's own accounts by currency, as his letters name them."""

from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from gateway.core.crypto import Keyring
from gateway.merchants import senders
from gateway.merchants.senders import Profile
from gateway.receivables.letter_model import Account, Place
from gateway.receivables.payment_codes import Party


@dataclass(frozen=True, slots=True)
class PayAccounts:
    """The merchant as somebody who is paid; no accounts while he has named none."""

    creditor: Party | None = None
    by_currency: dict[str, Account] = field(default_factory=dict)


def of_merchant(session: Session, keyring: Keyring) -> PayAccounts:
    told = senders.find(session, keyring)
    if told is None:
        return PayAccounts()
    euro, francs = Account(told.account_holder, told.iban, told.bic), swiss_of(told)
    return PayAccounts(Party(told.account_holder, place_of(told)), {"EUR": euro} | ({"CHF": francs} if francs else {}))


def swiss_of(told: Profile) -> Account | None:
    """The account for francs: a Swiss IBAN, a QR-IBAN, or both."""
    iban = told.swiss_iban or (told.iban if told.iban.startswith(("CH", "LI")) else "")
    return Account(told.account_holder, iban, "", told.qr_iban) if iban or told.qr_iban else None


def place_of(told: Profile) -> Place:
    return Place(told.street, told.postcode, told.city, told.country, told.house_number, told.line2)
