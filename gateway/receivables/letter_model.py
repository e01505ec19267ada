"""What a letter says, as data: who writes to whom about which claims, what is demanded until when, and every way out.

Nothing here is markup or language. `letter_text` puts it into words, `letter_check` says whether it may leave.
"""

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from gateway.receivables.figures import LetterFigures


class Kind(StrEnum):
    """What a letter is for."""

    REMINDER = "reminder"
    DUNNING = "dunning"
    FINAL = "final"
    """The last one before the claim is handed over."""
    PLAN = "plan"
    PLAN_LAPSED = "plan_lapsed"
    DEFERRAL = "deferral"
    RECEIPT = "receipt"
    """Of a payment."""
    PAYMENT_NOT_FOUND = "payment_not_found"
    """To a debtor who has shown a proof of payment."""
    OBJECTION_RECEIVED = "objection_received"
    OBJECTION_ANSWER = "objection_answer"
    REVERSAL = "reversal"
    """What an earlier letter demanded is taken back."""

    @property
    def demands(self) -> bool:
        """Whether it asks for money until a day."""
        return self in _DEMANDS


_DEMANDS = frozenset({Kind.REMINDER, Kind.DUNNING, Kind.FINAL, Kind.PLAN_LAPSED})


class Language(StrEnum):
    """Of a letter; what it is not written in is written in English."""

    DE = "de"
    EN = "en"
    FR = "fr"
    IT = "it"


class Tone(StrEnum):
    """Somebody who has paid before is spoken to as such."""

    NEW = "new"
    REGULAR = "regular"


class Channel(StrEnum):
    """How a letter reaches the debtor."""

    EMAIL = "email"
    POST = "post"
    CALLBACK = "callback"
    """The shop tells him; it is called back."""
    CALL = "call"
    """Somebody of the merchant calls him; the letter is what he says."""


class Outcome(StrEnum):
    """Of an objection."""

    ACCEPTED = "accepted"
    PARTLY = "partly"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Place:
    """A postal address in the parts that banks and postmen want."""

    street: str
    postcode: str
    city: str
    country: str
    house_number: str = ""
    line2: str = ""

    @property
    def street_line(self) -> str:
        return f"{self.street} {self.house_number}".strip()


@dataclass(frozen=True, slots=True)
class Account:
    """Where the money goes. The holder is the exact name the bank knows (name check of transfers)."""

    holder: str
    iban: str
    bic: str = ""
    qr_iban: str = ""


@dataclass(frozen=True, slots=True)
class Sender:
    """The merchant as the law wants him named."""

    legal_name: str
    place: Place
    account: Account
    register: str = ""
    """`Amtsgericht Hamburg HRB 1234`; empty for somebody who stands in none."""
    vat_id: str = ""
    email: str = ""
    phone: str = ""
    website: str = ""
    swiss_account: Account | None = None
    """For CHF, where it is another one."""


@dataclass(frozen=True, slots=True)
class Recipient:
    """The debtor. Personal: held in memory only while a letter is made."""

    name: str = field(repr=False)
    place: Place | None = field(repr=False)
    country: str
    consumer: bool = True
    company: str = field(default="", repr=False)
    email: str = field(default="", repr=False)
    customer_number: str = ""
    language: str = ""


@dataclass(frozen=True, slots=True)
class ClaimLine:
    """One claim with what only the order knows."""

    figures: LetterFigures
    goods: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Offer:
    """Instalments without any cost: so many at most, none below the least amount."""

    most_instalments: int
    least_minor: int


@dataclass(frozen=True, slots=True)
class Instalment:
    """One part of an agreed plan."""

    due_date: date
    amount_minor: int


@dataclass(frozen=True, slots=True)
class BureauNotice:
    """That a bureau may be told. Lawful only with its conditions and with the sentence that disputing stops it."""

    name: str
    says_conditions: bool
    says_disputing_stops: bool


@dataclass(frozen=True, slots=True)
class HandoverNotice:
    """That the claim will be given to others: named, or as `a collection agency or a lawyer`."""

    partner: str = ""
    expected_costs_minor: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """To an objection, in the merchant's own words."""

    outcome: Outcome
    words: str


@dataclass(frozen=True, slots=True)
class LetterModel:
    """One letter. Fields that a kind does not use are empty."""

    kind: Kind
    language: Language
    tone: Tone
    channel: Channel
    sender: Sender
    recipient: Recipient
    claims: tuple[ClaimLine, ...]
    number: str
    """Our reference of the letter: `ltr_…`"""
    dated: date
    total_minor: int
    """What is demanded, as it was drafted; the figures must add up to it."""
    deadline: date | None = None
    reference: str = ""
    """What the payment is recognised by."""
    link: str = ""
    """The debtor's own page: pay, pay in parts, object."""
    shop_name: str = ""
    offer: Offer | None = None
    bureau: BureauNotice | None = None
    handover: HandoverNotice | None = None
    instalments: tuple[Instalment, ...] = ()
    answer: Answer | None = None
    received_minor: int = 0
    """Of a receipt: what was paid."""
    received_on: date | None = None

    @property
    def currency(self) -> str:
        return self.claims[0].figures.currency

    @property
    def account(self) -> Account:
        """The one for this currency."""
        swiss = self.sender.swiss_account
        return swiss if swiss is not None and self.currency == "CHF" else self.sender.account

    @property
    def creates_default(self) -> bool:
        """Whether the debtor is in default only through this letter, for one claim at least."""
        return self.kind is Kind.DUNNING and any(line.figures.default is None for line in self.claims)
