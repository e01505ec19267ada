"""The dunning policy of a shop, compiled: for whom which steps, how soon, by which way, at what price (pure).

A policy is a list of tracks. The first track whose segment holds for a claim is followed; its steps come one after the
other. `dunning_schema` reads the document, `dunning_lint` says what is unlawful or unwise in it, `dunning_defaults`
holds what a shop starts with.
"""

from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

KINDS = ("reminder", "dunning", "final", "call", "callback")
DEMANDS = ("dunning", "final")
"""Kinds that demand payment: a reminder is friendly and creates no default."""
LETTERS = ("reminder", "dunning", "final")
CHANNELS = ("email", "post", "callback", "call")
TONES = ("friendly", "neutral", "firm")
OFFERS = ("instalments", "deferral")
DEBTORS = ("any", "consumer", "business")
BUYERS = ("any", "new", "regular")


class Debt(Protocol):
    """What a segment is asked about; `facts.ClaimFacts` is one."""

    @property
    def country(self) -> str: ...
    @property
    def debtor(self) -> str: ...
    @property
    def currency(self) -> str: ...
    @property
    def principal_minor(self) -> int: ...


@dataclass(frozen=True, slots=True)
class PolicyStep:
    """One step of a track."""

    key: str
    kind: str
    delay_days: int
    """From the day the last letter really left; of the first step from the last day to pay."""
    channel: str = "email"
    fallback: str | None = "post"
    """Taken when there is no address for the channel, or when it bounced."""
    fee_minor: int = 0
    fee_proof: str = ""
    """Where the merchant has shown what paper, envelope and postage cost; nothing above zero without it."""
    interest: bool = False
    lump_sum: bool = False
    tone: str = "neutral"
    offers: frozenset[str] = frozenset()
    deadline_days: int = 10
    minimum_minor: int = 0
    bureau_notice: bool = False
    handover_notice: bool = False

    @property
    def demands(self) -> bool:
        return self.kind in DEMANDS


@dataclass(frozen=True, slots=True)
class Segment:
    """Whose claims a track is for; empty `countries` are all of them."""

    countries: frozenset[str] = frozenset()
    debtor: str = "any"
    buyers: str = "any"
    currency: str = ""
    min_minor: int | None = None
    max_minor: int | None = None

    def holds(self, debt: Debt, *, regular: bool) -> bool:
        return (
            (not self.countries or debt.country in self.countries)
            and self.debtor in ("any", debt.debtor)
            and self.buyers in ("any", "regular" if regular else "new")
            and self.currency in ("", debt.currency)
            and (self.min_minor is None or debt.principal_minor >= self.min_minor)
            and (self.max_minor is None or debt.principal_minor <= self.max_minor)
        )


@dataclass(frozen=True, slots=True)
class Sending:
    """When letters leave, by the clock of the debtor's country, on working days of his Land. Monday is 0."""

    from_hour: int = 8
    until_hour: int = 18
    weekdays: frozenset[int] = frozenset(range(5))


@dataclass(frozen=True, slots=True)
class Track:
    """The steps for one segment, and what holds them up."""

    id: str
    segment: Segment
    steps: tuple[PolicyStep, ...]
    sending: Sending = field(default_factory=Sending)
    minimum_minor: int = 500
    """Below it nothing is sent: a letter would cost more than it is worth."""
    undo_hours: int = 4
    """How long a drafted letter can be taken back before it leaves, on the same day."""
    bank_lag_days: int = 2
    """Working days a payment needs to be seen: so long after a deadline nobody is dunned."""
    resume_days: int = 3
    """Days between the end of a hold and the next step: a promise broken on Friday is no letter on Saturday."""
    delivered_required: bool = True
    probable_payment_brake: bool = True
    stale_bank_days: int | None = None
    """Nothing is sent while the newest bank data is older than that; None where no bank data comes in."""


@dataclass(frozen=True, slots=True)
class DunningPolicy:
    """A version; number 0 is the shipped default."""

    version: int
    tracks: tuple[Track, ...]
    id: UUID | None = None

    def track_for(self, debt: Debt, *, regular: bool) -> Track | None:
        """The first track whose segment holds, or None: then nothing is sent to this debtor."""
        return next((track for track in self.tracks if track.segment.holds(debt, regular=regular)), None)
