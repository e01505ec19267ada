"""How a debtor pays: the transfer in fields to copy, the code his banking app scans, and the rates he may choose."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup
from wtforms.fields.choices import SelectChoice

from gateway.core.money import Money, split_minor
from gateway.core.pages import language, money, say
from gateway.portal import pay_words
from gateway.portal.pay_page import Card, DebtorPage
from gateway.receivables import payment_codes
from gateway.receivables.payment_codes import Demand


@dataclass(frozen=True, slots=True)
class Way:
    """One transfer: the reference finds the claim without anybody reading a purpose text."""

    name: str
    demand: Demand
    code: Markup
    swiss: bool
    bundle: bool = False
    """For several claims at once: what exceeds the named one pays the others."""

    @property
    def holder(self) -> str:
        return self.demand.account.holder

    @property
    def bic(self) -> str:
        return self.demand.account.bic

    @property
    def amount(self) -> str:
        return money(self.demand.amount_minor, self.demand.currency)

    @property
    def plain(self) -> str:
        """As a bank's form wants it."""
        return plain_amount((self.demand.currency, self.demand.amount_minor))

    @property
    def account_number(self) -> str:
        return payment_codes.account_number(self.demand.account, self.demand.reference)

    @property
    def iban(self) -> str:
        return _by_four(self.account_number)

    @property
    def reference(self) -> str:
        return self.demand.reference

    @property
    def spaced(self) -> str:
        """The reference as people read it: an RF by four, a QR reference by five from its end."""
        return _by_four(self.reference) if self.reference.startswith("RF") else _by_five(self.reference)


def _by_four(text: str) -> str:
    return " ".join(text[place : place + 4] for place in range(0, len(text), 4))


def _by_five(text: str) -> str:
    first = len(text) % 5
    parts = [text[:first], *(text[place : place + 5] for place in range(first, len(text), 5))]
    return " ".join(part for part in parts if part)


def ways(page: DebtorPage) -> list[Way]:
    """One transfer for all claims of a currency where there are several, then one for each, if the currency has an account."""
    found: list[Way | None] = []
    for currency, _ in page.owed:
        cards = [card for card in page.cards if card.is_owed and card.currency == currency]
        found += [_bundle(page, cards)] if len(cards) > 1 else []
        found += [_way(page, [card], card.name) for card in cards]
    return [way for way in found if way is not None]


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


def _bundle(page: DebtorPage, cards: Sequence[Card]) -> Way | None:
    """All of them, under the reference of the oldest, as a letter over several claims names it."""
    return _way(page, cards, say("Everything together"))


def _way(page: DebtorPage, cards: Sequence[Card], name: str) -> Way | None:
    account, creditor = page.accounts.by_currency.get(cards[0].currency), page.accounts.creditor
    if account is None or creditor is None:
        return None
    oldest = min(cards, key=lambda card: card.claim.id)
    reference = payment_codes.reference_for(oldest.currency, oldest.claim.row.reference, account)
    owed_minor = sum(card.owed_minor for card in cards)
    demand = Demand(account, owed_minor, oldest.currency, reference, creditor, language=language())
    return Way(name, demand, _code(demand), demand.currency == "CHF", len(cards) > 1)


def _code(demand: Demand) -> Markup:
    """As an image of lines; empty where a code cannot carry this transfer."""
    made = payment_codes.swiss_code(demand) if demand.currency == "CHF" else payment_codes.girocode(demand)
    return Markup(made)  # noqa: S704 - lines drawn by us, no text of anybody
