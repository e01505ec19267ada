"""How a debtor pays: the transfer in fields to copy, the code his banking app scans, and the rates he may choose."""

from dataclasses import dataclass

from markupsafe import Markup
from wtforms.fields.choices import SelectChoice

from gateway.core.errors import GatewayError
from gateway.core.money import Money, split_minor
from gateway.core.pages import money
from gateway.core.remittance import Transfer, epc_payload, epc_svg
from gateway.portal import pay_words
from gateway.portal.debtor_visit import DebtorVisit
from gateway.portal.pay_page import Card, DebtorPage
from gateway.receivables.pay_accounts import PayAccount


@dataclass(frozen=True, slots=True)
class Way:
    """One transfer for one claim: the reference finds it without anybody reading a purpose text."""

    name: str
    account: PayAccount
    amount_minor: int
    currency: str
    reference: str
    code: Markup

    @property
    def amount(self) -> str:
        return money(self.amount_minor, self.currency)

    @property
    def plain(self) -> str:
        """As a bank's form wants it."""
        return plain_amount((self.currency, self.amount_minor))

    @property
    def iban(self) -> str:
        return _by_four(self.account.iban)

    @property
    def spaced(self) -> str:
        """The reference as people read it."""
        return _by_four(self.reference)


def _by_four(text: str) -> str:
    return " ".join(text[place : place + 4] for place in range(0, len(text), 4))


def ways(page: DebtorPage, _visit: DebtorVisit) -> list[Way]:
    """One transfer for each claim that is owed and whose currency has an account."""
    return [
        _way(card, account)
        for card in page.cards
        if card.is_owed and (account := page.accounts.get(card.currency)) is not None
    ]


def rate_choices(page: DebtorPage) -> list[SelectChoice]:
    """`3 × 41,64 €`, the first rate being the larger by a cent."""
    if not page.owed:
        return []
    currency, total_minor = page.owed[0]
    counts = range(2, max(2, page.most_rates + 1))
    named = [
        (str(count), f"{count} × {money(split_minor(total_minor, [1] * count)[-1], currency)}") for count in counts
    ]
    return [SelectChoice("", pay_words.please_choose()), *named]


def plain_amount(owed: tuple[str, int]) -> str:
    currency, minor = owed
    return f"{Money(minor, currency).decimal():f}".replace(".", pay_words.point())


def _way(card: Card, account: PayAccount) -> Way:
    reference = card.claim.row.reference
    return Way(card.name, account, card.owed_minor, card.currency, reference, _code(card, account, reference))


def _code(card: Card, account: PayAccount, reference: str) -> Markup:
    """The GiroCode as an image of lines; empty where a code cannot carry this transfer."""
    transfer = Transfer(account.holder, account.iban, card.owed_minor, card.currency, reference)
    try:
        return Markup(epc_svg(epc_payload(transfer)))  # noqa: S704 - lines drawn by us, no text of anybody
    except GatewayError:
        return Markup("")
