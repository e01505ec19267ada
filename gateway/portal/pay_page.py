"""What the debtor's page shows: his claims line by line, what runs already, how he pays, and what he was written."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from gateway.core.documents import Document
from gateway.core.http import services
from gateway.core.pages import day, say
from gateway.law import store
from gateway.law.tables import Tables
from gateway.merchants import senders
from gateway.merchants.senders import Profile
from gateway.portal import pay_words
from gateway.portal.debtor_visit import DebtorVisit
from gateway.portal.pay_steps import FREE, OWED
from gateway.receivables import debtor_claims, instalments, ledger, pay_accounts, plans, returned_told
from gateway.receivables.agreements import limits_of
from gateway.receivables.booking import Booked
from gateway.receivables.debtor_claims import DebtorClaim, Sent
from gateway.receivables.pay_accounts import PayAccounts
from gateway.receivables.plans import PlanView
from gateway.receivables.statement import Line as StatementLine
from gateway.receivables.statement import statement_of

SELLER_WAITS = timedelta(days=14)
"""After delivery; within it instalments are no credit. The plan itself is judged by `instalments`, date by date."""


@dataclass(frozen=True, slots=True)
class Line:
    """One booking in words."""

    text: str
    amount_minor: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class Card:
    """One claim on the page."""

    claim: DebtorClaim
    owed_minor: int
    lines: tuple[Line, ...]
    sentences: tuple[str, ...]
    documents: tuple[Document, ...] = ()

    @property
    def name(self) -> str:
        return pay_words.name(self.claim)

    @property
    def currency(self) -> str:
        return self.claim.row.currency

    @property
    def is_owed(self) -> bool:
        return self.owed_minor > 0 and self.claim.row.state in OWED


@dataclass(frozen=True, slots=True)
class DebtorPage:
    """All of it."""

    cards: tuple[Card, ...]
    plans: tuple[PlanView, ...] = ()
    letters: tuple[Sent, ...] = ()
    accounts: PayAccounts = field(default_factory=PayAccounts)
    most_rates: int = 0
    min_rate_minor: int = 0
    last_first_due: date | None = None
    last_deferral: date | None = None
    last_promise: date | None = None
    sender: Profile | None = None
    may_split: bool = True
    """Not where an instalment could only be consumer credit: a consumer who is not in default yet."""

    @property
    def owed(self) -> list[tuple[str, int]]:
        """What is owed now, by currency, the largest part first in order of the claims."""
        sums: dict[str, int] = {}
        for card in self.cards:
            if card.is_owed:
                sums[card.currency] = sums.get(card.currency, 0) + card.owed_minor
        return list(sums.items())

    @property
    def can_object(self) -> bool:
        return any(one.is_owed and one.claim.objection is None for one in self.cards)

    @property
    def can_wait(self) -> bool:
        return any(one.is_owed and one.claim.row.state in FREE for one in self.cards)


def page(session: Session, visit: DebtorVisit) -> DebtorPage:
    """In a fixed number of queries."""
    keyring, shown = services().keyring, visit.claims
    tables = store.load(session)
    booked = ledger.load(session, [one.id for one in shown])
    files = debtor_claims.invoices_of(session, shown)
    cards = tuple(
        _card(one, booked[one.id], [file for id_, file in files if id_ == one.id], tables, visit.today) for one in shown
    )
    returned = {row.claim_id for row in returned_told.of_claims(session, [one.id for one in shown])}
    cards = tuple(_with_return(card) if card.claim.id in returned else card for card in cards)
    limits, ids = limits_of(session, visit.shop.id), {one.id for one in shown}
    running = plans.list_plans(session, buyer_id=visit.buyer_id)
    return DebtorPage(
        cards,
        tuple(one for one in running if ids.issuperset(claim.id for claim in one.claims)),
        tuple(debtor_claims.letters_of(session, visit.buyer_id, [*ids])),
        pay_accounts.of_merchant(session, keyring),
        instalments.most_rates(_free_minor(cards), limits),
        limits.min_rate_minor,
        visit.today + timedelta(days=limits.max_first_days),
        visit.today + timedelta(days=limits.max_deferral_days),
        visit.today + timedelta(days=limits.max_promise_days),
        senders.find(session, keyring),
        any(_splits(card, visit.today) for card in cards),
    )


def _splits(card: Card, today: date) -> bool:
    row = card.claim.row
    if not card.is_owed or row.state not in FREE:
        return False
    waits = row.delivered_on is not None and today < row.delivered_on + SELLER_WAITS
    return row.debtor != "consumer" or row.default_from is not None or waits


def document_ids(session: Session, visit: DebtorVisit) -> set[UUID]:
    """Files he may open: invoices and proofs of delivery of his claims, and his letters."""
    invoices = {document.id for _, document in debtor_claims.invoices_of(session, visit.claims)}
    letters = debtor_claims.letters_of(session, visit.buyer_id, [one.id for one in visit.claims])
    return invoices | {one.row.document_id for one in letters if one.row.document_id is not None}


def _free_minor(cards: Sequence[Card]) -> int:
    """What could go into one plan: the claims of the first currency."""
    free = [one for one in cards if one.is_owed and one.claim.row.state in FREE]
    return sum(one.owed_minor for one in free if one.currency == free[0].currency)


def _card(claim: DebtorClaim, booked: Sequence[Booked], files: Sequence[Document], tables: Tables, today: date) -> Card:
    stated = statement_of(booked, claim.row, today, tables)
    lines = tuple(line for one in stated.lines if (line := _line(one)) is not None)
    sentences = [*pay_words.status(claim), *([say(pay_words.RESERVED)] if stated.reserved else [])]
    return Card(claim, stated.total_minor, lines, tuple(sentences), tuple(files))


def _with_return(card: Card) -> Card:
    """Why it is open again. Which reason the bank gave is not told: it often hides the true one."""
    return replace(card, sentences=(say(pay_words.DEBIT_RETURNED), *card.sentences)) if card.is_owed else card


def _line(stated: StatementLine) -> Line | None:
    if stated.kind not in _WORDS or (stated.amount_minor == 0 and stated.kind != "payment"):
        return None
    return Line(say(_WORDS[stated.kind], day=day(stated.day)), stated.amount_minor, _note(stated))


def _note(stated: StatementLine) -> str:
    if stated.kind == "interest":
        return say(pay_words.INTEREST_NOTE)
    return say(pay_words.FEE_NOTE) if stated.kind == "fee" else ""


_WORDS = {
    "opening": pay_words.mark("Price of your order"),
    "payment": pay_words.mark("Your payment of %(day)s"),
    "credit": pay_words.mark("Credit of %(day)s"),
    "fee": pay_words.mark("Cost of the letter of %(day)s"),
    "lump_sum": pay_words.mark("Lump sum for late payment of companies, %(day)s"),
    "interest": pay_words.mark("Interest for late payment until %(day)s"),
    "refund": pay_words.mark("Paid back to you on %(day)s"),
    "write_off": pay_words.mark("Given up by the shop on %(day)s"),
}
